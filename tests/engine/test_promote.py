"""Promote and roll back in real processes, on a finished run: what is in service is what was
proven, or nothing is.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.drills import ALWAYS
from tests.engine.settings import WHO
from tests.engine.toys import RAW
from tests.pipeline_run import Run

SCORE = """
import hashlib, sys
from sluice.registry.champion import load_champion, version
from sluice.data.roles import features
from sluice.core.params import load_params
from sluice.core.tables import TEST, read_table
model, _ = load_champion()
y_score = model.predict_proba(features(read_table(TEST), load_params().data))
print(version(), hashlib.sha256(y_score.tobytes()).hexdigest())
"""
MAX_SECONDS = 60  # a bound of the issue that this answers, not of the machine: it takes about three
KILLS = 10
PROMOTE = """
from sluice.promotion import promote
promote.judged_again = lambda folder, said: []  # writes nothing here, takes longer than all the rest, and is another test's matter
promote.main(None, "the second", None, [])
"""


@pytest.fixture
def run(toy_run, tmp_path) -> Run:
    """A copy of a finished run in a git repository of its own."""
    shutil.copytree(toy_run.folder, tmp_path / "project")
    run = Run(tmp_path / "project")
    (run.folder / ".dvc/config.local").unlink()
    (run.folder / ".gitignore").write_text(
        "/data/prepared/\n/data/augmented/\n/models/\n/registry/v*/\n*.parquet\n.dvc/\n",
        encoding="utf-8",
    )
    subprocess.run(["git", "init", "--quiet"], cwd=run.folder, check=True)
    commit(run)
    return run


def call(run: Run, *arguments: str) -> str:
    """Call a command that has to end well, and return what it prints."""
    ended = run.call(*arguments, **WHO)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def in_service(run: Run) -> list[str]:
    """Return the version in service and the hash of its probabilities on the test rows."""
    ended = subprocess.run(
        [sys.executable, "-c", SCORE], cwd=run.folder, capture_output=True, encoding="utf-8"
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def run_again(run: Run) -> None:
    """Make another model, to which older rows count less, through all gates."""
    run.edit(
        "params.yaml",
        "sample_weight: none\n  half_life: null",
        "sample_weight: none\n  half_life: 300",
    )
    assert run.repro(**WHO).returncode == 0, run.stopped_by()
    commit(run)


def commit(run: Run) -> None:
    for command in (["add", "-A"], ["commit", "--quiet", "--message", "run"]):
        subprocess.run(["git", *command], cwd=run.folder, check=True, env={**os.environ, **WHO})


@pytest.mark.slow
def test_rollback_within_a_minute_scores_bit_equal_and_history_tells_it_all(run):
    assert in_service(run)[0] == "unregistered"
    assert "v1.0.0 is in service" in call(run, "sluice", "promote", "--why", "the first")
    first = in_service(run)
    assert first[0] == "v1.0.0"
    again = run.call("sluice", "promote", "--why", "the first", **WHO)
    assert again.returncode == 1
    assert "v1.0.0 is the model of the last run, and in service already" in again.stdout
    run_again(run)
    assert in_service(run) == first, "a new run changes nothing in service"
    assert "v2.0.0 is in service, v1.0.0 is retired" in call(
        run, "sluice", "promote", "--why", "newer rows"
    )
    second = in_service(run)
    assert second[0] == "v2.0.0"
    begun = time.monotonic()
    assert "v1.0.0 is in service again, v2.0.0 is retired" in call(
        run, "sluice", "rollback", "--why", "worse at night"
    )
    assert time.monotonic() - begun < MAX_SECONDS
    assert in_service(run) == first
    told = call(run, "sluice", "history")
    for said in (
        "v1.0.0  champion  Ada <ada@example.org>",
        "worse at night",
        "newer rows",
        "v2.0.0  retired",
        "in service: v1.0.0",
    ):
        assert said in told
    assert not run.network_log.exists()


@pytest.mark.slow
def test_projects_in_one_repository_do_not_know_of_each_other(run, tmp_path):
    first, second = (Run(tmp_path / "all" / name) for name in ("first", "teams/second"))
    for one in (first, second):
        shutil.copytree(run.folder, one.folder, ignore=shutil.ignore_patterns(".git"))
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / "all", check=True)
    commit(first)  # all of the repository
    assert "push them with `git push origin HEAD 'refs/tags/first=model*'`" in call(
        first, "sluice", "promote", "--why", "of the first"
    )
    assert "1,200 of 1,200 rows, model unregistered" in call(second, "sluice", "score", RAW)
    call(second, "sluice", "monitor", RAW, "--window", "w")
    second.edit("params.yaml", "warm_iterations: 50", "warm_iterations: 51")
    page = call(second, "sluice", "compare", "HEAD")
    assert "The test rows are the same." in page
    assert "| `params.yaml` | `retrain.warm_iterations` | 50 | 51 | 1 |" in page
    refused = second.call("sluice", "promote", "--why", "of the second", **WHO)
    assert "promote: params.yaml is not committed" in refused.stdout
    commit(second)
    assert "v1.0.0 is in service" in call(second, "sluice", "promote", "--why", "of the second")
    assert "of the first" not in call(second, "sluice", "history")
    assert [in_service(one)[0] for one in (first, second)] == ["v1.0.0", "v1.0.0"]


@pytest.mark.slow
def test_run_that_does_not_match_its_hashes_is_not_promoted(run):
    harmed = [
        "models/model.skops",
        "models/reference.json",
        "expectations/by_class.json",
        "reports/gates/by_class.json",
    ]
    for path in harmed:
        with (run.folder / path).open("ab") as file:
            file.write(b"\n")
    run.edit(
        "dvc.yaml",
        "    cmd: python -m stages.prepare",
        "    frozen: true\n    cmd: python -m stages.prepare",
    )
    ended = run.call("sluice", "promote", "--why", "hurry", **WHO)
    assert ended.returncode == 1, ended.stdout
    assert "the stage prepare is frozen" in ended.stdout
    for path in harmed:
        assert f"{path} is modified since" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert not (run.folder / "registry").exists()


@pytest.mark.slow
def test_run_that_a_gate_stopped_neither_scores_nor_is_promoted(run):
    run.expect("by_class", "expect_column_values_to_be_between", column="recall", min_value=1.0)
    assert run.repro(**WHO).returncode != 0
    stopped = {
        "sluice promote --why hurry": (
            "stopped this model (fail): it neither serves nor is promoted"
        ),
        f"sluice score {RAW}": "stopped the last run",
    }
    for command, said in stopped.items():
        ended = run.call(*command.split(), **WHO)
        assert ended.returncode == 1
        assert f"the gate by_class {said}" in ended.stdout
    assert not (run.folder / "scored").exists()
    committed = run.call("dvc", "commit", "--force", **WHO)
    assert committed.returncode != 0, "a run that was stopped would be recorded as if it had ended"
    assert "output 'models/reference.json' does not exist" in committed.stdout
    assert "evaluate" in run.call("dvc", "status").stdout


@pytest.mark.slow
def test_run_whose_reports_were_edited_is_not_promoted(run):
    run.expect(
        "by_class", "expect_column_values_to_be_between", column="recall", min_value=1.0
    )  # DVC is told that it was asked
    run.edit("reports/gates/leakage.json", '"verdict": "pass"', '"verdict": "warn"')
    assert run.call("dvc", "commit", "--force", **WHO).returncode == 0
    commit(run)
    assert "up to date" in run.call("dvc", "status").stdout
    ended = run.call("sluice", "promote", "--why", "hurry", **WHO)
    assert ended.returncode == 1
    assert "promote: evaluate: stopped by the gate by_class (fail)" in ended.stdout
    assert (
        "reports/gates/by_class.json says pass, the gate, asked again today, says fail, which stops"
        " the run" in ended.stdout
    )
    assert (
        "reports/gates/leakage.json says warn, the gate, asked again today, says pass"
        in ended.stdout
    )
    assert not (run.folder / "registry").exists()


@pytest.mark.slow
def test_run_that_finds_a_class_less_often_than_the_champion_is_not_promoted(run):
    call(run, "sluice", "promote", "--why", "the first")
    run.edit("params.yaml", "decision_weights: balanced_accuracy", "decision_weights: none")
    for suite in ("by_class", "by_group", "slices", "candidates"):  # what would stop it before
        path = run.folder / f"expectations/{suite}.json"
        path.write_text(
            json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"expectations": [ALWAYS]}),
            encoding="utf-8",
        )
    assert run.repro(**WHO).returncode == 0, run.stopped_by()
    ended = run.call("sluice", "promote", "--why", "more accurate", **WHO)
    assert (
        "params.yaml is not committed, and the version's commit has to say what made it"
        in ended.stdout
    )
    commit(run)
    ended = run.call("sluice", "promote", "--why", "more accurate", **WHO)
    assert ended.returncode == 1, ended.stdout
    assert "stopped by the gate challenger" in ended.stdout
    label = re.search(r"uv run sluice promote --accept (\w+) --why", ended.stdout)[1]
    assert in_service(run)[0] == "v1.0.0"
    call(run, "sluice", "promote", "--why", "fewer alarms", "--accept", label)
    assert in_service(run)[0] == "v2.0.0"
    assert (
        call(run, "sluice", "history").count(f"fewer alarms (accepted: finds {label} in 0.") == 3
    )  # registered, promoted, the other retired


@pytest.mark.slow
def test_version_that_was_tampered_with_neither_serves_nor_comes_back(run):
    call(run, "sluice", "promote", "--why", "the first")
    harmed = ["model.skops", "reference.json", "prepared.json", "manifest.json"]
    for name in harmed:
        with (run.folder / "registry/v1.0.0" / name).open("ab") as file:
            file.write(b"\n")
    ended = run.call("sluice", "monitor", RAW, "--window", "w", **WHO)
    assert ended.returncode == 2
    for name in harmed:
        assert f"registry/v1.0.0/{name} is not the" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert not (run.folder / "reports/monitoring").exists()
    for arguments in (
        ["sluice", "score", RAW],
        ["sluice", "promote", "v1.0.0", "--why", "again"],
    ):
        ended = run.call(*arguments, **WHO)
        assert ended.returncode == 1
        assert (
            "registry/v1.0.0/model.skops is not the file that the manifest describes"
            in ended.stdout
        )


@pytest.mark.slow
def test_promotion_killed_at_any_moment_leaves_the_old_model_or_the_new_one(run):
    call(run, "sluice", "promote", "--why", "the first")
    first, moments = in_service(run), random.Random(0)
    run_again(run)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", PROMOTE],
            cwd=run.folder,
            env={**os.environ, **WHO, "PATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=moments.uniform(0.5, 6))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for lock in (run.folder / ".git").glob("*.lock"):
            lock.unlink()  # git's own advice after it was killed
        (run.folder / ".dvc/tmp/rwlock").unlink(
            missing_ok=True
        )  # half written, DVC reads it no more
        now = in_service(run)
        assert now == first or now[0] == "v2.0.0"
    if in_service(run) == first:
        call(run, "sluice", "promote", "--why", "the second")
    assert in_service(run)[0] == "v2.0.0"
    assert "v1.0.0 is in service again" in call(run, "sluice", "rollback", "--why", "back")
    assert in_service(run) == first
