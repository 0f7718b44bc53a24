"""Run the pipeline again in a scratch copy of what git has, and hold every hash against
dvc.lock.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sluice.core.command import UserError
from sluice.core.pipeline import (
    Stages,
    copy_tracked,
    frozen,
    md5,
    origin,
    outputs,
    read_stages,
    reported,
)
from sluice.core.text import say


def run_again() -> Stages:
    """Return the dvc.lock of a run in a scratch copy; raises UserError where that is stopped."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tracked(Path(), Path(folder))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        again = subprocess.run(
            [sys.executable, "-m", "dvc", "repro"], cwd=folder, env={**os.environ, "PATH": path}
        )
        if again.returncode:
            raise UserError("the run in the scratch copy was stopped, see above")
        return read_stages(Path(folder, "dvc.lock"))


def main(only_reports: bool) -> None:
    """Print each output with its verdict; raises UserError if a hash differs, a stage is frozen, or
    the run fails.

    A file that is there has to be the one that dvc.lock lists. only_reports: leave out what git
    does not keep, since the last bits of another processor change it, and stages that have not run
    since their inputs changed, of which dvc.lock claims nothing.
    """
    here, described = read_stages("dvc.lock"), read_stages("dvc.yaml")
    if problems := frozen(described):
        raise UserError("\n".join(problems))
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
            f"{', '.join(stale)} did not run since the inputs changed: `make repro` does, then"
            " commit the run"
        )
    allowed = ("same", "outdated") if only_reports else ("same",)
    differing = [
        path
        for path, verdict in says.items()
        if verdict not in allowed and (path in kept or not only_reports)
    ]
    if differing:
        raise UserError(
            f"{len(differing)} of {len(says)} outputs differ from dvc.lock: {', '.join(differing)};"
            " nobody may edit them, or commit them without running what makes them: commit the run"
            " of `make repro`, or find out what is random"
        )


def _holds(path: str, wanted: str | None, again: str | None) -> bool:
    """Return whether a run has the hash that dvc.lock lists, and the file, if it is there, as
    well.
    """
    return wanted == again and (not Path(path).is_file() or md5(Path(path)) == wanted)
