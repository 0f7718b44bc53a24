"""Find the columns that move on with time, so that their values in later rows lie beyond all
that earlier rows show.
"""

import math

import pandas as pd
from scipy.stats import kendalltau

from sluice.audits.attributes import sensitive
from sluice.core.params import ROW_ID, Data
from sluice.data.roles import as_number
from sluice.metrics.margins import FALSE_ALARM_RATE
from sluice.scoping.finding import Finding, finding
from sluice.scoping.propose_columns import MAX_CODES, kind_of
from sluice.scoping.suspicious import orders

CLOCK_CUTS = (
    1 / 2,
    2 / 3,
    # shares of the rows, the earliest, that later rows are compared with: what has stopped moving
    # passes the first only
)
MIN_CLOCK_BLOCKS, CLOCK_BLOCKS = (
    8,
    12,
)  # spans of time of which the largest values have a trend, if they have one
MAX_CLOCK_ROWS = 100_000  # that are looked at, at most, in an order of chance


def clocks(rows: pd.DataFrame, data: Data) -> dict[str, set[str]]:
    """Return the columns that move on with time, each with the bounds that later rows pass:
    max_value, min_value, value_set (of codes).

    Time is data.time or, where none is named, each column of dates or years. Of these only what
    rises is reported, since such a date can be that of a beginning, from which an age falls. A year
    is a clock itself. rows: in an order of chance where there are more than MAX_CLOCK_ROWS.
    """
    rows = rows.head(MAX_CLOCK_ROWS)
    times = [
        name
        for name in ([data.time] if data.time else _times(rows, data))
        if kind_of(rows[name]) != "text"
    ]
    found = {
        time: {"max_value"}
        for time in times
        if time != data.time and kind_of(rows[time]) == "number"
    }
    for column in rows.columns.drop(
        [name for name in (ROW_ID, data.target, *times) if name in rows]
    ):
        for time in times:
            at = as_number(rows[time])
            ends = {end for end, values in _ends(rows[column], at).items() if _moves(values, at)}
            ends -= set() if data.time else {"min_value"}
            if ends:
                found[column] = found.get(column, set()) | ends
    return found


def _times(rows: pd.DataFrame, data: Data) -> list[str]:
    """Return the columns of dates and years that are no one's birthday."""
    return [
        name
        for name in orders(rows, data, pd.Series(rows.index))
        if name in rows and not sensitive(name, [])
    ]


def _ends(values: pd.Series, time: pd.Series) -> dict[str, pd.Series]:
    """Return for each bound that a column can have the numbers which rise where it is passed: of
    codes the time when each came first.
    """
    if values.nunique() <= 2:
        return {}
    if kind_of(values) != "text":
        numbers = as_number(values)
        return {"max_value": numbers, "min_value": -numbers}
    known = values.nunique() <= MAX_CODES["text"]
    return {"value_set": time.groupby(values).transform("min")} if known else {}


def _moves(values: pd.Series, time: pd.Series) -> bool:
    """Tell whether the largest `values` grow with `time` beyond chance: many later rows pass all
    earlier ones, or a few at a time.
    """
    known = values.notna() & time.notna()
    values, time = values[known], time[known]
    return not values.empty and (
        all(_passes(values, time, cut) for cut in CLOCK_CUTS) or _rises(values, time)
    )


def _passes(values: pd.Series, time: pd.Series, cut: float) -> bool:
    """Tell whether more of the rows after `cut` lie above all rows before it than chance allows.

    Where rows come as they like, each of the highest is a later one with probability `share`, the
    share of later rows.
    """
    later = time > time.quantile(cut, interpolation="lower")
    share = later.mean()
    return bool(
        share
        and (values[later] > values[~later].max()).sum()
        > math.log(FALSE_ALARM_RATE) / math.log(share)
    )


def _rises(values: pd.Series, time: pd.Series) -> bool:
    """Tell whether the largest values of successive spans of time rise (Kendall's rank
    correlation).
    """
    largest = values.groupby(pd.qcut(time, CLOCK_BLOCKS, labels=False, duplicates="drop")).max()
    return len(largest) >= MIN_CLOCK_BLOCKS and bool(
        kendalltau(largest.index, largest, alternative="greater").pvalue < FALSE_ALARM_RATE
    )


def clock_findings(moving: dict[str, set[str]], data: Data) -> list[Finding]:
    """Return what is to be said of features that move on with time."""
    return [
        finding(
            "new_values" if "value_set" in how else "grows" if "max_value" in how else "falls",
            column,
        )
        for column, how in moving.items()
        if column not in data.not_features()
    ]
