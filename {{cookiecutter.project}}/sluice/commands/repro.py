"""Run the pipeline and show the result, also that of a run that a gate stopped."""

import subprocess
import sys

from sluice.commands import check, summary


def main() -> None:
    """Check params.yaml and the files, call `dvc repro`, and print the summary.

    Exits with DVC's exit code where a stage was stopped; raises UserError as `check` and `summary`
    do.
    """
    check.main()
    ended = subprocess.run([sys.executable, "-m", "dvc", "repro"])
    print(flush=True)
    summary.main()
    sys.exit(ended.returncode)
