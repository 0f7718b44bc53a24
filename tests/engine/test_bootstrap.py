"""Draws: bounds that are worked by hand, that hold as often as they say, and that are wider
where rows know of each other.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
)

from sluice.metrics.bootstrap import (
    bootstrap_counts,
    class_intervals,
    clustered_share,
    mean_intervals,
    overall_intervals,
)
from sluice.metrics.intervals import DRAWS, clopper_pearson


def model(n: int, seed: int = 0) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Return true labels a and b, probabilities that tell a little of them, and decisions for
    the likelier.
    """
    rng = np.random.default_rng(seed)
    b = rng.beta(2, 3, n)
    y_true = pd.Series(np.where(rng.random(n) < b, "b", "a"))
    return y_true, np.column_stack([1 - b, b]), np.where(b > 0.5, "b", "a").astype(object)


def test_every_draw_keeps_clusters_whole_in_their_strata():
    of, by = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 0, 1])
    for drawn in bootstrap_counts(of, by, 0):
        assert drawn[0] == drawn[1]
        assert drawn[0] + drawn[2] == 2  # two clusters of the first stratum, drawn twice
        assert drawn[3:].tolist() == [1, 1, 1]


def test_share_of_rows_that_stand_alone_is_bounded_as_clopper_and_pearson_bound_it():
    hits = np.array([True, False, True, True])
    assert clustered_share(hits, np.arange(4)) == clopper_pearson(3, 4)


def test_share_of_no_row_is_unknown():
    assert clustered_share(np.zeros(0, dtype=bool), np.zeros(0)) == (0, 1)


def test_rows_of_a_cluster_that_agree_count_once():
    hits, clusters = np.repeat([True, False] * 20, 5), np.repeat(np.arange(40), 5)
    low, high = clustered_share(hits, clusters)
    alone_low, alone_high = clopper_pearson(20, 40)
    assert (low, high) == pytest.approx((alone_low, alone_high), abs=0.01)
    assert high - low > 2 * np.subtract(*clopper_pearson(100, 200)[::-1])


def test_rows_of_a_cluster_that_differ_count_no_more_than_single_ones():
    hits, clusters = np.array([True, False] * 50), np.repeat(np.arange(50), 2)
    assert clustered_share(hits, clusters) == clopper_pearson(50, 100)


def test_rows_that_all_hit_are_worth_their_clusters():
    assert clustered_share(np.ones(6, dtype=bool), np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(
        (0.05 ** (1 / 3), 1)
    )


def test_clustered_bounds_hold_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        hits = (rng.random((60, 1)) < 0.7).repeat(4, axis=1).ravel()
        low, high = clustered_share(hits, np.repeat(np.arange(60), 4))
        covered.append((low <= 0.7, high >= 0.7))
    assert np.mean(covered, axis=0) == pytest.approx(
        [0.955, 0.955], abs=0.035
    )  # each at least about 95 %


def test_mean_is_bounded_as_the_normal_approximation_bounds_it():
    values = np.random.default_rng(0).normal(size=(400, 1))
    reach = 1.645 * values.std() / 20
    assert mean_intervals(values, pd.Series(range(400)), 0).ravel() == pytest.approx(
        [values.mean() - reach, values.mean() + reach], abs=0.01
    )


def test_mean_of_rows_that_repeat_each_other_is_bounded_by_its_clusters():
    values = np.random.default_rng(0).normal(size=(100, 1))
    alone = mean_intervals(values, pd.Series(range(100)), 0)
    assert mean_intervals(
        values.repeat(4, axis=0), pd.Series(np.arange(100).repeat(4)), 0
    ) == pytest.approx(alone)


def test_overall_bounds_lie_around_their_metrics():
    y_true, y_score, y_pred = model(300)
    bounds = overall_intervals(
        y_true, {"model": (y_score, y_pred)}, ["a", "b"], pd.Series(range(300)), 0
    )["model"]
    values = {
        "accuracy": (y_true == y_pred).mean(),
        "balanced_accuracy": balanced_accuracy_score(y_true, y_pred),
        "macro_f1": f1_score(y_true, y_pred, average="macro"),
        "log_loss": log_loss(y_true, y_score),
        "brier": brier_score_loss(y_true == "b", y_score[:, 1]),
    }
    assert bounds.keys() == values.keys()
    for metric, value in values.items():
        low, high = bounds[metric]
        assert (low + high) / 2 == pytest.approx(value, abs=0.01)
        assert 0.01 < high - low < 0.15


def test_a_class_without_test_rows_leaves_the_overall_bounds_as_they_are():
    y_true, y_score, y_pred = model(100)
    together = pd.Series(range(100))
    two = overall_intervals(y_true, {"model": (y_score, y_pred)}, ["a", "b"], together, 0)["model"]
    three = overall_intervals(
        y_true,
        {"model": (np.column_stack([y_score, np.zeros(100)]), y_pred)},
        ["a", "b", "c"],
        together,
        0,
    )["model"]
    assert [two[metric] for metric in ("balanced_accuracy", "macro_f1")] == [
        three[metric] for metric in ("balanced_accuracy", "macro_f1")
    ]


def test_average_precision_is_bounded_as_drawing_rows_bounds_it():
    y_true, y_score, _ = model(200)
    is_b, rng = (y_true == "b").to_numpy(), np.random.default_rng(1)
    b, a = np.flatnonzero(is_b), np.flatnonzero(~is_b)
    drawn = [np.concatenate([rng.choice(b, len(b)), rng.choice(a, len(a))]) for _ in range(DRAWS)]
    slow = np.quantile(
        [average_precision_score(is_b[rows], y_score[rows, 1]) for rows in drawn], [0.05, 0.95]
    )
    found = class_intervals(y_true, y_score, ["a", "b"], pd.Series(range(200)), 0).loc["b"]
    assert found[["average_precision_low", "average_precision_high"]].tolist() == pytest.approx(
        slow, abs=0.02
    )


def test_average_precision_of_equal_scores_is_the_share_of_the_class():
    found = class_intervals(
        pd.Series(list("aaab") * 10), np.full((40, 2), 0.5), ["a", "b"], pd.Series(range(40)), 0
    ).loc["b"]
    assert found[["average_precision_low", "average_precision_high"]].tolist() == [
        0.25,
        0.25,
    ]  # every draw has ten b among forty rows


def test_probabilities_that_are_too_high_are_told():
    y_true, y_score, _ = model(400)
    b = np.minimum(y_score[:, 1] + 0.2, 1)
    found = class_intervals(
        y_true, np.column_stack([1 - b, b]), ["a", "b"], pd.Series(range(400)), 0
    )
    assert found.loc["b", "calibration_low"] > 0.05
    assert found.loc["a", "calibration_high"] < -0.05


def test_bounds_are_the_same_on_every_run():
    y_true, y_score, _ = model(60)
    once, again = (
        class_intervals(y_true, y_score, ["a", "b"], pd.Series(range(60)), 3) for _ in range(2)
    )
    pd.testing.assert_frame_equal(once, again)
