"""Evaluate: metrics overall, by class and by group, beside baselines."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.command import Refused
from stages.during.draws import class_intervals
from stages.during.intervals import newcombe
from stages.during.model import Model
from stages.evaluate import baselines, by_class, by_group, predictions, score
from stages.params import Data


def labels(text: str) -> np.ndarray:
    return np.array(list(text), dtype=object)


TRUE = pd.Series(list("aabb"))
SCORES = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]])
DECIDED = labels("abbb")


def test_score_is_as_worked_by_hand():
    metrics = score(TRUE, SCORES, DECIDED, ["a", "b"])
    assert metrics == {
        "accuracy": 0.75,
        "balanced_accuracy": 0.75,
        "macro_f1": round((2 / 3 + 4 / 5) / 2, 6),
        "log_loss": round(-float(np.log([0.9, 0.4, 0.8, 0.7]).mean()), 6),
        "brier": round((0.01 + 0.36 + 0.04 + 0.09) / 4, 6),
        "classes": {
            "a": {"recall": 0.5, "precision": 1.0, "average_precision": 1.0, "alarms_per_1000": 250.0},
            "b": {"recall": 1.0, "precision": round(2 / 3, 6), "average_precision": 1.0, "alarms_per_1000": 750.0},
        },
    }


def test_average_precision_is_as_worked_by_hand():
    metrics = score(pd.Series(list("aba")), np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]), labels("aaa"), ["a", "b"])
    assert metrics["classes"]["a"]["average_precision"] == round((1 + 2 / 3) / 2, 6)  # found at ranks 1 and 3
    assert metrics["classes"]["b"]["average_precision"] == 0.5  # found at rank 2


def test_score_of_three_classes_is_as_worked_by_hand():
    y_score = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.7, 0.1, 0.2], [0.1, 0.1, 0.8]])
    metrics = score(pd.Series(list("abbc")), y_score, labels("abac"), ["a", "b", "c"])
    assert metrics["balanced_accuracy"] == round((1 + 1 / 2 + 1) / 3, 6)
    assert metrics["macro_f1"] == round((2 / 3 + 2 / 3 + 1) / 3, 6)
    assert metrics["brier"] == round((0.38 + 0.24 + 1.34 + 0.06) / 4, 6)


def test_score_is_perfect_for_a_perfect_model():
    metrics = score(TRUE, np.eye(2)[[0, 0, 1, 1]], labels("aabb"), ["a", "b"])
    assert [metrics[key] for key in ("accuracy", "balanced_accuracy", "macro_f1")] == [1, 1, 1]
    assert [metrics[key] for key in ("log_loss", "brier")] == pytest.approx([0, 0])
    assert metrics["classes"]["b"] == {"recall": 1, "precision": 1, "average_precision": 1, "alarms_per_1000": 500}


def test_score_is_chance_for_a_constant_model():
    metrics = score(TRUE, np.full((4, 2), 0.5), labels("aaaa"), ["a", "b"])
    assert [metrics[key] for key in ("accuracy", "balanced_accuracy", "brier")] == [0.5, 0.5, 0.25]
    assert metrics["log_loss"] == round(float(np.log(2)), 6)
    assert metrics["classes"]["b"] == {"recall": 0, "precision": 0, "average_precision": 0.5, "alarms_per_1000": 0}


def test_a_class_without_test_rows_has_no_recall():
    metrics = score(TRUE, np.column_stack([SCORES, np.zeros(4)]), DECIDED, ["a", "b", "c"])
    assert metrics["classes"]["c"] == {"recall": None, "precision": 0, "average_precision": None, "alarms_per_1000": 0}


def test_a_class_without_test_rows_leaves_balanced_accuracy_as_it_is():
    assert score(TRUE, np.column_stack([SCORES, np.zeros(4)]), DECIDED, ["a", "b", "c"])["balanced_accuracy"] == 0.75


@pytest.mark.parametrize("y_true", ["aaaa", "bbbb", "aabb"])
def test_no_metric_is_nan(y_true):
    y_score = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.8, 0.0], [0.3, 0.7, 0.0]])
    json.dumps(score(pd.Series(list(y_true)), y_score, DECIDED, ["a", "b", "c"]), allow_nan=False)


def test_a_test_class_that_training_lacks_is_refused():
    sentence = "data/prepared/test.parquet holds the classes c, d, which no training row has; look at prepare.split in params.yaml"
    with pytest.raises(Refused, match=sentence):
        score(pd.Series(list("adcc")), SCORES, DECIDED, ["a", "b"])


class Constant:
    """An estimator that says .4 for b whatever it sees, and .6 in the first row."""

    def predict_proba(self, X):
        b = np.where(np.arange(len(X)) == 0, 0.6, 0.4)
        return np.column_stack([1 - b, b])


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
    scored = {name: score(pd.Series(["a", "b"]), *rival, ["a", "b"])["balanced_accuracy"] for name, rival in rivals().items()}
    assert scored == {"majority_class": 0.5, "logistic_regression": 0.0, "logistic_regression_weighted": 0.5}


def classwise(y_score: np.ndarray, classes: list[str], clusters=range(4)) -> pd.DataFrame:
    """Return by_class for TRUE and DECIDED."""
    together = pd.Series(clusters)
    drawn = class_intervals(TRUE, y_score, classes, together, 0)
    return by_class(TRUE, DECIDED, score(TRUE, y_score, DECIDED, classes), together, drawn)


def test_by_class_bounds_each_recall():
    table = classwise(SCORES, ["a", "b"]).set_index("class")
    assert table["support"].tolist() == [2, 2]
    assert table["recall"].tolist() == [0.5, 1.0]
    assert table.loc["a", ["recall_low", "recall_high"]].tolist() == pytest.approx([1 - 0.95**0.5, 0.95**0.5])
    assert table.loc["b", ["recall_low", "recall_high"]].tolist() == pytest.approx([0.05**0.5, 1])


def test_by_class_has_the_metrics_of_each_class():
    table = classwise(SCORES, ["a", "b"])
    columns = ["class", "support", "recall", "recall_low", "recall_high", "precision", "average_precision", "alarms_per_1000"]
    assert table.columns.tolist()[:8] == columns
    assert table.loc[1, ["precision", "average_precision", "alarms_per_1000"]].tolist() == [round(2 / 3, 6), 1, 750]


def test_by_class_knows_nothing_of_a_class_without_test_rows():
    row = classwise(np.column_stack([SCORES, np.zeros(4)]), ["a", "b", "c"]).set_index("class").loc["c"]
    assert row[["support", "recall_low", "recall_high"]].tolist() == [0, 0, 1]
    assert row[["recall", "average_precision_low", "average_precision_high"]].isna().all()


def test_by_class_bounds_each_precision():
    table = classwise(SCORES, ["a", "b"]).set_index("class")
    assert table.loc["a", ["precision_low", "precision_high"]].tolist() == pytest.approx([0.05, 1])  # 1 of 1
    assert table.loc["b", ["precision_low", "precision_high"]].tolist() == pytest.approx([0.1354, 0.9830], abs=5e-5)  # 2 of 3


def test_by_class_bounds_shares_by_clusters():
    table = classwise(SCORES, ["a", "b"], clusters=[0, 1, 2, 2]).set_index("class")
    assert table.loc["b", ["recall_low", "recall_high"]].tolist() == pytest.approx([0.05, 1])  # two rows of one cluster are worth one


def test_by_class_says_how_far_probabilities_are_off():
    row = classwise(SCORES, ["a", "b"]).set_index("class").loc["b"]
    assert row[["predicted", "observed", "calibration_gap"]].tolist() == pytest.approx([0.55, 0.5, 0.05])
    assert row["calibration_low"] < 0.05 < row["calibration_high"]


def audit(groups, y_true: str, y_pred: str) -> pd.DataFrame:
    """Return by_group for one sensitive column, `team`, indexed by group, class and rate."""
    table = by_group(pd.DataFrame({"team": groups}), pd.Series(list(y_true)), labels(y_pred), ["a", "b"])
    return table.set_index(["group", "class", "rate"])


def test_by_group_gives_the_recall_of_each_group():
    table = audit(list("xxxxyyyy"), "bbaabbaa", "bbaabaaa")
    assert table.loc[("x", "b", "recall"), ["rows", "support", "value", "gap"]].tolist() == [4, 2, 1, 0.5]
    assert table.loc[("y", "b", "recall"), ["rows", "support", "value", "gap"]].tolist() == [4, 2, 0.5, -0.5]


def test_by_group_gives_the_false_positive_rate_of_each_group():
    table = audit(list("xxxxyyyy"), "bbaabbaa", "bbbabaaa")
    assert table.loc[("x", "b", "false_positive_rate"), ["support", "value", "gap"]].tolist() == [2, 0.5, 0.5]
    assert table.loc[("y", "b", "false_positive_rate"), ["support", "value", "gap"]].tolist() == [2, 0, -0.5]


def test_by_group_has_a_row_per_column_group_class_and_rate():
    sensitive = pd.DataFrame({"team": list("xyz"), "crew": list("mmn")})
    table = by_group(sensitive, pd.Series(list("aba")), labels("aba"), ["a", "b"])
    assert len(table) == (3 + 2) * 2 * 2
    assert not table.duplicated(["column", "group", "class", "rate"]).any()


def test_by_group_bounds_the_value_of_a_group():
    table = audit(list("xxxxyyyy"), "bbaabbaa", "bbaabaaa")
    assert table.loc[("x", "b", "recall"), ["low", "high"]].tolist() == pytest.approx([0.05**0.5, 1])
    assert table.loc[("y", "b", "recall"), ["low", "high"]].tolist() == pytest.approx([1 - 0.95**0.5, 0.95**0.5])


def test_the_gap_of_two_groups_has_an_interval_of_95_percent():
    table = audit(["x"] * 10 + ["y"] * 10, "b" * 20, "b" * 9 + "a" + "b" * 3 + "a" * 7)
    assert table.loc[("x", "b", "recall"), ["gap_low", "gap_high"]].tolist() == pytest.approx([0.1705, 0.8090], abs=5e-5)
    assert table.loc[("y", "b", "recall"), ["gap_low", "gap_high"]].tolist() == pytest.approx([-0.8090, -0.1705], abs=5e-5)


def test_the_gaps_of_three_groups_are_corrected_for_three():
    table = audit(["x"] * 10 + ["y"] * 10 + ["z"] * 10, "b" * 30, "b" * 9 + "a" + "b" * 3 + "a" * 7 + "b" * 6 + "a" * 4)
    row = table.loc[("x", "b", "recall")]
    assert row["gap"] == pytest.approx(9 / 10 - 9 / 20)
    assert row[["gap_low", "gap_high"]].tolist() == pytest.approx(newcombe(9, 10, 9, 20, 1 - 0.05 / 3))


def test_a_missing_sensitive_value_is_a_group():
    table = audit(["x", "x", None, "y"], "bbbb", "bbba")
    assert table.loc[("missing", "b", "recall"), ["rows", "support", "value"]].tolist() == [1, 1, 1]


def test_a_number_keeps_its_name_where_another_is_missing():
    table = by_group(pd.DataFrame({"team": [1, 2, None]}), pd.Series(list("bbb")), labels("bba"), ["a", "b"])
    assert set(table["group"]) == {"1", "2", "missing"}


def test_a_group_without_rows_of_the_class_is_unknown():
    row = audit(list("xxyy"), "abbb", "abaa").loc[("y", "a", "recall")]
    assert row["support"] == 0
    assert pd.isna(row["value"])
    assert pd.isna(row["gap"])
    assert row[["low", "high", "gap_low", "gap_high", "proven_gap"]].tolist() == [0, 1, -1, 1, 0]


def test_a_single_group_has_no_gap():
    table = audit(["x"] * 4, "abab", "abbb")
    assert table["gap"].isna().all()
    assert (table["proven_gap"] == 0).all()


def test_a_planted_gap_is_proven():
    table = audit(["x"] * 40 + ["y"] * 40, "b" * 80, "b" * 36 + "a" * 4 + "b" * 12 + "a" * 28)
    assert table.loc[("x", "b", "recall"), "proven_gap"] == pytest.approx(0.6)
    assert table.loc[("y", "b", "recall"), "proven_gap"] == pytest.approx(0.6)


def test_equal_groups_have_no_proven_gap():
    table = audit(["x"] * 40 + ["y"] * 40, ("b" * 20 + "a" * 20) * 2, ("b" * 15 + "a" * 25) * 2)
    assert (table["gap"] == 0).all()
    assert (table["proven_gap"] == 0).all()


def test_a_gap_that_may_be_chance_is_not_proven():
    row = audit(["x"] * 4 + ["y"] * 4, "b" * 8, "bbbbbbaa").loc[("x", "b", "recall")]
    assert row["gap"] == 0.5
    assert row["gap_low"] < 0 < row["gap_high"]
    assert row["proven_gap"] == 0


def test_by_group_without_a_sensitive_column_has_no_row():
    table = by_group(pd.DataFrame(index=range(4)), TRUE, DECIDED, ["a", "b"])
    assert len(table) == 0
    assert "proven_gap" in table.columns


def test_predictions_name_each_test_row():
    rows = pd.DataFrame({"row_id": ["p", "q"], "label": ["a", "b"], "size": [1, 2]})
    data = Data(target="label", time=None, cluster=[], sensitive=[], allowed={}, cut_points={}, favourable=None, forbidden={})
    assert predictions(rows, np.array([[0.9, 0.1], [0.6, 0.4]]), labels("aa"), ["a", "b"], data).to_dict("records") == [
        {"row_id": "p", "y_true": "a", "y_pred": "a", "p_a": 0.9, "p_b": 0.1},
        {"row_id": "q", "y_true": "b", "y_pred": "a", "p_a": 0.6, "p_b": 0.4},
    ]


def test_predictions_hold_what_else_is_known_of_a_row():
    rows = pd.DataFrame({"row_id": ["p"], "label": ["a"]})
    data = Data(target="label", time=None, cluster=[], sensitive=[], allowed={}, cut_points={}, favourable=None, forbidden={})
    table = predictions(
        rows, np.array([[0.9, 0.1]]), labels("a"), ["a", "b"], data, confidence=np.array([0.75]), referred=np.array([False])
    )
    assert table[["confidence", "referred"]].values.tolist() == [[0.75, False]]
