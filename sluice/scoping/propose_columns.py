"""Propose what one column of a table is to hold next time, from what it holds in this one."""

import re
from collections.abc import Set as AbstractSet
from typing import Any

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from sluice.metrics.margins import (
    distinct,
    divergence,
    least,
    most,
    mostly,
    mostly_unique,
    quantile_ranges,
)
from sluice.scoping.scales import limits, rounded_out

MAX_CODES = {"text": 50, "number": 20}  # more different values than this are no list of codes
MAX_SHAPES = 5  # more shapes than this are free text
MAX_MODES = 10  # more values than this that could be the most common one are no clear one
REPEATED = 0.1  # where a larger share of rows repeats they are not told apart by it
MAX_TEXTS = 20_000  # of so many different texts the shapes are read; all of them are counted
QUANTILES = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
# as Great Expectations names them on pandas and on Spark; it does not judge text alike on both
TYPE_NAMES = {
    "number": ["int64", "float64", "LongType", "DoubleType"],
    "date": ["datetime64[us]", "datetime64[ns]", "TimestampType", "TimestampNTZType"],
}


def expect(kind: str, severity: str, notes: str, **kwargs: Any) -> dict[str, Any]:
    """Return an inferred expectation; an option that is None is left out, and so is `mostly`
    where it is 1.
    """
    kwargs = {
        key: value
        for key, value in kwargs.items()
        if value is not None and (key, value) != ("mostly", 1)
    }
    return {
        "type": f"expect_{kind}",
        "kwargs": kwargs,
        "severity": severity,
        "meta": {"notes": notes, "bound": "inferred"},
    }


def kind_of(values: pd.Series) -> str:
    """Return text, number or date."""
    return (
        "date"
        if is_datetime64_any_dtype(values)
        else "number"
        if is_numeric_dtype(values)
        else "text"
    )


def is_code(counts: pd.Series, kind: str) -> bool:
    """Return whether values with these counts are a list of codes: few, each often enough, and if
    they are numbers, none once: counts of things have such tails.
    """
    often = len(counts) == 1 or counts.sum() >= 3 * len(counts)
    return (
        0 < len(counts) <= MAX_CODES.get(kind, 0)
        and often
        and (kind == "text" or bool(counts.min() > 1))
    )


def plain(value: Any) -> Any:
    """Return a value of a column as JSON holds it: dates as ISO text, whole numbers without a
    fraction.
    """
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") else value
    return (
        int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        else value
    )


def propose_column(
    values: pd.Series,
    *,
    is_time: bool,
    is_needed: bool,
    is_target: bool,
    is_whole: bool,
    moves: AbstractSet[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Return the expectations for one column.

    is_time: the next table goes on from here, so that only its range is bounded. is_needed: prepare
    rejects rows without it. is_target: a class that was not there makes another problem. is_whole:
    these are all rows of the table, not a sample; only then is the number of different values a
    figure of the table. moves: what `clocks` found of it: bounds that later rows pass.
    """
    column, kind = str(values.name), kind_of(values)
    held = values.dropna()
    if held.empty:
        return [
            expect(
                "column_values_to_be_null",
                "warning",
                f"Empty in all {len(values):,} rows: what is it for?",
                column=column,
            )
        ]
    counts = held.value_counts()
    expectations = [_present(values, is_needed)]
    if kind in TYPE_NAMES:
        notes = f"Read as {kind}s; words among them are a fault of the export."
        expectations.append(
            expect(
                "column_values_to_be_in_type_list",
                "critical",
                notes,
                column=column,
                type_list=TYPE_NAMES[kind],
            )
        )
    if is_time:
        return [*expectations, *_range(held, goes_on=True)]
    if not moves and (is_target or is_code(counts, kind)):
        return [*expectations, _codes(column, counts, is_target), *_shares(column, counts)]
    unique = _distinct(column, counts, kind) if is_whole else []
    names_row = [one for one in unique if one["severity"] == "critical"]
    if kind == "number" and names_row:
        moves = moves or {"max_value"}  # later rows have later names
    if kind != "text":
        expectations += _range(held, kind == "date", moves)
    if moves:
        return expectations + names_row
    expectations += _pattern(column, counts) if kind == "text" else []
    expectations += [*_quantiles(held), *_zeros(held)] if kind == "number" else []
    expectations += _most_common(column, counts) if kind != "date" else []
    return expectations + unique


def _present(values: pd.Series, is_needed: bool) -> dict[str, Any]:
    """Return how many values may be missing."""
    column, n, missing = values.name, len(values), int(values.isna().sum())
    if is_needed and not missing:
        return expect(
            "column_values_to_not_be_null",
            "critical",
            "A row without it is rejected before this table.",
            column=column,
        )
    if not missing:
        notes = f"None of {n:,} is missing; up to {most(0)} can be by chance in as many rows."
        return expect(
            "column_values_to_not_be_null", "critical", notes, column=column, mostly=mostly(0, n)
        )
    low, high = 1 - most(missing) / n, 1 - least(missing) / n
    notes = (
        f"{missing:,} of {n:,} are missing ({missing / n:.2%}); by chance {least(missing):,} to"
        f" {most(missing):,} in as many rows."
    )
    bounds = {"min_value": max(0, round(low, 5)), "max_value": min(1, round(high, 5))}
    return expect(
        "column_proportion_of_non_null_values_to_be_between",
        "warning",
        notes,
        column=column,
        **bounds,
    )


def _codes(column: str, counts: pd.Series, is_target: bool) -> dict[str, Any]:
    """Return the values that may stand there, and how many rows of the next table may have another
    one by chance.

    The share of values that were not seen yet is about that of values that were seen once (Good
    1953, Biometrika 40).
    """
    n, once = int(counts.sum()), int((counts == 1).sum())
    values = [plain(value) for value in sorted(counts.index)]
    notes = f"{len(counts)} different values in {n:,} rows, the rarest in {counts.min():,}"
    notes = (
        f"The classes: {notes}."
        if is_target
        else f"{notes}; up to {most(once)} rows in as many can have a rarer one by chance."
    )
    share = 1 if is_target else mostly(once, n)
    return expect(
        "column_values_to_be_in_set",
        "critical",
        notes,
        column=column,
        value_set=values,
        mostly=share,
    )


def _shares(column: str, counts: pd.Series) -> list[dict[str, Any]]:
    """Return how far the shares of the values may move, where there are two or more; values not
    seen yet count as one more.
    """
    n = int(counts.sum())
    shares = counts.sort_index() / n
    if len(shares) < 2:
        return []
    partition = {
        "values": [plain(value) for value in shares.index],
        "weights": [round(float(share), 6) for share in shares],
    }
    top = ", ".join(
        f"{plain(value)} {share:.1%}"
        for value, share in shares.sort_values(ascending=False, kind="stable").head(5).items()
    )
    notes = (
        f"Shares of {n:,} rows: {top}{', ...' if len(shares) > 5 else ''}. Beyond this"
        " Kullback-Leibler divergence they moved."
    )
    options = {
        "partition_object": partition,
        "threshold": round(divergence(len(shares) + 1, n), 6),
        "tail_weight_holdout": round(1 / n, 6),
    }
    return [
        expect("column_kl_divergence_to_be_less_than", "warning", notes, column=column, **options)
    ]


def _range(
    held: pd.Series, goes_on: bool, moves: AbstractSet[str] = frozenset()
) -> list[dict[str, Any]]:
    """Return the range: without exceptions at a limit of the scale, else where a person would put
    it and with exceptions, as many as chance can bring; none for an end that `moves`.

    goes_on: later rows have later values, so that a value beyond is for a person to judge.
    """
    severity, n = "warning" if goes_on else "critical", len(held)
    hard = (
        {} if goes_on else {end: limit for end, limit in limits(held).items() if end not in moves}
    )
    expectations = []
    if hard:
        notes = (
            f"{' and '.join(dict.fromkeys(why for _, why in hard.values())).capitalize()}; none of"
            f" {n:,} rows is beyond."
        )
        bounds = {end: bound for end, (bound, _) in hard.items()}
        expectations.append(
            expect("column_values_to_be_between", severity, notes, column=held.name, **bounds)
        )
    seen = {"min_value": held.min(), "max_value": held.max()}
    ends = seen if goes_on else rounded_out(held)
    soft = {
        end: plain(bound) for end, bound in ends.items() if end not in hard and end not in moves
    }
    if soft:
        used = len(soft) - 1
        notes = (
            f"The outermost of {n:,} rows: {' and '.join(str(plain(seen[end])) for end in soft)}. "
        )
        notes += f"Up to {most(used)} in as many may lie beyond these bounds."
        expectations.append(
            expect(
                "column_values_to_be_between",
                severity,
                notes,
                column=held.name,
                **soft,
                mostly=mostly(used, n),
            )
        )
    return expectations


def _quantiles(held: pd.Series) -> list[dict[str, Any]]:
    """Return ranges for quantiles, for those that anything bounds."""
    pairs = zip(QUANTILES, quantile_ranges(held, QUANTILES), strict=True)
    bounded = {
        q: [plain(bound) for bound in bounds] for q, bounds in pairs if bounds != [None, None]
    }
    if not bounded:
        return []
    ranges = {"quantiles": list(bounded), "value_ranges": list(bounded.values())}
    notes = (
        f"The median of {len(held):,} rows is {plain(held.median())}; each quantile lies at a rank"
        " that chance can reach."
    )
    return [
        expect(
            "column_quantile_values_to_be_between",
            "warning",
            notes,
            column=held.name,
            quantile_ranges=ranges,
        )
    ]


def _zeros(held: pd.Series) -> list[dict[str, Any]]:
    """Return how many zeros there may be, where 0 lies in the range: it often stands for a missing
    value.

    Source: Pearson (2006), The problem of disguised missing data, SIGKDD Explorations 8.
    """
    n, zeros = len(held), int((held == 0).sum())
    if held.min() > 0 or held.max() < 0 or mostly(zeros, n) == 0:
        return []
    notes = (
        f"{zeros:,} of {n:,} are 0; more than {most(zeros):,} in as many may stand for missing"
        " values."
    )
    return [
        expect(
            "column_values_to_not_be_in_set",
            "warning",
            notes,
            column=held.name,
            value_set=[0],
            mostly=mostly(zeros, n),
        )
    ]


def _most_common(column: str, counts: pd.Series) -> list[dict[str, Any]]:
    """Return which values can be the most common one, where there is a clear one: a default that
    creeps in becomes it.
    """
    top = counts.iloc[: MAX_MODES + 1]
    lowest = least(int(top.iloc[0]))
    plausible = [value for value, count in top.items() if most(int(count)) >= lowest]
    if len(plausible) > MAX_MODES or lowest == 0:
        return []
    notes = (
        f"{plain(top.index[0])} is the most common value, in {top.iloc[0]:,} of {counts.sum():,}"
        " rows."
    )
    values = [plain(value) for value in sorted(plausible)]
    return [
        expect(
            "column_most_common_value_to_be_in_set",
            "warning",
            notes,
            column=column,
            value_set=values,
            ties_okay=True,
        )
    ]


def _distinct(column: str, counts: pd.Series, kind: str) -> list[dict[str, Any]]:
    """Return how many rows may share their value with another, where few do, or else how many
    different values there may be.

    That text or whole numbers never repeat is no chance: they name a row.
    """
    n = int(counts.sum())
    repeated = int(counts[counts > 1].sum())
    if repeated <= REPEATED * n and n > 2 * most(0):
        names_a_row = not repeated and (
            kind == "text" or (kind == "number" and bool((counts.index % 1 == 0).all()))
        )
        notes = f"{repeated:,} of {n:,} values stand in more than one row" + (
            ": it names a row." if names_a_row else "."
        )
        severity = "critical" if names_a_row else "warning"
        return [
            expect(
                "column_values_to_be_unique",
                severity,
                notes,
                column=column,
                mostly=mostly_unique(repeated, n),
            )
        ]
    low, high = distinct(counts)
    if (low, high) == (1, n):
        return []
    notes = f"{len(counts):,} different values in {n:,} rows, {(counts == 1).sum():,} of them once."
    return [
        expect(
            "column_unique_value_count_to_be_between",
            "warning",
            notes,
            column=column,
            min_value=low,
            max_value=high,
        )
    ]


def _pattern(column: str, counts: pd.Series) -> list[dict[str, Any]]:
    """Return the shapes of codes, or the characters of free text, as a regular expression."""
    n = int(counts.sum())
    seen = pd.Series(counts.index).head(MAX_TEXTS).astype("str")
    shapes = (
        seen.str.replace("[A-Z]+", "\x01", regex=True)
        .str.replace("[a-z]+", "\x02", regex=True)
        .str.replace("[0-9]+", "\x03", regex=True)
    )
    of_shape = counts.head(MAX_TEXTS).groupby(shapes.to_numpy()).sum()
    if len(of_shape) <= MAX_SHAPES:
        regex = "|".join(_regex(shape, seen[shapes == shape]) for shape in sorted(of_shape.index))
        regex, once = f"^(?:{regex})$", int((of_shape == 1).sum())
        notes = f"{len(of_shape)} shape{'s' * (len(of_shape) > 1)} in {n:,} rows"
    else:
        regex, once = _characters(seen)
        notes = f"The characters of {n:,} rows"
    strangers = int(counts[~counts.index.str.contains(regex)].sum())
    notes += f"; up to {most(once + strangers)} others in as many by chance."
    return [
        expect(
            "column_values_to_match_regex",
            "critical",
            notes,
            column=column,
            regex=regex,
            mostly=mostly(once + strangers, n),
        )
    ]


RUNS = {"\x01": "[A-Z]", "\x02": "[a-z]", "\x03": "[0-9]"}


def _regex(shape: str, values: pd.Series) -> str:
    """Return the regular expression of one shape; a run that is equally long in all `values` has
    to be.
    """
    grouped = "".join(f"({RUNS[sign]}+)" if sign in RUNS else re.escape(sign) for sign in shape)
    lengths = (
        values.str.extract(f"^{grouped}$").apply(lambda run: run.str.len())
        if "(" in grouped
        else pd.DataFrame()
    )
    counts = iter(
        f"{{{lengths[run].iloc[0]}}}" if lengths[run].nunique() == 1 else "+" for run in lengths
    )
    return "".join(RUNS[sign] + next(counts) if sign in RUNS else re.escape(sign) for sign in shape)


def _characters(values: pd.Series) -> tuple[str, int]:
    """Return a regular expression of the characters seen, and how many of the values hold one
    that no other holds.
    """
    holders = pd.Series([sign for value in values for sign in set(value)]).value_counts()
    classes = {"A-Z": "[A-Z]", "a-z": "[a-z]", "0-9": "[0-9]"}
    present = [name for name, regex in classes.items() if holders.index.str.fullmatch(regex).any()]
    others = holders[~holders.index.str.fullmatch("[A-Za-z0-9]")]
    return (
        f"^[{''.join(present)}{''.join(re.escape(sign) for sign in sorted(others.index))}]*$",
        int((others == 1).sum()),
    )
