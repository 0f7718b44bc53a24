"""The suite of what changed in the prepared rows since the suites were proposed: the same for
all data.
"""

from typing import Any

from sluice.audits.changes import CHANGES_CHECKS
from sluice.scoping.propose_columns import expect

AGAIN = "If the change is meant, run `make scope` again: it remembers the rows as they are now."
NOTES: dict[str, tuple[str, dict[str, float]]] = {
    "profile": (
        (
            "data/profile.json is missing, so that nobody could see what changed; run `make scope`,"
            " which writes it."
        ),
        {"min_value": 1},
    ),
    "rows": (
        f"There are fewer rows than there were: the file may be cut off. {AGAIN}",
        {"min_value": 0.9},
    ),
    "latest": (
        f"The newest row is older than it was: the file is cut off, or an old copy. {AGAIN}",
        {"max_value": 0},
    ),
    "period": (
        f"Rows of a period that were there are gone: a part of the file is missing. {AGAIN}",
        {"min_value": 0.9},
    ),
    "multiplied": (
        (
            "A period that was over has more rows than it had: a join may have multiplied them, or"
            f" the file holds them twice. {AGAIN}"
        ),
        {"max_value": 1.1},
    ),
    "repeated": (
        (
            "More rows equal another than before, by this share: a join may have multiplied them."
            f" {AGAIN}"
        ),
        {"max_value": 0.05},
    ),
    "group_gone": (
        f"A group of a sensitive column is gone, so that nobody can say how it is treated. {AGAIN}",
        {"max_value": 0},
    ),
    "new_value": (
        (
            "Hardly any row had this value before; now this share of the rows has it. It may be a"
            " new code for a missing value, such as 999, or a default that a form fills in. Find"
            f" out; a code for a missing value belongs under missing in data/sources.yaml. {AGAIN}"
        ),
        {"max_value": 0.05},
    ),
    "distribution": (
        (
            "The values are distributed quite otherwise than before: another unit, another scale,"
            f" another column under this name. {AGAIN}"
        ),
        {"max_value": 0.5},
    ),
    "auc_lost": (
        (
            "The features tell this class from the others less well than before, beyond chance:"
            f" rows may be joined to the wrong labels, or a feature lost its meaning. {AGAIN}"
        ),
        {"max_value": 0.05},
    ),
    "future": (
        (
            "This share of the dates is after today: day and month may be exchanged, or a clock be"
            " wrong. Mend the file; a date that means open, such as 9999-12-31, belongs under"
            " missing in data/sources.yaml."
        ),
        {"max_value": 0},
    ),
    "stretch": (
        (
            "In so many rows that follow each other in time this number stands still, though it"
            " moves otherwise: a sensor or a form that hung. Take these rows out of the file, or"
            " make the values missing."
        ),
        {"max_value": 0},
    ),
    "not_seen_since": (
        (
            "The newest rows hold none of this class, which chance does not explain (the"
            " probability is shown). Their labels have probably not come yet: leave out rows whose"
            " labels are not mature. If the class died out, lower this bound."
        ),
        {"min_value": 1e-9},
    ),
    "flipped": (
        (
            "In this group the features tell the classes the wrong way round, by at least so much:"
            " its labels may be exchanged. Look at some."
        ),
        {"max_value": 0},
    ),
}


def changes_suite() -> dict[str, Any]:
    """Return the suite changes: nothing in it depends on the data."""
    expectations = [
        expect(
            "compound_columns_to_be_unique",
            "critical",
            "One row per check and column.",
            column_list=["check", "column"],
        ),
        expect(
            "column_distinct_values_to_equal_set",
            "critical",
            "Every check was made.",
            column="check",
            value_set=sorted(["profile", *CHANGES_CHECKS]),
        ),
        expect(
            "column_values_to_not_be_null", "critical", "Every check has a value.", column="value"
        ),
        *(_of(check, "critical", words, **bounds) for check, (words, bounds) in NOTES.items()),
        _of(
            "distribution",
            "warning",
            "The values are distributed otherwise than before: find out why.",
            max_value=0.1,
        ),
    ]
    notes = (
        "One row is one check of the prepared rows, by themselves or against data/profile.json,"
        " which `make scope` wrote of the rows of that day: counts, shares of values, and how well"
        " the classes can be told apart."
    )
    return {
        "name": "changes",
        "meta": {"notes": notes, "row": ["check", "column"]},
        "expectations": expectations,
    }


def _of(check: str, severity: str, words: str, **bounds: float) -> dict[str, Any]:
    """Return the expectation that the values of one check are within `bounds`."""
    condition = {
        "type": "comparison",
        "column": {"name": "check"},
        "operator": "==",
        "parameter": check,
    }
    return expect(
        "column_values_to_be_between",
        severity,
        words,
        column="value",
        **bounds,
        row_condition=condition,
    )
