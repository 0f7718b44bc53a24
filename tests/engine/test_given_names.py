"""What a user names reaches a command as it is: neither make nor a shell expands, splits or runs
it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.core.command import UserError
from sluice.monitoring.live import lines, live_files
from tests.pipeline_run import PROJECT

NAMES = [
    "zz;touch x;.csv",
    "$(touch x).csv",
    "$(shell touch x).csv",
    "${shell touch x}.csv",
    "`touch x`.csv",
    "my batch (1).csv",
    'it\'s "said".csv',
    "-rf.csv",
    "100 % $HOME $$ %.csv",
    "a|touch x&touch x>x.csv",
    "back\\slash \\$(touch x).csv",
    "two\nlines.csv",
    "* ? [a-z] {b,c} ~.csv",
    "# no comment.csv",
    "two  spaces .csv ",
]
# target: the variables that it takes, and what of a command's arguments they come to
TARGETS = {
    "score": ({"FILE": "{}", "OUT": "{}"}, ["--out={}", "--", "{}"]),
    "monitor": (
        {"BATCH": "{}", "LABELS": "{}", "WINDOW": "{}", "SAMPLE": "{}"},
        ["--labels={}", "--window={}", "--sample={}", "--", "{}"],
    ),
    "retrain": ({"FILES": "{}", "LABELS": "{}"}, ["--labels={}", "--", "{}"]),
    "promote": ({"VERSION": "{}", "WHY": "{}"}, ["--why={}", "--", "{}"]),
    "rollback": ({"VERSION": "{}", "WHY": "{}"}, ["--why={}", "--", "{}"]),
    "compare": ({"REV": "{}"}, ["--", "{}"]),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with the Makefile and, in the place of uv, a command that notes its arguments."""
    if not shutil.which("make"):
        pytest.skip("there is no make")
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(PROJECT / "Makefile", folder)
    (folder / "uv").write_text(
        f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open('asked.json', 'w'))\n",
        encoding="utf-8",
    )
    (folder / "uv").chmod(0o755)
    return folder


def asked(made: Path, target: str, *given: str, **environment: str) -> list[str]:
    """Return what a target asks of `python -m stages.<target>`, and see that no name was run."""
    command = ["make", "--silent", "--old-file=env", f"UV={made / 'uv'}", target, *given]
    subprocess.run(
        command,
        cwd=made,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=True,
        capture_output=True,
    )
    assert sorted(path.name for path in made.iterdir()) == ["Makefile", "asked.json", "uv"]
    words = json.loads((made / "asked.json").read_text(encoding="utf-8"))
    assert words[:5] == ["run", "--no-sync", "python", "-m", f"stages.{target}"]
    return words[5:]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_name_reaches_the_command_as_it_is(made, target, name):
    variables, arguments = TARGETS[target]
    wanted = [argument.replace("{}", name) for argument in arguments]
    assert asked(made, target, *(f"{variable}={name}" for variable in variables)) == wanted
    assert asked(made, target, **dict.fromkeys(variables, name)) == wanted  # as CI gives it


@pytest.mark.parametrize("target", ["score", "monitor", "retrain", "compare"])
def test_what_is_not_given_is_not_asked(made, target):
    assert asked(made, target) == ["--"]


@pytest.fixture
def live(tmp_path, monkeypatch) -> Path:
    """A folder data/live, empty, in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/live").mkdir(parents=True)
    return Path("data/live")


def test_without_a_name_all_of_data_live_comes_in_order_but_for_what_dvc_keeps(live):
    for name in (*NAMES, "a.csv.dvc", ".gitignore"):
        (live / name).touch()
    assert live_files([]) == sorted(live / name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_file_is_found_whatever_it_is_called(live, name):
    (live / name).touch()
    assert live_files([str(live / name)]) == [live / name]


def test_file_that_looks_like_a_pattern_is_that_file(live):
    for name in ("batch1.csv", "batch[1].csv"):
        (live / name).touch()
    assert live_files(["data/live/batch[1].csv"]) == [live / "batch[1].csv"]


def test_several_files_go_one_a_line_or_by_a_pattern(live):
    for name in ("a 1.csv", "b.csv", "c.csv"):
        (live / name).touch()
    assert live_files(["data/live/a 1.csv\ndata/live/b.csv\n"]) == [
        live / "a 1.csv",
        live / "b.csv",
    ]
    assert live_files(["data/live/[bc]*", "data/live/a 1.csv"]) == [
        live / "b.csv",
        live / "c.csv",
        live / "a 1.csv",
    ]
    assert lines(["-\nlabels.csv"]) == ["-", "labels.csv"]


@pytest.mark.parametrize("given", ["data/live/none.csv", "data/live/*", "a.csv b.csv", "x" * 5000])
def test_name_that_finds_no_file_is_refused(live, given):
    with pytest.raises(
        UserError,
        match=(
            "does not exist; name a file, or a pattern such as 'data/live/\\*'; several files go"
            " one a line"
        ),
    ):
        live_files([given])
