"""Run the pipeline again in a scratch copy of what git has, and hold every hash against
dvc.lock.
"""

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
        command = "import sys; from sluice.commands.repro import run_stages; sys.exit(run_stages())"
        again = subprocess.run([sys.executable, "-c", command], cwd=folder)
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
    stale = [name for name in {**here, **there} if origin(here, name) != origin(there, name)]
    says = _compared(here, there, stale)
    say(*(f"{verdict:<9}{path}" for path, verdict in says.items()))
    if stale:
        say(
            f"{', '.join(stale)} did not run since the inputs changed: `make repro` does, then"
            " commit the run"
        )
    allowed = ("same", "outdated") if only_reports else ("same",)
    asked = reported(described) if only_reports else says
    differing = [path for path in says if says[path] not in allowed and path in asked]
    if differing:
        raise UserError(
            f"{len(differing)} of {len(says)} outputs differ from dvc.lock: {', '.join(differing)};"
            " nobody may edit them, or commit them without running what makes them: commit the run"
            " of `make repro`, or find out what is random"
        )


def _compared(here: Stages, there: Stages, stale: list[str]) -> dict[str, str]:
    """Return of each output whether it is the same, differs, or is outdated, since its stage is
    `stale`.
    """
    wanted, again = outputs(here), outputs(there)
    outdated = {
        path
        for lock in (here, there)
        for path in outputs({name: lock[name] for name in stale if name in lock})
    }
    other = {True: "outdated", False: "differs"}
    return {
        path: "same" if _holds(path, wanted.get(path), again.get(path)) else other[path in outdated]
        for path in {**wanted, **again}
    }


def _holds(path: str, wanted: str | None, again: str | None) -> bool:
    """Return whether a run has the hash that dvc.lock lists, and the file, if it is there, as
    well.
    """
    return wanted == again and (not Path(path).is_file() or md5(Path(path)) == wanted)
