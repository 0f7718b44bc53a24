"""The template's answers: what each of them changes, and how wrong ones are refused, all at
once, before a file is written.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment, StrictUndefined
from test_template import ODD, ROOT, files, generate

PYTHON = (
    ROOT / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
)  # of the root, whose packages the project has too
EXAMPLE = {"data": "example", "target": "dead", "sensitive": "sex"}
GOOD = {"project": ODD, "remote": "none", "ci": "none", "target": "kind", "sensitive": "none"}


def rows(n: int, labels: str) -> list[list[str]]:
    """Return `n` rows whose number says, by its distance from 0, something of their label, one
    of the letters `labels`.
    """
    chance = random.Random(0)
    chosen = [labels[nth % len(labels)] for nth in range(n)]
    return [
        [
            chance.choice(["grün", "rot"]),
            f"{chance.choice([-2, 2]) * labels.index(label) + chance.gauss(0, 1):.3f}",
            label,
        ]
        for label in chosen
    ]


@pytest.fixture(scope="module")
def german(tmp_path_factory) -> Path:
    """A table as a German spreadsheet writes it."""
    path = tmp_path_factory.mktemp("german") / "Größen 2024.csv"
    lines = [
        "Farbe;Größe;Art",
        *(
            ";".join([colour, size.replace(".", ","), kind])
            for colour, size, kind in rows(600, "ab")
        ),
    ]
    path.write_bytes("\r\n".join([*lines, ""]).encode("latin-1"))
    return path


@pytest.fixture(scope="module")
def numbered(tmp_path_factory) -> Path:
    """A table with three classes named by numbers, missing values, a date and a sensitive
    column.
    """
    path = tmp_path_factory.mktemp("numbered") / "toys.csv"
    lines = [
        f"{colour},{size if nth % 9 else 'NA'},{kind},2024-01-{nth % 28 + 1:02d}"
        for nth, (colour, size, kind) in enumerate(rows(3000, "123"))
    ]
    path.write_text("\n".join(["colour,size,kind,day", *lines, ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def own(german, tmp_path_factory) -> Path:
    """A project of the German table, in git."""
    folder = tmp_path_factory.mktemp("own")
    made = generate(ROOT, folder, project=ODD, data=str(german), target="Größe", ci="none")
    git(made, "init", "--quiet")
    return made


def git(folder: Path, *arguments: str) -> str:
    settings = ("user.name=t", "user.email=t@t", "init.defaultBranch=main")
    command = ["git", *(part for one in settings for part in ("-c", one)), *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def run(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Call a command of the root's environment in `folder`."""
    environment = {**os.environ, "PATH": os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]])}
    return subprocess.run(
        [PYTHON, "-m", *map(str, command)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def rendered(name: str, **answers: str) -> str:
    """Return a file of the template as it is rendered, without generating the project."""
    text = (ROOT / "{{cookiecutter.project}}" / name).read_text(encoding="utf-8")
    return (
        Environment(undefined=StrictUndefined)
        .from_string(text)
        .render(cookiecutter={"_template": str(ROOT), **GOOD, **EXAMPLE, **answers})
    )


def refusal(folder: Path, **answers: str) -> str:
    """Return what the hook says of answers, run by a Python without any package."""
    folder.mkdir(exist_ok=True)
    text = (ROOT / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    given = json.dumps(GOOD | {"_repo_dir": str(ROOT)} | answers)
    script = folder.parent / "hook.py"
    script.write_text(
        text.replace("{{cookiecutter | tojson | tojson}}", repr(given)), encoding="utf-8"
    )
    ended = subprocess.run(
        [sys.executable, "-IS", script], cwd=folder, capture_output=True, encoding="utf-8"
    )
    assert ended.returncode == bool(ended.stderr)
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_the_hooks_are_short():
    lines = [
        line
        for path in sorted((ROOT / "hooks").iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) < 150


def test_own_data_are_taken_in_as_they_are(own, german):
    made = files(own)
    assert made["data/raw/Größen 2024.csv"] == german.read_bytes()
    assert "data/sources.yaml" not in made


def test_what_makes_a_target_impossible_is_said_by_the_first_command(own):
    for command in ("repro", "scope"):
        result = run(own, "sluice", command)
        assert result.returncode == 1
        assert "params.yaml: data.target is 'Größe', which is continuous" in result.stdout
    assert not (own / "data/sources.yaml").exists()


def test_the_first_command_writes_how_the_file_is_written(own):
    params = own / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("target: 'Größe'", "target: 'Art'"), encoding="utf-8")
    result = run(own, "sluice", "repro")
    assert "data/sources.yaml is written: 3 columns separated by semicolons" in result.stdout
    assert (result.returncode, result.stdout.count("run `make scope` first")) == (1, 1)
    [source] = yaml.safe_load((own / "data/sources.yaml").read_text("utf-8"))["sources"].values()
    assert source["path"] == "data/raw/Größen 2024.csv"
    assert (source["delimiter"], source["encoding"], source["decimal"]) == (";", "latin-1", ",")
    assert source["columns"] == {"Farbe": "text", "Größe": "number", "Art": "text"}


def test_own_data_bring_nothing_of_the_example(own):
    made = files(own)
    suites = {name for name in made if name.startswith("expectations/")}
    of_any_data = (
        "challenger",
        "challengers",
        "compared",
        "drift",
        "model_age",
        "performance",
        "windows",
    )
    assert suites <= {f"expectations/{name}.json" for name in of_any_data}
    assert "data/README.md" not in made
    assert not [name for name in made if name.startswith("data/live")]
    for name in ("README.md", "params.yaml", "pyproject.toml", "stages/features.py"):
        assert not re.search(
            r"crash|\bdead\b|\bdies?\b|caseid",
            made[name].decode("utf-8"),
            flags=re.IGNORECASE,
        ), name
    empty = [path for path in own.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert not [path for path in empty if ".git" not in path.parts]


def test_params_follow_from_the_answers():
    params = yaml.safe_load(rendered("params.yaml", data="a.csv", target="Art", sensitive="none"))
    assert params["data"] == {
        "target": "Art",
        "time": None,
        "cluster": [],
        "sensitive": [],
        "no_sensitive": "none was the answer when the project was generated: no column holds a trait of persons",
        "allowed": {},
        "cut_points": {},
        "favourable": None,
        "forbidden": {},
    }
    text = rendered("params.yaml", data="a.csv", target="kind", sensitive=" colour,")
    params = yaml.safe_load(text)
    data = params["data"]
    assert (data["target"], data["sensitive"], data["no_sensitive"]) == ("kind", ["colour"], None)
    assert params["prepare"]["split"] == {
        "by": "random",
        "test_from": None,
        "keep_clusters_whole": True,
        "test_size": 0.2,
    }


@pytest.mark.parametrize("column", ["yes", "it's", 'say "x"', "a: b", "#1", "größe", "null", "{a}"])
def test_any_name_of_a_target_arrives_in_params(tmp_path, column):
    quoted = column.replace('"', '""')
    (tmp_path / "toys.csv").write_text(f'size,"{quoted}"\n1,a\n2,b\n', encoding="utf-8")
    assert refusal(tmp_path / "x", data=str(tmp_path / "toys.csv"), target=column) == ""
    text = rendered("params.yaml", data="toys.csv", target=column)
    assert yaml.safe_load(text)["data"]["target"] == column


@pytest.mark.slow
def test_own_data_go_through_the_pipeline_lint_and_tests(german, numbered, tmp_path):
    for data, target, sensitive, classes in (
        (german, "Art", "none", {"a", "b"}),
        (numbered, "kind", "colour", {"1", "2", "3"}),
    ):
        folder = generate(
            ROOT, tmp_path / target, project=ODD, data=str(data), target=target, sensitive=sensitive
        )
        git(folder, "init", "--quiet")
        scoped = run(folder, "sluice", "scope")
        assert scoped.returncode == 0, scoped.stdout
        result = run(folder, "dvc", "repro")
        assert result.returncode == 0, result.stdout
        metrics = json.loads((folder / "reports/metrics.json").read_text(encoding="utf-8"))
        assert metrics["classes"].keys() == classes
        assert metrics["balanced_accuracy"] > 1 / len(classes) + 0.1
    for command in (
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["pytest", "-n", "2", "-m", "not slow"],
    ):
        checked = run(folder, *command)
        assert checked.returncode == 0, checked.stdout[-5000:]


def test_data_may_be_given_from_where_one_stands(german, tmp_path, monkeypatch):
    (tmp_path / "my").mkdir()
    shutil.copy(german, tmp_path / "my" / "toys.csv")
    monkeypatch.setenv("PWD", str(tmp_path))
    assert refusal(tmp_path / "x", data="my/toys.csv", target="Art") == ""
    assert "there is no such file" in refusal(tmp_path / "x", data="toys.csv", target="Art")


def test_a_file_too_large_for_git_comes_by_a_command_that_is_named(tmp_path, capfd):
    with (tmp_path / "my toys.csv").open("w") as file:
        file.write("colour,size,kind\n")
        file.writelines(f"red,{nth:.3f},{'ab'[nth % 2]}\n" * 20 for nth in range(200_000))
    data = str(tmp_path / "my toys.csv")
    folder = generate(ROOT, tmp_path / "made", project=ODD, data=data, target="kind")
    assert list((folder / "data/raw").iterdir()) == []
    [command] = re.findall(r"^    uv run (dvc add .*)$", capfd.readouterr().out, flags=re.MULTILINE)
    assert command == f"dvc add --out 'data/raw/my toys.csv' '{data}'"


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("local", f"../../{ODD}-storage"),
        ("s3", f"s3://{ODD}/dvc"),
        ("gs", f"gs://{ODD}/dvc"),
        ("azure", f"azure://{ODD}/dvc"),
        ("ssh", f"ssh://example.com/srv/dvc/{ODD}"),
    ],
)
def test_remote_is_configured_with_what_it_needs_and_no_credentials(remote, url):
    config = rendered(".dvc/config", remote=remote)
    assert f"url = {url}\n" in config
    assert "    remote = storage\n" in config
    [groups] = re.findall(
        r"^default-groups = (.*)$", rendered("pyproject.toml", remote=remote), flags=re.MULTILINE
    )
    assert groups == ('["dev"]' if remote == "local" else f'["dev", "{remote}"]')
    assert "dvc push" in rendered("README.md", remote=remote)


def test_without_a_remote_nothing_is_said_of_one():
    assert "remote" not in rendered(".dvc/config")
    assert "dvc push" not in rendered("README.md")


@pytest.mark.slow
def test_local_remote_works_right_away(tmp_path):
    folder = generate(ROOT, tmp_path, project=ODD, remote="local")
    git(folder, "init", "--quiet")
    for command in (("dvc", "add", "data/raw/crashes_1997_2001.csv.gz"), ("dvc", "push")):
        result = run(folder, *command)
        assert result.returncode == 0, result.stdout
    assert [path for path in (tmp_path / f"{ODD}-storage").rglob("*") if path.is_file()]


NAME = "must be lower-case letters, digits and single hyphens, such as crash-deaths"
NEEDED = "the name of a package or folder that the project needs; take another"
MALFORMED = ["Crash", "crash deaths", "crash_deaths", "-crash", "crash-", "7crash", "a/b", ""]
MALFORMED += ['cr"ash', "cr'ash", "a\\b", "../crash", "a/\x1b[31m", "a" * 101]
TAKEN = ["pandas", "botocore", "pyyaml", "dvc", "sluice", "stages", "tests", "data"]
WRONG = [
    *(({"project": name}, f"project is {name[:100]!r}, {NAME}") for name in MALFORMED),
    *(({"project": name}, f"project is {name!r}, {NEEDED}") for name in TAKEN),
    (
        {"data": "nowhere.csv"},
        "data is 'nowhere.csv', must be 'example' or the path of a CSV or Parquet file: there is no such file",
    ),
    ({"data": "/"}, "the path of a CSV or Parquet file: this is a folder"),
    ({"target": ""}, "target is empty, must be the column to predict: colour, size, kind, day"),
    (
        {"target": "knd"},
        "target is 'knd', no column of the file; it has colour, size, kind, day; did you mean kind?",
    ),
    (
        {"sensitive": "colour, sex"},
        "sensitive is 'sex', no column of the file; it has colour, size, kind, day",
    ),
    ({"sensitive": "kind"}, "sensitive names the target 'kind'; give each column one role"),
    ({"remote": "S3"}, "remote is 'S3', must be one of none, local, s3, gs, azure, ssh"),
    ({"ci": "jenkins"}, "ci is 'jenkins', must be one of github, gitlab, none"),
    (
        {"data": "example", "target": "kind", "sensitive": "sex"},
        "target is 'kind', must be 'dead' for the example",
    ),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_wrong_answer_is_refused_in_a_sentence(numbered, tmp_path, wrong, said):
    sentence, *end = refusal(tmp_path / "x", **{"data": str(numbered)} | wrong).splitlines()
    assert said in sentence
    assert end == ["", "Nothing was written; cookiecutter stops:"]


def test_good_answers_are_not_refused(numbered, tmp_path):
    assert refusal(tmp_path / "x", data=str(numbered), sensitive="colour,day") == ""
    assert refusal(tmp_path / "x", project="a" * 100, **EXAMPLE) == ""


def test_all_wrong_answers_are_refused_at_once_and_nothing_is_left(numbered, tmp_path, capfd):
    wrong = {"project": "X", "target": "knd", "sensitive": "size, sex", "remote": "ftp", "ci": "x"}
    with pytest.raises(FailedHookException):
        generate(ROOT, tmp_path, data=str(numbered), **wrong)
    assert {path.name for path in tmp_path.iterdir()} <= {"cookiecutter.yaml", "replay", "clones"}
    said = [line.split(",")[0] for line in capfd.readouterr().err.splitlines()]
    named = ["project is 'X'", "target is 'knd'", "sensitive is 'sex'", "remote is 'ftp'"]
    assert said[:5] == [*named, "ci is 'x'"]


@pytest.mark.parametrize("name", ["a/b", "../crash"])
def test_name_that_lies_elsewhere_writes_no_file_there(tmp_path, name):
    with pytest.raises(FailedHookException):
        generate(ROOT, tmp_path / "x", project=name)
    written = {path.parent.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {"x", "replay"}  # settings of these tests, and what cookiecutter was asked
    assert not (tmp_path / "crash").exists()


def packed(text: str, ending: str, encoding: str = "utf-8") -> bytes:
    content = text.encode(encoding)
    if ending == ".zip":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("toys.csv", content)
        return archive.getvalue()
    packs = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return packs.get(ending, bytes)(content)


@pytest.mark.parametrize(
    ("ending", "encoding"),
    [(ending, "utf-8") for ending in (".gz", ".BZ2", ".xz", ".zip", "")]
    + [("", encoding) for encoding in ("utf-8-sig", "utf-16", "latin-1")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_header_is_read_however_the_file_is_written(tmp_path, ending, encoding, delimiter):
    header = delimiter.join(["size", '"kind, of\na; größe"', " day"])
    text = f"{header}\r\n1{delimiter}a{delimiter}b\r\n"
    path = tmp_path / f"toys.csv{ending}"
    path.write_bytes(packed(text, ending.lower(), encoding))
    assert refusal(tmp_path / "x", data=str(path), target="kind, of a; größe") == ""
    said = refusal(tmp_path / "x", data=str(path), target="größe", sensitive="day")
    assert "target is 'größe', no column of the file; it has size, kind, of a; größe, day" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("toys.csv", b""),
        ("toys.csv", b"\x00\x01"),
        ("toys.csv.gz", b"a,b\n1,2\n"),
        ("toys.csv.xz", b"a,b\n1,2\n"),
        ("toys.zip", b"PK"),
        ("toys.zip", b"PK\x05\x06" + b"\0" * 18),
        ("toys.xlsx", b"PK\x03\x04\x00"),
        ("toys.parquet", b"PAR1\x15\x04"),
    ],
)
def test_what_the_header_does_not_tell_is_left_to_the_first_command(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / "x", data=str(tmp_path / name)) == ""
    said = refusal(tmp_path / "x", data=str(tmp_path / name), target="")
    assert "target is empty, must be the column to predict: its header names them" in said


def test_a_header_of_cruft_s_own_run_is_not_looked_at(tmp_path, monkeypatch):
    """Its folder is a temporary one, in which neither data nor a reader are there."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "tmpab12cd_e").mkdir()
    text = (ROOT / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    given = repr(json.dumps(GOOD | {"data": "nowhere.csv"}))
    (tmp_path / "hook.py").write_text(text.replace("{{cookiecutter | tojson | tojson}}", given))
    for folder, code in (("tmpab12cd_e/x", 0), ("x", 1)):
        (tmp_path / folder).mkdir()
        ended = subprocess.run([sys.executable, tmp_path / "hook.py"], cwd=tmp_path / folder)
        assert ended.returncode == code


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="CPU time of children is counted on POSIX")
def test_generating_takes_under_a_second_of_cpu(tmp_path):
    with (tmp_path / "toys.csv").open("w") as file:
        file.write("colour,size,kind\n")
        file.writelines(f"red,{nth:.3f},{'ab'[nth % 2]}\n" for nth in range(400_000))
    before = os.times()
    answers = [f"project={ODD}", f"data={tmp_path / 'toys.csv'}", "target=kind"]
    subprocess.run(
        [Path(sys.executable).parent / "cookiecutter", "--no-input", ROOT, *answers],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    after = os.times()
    user = after.children_user - before.children_user
    assert user + after.children_system - before.children_system < 1
