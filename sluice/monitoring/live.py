"""Find the live files that a command means; a name may hold whatever the name of a file can."""

import glob
import os
from pathlib import Path

from sluice.core.command import UserError

LIVE = Path("data/live")


def live_files(given: list[str]) -> list[Path]:
    """Return the files that `given` names, without any all of data/live, in the order of their
    names.

    Each of `given` is a path, a pattern, or several of these, one a line; a pattern leaves out what
    DVC keeps beside a file. Raises UserError for one that finds no file.
    """
    return (
        [path for line in lines(given) for path in _files(line)]
        if given
        else _found(str(LIVE / "*"))
    )


def lines(given: list[str]) -> list[str]:
    """Return each of `given` that is a file as it is, of the others each line."""
    return [
        line for text in given for line in ([text] if _is_file(text) else text.splitlines()) if line
    ]


def _files(line: str) -> list[Path]:
    """Return the files that one line names."""
    found = [Path(line)] if _is_file(line) else _found(line)
    if not found:
        raise UserError(
            f"{line!r} does not exist; name a file, or a pattern such as 'data/live/*'; several"
            " files go one a line"
        )
    return found


def _found(pattern: str) -> list[Path]:
    names = glob.glob(pattern)  # noqa: PTH207 - Path.glob takes no absolute ones
    return sorted(Path(name) for name in names if _is_file(name) and not name.endswith(".dvc"))


def _is_file(name: str) -> bool:
    return os.path.isfile(name)  # noqa: PTH113 - False also where the name is too long
