"""Run a stage as a command: a mistake and a failure end in a sentence, never in a traceback, and
a command that is ended tidies up.
"""

import atexit
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from sluice.core.text import terminal

# the exit code of a command that failed by itself, whatever its others mean: EX_SOFTWARE of
# sysexits.h
FAILED = 70
TRACEBACKS = (  # of a command; git ignores the folder, since a traceback may quote values of people
    "private/failed-{}.txt"
)


class UserError(ValueError):
    """Input that a stage does not accept; the text says what was found, what is allowed and
    where to mend it.
    """


def run(command: Callable[[], object], name: str = "", refused: int = 1) -> None:
    """Call `command`; print the sentences of a UserError to stderr and end with `refused`, and any
    other failure with FAILED.

    name: of the command, by default that of the module that Python runs. What the terminal's
    encoding lacks, in a column's name say, is printed escaped.
    """
    gc.freeze()  # what is imported stays: to look for garbage in it takes half a second
    atexit.register(gc.unfreeze)  # DuckDB calls it a leak
    gc.enable()
    name = name or Path(sys.argv[0]).stem
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with tidied_up():
            command()
    except UserError as error:
        for line in str(error).split("\n"):
            print(f"{name}: {terminal(line)}", file=sys.stderr)
        sys.exit(refused)
    except BrokenPipeError:  # whoever read the output has left
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the process ends
        sys.exit(FAILED)
    except OSError as error:
        what = terminal(f"{error.filename or 'a file'}: {error.strerror or error}")
        print(
            f"{name}: {what}. Check the disk space and the permissions, then try again.",
            file=sys.stderr,
        )
        sys.exit(FAILED)
    except Exception as error:
        fail(error, name)


def fail(error: BaseException, name: str = "") -> NoReturn:
    """Say on stderr where the program failed, write the traceback to a file that git ignores, and
    exit with FAILED.

    The text of `error` is in the file alone: it may quote values of rows.
    """
    name = name or Path(sys.argv[0]).stem
    to = Path(TRACEBACKS.format(name))
    try:
        to.parent.mkdir(exist_ok=True)
        to.write_text(
            "".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace"
        )
        seen = f"{to.as_posix()} (it holds the traceback, and may quote values of rows)"
    except OSError:
        seen = "the lines above"
        traceback.print_tb(error.__traceback__)
    print(
        f"{name}: error in sluice itself ({type(error).__name__} in {_where(error)}), so there is"
        " no verdict. Report it to those who maintain sluice/ (the `template` in .cruft.json, if"
        f" there is one), with {seen}.",
        file=sys.stderr,
    )
    sys.exit(FAILED)


def _where(error: BaseException) -> str:
    """Return the file and the line of ours in which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if {"sluice", "stages"} & {*Path(frame.filename).parts}]
    last = (own or frames)[-1:]
    return f"{Path(last[0].filename).name}, line {last[0].lineno}" if last else "an unknown line"


@contextmanager
def tidied_up() -> Iterator[None]:
    """Let whoever ends the process by SIGTERM, or hangs up, wait until temporary files are
    deleted: they may hold rows of people.
    """
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
