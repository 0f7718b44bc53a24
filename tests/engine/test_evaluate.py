"""Evaluate: metrics overall, by class, beside baselines."""

import json

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Data
from sluice.metrics.bootstrap import class_intervals
from sluice.modeling.evaluation import (
    Evaluation,
    baselines,
    by_class,
    metrics,
    prediction_table,
    predictions,
    score,
)
from sluice.modeling.model import Model
from tests.engine.settings import SETTINGS, settings


def labels(text: str) -> np.ndarray:
    return np.array(list(text), dtype=object)


TRUE = pd.Series(list("aabb"))
SCORES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
DECIDED = labels("abbb")


def test_score_is_as_worked_by_hand():
    scored = score(TRUE, SCORES, DECIDED, ["a", "b"])
    assert scored == {
        "accuracy": 0.75,
        "balanced_accuracy": 0.75,
        "macro_f1": round((2 / 3 + 4 / 5) / 2, 6),
        "log_loss": round(-float(np.log([0.9, 0.4, 0.8, 0.7]).mean()), 6),
        "brier": round((0.01 + 0.36 + 0.04 + 0.09) / 4, 6),
        "classes": {
            "a": {
                "recall": 0.5,
                "precision": 1.0,
                "average_precision": 1.0,
                "alarms_per_1000": 250.0,
            },
            "b": {
                "recall": 1.0,
                "precision": round(2 / 3, 6),
                "average_precision": 1.0,
                "alarms_per_1000": 750.0,
            },
        },
    }


def test_average_precision_is_as_worked_by_hand():
    scored = score(
        pd.Series(list("aba")),
        np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]),
        labels("aaa"),
        ["a", "b"],
    )
    assert scored["classes"]["a"]["average_precision"] == round(
        (1 + 2 / 3) / 2, 6
    )  # found at ranks 1 and 3
    assert scored["classes"]["b"]["average_precision"] == 0.5  # found at rank 2


def test_score_of_three_classes_is_as_worked_by_hand():
    y_score = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.7, 0.1, 0.2], [0.1, 0.1, 0.8]])
    scored = score(pd.Series(list("abbc")), y_score, labels("abac"), ["a", "b", "c"])
    assert scored["balanced_accuracy"] == round((1 + 1 / 2 + 1) / 3, 6)
    assert scored["macro_f1"] == round((2 / 3 + 2 / 3 + 1) / 3, 6)
    assert scored["brier"] == round((0.38 + 0.24 + 1.34 + 0.06) / 4, 6)


def test_score_is_perfect_for_a_perfect_model():
    scored = score(TRUE, np.eye(2)[[0, 0, 1, 1]], labels("aabb"), ["a", "b"])
    assert [scored[key] for key in ("accuracy", "balanced_accuracy", "macro_f1")] == [1, 1, 1]
    assert [scored[key] for key in ("log_loss", "brier")] == pytest.approx([0, 0])
    assert scored["classes"]["b"] == {
        "recall": 1,
        "precision": 1,
        "average_precision": 1,
        "alarms_per_1000": 500,
    }


def test_score_is_chance_for_a_constant_model():
    scored = score(TRUE, np.full((4, 2), 0.5), labels("aaaa"), ["a", "b"])
    assert [scored[key] for key in ("accuracy", "balanced_accuracy", "brier")] == [0.5, 0.5, 0.25]
    assert scored["log_loss"] == round(float(np.log(2)), 6)
    assert scored["classes"]["b"] == {
        "recall": 0,
        "precision": 0,
        "average_precision": 0.5,
        "alarms_per_1000": 0,
    }


def test_a_class_without_test_rows_has_no_recall():
    scored = score(TRUE, np.column_stack([SCORES, np.zeros(4)]), DECIDED, ["a", "b", "c"])
    assert scored["classes"]["c"] == {
        "recall": None,
        "precision": 0,
        "average_precision": None,
        "alarms_per_1000": 0,
    }


def test_a_class_without_test_rows_leaves_balanced_accuracy_as_it_is():
    assert (
        score(TRUE, np.column_stack([SCORES, np.zeros(4)]), DECIDED, ["a", "b", "c"])[
            "balanced_accuracy"
        ]
        == 0.75
    )


@pytest.mark.parametrize("y_true", ["aaaa", "bbbb", "aabb"])
def test_no_metric_is_nan(y_true):
    y_score = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]])
    json.dumps(score(pd.Series(list(y_true)), y_score, DECIDED, ["a", "b", "c"]), allow_nan=False)


def test_a_test_class_that_training_lacks_is_refused():
    sentence = (
        "data/prepared/test.parquet holds the classes c, d, which no training row has; look at"
        " prepare.split in params.yaml"
    )
    with pytest.raises(UserError, match=sentence):
        score(pd.Series(list("adcc")), SCORES, DECIDED, ["a", "b"])


class Constant:
    """An estimator that says .4 for b whatever it sees, and .6 in the first row."""

    def predict_proba(self, X):
        b = np.where(np.arange(len(X)) == 0, 0.6, 0.4)
        return np.column_stack([1 - b, b])


def evaluation(**asked) -> Evaluation:
    """Return the evaluation of a constant model on four rows, by these settings of evaluate."""
    rows = pd.DataFrame(
        {"size": [1.0, 2.0, 3.0, 4.0], "label": TRUE.astype("str"), ROW_ID: range(4)}
    )
    model = Model(Constant(), ["a", "b"], {"size": "float64"}, {}, {"a": 1.0, "b": 2.0})
    return Evaluation.of(rows, rows, model, model, settings(evaluate=SETTINGS["evaluate"] | asked))


def test_the_metrics_begin_with_recall_by_class_and_list_the_baselines():
    found = metrics(evaluation())
    assert next(iter(found)) == "classes"
    assert next(iter(found["classes"]["a"])) == "recall"
    assert found["costs"] is found["referral"] is None
    assert [one["model"] for one in found["baselines"]] == [
        "majority_class",
        "logistic_regression",
        "logistic_regression_weighted",
    ]


def test_costs_and_referral_are_reported_where_they_are_asked_for():
    asked = evaluation(costs={"a": {"b": 1.0}, "b": {"a": 9.0}}, refer_below=0.55)
    assert list(metrics(asked)["costs"])[:2] == ["model", "implied"]
    table = prediction_table(asked)
    assert table["y_cost"].tolist() == list("bbbb")
    assert table["referred"].tolist() == [False, False, False, False]
    assert metrics(asked)["referral"]["coverage"] == 1


def test_all_that_evaluate_names_in_vain_is_said_at_once():
    with pytest.raises(UserError) as refused:
        evaluation(slices=["palce"], costs={"x": {"a": 1.0}})
    assert "evaluate.slices names 'palce'" in str(refused.value)
    assert "evaluate.costs names 'x'" in str(refused.value)


def rivals() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    baseline = Model(Constant(), ["a", "b"], {"size": "float64"}, {}, {"a": 1.0, "b": 2.0})
    return baselines(baseline, pd.DataFrame({"size": [1.0, 2.0]}), pd.Series(list("abbb")))


def test_the_majority_class_is_that_of_training():
    y_score, y_pred = rivals()["majority_class"]
    assert y_score.tolist() == [[0.25, 0.75], [0.25, 0.75]]
    assert y_pred.tolist() == ["b", "b"]


def test_plain_logistic_regression_decides_for_the_likelier_class():
    y_score, y_pred = rivals()["logistic_regression"]
    assert y_score.tolist() == [[0.4, 0.6], [0.6, 0.4]]
    assert y_pred.tolist() == ["b", "a"]


def test_weighted_logistic_regression_decides_by_its_weights():
    y_score, y_pred = rivals()["logistic_regression_weighted"]
    assert y_score.tolist() == [[0.4, 0.6], [0.6, 0.4]]
    assert y_pred.tolist() == ["b", "b"]


def test_every_baseline_can_be_scored():
    scored = {
        name: score(pd.Series(["a", "b"]), *rival, ["a", "b"])["balanced_accuracy"]
        for name, rival in rivals().items()
    }
    assert scored == {
        "majority_class": 0.5,
        "logistic_regression": 0.0,
        "logistic_regression_weighted": 0.5,
    }


def classwise(
    y_score: np.ndarray, classes: list[str], clusters=range(4), y_pred=DECIDED
) -> pd.DataFrame:
    """Return by_class for TRUE and `y_pred`."""
    together = pd.Series(clusters)
    drawn = class_intervals(TRUE, y_score, classes, together, 0)
    return by_class(TRUE, y_pred, score(TRUE, y_score, y_pred, classes), together, drawn)


def test_by_class_bounds_each_recall():
    table = classwise(SCORES, ["a", "b"]).set_index("class")
    assert table["support"].tolist() == [2, 2]
    assert table["recall"].tolist() == [0.5, 1.0]
    assert table.loc["a", ["recall_low", "recall_high"]].tolist() == pytest.approx(
        [1 - 0.95**0.5, (1 - 0.05 / 2) ** 0.5]
    )
    assert table.loc["b", ["recall_low", "recall_high"]].tolist() == pytest.approx([0.05**0.5, 1])


def test_the_upper_bound_of_a_recall_holds_for_all_classes_together():
    table = classwise(SCORES, ["a", "b"], y_pred=labels("bbbb")).set_index("class")
    assert table.loc["a", "recall_high"] == pytest.approx(
        1 - (0.05 / 2) ** 0.5
    )  # none of two found, one of two classes


def test_by_class_has_the_metrics_of_each_class():
    table = classwise(SCORES, ["a", "b"])
    columns = [
        "class",
        "support",
        "recall",
        "recall_low",
        "recall_high",
        "precision",
        "average_precision",
        "alarms_per_1000",
    ]
    assert table.columns.tolist()[:8] == columns
    assert table.loc[1, ["precision", "average_precision", "alarms_per_1000"]].tolist() == [
        round(2 / 3, 6),
        1,
        750,
    ]


def test_by_class_knows_nothing_of_a_class_without_test_rows():
    row = (
        classwise(np.column_stack([SCORES, np.zeros(4)]), ["a", "b", "c"])
        .set_index("class")
        .loc["c"]
    )
    assert row[["support", "recall_low", "recall_high"]].tolist() == [0, 0, 1]
    assert row[["recall", "average_precision_low", "average_precision_high"]].isna().all()


def test_by_class_bounds_each_precision():
    table = classwise(SCORES, ["a", "b"]).set_index("class")
    assert table.loc["a", ["precision_low", "precision_high"]].tolist() == pytest.approx(
        [0.05, 1]
    )  # 1 of 1
    assert table.loc["b", ["precision_low", "precision_high"]].tolist() == pytest.approx(
        [0.1354, 0.9830], abs=5e-5
    )  # 2 of 3


def test_by_class_bounds_shares_by_clusters():
    table = classwise(SCORES, ["a", "b"], clusters=[0, 1, 2, 2]).set_index("class")
    assert table.loc["b", ["recall_low", "recall_high"]].tolist() == pytest.approx(
        [0.05, 1]
    )  # two rows of one cluster are worth one


def test_by_class_says_how_far_probabilities_are_off():
    row = classwise(SCORES, ["a", "b"]).set_index("class").loc["b"]
    assert row[["predicted", "observed", "calibration_gap"]].tolist() == pytest.approx(
        [0.55, 0.5, 0.05]
    )
    assert row["calibration_low"] < 0.05 < row["calibration_high"]


def test_predictions_name_each_test_row():
    rows = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["a", "b"], "size": [1, 2]})
    data = Data(
        target="label",
        time=None,
        cluster=[],
        sensitive=[],
        allowed={},
        cut_points={},
        favourable=None,
        forbidden={},
    )
    assert predictions(
        rows, np.array([[0.9, 0.1], [0.6, 0.4]]), labels("aa"), ["a", "b"], data
    ).to_dict("records") == [
        {"__stage_row_id": "p", "y_true": "a", "y_pred": "a", "p_a": 0.9, "p_b": 0.1},
        {"__stage_row_id": "q", "y_true": "b", "y_pred": "a", "p_a": 0.6, "p_b": 0.4},
    ]


def test_predictions_hold_what_else_is_known_of_a_row():
    rows = pd.DataFrame({"__stage_row_id": ["p"], "label": ["a"]})
    data = Data(
        target="label",
        time=None,
        cluster=[],
        sensitive=[],
        allowed={},
        cut_points={},
        favourable=None,
        forbidden={},
    )
    table = predictions(
        rows,
        np.array([[0.9, 0.1]]),
        labels("a"),
        ["a", "b"],
        data,
        confidence=np.array([0.75]),
        referred=np.array([False]),
    )
    assert table[["confidence", "referred"]].values.tolist() == [[0.75, False]]
