"""Describe each column of a source over all its records: values, gaps, spread, and where its
declared type does not hold.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd
from ibis import _

from sluice.core.formats import PATTERNS, RESERVED
from sluice.data.cells import PROBLEM, cell, conform, form
from sluice.data.sources import RECORD, Source
from sluice.drift.reference import MIN_ROWS_NAMED
from sluice.scoping.sample import date_formats

PICTURE_BINS = 20  # of a picture
MAX_COMMON_VALUES = 200  # values of a column that are looked at one by one, the commonest ones
SHOWN_VALUES = 8
COLUMN_EXAMPLES = 3
MIN_ALIKE_VALUES = 50  # with fewer values nothing is said of what they have in common


@dataclass(frozen=True)
class Column:
    """A column over all records: `distinct` leaves missing values out, `common` has values and
    counts, commonest first.

    `low`, `median`, `high`: of numbers and dates; `usual`: their 5 % and 95 % quantiles, which may
    be shown, at least MIN_ROWS_NAMED rows at or beyond either, where there are so many. `picture`:
    counts of PICTURE_BINS equal bins from the 1st to the 99th percentile, values beyond them in the
    outermost, or of the SHOWN_VALUES commonest values. `words_a_value`: of text. `dates`: the
    formats in which all values of text or whole numbers are dates, "" for that of ISO. `rises`: no
    value is smaller than that of the record before. `misfits`: values that are not of the declared
    type; `examples`: how some of these are written (see `form`).
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
    usual: tuple[str, str] | None = None
    picture: list[int] = field(default_factory=list, repr=False)
    words_a_value: float | None = None
    dates: list[str] = field(default_factory=list)
    rises: bool = False
    misfits: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def frequent(self) -> list[tuple[str, int]]:
        """Those of `common` that may be shown: a value of fewer rows could tell of a person."""
        return [(value, n) for value, n in self.common if n >= MIN_ROWS_NAMED]

    @property
    def filled(self) -> int:
        """How many records have a value."""
        return self.rows - self.missing


def misfits(
    raw: ibis.Table, conformed: ibis.Table, source: Source
) -> dict[str, tuple[int, list[str]]]:
    """Return for each column whose declared type does not hold on all records: how many differ,
    and three forms of their values.
    """
    typed = [column for column, kind in source.columns.items() if kind != "text"]
    wrong = conformed.filter(_[PROBLEM].notnull()).select(
        RECORD, *[_[column].isnull().name(RESERVED + column) for column in typed]
    )
    if not typed or not wrong.count().to_pandas():
        return {}
    joined = raw.inner_join(wrong, RECORD)
    texts = {column: cell(joined, column, source) for column in typed}
    is_wrong = {c: joined[RESERVED + c] & text.notnull() for c, text in texts.items()}
    sums = joined.aggregate([is_wrong[column].sum().name(column) for column in typed])
    counts = sums.to_pandas().iloc[0]
    found = {}
    for column in [column for column in typed if counts[column]]:
        values = joined.filter(is_wrong[column]).select(value=form(texts[column]))
        values = values.group_by("value").agg(n=_.count()).order_by([ibis.desc("n"), "value"])
        commonest = values.limit(COLUMN_EXAMPLES).to_pandas()["value"]
        found[column] = (int(counts[column]), commonest.tolist())
    return found


def describe(
    table: ibis.Table, column: str, kind: str, rows: int, wrong: tuple[int, list[str]]
) -> Column:
    """Return what stands in one column of a conformed table of `rows` records; `wrong` as
    `misfits` gave it.
    """
    con, (n_wrong, examples) = table.get_backend(), wrong
    values = table.filter(_[column].notnull()).group_by(value=_[column]).agg(n=_.count())
    counted = con.create_table("counted", values, temp=True)
    try:
        total = counted.aggregate(distinct=_.count(), filled=_.n.sum()).to_pandas().iloc[0]
        common = counted.order_by([ibis.desc("n"), "value"]).limit(MAX_COMMON_VALUES).to_pandas()
        shown = [written(value) for value in common["value"]]
        counts = common["n"].astype(int).tolist()
        more = {} if kind == "text" else _spread(counted, kind)
        if kind == "text":
            more = {"picture": counts[:SHOWN_VALUES], "words_a_value": _words(counted)}
        more["dates"] = [how for how in _may_be_dates(shown, kind) if _all_dates(counted, how)]
    finally:
        con.raw_sql("DROP TABLE counted")
    distinct = int(total["distinct"])
    may_rise = kind in ("integer", "text", "date") and distinct > MIN_ALIKE_VALUES
    return Column(
        column,
        kind,
        rows,
        rows - (int(total["filled"]) if distinct else 0) - n_wrong,
        distinct,
        list(zip(shown, counts, strict=True)),
        rises=may_rise and _rises(table, column),
        misfits=n_wrong,
        examples=examples,
        **more,
    )


def _may_be_dates(values: list[str], kind: str) -> list[str]:
    """Return the formats in which the commonest values of a column are dates."""
    if kind not in ("text", "integer") or len(values) < 2:
        return []
    if kind == "integer":
        return ["%Y%m%d"] if all(re.fullmatch(r"(19|20)\d{6}", value) for value in values) else []
    return [
        *date_formats(set(values)),
        *([""] if all(map(re.compile(PATTERNS["date"]).match, values)) else []),
    ]


def _all_dates(counted: ibis.Table, written: str) -> bool:
    """Whether all values would be read as dates of the format `written`, which is tried on them
    as it would be declared.
    """
    formats = {"value": written} if written else {}
    source = Source(
        path="", format="csv", missing=[], key=[], columns={"value": "date"}, date_formats=formats
    )
    table = counted.select(ibis.row_number().name(RECORD), value=_.value.cast("string"))
    return int(conform(table, source).filter(_[PROBLEM].notnull()).count().to_pandas()) == 0


def written(value: object) -> str:
    """Return a value as a reader writes it: whole numbers without a point, dates without
    midnight.
    """
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    return str(value)


def _words(counted: ibis.Table) -> float | None:
    """Return the mean number of words in a value of text, each value taken once."""
    mean = (
        counted.aggregate(words=(_.value.length() - _.value.replace(" ", "").length() + 1).mean())
        .to_pandas()["words"]
        .iloc[0]
    )
    return None if pd.isna(mean) else round(float(mean), 2)


def _spread(counted: ibis.Table, kind: str) -> dict:
    """Return low, median, high and the picture of numbers or dates, each value weighed by how
    often it stands.
    """
    table = counted.order_by("value").to_pandas()
    if table.empty:
        return {}
    values, n = table["value"], table["n"].to_numpy()
    upto = n.cumsum()
    at = {share: int(np.searchsorted(upto, share * upto[-1])) for share in (0.01, 0.5, 0.99)}
    numbers = (
        values.astype("int64").to_numpy().astype(float)
        if kind == "date"
        else values.to_numpy(dtype=float)
    )
    low, high = numbers[at[0.01]], numbers[min(at[0.99], len(numbers) - 1)]
    bins = (
        np.linspace(low, high, min(PICTURE_BINS, len(numbers)) + 1)
        if high > low
        else np.array([low, low + 1])
    )
    picture, _edges = np.histogram(numbers.clip(low, high), bins, weights=n)
    ends = {"low": values.iloc[0], "median": values.iloc[at[0.5]], "high": values.iloc[-1]}
    said = {name: written(value) for name, value in ends.items()}
    return said | {"usual": _usual(values, upto), "picture": picture.astype(int).tolist()}


def _usual(values: pd.Series, upto: np.ndarray) -> tuple[str, str] | None:
    """Return the 5 % and 95 % quantiles of sorted `values`, of which `upto` rows have each or a
    smaller one; None of few rows.
    """
    n = int(upto[-1])
    beyond = max(0.05 * n, MIN_ROWS_NAMED)
    if 2 * beyond > n:
        return None
    return written(values.iloc[int(np.searchsorted(upto, beyond))]), written(
        values.iloc[int(np.searchsorted(upto, n - beyond, "right"))]
    )


def _rises(table: ibis.Table, column: str) -> bool:
    """Tell whether no value is smaller than that of the record before."""
    before = table[column].lag().over(order_by=RECORD)
    falls = (
        table.select(falls=table[column] < before)
        .aggregate(n=_.falls.sum())
        .to_pandas()["n"]
        .iloc[0]
    )
    return bool(pd.isna(falls) or falls == 0)


def copies(rows: pd.DataFrame) -> list[list[str]]:
    """Return the groups of columns that are one another under other names: equal, or each value
    the other's in another code.
    """
    same = defaultdict(list)
    for column in rows.columns:
        codes = pd.factorize(rows[column], use_na_sentinel=False)[0]
        if codes.max(initial=0) > 0:
            same[codes.tobytes()].append(column)
    return [group for group in same.values() if len(group) > 1]
