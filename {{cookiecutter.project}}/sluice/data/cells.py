"""Give each cell of a source its declared type, and say which cells cannot have it."""

import re

import ibis
from ibis import _

from sluice.core.formats import OFFSET, PATTERNS, RESERVED, SPACES, date_pattern
from sluice.core.numbers import EXPONENT_ALONE, LEADING_ZERO, ZERO_AT_END, Notation
from sluice.data.sources import RECORD, Source, as_text

PROBLEM, LABEL = f"{RESERVED}problem", f"{RESERVED}label"
SQL_TYPES = {
    "text": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "boolean",
    "date": "timestamp",
}
WORDS = {
    "integer": "no integer of 64 bits",
    "number": "no finite number",
    "boolean": "neither true nor false",
    "date": "no ISO date",
}
FORM = 30  # signs of how a value is written


def _trimmed(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return `text` without the spaces of any kind at its ends; strip leaves no-break spaces
    there.
    """
    return text.re_replace(f"^[{SPACES}]+|[{SPACES}]+$", "")


def cell(raw: ibis.Table, column: str, source: Source) -> ibis.expr.types.StringValue:
    """Return the text of `column` as it counts: trimmed, in one case where that is declared, and
    null for a missing value.
    """
    text = _trimmed(as_text(raw[column]))
    if words := source.missing_words(column):
        text = ibis.ifelse(text.isin(words), None, text)
    return text.lower().re_replace(f"[{SPACES}]+", " ") if column in source.ignore_case else text


def conform(raw: ibis.Table, source: Source, target: str | None = None) -> ibis.Table:
    """Return `raw` with each column trimmed and of its declared type, and PROBLEM: where no such
    value can stand, and its form.

    What has a type already, as in Parquet, is judged as text as well, but not in the notation that
    data/sources.yaml declares for text. target: the column of which LABEL holds what the file
    writes, for rows that have no label.
    """
    twice = second_spellings(raw, source)
    cells = [_conformed(raw, column, source, twice.get(column, [])) for column in source.columns]
    problems = [problem for _, problem in cells if problem is not None]
    reasons = (
        ibis.array(problems).filter(lambda problem: problem.notnull()).join("; ")
        if problems
        else ibis.literal("")
    )
    label = [_trimmed(as_text(raw[target])).name(LABEL)] if target else []
    typed = [value for value, _ in cells]
    return raw.select(RECORD, *typed, reasons.nullif("").name(PROBLEM), *label)


def _conformed(
    raw: ibis.Table, column: str, source: Source, twice: list[str]
) -> tuple[ibis.Value, ibis.Value | None]:
    """Return a column with its declared type, and the reason why a value has none; every text
    has.

    twice: the numbers of the column that `second_spellings` found.
    """
    kind, is_text = source.columns[column], raw[column].type().is_string()
    text = cell(raw, column, source)
    if kind == "text":
        return text.name(column), None
    notation = source.notation(column) if is_text else Notation()
    is_number = kind in ("integer", "number")
    plain = _plain(text, kind, notation) if is_number else text
    format_ = source.date_formats.get(column) if is_text else None
    value = _date(text, format_) if kind == "date" else _typed(plain, kind)
    what = f"no date written {format_}" if format_ else WORDS[kind]
    like = f" such as {notation.example()}" if column in source.number_formats else ""
    reason = f"{column} is {what}{like}: written as " + form(text)
    wrong = [(text.notnull() & value.isnull(), reason)]
    if is_text and column in source.one_spelling:
        code = _code(plain, twice)
        where = ", see one_spelling in data/sources.yaml: written as "
        wrong.insert(0, (code.notnull(), f"{column} " + code + where + form(text)))
        value = ibis.ifelse(code.notnull(), None, value)
    words = source.missing_words(column)
    if numbers := _numbers(words, source.notation(column)) if is_number else []:
        value = ibis.ifelse(value.isin(numbers), None, value)
    return value.name(column), ibis.cases(*wrong)


def _numbers(words: list[str], notation: Notation) -> list[float]:
    """Return the numbers among `words`: where -9 means missing, so does -9.0, as a column of
    Parquet may hold it.
    """
    return [
        float(notation.plain(word)) for word in words if re.search(notation.pattern("number"), word)
    ]


def form(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return how `text` is written, 9 for its digits and a for its letters: the value itself may
    tell of a person.
    """
    return text.re_replace("[0-9]+", "9").re_replace(r"\p{L}[\p{L}\p{M}]*", "a").substr(0, FORM)


def _plain(
    text: ibis.expr.types.StringValue, kind: str, notation: Notation
) -> ibis.expr.types.StringValue:
    """Return `text` as a number that DuckDB reads, null where it is not written as `notation`
    says.
    """
    plain = ibis.ifelse(text.re_search(notation.pattern(kind)), text, None)
    for regex, new in notation.steps():
        plain = plain.re_replace(regex, new)
    return plain.re_replace(r"\.0*$", "") if kind == "integer" else plain


def second_spellings(raw: ibis.Table, source: Source) -> dict[str, list[str]]:
    """Return for each column of `one_spelling` the numbers that stand there in two ways, as 1.1
    and 1.10, without zeros at their end.
    """
    columns = [
        column
        for column in source.one_spelling
        if source.columns.get(column) == "number" and raw[column].type().is_string()
    ]
    texts = {column: cell(raw, column, source) for column in columns}
    ends = [
        raw[column].re_search(r"[.,][0-9]*[1-9]0+([^0-9]|$)").any().name(column)
        for column in columns
    ]  # few columns have any
    few = raw.aggregate(ends).to_pandas().iloc[0] if columns else {}
    found = {}
    for column in [column for column in columns if few[column]]:
        plain = raw.select(plain=_plain(texts[column], "number", source.notation(column)))
        spelled = plain.group_by(short=_short(plain.plain)).agg(
            first=_.plain.min(), last=_.plain.max()
        )
        found[column] = spelled.filter(_.first != _.last)["short"].to_pandas().tolist()
    return found


def _short(plain: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return numbers without the zeros that end a fraction."""
    return plain.re_replace(r"(\.[0-9]*[1-9])0+$", r"\1")


def _code(plain: ibis.expr.types.StringValue, twice: list[str]) -> ibis.expr.types.StringValue:
    """Return why a number may be a code, null where it is one: what was taken for numbers had no
    such value when it was looked at.

    twice: the numbers that `second_spellings` found.
    """
    reasons = [
        (plain.re_search(LEADING_ZERO), "has a leading zero"),
        (plain.re_search(EXPONENT_ALONE), "may be a code or a power of ten"),
    ]
    if twice:
        reasons.append(
            (
                plain.re_search(ZERO_AT_END) & _short(plain).isin(twice),
                "is written in two ways, as 1.10 beside 1.1",
            )
        )
    return ibis.cases(*reasons)


def _typed(text: ibis.expr.types.StringValue, kind: str) -> ibis.Value:
    """Return `text`, in which a number is written as DuckDB reads it, as `kind` (not a date), null
    where it is no such value.

    A boolean becomes 1 or 0, so that a column of them is a number whether or not values are
    missing.
    """
    if kind == "text":
        return text
    if kind == "boolean":
        text = text.re_replace(r"\.0+$", "")  # as pandas writes 1 beside what is missing
    value = text.try_cast(SQL_TYPES[kind])
    if kind == "number":  # 1e999 has the pattern of a number, and is infinite
        return ibis.ifelse(value.isinf(), None, value)
    return value.cast("int64") if kind == "boolean" else value


def _date(text: ibis.expr.types.StringValue, written: str | None) -> ibis.Value:
    """Return `text`, ISO dates or those of the format `written`, as time stamps of UTC, null where
    it is no such day.

    DuckDB alone would take 'infinity' as a date, and pass over the offset of a time stamp.
    """
    if written is None:
        text = ibis.ifelse(text.re_search(PATTERNS["date"]), text, None)
        return ibis.ifelse(
            text.re_search(OFFSET),
            text.try_cast("timestamp('UTC')").cast("timestamp"),
            text.try_cast("timestamp"),
        )
    regex, parts = date_pattern(written)
    part = {name: text.re_extract(regex, nth) for nth, name in enumerate(parts, 1)}
    iso = part["%Y"] + "-" + part["%m"] + "-" + part["%d"]
    if "%H" in part:
        iso = iso + " " + part["%H"] + ":" + part["%M"] + ":" + part.get("%S", "00")
    return ibis.ifelse(text.re_search(regex), iso, None).try_cast("timestamp")
