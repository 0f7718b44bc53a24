"""Keep values of rows, which may tell of people, out of reports and logs: they are shown only
where SHOW_VALUES=1 asks for them.
"""

import os
import re
from pathlib import Path

from sluice.core.tables import write_text
from sluice.core.text import say, terminal

PRIVATE = Path("private")  # git ignores it
TYPE = (
    r"str|string|int|float|bool|object|date[\w.]*|Timestamp|Timedelta|NoneType"
    r"|\w*(int|float)(8|16|32|64)|\w*Array"
)
KNOWN = re.compile(
    rf"[<>=!+*/-]+|{TYPE}|mean|sum|max|min|quantiles|value_ranges|\w+_value|\w+_set"
)  # what other programs quote that is no value


def shows_values() -> bool:
    """Tell whether whoever runs this asks for values."""
    return os.environ.get("SHOW_VALUES") == "1"


def show(name: str, lines: list[str]) -> None:
    """Print `lines`, which hold values of rows, and write them to private/, if somebody asks for
    values; else say how to ask.
    """
    if lines and shows_values():
        write_text("".join(f"{terminal(line)}\n" for line in lines), PRIVATE / f"{name}.txt")
        say(*(f"    {line}" for line in lines))
    elif lines:
        say(
            "  values are not shown, they may tell of people; run it again with SHOW_VALUES=1,"
            f" which writes them to {PRIVATE}/{name}.txt"
        )


def without_values(message: str, columns: list[str]) -> str:
    """Return another program's `message` without what it quotes, unless that names one of
    `columns`, a type or a sign.
    """

    def kept(found: re.Match[str]) -> str:
        return (
            found[0]
            if found[2] in columns or KNOWN.fullmatch(found[2])
            else f"{found[1]}...{found[1]}"
        )

    quoted = re.sub(r"""(['"])(.*?)\1""", kept, message)
    return re.sub(
        r"(?i)\b(parse|parsing|format|literal|timestamp)(: |\s+)(?!['\"]).*", r"\1 ...", quoted
    )
