"""Whether any table could fail an expectation: one that no table can fail is no gate."""

import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as regular  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import pandas as pd
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    Expectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from sluice.gates.judging import FAULTS, exception_of, validated

BY_ROW = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
MAX_COUNT = 10**9  # rows, columns or different values: no table has as many
# no amount in a table is larger: beyond, a float tells no whole number from the next but a few
PLAUSIBLE = 1e15
# a mean or quantile so large takes a column of such numbers, where one wild cell breaks a bound on
# values
BULK = 1e9
LEAST_MOSTLY = 0.01
FIGURE_RANGES = {  # of a table or column: the least and the most that it can be
    "expect_table_row_count_to_be_between": (0, MAX_COUNT),
    "expect_table_column_count_to_be_between": (0, MAX_COUNT),
    "expect_column_unique_value_count_to_be_between": (1, MAX_COUNT),
    "expect_column_proportion_of_unique_values_to_be_between": (0, 1),
    "expect_column_proportion_of_non_null_values_to_be_between": (0, 1),
    "expect_column_stdev_to_be_between": (0, BULK),
    "expect_column_value_lengths_to_be_between": (0, MAX_COUNT),
    "expect_column_mean_to_be_between": (-BULK, BULK),
    "expect_column_median_to_be_between": (-BULK, BULK),
}
Z_SCORES = "expect_column_value_z_scores_to_be_less_than"
SHARE_COLUMNS = [
    *(
        "auc",
        "coverage",
        "duplicate_share",
        "proven_fall",
        "proven_gap",
        "proven_ratio",
        "q",
        "recall_high",
        "recall_low",
    ),
    *("rejected_share", "score", "seen_by_metric", "share", "train_share", "unusable_share"),
]
COUNTS = [
    "clusters",
    "groups",
    "models",
    "periods",
    "rows",
    "support",
    "test",
    "train",
    "unaccounted",
    "value",
]
JUDGED_RANGES = dict.fromkeys(SHARE_COLUMNS, (0, 1)) | dict.fromkeys(
    COUNTS, (0, MAX_COUNT)
)  # columns of tables that the stages make
SHARE_CHECKS = (
    "gives_away",
    "gives_class_away",
    "share_of_table",
    "told_apart",
)  # of which `value` is a share, too
CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
CONSTANTS = 12  # tables of one value each
STRANGER = "~"
TEXTS = [
    *map(chr, range(1, 127)),
    STRANGER,
    "Aa0",
    "a b",
    " a",
    "a ",
    "a,b",
    "<a>",
    "é",
    "ß",
    "中",
    "→",
    "\U0001f600",
    "\u200b",
    "x" * 10_000,
]
TEXTS += ["0", "12", "-1.5", "2001-02-03", "2001-02-30", "true"]
JSONS = ["{}", "[]", '"a"', "1", "true", "null"]
NUMBERS = [-1e300, -1e9, -1, 0, 0.5, 1, 1e9, 1e300]
DATES = pd.to_datetime(["0001-01-02", "1970-01-01", "2001-02-03", "9999-12-30"]).as_unit("us")


def named(condition: Any) -> Iterator[str]:
    """Yield the columns that a row_condition, an object of Great Expectations, names."""
    if isinstance(condition, dict):
        if isinstance(condition.get("column"), dict) and isinstance(
            condition["column"].get("name"), str
        ):
            yield condition["column"]["name"]
        for part in condition.values():
            yield from named(part)
    elif isinstance(condition, list):
        for part in condition:
            yield from named(part)


def toothless(raw: dict[str, Any], columns: list[str], *, is_judged: bool) -> str | None:
    """Return why no table could fail the expectation `raw`, None if one could; is_judged: of a
    table that a stage computed.

    columns: those whose values it judges. Most expectations are seen to bite; the others are shown
    tables until one fails.
    """
    if problem := _idle(raw, is_judged):
        return problem
    if raw["type"] in (*FIGURE_RANGES, Z_SCORES) or _plainly_bites(raw, columns):
        return None
    return _probed(json.dumps(raw, sort_keys=True), tuple(columns))


def _idle(raw: dict[str, Any], is_judged: bool) -> str | None:
    """Return why the bounds of `raw` hold whatever the figure is, None if one of them could
    fail.
    """
    kwargs = raw["kwargs"]
    if not is_number(kwargs.get("mostly", 1)) or float(kwargs.get("mostly", 1)) < LEAST_MOSTLY:
        return (
            f"mostly is {kwargs['mostly']!r}, so that every row but one in {1 / LEAST_MOSTLY:.0f}"
            " may be wrong"
        )
    if "partition_object" in kwargs and not isinstance(kwargs["partition_object"], dict):
        return (
            f"partition_object is {kwargs['partition_object']!r}, so that the column is compared"
            " with itself"
        )
    if raw["type"] == Z_SCORES:
        return _never_so_far(kwargs)
    if "quantile" in raw["type"]:
        ends = kwargs["quantile_ranges"]["value_ranges"]
        idle = all(_excludes_nothing(low, high, -BULK, BULK) for low, high in ends)
        return f"value_ranges {ends!r} exclude nothing{_never(-BULK, BULK)}" if idle else None
    least, most = FIGURE_RANGES.get(raw["type"], (-PLAUSIBLE, PLAUSIBLE))
    if raw["type"] == "expect_column_values_to_be_between" and is_judged:
        least, most = JUDGED_RANGES.get(kwargs["column"], (-PLAUSIBLE, PLAUSIBLE))
        if kwargs["column"] == "value" and any(
            check in json.dumps(kwargs.get("row_condition")) for check in SHARE_CHECKS
        ):
            most = 1
    elif not raw["type"].endswith("_to_be_between"):
        return None
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if not _excludes_nothing(
        low,
        high,
        least,
        most,
        strict=(bool(kwargs.get("strict_min")), bool(kwargs.get("strict_max"))),
    ):
        return None
    return f"min_value {low!r} and max_value {high!r} exclude nothing{_never(least, most)}"


def _excludes_nothing(
    low: Any, high: Any, least: float, most: float, strict: tuple[bool, bool] = (False, False)
) -> bool:
    """Return whether each figure from `least` to `most` lies between `low` and `high`; of dates
    nothing is known.
    """
    open_below = low is None or (
        is_number(low) and (float(low) < least or (float(low) == least and not strict[0]))
    )
    open_above = high is None or (
        is_number(high) and (float(high) > most or (float(high) == most and not strict[1]))
    )
    return open_below and open_above


def _never(least: float, most: float) -> str:
    plausible = " by any likelihood" if most in (BULK, PLAUSIBLE) and least else ""
    return f"; the figure is never{plausible} below {least:g} or above {most:g}"


def _never_so_far(kwargs: dict[str, Any]) -> str | None:
    """Return why no column has so many values so many standard deviations off, None if one can.

    Sources: Chebyshev (1867) for both sides, Cantelli (1928) for one.
    """
    threshold, mostly = float(kwargs["threshold"]), float(kwargs.get("mostly", 1))
    if threshold <= 0:
        return None
    off = threshold**-2 if kwargs.get("double_sided") else 1 / (1 + threshold**2)
    if off * MAX_COUNT >= 1 and mostly > 1 - off:
        return None
    share = f"{off:.0%}" if off * MAX_COUNT >= 1 else "one in a billion"
    return (
        f"mostly is {mostly:g}, but of no column more than {share} of the values can be over"
        f" {threshold:g} standard deviations off"
    )


def is_number(value: Any) -> bool:
    """Return whether Great Expectations takes `value` for a number."""
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _plainly_bites(raw: dict[str, Any], columns: list[str]) -> bool:
    """Return whether a table that fails `raw` is known without trying: for the types that suites
    are mostly made of.
    """
    kwargs = raw["kwargs"]
    if set(named(kwargs.get("row_condition"))) & set(columns) or "ignore_row_if" in kwargs:
        return False
    values = kwargs.get("value_set", kwargs.get("column_set"))
    match raw["type"].removeprefix("expect_"):
        case "column_values_to_be_between":
            bounds = [kwargs.get("min_value"), kwargs.get("max_value")]
            return any(
                isinstance(bound, int | float) and abs(bound) < NUMBERS[-1] for bound in bounds
            )
        case (
            "column_values_to_be_in_set"
            | "column_distinct_values_to_equal_set"
            | "column_distinct_values_to_contain_set"
            | "column_values_to_not_be_in_set"
            | "column_distinct_values_to_be_in_set"
        ):
            return _some(values)
        case "table_columns_to_match_set":
            return _some(values) and kwargs.get("exact_match") is not False
        case (
            "column_values_to_not_be_null"
            | "column_values_to_be_null"
            | "column_values_to_be_unique"
            | "column_to_exist"
        ):
            return True
        case "column_values_to_be_in_type_list":
            return _some(kwargs.get("type_list")) and not set(kwargs["type_list"]) & {
                "str",
                "object",
                "string",
            }
        case "compound_columns_to_be_unique":
            return len(columns) > 0
    return False


def _some(values: Any) -> bool:
    return isinstance(values, list) and any(
        isinstance(value, str | int | float) for value in values
    )


@lru_cache(maxsize=1_000)
def _probed(raw_text: str, columns: tuple[str, ...]) -> str | None:
    """Return why none of the probes failed, None if one did."""
    raw = json.loads(raw_text)
    kwargs = {key: value for key, value in raw["kwargs"].items() if key != "mostly"}
    if not set(named(kwargs.get("row_condition"))) & set(columns):
        kwargs.pop(
            "row_condition", None
        )  # it picks rows by other columns, which can hold what it asks for
    asked = ExpectationConfiguration(raw["type"], kwargs, meta={"nth": 0}).to_domain_obj()
    found = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # extreme values overflow on purpose
        for table in _tables(asked, kwargs, list(columns)):
            found.append(_asked(table, asked))
            if found[-1] is False:
                return None
    if not any(found):
        return (
            "none of the tables that were tried could be judged by it, so its kwargs do not fit its"
            " type"
        )
    return "no table that was tried, of numbers, texts, dates, booleans or missing values, fails it"


def _asked(table: pd.DataFrame, asked: Expectation) -> bool | None:
    """Return whether `table` passes, None where it could not be judged."""
    try:
        [result] = validated(table, [asked], {"result_format": "BOOLEAN_ONLY"})
    except FAULTS:
        return None
    return None if exception_of(result.exception_info) else bool(result.success)


def _tables(
    asked: Expectation, kwargs: dict[str, Any], columns: list[str]
) -> Iterator[pd.DataFrame]:
    """Yield tables of which every expectation worth its name fails one, the likeliest first."""
    if not columns or asked.expectation_type.startswith(
        ("expect_table_", "expect_column_to_exist")
    ):
        yield pd.DataFrame({STRANGER: [1, 2]})
        return
    leaves = [
        leaf
        for key, value in kwargs.items()
        if key not in ("column", "column_A", "column_B", "column_list")
        for leaf in _leaves(value)
    ]
    dates, texts = _dates(leaves), _texts(leaves, negated="_not_match_" in asked.expectation_type)
    pools = [_numbers(leaves), texts, dates, pd.Series([True, False])]
    if len(dates) > len(DATES):
        pools.insert(0, pools.pop(2))
    elif any(isinstance(leaf, str) for leaf in leaves):
        pools.insert(0, pools.pop(1))
    if asked.expectation_type.endswith("json_schema"):
        pools = [pd.Series(JSONS)]
    for pool in pools:
        for values in _arranged(pool, len(columns), by_row=isinstance(asked, BY_ROW)):
            yield _beside(
                pd.DataFrame(dict(zip(columns, values, strict=True))), kwargs.get("row_condition")
            )


def _arranged(pool: pd.Series, n: int, *, by_row: bool) -> Iterator[list[pd.Series]]:
    """Yield n columns of the values of `pool`: equal or different in a row, once or often, and
    all of one value.
    """
    same = [pd.concat([pool, pool], ignore_index=True)] * n
    shifts = range(1, len(pool) if n == 2 and len(pool) < 40 else 4)
    shifted = [
        [pd.Series(np.roll(pool, shift * nth), dtype=pool.dtype) for nth in range(n)]
        for shift in shifts
    ]
    yield [pd.concat(parts, ignore_index=True) for parts in zip(same, *shifted, strict=True)]
    yield same
    if pool.dtype == "float64":
        yield [pd.Series([0.0] * 999 + [1e6])] * n
        yield [pd.Series(np.arange(1000.0))] * n
    if not by_row:
        for value in pool.iloc[np.unique(np.linspace(0, len(pool) - 1, CONSTANTS).astype(int))]:
            yield [pd.Series([value] * 20, dtype=pool.dtype)] * n


def _beside(table: pd.DataFrame, condition: Any) -> pd.DataFrame:
    """Return `table` with the other columns that a row_condition names: each row once with each
    value that it asks for there.
    """
    for column in set(named(condition)) - set(table.columns):
        table = table.merge(
            pd.DataFrame({column: [*_parameters(condition, column), STRANGER, None]}), how="cross"
        )
    return table


def _parameters(condition: Any, column: str) -> list[Any]:
    """Return the values with which `condition` compares `column`."""
    parts = (
        condition.values()
        if isinstance(condition, dict)
        else condition
        if isinstance(condition, list)
        else []
    )
    found = [value for part in parts for value in _parameters(part, column)]
    if (
        isinstance(condition, dict)
        and isinstance(condition.get("column"), dict)
        and condition["column"].get("name") == column
    ):
        found += list(_leaves(condition.get("parameter")))
    return found


def _leaves(content: Any) -> Iterator[Any]:
    """Yield the numbers and texts in `content`, of any depth."""
    if isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _leaves(part)
    elif content is not None:
        yield content


def _numbers(leaves: Iterable[Any]) -> pd.Series:
    bounds = [float(leaf) for leaf in leaves if isinstance(leaf, int | float)]
    return pd.Series(
        sorted(
            {
                *map(float, NUMBERS),
                *(bound + step for bound in bounds for step in (-1, -1e-6, 0, 1e-6, 1)),
            }
        )
    )


def _texts(leaves: Iterable[Any], *, negated: bool) -> pd.Series:
    """Return texts, among them some that a regular expression meets; with a line break only where
    it is to meet none: one that every text meets but those is as good as one that every text meets.
    """
    texts = [leaf for leaf in leaves if isinstance(leaf, str)]
    made = [
        text
        for leaf in texts
        for text in (leaf, leaf + STRANGER, *re.findall(r"\w+", leaf), *examples(leaf))
    ]
    every = dict.fromkeys([*TEXTS, *made])
    return pd.Series(
        [text for text in every if text and (negated or "\n" not in text)], dtype="str"
    )


def _dates(leaves: Iterable[Any]) -> pd.Series:
    texts = [leaf for leaf in leaves if isinstance(leaf, str)]
    found = (
        pd.to_datetime(pd.Series(texts, dtype="str"), errors="coerce", format="ISO8601", utc=True)
        .dt.tz_localize(None)
        .dropna()
    )
    around = [found + pd.Timedelta(days=days) for days in (-1, 0, 1)] if len(found) else []
    return pd.concat(
        [pd.Series(DATES), *(one.dt.as_unit("us") for one in around)], ignore_index=True
    )


def examples(regex: str) -> list[str]:
    """Return a text that `regex` meets, for most of those that can be met; none for what is no
    regular expression.
    """
    try:
        found = _example(regular.parse(regex))
        return [found] if re.search(regex, found) else []
    except (re.error, RecursionError, OverflowError):
        return []


def _example(parts: Any) -> str:
    """Return the shortest text that the parsed regular expression takes, for the kinds of parts
    that say what to write.
    """
    return "".join(map(_example_of, parts))


def _example_of(part: tuple[Any, Any]) -> str:
    kind, value = part
    if kind is op.LITERAL:
        return chr(value)
    if kind in (op.ANY, op.NOT_LITERAL):
        return "a" if value != ord("a") else "b"
    if kind is op.IN:
        return next((sign for sign in map(chr, range(0x7E, 0, -1)) if _is_in(value, sign)), "")
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _example(value[2]) * min(max(value[0], 1), 1_000)
    if kind is op.SUBPATTERN:
        return _example(value[3])
    if kind is op.BRANCH:
        return _example(value[1][0])
    return ""


def _is_in(members: list[tuple[Any, Any]], sign: str) -> bool:
    """Return whether `sign` is one of the parsed `members` of a class such as [^a-z]."""
    found = any(
        (kind is op.LITERAL and ord(sign) == value)
        or (kind is op.RANGE and value[0] <= ord(sign) <= value[1])
        or (kind is op.CATEGORY and re.match(CATEGORIES[value], sign))
        for kind, value in members
    )
    return found != any(kind is op.NEGATE for kind, _ in members)
