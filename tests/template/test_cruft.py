"""cruft: a project follows its template, and keeps what its user edited."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_answers import git
from test_template import ODD, call, clone  # noqa: F401 - clone is a fixture

CRUFT = Path(sys.executable).parent / "cruft"


def cruft(folder: Path, *arguments: str) -> str:
    result = subprocess.run(
        [CRUFT, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def answers(folder: Path) -> str:
    (folder / "toys.csv").write_text(
        "size,kind\n" + "".join(f"{nth}.5,{'ab'[nth % 2]}\n" for nth in range(20)), encoding="utf-8"
    )
    return json.dumps({"project": ODD, "data": str(folder / "toys.csv"), "target": "kind"})


def committed(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "made")
    return folder


@pytest.fixture(scope="module")
def template(clone, tmp_path_factory) -> Path:  # noqa: F811
    """A clone of the template, to change."""
    folder = tmp_path_factory.mktemp("cruft")
    git(folder, "clone", "--quiet", str(clone), "template")
    return folder / "template"


@pytest.fixture(scope="module")
def project(template) -> Path:
    """A project of the user's own data that cruft made, with what the first command writes."""
    folder = template.parent
    cruft(folder, "create", str(template), "--no-input", "--extra-context", answers(folder))
    (folder / ODD / "data/sources.yaml").write_text("sources: {}\n", encoding="utf-8")
    return committed(folder / ODD)


def new_version(template: Path, word: str) -> None:
    """Change a stage, a parameter and a suite of the template."""
    inside = template / "{{cookiecutter.project}}"
    for name, old, new in (
        ("sluice/data/split.py", '"""', f'"""{word}: '),
        ("params.yaml", "  floor_share: 0.", "  floor_share: 0.0"),
        (
            "expectations/{% if cookiecutter.data == 'example' %}sources.json{% endif %}",
            '"name"',
            '"name" ',
        ),
    ):
        text = (inside / name).read_text(encoding="utf-8")
        assert old in text
        (inside / name).write_text(text.replace(old, new, 1), encoding="utf-8", newline="")
    git(template, "commit", "--quiet", "--all", "--message", "new version")


def test_a_project_that_cruft_made_has_its_data_and_is_as_the_template(project):
    assert (project / "data/raw/toys.csv").is_file()
    assert "up to date" in cruft(project, "check")
    assert cruft(project, "diff") == ""


def test_update_brings_what_is_new_and_keeps_edits_data_and_suites(project, template):
    params = project / "params.yaml"
    params.write_text(
        params.read_text(encoding="utf-8").replace("random_state: 42", "random_state: 7"),
        encoding="utf-8",
        newline="",
    )
    sources = project / "data/sources.yaml"
    sources.write_text(
        sources.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8", newline=""
    )
    (project / "expectations").mkdir(exist_ok=True)
    (project / "expectations/sources.json").write_text("mine", encoding="utf-8")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "mine")
    new_version(template, "New")
    cruft(project, "update", "--skip-apply-ask")
    assert (project / "sluice/data/split.py").read_text(encoding="utf-8").startswith('"""New: ')
    assert "random_state: 7" in params.read_text(encoding="utf-8")
    assert "floor_share: 0.02 " in params.read_text(encoding="utf-8")
    assert "target: 'kind'" in params.read_text(encoding="utf-8")
    assert sources.read_text(encoding="utf-8").endswith("# mine\n")
    assert (project / "expectations/sources.json").read_text(encoding="utf-8") == "mine"
    assert (project / "data/raw/toys.csv").is_file()
    assert not list(project.rglob("*.rej"))


def test_a_name_that_is_a_package_s_is_refused_and_leaves_nothing(template, tmp_path):
    """Before the project is made cruft does not say where the template and its uv.lock are."""
    command = [CRUFT, "create", template, "--no-input", "--extra-context", '{"project": "dvc"}']
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert ended.returncode != 0
    assert "project is 'dvc', the name of a package that the project depends on" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_project_of_plain_cookiecutter_is_linked_as_its_readme_says(template, tmp_path):
    command = [
        CRUFT.with_name("cookiecutter"),
        "--no-input",
        template,
        *(f"{k}={v}" for k, v in json.loads(answers(tmp_path)).items()),
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    project = committed(tmp_path / ODD)
    [line] = [
        line
        for line in (project / "README.md").read_text(encoding="utf-8").splitlines()
        if "cruft link" in line
    ]
    call(
        project,
        "sh",
        "-c",
        line.replace("pipx run cruft", str(CRUFT)).replace("TEMPLATE_URL", str(template)),
    )
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "linked")
    assert cruft(project, "diff") == ""
    new_version(template, "Later")
    cruft(project, "update", "--skip-apply-ask")
    assert (project / "sluice/data/split.py").read_text(encoding="utf-8").startswith('"""Later: ')
