"""Say what a column seems to be apart from its declared type, and what to do about it."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from sluice.audits.attributes import personal, sensitive, words
from sluice.core.params import Data
from sluice.data.cells import WORDS
from sluice.data.cleaning import MANY_COLUMNS
from sluice.data.groups import MAX_GROUP_CODES
from sluice.data.shares import alike
from sluice.data.sources import Source
from sluice.scoping.columns import (
    MAX_COMMON_VALUES,
    MIN_ALIKE_VALUES,
    SHOWN_VALUES,
    Column,
    copies,
    written,
)
from sluice.scoping.finding import Finding
from sluice.scoping.notations import written_as
from sluice.scoping.sample import asked

NAMED = """account agent applicant application article asset batch bill booking borrower box branch building buyer call campaign car card
    case claim claimant client company contract county course cust customer dealer device doc doctor document driver employee employer emp
    encounter entity event facility family file flight group guest hospital household house image instance invoice item job kunde kunden
    lab lead line listing loan location lot machine member merchant message mother node object obj offer operator order org owner parcel
    parent part participant partner party patient payment person plant player policy post prod product project property provider
    record recipient ref region rental report request res ride route row sale sample school seller sensor serial sess session shipment shop
    site station stay store student subj subject subscriber sub supplier task team tenant test ticket tour trade train trans transaction
    # things of which each has an id
    trial trip txn unit user vehicle vendor vessel visit visitor voter ward worker zone"""
DIGIT, LETTERS = re.compile(r"\d"), re.compile(r"[^\W\d_]+")
ALMOST_ALL = 0.99  # almost constant, almost one value a row
MISSING_WORDS = {
    "?",
    "-",
    ".",
    "na",
    "n/a",
    "nan",
    "null",
    "nil",
    "unknown",
    "unk",
    "missing",
    "not available",
    "not known",
}
SENTINELS = {-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999}
OPEN_DATES = {
    "0001-01-01",
    "1753-01-01",
    "1800-01-01",
    "1899-12-30",
    "1900-01-01",
    "2099-12-31",
    "2999-12-31",
    "9999-12-31",
}  # of databases
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([ T].*)?|\d{1,2}["
    r" -][A-Za-z]{3,9}[ -]\d{2,4}"
)


def copy_findings(X: pd.DataFrame) -> list[Finding]:
    """Return the features that are one another in another code."""
    return [
        Finding(
            "note",
            "data",
            ", ".join(group),
            "they say the same in other words: each value of one goes with one of the other",
            "keep one",
        )
        for group in copies(X)
    ]


def is_identifier(column: Column) -> bool:
    """Tell whether a column names its row: nearly one value a row, and text in one word, or
    named as an id, or counting up.
    """
    if (
        column.filled < MIN_ALIKE_VALUES
        or column.distinct < ALMOST_ALL * column.filled
        or column.type not in ("text", "integer")
    ):
        return False
    if column.type == "text":
        return (column.words_a_value or 1) < 2
    return column.rises or is_named_id(column.name)


def is_named_id(name: str) -> bool:
    """Tell whether a column's name says that it names something: customer_id, caseid, uuid,
    order_no; humid and paid do not.
    """
    last = "".join(words(name)[-1:])
    return last in {"id", "uuid", "guid", "key", "no", "nr", "number"} or (
        last.endswith("id") and last[:-2] in NAMED.split()
    )


def is_date(column: Column) -> bool:
    """Tell whether text or whole numbers are written as dates, such as 31.12.2001 or 20011231."""
    values = [value for value, _n in column.common]
    if column.type == "text":
        return len(values) > 1 and sum(
            bool(DATE.fullmatch(value)) for value in values
        ) > ALMOST_ALL * len(values)
    dates = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
    return (
        column.type == "integer"
        and len(values) > 1
        and all(dates.fullmatch(value) for value in values)
    )


def is_free_text(column: Column) -> bool:
    """Tell whether a column holds sentences: four words a value or more, and hardly a value
    twice.
    """
    return (
        column.type == "text"
        and (column.words_a_value or 0) >= 4
        and column.distinct > max(MIN_ALIKE_VALUES, column.filled / 2)
    )


def is_constant(column: Column) -> bool:
    """Tell whether one value, or none, stands in nearly every record."""
    return (column.distinct < 2 and not column.missing) or max(
        column.missing, *(n for _v, n in column.common[:1]), 0
    ) >= ALMOST_ALL * column.rows


def names_a_thing(column: Column) -> bool:
    """Tell whether a column names its row, or by its own name something that stands in several
    rows.
    """
    is_amount = column.type == "number" and any(
        not float(value).is_integer() for value, _n in column.common
    )
    return is_identifier(column) or (
        is_named_id(column.name)
        and not is_amount
        and MIN_ALIKE_VALUES < column.distinct < column.filled
    )


def findings(
    columns: list[Column],
    data: Data,
    source: Source,
    tells: Mapping[str, str] = MappingProxyType({}),
) -> list[Finding]:
    """Return what is to be said of single columns; of those that are no features only what matters
    there.

    tells: what each feature that names something tells of a sensitive column, as
    `suspicious.told_by` found it.
    """
    found: list[Finding] = []
    for column in columns:
        found += _of_values(column, source, data.target)
        if column.name not in data.not_features():
            found += _of_features(column, data, tells.get(column.name, ""))
    if len(columns) > MANY_COLUMNS:
        found.append(
            Finding(
                "note",
                "data",
                source.path,
                f"{len(columns)} columns",
                "each that carries nothing costs time and chance hits",
            )
        )
    return found


def _of_values(column: Column, source: Source, target: str) -> list[Finding]:
    """Return what is to be said of how values are written."""
    name, found = column.name, []
    if column.misfits:
        examples, codes = ", ".join(map(repr, column.examples)), name in source.one_spelling
        what = (
            f"{column.misfits:,} of {column.rows:,} values are"
            f" {WORDS[column.type]}{' or may be codes' if codes else ''}"
        )
        do = (
            f"mend its type in data/sources.yaml (now {column.type}), or the words under missing"
            " there, or the file"
        )
        do += (
            "; numbers with leading zeros are text if they are codes, else take the column out of"
            " one_spelling"
            if codes
            else ""
        )
        found.append(
            Finding(
                "stop", "data", name, f"{what}, written as {examples}; their rows are rejected", do
            )
        )
    words_for_missing = [
        value for value, _n in column.common if value.strip().lower() in MISSING_WORDS
    ]
    if column.type == "text" and words_for_missing:
        n = dict(column.common)[words_for_missing[0]]
        do = f"if so, add it to missing_in: {{{name}: [...]}} in data/sources.yaml"
        found.append(
            Finding(
                "look",
                "data",
                name,
                f"{words_for_missing[0]!r} ({n:,} times) may mean a missing value",
                do,
            )
        )
    if column.type == "text":
        found += _of_text(column, [*source.ignore_case, target])
    if column.type in ("integer", "number") and (sentinel := _sentinel(column)):
        do = "if it means a missing value, write nothing there instead; as a number it misleads"
        found.append(
            Finding("look", "data", name, f"the value {sentinel} stands apart from all others", do)
        )
    if column.type == "date" and (
        ends := [end for end in (column.low, column.high) if end and end[:10] in OPEN_DATES]
    ):
        do = (
            f"if so, add {' and '.join(map(repr, ends))}, as the file writes it, to missing in"
            " data/sources.yaml; as a date it misleads"
        )
        found.append(
            Finding(
                "look",
                "data",
                name,
                f"{' and '.join(ends)} may stand for open or not known, as databases write it",
                do,
            )
        )
    return found


def _of_text(column: Column, settled: list[str]) -> list[Finding]:
    """Return what is to be said of text that may be numbers in another notation, or of values that
    may be one, unless that is `settled`.

    Values that few rows have are shown as `form` shows them.
    """
    frequent = {value for value, _n in column.frequent}
    found = []
    if column.name not in settled and (same := alike(frequent)):
        groups = "; ".join(", ".join(map(repr, group)) for group in same[:SHOWN_VALUES])
        do = f"if they are one, write ignore_case: [{column.name}] in data/sources.yaml"
        found.append(
            Finding(
                "look",
                "data",
                column.name,
                f"values differ only in upper and lower case or in spaces: {groups}",
                do,
            )
        )

    def show(value: str) -> str:
        return DIGIT.sub("9", value if value in frequent else LETTERS.sub("a", value))

    cells = {
        value if DIGIT.search(value) or value in frequent else LETTERS.sub("a", value)
        for value, _n in column.common
    }
    return found + [
        Finding("look", "data", column.name, f"declared as text, it {what}", do)
        for what, do in asked(column.name, cells, written_as(cells), 1, show)
    ]


def _sentinel(column: Column) -> str | None:
    """Return the commonest value that is one of SENTINELS, lies at an end, and far from the next
    value that is looked at.
    """
    numbers = {float(value): value for value, _n in column.common}
    if len(numbers) < 10 or column.low is None or column.high is None:
        return None
    ordered = sorted(numbers)
    width = ordered[-2] - ordered[1]
    for end, neighbour in ((ordered[0], ordered[1]), (ordered[-1], ordered[-2])):
        is_end = written(end) in (column.low, column.high) or numbers[end] in (
            column.low,
            column.high,
        )
        if (
            end in SENTINELS
            and is_end
            and (
                abs(end - neighbour) > max(width, 1)
                or (end < 0 <= neighbour and dict(column.common)[numbers[end]] > 1)
            )
        ):
            return numbers[end]
    return None


def _of_features(column: Column, data: Data, tells: str) -> list[Finding]:
    """Return what a column that the model would see seems to be; tells: what it tells of a
    sensitive column.
    """
    name, values = column.name, [value for value, _n in column.common]
    if column.distinct == 0:
        return [
            Finding(
                "look",
                "data",
                name,
                "it is empty",
                "name it in data.forbidden of params.yaml, or find its values",
            )
        ]
    if is_constant(column):
        share = max(column.missing, column.common[0][1]) / column.rows
        what = "missing" if column.missing > column.common[0][1] else repr(column.common[0][0])
        return [
            Finding(
                "note",
                "data",
                name,
                f"{what} in {share:.1%} of the rows: it says next to nothing",
                "leave it out if it costs anything",
            )
        ]
    found = []
    if is_identifier(column):
        do = "name it in data.forbidden of params.yaml: a model can only learn it by heart"
        found.append(
            Finding(
                "look",
                "data",
                name,
                f"it names the row: {column.distinct:,} values in {column.filled:,} rows{tells}",
                do,
            )
        )
    elif names_a_thing(column):
        do = (
            "if rows of one thing know of each other, name it in data.cluster of params.yaml, else"
            " in data.forbidden"
        )
        what = (
            f"by its name it names something that stands in several rows: {column.distinct:,}"
            f" values in {column.filled:,} rows{tells}"
        )
        found.append(Finding("look", "data", name, what, do, ("cluster",)))
    if is_date(column):
        do = "to use it as a date, declare it as date in data/sources.yaml"
        if fits := list(filter(None, column.dates)):
            do += ", with date_formats: " + " or ".join(f'{{{name}: "{how}"}}' for how in fits)
            do += (
                ", whichever is right: nobody can tell the day from the month"
                if len(fits) > 1
                else ""
            )
        elif not column.dates:
            do = (
                "to use it as a date, write all its values in one format, best as 2024-12-31, and"
                " declare it as date in data/sources.yaml"
            )
        do += "; name it in data.time of params.yaml if it orders the rows"
        found.append(
            Finding(
                "look",
                "data",
                name,
                f"its values are written as dates, as {DIGIT.sub('9', values[0])}, but declared as"
                f" {column.type}",
                do,
                ("time",),
            )
        )
    if is_free_text(column):
        do = "a table model takes each text as one category: make features of it, or forbid it"
        found.append(
            Finding(
                "look", "data", name, f"free text, {column.words_a_value:.0f} words a value", do
            )
        )
    elif (
        column.type == "text"
        and column.distinct > MAX_COMMON_VALUES
        and not is_identifier(column)
        and not is_date(column)
    ):
        do = (
            f"the models tell the {MAX_COMMON_VALUES} commonest apart and take the rest as one;"
            " group them by what they share"
        )
        found.append(Finding("note", "data", name, f"{column.distinct:,} categories", do))
    return found + _of_persons(column)


def _of_persons(column: Column) -> list[Finding]:
    """Return whether a feature is personal data, or a trait by which people must not be told
    apart.
    """
    name, values = column.name, [value for value, _n in column.common]
    if column.type == "text" and (kind := personal(name, values)):
        do = (
            "the model does not need it and the law protects it: name it in data.forbidden of"
            " params.yaml, better leave it out of the file"
        )
        return [
            Finding(
                "stop",
                "data",
                name,
                f"it seems to hold {kind} of a person".replace(
                    "a person's name of a person", "persons' names"
                ),
                do,
                ("personal",),
            )
        ]
    trait = sensitive(name, values[:20] if column.distinct <= 20 else [])
    if not trait:
        return []
    do = (
        "name each in data.sensitive of params.yaml, which keeps it out of the features and audits"
        " it by group; run `make scope` again"
    )
    if column.type in ("number", "integer") and column.distinct > MAX_GROUP_CODES:
        do = (
            "decide whether the model may use it; to audit it, name it in data.sensitive, its"
            " groups' bounds in data.cut_points"
        )
    elif column.type in ("number", "date") or column.distinct > MIN_ALIKE_VALUES:
        do = (
            "decide whether the model may use it; to audit it, add a column of groups such as"
            " bands, and name that in data.sensitive"
        )
    return [
        Finding(
            "look", "data", name, f"it seems to be {trait}, and is a feature", do, ("sensitive",)
        )
    ]


def missing_findings(columns: list[Column], data: Data) -> list[Finding]:
    """Return the features of which more than half is missing, the emptiest first, as one
    finding.
    """
    empty = [
        c
        for c in columns
        if c.name not in data.not_features()
        and c.distinct
        and ALMOST_ALL * c.rows > c.missing > c.rows / 2
    ]
    if not empty:
        return []
    named = ", ".join(
        f"{c.name} {c.missing / c.rows:.0%}"
        for c in sorted(empty, key=lambda c: -c.missing)[:SHOWN_VALUES]
    )
    do = (
        "find out why, and whether it will be so in use: the gap itself may be what the model"
        " learns"
    )
    return [
        Finding("look", "data", f"{len(empty)} columns", f"more than half is missing: {named}", do)
    ]
