"""The suite of what features are worth, and what the suite of candidates says of a simple model:
the same for all data.
"""

from typing import Any

from sluice.scoping.propose_columns import expect

KEEP = (
    "Keep them, or set train.select: true in params.yaml to drop them. "
    "To be warned of them, set the severity of this check to warning."
)


def features_suite() -> dict[str, Any]:
    """Return the suite features: nothing in it depends on the data."""
    expectations = [
        expect("column_values_to_be_unique", "critical", "One row per feature.", column="feature"),
        expect(
            "column_values_to_not_be_null",
            "critical",
            "Every feature was measured.",
            column="worth",
        ),
        expect(
            "column_max_to_be_between",
            "critical",
            "It is not proven that the model loses anything where all features are shuffled"
            " together, so that the table does not tell the classes apart; look for better"
            " features, or more rows.",
            column="together_low",
            min_value=0,
            strict_min=True,
        ),
        _adds(
            "redundant",
            "features that tell only what another one tells",
            "The model learns nothing from them that it does not learn from their `twin` in "
            f"reports/features.csv. {KEEP}",
        ),
        _adds(
            "no",
            "features that add nothing measurable",
            f"These rows show no use of them, which is no proof that there is none. {KEEP}",
        ),
    ]
    notes = (
        "One row is one feature. `importance` is the log loss that shuffling it adds out of fold,"
        " every class counting alike; low and high are one-sided bounds that hold for all features"
        " at once with 95 %. `shadow_high` is the most that a shuffled column seems to be worth,"
        " `worth` what `low` has over it; `together_low` the lower bound, 99 %, of what shuffling"
        " all features together adds. `adds` is yes where `worth` is above 0; of the others"
        " redundant where the feature by itself tells the classes (ROC AUC out of fold, beyond"
        " chance) and has a `twin`, else no. `twin` is the feature whose ranks agree with it best,"
        " from a rank correlation of 0.5."
    )
    meta = {"notes": notes, "row": ["feature"], "show": ["importance"]}
    return {"name": "features", "meta": meta, "expectations": expectations}


def _adds(value: str, description: str, notes: str) -> dict[str, Any]:
    """Return the expectation that no feature is of the kind `value` by its column `adds`."""
    kind = "column_values_to_not_be_in_set"
    one = expect(kind, "info", notes, column="adds", value_set=[value])
    return one | {"description": description}


def simple_model() -> dict[str, Any]:
    """Return the expectation of the suite candidates that a model is better than logistic
    regression on three features.
    """
    return expect(
        "column_values_to_be_between",
        "warning",
        "A logistic regression on three features (named in `features`, best first) is as good as"
        " the model: the interval of the model's lead includes 0. Take that: train.model:"
        " logistic_regression, and the other columns in data.forbidden.",
        column="lead_for_cost",
        min_value=0,
        strict_min=True,
        row_condition={
            "type": "comparison",
            "column": {"name": "candidate"},
            "operator": "==",
            "parameter": "three_features",
        },
    )
