"""Run the pipeline again in a scratch copy of what git has, and hold every hash against dvc.lock."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from stages.command import Refused, run
from stages.text import say

LEFT_OUT = ("dvc.lock", "reports/")
HISTORY = ("reports/test_set.csv", "reports/gates/test_set.json")  # tell of all runs so far, not of the last


def copy_tracked(source: Path, target: Path) -> None:
    """Copy the files that git tracks in `source`, save LEFT_OUT, and the raw data to `target`, as a DVC repository without git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True, check=True, encoding="utf-8").stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(LEFT_OUT) and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
    shutil.copytree(source / "data" / "raw", target / "data" / "raw", dirs_exist_ok=True)  # a large file there is DVC's, not git's
    (target / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")


def outputs(lock: Path) -> dict[str, str]:
    """Return the hash of each output that a dvc.lock lists, but for HISTORY."""
    stages: dict[str, Any] = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"] if out["path"] not in HISTORY}


def md5(path: Path) -> str:
    """Return the hash of a file as dvc.lock has it."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def main() -> None:
    """Print each output with its verdict; raises Refused if a hash differs or the run fails."""
    if not Path("dvc.lock").is_file():
        raise Refused("dvc.lock does not exist, so there is nothing to compare with; run `make repro` first")
    with tempfile.TemporaryDirectory() as folder:
        copy_tracked(Path(), Path(folder))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        again = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=folder, env={**os.environ, "PATH": path})
        if again.returncode:
            raise Refused("the run in the scratch copy was stopped, see above")
        here, there = outputs(Path("dvc.lock")), outputs(Path(folder, "dvc.lock"))
    differing = [name for name in here if here[name] != there.get(name)]
    say(*(f"{'differs' if name in differing else 'same':<9}{name}" for name in here))
    if differing:
        raise Refused(
            f"{len(differing)} of {len(here)} outputs differ from dvc.lock; commit the run of `make repro`, or find out what is random"
        )


if __name__ == "__main__":
    run(main)
