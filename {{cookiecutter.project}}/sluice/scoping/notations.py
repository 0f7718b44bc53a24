"""Find how the numbers of a column are written, and say where nobody can tell: a mark before
three digits may mean two things.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from sluice.core.numbers import (
    AFTER,
    EXPONENT_ALONE,
    LEADING_ZERO,
    MARKS,
    UNIT_BEFORE,
    ZERO_AT_END,
    Notation,
)

GRID = (
    (".", None),
    (",", None),
    (".", ","),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)  # decimal, thousands
MIN_NUMBER_SHARE = 0.8  # of the values of a column are numbers: the others are words among numbers
# of the numbers with marks may be at odds with a way to read them that is possible all the same
STRAY = 0.02
ENOUGH = 8  # numbers with marks, of which one alone may be a slip of the pen
FEW_DOUBLE = 0.02  # of the numbers may be written in two ways without being codes
BARE = re.compile("[+-]?[0-9](?:[0-9.,]*[0-9])?")  # with nothing around its digits
LONG_NUMBER = "[+-]?[0-9]{19}"
SUSPECT = re.compile(f"{LEADING_ZERO}|{LONG_NUMBER}|{EXPONENT_ALONE}")
FRACTION = r"\.[0-9]*[1-9]"
MANY = 20  # different values; with fewer nothing is said of words
CURRENCIES = {
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "JPY",
    "CNY",
    "INR",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "BRL",
    "AUD",
    "CAD",
    "Kč",
    "kr",
    "zł",
}
NOTATION_EXAMPLES = 3


@dataclass(frozen=True)
class Written:
    """How numbers are written: each of `readings` is possible, the likeliest first; `odd` are
    the values that fit none of them.
    """

    readings: tuple[Notation, ...]
    odd: tuple[str, ...]


def written_as(cells: set[str]) -> Written | None:
    """Return how `cells`, the different values of a column, are written as numbers; None where most
    of them are none.

    A stray value decides nothing: a way to read them is possible unless more than STRAY of the
    marked numbers are at odds with it, and of ENOUGH more than one.
    """
    dressed = {cell for cell in cells if not BARE.fullmatch(cell)}
    without = sum(not re.search("[0-9]", cell) for cell in dressed)
    if not cells or len(cells) - without < MIN_NUMBER_SHARE * len(cells):
        return None
    dress, signs = _dress(dressed, len(cells) - len(dressed)), set("".join(cells))
    marks = [mark for mark, regex in MARKS.items() if any(re.match(regex, sign) for sign in signs)]
    grid = [
        (d, t)
        for d, t in GRID
        if (t is None or t in marks) and (d in marks or d == "." or t == ".")
    ]
    odd = {}
    for decimal, thousands in grid:
        notation = replace(dress, decimal=decimal, thousands=thousands)
        matches = re.compile(notation.pattern("number")).match
        odd[notation] = {cell for cell in cells if not matches(cell)}
    likely = sorted(odd, key=lambda notation: len(odd[notation]))
    best = odd[likely[0]]
    if len(cells) - len(best) < MIN_NUMBER_SHARE * len(cells):
        return None
    has_mark = re.compile("|".join(MARKS[mark] for mark in marks) or "(?!)").search
    marked = sum(has_mark(cell, 1) is not None for cell in cells - best)
    readings: list[Notation] = []
    for notation in likely:
        possible = len(odd[notation]) <= len(best) + max(STRAY * marked, marked >= ENOUGH)
        if possible and not any(
            _same(notation, one, cells - odd[notation] - odd[one]) for one in readings
        ):
            readings.append(notation)
    return Written(tuple(readings), tuple(sorted(best)))


def _same(a: Notation, b: Notation, cells: set[str]) -> bool:
    return all(float(a.plain(cell)) == float(b.plain(cell)) for cell in cells)


def _dress(dressed: set[str], n_bare: int) -> Notation:
    """Return what most values have around their digits: a currency, a unit, and what makes them
    negative; `n_bare` have nothing.
    """
    ends = Counter({("", ""): n_bare})
    for cell in dressed:
        digits = [nth for nth, sign in enumerate(cell) if sign in "0123456789"]
        if digits:
            blank = "(+-\u2212)., '\u2019\u00a0\u2007\u2009\u202f"
            ends[cell[: digits[0]].strip(blank), cell[digits[-1] + 1 :].strip(blank)] += 1
    [((before, after), _n)] = ends.most_common(1)
    in_brackets = any(
        re.match(r"[^0-9\s]{0,3}\s?\(.*[0-9].*\)\s?[^0-9\s]{0,3}$", cell) for cell in dressed
    )
    trailing = any(
        re.search("[0-9][^0-9.,]*-$", cell) for cell in dressed
    )  # 500.- is a price without cents
    return Notation(
        before=before,
        after=after,
        negative="parentheses" if in_brackets else "trailing" if trailing else "minus",
    )


def is_sure(written: Written, cells: set[str]) -> bool:
    """Whether nobody could read `cells` in another way: there is one, and what stands around the
    digits is no part of a name.
    """
    notation = written.readings[0]
    around = [text for text in (notation.before, notation.after) if text]
    known = all(
        text in CURRENCIES or text in "%‰" or unicodedata.category(text[-1]) == "Sc"
        for text in around
    )
    negative = {"parentheses": "(", "trailing": "-"}.get(notation.negative)
    some_positive = not negative or any(negative not in cell[:1] + cell[-1:] for cell in cells)
    of_one_width = notation.thousands is not None and len(set(map(len, cells))) == 1 < len(
        cells
    )  # as 110 001 is a postcode
    return (
        len(written.readings) == 1
        and not written.odd
        and known
        and some_positive
        and not of_one_width
    )


def code_of(plain: set[str], show: Callable[[str], str] = str) -> str | None:
    """Return why these numbers, as Python writes them, are rather codes, with a value as `show`
    shows it; None where they are numbers.
    """
    suspects = list(filter(SUSPECT.match, plain))
    if led := sorted(filter(re.compile(LEADING_ZERO).match, suspects)):
        return f"holds numbers with a leading zero, such as {show(led[0])}, which would be lost"
    if longest := list(filter(re.compile(LONG_NUMBER).match, suspects)):
        return f"holds numbers of {len(longest[0])} digits, which 64 bits do not hold"
    alone = sorted(filter(re.compile(EXPONENT_ALONE).match, suspects))
    if alone and not any(re.search(FRACTION, number) for number in plain):
        return f"holds {show(alone[0])}, which may be a code as well as a power of ten"
    double = doubles(plain)
    if len(double) > FEW_DOUBLE * len(plain):
        pair = f"{show(double[0].rstrip('0'))} and {show(double[0])}"
        return (
            f"holds numbers that differ only in a zero at the end, such as {pair}, and may be"
            " versions or codes"
        )
    return None


def doubles(plain: set[str]) -> list[str]:
    """Return the numbers that end in a zero too many, so that they are another one of them."""
    there = [number for number in plain if number[-1:] == "0" and number.rstrip("0") in plain]
    return sorted(filter(re.compile(ZERO_AT_END).search, there))


def question(
    written: Written,
    cells: set[str],
    column: str,
    examples: int = NOTATION_EXAMPLES,
    show: Callable[[str], str] = str,
) -> tuple[str, str] | None:
    """Return what is to be said of a column of text that holds numbers in another notation, and
    what to do; None if that is nothing.

    Values stand in it, as `show` shows them.
    """
    notation = written.readings[0]
    if notation.before not in CURRENCIES and any(sign.isalpha() for sign in notation.before[-1:]):
        return None  # a code such as A12
    if not (re.search(UNIT_BEFORE, notation.before) and re.search(AFTER, notation.after)):
        return None  # a sentence such as "for 5 years", which cannot be declared
    formats = [f"number_formats: {{{column}: {one_line(one)}}}" for one in written.readings]
    declare = "declare it as number in data/sources.yaml, with"
    if len(written.readings) > 1:
        both = _both_ways(written.readings, cells, examples, show)
        what = f"holds numbers that can be read in two ways: {both}"
        return what, f"{declare} {' or '.join(formats)}"
    if written.odd:
        if len(cells) < MANY:
            return None
        shown = ", ".join(repr(show(cell)) for cell in written.odd[:NOTATION_EXAMPLES])
        rest = len(written.odd) - NOTATION_EXAMPLES
        shown += f" and {rest} more" if rest > 0 else ""
        fitting = "" if notation == Notation() else f" written as {notation.example()}"
        do = f"if that means missing, {declare} the words under missing_in: {{{column}: [...]}}"
        return f"holds numbers{fitting}, but also {shown}", do
    if notation in (Notation(), Notation(decimal=",")):
        return None
    do = f"if they are no names or codes, {declare} {formats[0]}"
    return f"holds numbers written as {notation.example()}", do


def _both_ways(
    readings: Sequence[Notation], cells: set[str], examples: int, show: Callable[[str], str]
) -> str:
    """Return examples of cells that `readings` take for different numbers."""
    values = {
        cell: [value for one in readings if (value := _value(one, cell))] for cell in sorted(cells)
    }
    fit = [cell for cell, found in values.items() if len(set(found)) > 1][:examples]
    return "; ".join(f"{show(cell)} as {' or '.join(map(show, values[cell]))}" for cell in fit)


def _value(notation: Notation, cell: str) -> str | None:
    return notation.plain(cell) if re.match(notation.pattern("number"), cell) else None


def one_line(notation: Notation) -> str:
    """Return `notation` as YAML on one line, as it stands under number_formats."""
    given = {
        name: value for name, value in asdict(notation).items() if value not in (None, "", "minus")
    }
    return (
        "{"
        + ", ".join(
            f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in given.items()
        )
        + "}"
    )
