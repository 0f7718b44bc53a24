"""From raw files to a rollback in real processes, on the bundled crashes: what each command says
is what happened.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv/bin/python"
LIVE = "data/live/crashes_2002.csv.gz"
LATER = ["dead", "injSeverity", "weight"]  # known of no row when it comes


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A fresh clone of this repository, after one run, committed."""
    folder = tmp_path_factory.mktemp("lifecycle") / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(
            ("{{", "reports/monitoring", "reports/retraining", "registry/")
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    for arguments in (
        ["init", "--quiet"],
        ["config", "user.name", "Ada"],
        ["config", "user.email", "ada@example.org"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    call(folder, "dvc", "repro")
    commit(folder)
    return folder


def call(folder: Path, *arguments: str, code: int = 0) -> str:
    """Return what a module of Python prints in the project, which has to end with `code`."""
    path = os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]])
    environment = {
        key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")
    } | {"PATH": path}
    ended = subprocess.run(
        [PYTHON, "-m", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert ended.returncode == code, ended.stdout[-5000:]
    assert "Traceback" not in ended.stdout
    return ended.stdout


def commit(folder: Path) -> None:
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "run"], cwd=folder, check=True)


def test_from_raw_files_to_a_rollback(project, tmp_path):
    assert "v1.0.0 is in service" in call(project, "sluice", "promote", "--why", "the first")

    said = call(project, "sluice", "score", LIVE)
    assert "4,764 of 4,764 rows, model v1.0.0" in said
    first = (project / "scored/crashes_2002.csv").read_bytes()

    rows = pd.read_csv(project / LIVE)
    rows.drop(columns=LATER).to_csv(tmp_path / "live.csv", index=False)
    said = call(project, "sluice", "monitor", f"{tmp_path}/live.csv", "--window", "y2002", code=3)
    assert "Concept drift cannot be judged" in said
    assert "gate batch: pass" in said
    assert "name yearVeh: proven_effect" in said, "cars got newer"

    rows[["dead"]].assign(line=np.arange(2, len(rows) + 2)).to_csv(
        tmp_path / "labels.csv", index=False
    )
    said = call(
        project,
        "sluice",
        "monitor",
        f"{tmp_path}/live.csv",
        "--labels",
        f"{tmp_path}/labels.csv",
        "--window",
        "y2002",
        code=1,
    )
    assert "monitor: warn; read" in said, "the last word is no better than that of a gate above it"
    assert "gate performance: pass" in said
    assert "gate windows: pass" in said, "one window that drifted is not acted upon"

    older = rows.assign(age=(rows["age"] * 1.5).round().clip(upper=97).astype(int))
    older.drop(columns=LATER).to_csv(tmp_path / "older.csv", index=False)
    said = call(project, "sluice", "monitor", f"{tmp_path}/older.csv", "--window", "older", code=3)
    assert "window older: drift_hits 2" in said, "the second window alarms"
    assert "name age: proven_effect" in said
    assert "The data drifted in two of the last three windows: retrain" in said

    said = call(project, "sluice", "retrain", LIVE)
    assert "gate challenger: pass" in said
    assert "v2.0.0" in said
    assert "v1.0.0" in call(project, "sluice", "score", LIVE), "a challenger is not in service"

    assert "v2.0.0 is in service, v1.0.0 is retired" in call(
        project, "sluice", "promote", "v2.0.0", "--why", "newer rows"
    )
    assert "model v2.0.0" in call(project, "sluice", "score", LIVE)
    assert (project / "scored/crashes_2002.csv").read_bytes() != first
    said = call(project, "sluice", "monitor", f"{tmp_path}/older.csv", "--window", "older", code=3)
    assert "drift_hits" not in said.partition("gate windows")[2], (
        "windows of the model that was retired do not count for this one"
    )

    assert "v1.0.0 is in service again, v2.0.0 is retired" in call(
        project, "sluice", "rollback", "--why", "to try it"
    )
    call(project, "sluice", "score", LIVE)
    assert (project / "scored/crashes_2002.csv").read_bytes() == first
    assert "in service: v1.0.0" in call(project, "sluice", "history")
