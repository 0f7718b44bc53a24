"""The generated CI: each answer has its files, linters find nothing in them, and their commands
stop what they are to stop.
"""

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

WORKFLOWS = {f".github/workflows/{name}.yml" for name in ("ci", "monitor", "retrain")}
CI = {"github": {".github/dependabot.yml", *WORKFLOWS}, "gitlab": {".gitlab-ci.yml"}, "none": set()}
SCHEMAS = {  # builtin to check-jsonschema, so that nothing is fetched
    **{
        ("github", name): ["--builtin-schema", "vendor.github-workflows"]
        for name in sorted(WORKFLOWS)
    },
    ("github", ".github/dependabot.yml"): ["--builtin-schema", "vendor.dependabot"],
    ("gitlab", ".gitlab-ci.yml"): [
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
    ],
}
BIN = Path(sys.executable).parent  # of the environment of tools/
UV = os.environ.get("UV") or shutil.which("uv")  # uv says to what it runs where it is


@pytest.fixture(scope="module")
def baked(tmp_path_factory) -> dict[str, Path]:
    """A generated project for each answer."""
    return {ci: generate(ROOT, tmp_path_factory.mktemp(ci), project=ODD, ci=ci) for ci in CI}


def lint(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / str(command[0]), *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


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
    ).stdout.strip()


def bash(
    folder: Path, script: str, commands: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `script` as both services do, without this test's own environment; a folder `commands`
    goes before the others on PATH.
    """
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL")
    }
    path = os.pathsep.join(
        [
            *filter(None, [commands]),
            str(Path(UV).parent),
            *(p for p in clean["PATH"].split(os.pathsep) if Path(p) != BIN),
        ]
    )
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
    """The generated projects with the root's last run, committed on main, in the root's
    environment.
    """
    folders = {}
    for ci in ("github", "gitlab"):
        folders[ci] = shutil.copytree(baked[ci], tmp_path_factory.mktemp("committed") / ODD)
        shutil.copytree(
            ROOT / "reports",
            folders[ci] / "reports",
            ignore=shutil.ignore_patterns("*.parquet", "compared.*"),
        )
        shutil.copy(ROOT / "dvc.lock", folders[ci])
        (folders[ci] / ".venv").symlink_to(ROOT / ".venv")
        for name in ("pyproject.toml", "uv.lock"):  # else make would install the project into it
            os.utime(folders[ci] / name, (0, 0))
        git(folders[ci], "init", "--quiet")
        assert bash(folders[ci], "make env").returncode == 0
        (folders[ci] / ".git" / "info" / "exclude").write_text(".venv\n", encoding="utf-8")
        git(folders[ci], "add", "--all")
        git(folders[ci], "commit", "--quiet", "--message", "first run")
    return folders


def stub(folder: Path, command: str, body: str) -> None:
    """Let `sluice command` be `body`, and leave all else of the environment."""
    (folder / ".venv").unlink(missing_ok=True)
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/dvc").symlink_to(ROOT / ".venv/bin/dvc")
    python = f"exec {ROOT / '.venv/bin/python'}"
    script(folder / ".venv/bin/python", f'{python} "$@"')
    own = f'if [ "$1" != {command} ]; then {python} -m sluice "$@"; fi\nshift\n{body}'
    script(folder / ".venv/bin/sluice", own)


def script(path: Path, body: str) -> None:
    """Write a program of bash."""
    path.write_text(f"#!/usr/bin/env bash\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture(params=["github", "gitlab"])
def compare(request, committed, tmp_path):
    """A project to do harm to, and a function that compares it with main as its CI does: exit
    code, page.
    """
    folder = shutil.copytree(committed[request.param], tmp_path / ODD, symlinks=True)
    page = tmp_path / "page.md"

    def github(repro: int = 0) -> tuple[int, str]:
        result = bash(
            folder, steps(folder)["Comparison"]["run"], BASE="main", GITHUB_STEP_SUMMARY=str(page)
        )
        assert "### Recall by class" in result.stdout  # in the log as well
        return result.returncode, page.read_text(encoding="utf-8")

    def gitlab(repro: int = 0) -> tuple[int, str]:
        stub(folder, "repro", f"exit {repro}")
        job = gitlab_ci(folder)["pipeline"]["script"][-1]
        result = bash(folder, job, CI_MERGE_REQUEST_DIFF_BASE_SHA=git(folder, "rev-parse", "main"))
        return result.returncode, (folder / "reports/compared.md").read_text(encoding="utf-8")

    return folder, {"github": github, "gitlab": gitlab}[request.param]


def steps(folder: Path, workflow: str = "ci", job: str = "pipeline") -> dict[str, dict]:
    """Return the named steps of a job."""
    read = yaml.safe_load(
        (folder / f".github/workflows/{workflow}.yml").read_text(encoding="utf-8")
    )
    return {step["name"]: step for step in read["jobs"][job]["steps"] if "name" in step}


def gitlab_ci(folder: Path) -> dict[str, dict]:
    return yaml.safe_load((folder / ".gitlab-ci.yml").read_text(encoding="utf-8"))


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


def test_answer_leaves_no_empty_folder(baked):
    for folder in baked.values():
        empty = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_dir() and not any(path.iterdir())
        }
        assert empty == set()


@pytest.mark.parametrize(("ci", "name"), SCHEMAS)
def test_schema_holds(baked, ci, name):
    result = lint("check-jsonschema", *SCHEMAS[ci, name], baked[ci] / name)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("ci", "name", "old", "new"),
    [
        ("github", ".github/workflows/ci.yml", "runs-on", "run-on"),
        ("github", ".github/workflows/monitor.yml", "issues: write", "issue: write"),
        ("github", ".github/workflows/retrain.yml", "cron:", "crown:"),
        ("github", ".github/dependabot.yml", "interval: weekly", "interval: never"),
        ("gitlab", ".gitlab-ci.yml", "when: always", "when: sometimes"),
    ],
)
def test_schema_finds_a_mistake(baked, tmp_path, ci, name, old, new):
    (tmp_path / "broken.yml").write_text(
        (baked[ci] / name).read_text(encoding="utf-8").replace(old, new), encoding="utf-8"
    )
    assert lint("check-jsonschema", *SCHEMAS[ci, name], tmp_path / "broken.yml").returncode == 1


def test_zizmor_finds_no_hole_in_the_workflow(baked):
    result = lint("zizmor", "--offline", "--no-config", baked["github"] / ".github")
    assert result.returncode == 0, result.stdout


def test_zizmor_finds_an_action_that_may_move(baked, tmp_path):
    text = (baked["github"] / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ci.yml").write_text(
        re.sub(r"checkout@\w+", "checkout@v7", text), encoding="utf-8"
    )
    result = lint("zizmor", "--offline", "--no-config", tmp_path / ".github")
    assert result.returncode != 0
    assert "unpinned-uses" in result.stdout


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_target_that_ci_makes_is_one(baked, ci):
    texts = [
        (baked[ci] / name).read_text(encoding="utf-8")
        for name in CI[ci]
        if "dependabot" not in name
    ]
    asked = {
        target
        for text in texts
        for target in re.findall(r"^[^#]*?\bmake (?:--[a-z-]+ )?([a-z]+)", text, flags=re.MULTILINE)
    }
    assert {"env", "lint", "test"} == asked
    assert asked <= set(
        re.findall(
            r"^(\w+):", (baked[ci] / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
        )
    )


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_every_command_that_ci_runs_is_one(baked, ci):
    texts = [(baked[ci] / name).read_text(encoding="utf-8") for name in CI[ci]]
    asked = {name for text in texts for name in re.findall(r"\.venv/bin/sluice ([a-z-]+)", text)}
    assert asked == {"monitor", "retrain", "compare", "verify", "repro"}
    known = (baked[ci] / "sluice/cli.py").read_text(encoding="utf-8")
    assert all(f"def {name}(" in known for name in asked)


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_make_is_given_no_text_of_a_user(baked, ci):
    for name in CI[ci]:
        lines = (baked[ci] / name).read_text(encoding="utf-8").splitlines()
        assert not [
            line
            for line in lines
            if re.search(r"\bmake \w", line) and not line.startswith("#") and set(line) & {"$", "="}
        ]


def test_ci_tests_every_python_that_the_project_allows(baked):
    wanted = ["3.11", "3.12", "3.13", "3.14"]
    text = (baked["github"] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11,<3.15"' in text
    workflow = yaml.safe_load(
        (baked["github"] / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    )
    assert workflow["jobs"]["pipeline"]["strategy"]["matrix"]["python"] == wanted
    [matrix] = gitlab_ci(baked["gitlab"])["tests"]["parallel"]["matrix"]
    assert matrix == {"UV_PYTHON": wanted}


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_workflow_of_a_project_in_a_folder_is_set_in_one_place(baked, name):
    """A line of its own says which folder: commands run there, and files are taken from there;
    the cache of uv alone is not.
    """
    workflow = yaml.safe_load((baked["github"] / name).read_text(encoding="utf-8"))
    assert workflow["env"]["FOLDER"] == "."
    for job in workflow["jobs"].values():
        assert job["defaults"]["run"]["working-directory"] == "${{ env.FOLDER }}"
        given = [step.get("with", {}) for step in job["steps"]]
        paths = [
            path for one in given for path in one.get("path", ".uv").splitlines() if path != ".uv"
        ]
        assert all(path.removeprefix("!").startswith("${{ env.FOLDER }}/") for path in paths)
        assert not re.search(r"hashFiles\('", str(given))


def test_windows_runs_the_commands_of_the_readme(baked):
    folder = baked["github"]
    workflow = yaml.safe_load((folder / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["windows"]["steps"] if "run" in step]
    [pinned] = re.findall(r"uv==[\d.]+", (folder / "Makefile").read_text(encoding="utf-8"))
    assert commands[0] == f"pip install {pinned}"
    readme = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert all(f"`{command}`" in readme for command in commands[1:])


@pytest.mark.slow
def test_equal_run_passes(compare):
    _, run = compare
    code, page = run()
    assert code == 0, page
    assert page.startswith("## This run and ")
    assert "| compared | pass |" in page


@pytest.mark.slow
def test_seeded_fall_in_recall_stops_the_job(compare):
    folder, run = compare
    table = (folder / "reports/by_class.csv").read_text(encoding="utf-8").splitlines()
    name, support, *rest = table[-1].split(",")
    table[-1] = ",".join([name, support, "0.2", "0.1", *rest[2:]])
    (folder / "reports/by_class.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    code, page = run()
    assert code != 0
    assert "| compared | fail | `FAIL: " in page
    assert "class dead: proven_fall" in page


@pytest.mark.slow
@pytest.mark.parametrize("compare", ["gitlab"], indirect=True)
def test_blocked_gate_stops_the_job_after_the_comparison(compare):
    folder, run = compare
    path = folder / "reports/gates/by_class.json"
    path.write_text(
        json.dumps(
            json.loads(path.read_text(encoding="utf-8")) | {"verdict": "fail", "blocks": True}
        ),
        encoding="utf-8",
    )
    code, page = run(repro=1)
    assert code != 0
    assert "| by_class | fail |" in page


def test_run_that_failed_otherwise_stops_gitlab_after_the_comparison(committed, tmp_path):
    folder = shutil.copytree(committed["gitlab"], tmp_path / ODD, symlinks=True)
    stub(folder, "repro", "exit 7")
    job = gitlab_ci(folder)["pipeline"]["script"][-1]
    result = bash(folder, job, CI_MERGE_REQUEST_DIFF_BASE_SHA="")
    assert result.returncode == 7


def pull(folder: Path, ci: str, config: str) -> tuple[str, dict[str, str]]:
    """Return what the CI of `folder` does to pull, and its environment, for a secret that holds
    `config`.
    """
    if ci == "github":
        return steps(folder)["Data and model from the remote"]["run"], {"DVC_CONFIG_LOCAL": config}
    secret = folder.parent / "secret"  # GitLab keeps a variable of the type file in one
    if config:
        secret.write_text(config, encoding="utf-8")
    return "\n".join(gitlab_ci(folder)["default"]["before_script"][1:]), {
        "DVC_CONFIG_LOCAL": str(secret) if config else ""
    }


@pytest.fixture(params=["github", "gitlab"])
def remote(request, committed, tmp_path):
    """A project with a file in its DVC remote and nowhere else, and a function that pulls as its
    CI does.
    """
    folder, store = (
        shutil.copytree(committed[request.param], tmp_path / ODD, symlinks=True),
        tmp_path / "store",
    )
    config = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n"
    (folder / ".dvc/config.local").write_text(config, encoding="utf-8")
    (folder / "extra.bin").write_bytes(b"from the remote")
    assert (
        bash(
            folder,
            ".venv/bin/dvc add --quiet extra.bin && .venv/bin/dvc push --quiet extra.bin.dvc",
        ).returncode
        == 0
    )
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


@pytest.mark.slow
def test_pre_commit_passes_a_new_project_without_network(committed, tmp_path):
    result = bash(
        committed["github"],
        f"{BIN / 'pre-commit'} run --all-files",
        PRE_COMMIT_HOME=str(tmp_path),
        UV_OFFLINE="1",
    )
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
    [repository] = yaml.safe_load(
        (baked["none"] / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )["repos"]
    [pattern] = [hook["files"] for hook in repository["hooks"] if hook["id"] == "no-output"]
    outputs = [out for stage in stages.values() for out in stage.get("outs", [])]
    assert outputs
    assert [out for out in outputs if not re.search(pattern, out)] == []
    assert not [name for name in files(baked["none"]) if re.search(pattern, name)]


SERVICE = """#!/usr/bin/env bash
# Stands for gh and curl: notes what it was asked and the page that came with it, and answers.
printf '%s\\n' "${0##*/} $*" >> "$NOTES/asked.txt"
for word in "$@"; do
  case "$before" in --body-file) cp "$word" "$NOTES/page.md" ;; --dir) cp -r "$NOTES/earlier" "$word" ;; esac
  case "$word" in body@* | description@*) cp "${word#*@}" "$NOTES/page.md" ;; esac
  before="$word"
done
case "$*" in api* | "issue list"* | *state=opened*) printf '%s' "$ANSWER" ;; esac
"""


class Service:
    """A generated project, and what its CI asked of the service; `{python}` in the stubs of its
    commands is Python.
    """

    def __init__(self, ci: str, source: Path, folder: Path) -> None:
        self.ci, self.folder, self.notes = (
            ci,
            shutil.copytree(source, folder / ODD, symlinks=True),
            folder / "notes",
        )
        self.commands = folder / "commands"
        self.notes.mkdir()
        self.commands.mkdir()
        for name in ("gh", "curl"):
            script(self.commands / name, SERVICE)
        self.environment = {
            "NOTES": str(self.notes), "commands": str(self.commands), "RUNNER_TEMP": str(self.notes), "GITHUB_REPOSITORY": "me/mine",
            "GITHUB_STEP_SUMMARY": str(self.notes / "summary.md"), "RUN": "https://run", "CI_JOB_URL": "https://run", "API": "https://api/issues",
            "ANSWER": "" if ci == "github" else "[]", "PROJECT_TOKEN": "secret",
        }  # fmt: skip

    def command(self, name: str, body: str) -> None:
        """Let `sluice name` be `body`."""
        stub(self.folder, name, body)

    def run(self, job: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Do the own work of `job`: on GitHub the named steps, of which that for a failure comes
        only after one.
        """
        given = self.environment | environment
        if self.ci == "gitlab":
            read = gitlab_ci(self.folder)[job]
            own = {
                name: text
                for name, text in read["variables"].items()
                if name in ("FENCED", "IID", "TABLE")
            }
            return bash(self.folder, "\n".join(read["script"][1:]), **own, **given)
        named = steps(self.folder, job, job)
        own = {
            name: text
            for step in named.values()
            for name, text in step["env"].items()
            if "${{" not in text
        }
        work = bash(self.folder, named[job.capitalize()]["run"], **own, **given)
        name = "Issue" if job == "monitor" else "Pull request"
        if (work.returncode != 0) != (named[name].get("if", "").startswith("${{ failure()")):
            return work
        after = bash(self.folder, named[name]["run"], **own, **given)
        assert job != "monitor" or after.returncode == 0, after.stdout
        return subprocess.CompletedProcess(
            after.args, work.returncode or after.returncode, work.stdout + after.stdout
        )

    @property
    def asked(self) -> str:
        return (
            (self.notes / "asked.txt").read_text(encoding="utf-8")
            if (self.notes / "asked.txt").exists()
            else ""
        )

    @property
    def page(self) -> str:
        return (self.notes / "page.md").read_text(encoding="utf-8")


@pytest.fixture(params=["github", "gitlab"])
def service(request, committed, tmp_path) -> Service:
    return Service(request.param, committed[request.param], tmp_path)


def verification(service: Service) -> subprocess.CompletedProcess[str]:
    """Verify the committed run as the CI does."""
    own = (
        steps(service.folder)["Verify"]["run"]
        if service.ci == "github"
        else gitlab_ci(service.folder)["pipeline"]["script"][0]
    )
    return bash(service.folder, own)


def test_committed_reports_are_verified_before_the_pipeline_writes_them_anew(service):
    service.command("verify", 'echo "verify: asked for $*"; exit 1')
    result = verification(service)
    assert (result.returncode, result.stdout) == (1, "verify: asked for --reports\n")
    text = "\n".join(
        (service.folder / name).read_text(encoding="utf-8")
        for name in sorted(CI[service.ci])
        if "ci.yml" in name
    )
    assert text.index("sluice verify") < text.index("sluice repro")


def test_project_without_a_committed_run_has_nothing_to_verify(service):
    (service.folder / "dvc.lock").unlink()
    service.command("verify", "exit 1")
    assert verification(service).returncode == 0


REPRO_WITHOUT_DVC = """
import os
from sluice import cli
from sluice.commands import repro
repro.run_stages = lambda: int(os.environ.get("DVC_ENDS", 0))
cli.main()
"""


@pytest.mark.slow
def test_run_whose_reports_block_never_ends_well(baked, tmp_path):
    folder = shutil.copytree(baked["none"], tmp_path / ODD)
    shutil.copytree(ROOT / "reports", folder / "reports")
    for name in ("dvc.lock", "uv.lock"):  # those of the run that the reports are of
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "--quiet")
    run = tmp_path / "run"  # DVC finds nothing to do
    script(run, f"exec {ROOT}/.venv/bin/python -c '{REPRO_WITHOUT_DVC}' repro")
    for target in ("repro", "demo"):
        call = f"make --old-file=env {target} RUN={run}"
        assert bash(folder, call).returncode == 0
        assert bash(folder, call, DVC_ENDS="7").returncode != 0
    path = folder / "reports/gates/by_class.json"
    path.write_text(
        json.dumps(
            json.loads(path.read_text(encoding="utf-8")) | {"verdict": "fail", "blocks": True}
        ),
        encoding="utf-8",
    )
    for target in ("repro", "demo"):
        ended = bash(folder, f"make --old-file=env {target} RUN={run}")
        assert ended.returncode != 0
        assert (
            ": not every stage ran on the files as they are now" in ended.stdout
        )  # DVC would run evaluate again


SAID = {"pass": 0, "warn": 1, "fail": 2, "insufficient": 3}


@pytest.mark.parametrize("verdict", ["pass", "warn"])
def test_monitor_that_passes_or_warns_opens_no_issue(service, verdict):
    service.command("monitor", f'echo "monitor: {verdict}; read $*"; exit {SAID[verdict]}')
    result = service.run("monitor", BATCH="data/live/*", MONITOR_BATCH="data/live/*")
    assert result.returncode == 0, result.stdout
    assert f"monitor: {verdict}; read -- data/live/*\n" in result.stdout
    assert not service.asked


@pytest.mark.parametrize("verdict", ["fail", "insufficient"])
def test_monitor_that_does_not_pass_opens_an_issue_with_its_sentences(service, verdict):
    service.command(
        "monitor",
        f'echo "gate batch: FAIL: a sentence"; echo "monitor: {verdict}; read it"; exit {SAID[verdict]}',
    )
    result = service.run("monitor", BATCH="data/live/*")
    assert result.returncode == SAID[verdict], result.stdout
    assert f"gate batch: FAIL: a sentence\nmonitor: {verdict}; read it" in service.page
    assert "https://run" in service.page
    opened = {
        "github": "gh issue create --title Monitoring does not pass --label monitoring",
        "gitlab": "title=Monitoring+does+not+pass",
    }
    assert opened[service.ci] in service.asked


def test_issue_shows_what_was_said_and_nothing_of_it_ends_the_block(service):
    service.command("monitor", r"""printf 'monitor: fail\n````\n@you\n'; exit 2""")
    service.run("monitor")
    assert service.page.startswith("`````\nmonitor: fail\n````\n@you\n\n`````\nTables and page: ")


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_no_artifact_holds_rows(baked, ci):
    texts = "".join((baked[ci] / name).read_text(encoding="utf-8") for name in CI[ci])
    assert {
        "github": "!${{ env.FOLDER }}/reports/predictions.parquet",
        "gitlab": "exclude: [reports/predictions.parquet]",
    }[ci] in texts
    assert "/private/" in (baked[ci] / ".gitignore").read_text(encoding="utf-8").split()


def test_monitor_comments_on_the_issue_that_is_open(service):
    service.command("monitor", 'echo "monitor: fail; read it"; exit 2')
    result = service.run(
        "monitor", BATCH="data/live/*", ANSWER="7" if service.ci == "github" else '[{"iid": 7}]'
    )
    assert result.returncode == 2, result.stdout
    assert {
        "github": "gh issue comment 7 --body-file",
        "gitlab": "https://api/issues/7/notes --data-urlencode body@",
    }[service.ci] in service.asked
    assert "issue create" not in service.asked
    assert "title=" not in service.asked


def test_monitor_that_breaks_down_is_no_warning(service):
    service.command("monitor", 'echo "Traceback (most recent call last):" >&2; exit 1')
    assert service.run("monitor", BATCH="data/live/*").returncode == 1
    assert "Traceback" in service.page


def test_monitor_is_given_the_names_as_they_are(service):
    service.command("monitor", 'printf "%s\\n" "$@"')
    pattern, labels = "data/2003 $(touch x);*", "my labels `touch x`.csv"
    result = service.run(
        "monitor", BATCH=pattern, MONITOR_BATCH=pattern, LABELS=labels, MONITOR_LABELS=labels
    )
    assert f"--labels={labels}\n--\n{pattern}\n" in result.stdout
    assert not (service.folder / "x").exists()


@pytest.mark.slow
def test_monitor_without_a_batch_opens_an_issue_that_says_so(service):
    result = service.run("monitor", BATCH="nowhere/*", MONITOR_BATCH="nowhere/*")
    assert result.returncode == 2, result.stdout
    assert "monitor: 'nowhere/*' does not exist; name a file" in service.page


@pytest.mark.parametrize("service", ["gitlab"], indirect=True)
def test_monitor_without_a_token_says_why_there_is_no_issue(service):
    service.command("monitor", 'echo "monitor: fail; read it"; exit 2')
    result = service.run("monitor", PROJECT_TOKEN="")
    assert result.returncode == 2
    assert "no issue: PROJECT_TOKEN is not set" in result.stdout
    assert not service.asked


@pytest.mark.parametrize("service", ["github"], indirect=True)
def test_earlier_windows_come_from_the_last_run(service):
    (service.notes / "earlier/monitoring/2001").mkdir(parents=True)
    (service.notes / "earlier/monitoring/2001/window.json").write_text("{}", encoding="utf-8")
    step = steps(service.folder, "monitor", "monitor")["Earlier windows"]["run"]
    (service.folder / "reports/monitoring/2000").mkdir(parents=True)
    for answer in ("", "41"):
        shutil.rmtree(service.folder / "reports/monitoring/2001", ignore_errors=True)
        result = bash(
            service.folder,
            step,
            NEWEST="",
            WINDOWS="churn-windows",
            **service.environment | {"ANSWER": answer},
        )
        assert result.returncode == 0, result.stdout
        assert ("no earlier window" in result.stdout) == (not answer)
    assert {path.name for path in (service.folder / "reports/monitoring").iterdir()} == {
        "2000",
        "2001",
    }
    assert "gh run download 41 --repo me/mine --name churn-windows" in service.asked


ACCEPTED = """
mkdir -p reports/retraining
printf 'challenger,recall,accepted\\ncold,0.84,yes\\nwarm | start,,no\\n' > reports/retraining/challengers.csv
printf 'class,difference\ndead,0.01\n' > reports/retraining/challenger.csv
git tag --annotate --message "a challenger" model@v2.0.0
echo "retrain: accepted $*"
"""


def retrain(service: Service, tmp_path: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the job retrain; return how it ended and the repository that it pushes to."""
    origin = tmp_path / "origin.git"
    git(service.folder, "init", "--quiet", "--bare", str(origin))
    git(service.folder, "remote", "add", "origin", str(origin))
    git(
        service.folder,
        "config",
        f"url.{origin}.insteadOf",
        "https://oauth2:secret@host/me/mine.git",
    )
    head = git(service.folder, "rev-parse", "HEAD")
    result = service.run(
        "retrain", FILES="data/live/*", RETRAIN_FILES="data/live/*", BASE="main", GITHUB_RUN_ID="41", GITHUB_SHA=head,
        CI_COMMIT_SHA=head, CI_DEFAULT_BRANCH="main",
        CI_PROJECT_URL="https://host/me/mine", CI_API_V4_URL="https://api", CI_PROJECT_ID="7", GITLAB_USER_NAME="me",
        GITLAB_USER_EMAIL="me@mine",
    )  # fmt: skip
    return result, origin


@pytest.mark.slow
def test_accepted_challenger_ends_in_a_pull_request_with_what_it_changes(service, tmp_path):
    service.command("retrain", ACCEPTED)
    result, origin = retrain(service, tmp_path)
    assert result.returncode == 0, result.stdout
    [branch] = git(origin, "branch", "--format=%(refname:short)").split()
    assert re.fullmatch(r"retrain-\d{4}-\d\d-\d\d-\d{4}", branch)
    assert git(origin, "diff", "--name-only", f"{branch}~", branch).split() == [
        "reports/retraining/challenger.csv",
        "reports/retraining/challengers.csv",
    ]
    assert git(origin, "tag") == "model@v2.0.0"
    assert service.page.startswith("## This run and ")
    assert "### Metrics" in service.page
    rows = "| --- | --- | --- |\n| cold | 0.84 | yes |\n| `warm \\| start` |  | no |\n"
    assert (
        f"### reports/retraining/challengers.csv\n\n| challenger | recall | accepted |\n{rows}"
        in service.page
    )
    assert (
        "### reports/retraining/challenger.csv\n\n| class | difference |\n| --- | --- |\n| dead | 0.01 |\n"
        in service.page
    )
    assert {"github": "gh run download 41 --name registry", "gitlab": "artifacts of https://run"}[
        service.ci
    ] in service.page
    asked = {
        "github": f"gh pr create --base main --head {branch}",
        "gitlab": f"source_branch={branch}&target_branch=main&title=",
    }
    assert asked[service.ci] in service.asked
    assert "retrain: accepted -- data/live/*" in result.stdout


def test_refused_challenger_opens_no_pull_request(service, tmp_path):
    service.command("retrain", 'echo "retrain: refused by the gate challenger"; exit 1')
    result, origin = retrain(service, tmp_path)
    assert result.returncode == 1
    assert "refused by the gate challenger" in result.stdout
    assert not service.asked
    assert not git(origin, "branch")


@pytest.mark.slow
def test_pull_request_says_that_its_comparison_fails(service, tmp_path):
    service.command(
        "retrain",
        ACCEPTED + 'sed -i \'s/"blocks": false/"blocks": true/\' reports/gates/by_class.json',
    )
    result, _ = retrain(service, tmp_path)
    assert result.returncode == 0, result.stdout
    assert "**The comparison fails: do not merge this as it is.**" in service.page


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_nothing_promotes_by_itself(baked, ci):
    for name in CI[ci]:
        lines = (baked[ci] / name).read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if "promote" in line and not line.startswith("#")]
