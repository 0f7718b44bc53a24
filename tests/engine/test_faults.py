"""What happens to a run from outside leaves no half-written file, and the next run ends with the
same hashes.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sluice.core.command import FAILED
from sluice.gates.names import GATES
from tests.engine.toys import RAW
from tests.pipeline_run import Run

resource = pytest.importorskip("resource", reason="a quota and a signal as these are POSIX")

KILLS_PER_STAGE = 4
SECONDS = (0.3, 4.5)  # from the start of Python to the end of most stages


@pytest.fixture
def run(toy_run, tmp_path) -> Run:
    """A copy of a finished run, to do harm to."""
    shutil.copytree(toy_run.folder, tmp_path / "project")
    return Run(tmp_path / "project")


def lock(run: Run) -> str:
    return (run.folder / "dvc.lock").read_text(encoding="utf-8")


def start(run: Run, *arguments: str, **options) -> subprocess.Popen:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=run.folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
        **options,
    )


def assert_whole(run: Run) -> None:
    """Every file under a final name can be read to its end."""
    for path in [*run.folder.glob("data/*/*.parquet"), *run.folder.glob("reports/*.parquet")]:
        pd.read_parquet(path)
    for path in [*run.folder.glob("reports/**/*.json"), *run.folder.glob("models/*.json")]:
        json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", GATES)
@pytest.mark.slow
def test_stage_killed_at_any_moment_leaves_nothing_half_done(run, stage):
    wanted, moments = lock(run), random.Random(stage)
    for _ in range(KILLS_PER_STAGE):
        process = start(run, "dvc", "repro", "--force", "--single-item", stage)
        try:
            process.communicate(timeout=moments.uniform(*SECONDS))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        assert_whole(run)
    result = run.repro()
    assert result.returncode == 0, result.stdout
    assert lock(run) == wanted


@pytest.mark.parametrize("stage", GATES)
@pytest.mark.slow
def test_stage_on_a_full_disk_says_so_and_leaves_nothing_half_done(run, stage):
    process = start(
        run,
        f"stages.{stage}",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20)),
    )
    output, _ = process.communicate()
    assert process.returncode == FAILED, output
    assert "Traceback" not in output
    assert f"{stage}: " in output
    assert "Check the disk space and the permissions" in output
    assert_whole(run)


def can_mount() -> bool:
    """Whether this user may mount a folder, which root in a container often may not."""
    probe = ["unshare", "--mount", "sh", "-c", "mount --bind . ."]
    return (
        bool(shutil.which("unshare")) and subprocess.run(probe, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(
    not can_mount(), reason="mounting a folder read-only needs root with the right to mount"
)
@pytest.mark.slow
def test_read_only_data_folder_is_told(run):
    mount = "mount --bind data data && mount -o remount,ro,bind data && exec"
    command = ["unshare", "--mount", "sh", "-c", f"{mount} {sys.executable} -m stages.prepare"]
    result = subprocess.run(
        command, cwd=run.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    assert result.returncode == FAILED
    assert (
        "Read-only file system. Check the disk space and the permissions, then try again."
        in result.stdout
    )
    assert "Traceback" not in result.stdout
    assert_whole(run)


@pytest.mark.slow
def test_two_runs_at_once_end_with_the_same_hashes(run):
    wanted = lock(run)
    both = [start(run, "dvc", "repro", "--force", "validate") for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert 0 in [process.returncode for process in both], outputs
    result = run.repro()
    assert result.returncode == 0, result.stdout
    assert lock(run) == wanted


@pytest.mark.parametrize("seconds", [-(10**8), 10**8])
def test_clock_that_was_set_changes_nothing(run, seconds):
    wanted = lock(run)
    for path in run.folder.rglob("*"):
        if path.is_file() and ".dvc" not in path.parts:
            os.utime(path, (path.stat().st_atime + seconds, path.stat().st_mtime + seconds))
    result = run.repro()
    assert result.returncode == 0, result.stdout
    assert "Running stage" not in result.stdout
    assert lock(run) == wanted


@pytest.mark.slow
def test_mended_input_restores_the_earlier_outputs_without_computing_them(run):
    wanted = lock(run)
    raw = run.folder / RAW
    good = raw.read_bytes()
    raw.write_bytes(b"\0")
    assert run.repro().returncode != 0
    raw.write_bytes(good)
    result = run.repro()
    assert result.returncode == 0, result.stdout
    assert "Running stage" not in result.stdout
    assert lock(run) == wanted
    assert_whole(run)
