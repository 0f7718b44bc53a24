"""Defects, one for each type of expectation, that a gate must stop."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.api.types import is_datetime64_any_dtype, is_integer_dtype, is_numeric_dtype

from sluice.data.roles import with_column
from sluice.gates.gate import gate

# holds for every table: a suite of a single warning would be refused
ALWAYS = {
    "type": "expect_table_column_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": "critical",
    "meta": {"notes": "Holds.", "bound": "confirmed"},
}
VERDICTS = {"critical": "fail", "warning": "warn", "info": "pass"}


def assert_bites(clean: pd.DataFrame, suite: dict, raw: dict, path: Path) -> None:
    """Assert that the expectation `raw` of `suite`, alone at `path`, finds each of its defects, and
    that its message names what is wrong and where.
    """
    path.write_text(json.dumps({**suite, "expectations": [raw, ALWAYS]}), encoding="utf-8")
    expected = raw["meta"].get("verdict", VERDICTS[raw["severity"]])
    for named, table in broken(clean, raw):
        verdict = gate(table, path, path.with_name("report.json"))
        [message] = verdict.sentences
        assert (verdict.verdict, verdict.blocks) == (expected, raw["severity"] == "critical"), (
            message
        )
        if suite["name"] == "features" and raw["severity"] == "info":
            named = table["feature"].iloc[0]  # a list of names, not of figures
        assert named in message
        assert path.name in message


def broken(table: pd.DataFrame, raw: dict) -> list[tuple[str, pd.DataFrame]]:
    """Return tables with a defect that the expectation `raw` exists for, each with what its
    message has to name.
    """
    kwargs, column = raw["kwargs"], raw["kwargs"].get("column")
    named = [
        kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs
    ] + kwargs.get("column_list", [])
    at = table.index[table[named].notna().all(axis=1)].tolist() if named else []
    if condition := kwargs.get("row_condition"):
        at = [int(table.index[meets(table, condition)][0])]
    at = at[: int(len(table) * (1 - kwargs.get("mostly", 1))) + 1]  # one row more than is tolerated
    match raw["type"]:
        case "expect_column_values_to_be_between":
            outside = [
                beyond(table[column], kwargs[end], sign)
                for end, sign in (("min_value", -1), ("max_value", 1))
                if end in kwargs
            ]
            if kwargs.get("strict_min"):
                outside = [kwargs["min_value"]]
            return [(column, put(table, at, column, value)) for value in outside]
        case "expect_column_max_to_be_between":
            return [(column, put(table, list(range(len(table))), column, kwargs["min_value"]))]
        case "expect_column_values_to_be_in_set":
            return [(column, put(table, at, column, stranger(table[column])))]
        case "expect_column_values_to_not_be_in_set":
            return [(column, put(table, at, column, kwargs["value_set"][0]))]
        case "expect_column_values_to_not_be_null":
            allowed = int(len(table) * (1 - kwargs.get("mostly", 1)))
            return [(column, put(table, list(range(allowed + 1)), column, None))]
        case "expect_column_values_to_be_null":
            return [(column, put(table, list(range(len(table))), column, stranger(table[column])))]
        case "expect_column_proportion_of_non_null_values_to_be_between":
            gone = list(range(int(len(table) * (1 - kwargs["min_value"])) + 1))
            filled = put(table, list(range(len(table))), column, table[column].dropna().iloc[0])
            return [
                (column, put(table, gone, column, None)),
                *([(column, filled)] if kwargs["max_value"] < 1 else []),
            ]
        case "expect_column_values_to_match_regex":
            return [(column, put(table, at, column, "\n"))]
        case "expect_column_values_to_be_in_type_list":
            return [(column, with_column(table, column, table[column].astype("str")))]
        case "expect_column_values_to_be_unique" | "expect_compound_columns_to_be_unique":
            return [
                (
                    (kwargs.get("column_list") or [column])[0],
                    pd.concat([table, table.loc[at]], ignore_index=True),
                )
            ]
        case "expect_column_unique_value_count_to_be_between":
            one = put(table, list(range(len(table))), column, table[column].dropna().iloc[0])
            every = with_column(table, column, different(table[column]))
            tables = [one] * (kwargs["min_value"] > 1) + [every] * (
                kwargs["max_value"] < len(table)
            )
            return [(column, changed) for changed in tables]
        case "expect_column_most_common_value_to_be_in_set":
            return [(column, put(table, list(range(len(table))), column, stranger(table[column])))]
        case "expect_column_kl_divergence_to_be_less_than":
            partition = kwargs["partition_object"]
            rarest = partition["values"][partition["weights"].index(min(partition["weights"]))]
            return [(column, put(table, list(range(len(table))), column, rarest))]
        case "expect_column_quantile_values_to_be_between":
            lows, highs = zip(*kwargs["quantile_ranges"]["value_ranges"], strict=True)
            outside = (
                [min(low for low in lows if low is not None) - 1] if set(lows) != {None} else []
            )
            outside += (
                [max(high for high in highs if high is not None) + 1]
                if set(highs) != {None}
                else []
            )
            return [
                (column, put(table, list(range(len(table))), column, value)) for value in outside
            ]
        case "expect_table_columns_to_match_set":
            return [
                ("undeclared", table.assign(undeclared=1)),
                (kwargs["column_set"][-1], table.drop(columns=kwargs["column_set"][-1])),
            ]
        case "expect_table_row_count_to_be_between":
            longer = (
                [("rows", pd.concat([table] * 3, ignore_index=True))]
                if "max_value" in kwargs
                else []
            )
            shorter = (
                [("rows", table.head(kwargs["min_value"] - 1))]
                if kwargs.get("min_value", 1) > 1
                else []
            )
            return [*shorter, *longer]
        case "expect_column_pair_values_to_be_in_set":
            a, b = kwargs["column_A"], kwargs["column_B"]
            pairs = kwargs["value_pairs_set"]
            wrong = next((x, y) for x, _ in pairs for _, y in pairs if [x, y] not in pairs)
            return [(b, put(put(table, at, a, wrong[0]), at, b, wrong[1]))]
        case (
            "expect_column_pair_values_a_to_be_greater_than_b"
            | "expect_column_pair_values_to_be_equal"
        ):
            return [
                (
                    kwargs["column_A"],
                    put(table, at, kwargs["column_A"], beyond(table[kwargs["column_B"]], None, -1)),
                )
            ]
        case "expect_last_column_to_equal_sum":
            return [(named[-1], put(table, at, named[-1], beyond(table[named[-1]], None, 1)))]
        case "expect_column_distinct_values_to_equal_set":
            gone = [(str(value), table[table[column] != value]) for value in kwargs["value_set"]]
            return [
                *(gone if len(gone) > 1 else []),
                ("unexpected", put(table, at, column, "stranger")),
            ]
        case "expect_column_distinct_values_to_be_in_set":
            return [("unexpected", put(table, at, column, "stranger"))]
        case "expect_column_distinct_values_to_contain_set":
            return [
                (
                    value,
                    put(table, table.index[table[column] == value].tolist(), column, "stranger"),
                )
                for value in kwargs["value_set"]
            ]
    pytest.fail(
        f"no drill for {raw['type']}: write one, so that this expectation is proven to bite"
    )


def meets(table: pd.DataFrame, condition: dict) -> pd.Series:
    """Return which rows of `table` meet a row_condition: that a column has a value, or several
    of them have.
    """
    parts = condition["conditions"] if condition["type"] == "and" else [condition]
    return pd.concat(
        [table[part["column"]["name"]] == part["parameter"] for part in parts], axis=1
    ).all(axis=1)


def beyond(values: pd.Series, bound: object, sign: int) -> object:
    """Return a value of the kind of `values` beyond `bound`, or beyond all of them where it is
    None: below for a sign of -1.
    """
    if is_datetime64_any_dtype(values):
        return (
            pd.Timestamp(bound) if bound else values.max() if sign > 0 else values.min()
        ) + sign * pd.Timedelta(days=1)
    if bound is None:
        bound = values.max() if sign > 0 else values.min()
    return bound + sign * (1 if is_integer_dtype(values) else max(1e-6, abs(bound) * 1e-6))


def stranger(values: pd.Series) -> object:
    """Return a value that is not among `values`, of their kind."""
    return (
        beyond(values, None if values.notna().any() else 0, 1)
        if is_numeric_dtype(values)
        else "stranger"
    )


def different(values: pd.Series) -> pd.Series:
    """Return as many values as there are rows, none twice, of the kind of `values`."""
    every = pd.Series(range(len(values)), index=values.index)
    if is_datetime64_any_dtype(values):
        return pd.Timestamp("2000-01-01") + pd.to_timedelta(every, unit="D")
    return every if is_numeric_dtype(values) else every.astype("str")


def put(table: pd.DataFrame, at: list[int], column: str, value: object) -> pd.DataFrame:
    """Return `table` with `value` in `column` of the rows `at`."""
    table = table.copy()
    if (value is None or isinstance(value, float)) and not is_datetime64_any_dtype(table[column]):
        table[column] = table[column].astype(
            "float64" if is_numeric_dtype(table[column]) else "object"
        )
    table.loc[at, column] = value
    return table
