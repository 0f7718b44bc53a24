"""The suites of the slices and of the test set's use, with the names of this data filled in."""

from typing import Any

from sluice.scoping.propose_by_group import where
from sluice.scoping.propose_columns import expect

MAX_MODELS = 20


def slices_suite(
    classes: list[str], floors: dict[str, float], columns: list[str]
) -> dict[str, Any]:
    """Return the suite slices; floors: the recall that each class has to reach in each of
    `columns`' values.
    """
    below = (
        "In this part of the rows the recall is proven to be below its floor: on the whole the"
        " class may be found, here it is overlooked. Add rows of this kind, or features that tell"
        " them."
    )
    declared = (
        "Every declared slice is judged: where evaluate.slices of params.yaml changes, run `make"
        " scope` again, or change this set and what is below."
    )
    few = (
        "With fewer test rows no recall can be told from another: nobody knows how the model does"
        " here."
    )
    expectations = [
        expect(
            "compound_columns_to_be_unique",
            "critical",
            "One row per value and class.",
            column_list=["slice", "value", "class"],
        ),
        _same(declared, "slice", ["all", *columns]),
        _same("A class without a row is overlooked.", "class", classes),
    ]
    least = (
        list(floors.items())
        if len(set(floors.values())) > 1
        else [("", next(iter(floors.values())))]
    )
    least = [(label, floor) for label, floor in least if floor]  # without one nothing is asked
    for column in columns:
        for label, floor in least:
            rows = where(slice=column, **({"class": label} if label else {}))
            expectations.append(_from("critical", below, "recall_high", floor, rows))
        little = _from("warning", few, "support", 20, where(slice=column))
        expectations.append({**little, "meta": little["meta"] | {"verdict": "insufficient"}})
    notes = (
        "One row is one class in one part of the test rows: a value of a column that"
        " evaluate.slices names, or `all`, to compare them with: by_class says what all rows must"
        " reach. recall_low is a one-sided bound that holds with 95 % for all values of a slice"
        " together, recall_high one for all values, slices and classes; `support` counts the test"
        " rows."
    )
    meta = {
        "notes": notes,
        "row": ["slice", "value", "class"],
        "show": ["support", "recall", "recall_low", "recall_high"],
    }
    return {"name": "slices", "meta": meta, "expectations": expectations}


def test_set_suite() -> dict[str, Any]:
    """Return the suite test_set."""
    worn = (
        "So many models were judged by these very test rows that the best of them may be best by"
        " chance (Dwork et al. 2015, Science 349, 636-638, The reusable holdout). Take new test"
        " rows, and judge by those; choose on the folds of training."
    )
    expectations = [
        expect(
            "table_row_count_to_be_between",
            "critical",
            "One row: the test rows at hand.",
            max_value=1,
        ),
        expect(
            "column_values_to_be_between",
            "critical",
            "This model was judged, and counts.",
            column="models",
            min_value=1,
        ),
        expect(
            "column_values_to_be_between", "warning", worn, column="models", max_value=MAX_MODELS
        ),
    ]
    notes = (
        "One row is the test set, by its rows and labels; `models` counts those that it has judged,"
        " as data/judged.csv has them."
    )
    return {
        "name": "test_set",
        "meta": {"notes": notes, "row": ["test_sha256"]},
        "expectations": expectations,
    }


def _from(
    severity: str, notes: str, column: str, least: float, rows: dict[str, Any]
) -> dict[str, Any]:
    return expect(
        "column_values_to_be_between",
        severity,
        notes,
        column=column,
        min_value=least,
        row_condition=rows,
    )


def _same(notes: str, column: str, values: list[str]) -> dict[str, Any]:
    return expect(
        "column_distinct_values_to_equal_set", "critical", notes, column=column, value_set=values
    )
