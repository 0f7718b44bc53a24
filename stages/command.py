"""Run a stage as a command: a mistake and a failure end in a sentence, never in a traceback, and a command that is ended tidies up."""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from stages.text import terminal

FAILED = 70  # the exit code of a command that failed by itself, whatever its others mean: EX_SOFTWARE of sysexits.h
TRACEBACKS = "private/failed-{}.txt"  # of a command; git ignores the folder, since a traceback may quote values of people


class Refused(ValueError):  # noqa: N818 - it is an answer, not a fault
    """Input that a stage does not accept; the text says what was found, what is allowed and where to mend it."""


def run(stage: Callable[[], object]) -> None:
    """Call `stage`; on a Refused print its sentences to stderr and exit with 1, where the system refuses a file with FAILED.

    What the terminal's encoding lacks, in a column's name say, is printed escaped. Any other exception passes: `stages/__init__.py`
    hands it to `fail`.
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
        print(
            f"{name}: {what}; free space or mend the permissions, then run it again",
            file=sys.stderr,
        )
        sys.exit(FAILED)


def fail(error: BaseException) -> NoReturn:
    """Say on stderr where the program failed, write the traceback to a file that git ignores, and exit with FAILED.

    The text of `error` is in the file alone: it may quote values of rows.
    """
    name = Path(sys.argv[0]).stem
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parent)
    ] or frames
    where = f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else "no known line"
    to = Path(TRACEBACKS.format(name))
    try:
        to.parent.mkdir(exist_ok=True)
        to.write_text(
            "".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace"
        )
        seen = f"{to.as_posix()}, which has the traceback and may quote values of rows"
    except OSError:
        seen = "what stands above"
        traceback.print_tb(error.__traceback__)
    print(
        f"{name}: the program failed ({type(error).__name__} in {where}), so that there is no verdict; report it to those who maintain "
        f"stages/ (the `template` that .cruft.json names, if there is one) with {seen}",
        file=sys.stderr,
    )
    sys.exit(FAILED)


@contextmanager
def tidied_up() -> Iterator[None]:
    """Let whoever ends the process by SIGTERM, or hangs up, wait until temporary files are deleted: they may hold rows of people."""
    names = [
        name
        for name in ("SIGTERM", "SIGHUP")
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread()
    ]
    before = {
        number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)
    }
    ours = [
        number for number, handler in before.items() if handler == signal.SIG_DFL
    ]  # nohup ignores one, and that stays so

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
