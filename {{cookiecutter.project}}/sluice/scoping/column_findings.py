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
from sluice.scoping.finding import Finding, finding
from sluice.scoping.notations import written_as
from sluice.scoping.sample import asked

# things of which each has an id
NAMED = """
    account agent applicant application article asset batch bill booking borrower box branch
    building buyer call campaign car card case claim claimant client company contract county
    course cust customer dealer device doc doctor document driver employee employer emp
    encounter entity event facility family file flight group guest hospital household house
    image instance invoice item job kunde kunden lab lead line listing loan location lot machine
    member merchant message mother node object obj offer operator order org owner parcel parent
    part participant partner party patient payment person plant player policy post prod product
    project property provider record recipient ref region rental report request res ride route
    row sale sample school seller sensor serial sess session shipment shop site station stay
    store student subj subject subscriber sub supplier task team tenant test ticket tour trade
    train trans transaction trial trip txn unit user vehicle vendor vessel visit visitor voter
    ward worker zone
"""
DIGIT, LETTERS = re.compile(r"\d"), re.compile(r"[^\W\d_]+")
ALMOST_ALL = 0.99  # almost constant, almost one value a row
MISSING_WORDS = {"?", "-", ".", "na", "n/a", "nan", "null", "nil", "unknown", "unk", "missing"}
MISSING_WORDS |= {"not available", "not known"}
SENTINELS = {-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999}
OPEN_DATES = {"0001-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1900-01-01"}  # of databases
OPEN_DATES |= {"2099-12-31", "2999-12-31", "9999-12-31"}
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([ T].*)?|\d{1,2}["
    r" -][A-Za-z]{3,9}[ -]\d{2,4}"
)


def copy_findings(X: pd.DataFrame) -> list[Finding]:
    """Return the features that are one another in another code."""
    return [finding("copies", ", ".join(group)) for group in copies(X)]


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
            found += _of_features(column, tells.get(column.name, ""))
    if len(columns) > MANY_COLUMNS:
        found.append(finding("many_columns", source.path, n=len(columns)))
    return found


def _of_values(column: Column, source: Source, target: str) -> list[Finding]:
    """Return what is to be said of how values are written."""
    found = []
    if column.misfits:
        code = "misfits_or_codes" if column.name in source.one_spelling else "misfits"
        values = {"words": WORDS[column.type], "examples": ", ".join(map(repr, column.examples))}
        of = {"n": column.misfits, "rows": column.rows, "type": column.type}
        found.append(finding(code, column.name, **values, **of))
    if column.type == "text":
        found += _missing_word(column) + _of_text(column, [*source.ignore_case, target])
    elif column.type in ("integer", "number") and (value := _sentinel(column)):
        found.append(finding("sentinel", column.name, value=value))
    elif column.type == "date":
        ends = [end for end in (column.low, column.high) if end and end[:10] in OPEN_DATES]
        of = {"ends": " and ".join(ends), "quoted": " and ".join(map(repr, ends))}
        found += [finding("open_date", column.name, **of)] if ends else []
    return found


def _missing_word(column: Column) -> list[Finding]:
    words = [(word, n) for word, n in column.common if word.strip().lower() in MISSING_WORDS][:1]
    where = f"missing_in: {{{column.name}: [...]}}"
    return [
        finding("word_for_missing", column.name, word=word, n=n, missing_in=where)
        for word, n in words
    ]


def _of_text(column: Column, settled: list[str]) -> list[Finding]:
    """Return what is to be said of text that may be numbers in another notation, or of values that
    may be one, unless that is `settled`.

    Values that few rows have are shown as `form` shows them.
    """
    name, frequent = column.name, {value for value, _n in column.frequent}
    found = []
    if name not in settled and (same := alike(frequent)):
        groups = "; ".join(", ".join(map(repr, group)) for group in same[:SHOWN_VALUES])
        found.append(finding("alike", name, groups=groups, name=name))

    def show(value: str) -> str:
        return DIGIT.sub("9", value if value in frequent else LETTERS.sub("a", value))

    cells = {
        value if DIGIT.search(value) or value in frequent else LETTERS.sub("a", value)
        for value, _n in column.common
    }
    of_numbers = asked(name, cells, written_as(cells), 1, show)
    return found + [finding("text_of_numbers", name, what=what, do=do) for what, do in of_numbers]


def _sentinel(column: Column) -> str | None:
    """Return the value that is one of SENTINELS, lies at an end, and far from the next value that
    is looked at.
    """
    numbers = {float(value): value for value, _n in column.common}
    if len(numbers) < 10 or column.low is None or column.high is None:
        return None
    ordered, ends = sorted(numbers), (column.low, column.high)
    width = max(ordered[-2] - ordered[1], 1)
    for end, neighbour in ((ordered[0], ordered[1]), (ordered[-1], ordered[-2])):
        often_below = end < 0 <= neighbour and dict(column.common)[numbers[end]] > 1
        is_apart = abs(end - neighbour) > width or often_below
        is_end = written(end) in ends or numbers[end] in ends
        if end in SENTINELS and is_end and is_apart:
            return numbers[end]
    return None


def _of_features(column: Column, tells: str) -> list[Finding]:
    """Return what a column that the model would see seems to be; tells: what it tells of a
    sensitive column.
    """
    if column.distinct == 0:
        return [finding("empty", column.name)]
    if is_constant(column):
        [(value, n)] = column.common[:1]
        what = "missing" if column.missing > n else repr(value)
        share = max(column.missing, n) / column.rows
        return [finding("constant", column.name, value=what, share=share)]
    found = []
    if names_a_thing(column):
        code = "identifier" if is_identifier(column) else "names_a_thing"
        counts = {"distinct": column.distinct, "filled": column.filled}
        found.append(finding(code, column.name, **counts, tells=tells))
    if is_date(column):
        example = DIGIT.sub("9", column.common[0][0])
        do = _as_date(column)
        found.append(finding("date", column.name, example=example, type=column.type, do=do))
    return [*found, *_of_long_text(column), *_of_persons(column)]


def _as_date(column: Column) -> str:
    """Return how values that are written as dates become dates."""
    declare = "declare it as date in data/sources.yaml"
    if not column.dates:
        return (
            "to use it as a date, write all its values in one format, best as 2024-12-31, and"
            f" {declare}"
        )
    fits = [f'{{{column.name}: "{how}"}}' for how in column.dates if how]
    formats = f", with date_formats: {' or '.join(fits)}" if fits else ""
    unsure = ", whichever is right: nobody can tell the day from the month" * (len(fits) > 1)
    return f"to use it as a date, {declare}{formats}{unsure}"


def _of_long_text(column: Column) -> list[Finding]:
    if is_free_text(column):
        return [finding("free_text", column.name, words=column.words_a_value)]
    is_many = column.type == "text" and column.distinct > MAX_COMMON_VALUES
    if not is_many or is_identifier(column) or is_date(column):
        return []
    counts = {"distinct": column.distinct, "most": MAX_COMMON_VALUES}
    return [finding("many_categories", column.name, **counts)]


def _of_persons(column: Column) -> list[Finding]:
    """Return whether a feature is personal data, or a trait by which people must not be told
    apart.
    """
    name, values = column.name, [value for value, _n in column.common]
    if column.type == "text" and (kind := personal(name, values)):
        named = "persons' names" if kind == "a person's name" else f"{kind} of a person"
        return [finding("personal", name, kind=named)]
    trait = sensitive(name, values[:20] if column.distinct <= 20 else [])
    if not trait:
        return []
    code = "sensitive_groups"
    if column.type in ("number", "integer") and column.distinct > MAX_GROUP_CODES:
        code = "sensitive_number"
    elif column.type in ("number", "date") or column.distinct > MIN_ALIKE_VALUES:
        code = "sensitive_many"
    return [finding(code, name, trait=trait)]


def missing_findings(columns: list[Column], data: Data) -> list[Finding]:
    """Return the features of which more than half is missing, the emptiest first, as one
    finding.
    """
    shares = {c.name: c.missing / c.rows for c in columns if c.distinct}
    empty = [
        f"{name} {share:.0%}"
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
        if name not in data.not_features() and ALMOST_ALL > share > 0.5
    ]
    named = ", ".join(empty[:SHOWN_VALUES])
    return [finding("mostly_missing", f"{len(empty)} columns", named=named)] if empty else []
