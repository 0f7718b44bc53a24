"""Foresee which gates stop the next run: small tables such as the stages will write, held
against the suites on disk.
"""

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core.params import Data, Params
from sluice.fairness.gaps import ERRORS, OTHERS
from sluice.gates.gate import find
from sluice.gates.suite import Expected, Suite, read_suite
from sluice.metrics.intervals import clopper_pearson
from sluice.scoping.power import ClassProof, tested_rows

BOUND = "expect_column_values_to_be_between"
SUITES = Path("expectations")


def blocked(gate: str, table: pd.DataFrame, by: str | list[str]) -> list[Any]:
    """Return the values of `by` of which the rows of `table` will stop the run at `gate`, waivers
    of its suite counted.

    Asked are the critical bounds on columns that `table` has: what it lacks is not known before the
    run.
    """
    suite = read_suite(SUITES / f"{gate}.json")
    return [
        key
        for key, rows in table.groupby(by, sort=False)
        if any(finding.blocks for finding in find(rows, _asked(suite, rows)))
    ]


def _asked(suite: Suite, rows: pd.DataFrame) -> Suite:
    """Return `suite` with the critical bounds alone that `rows` can answer."""
    row = [column for column in suite.row if column in rows.columns]
    return replace(
        suite,
        meta=suite.meta | {"row": row, "show": []},
        expected=[one for one in suite.expected if _answers(rows, one)],
    )


def _answers(rows: pd.DataFrame, expected: Expected) -> bool:
    """Tell whether `expected` is a critical bound on columns of `rows`, for at least one of
    them.
    """
    if (
        expected.raw["type"] != BOUND
        or expected.raw["severity"] != "critical"
        or not (expected.needs or {""}) <= set(rows.columns)
    ):
        return False
    condition = expected.raw["kwargs"].get("row_condition")
    if condition is None:
        return True
    parts = condition["conditions"] if condition["type"] == "and" else [condition]
    if any(part.get("operator") != "==" for part in parts):
        return False
    return bool(
        pd.concat([rows[part["column"]["name"]] == part["parameter"] for part in parts], axis=1)
        .all(axis=1)
        .any()
    )


def class_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per class, with its training rows and `support`, its test rows, as
    `classes` and `by_class` are judged by.
    """
    return pd.DataFrame(
        {
            "class": counts.index.astype("str"),
            "train": counts["train"].to_numpy(),
            "support": counts["test"].to_numpy(),
        }
    )


def recall_table(proofs: list[ClassProof]) -> pd.DataFrame:
    """Return one row per class whose recall was measured, with the upper bound by which
    `by_class` will judge it if that is its recall.
    """
    level = 1 - 0.05 / max(len(proofs), 1)  # as evaluate has it, for all classes together
    bounds = {
        one.label: clopper_pearson(one.expected * one.test, one.test, level)[1]
        for one in proofs
        if one.expected is not None and one.test
    }
    return pd.DataFrame({"class": list(bounds), "recall_high": list(bounds.values())})


def unforeseen(params: Params) -> list[str]:
    """Return the gates that may stop a run, of whose tables nothing can be known before it."""
    fits_augmented = params.augment.strategy != "none"
    asked = {
        "synthetic": fits_augmented,
        "candidates": True,
        "features": True,
        "by_group": bool(params.data.sensitive),
    }
    return [
        name
        for name, may_stop in (asked | {"slices": bool(params.evaluate.slices)}).items()
        if may_stop
    ]


def group_table(rows: pd.DataFrame, data: Data, test_share: float | pd.Series) -> pd.DataFrame:
    """Return one row per sensitive column, group, class and error rate, with about the test rows
    that `by_group` will be judged by.
    """
    table: list[dict[str, Hashable]] = []
    for column in data.sensitive:
        for group, of_class in tested_rows(rows, column, data, test_share).iterrows():
            for label, n in of_class.items():
                for rate in ERRORS:
                    support = n if rate == "recall" else of_class.sum() - n
                    row = {
                        "column": column,
                        "kind": "group",
                        "group": str(group),
                        "against": OTHERS,
                        "class": str(label),
                        "rate": rate,
                    }
                    table.append(row | {"rows": round(of_class.sum()), "support": round(support)})
    return pd.DataFrame(table)
