"""Foresee which gates stop the next run: small tables such as the stages will write, held
against the suites on disk.
"""

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core.params import Data, Params
from sluice.data.groups import groups
from sluice.fairness.gaps import ERRORS, OTHERS
from sluice.gates.gate import findings_of
from sluice.gates.suite import Expected, Suite, read_suite
from sluice.metrics.intervals import clopper_pearson
from sluice.scoping.finding import Finding, finding
from sluice.scoping.power import ClassProof, tested_rows
from sluice.scoping.rows import Rows

BOUND = "expect_column_values_to_be_between"
SUITES = Path("expectations")
PREPARED, CHANGES = "expectations/prepared.json", "expectations/changes.json"
UNUSABLE = ("malformed", "bad_value", "unlabelled", "key_conflict")  # records that are errors


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
        if any(finding.blocks for finding in findings_of(rows, _asked(suite, rows)))
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
    raw, needs = expected.raw, expected.needs or {""}
    is_critical = raw["type"] == BOUND and raw["severity"] == "critical"
    if not is_critical or not needs <= set(rows.columns):
        return False
    condition = raw["kwargs"].get("row_condition")
    if condition is None:
        return True
    parts = condition["conditions"] if condition["type"] == "and" else [condition]
    if any(part.get("operator") != "==" for part in parts):
        return False
    holds = [rows[part["column"]["name"]] == part["parameter"] for part in parts]
    return bool(pd.concat(holds, axis=1).all(axis=1).any())


def class_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per class, with its training rows and `support`, its test rows, as
    `classes` and `by_class` are judged by.
    """
    table = counts.rename_axis("class").reset_index().astype({"class": "str"})
    return table[["class", "train", "test"]].rename(columns={"test": "support"})


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
    may_stop = {
        "synthetic": params.augment.strategy != "none",
        "candidates": True,
        "features": True,
        "by_group": bool(params.data.sensitive),
        "slices": bool(params.evaluate.slices),
    }
    return [name for name, it_may in may_stop.items() if it_may]


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


def gate_findings(
    found: Rows, changed: pd.DataFrame | None, name: str, params: Params
) -> list[Finding]:
    """Return what will stop the next run but for classes, groups and columns that give the target
    away.

    changed: the table that the gate changes will judge; None where not all prepared rows are at
    hand: then neither it nor the suite of the prepared rows is asked.
    """
    said = []
    n, records = sum(found.kinds.get(kind, 0) for kind in UNUSABLE), found.records
    table = pd.DataFrame({"source": [name], "unusable_share": [n / max(records, 1)]})
    if blocked("sources", table, "source"):
        said.append(finding("sources_stop", name, n=n, records=records))
    for suite, table in ((PREPARED, found.rows), (CHANGES, changed)):
        stops = findings_of(table, read_suite(suite)) if changed is not None else []
        said += [
            finding(
                "suite_stops",
                suite,
                gate=Path(suite).stem,
                sentence=one.sentence.removeprefix("FAIL: "),
            )
            for one in stops
            if one.blocks
        ]
    data, rows = params.data, found.rows
    of_column = [
        {"column": column, "groups": groups(rows[column], data.cut_points.get(column)).nunique()}
        for column in data.sensitive
    ]
    alone = blocked("proxies", pd.DataFrame(of_column), "column") if of_column else []
    return said + [finding("proxies_stop", column) for column in alone]


def recall_findings(proofs: list[ClassProof]) -> list[Finding]:
    """Return the classes whose recall, if it is what it was on rows held back, the gate by_class
    will stop.
    """
    table = recall_table(proofs)
    highest = table.set_index("class")["recall_high"].to_dict()
    return [
        finding("recall_stops", f"class {label}", highest=highest[label])
        for label in blocked("by_class", table, "class")
    ]
