"""Run a stage as a command: a user's mistake ends in a sentence, never in a traceback."""

import sys
from collections.abc import Callable
from pathlib import Path


class Refused(ValueError):  # noqa: N818 - it is an answer, not a fault
    """Input that a stage does not accept; the text says what was found, what is allowed and where to mend it."""


def run(stage: Callable[[], object]) -> None:
    """Call `stage`; on a Refused, or where the system refuses a file, print its sentences to stderr and exit with 1.

    What the terminal's encoding lacks, in a column's name say, is printed escaped.
    """
    name = Path(sys.argv[0]).stem
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        stage()
    except Refused as refusal:
        sys.exit("\n".join(f"{name}: {line}" for line in str(refusal).splitlines()))
    except OSError as error:
        sys.exit(f"{name}: {error.filename or 'a file'}: {error.strerror or error}; free space or mend the permissions, then run it again")
