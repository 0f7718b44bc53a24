"""The generated CI: each answer has its files, linters find nothing in them, and their commands stop what they are to stop."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_template import ODD, ROOT, files, generate

CI = {"github": {".github/dependabot.yml", ".github/workflows/ci.yml"}, "gitlab": {".gitlab-ci.yml"}, "none": set()}
SCHEMAS = {  # builtin to check-jsonschema, so that nothing is fetched
    ("github", ".github/workflows/ci.yml"): ["--builtin-schema", "vendor.github-workflows"],
    ("github", ".github/dependabot.yml"): ["--builtin-schema", "vendor.dependabot"],
    ("gitlab", ".gitlab-ci.yml"): ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}
BIN = Path(sys.executable).parent  # of the environment of tools/
UV = os.environ.get("UV") or shutil.which("uv")  # uv says to what it runs where it is


@pytest.fixture(scope="module")
def baked(tmp_path_factory) -> dict[str, Path]:
    """A generated project for each answer."""
    return {ci: generate(ROOT, tmp_path_factory.mktemp(ci), project=ODD, ci=ci) for ci in CI}


def lint(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / str(command[0]), *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout.strip()


def bash(folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `script` as both services do, without this test's own environment."""
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")}
    path = os.pathsep.join([str(Path(UV).parent), *(p for p in clean["PATH"].split(os.pathsep) if Path(p) != BIN)])
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**clean, "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def committed(baked, tmp_path_factory) -> dict[str, Path]:
    """The generated projects with the root's last run, committed on main, in the root's environment."""
    folders = {}
    for ci in ("github", "gitlab"):
        folders[ci] = shutil.copytree(baked[ci], tmp_path_factory.mktemp("committed") / ODD)
        shutil.copytree(ROOT / "reports", folders[ci] / "reports", ignore=shutil.ignore_patterns("*.parquet", "compared.*"))
        shutil.copy(ROOT / "dvc.lock", folders[ci])
        (folders[ci] / ".venv").symlink_to(ROOT / ".venv")
        git(folders[ci], "init", "--quiet")
        assert bash(folders[ci], "make env").returncode == 0
        (folders[ci] / ".git" / "info" / "exclude").write_text(".venv\n", encoding="utf-8")
        git(folders[ci], "add", "--all")
        git(folders[ci], "commit", "--quiet", "--message", "first run")
    return folders


@pytest.fixture(params=["github", "gitlab"])
def compare(request, committed, tmp_path):
    """A project to do harm to, and a function that compares it with main as its CI does: exit code, page."""
    folder = shutil.copytree(committed[request.param], tmp_path / ODD, symlinks=True)
    page = tmp_path / "page.md"

    def github(repro: int = 0) -> tuple[int, str]:
        result = bash(folder, steps(folder)["Comparison"]["run"], BASE="main", GITHUB_STEP_SUMMARY=str(page))
        assert "### Recall by class" in result.stdout  # in the log as well
        return result.returncode, page.read_text(encoding="utf-8")

    def gitlab(repro: int = 0) -> tuple[int, str]:
        stub = f'make() {{ if [ "$*" = repro ]; then return {repro}; fi; command make "$@"; }}\n'
        script = yaml.safe_load((folder / ".gitlab-ci.yml").read_text(encoding="utf-8"))["pipeline"]["script"][-1]
        result = bash(folder, stub + script, CI_MERGE_REQUEST_DIFF_BASE_SHA=git(folder, "rev-parse", "main"))
        return result.returncode, (folder / "reports/compared.md").read_text(encoding="utf-8")

    return folder, {"github": github, "gitlab": gitlab}[request.param]


def steps(folder: Path) -> dict[str, dict]:
    """Return the named steps of the job `pipeline`."""
    workflow = yaml.safe_load((folder / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    return {step["name"]: step for step in workflow["jobs"]["pipeline"]["steps"] if "name" in step}


def test_answer_chooses_the_files_of_its_service(baked):
    trees = {ci: set(files(folder)) for ci, folder in baked.items()}
    assert {ci: tree - trees["none"] for ci, tree in trees.items()} == CI
    assert {ci: trees["none"] - tree for ci, tree in trees.items()} == {ci: set() for ci in CI}


def test_answer_leaves_no_trace_of_the_template(baked):
    for ci, names in CI.items():
        for name in names:
            text = (baked[ci] / name).read_text(encoding="utf-8")
            assert "{%" not in text
            assert "cookiecutter" not in text
            assert text.endswith("\n")
            assert not text.endswith("\n\n")


def test_answer_leaves_no_empty_folder_but_that_which_dvc_makes_anyway(baked):
    for folder in baked.values():
        empty = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())}
        assert empty <= {".dvc/tmp"}


@pytest.mark.parametrize(("ci", "name"), SCHEMAS)
def test_schema_holds(baked, ci, name):
    result = lint("check-jsonschema", *SCHEMAS[ci, name], baked[ci] / name)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("ci", "name", "old", "new"),
    [
        ("github", ".github/workflows/ci.yml", "runs-on", "run-on"),
        ("github", ".github/dependabot.yml", "interval: weekly", "interval: never"),
        ("gitlab", ".gitlab-ci.yml", "when: always", "when: sometimes"),
    ],
)
def test_schema_finds_a_mistake(baked, tmp_path, ci, name, old, new):
    (tmp_path / "broken.yml").write_text((baked[ci] / name).read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert lint("check-jsonschema", *SCHEMAS[ci, name], tmp_path / "broken.yml").returncode == 1


def test_zizmor_finds_no_hole_in_the_workflow(baked):
    result = lint("zizmor", "--offline", "--no-config", baked["github"] / ".github")
    assert result.returncode == 0, result.stdout


def test_zizmor_finds_an_action_that_may_move(baked, tmp_path):
    text = (baked["github"] / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ci.yml").write_text(re.sub(r"checkout@\w+", "checkout@v7", text), encoding="utf-8")
    result = lint("zizmor", "--offline", "--no-config", tmp_path / ".github")
    assert result.returncode != 0
    assert "unpinned-uses" in result.stdout


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_target_that_ci_makes_is_one(baked, ci):
    [text] = [(baked[ci] / name).read_text(encoding="utf-8") for name in CI[ci] if name.endswith("ci.yml")]
    asked = set(re.findall(r"^[^#]*?\bmake (?:--[a-z-]+ )?([a-z]+)", text, flags=re.MULTILINE))
    assert {"lint", "test", "repro", "compare"} <= asked
    assert asked <= set(re.findall(r"^(\w+):", (baked[ci] / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_windows_runs_the_commands_of_the_readme(baked):
    folder = baked["github"]
    workflow = yaml.safe_load((folder / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["windows"]["steps"] if "run" in step]
    [pinned] = re.findall(r"uv==[\d.]+", (folder / "Makefile").read_text(encoding="utf-8"))
    assert commands[0] == f"pip install {pinned}"
    readme = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert all(f"`{command}`" in readme for command in commands[1:])


def test_equal_run_passes(compare):
    _, run = compare
    code, page = run()
    assert code == 0, page
    assert page.startswith("## This run and ")
    assert "| compared | pass |" in page


def test_seeded_fall_in_recall_stops_the_job(compare):
    folder, run = compare
    table = (folder / "reports/by_class.csv").read_text(encoding="utf-8").splitlines()
    name, support, *rest = table[-1].split(",")
    table[-1] = ",".join([name, support, "0.2", "0.1", *rest[2:]])
    (folder / "reports/by_class.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    code, page = run()
    assert code != 0
    assert "| compared | fail | FAIL: class dead: proven_fall" in page


@pytest.mark.parametrize("compare", ["gitlab"], indirect=True)
def test_blocked_gate_stops_the_job_after_the_comparison(compare):
    folder, run = compare
    path = folder / "reports/gates/by_class.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"verdict": "fail", "blocks": True}), encoding="utf-8")
    code, page = run(repro=1)
    assert code != 0
    assert "| by_class | fail |" in page


def test_run_that_failed_otherwise_stops_gitlab_after_the_comparison(committed, tmp_path):
    folder = shutil.copytree(committed["gitlab"], tmp_path / ODD, symlinks=True)
    script = yaml.safe_load((folder / ".gitlab-ci.yml").read_text(encoding="utf-8"))["pipeline"]["script"][-1]
    result = bash(folder, "make() { return 7; }\n" + script, CI_MERGE_REQUEST_DIFF_BASE_SHA="")
    assert result.returncode == 7


def pull(folder: Path, ci: str, config: str) -> tuple[str, dict[str, str]]:
    """Return what the CI of `folder` does to pull, and its environment, for a secret that holds `config`."""
    if ci == "github":
        return steps(folder)["Data and model from the remote"]["run"], {"DVC_CONFIG_LOCAL": config}
    script = yaml.safe_load((folder / ".gitlab-ci.yml").read_text(encoding="utf-8"))["pipeline"]["script"]
    secret = folder.parent / "secret"  # GitLab keeps a variable of the type file in one
    if config:
        secret.write_text(config, encoding="utf-8")
    return "\n".join(script[1:3]), {"DVC_CONFIG_LOCAL": str(secret) if config else ""}


@pytest.fixture(params=["github", "gitlab"])
def remote(request, committed, tmp_path):
    """A project with a file in its DVC remote and nowhere else, and a function that pulls as its CI does."""
    folder, store = shutil.copytree(committed[request.param], tmp_path / ODD, symlinks=True), tmp_path / "store"
    config = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n"
    (folder / ".dvc/config.local").write_text(config, encoding="utf-8")
    (folder / "extra.bin").write_bytes(b"from the remote")
    assert bash(folder, ".venv/bin/dvc add --quiet extra.bin && .venv/bin/dvc push --quiet extra.bin.dvc").returncode == 0
    (folder / "extra.bin").unlink()
    (folder / ".dvc/config.local").unlink()
    shutil.rmtree(folder / ".dvc/cache")
    script, environment = pull(folder, request.param, config)
    return folder, lambda: bash(folder, script, **environment)


def test_data_come_from_the_remote(remote):
    folder, run = remote
    result = run()
    assert result.returncode == 0, result.stdout
    assert (folder / "extra.bin").read_bytes() == b"from the remote"


def test_remote_that_does_not_answer_is_told_and_tolerated(remote, tmp_path):
    _, run = remote
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store").write_text("not a folder", encoding="utf-8")
    result = run()
    assert result.returncode == 0, result.stdout
    assert "nothing came from the DVC remote" in result.stdout


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_project_without_a_remote_pulls_nothing(committed, tmp_path, ci):
    folder = shutil.copytree(committed[ci], tmp_path / ODD, symlinks=True)
    script, environment = pull(folder, ci, "")
    result = bash(folder, script, **environment)
    assert (result.returncode, result.stdout) == (0, "no remote\n")


def test_pre_commit_passes_a_new_project_without_network(committed, tmp_path):
    result = bash(committed["github"], f"{BIN / 'pre-commit'} run --all-files", PRE_COMMIT_HOME=str(tmp_path), UV_OFFLINE="1")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("Passed") == 3
    assert not git(committed["github"], "status", "--short")


def test_pre_commit_stops_an_output_of_dvc(committed, tmp_path):
    folder = shutil.copytree(committed["github"], tmp_path / ODD, symlinks=True)
    for name in ("models/model.json", ".dvc/config.local"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}\n", encoding="utf-8")
        git(folder, "add", "--force", name)
    result = bash(folder, f"{BIN / 'pre-commit'} run", PRE_COMMIT_HOME=str(tmp_path))
    assert result.returncode == 1
    assert "models/model.json" in result.stdout
    assert ".dvc/config.local" in result.stdout


def test_pre_commit_knows_every_output_of_dvc(baked):
    stages = yaml.safe_load((baked["none"] / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    [repository] = yaml.safe_load((baked["none"] / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    [pattern] = [hook["files"] for hook in repository["hooks"] if hook["id"] == "no-output"]
    outputs = [out for stage in stages.values() for out in stage.get("outs", [])]
    assert outputs
    assert [out for out in outputs if not re.search(pattern, out)] == []
    assert not [name for name in files(baked["none"]) if re.search(pattern, name)]
