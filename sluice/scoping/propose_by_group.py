"""The suite of the audit by group, with the names of this data filled in."""

from typing import Any

import pandas as pd

from sluice.core.params import Data
from sluice.fairness.gaps import ERRORS, RATES, SELECTION, attributes
from sluice.scoping.propose_columns import expect

MIN_ROWS, MIN_SUPPORT, FOUR_FIFTHS = 200, 30, 0.8


def by_group_suite(
    prepared: pd.DataFrame, classes: list[str], data: Data, largest_gap: float
) -> dict[str, Any]:
    """Return the suite of the audit; where no column is sensitive it allows none, and evaluate does
    not ask it.

    Too few rows stop only for a group of one column: the more columns are crossed the smaller their
    groups, and every project would be stopped by its smallest.
    """
    of = attributes(prepared, data)
    key = ["column", "group", "against", "class", "rate"]
    audited = (
        "Every sensitive column is audited, and each two of them: where data.sensitive of"
        " params.yaml changes, run `make scope` again, or change this set and the groups below."
    )
    gap = (
        f"This group is treated otherwise, by more than {largest_gap} and beyond chance: find out"
        " why, and whether it is just, before this model decides on people; train.mitigation may"
        " narrow the gap, for a price that reports/candidates.csv then shows."
    )
    differs = (
        "Named so, or given such a probability, this group is right less or more often than the"
        " others; where the classes are not equally frequent in both, no model treats them alike in"
        " this and in its errors as well (Chouldechova 2017, Big Data 5)."
    )
    rates = [*RATES, *([SELECTION] if data.favourable else [])]
    expectations = [
        expect(
            "compound_columns_to_be_unique",
            "critical",
            "One row per comparison, class and rate.",
            column_list=key,
        ),
        _same(audited, "column", list(of)),
        *(
            _same(
                "A group without a row is overlooked.",
                "group",
                sorted(of[column].unique()),
                row_condition=where(column=column),
            )
            for column in data.sensitive
        ),
        _same("A class without a row is overlooked.", "class", classes),
        _same("Every rate is audited.", "rate", rates),
        *(
            _between(
                "critical", gap, "proven_gap", max_value=largest_gap, row_condition=where(rate=rate)
            )
            for rate in ERRORS
        ),
        *(
            _between(
                "warning",
                differs,
                "proven_gap",
                max_value=largest_gap,
                row_condition=where(rate=rate),
            )
            for rate in RATES
            if rate not in ERRORS
        ),
        *_four_fifths(data.favourable),
        *_enough("group", "critical", "add rows, or waive the group with a reason."),
        *(
            _enough("crossed", "warning", "whether it is treated alike is not known.")
            if len(of) > len(data.sensitive)
            else []
        ),
    ]
    notes = (
        "One row is one rate of one class in one group, held against all others or another group."
        " `support` counts the test rows that it is a share of, `rows` those of the group. `gap` is"
        " the rate less the `other`, gap_low and gap_high its interval, which holds for all gaps of"
        " the column together with 99 % (Newcombe 1998, Bonferroni), `proven_gap` its size where"
        " that excludes 0 and neither side has fewer rows than are asked for below, else 0."
    )
    return {
        "name": "by_group",
        "meta": {
            "notes": notes,
            "row": key,
            "waived_by": ["column", "group"],
            "show": ["value", "other", "gap", "gap_low", "gap_high"],
        },
        "expectations": expectations,
    }


def _four_fifths(favourable: str | None) -> list[dict[str, Any]]:
    if favourable is None:
        return []
    notes = (
        f"{favourable} is a benefit, and this group is given it less or more often than four fifths"
        " of the other's share, beyond chance (29 CFR 1607.4 D): find out why, and whether it is"
        " just."
    )
    return [_between("critical", notes, "proven_ratio", min_value=FOUR_FIFTHS)]


def _enough(kind: str, severity: str, what: str) -> list[dict[str, Any]]:
    """Return what is expected of the rows of groups of one kind, so that anything can be said of
    them.
    """
    few = _between(
        severity,
        f"With fewer rows no gap can be told from chance: {what}",
        "rows",
        min_value=MIN_ROWS,
    )
    found = [(few, where(kind=kind))]
    for rate in (*ERRORS, "precision"):
        told = "warning" if rate == "precision" else severity
        few = _between(
            told, f"Too few rows to tell this rate: {what}", "support", min_value=MIN_SUPPORT
        )
        found.append((few, where(kind=kind, rate=rate)))
    return [
        {
            **one,
            "kwargs": one["kwargs"] | {"row_condition": rows},
            "meta": one["meta"] | {"verdict": "insufficient"},
        }
        for one, rows in found
    ]


def _between(severity: str, notes: str, column: str, **kwargs: Any) -> dict[str, Any]:
    return expect("column_values_to_be_between", severity, notes, column=column, **kwargs)


def _same(notes: str, column: str, values: list[str], **kwargs: Any) -> dict[str, Any]:
    return expect(
        "column_distinct_values_to_equal_set",
        "critical",
        notes,
        column=column,
        value_set=values,
        **kwargs,
    )


def where(**values: str) -> dict[str, Any]:
    """Return the row_condition that each column of `values` has its value."""
    found = [
        {"type": "comparison", "column": {"name": column}, "operator": "==", "parameter": value}
        for column, value in values.items()
    ]
    return found[0] if len(found) == 1 else {"type": "and", "conditions": found}
