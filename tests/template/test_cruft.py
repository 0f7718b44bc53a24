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


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first `old`, which has to be there, in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")


def new_version(template: Path, word: str) -> None:
    """Change the engine, the stages, a parameter and the suites of the template."""
    inside = template / "{{cookiecutter.project}}"
    (inside / f"sluice/data/{word.lower()}.py").write_text('"""New."""\n', encoding="utf-8")
    git(template, "rm", "--quiet", "--ignore-unmatch", f"{inside}/sluice/metrics/margins.py")
    for name, old, new in (
        ("sluice/data/split.py", '"""', f'"""{word}: '),
        ("stages/models.py", '"""', f'"""{word}: '),
        ("expectations/drift.json", '"name"', '"name" '),
        ("params.yaml", "  floor_share: 0.", "  floor_share: 0.0"),
        (
            "expectations/{% if cookiecutter.data == 'example' %}sources.json{% endif %}",
            '"name"',
            '"name" ',
        ),
    ):
        edit(inside / name, old, new)
    git(template, "add", "--all")
    git(template, "commit", "--quiet", "--message", "new version")


def test_a_project_that_cruft_made_has_its_data_and_is_as_the_template(project):
    assert (project / "data/raw/toys.csv").is_file()
    assert "up to date" in cruft(project, "check")
    assert cruft(project, "diff") == ""


MINE = "# mine\n"
MODEL = "def mine(X, random_state):\n    return logistic_regression(X, random_state)\n\n\n"


def edit_as_a_user_does(project: Path) -> dict[str, str]:
    """Edit each file that is the user's; return those that no update may touch."""
    edit(project / "params.yaml", "random_state: 42", "random_state: 7")
    edit(project / "stages/models.py", "def vote(", f"{MODEL}def vote(")
    edit(project / "stages/features.py", "    return rows", "    return rows.assign(n=1)")
    edit(project / "expectations/drift.json", '"critical"', '"warning"')
    edit(project / "data/sources.yaml", "sources", f"{MINE}sources")
    (project / "expectations/sources.json").write_text("mine", encoding="utf-8")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "mine")
    kept = ("stages/features.py", "data/sources.yaml", "data/raw/toys.csv")
    suites = sorted(f"expectations/{path.name}" for path in (project / "expectations").iterdir())
    return {name: (project / name).read_text(encoding="utf-8") for name in (*kept, *suites)}


def test_update_brings_what_is_new_and_keeps_edits_data_and_suites(project, template):
    kept = edit_as_a_user_does(project)
    new_version(template, "New")
    cruft(project, "update", "--skip-apply-ask")
    read = {
        name: (project / name).read_text(encoding="utf-8")
        for name in ("sluice/data/split.py", "stages/models.py", "params.yaml", *kept)
    }
    assert kept.items() <= read.items()
    assert read["sluice/data/split.py"].startswith('"""New: ')
    assert (project / "sluice/data/new.py").is_file()
    assert not (project / "sluice/metrics/margins.py").exists()
    assert read["stages/models.py"].startswith('"""New: ')
    assert MODEL in read["stages/models.py"]
    for line in ("random_state: 7", "floor_share: 0.02 ", "target: 'kind'"):
        assert line in read["params.yaml"]
    assert not list(project.rglob("*.rej"))
    assert git(project, "diff", "--name-only", "--diff-filter=U") == "", "a file is in conflict"
    assert "up to date" in cruft(project, "check")


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
