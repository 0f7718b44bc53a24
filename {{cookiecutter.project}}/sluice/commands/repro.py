"""Run the pipeline and show the result, also that of a run that a gate stopped."""

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

from sluice.commands import check, summary
from sluice.core.text import say

STAGING = ("To enable auto staging, run:", "\tdvc config core.autostage true")
PUSH = ("Use `dvc push` to send your updates to remote storage.",)


class WithoutLines:
    """What is written to `stream`, without the lines that are `unwanted`.

    Only this process writes here: the stages have the terminal itself, its colours with it.
    """

    def __init__(self, stream: TextIO, unwanted: tuple[str, ...]):
        self.stream, self.unwanted = stream, unwanted

    def write(self, text: str) -> int:
        """Write what is left of `text`."""
        lines = text.splitlines(keepends=True)
        kept = [line for line in lines if line.rstrip("\n") not in self.unwanted]
        if any(line.strip() for line in kept) or len(kept) == len(lines):
            self.stream.write("".join(kept))
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def run_stages() -> int:
    """Let DVC run the stages that changed, without the advice that nobody here can follow, and
    return its exit code.

    DVC asks the PATH for `python`: that of this environment comes first.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    told = WithoutLines(sys.stdout, STAGING + PUSH)
    with redirect_stdout(told):  # type: ignore[type-var]
        from dvc.cli import main as dvc  # its log keeps the stdout that it finds
        from dvc.config import Config

        if Config(".dvc")["remote"]:
            told.unwanted = STAGING
        return int(dvc(["repro"]))


def main() -> None:
    """Check params.yaml and the files, run the stages, and print the summary.

    Exits with DVC's exit code where a stage was stopped; raises UserError as `check` and `summary`
    do.
    """
    check.main()
    code = run_stages()
    say("")
    summary.main()
    sys.exit(code)
