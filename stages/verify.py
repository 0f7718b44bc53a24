"""Run the pipeline again in a scratch copy of what git has, and hold every hash against dvc.lock."""

import argparse
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
HISTORY = (
    "reports/test_set.csv",
    "reports/gates/test_set.json",
)  # tell of all runs so far, not of the last

Stages = dict[str, dict[str, Any]]


def copy_tracked(source: Path, target: Path) -> None:
    """Copy the files that git tracks in `source`, save LEFT_OUT, and the raw data to `target`, as a DVC repository without git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=source, capture_output=True, check=True, encoding="utf-8"
    ).stdout
    for name in filter(None, listed.split("\0")):
        if not name.startswith(LEFT_OUT) and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
    shutil.copytree(
        source / "data" / "raw", target / "data" / "raw", dirs_exist_ok=True
    )  # a large file there is DVC's, not git's
    (target / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")


def read_stages(path: str | Path) -> Stages:
    """Return the stages that dvc.yaml or dvc.lock at `path` lists; raises Refused where there are none."""
    try:
        stages: Stages = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["stages"]
    except FileNotFoundError:
        raise Refused(
            f"{path} does not exist; run `make repro`, which writes it, or restore it from git"
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        raise Refused(f"{path} lists no stages; restore it from git") from None
    return stages


def frozen(described: Stages) -> list[str]:
    """Return a sentence for each stage of a dvc.yaml that is frozen: DVC takes its outputs as they are, whatever its inputs became."""
    return [
        f"dvc.yaml: the stage {name} is frozen, so that its outputs need not be those of its inputs; run `dvc unfreeze {name}`"
        for name, stage in described.items()
        if (stage.get("do") or stage).get("frozen")
    ]


def outputs(lock: Stages) -> dict[str, str]:
    """Return the hash of each output that a dvc.lock lists, but for HISTORY."""
    return {
        out["path"]: out["md5"]
        for stage in lock.values()
        for out in stage.get("outs", [])
        if out["path"] not in HISTORY
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
    """Return what the outputs of the stage `name` follow from, by a dvc.lock: commands, parameters and files that no stage makes."""
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


def run_again() -> Stages:
    """Return the dvc.lock of a run in a scratch copy; raises Refused where that is stopped."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tracked(Path(), Path(folder))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        again = subprocess.run(
            [sys.executable, "-m", "dvc", "repro"], cwd=folder, env={**os.environ, "PATH": path}
        )
        if again.returncode:
            raise Refused("the run in the scratch copy was stopped, see above")
        return read_stages(Path(folder, "dvc.lock"))


def verify(only_reports: bool) -> None:
    """Print each output with its verdict; raises Refused if a hash differs, a stage is frozen, or the run fails.

    A file that is there has to be the one that dvc.lock lists. only_reports: leave out what git does not keep, since the last bits
    of another processor change it, and stages that have not run since their inputs changed, of which dvc.lock claims nothing.
    """
    here, described = read_stages("dvc.lock"), read_stages("dvc.yaml")
    if problems := frozen(described):
        raise Refused("\n".join(problems))
    there = run_again()
    wanted, again, kept = outputs(here), outputs(there), reported(described)
    stale = [name for name in {**here, **there} if origin(here, name) != origin(there, name)]
    outdated = {
        path
        for lock in (here, there)
        for path in outputs({name: lock[name] for name in stale if name in lock})
    }
    says = {
        path: "same" if _holds(path, wanted.get(path), again.get(path)) else "differs"
        for path in {**wanted, **again}
    }
    says |= {path: "outdated" for path in outdated if says[path] == "differs"}
    say(*(f"{verdict:<9}{path}" for path, verdict in says.items()))
    if stale:
        say(
            f"{', '.join(stale)} did not run since the inputs changed: `make repro` does, then commit the run"
        )
    allowed = ("same", "outdated") if only_reports else ("same",)
    differing = [
        path
        for path, verdict in says.items()
        if verdict not in allowed and (path in kept or not only_reports)
    ]
    if differing:
        raise Refused(
            f"{len(differing)} of {len(says)} outputs differ from dvc.lock: {', '.join(differing)}; nobody may edit them, or commit them "
            "without running what makes them: commit the run of `make repro`, or find out what is random"
        )


def _holds(path: str, wanted: str | None, again: str | None) -> bool:
    """Return whether a run has the hash that dvc.lock lists, and the file, if it is there, as well."""
    return wanted == again and (not Path(path).is_file() or md5(Path(path)) == wanted)


def main() -> None:
    """Verify; see `verify`."""
    parser = argparse.ArgumentParser(prog="verify", description=__doc__)
    parser.add_argument(
        "--reports",
        action="store_true",
        help="hold only the reports that git keeps, and only those of inputs as they are",
    )
    verify(parser.parse_args().reports)


if __name__ == "__main__":
    run(main)
