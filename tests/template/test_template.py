"""The template: what it renders is the root, whatever the name and the way it comes, and the
rendered project works.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from sync_template import ROOT_ONLY  # noqa: E402

ODD = "odd-name-7"


def generate(template: object, folder: Path, **answers: str) -> Path:
    """Return the project that cookiecutter makes of `template`."""
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / "cookiecutter.yaml"
    home.write_text(
        f"cookiecutters_dir: {folder / 'clones'}\nreplay_dir: {folder / 'replay'}\n",
        encoding="utf-8",
    )
    return Path(
        cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(folder),
            config_file=str(home),
        )
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def call(folder: Path, *command: str) -> str:
    """Return what `command` prints, run in `folder` without this test's own environment."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")
    }
    environment["PATH"] = os.pathsep.join(
        p for p in environment["PATH"].split(os.pathsep) if Path(p) != Path(sys.executable).parent
    )
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stdout[-5000:]
    return result.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone with what is in the working folder, committed: what a user would be given."""
    folder = tmp_path_factory.mktemp("clone") / "template"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    call(folder, "git", "init", "--quiet")
    call(folder, "git", "add", "--all")
    call(
        folder,
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "commit",
        "--quiet",
        "--message",
        "all",
    )
    return folder


@pytest.fixture(scope="module")
def by_default(clone, tmp_path_factory) -> dict[str, bytes]:
    """What is generated with the default answers."""
    return files(generate(clone, tmp_path_factory.mktemp("default")))


@pytest.fixture(scope="module")
def odd(clone, tmp_path_factory) -> dict[str, bytes]:
    """What is generated under an odd name."""
    return files(generate(clone, tmp_path_factory.mktemp("odd"), project=ODD))


@pytest.fixture(scope="module")
def project(clone, tmp_path_factory) -> Path:
    """A generated project under an odd name, in git, after `make demo`."""
    folder = generate(clone, tmp_path_factory.mktemp("generated"), project=ODD)
    call(folder, "git", "init", "--quiet")
    (folder / "screen.txt").write_text(call(folder, "make", "demo"), encoding="utf-8")
    return folder


def test_default_answers_render_the_root_byte_for_byte(clone, by_default):
    """But for the README, which at the root tells of the template."""
    tracked = call(clone, "git", "ls-files", "--", ".", ":!{{cookiecutter.project}}").split()
    assert set(by_default) == {
        name for name in tracked if not any(f"{name}/".startswith(f"{one}/") for one in ROOT_ONLY)
    }
    differing = [
        name for name, content in by_default.items() if content != (ROOT / name).read_bytes()
    ]
    assert differing == ["README.md"]


def test_project_under_the_default_name_is_none_of_the_template(by_default):
    text = by_default["README.md"].decode("utf-8")
    assert text.startswith("# Crash deaths\n")
    assert "# Sluice" not in text
    assert "cruft update" in text
    assert (ROOT / "README.md").read_text(encoding="utf-8").startswith("# Sluice\n")


def test_odd_name_leaves_no_trace_of_ours_and_no_brace(odd):
    for name, content in odd.items():
        if not name.endswith(".gz"):
            text = content.decode("utf-8")
            assert "crash-deaths" not in re.findall(r"[a-z-]+", (name + text).lower()), name
            assert "cookiecutter" not in text.replace("*cookiecutter.project*", ""), name
            if not name.endswith(".j2"):  # a template of the project's own
                assert "{%" not in text, name
                assert "{{ " not in text.replace("${{ ", ""), (
                    name
                )  # the braces of GitHub's own expressions


def test_generated_project_cites_no_file_that_it_lacks(odd):
    shipped = odd
    texts = {
        name: content.decode("utf-8")
        for name, content in shipped.items()
        if not name.startswith("tests/") and not name.endswith(".gz")
    }
    cited = {
        (name, path)
        for name, text in texts.items()
        for path in re.findall(r"(?<![\w$/.'])(?:[\w-]+/)*[\w-]+\.(?:md|py)\b", text)
    }
    modules = {
        (name, one)
        for name, text in texts.items()
        for one in re.findall(r"\b(?:stages|benchmarks|tools|hooks)(?:\.[a-z_]+)+", text)
    }
    cited |= {
        (name, f"{one.replace('.', '/')}.py")
        for name, one in modules
        if f"python -m {one}" in texts[name]
    }
    assert ("README.md", "stages/models.py") in cited
    assert (
        sorted(
            (name, path)
            for name, path in cited
            if not any(one == path or one.endswith(f"/{path}") for one in shipped)
        )
        == []
    )


def commands_of(text: str) -> set[str]:
    """Return the commands of `sluice` that a text tells its reader to run."""
    return set(re.findall(r"(?:uv run |-m |\.venv/bin/|\$\(RUN\) )sluice ([a-z][\w-]*)", text))


def test_every_command_that_a_project_names_is_one(odd):
    cli = odd["sluice/cli.py"].decode("utf-8")
    made = re.findall(r"^@sluice\.command\(.*?^def (\w+)", cli, flags=re.MULTILINE | re.DOTALL)
    known = {name.rstrip("_").replace("_", "-") for name in made}
    texts = {name: content for name, content in odd.items() if not name.endswith(".gz")}
    named = {name: commands_of(content.decode("utf-8")) for name, content in texts.items()}
    assert {"repro", "scope"} <= named["Makefile"]
    assert {name: wrong for name, given in named.items() if (wrong := given - known)} == {}


def test_a_command_that_is_none_is_seen():
    assert commands_of("Call `uv run sluice scoop`, or .venv/bin/sluice go.") == {"scoop", "go"}


def test_a_project_outside_its_engine_is_small(by_default):
    own = {
        name: content
        for name, content in by_default.items()
        if not name.startswith(("sluice/", "data/", "expectations/"))
    }
    assert len(own) <= 60
    code = [content for name, content in own.items() if name.endswith(".py")]
    assert sum(len(content.splitlines()) for content in code) <= 1500


def test_make_alone_prints_help_and_does_nothing(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    said = call(tmp_path, "make")
    for target in ("demo", "scope", "repro", "test", "lint"):
        assert f"make {target} " in said
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]


def test_zip_and_git_url_and_folder_give_the_same_project(clone, odd, tmp_path):
    archive = tmp_path / "template.zip"
    call(
        clone,
        "git",
        "archive",
        "--format=zip",
        "--prefix=template-main/",
        f"--output={archive}",
        "HEAD",
    )
    assert zipfile.is_zipfile(archive)
    assert files(generate(archive, tmp_path / "zip", project=ODD)) == odd
    assert files(generate(f"git+{clone.as_uri()}", tmp_path / "git", project=ODD)) == odd


def test_the_template_is_marked_as_generated_where_it_is_a_copy():
    names = ["{{cookiecutter.project}}/stages/train.py", "{{cookiecutter.project}}/uv.lock"]
    said = call(ROOT, "git", "check-attr", "linguist-generated", "--", *names, "stages/train.py")
    assert [line.rsplit(": ")[-1] for line in said.splitlines()] == ["set", "set", "unspecified"]


@pytest.mark.slow
def test_generated_project_shows_what_the_readme_shows(project):
    screen = (project / "screen.txt").read_text(encoding="utf-8")
    block = (
        (project / "README.md")
        .read_text(encoding="utf-8")
        .split("<!-- make demo -->\n```\n")[1]
        .split("```\n")[0]
    )
    assert "dead" in block
    assert block in screen


def test_readme_shows_the_reports_in_git():
    call(ROOT, str(ROOT / ".venv/bin/python"), "tools/update_readme.py", "--check")


@pytest.mark.slow
def test_committed_reports_are_those_of_a_run(project):
    made, committed = (
        json.loads((folder / "reports/metrics.json").read_text(encoding="utf-8"))
        for folder in (project, ROOT)
    )
    assert made["classes"].keys() == committed["classes"].keys()
    for label, figures in committed["classes"].items():
        assert made["classes"][label] == pytest.approx(figures, abs=1e-4)


@pytest.mark.slow
def test_committed_scope_is_that_of_a_run(project):
    call(project, "make", "scope")
    made, committed = (
        json.loads((folder / "reports/scope.json").read_text(encoding="utf-8"))
        for folder in (project, ROOT)
    )
    assert made.keys() == committed.keys()
    for part in ("classes", "columns", "findings"):
        assert made[part] == committed[part], part
    assert (
        call(project, "git", "diff", "--name-only", "--", "expectations") == ""
    )  # what is confirmed is left alone


@pytest.mark.slow
def test_example_has_better_probabilities_than_its_majority_class(project):
    made = json.loads((project / "reports/metrics.json").read_text(encoding="utf-8"))
    majority = made["baselines"][0]
    assert made["brier"] < majority["brier"]
    assert made["log_loss"] < majority["log_loss"]


@pytest.mark.slow
def test_model_that_overlooks_the_dead_is_stopped(project, tmp_path):
    naive = shutil.copytree(
        project, tmp_path / "naive", ignore=shutil.ignore_patterns(".venv"), symlinks=True
    )
    params = (naive / "params.yaml").read_text(encoding="utf-8")
    (naive / "params.yaml").write_text(
        params.replace("decision_weights: balanced_accuracy", "decision_weights: none"),
        encoding="utf-8",
        newline="",
    )
    environment = os.environ | {
        "PATH": os.pathsep.join([str(project / ".venv/bin"), os.environ["PATH"]])
    }
    command = [str(project / ".venv/bin/dvc"), "repro"]
    result = subprocess.run(
        command,
        cwd=naive,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert result.returncode != 0
    found = json.loads((naive / "reports/metrics.json").read_text(encoding="utf-8"))
    assert found["accuracy"] > 0.95
    assert found["classes"]["dead"]["recall"] < 0.1
    assert result.stdout.count("\n  FAIL  ") == 1
    told = result.stdout.partition("\n  FAIL  ")[2]
    for part in (
        "class dead",
        "recall_low",
        "recall_high",
        "support",
        "0.5",
        "expectations/by_class.json",
    ):
        assert part in told
    assert (
        json.loads((naive / "reports/gates/by_class.json").read_text(encoding="utf-8"))["verdict"]
        == "fail"
    )
    assert "Traceback" not in result.stdout


@pytest.mark.slow
def test_demo_prints_no_warning(project):
    screen = (project / "screen.txt").read_text(encoding="utf-8").lower()
    assert "warning" not in screen.replace("warning: location", "").replace("check to warning", "")


@pytest.mark.slow
def test_git_add_commits_no_data_that_dvc_holds(project):
    call(project, "git", "add", "--all")
    staged = call(project, "git", "ls-files").split()
    assert "dvc.lock" in staged
    assert not [
        name
        for name in staged
        if name.startswith(
            ("data/prepared", "data/augmented", "models", ".uv", ".venv", ".dvc/cache", ".dvc/tmp")
        )
    ]
    assert "reports/predictions.parquet" not in staged
    assert (
        call(
            project,
            "git",
            "status",
            "--short",
            "--",
            ".gitignore",
            "data/.gitignore",
            "reports/.gitignore",
        )
        == "A  .gitignore\n"
    )


@pytest.mark.slow
def test_changed_parameter_shows_in_the_difference_of_metrics(project):
    call(project, "git", "add", "--all")
    call(
        project,
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "commit",
        "--quiet",
        "--message",
        "first run",
    )
    dvc = str(project / ".venv/bin/dvc")
    os.environ["PATH"], before = (
        os.pathsep.join([str(project / ".venv/bin"), os.environ["PATH"]]),
        os.environ["PATH"],
    )
    try:
        call(project, dvc, "exp", "run", "-S", "train.model=logistic_regression")
        difference = json.loads(call(project, dvc, "metrics", "diff", "--json"))
        assert difference["reports/metrics.json"]["brier"]["diff"] != 0
        assert "logistic_regression" in call(project, dvc, "params", "diff")
        assert "index.html" in call(project, dvc, "plots", "diff")
    finally:
        os.environ["PATH"] = before


@pytest.mark.slow
def test_generated_project_passes_lint_and_its_own_tests(project):
    call(project, "git", "checkout", "--quiet", "--", "params.yaml")
    call(project, "make", "lint")
    assert "passed" in call(project, "make", "test")
