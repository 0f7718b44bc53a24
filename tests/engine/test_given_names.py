"""What a user names reaches a command as it is: nothing expands, splits or runs it."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from sluice import cli
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
# command: its arguments, and what of them its main function gets
COMMANDS = {
    "score": (["--out={}", "--", "{}"], [Path("{}"), Path("{}")]),
    "monitor": (["--labels={}", "--window={}", "--", "{}"], ["{}", Path("{}"), "{}", 0]),
    "retrain": (["--labels={}", "--", "{}", "{}"], [["{}", "{}"], ["{}"]]),
    "promote": (["--why={}", "--accept={}", "--", "{}"], ["{}", "{}", None, ["{}"]]),
    "rollback": (["--why={}", "--", "{}"], ["{}", "{}"]),
    "compare": (["--", "{}"], ["{}"]),
}


@pytest.fixture
def called(monkeypatch) -> list:
    """The arguments with which the command line calls the main function of a module."""
    calls: list = []
    monkeypatch.setattr(cli, "_call", lambda module, *given: calls.extend(given))
    return calls


def filled(form, name):
    """Return `form` with `name` in place of each {}."""
    if isinstance(form, list):
        return [filled(one, name) for one in form]
    if isinstance(form, str | Path):
        return type(form)(str(form).replace("{}", name))
    return form


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", NAMES)
def test_name_reaches_the_command_as_it_is(called, command, name):
    arguments, wanted = COMMANDS[command]
    result = CliRunner().invoke(cli.sluice, [command, *filled(arguments, name)])
    assert result.exit_code == 0, result.output
    assert called == filled(wanted, name)


def test_the_makefile_hands_no_text_of_a_user_to_a_shell():
    variables = re.findall(r"\$[({](\w+)", (PROJECT / "Makefile").read_text(encoding="utf-8"))
    own = {"UV", "RUN", "PYTEST", "PYTHON"}
    assert {name for name in variables if name.isupper()} <= own


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
