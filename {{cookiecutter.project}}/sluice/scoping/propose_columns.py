"""Propose what one column of a table is to hold next time, from what it holds in this one."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
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
    options = {key: value for key, value in kwargs.items() if value is not None}
    if options.get("mostly") == 1:
        del options["mostly"]
    meta = {"notes": notes, "bound": "inferred"}
    return {"type": f"expect_{kind}", "kwargs": options, "severity": severity, "meta": meta}


def kind_of(values: pd.Series) -> str:
    """Return text, number or date."""
    if is_datetime64_any_dtype(values):
        return "date"
    return "number" if is_numeric_dtype(values) else "text"


@dataclass(frozen=True)
class Roles:
    """What is known of a column.

    is_time: the next table goes on from here, so that only its range is bounded. is_needed: prepare
    rejects rows without it. is_target: a class that was not there makes another problem. is_whole:
    these are all rows of the table, not a sample; only then is the number of different values a
    figure of the table. moves: what `clocks` found of it: bounds that later rows pass.
    """

    is_time: bool = False
    is_needed: bool = False
    is_target: bool = False
    is_whole: bool = True
    moves: AbstractSet[str] = frozenset()


def is_code(counts: pd.Series, kind: str) -> bool:
    """Return whether values with these counts are a list of codes: few, each often enough, and if
    they are numbers, none once: counts of things have such tails.
    """
    often = len(counts) == 1 or counts.sum() >= 3 * len(counts)
    is_few = 0 < len(counts) <= MAX_CODES.get(kind, 0)
    return is_few and often and (kind == "text" or bool(counts.min() > 1))


def plain(value: Any) -> Any:
    """Return a value of a column as JSON holds it: dates as ISO text, whole numbers without a
    fraction.
    """
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") else value
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if is_whole else value


def propose_column(values: pd.Series, roles: Roles) -> list[dict[str, Any]]:
    """Return the expectations for one column."""
    column, kind, held = str(values.name), kind_of(values), values.dropna()
    if held.empty:
        notes = f"Empty in all {len(values):,} rows: what is it for?"
        return [expect("column_values_to_be_null", "warning", notes, column=column)]
    first = [_present(values, roles.is_needed), *_type(column, kind)]
    if roles.is_time:
        return [*first, *_range(held, goes_on=True)]
    counts = held.value_counts()
    if not roles.moves and (roles.is_target or is_code(counts, kind)):
        return [*first, _codes(column, counts, roles.is_target), *_shares(column, counts)]
    unique = _distinct(column, counts, kind) if roles.is_whole else []
    names_row = [one for one in unique if one["severity"] == "critical"]
    # later rows have later names
    moves = roles.moves or ({"max_value"} if kind == "number" and names_row else set())
    ranges = _range(held, kind == "date", moves) if kind != "text" else []
    if moves:
        return [*first, *ranges, *names_row]
    of_kind = _pattern(column, counts) if kind == "text" else []
    of_kind += [*_quantiles(held), *_zeros(held)] if kind == "number" else []
    common = _most_common(column, counts) if kind != "date" else []
    return [*first, *ranges, *of_kind, *common, *unique]


def _type(column: str, kind: str) -> list[dict[str, Any]]:
    if kind not in TYPE_NAMES:
        return []
    notes = f"Read as {kind}s; words among them are a fault of the export."
    types = {"column": column, "type_list": TYPE_NAMES[kind]}
    return [expect("column_values_to_be_in_type_list", "critical", notes, **types)]


def _present(values: pd.Series, is_needed: bool) -> dict[str, Any]:
    """Return how many values may be missing."""
    column, n, missing = values.name, len(values), int(values.isna().sum())
    if not missing:
        notes = "A row without it is rejected before this table."
        if not is_needed:
            notes = f"None of {n:,} is missing; up to {most(0)} can be by chance in as many rows."
        share = 1 if is_needed else mostly(0, n)
        return expect(
            "column_values_to_not_be_null", "critical", notes, column=column, mostly=share
        )
    low, high = 1 - most(missing) / n, 1 - least(missing) / n
    notes = (
        f"{missing:,} of {n:,} are missing ({missing / n:.2%}); by chance {least(missing):,} to"
        f" {most(missing):,} in as many rows."
    )
    bounds = {"min_value": max(0, round(low, 5)), "max_value": min(1, round(high, 5))}
    kind = "column_proportion_of_non_null_values_to_be_between"
    return expect(kind, "warning", notes, column=column, **bounds)


def _codes(column: str, counts: pd.Series, is_target: bool) -> dict[str, Any]:
    """Return the values that may stand there, and how many rows of the next table may have another
    one by chance.

    The share of values that were not seen yet is about that of values that were seen once (Good
    1953, Biometrika 40).
    """
    n, once = int(counts.sum()), int((counts == 1).sum())
    values = [plain(value) for value in sorted(counts.index)]
    notes = f"{len(counts)} different values in {n:,} rows, the rarest in {counts.min():,}"
    if is_target:
        notes, share = f"The classes: {notes}.", 1.0
    else:
        notes += f"; up to {most(once)} rows in as many can have a rarer one by chance."
        share = mostly(once, n)
    options = {"column": column, "value_set": values, "mostly": share}
    return expect("column_values_to_be_in_set", "critical", notes, **options)


def _shares(column: str, counts: pd.Series) -> list[dict[str, Any]]:
    """Return how far the shares of the values may move, where there are two or more; values not
    seen yet count as one more.
    """
    n = int(counts.sum())
    shares = counts.sort_index() / n
    if len(shares) < 2:
        return []
    largest = shares.sort_values(ascending=False, kind="stable").head(5)
    top = ", ".join(f"{plain(value)} {share:.1%}" for value, share in largest.items())
    notes = (
        f"Shares of {n:,} rows: {top}{', ...' if len(shares) > 5 else ''}. Beyond this"
        " Kullback-Leibler divergence they moved."
    )
    options = {
        "partition_object": {
            "values": [plain(value) for value in shares.index],
            "weights": [round(float(share), 6) for share in shares],
        },
        "threshold": round(divergence(len(shares) + 1, n), 6),
        "tail_weight_holdout": round(1 / n, 6),
    }
    kind = "column_kl_divergence_to_be_less_than"
    return [expect(kind, "warning", notes, column=column, **options)]


def _range(
    held: pd.Series, goes_on: bool, moves: AbstractSet[str] = frozenset()
) -> list[dict[str, Any]]:
    """Return the range: without exceptions at a limit of the scale, else where a person would put
    it and with exceptions, as many as chance can bring; none for an end that `moves`.

    goes_on: later rows have later values, so that a value beyond is for a person to judge.
    """
    kind, severity = "column_values_to_be_between", "warning" if goes_on else "critical"
    n, found = len(held), []
    hard = {} if goes_on else {end: at for end, at in limits(held).items() if end not in moves}
    if hard:
        why = " and ".join(dict.fromkeys(why for _, why in hard.values())).capitalize()
        bounds = {end: bound for end, (bound, _) in hard.items()}
        notes = f"{why}; none of {n:,} rows is beyond."
        found.append(expect(kind, severity, notes, column=held.name, **bounds))
    seen = {"min_value": held.min(), "max_value": held.max()}
    ends = seen if goes_on else rounded_out(held)
    soft = {end: plain(at) for end, at in ends.items() if end not in hard and end not in moves}
    if soft:
        used = len(soft) - 1
        outermost = " and ".join(str(plain(seen[end])) for end in soft)
        notes = f"The outermost of {n:,} rows: {outermost}. "
        notes += f"Up to {most(used)} in as many may lie beyond these bounds."
        share = mostly(used, n)
        found.append(expect(kind, severity, notes, column=held.name, **soft, mostly=share))
    return found


def _quantiles(held: pd.Series) -> list[dict[str, Any]]:
    """Return ranges for quantiles, for those that anything bounds."""
    pairs = zip(QUANTILES, quantile_ranges(held, QUANTILES), strict=True)
    bounded = {q: [plain(bound) for bound in ends] for q, ends in pairs if ends != [None, None]}
    if not bounded:
        return []
    ranges = {"quantiles": list(bounded), "value_ranges": list(bounded.values())}
    notes = (
        f"The median of {len(held):,} rows is {plain(held.median())}; each quantile lies at a rank"
        " that chance can reach."
    )
    kind = "column_quantile_values_to_be_between"
    return [expect(kind, "warning", notes, column=held.name, quantile_ranges=ranges)]


def _zeros(held: pd.Series) -> list[dict[str, Any]]:
    """Return how many zeros there may be, where 0 lies in the range: it often stands for a missing
    value.

    Source: Pearson (2006), The problem of disguised missing data, SIGKDD Explorations 8.
    """
    n, zeros = len(held), int((held == 0).sum())
    share = mostly(zeros, n)
    if held.min() > 0 or held.max() < 0 or share == 0:
        return []
    notes = (
        f"{zeros:,} of {n:,} are 0; more than {most(zeros):,} in as many may stand for missing"
        " values."
    )
    options = {"column": held.name, "value_set": [0], "mostly": share}
    return [expect("column_values_to_not_be_in_set", "warning", notes, **options)]


def _most_common(column: str, counts: pd.Series) -> list[dict[str, Any]]:
    """Return which values can be the most common one, where there is a clear one: a default that
    creeps in becomes it.
    """
    top = counts.iloc[: MAX_MODES + 1]
    lowest = least(int(top.iloc[0]))
    plausible = [value for value, count in top.items() if most(int(count)) >= lowest]
    if len(plausible) > MAX_MODES or lowest == 0:
        return []
    common, n = plain(top.index[0]), f"{top.iloc[0]:,} of {counts.sum():,}"
    notes = f"{common} is the most common value, in {n} rows."
    values = [plain(value) for value in sorted(plausible)]
    options = {"column": column, "value_set": values, "ties_okay": True}
    return [expect("column_most_common_value_to_be_in_set", "warning", notes, **options)]


def _distinct(column: str, counts: pd.Series, kind: str) -> list[dict[str, Any]]:
    """Return how many rows may share their value with another, where few do, or else how many
    different values there may be.

    That text or whole numbers never repeat is no chance: they name a row.
    """
    n, repeated = int(counts.sum()), int(counts[counts > 1].sum())
    if repeated <= REPEATED * n and n > 2 * most(0):
        is_whole = kind == "number" and bool((counts.index % 1 == 0).all())
        names_row = not repeated and (kind == "text" or is_whole)
        severity, what = ("critical", ": it names a row.") if names_row else ("warning", ".")
        notes = f"{repeated:,} of {n:,} values stand in more than one row{what}"
        options: dict[str, Any] = {"column": column, "mostly": mostly_unique(repeated, n)}
        return [expect("column_values_to_be_unique", severity, notes, **options)]
    low, high = distinct(counts)
    if (low, high) == (1, n):
        return []
    notes = f"{len(counts):,} different values in {n:,} rows, {(counts == 1).sum():,} of them once."
    options = {"column": column, "min_value": low, "max_value": high}
    return [expect("column_unique_value_count_to_be_between", "warning", notes, **options)]


def _pattern(column: str, counts: pd.Series) -> list[dict[str, Any]]:
    """Return the shapes of codes, or the characters of free text, as a regular expression."""
    n = int(counts.sum())
    seen = pd.Series(counts.index).head(MAX_TEXTS).astype("str")
    shapes = seen
    for sign, run in RUNS.items():
        shapes = shapes.str.replace(f"{run}+", sign, regex=True)
    of_shape = counts.head(MAX_TEXTS).groupby(shapes.to_numpy()).sum()
    if len(of_shape) <= MAX_SHAPES:
        regex = "|".join(_regex(shape, seen[shapes == shape]) for shape in sorted(of_shape.index))
        regex, once = f"^(?:{regex})$", int((of_shape == 1).sum())
        notes = f"{len(of_shape)} shape{'s' * (len(of_shape) > 1)} in {n:,} rows"
    else:
        regex, once = _characters(seen)
        notes = f"The characters of {n:,} rows"
    others = once + int(counts[~counts.index.str.contains(regex)].sum())
    notes += f"; up to {most(others)} others in as many by chance."
    options = {"column": column, "regex": regex, "mostly": mostly(others, n)}
    return [expect("column_values_to_match_regex", "critical", notes, **options)]


RUNS = {"\x01": "[A-Z]", "\x02": "[a-z]", "\x03": "[0-9]"}


def _regex(shape: str, values: pd.Series) -> str:
    """Return the regular expression of one shape; a run that is equally long in all `values` has
    to be.
    """
    grouped = "".join(f"({RUNS[sign]}+)" if sign in RUNS else re.escape(sign) for sign in shape)
    runs = values.str.extract(f"^{grouped}$") if "(" in grouped else pd.DataFrame()
    lengths = [runs[run].str.len().unique() for run in runs]
    counts = iter(f"{{{found[0]}}}" if len(found) == 1 else "+" for found in lengths)
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
