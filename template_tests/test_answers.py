"""The template's answers: what each of them changes, and how wrong ones are refused, all at once, before a file is written."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException
from test_template import ODD, ROOT, files, generate

PYTHON = (
    ROOT / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
)  # of the root, whose packages the project has too


def rows(n: int, labels: str) -> list[list[str]]:
    """Return `n` rows whose number says, by its distance from 0, something of their label, one of the letters `labels`."""
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
    """A table with three classes named by numbers, missing values, a date and a sensitive column."""
    path = tmp_path_factory.mktemp("numbered") / "toys.csv"
    lines = [
        f"{colour},{size if nth % 9 else 'NA'},{kind},2024-01-{nth % 28 + 1:02d}"
        for nth, (colour, size, kind) in enumerate(rows(3000, "123"))
    ]
    path.write_text("\n".join(["colour,size,kind,day", *lines, ""]), encoding="utf-8")
    return path


def git(folder: Path, *arguments: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "-c",
        "init.defaultBranch=main",
        *arguments,
    ]
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


def yaml(folder: Path, name: str) -> dict:
    """Return a file of YAML, read in the root's environment: that of these tests has no reader."""
    code = f"import json, yaml; print(json.dumps(yaml.safe_load(open({name!r}, encoding='utf-8'))))"
    return json.loads(
        subprocess.run(
            [PYTHON, "-c", code], cwd=folder, check=True, capture_output=True, encoding="utf-8"
        ).stdout
    )


def test_own_data_are_described_as_they_are_written(german, tmp_path):
    folder = generate(ROOT, tmp_path, project=ODD, data=str(german), target="Art")
    [(name, source)] = yaml(folder, "data/sources.yaml")["sources"].items()
    assert (name, source["path"]) == ("gr_en_2024", "data/raw/Größen 2024.csv")
    assert (source["delimiter"], source["encoding"], source["decimal"]) == (";", "latin-1", ",")
    assert source["columns"] == {"Farbe": "text", "Größe": "number", "Art": "text"}
    assert (folder / source["path"]).read_bytes() == german.read_bytes()


def test_params_of_own_data_follow_from_the_answers(german, numbered, tmp_path):
    data = yaml(
        generate(ROOT, tmp_path / "a", project=ODD, data=str(german), target="Art"), "params.yaml"
    )["data"]
    assert data == {
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
    params = yaml(
        generate(
            ROOT,
            tmp_path / "b",
            project=ODD,
            data=str(numbered),
            target="kind",
            sensitive=" colour,",
        ),
        "params.yaml",
    )
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
    folder = generate(
        ROOT, tmp_path / "made", project=ODD, data=str(tmp_path / "toys.csv"), target=column
    )
    assert yaml(folder, "params.yaml")["data"]["target"] == column
    assert column in yaml(folder, "data/sources.yaml")["sources"]["toys"]["columns"]


def test_each_column_is_described_in_the_notation_of_its_own(tmp_path, capfd):
    rows = "".join(
        f'"{n},{n + 100}";"{n}.{n + 100},5";{"NA" if n % 3 else "-"};{"-" if n % 2 else n}\n'
        for n in range(100, 180)
    )
    (tmp_path / "toys.csv").write_text(
        'size;price;"kind\n(final)";weight\n831;12,5;EU;1\n' + rows, encoding="utf-8"
    )
    folder = generate(
        ROOT, tmp_path / "made", project=ODD, data=str(tmp_path / "toys.csv"), target="kind (final)"
    )
    source = yaml(folder, "data/sources.yaml")["sources"]["toys"]
    assert source["columns"] == {
        "size": "text",
        "price": "number",
        "kind (final)": "text",
        "weight": "integer",
    }
    assert source["number_formats"] == {"price": {"decimal": ",", "thousands": "."}}
    assert (source["missing"], source["missing_in"]) == (
        ["", "-"],
        {"size": [""], "kind (final)": [""]},
    )
    assert source["one_spelling"] == ["price", "weight"]
    said = capfd.readouterr().out
    assert "'size' holds numbers that can be read in two ways: 100,200 as 100.200 or 100200" in said
    assert "'kind (final)' has 'NA' in 54 rows, which is read as a class or group" in said


def test_own_data_bring_nothing_of_the_example(german, tmp_path):
    folder = generate(ROOT, tmp_path, project=ODD, data=str(german), target="Art")
    made = files(folder)
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
    assert [name for name in made if name.startswith("data/")] == [
        "data/raw/Größen 2024.csv",
        "data/sources.yaml",
    ]
    for name in ("README.md", "params.yaml", "pyproject.toml"):
        assert not re.search(
            r"crash|\bdead\b|\bdies?\b|caseid|sluice",
            made[name].decode("utf-8"),
            flags=re.IGNORECASE,
        ), name
    assert not [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_own_data_go_through_the_pipeline_lint_and_tests(german, numbered, tmp_path):
    for data, target, sensitive, classes in (
        (german, "Art", "none", {"a", "b"}),
        (numbered, "kind", "colour", {"1", "2", "3"}),
    ):
        folder = generate(
            ROOT, tmp_path / target, project=ODD, data=str(data), target=target, sensitive=sensitive
        )
        git(folder, "init", "--quiet")
        scoped = run(folder, "stages.scope")
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
        ["pytest", "tests/test_drills.py", "tests/test_pipeline.py"],
    ):
        checked = run(folder, *command)
        assert checked.returncode == 0, checked.stdout[-5000:]


def test_a_project_without_suites_is_sent_to_make_scope(german, tmp_path):
    folder = generate(ROOT, tmp_path, project=ODD, data=str(german), target="Art")
    result = run(folder, "stages.params")
    assert (result.returncode, result.stdout.count("run `make scope` first")) == (1, 1)


def test_data_may_be_given_from_where_one_stands(german, tmp_path, monkeypatch):
    (tmp_path / "my").mkdir()
    shutil.copy(german, tmp_path / "my" / "toys.csv")
    monkeypatch.setenv("PWD", str(tmp_path))
    assert (
        generate(ROOT, tmp_path / "elsewhere", project=ODD, data="my/toys.csv", target="Art")
        / "data/raw/toys.csv"
    ).is_file()


def test_parquet_is_left_to_the_project(tmp_path, capfd):
    code = "import pandas as pd; pd.DataFrame({'size': [1.5, 2.5], 'kind': [0.0, 1.0]}).to_parquet('toys.parquet')"
    subprocess.run([PYTHON, "-c", code], cwd=tmp_path, check=True)
    folder = generate(
        ROOT, tmp_path / "made", project=ODD, data=str(tmp_path / "toys.parquet"), target="kind"
    )
    assert "It is Parquet: `make scope` looks at its columns first" in capfd.readouterr().out
    assert not (folder / "data/sources.yaml").exists()
    result = run(folder, "stages.detect")
    assert result.returncode == 0, result.stdout
    assert yaml(folder, "data/sources.yaml")["sources"]["toys"]["columns"] == {
        "size": "number",
        "kind": "integer",
    }


def test_a_file_too_large_for_git_comes_by_a_command_that_is_named(tmp_path, capfd):
    with (tmp_path / "toys.csv").open("w") as file:
        file.write("colour,size,kind\n")
        file.writelines(f"red,{nth:.3f},{'ab'[nth % 2]}\n" * 20 for nth in range(200_000))
    folder = generate(
        ROOT, tmp_path / "made", project=ODD, data=str(tmp_path / "toys.csv"), target="kind"
    )
    assert list((folder / "data/raw").iterdir()) == []
    [command] = re.findall(r"^    uv run (dvc add .*)$", capfd.readouterr().out, flags=re.MULTILINE)
    git(folder, "init", "--quiet")
    result = run(folder, *command.split())
    assert result.returncode == 0, result.stdout
    source = yaml(folder, "data/sources.yaml")["sources"]["toys"]["path"]
    assert (folder / source).stat().st_size == (tmp_path / "toys.csv").stat().st_size
    git(folder, "add", "--all")
    assert source not in git(folder, "ls-files").splitlines()
    assert f"{source}.dvc" in git(folder, "ls-files").splitlines()


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
def test_remote_is_configured_with_what_it_needs_and_no_credentials(tmp_path, capfd, remote, url):
    folder = generate(ROOT, tmp_path, project=ODD, remote=remote)
    config = (folder / ".dvc/config").read_text(encoding="utf-8")
    assert f"url = {url}\n" in config
    assert run(folder, "dvc", "config", "core.remote").stdout == "storage\n"
    groups = re.search(
        r"^default-groups = (.*)$",
        (folder / "pyproject.toml").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )[1]
    assert groups == ('["dev"]' if remote == "local" else f'["dev", "{remote}"]')
    assert ("in the line `url` of .dvc/config" in capfd.readouterr().out) == (remote != "local")
    assert "dvc push" in (folder / "README.md").read_text(encoding="utf-8")


def test_without_a_remote_nothing_is_said_of_one(tmp_path):
    folder = generate(ROOT, tmp_path, project=ODD)
    assert run(folder, "dvc", "remote", "list").stdout == ""
    assert "dvc push" not in (folder / "README.md").read_text(encoding="utf-8")


def test_local_remote_works_right_away(tmp_path):
    folder = generate(ROOT, tmp_path, project=ODD, remote="local")
    git(folder, "init", "--quiet")
    for command in (("dvc", "add", "data/raw/crashes_1997_2001.csv.gz"), ("dvc", "push")):
        result = run(folder, *command)
        assert result.returncode == 0, result.stdout
    assert [path for path in (tmp_path / f"{ODD}-storage").rglob("*") if path.is_file()]


WRONG = [
    ({"project": "My project"}, "project is 'My project', must be lower-case letters"),
    ({"project": "pandas"}, "project is 'pandas', the name of a package"),
    ({"project": "botocore"}, "project is 'botocore', the name of a package"),
    (
        {"data": "nowhere.csv"},
        "data is 'nowhere.csv', must be 'example' or the path of a CSV or Parquet file: there is no such file",
    ),
    ({"target": ""}, "target is empty, must be the column to predict: colour, size, kind, day"),
    (
        {"target": "knd"},
        "target is 'knd', no column of the file; it has colour, size, kind, day; did you mean kind?",
    ),
    ({"target": "size"}, "target is 'size', which is continuous (numbers such as "),
    ({"target": "day"}, "target is 'day', which is continuous (dates such as "),
    (
        {"sensitive": "sex"},
        "sensitive is 'sex', no column of the file; it has colour, size, kind, day",
    ),
    (
        {"sensitive": "size"},
        "sensitive is 'size', a number; groups need a text, integer or boolean",
    ),
    ({"sensitive": "kind"}, "sensitive names the target 'kind'; give each column one role"),
    (
        {"remote": "S3"},
        "remote is 'S3', must be one of none, local, s3, gs, azure, ssh; did you mean s3?",
    ),
    ({"ci": "jenkins"}, "ci is 'jenkins', must be one of github, gitlab, none"),
    (
        {"data": "example", "target": "kind"},
        "target is 'kind', but the example has 'dead' there; leave it out, or give a file of your own",
    ),
]


def refused(folder: Path, capfd, **answers: str) -> str:
    """Return what is said of wrong answers, after which no project is there."""
    with pytest.raises(FailedHookException):
        generate(ROOT, folder, **answers)
    assert {path.name for path in folder.iterdir()} <= {"cookiecutter.yaml", "replay", "clones"}
    return capfd.readouterr().err


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_wrong_answer_is_refused_in_a_sentence(numbered, tmp_path, capfd, wrong, said):
    good = {"project": ODD, "data": str(numbered), "target": "kind"}
    error = refused(tmp_path / "made", capfd, **good | wrong)
    assert said in error
    assert "Traceback" not in error.split(said)[0]


def test_all_wrong_answers_are_refused_at_once(numbered, tmp_path, capfd):
    error = refused(
        tmp_path / "made",
        capfd,
        project="X",
        data=str(numbered),
        target="knd",
        sensitive="size, sex",
        remote="ftp",
        ci="x",
    )
    for name in (
        "project is 'X'",
        "target is 'knd'",
        "sensitive is 'size'",
        "sensitive is 'sex'",
        "remote is 'ftp'",
        "ci is 'x'",
    ):
        assert name in error


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("toys.csv", b"", "is empty"),
        ("toys.csv", b"\x00\x01", "NUL bytes"),
        ("toys.csv", b"a,a\n1,2\n", "two columns are named 'a'"),
        (
            "toys.csv",
            b"tags,Tags\n1,2\n",
            "two columns are named 'Tags', upper and lower case aside",
        ),
        (
            "toys.csv",
            b"tags,visits\x0b(per month)\na,2\nb,3\n",
            "holds a line break or another control character; write it on one line",
        ),
        (
            "toys.csv",
            b"tags,__stage_row_id\na,2\nb,3\n",
            "names that begin with __stage_ are for columns that the stages add",
        ),
        (
            "toys.csv",
            b"tags," + b",".join(b"x%d" % nth for nth in range(100_000)) + b"\na" + b",1" * 100_000,
            "there are 100,001 columns",
        ),
        ("toys.csv.gz", b"a,b\n1,2\n", "broken gzip file"),
        ("toys.zip", b"PK", "broken zip file"),
        ("toys.xlsx", b"PK\x03\x04\x00", "NUL bytes"),
        ("toys.parquet", b"a,b\n", "is no Parquet file"),
        ("toys.csv", b"tags,b\n\"['x', 'y']\",1\n\"['x']\",2\n", "which holds lists such as"),
    ],
)
def test_file_that_is_no_table_is_refused(tmp_path, capfd, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert said in refused(
        tmp_path / "made", capfd, project=ODD, data=str(tmp_path / name), target="tags"
    )


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="CPU time of children is counted on POSIX")
def test_generating_takes_under_two_seconds_of_cpu(tmp_path):
    with (tmp_path / "toys.csv").open("w") as file:
        file.write("colour,size,kind\n")
        file.writelines(f"red,{nth:.3f},{'ab'[nth % 2]}\n" for nth in range(400_000))
    before = os.times()
    command = [
        "cookiecutter",
        "--no-input",
        ROOT,
        f"project={ODD}",
        f"data={tmp_path / 'toys.csv'}",
        "target=kind",
    ]
    subprocess.run(
        [Path(sys.executable).parent / command[0], *command[1:]],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    after = os.times()
    assert (
        after.children_user + after.children_system - before.children_user - before.children_system
        < 2
    )


def test_data_that_may_not_be_read_are_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from hooks import answers

    def look(path: Path, *_more: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "toys.csv").write_text("size,kind\n", encoding="utf-8")
    monkeypatch.setattr(answers, "look", look)
    said = answers.wrong_answers(
        {
            "project": ODD,
            "data": str(tmp_path / "toys.csv"),
            "target": "kind",
            "sensitive": "none",
            "remote": "none",
            "ci": "none",
        },
        set(),
    )
    assert said == [f"data: {tmp_path / 'toys.csv'}: Permission denied"]
