"""Run a stage as a command: a user's mistake ends in a sentence, never in a traceback, and a command that is ended tidies up."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.text import terminal


class Refused(ValueError):  # noqa: N818 - it is an answer, not a fault
    """Input that a stage does not accept; the text says what was found, what is allowed and where to mend it."""


def run(stage: Callable[[], object]) -> None:
    """Call `stage`; on a Refused, or where the system refuses a file, print its sentences to stderr and exit with 1.

    What the terminal's encoding lacks, in a column's name say, is printed escaped.
    """
    name = Path(sys.argv[0]).stem
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with tidied_up():
            stage()
    except Refused as refusal:
        sys.exit("\n".join(f"{name}: {terminal(line)}" for line in str(refusal).split("\n")))
    except OSError as error:
        what = terminal(f"{error.filename or 'a file'}: {error.strerror or error}")
        sys.exit(f"{name}: {what}; free space or mend the permissions, then run it again")


@contextmanager
def tidied_up() -> Iterator[None]:
    """Let whoever ends the process by SIGTERM, or hangs up, wait until temporary files are deleted: they may hold rows of people."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name) and threading.current_thread() is threading.main_thread()]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    ours = [number for number, handler in before.items() if handler == signal.SIG_DFL]  # nohup ignores one, and that stays so

    def end(number: int, _frame: Any) -> None:
        for one in ours:
            signal.signal(one, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
