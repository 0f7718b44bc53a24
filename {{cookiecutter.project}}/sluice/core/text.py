"""Write text that came from data into another language, so that it stays text there: one function
for each language.

HTML is not here: the pages of sluice/reports/pages/ escape what they are given.
"""

import os
import re
import sys

FORMULA = re.compile(
    r"'*[=+\-@\t\r\n＝＋－＠](?s:.)"
)  # a spreadsheet would compute such a cell; a lone sign is text there, too
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COLOURS = {"pass": 32, "info": 36, "warn": 33, "insufficient": 35, "fail": 31}
COMMAND = re.compile(r"^\s*::|##\[")  # GitHub's runner obeys such a line of a log
PLAIN_NAME = re.compile(r"[^\W_]([\w ]*[^\W_])?")


def terminal(text: str) -> str:
    r"""Return `text` on one line, without a sign that moves the cursor or cannot be seen: \x1b
    instead of an escape.
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def say(*lines: str, verdict: str = "") -> None:
    """Print each of `lines`; what stands in one can neither begin another nor be a command to the
    program that keeps the log.

    verdict: a word in them that is coloured where a person sees it, unless NO_COLOR is set.
    """
    colour = (
        COLOURS.get(verdict.lower())
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        else None
    )
    for line in lines:
        text = COMMAND.sub(
            lambda found: found[0].replace(":", r"\x3a").replace("#", r"\x23"), terminal(line)
        )
        print(
            text.replace(verdict, f"\x1b[{colour}m{verdict}\x1b[0m", 1) if colour else text,
            flush=True,
        )


def csv_cell(text: str) -> str:
    """Return `text` for a cell of CSV: a formula begins with an apostrophe, so that a
    spreadsheet shows it; a number stays one.
    """
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def csv_text(cell: str) -> str:
    """Return the text that `csv_cell` made `cell` of."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def markdown(text: str) -> str:
    """Return `text` for a cell of a table in Markdown: as code unless it is plain words, so that
    it can be no mention, link or HTML.
    """
    line = terminal(text)
    if PLAIN_NAME.fullmatch(line) or NUMBER.fullmatch(line) or not line:
        return line
    mark = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{mark}{space}{line}{space}{mark}".replace("|", r"\|")


def fenced(text: str) -> str:
    """Return `text` as a block of code in Markdown that nothing in it can end, each of its lines
    as on a terminal.
    """
    mark = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return "\n".join([mark, *map(terminal, text.split("\n")), mark])
