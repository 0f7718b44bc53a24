"""Describe each column of a source: its values and gaps, and what it seems to be apart from its declared type."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd
from ibis import _

from stages.attributes import personal, sensitive, words
from stages.finding import Finding
from stages.params import Data
from stages.prepare import MANY_COLUMNS, PROBLEM, WORDS
from stages.sources import RECORD, Source

BINS = 20  # of a picture
COMMON = 200  # values of a column that are looked at one by one, the commonest ones
SHOWN = 8
EXAMPLES = 3
NEARLY = 0.99  # almost constant, almost one value a row
FEW = 50  # with fewer values nothing is said of what they have in common
MISSING_WORDS = {"?", "-", ".", "na", "n/a", "nan", "null", "nil", "unknown", "unk", "missing", "not available", "not known"}
SENTINELS = {-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999}
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([ T].*)?|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}")


@dataclass(frozen=True)
class Column:
    """A column over all records: `distinct` leaves missing values out, `common` has values and counts, commonest first.

    `low`, `median`, `high`: of numbers and dates. `picture`: counts of BINS equal bins from the 1st to the 99th percentile,
    values beyond them in the outermost, or of the SHOWN commonest values. `words_a_value`: of text.
    `rises`: no value is smaller than that of the record before. `misfits`: values that are not of the declared type.
    """

    name: str
    type: str
    rows: int
    missing: int
    distinct: int
    common: list[tuple[str, int]] = field(repr=False)
    low: str | None = None
    median: str | None = None
    high: str | None = None
    picture: list[int] = field(default_factory=list, repr=False)
    words_a_value: float | None = None
    rises: bool = False
    misfits: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def filled(self) -> int:
        """How many records have a value."""
        return self.rows - self.missing


def misfits(raw: ibis.Table, conformed: ibis.Table, source: Source) -> dict[str, tuple[int, list[str]]]:
    """Return for each column whose declared type does not hold on all records: how many differ, and three of their values."""
    typed = [column for column, kind in source.columns.items() if kind != "text"]
    wrong = conformed.filter(_[PROBLEM].notnull()).select(RECORD, *[_[column].isnull().name(f"{column}__") for column in typed])
    if not typed or not wrong.count().to_pandas():
        return {}
    joined = raw.inner_join(wrong, RECORD)
    texts = {column: joined[column].strip() for column in typed}
    is_wrong = {
        column: joined[f"{column}__"] & (text.notnull() & ~text.isin(source.missing)).fill_null(False) for column, text in texts.items()
    }
    counts = joined.aggregate([is_wrong[column].sum().name(column) for column in typed]).to_pandas().iloc[0]
    found = {}
    for column in typed:
        if counts[column]:
            values = joined.filter(is_wrong[column]).select(value=texts[column]).group_by("value").agg(n=_.count())
            commonest = values.order_by([ibis.desc("n"), "value"]).limit(EXAMPLES).to_pandas()["value"]
            found[column] = (int(counts[column]), commonest.tolist())
    return found


def describe(table: ibis.Table, column: str, kind: str, rows: int, wrong: tuple[int, list[str]]) -> Column:
    """Return what stands in one column of a conformed table of `rows` records; `wrong` as `misfits` gave it."""
    con = table.get_backend()
    counted = con.create_table("counted", table.filter(_[column].notnull()).group_by(value=_[column]).agg(n=_.count()), temp=True)
    try:
        total = counted.aggregate(distinct=_.count(), filled=_.n.sum()).to_pandas().iloc[0]
        common = counted.order_by([ibis.desc("n"), "value"]).limit(COMMON).to_pandas()
        distinct, filled = int(total["distinct"]), int(total["filled"]) if total["distinct"] else 0
        values = [_written(value) for value in common["value"]]
        counts = common["n"].astype(int).tolist()
        more = {"picture": counts[:SHOWN], "words_a_value": _words(counted)} if kind == "text" else _spread(counted, kind)
    finally:
        con.raw_sql("DROP TABLE counted")
    rises = kind in ("integer", "text", "date") and distinct > FEW and _rises(table, column)
    n_wrong, examples = wrong
    return Column(
        column,
        kind,
        rows,
        rows - filled - n_wrong,
        distinct,
        list(zip(values, counts, strict=True)),
        rises=rises,
        misfits=n_wrong,
        examples=examples,
        **more,
    )


def _written(value: object) -> str:
    """Return a value as a reader writes it: whole numbers without a point, dates without midnight."""
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _words(counted: ibis.Table) -> float | None:
    """Return the mean number of words in a value of text, each value taken once."""
    mean = counted.aggregate(words=(_.value.length() - _.value.replace(" ", "").length() + 1).mean()).to_pandas()["words"].iloc[0]
    return None if pd.isna(mean) else round(float(mean), 2)


def _spread(counted: ibis.Table, kind: str) -> dict:
    """Return low, median, high and the picture of numbers or dates, each value weighed by how often it stands."""
    table = counted.order_by("value").to_pandas()
    if table.empty:
        return {}
    values, n = table["value"], table["n"].to_numpy()
    upto = n.cumsum()
    at = {share: int(np.searchsorted(upto, share * upto[-1])) for share in (0.01, 0.5, 0.99)}
    numbers = values.astype("int64").to_numpy().astype(float) if kind == "date" else values.to_numpy(dtype=float)
    low, high = numbers[at[0.01]], numbers[min(at[0.99], len(numbers) - 1)]
    bins = np.linspace(low, high, min(BINS, len(numbers)) + 1) if high > low else np.array([low, low + 1])
    picture, _edges = np.histogram(numbers.clip(low, high), bins, weights=n)
    ends = {"low": values.iloc[0], "median": values.iloc[at[0.5]], "high": values.iloc[-1]}
    return {name: _written(value) for name, value in ends.items()} | {"picture": picture.astype(int).tolist()}


def _rises(table: ibis.Table, column: str) -> bool:
    """Tell whether no value is smaller than that of the record before."""
    before = table[column].lag().over(order_by=RECORD)
    falls = table.select(falls=table[column] < before).aggregate(n=_.falls.sum()).to_pandas()["n"].iloc[0]
    return bool(pd.isna(falls) or falls == 0)


def copies(rows: pd.DataFrame) -> list[list[str]]:
    """Return the groups of columns that are one another under other names: equal, or each value the other's in another code."""
    same = defaultdict(list)
    for column in rows.columns:
        codes = pd.factorize(rows[column], use_na_sentinel=False)[0]
        if codes.max(initial=0) > 0:
            same[codes.tobytes()].append(column)
    return [group for group in same.values() if len(group) > 1]


def is_identifier(column: Column) -> bool:
    """Tell whether a column names its row: nearly one value a row, and text in one word, or named as an id, or counting up."""
    if column.filled < FEW or column.distinct < NEARLY * column.filled or column.type not in ("text", "integer"):
        return False
    if column.type == "text":
        return (column.words_a_value or 1) < 2
    return column.rises or is_named_id(column.name)


def is_named_id(name: str) -> bool:
    """Tell whether a column's name says that it names something: customer_id, caseid, uuid, order_no."""
    return bool({"id", "uuid", "guid", "key", "no", "nr", "number"} & set(words(name)[-1:])) or name.lower().endswith("id")


def is_date(column: Column) -> bool:
    """Tell whether text or whole numbers are written as dates, such as 31.12.2001 or 20011231."""
    values = [value for value, _n in column.common]
    if column.type == "text":
        return len(values) > 1 and sum(bool(DATE.fullmatch(value)) for value in values) > NEARLY * len(values)
    dates = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
    return column.type == "integer" and len(values) > 1 and all(dates.fullmatch(value) for value in values)


def is_free_text(column: Column) -> bool:
    """Tell whether a column holds sentences: four words a value or more, and hardly a value twice."""
    return column.type == "text" and (column.words_a_value or 0) >= 4 and column.distinct > max(FEW, column.filled / 2)


def is_constant(column: Column) -> bool:
    """Tell whether one value, or none, stands in nearly every record."""
    return (column.distinct < 2 and not column.missing) or max(
        column.missing, *(n for _v, n in column.common[:1]), 0
    ) >= NEARLY * column.rows


def findings(columns: list[Column], data: Data, source: Source) -> list[Finding]:
    """Return what is to be said of single columns; of those that are no features only what matters there."""
    found: list[Finding] = []
    for column in columns:
        found += _of_values(column, source)
        if column.name not in data.not_features():
            found += _of_features(column, data)
    if len(columns) > MANY_COLUMNS:
        found.append(
            Finding("note", "data", source.path, f"{len(columns)} columns", "each that carries nothing costs time and chance hits")
        )
    return found


def _of_values(column: Column, source: Source) -> list[Finding]:
    """Return what is to be said of how values are written."""
    name, found = column.name, []
    if column.misfits:
        examples = ", ".join(map(repr, column.examples))
        found.append(
            Finding(
                "stop",
                "data",
                name,
                f"{column.misfits:,} of {column.rows:,} values are {WORDS[column.type]}, such as {examples}; their rows are rejected",
                f"mend its type in data/sources.yaml (now {column.type}), or the words under missing there, or the file",
            )
        )
    words_for_missing = [value for value, _n in column.common if value.strip().lower() in MISSING_WORDS]
    if column.type == "text" and words_for_missing:
        n = dict(column.common)[words_for_missing[0]]
        do = "if so, add it to missing in data/sources.yaml"
        found.append(Finding("look", "data", name, f"{words_for_missing[0]!r} ({n:,} times) may mean a missing value", do))
    if column.type in ("integer", "number") and (sentinel := _sentinel(column)):
        do = "if it means a missing value, write nothing there instead; as a number it misleads"
        found.append(Finding("look", "data", name, f"the value {sentinel} stands apart from all others", do))
    return found


def _sentinel(column: Column) -> str | None:
    """Return the commonest value that is one of SENTINELS, lies at an end, and far from the next value that is looked at."""
    numbers = {float(value): value for value, _n in column.common}
    if len(numbers) < 10 or column.low is None or column.high is None:
        return None
    ordered = sorted(numbers)
    width = ordered[-2] - ordered[1]
    for end, neighbour in ((ordered[0], ordered[1]), (ordered[-1], ordered[-2])):
        is_end = _written(end) in (column.low, column.high) or numbers[end] in (column.low, column.high)
        if (
            end in SENTINELS
            and is_end
            and (abs(end - neighbour) > max(width, 1) or (end < 0 <= neighbour and dict(column.common)[numbers[end]] > 1))
        ):
            return numbers[end]
    return None


def _of_features(column: Column, data: Data) -> list[Finding]:
    """Return what a column that the model would see seems to be."""
    name, values = column.name, [value for value, _n in column.common]
    if column.distinct == 0:
        return [Finding("look", "data", name, "it is empty", "name it in data.forbidden of params.yaml, or find its values")]
    if is_constant(column):
        share = max(column.missing, column.common[0][1]) / column.rows
        what = "missing" if column.missing > column.common[0][1] else repr(column.common[0][0])
        return [
            Finding(
                "note", "data", name, f"{what} in {share:.1%} of the rows: it says next to nothing", "leave it out if it costs anything"
            )
        ]
    found = []
    if is_identifier(column):
        do = "name it in data.forbidden of params.yaml; if rows of one thing share it, in data.cluster"
        found.append(Finding("look", "data", name, f"it names the row: {column.distinct:,} values in {column.filled:,} rows", do))
    elif is_named_id(name) and column.distinct > FEW and column.distinct < column.filled:
        do = "if rows of one thing know of each other, name it in data.cluster of params.yaml, else in data.forbidden"
        what = f"by its name it names something that stands in several rows: {column.distinct:,} values in {column.filled:,} rows"
        found.append(Finding("look", "data", name, what, do))
    if is_date(column):
        do = "declare it as date in data/sources.yaml (ISO dates), and name it in data.time of params.yaml if it orders the rows"
        found.append(
            Finding("look", "data", name, f"its values are written as dates, such as {values[0]!r}, but declared as {column.type}", do)
        )
    if is_free_text(column):
        do = "a table model takes each text as one category: make features of it, or forbid it"
        found.append(Finding("look", "data", name, f"free text, {column.words_a_value:.0f} words a value", do))
    elif column.type == "text" and column.distinct > COMMON and not is_identifier(column) and not is_date(column):
        do = f"the models tell the {COMMON} commonest apart and take the rest as one; group them by what they share"
        found.append(Finding("note", "data", name, f"{column.distinct:,} categories", do))
    return found + _of_persons(column)


def _of_persons(column: Column) -> list[Finding]:
    """Return whether a feature is personal data, or a trait by which people must not be told apart."""
    name, values = column.name, [value for value, _n in column.common]
    if column.type == "text" and (kind := personal(name, values)):
        do = "the model does not need it and the law protects it: name it in data.forbidden of params.yaml, better leave it out of the file"
        return [
            Finding(
                "stop", "data", name, f"it seems to hold {kind} of a person".replace("a person's name of a person", "persons' names"), do
            )
        ]
    trait = sensitive(name, values[:20] if column.distinct <= 20 else [])
    if not trait:
        return []
    do = "name it in data.sensitive of params.yaml: kept out of the features, and audited by group"
    if column.type in ("number", "date") or column.distinct > FEW:
        do = "decide whether the model may use it; to audit it, add a column of groups such as bands, and name that in data.sensitive"
    return [Finding("look", "data", name, f"it seems to be {trait}, and is a feature", do)]


def missing_findings(columns: list[Column], data: Data) -> list[Finding]:
    """Return the features of which more than half is missing, the emptiest first, as one finding."""
    empty = [c for c in columns if c.name not in data.not_features() and c.distinct and NEARLY * c.rows > c.missing > c.rows / 2]
    if not empty:
        return []
    named = ", ".join(f"{c.name} {c.missing / c.rows:.0%}" for c in sorted(empty, key=lambda c: -c.missing)[:SHOWN])
    do = "find out why, and whether it will be so in use: the gap itself may be what the model learns"
    return [Finding("look", "data", f"{len(empty)} columns", f"more than half is missing: {named}", do)]
