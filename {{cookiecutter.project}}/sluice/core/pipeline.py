"""Read dvc.yaml and dvc.lock, and copy and run what they describe."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from sluice.core.command import UserError

NOT_COPIED = ("dvc.lock", "reports/")
HISTORY_REPORTS = (
    "reports/test_set.csv",
    "reports/gates/test_set.json",
)  # tell of all runs so far, not of the last

Stages = dict[str, dict[str, Any]]


def copy_tracked(source: Path, target: Path) -> None:
    """Copy the files that git tracks in `source`, save NOT_COPIED, and the raw data to `target`,
    as a DVC repository without git.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=source, capture_output=True, check=True, encoding="utf-8"
    ).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(NOT_COPIED) and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
    shutil.copytree(
        source / "data" / "raw", target / "data" / "raw", dirs_exist_ok=True
    )  # a large file there is DVC's, not git's
    (target / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")


def read_stages(path: str | Path) -> Stages:
    """Return the stages that dvc.yaml or dvc.lock at `path` lists; raises UserError where there
    are none.
    """
    try:
        stages: Stages = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["stages"]
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist; run `make repro`, which writes it, or restore it from git"
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        raise UserError(f"{path} lists no stages; restore it from git") from None
    return stages


def frozen(described: Stages) -> list[str]:
    """Return a sentence for each stage of a dvc.yaml that is frozen: DVC takes its outputs as
    they are, whatever its inputs became.
    """
    return [
        f"dvc.yaml: the stage {name} is frozen, so that its outputs need not be those of its"
        f" inputs; run `dvc unfreeze {name}`"
        for name, stage in described.items()
        if (stage.get("do") or stage).get("frozen")
    ]


def outputs(lock: Stages) -> dict[str, str]:
    """Return the hash of each output that a dvc.lock lists, but for HISTORY_REPORTS."""
    return {
        out["path"]: out["md5"]
        for stage in lock.values()
        for out in stage.get("outs", [])
        if out["path"] not in HISTORY_REPORTS
    }


def reported(described: Stages) -> set[str]:
    """Return the outputs that git keeps: those that a dvc.yaml calls metrics or plots."""
    kept = [
        one
        for stage in described.values()
        for kind in ("metrics", "plots")
        for one in stage.get(kind, [])
    ]
    return {path for one in kept for path in ([one] if isinstance(one, str) else one)}


def origin(lock: Stages, name: str) -> dict[str, Any]:
    """Return what the outputs of the stage `name` follow from, by a dvc.lock: commands,
    parameters and files that no stage makes.
    """
    made = {out["path"]: stage for stage, entry in lock.items() for out in entry.get("outs", [])}
    found: dict[str, Any] = {}
    todo = [name]
    while todo:
        one = todo.pop()
        deps = {dep["path"]: dep["md5"] for dep in lock.get(one, {}).get("deps", [])}
        found[one] = [
            lock.get(one, {}).get("cmd"),
            lock.get(one, {}).get("params"),
            {p: deps[p] for p in deps if p not in made},
        ]
        todo += {made[path] for path in deps if path in made} - found.keys()
    return found


def md5(path: Path) -> str:
    """Return the hash of a file as dvc.lock has it."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def run_stage(stage: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a stage of this project in `folder`, in a process of its own, and return how it ended,
    with what it printed.
    """
    path = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )


def refusals(stage: str, ended: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the sentences with which a stage that `ended` badly says why."""
    lines = ended.stderr.splitlines()
    own = [line for line in lines if line.startswith(f"{stage}: ")]
    return own or lines[-1:] or [f"{stage} ended with exit code {ended.returncode}"]
