"""The suites of what augmentation added, of proxies of sensitive columns, and of labels by
group: their words and thresholds.
"""

from typing import Any

from sluice.audits.synthetic import SYNTHETIC_CHECKS
from sluice.core.params import Data
from sluice.scoping.propose_columns import expect

MIN_PROVEN_ROWS = 200  # rows of a group, under which nothing is proven of its labels


def checks_suites(data: Data) -> dict[str, dict[str, Any]]:
    """Return the suites synthetic, proxies and label_bias."""
    return {"synthetic": _synthetic(), "proxies": _proxies(data), "label_bias": _label_bias(data)}


def _between(severity: str, notes: str, column: str, **kwargs: Any) -> dict[str, Any]:
    return expect("column_values_to_be_between", severity, notes, column=column, **kwargs)


def _where(value: str) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": "check"}, "operator": "==", "parameter": value}


def _synthetic() -> dict[str, Any]:
    counts = {
        "in_test": (
            "A training row stands in test, too: what is copied or made of it tests memory. Make"
            " the tables anew with `dvc repro --force`."
        ),
        "not_of_training": (
            "A row that is not synthetic is none of the training rows: it was changed, or comes"
            " from elsewhere."
        ),
        "outside_range": (
            "A number that no real row of the class reaches: the added row is none that could be"
            " met."
        ),
        "fraction": "A fraction in a count: nobody has half of it.",
        "new_code": "A category that no real row of the class has.",
        "new_pair_of_codes": (
            "Two categories that no real row of the class has together: a car without an airbag"
            " deploys none."
        ),
        "broken_order": "Of two numbers one is never less in real rows, and is so in added ones.",
        "broken_sum": (
            "Of three numbers one is the sum of the others in real rows, and is not in added ones;"
            " take augment.strategy: oversample."
        ),
    }
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
            value_set=SYNTHETIC_CHECKS,
        ),
        *(
            _between("critical", notes, "value", max_value=0, row_condition=_where(check))
            for check, notes in counts.items()
        ),
        _between(
            "critical",
            "Nearly all rows are made up; lower augment.floor_share in params.yaml.",
            "value",
            max_value=0.9,
            row_condition=_where("share_of_table"),
        ),
        _between(
            "warning",
            "More rows are added than real: the model learns from them above all; lower"
            " augment.floor_share in params.yaml.",
            "value",
            max_value=0.5,
            row_condition=_where("share_of_table"),
        ),
        _between(
            "critical",
            "Synthetic rows are told from real ones at sight (ROC AUC out of fold), so that the"
            " model may learn how they were made; take augment.strategy: oversample, or none with"
            " decision weights.",
            "value",
            max_value=0.95,
            row_condition=_where("told_apart"),
        ),
        _between(
            "warning",
            "Synthetic rows are easily told from real ones (ROC AUC out of fold): read what they"
            " look like.",
            "value",
            max_value=0.8,
            row_condition=_where("told_apart"),
        ),
    ]
    notes = (
        "One row is one check of the rows that augmentation added, within one class: counts of"
        " rows, the share of added rows, and how well a forest tells synthetic rows from real ones"
        " out of fold (0.5: not at all; below: nearly copies). Without added rows all is 0, or 0.5."
    )
    meta = {"notes": notes, "row": ["check", "column"]}
    return {"name": "synthetic", "meta": meta, "expectations": expectations}


def _audited(data: Data) -> dict[str, Any]:
    return expect(
        "column_distinct_values_to_equal_set",
        "critical",
        "Every sensitive column is looked at: where data.sensitive of params.yaml changes, run"
        " `make scope` again, or change this set.",
        column="column",
        value_set=list(data.sensitive),
    )


def _proxies(data: Data) -> dict[str, Any]:
    expectations = [
        expect(
            "column_values_to_be_unique",
            "critical",
            "One row per sensitive column.",
            column="column",
        ),
        _audited(data),
        _between("critical", "Fewer than two groups cannot be told apart.", "groups", min_value=2),
        _between(
            "warning",
            "The features tell the groups (ROC AUC out of fold), so that leaving the column out"
            " hides it from nobody: `best` names those that do most. Decide whether each is needed,"
            " and read reports/by_group.csv.",
            "auc",
            max_value=0.7,
        ),
    ]
    notes = (
        "One row is one sensitive column: how well the features tell its groups out of fold (mean"
        " ROC AUC of each group against the rest; 0.5 is chance), and the features that do best"
        " alone."
    )
    meta = {"notes": notes, "row": ["column"], "show": ["auc", "best"]}
    return {"name": "proxies", "meta": meta, "expectations": expectations}


def _label_bias(data: Data) -> dict[str, Any]:
    key = ["column", "group", "class"]
    insufficient = _between(
        "warning",
        "With fewer rows of a group nothing can be told from chance.",
        "rows",
        min_value=MIN_PROVEN_ROWS,
    )
    expectations = [
        expect(
            "compound_columns_to_be_unique",
            "critical",
            "One row per group and class.",
            column_list=key,
        ),
        _audited(data),
        {**insufficient, "meta": insufficient["meta"] | {"verdict": "insufficient"}},
        _between(
            "warning",
            "Among rows that are otherwise alike the label is given to this group more often, or"
            " less, by more than 0.05 and beyond chance: it may carry a prejudice, which a model"
            " learns. All metrics take the labels for the truth, so that none of them shows it.",
            "proven_gap",
            max_value=0.05,
        ),
    ]
    notes = (
        "One row is one class in one group. `gap` is how much more often its rows have the label"
        " than all others whose features make it as likely, pooled over strata, gap_low and"
        " gap_high its 95 % interval for all groups and classes of the column together,"
        " `proven_gap` its size where that excludes 0, else 0. `left_out` names the features that"
        " make nobody alike: those that code the group or the same trait, and those that may be"
        " known only after the outcome; `gap_with_all` is the gap among rows that are alike in"
        " these, too. Fewer rows of a group, or of all others, than are asked for here prove"
        " nothing."
    )
    meta = {
        "notes": notes,
        "row": key,
        "show": ["rows", "share", "gap", "gap_low", "gap_high", "left_out", "gap_with_all"],
    }
    return {"name": "label_bias", "meta": meta, "expectations": expectations}
