"""Intervals: published and hand-worked bounds, and how often they hold."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score

from sluice.metrics.decision import objective_score
from sluice.metrics.intervals import (
    Ranked,
    _kinds,
    clopper_pearson,
    gap_level,
    newcombe,
    paired_lead,
    paired_precision_lead,
)

AIMS = ["none", "balanced_accuracy", "macro_f1"]


@pytest.mark.parametrize("n", [1, 10, 250])
def test_no_hit_in_n_rows_leaves_an_upper_bound(n):
    low, high = clopper_pearson(0, n)
    assert low == 0
    assert high == pytest.approx(1 - 0.05 ** (1 / n))  # (1 - share) ** n is 5 %


@pytest.mark.parametrize("n", [1, 10, 250])
def test_n_hits_in_n_rows_leave_a_lower_bound(n):
    low, high = clopper_pearson(n, n)
    assert low == pytest.approx(0.05 ** (1 / n))
    assert high == 1


def test_without_rows_a_share_is_unknown():
    assert clopper_pearson(0, 0) == (0, 1)


def test_one_hit_in_two_rows_is_bounded_as_worked_by_hand():
    assert clopper_pearson(1, 2) == pytest.approx(
        (1 - np.sqrt(0.95), np.sqrt(0.95))
    )  # (1 - low) ** 2 is 95 %, high ** 2 is 95 %


@pytest.mark.parametrize(("hits", "n"), [(1, 7), (56, 70), (3, 1000), (499, 500)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_shares_are_bounded_as_scipy_bounds_them(hits, n, level):
    low = binomtest(hits, n, alternative="greater").proportion_ci(level, method="exact").low
    high = binomtest(hits, n, alternative="less").proportion_ci(level, method="exact").high
    assert clopper_pearson(hits, n, level) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 20), (-0.1611, 0.2775)),
        ((10, 10, 0, 10), (0.6075, 1.0000)),
    ],
)
def test_newcombe_gives_his_published_intervals(counts, published):
    assert newcombe(*counts) == pytest.approx(
        published, abs=5e-5
    )  # Newcombe (1998), table II, method 10


def test_newcombe_turns_around_when_the_shares_change_places():
    low, high = newcombe(9, 10, 3, 10)
    assert newcombe(3, 10, 9, 10) == pytest.approx((-high, -low))


@pytest.mark.parametrize("counts", [(0, 0, 3, 10), (3, 10, 0, 0), (0, 0, 0, 0)])
def test_without_rows_a_gap_is_unknown(counts):
    assert newcombe(*counts) == (-1, 1)


def test_a_higher_level_widens_the_gap_on_both_sides():
    low, high = newcombe(56, 70, 48, 80)
    lower, higher = newcombe(56, 70, 48, 80, level=0.99)
    assert lower < low < high < higher


def labels(text: str) -> tuple[pd.Series, np.ndarray]:
    return pd.Series(list(text)), np.array(list(text), dtype=object)


def decisions(seed: int, n: int, right: float) -> tuple[pd.Series, tuple[np.ndarray, np.ndarray]]:
    """Return labels, decisions that are right with probability `right`, and a rival's that are
    right in half of the rows.
    """
    rng = np.random.default_rng(seed)
    y = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    other = np.array([{"a": "b", "b": "c", "c": "a"}[label] for label in y], dtype=object)
    return pd.Series(y), (
        np.where(rng.random(n) < right, y, other),
        np.where(rng.random(n) < 0.5, y, other),
    )


@pytest.mark.parametrize("objective", AIMS)
def test_equal_decisions_lead_by_nothing(objective):
    y, _ = labels("aaabbc")
    same = np.array(list("abbbac"), dtype=object)
    assert paired_lead(y, (same, same.copy()), objective, 0) == (0, 0)


@pytest.mark.parametrize("objective", AIMS)
def test_a_clearly_better_model_leads_for_certain(objective):
    y, y_pred = labels("aaabbc" * 20)
    low, high = paired_lead(y, (y_pred, np.array(list("babbac") * 20, dtype=object)), objective, 0)
    assert 0 < low < high <= 1


@pytest.mark.parametrize("objective", AIMS)
def test_a_lead_turns_around_when_the_models_change_places(objective):
    y, (y_pred, rival) = decisions(0, 300, 0.8)
    low, high = paired_lead(y, (y_pred, rival), objective, 0)
    assert paired_lead(y, (rival, y_pred), objective, 0) == pytest.approx((-high, -low), abs=0.02)


def test_a_lead_of_every_row_has_no_width():
    y, y_pred = labels("aabb")
    assert paired_lead(y, (y_pred, np.array(list("bbaa"), dtype=object)), "none", 0) == (1, 1)


@pytest.mark.parametrize(
    ("objective", "rival", "bounds"),
    [  # of two rows a draw has aa, ab, ba or bb, and the leads over the draws are
        ("none", "aa", (0, 1)),  # 0, 1/2, 1/2, 1
        (
            "balanced_accuracy",
            "aa",
            (0, 1 / 2),
        ),  # 1/2 - 1/2, 1 - 1/2, 1 - 1/2, 1/2 - 0: a class without a row has no hit
        ("macro_f1", "aa", (0, 2 / 3)),  # 1/2 - 1/2, 1 - 1/3, 1 - 1/3, 1/2 - 0
        ("none", "ba", (1, 1)),
        ("balanced_accuracy", "ba", (1 / 2, 1)),  # 1/2, 1, 1, 1/2
        ("macro_f1", "ba", (1 / 2, 1)),
    ],
)
def test_a_lead_of_two_rows_is_as_worked_by_hand(objective, rival, bounds):
    y, y_pred = labels("ab")
    assert paired_lead(
        y, (y_pred, np.array(list(rival), dtype=object)), objective, 0
    ) == pytest.approx(bounds)


def test_a_class_that_a_model_never_decides_is_none_of_the_others():
    y, y_pred = labels("aaaab" * 4)
    low, high = paired_lead(y, (y_pred, np.array(["b"] * 20, dtype=object)), "none", 0)
    assert 0.5 < low < 0.8 < high <= 1  # right in 20 of 20 and 4 of 20 rows


@pytest.mark.parametrize("objective", AIMS)
def test_a_lead_is_the_same_for_the_same_seed(objective):
    assert paired_lead(*decisions(1, 50, 0.7), objective, 3) == paired_lead(
        *decisions(1, 50, 0.7), objective, 3
    )


@pytest.mark.parametrize("objective", AIMS)
def test_a_lead_ignores_the_order_of_rows(objective):
    y, (y_pred, rival) = decisions(2, 60, 0.7)
    order = np.random.default_rng(0).permutation(60)
    assert paired_lead(y[order], (y_pred[order], rival[order]), objective, 0) == paired_lead(
        y, (y_pred, rival), objective, 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("objective", AIMS)
def test_a_lead_agrees_with_a_bootstrap_that_draws_rows(objective):
    y, (y_pred, rival) = decisions(4, 80, 0.75)
    rng = np.random.default_rng(0)
    leads = []
    for _ in range(400):
        at = rng.integers(0, 80, 80)
        leads.append(
            objective_score(y[at], y_pred[at], objective)
            - objective_score(y[at], rival[at], objective)
        )
    assert paired_lead(y, (y_pred, rival), objective, 0) == pytest.approx(
        np.quantile(leads, [0.05, 0.95]), abs=0.03
    )


def test_bounds_of_a_lead_hold_about_as_often_as_they_say():
    bounds = np.array(
        [paired_lead(*decisions(seed, 200, 0.6), "none", seed) for seed in range(200)]
    )
    assert 0.9 <= (bounds[:, 0] <= 0.1).mean() <= 0.99
    assert 0.9 <= (bounds[:, 1] >= 0.1).mean() <= 0.99


def test_a_class_that_a_draw_lacks_makes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = paired_lead(
            pd.Series(list("aaab")),
            (np.array(list("aaab")), np.array(list("aaaa"))),
            "balanced_accuracy",
            0,
        )
    assert 0 <= low <= high <= 1


def test_the_level_of_a_gap_shares_one_percent_among_groups_classes_and_rates():
    assert gap_level(2, 2) == pytest.approx(1 - 0.01 / 2)
    assert gap_level(3, 2) == pytest.approx(1 - 0.01 / 6)
    assert gap_level(2, 5) == pytest.approx(1 - 0.01 / 10)
    assert gap_level(3, 5) == pytest.approx(1 - 0.01 / 30)


def test_rows_of_one_cluster_widen_the_interval_of_a_lead():
    y = pd.Series([*"ab"] * 200)
    first = np.where(
        np.repeat(np.arange(40), 10) % 4 > 0, y, "a"
    )  # whole clusters of ten are right or wrong together
    second = np.array(["a"] * 400, dtype=object)
    low, high = paired_lead(y, (first, second), "none", 0)
    low_whole, high_whole = paired_lead(
        y, (first, second), "none", 0, pd.Series(np.repeat(range(40), 10))
    )
    assert high_whole - low_whole > 1.2 * (high - low)


def test_a_cluster_per_row_is_as_good_as_none():
    y, first, second = pd.Series([*"aabb"] * 30), np.array([*"abbb"] * 30), np.array([*"aaba"] * 30)
    assert paired_lead(y, (first, second), "none", 0) == paired_lead(
        y, (first, second), "none", 0, pd.Series(range(120))
    )


def test_weighted_average_precision_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    is_label, score = rng.random(200) < 0.3, rng.random(200).round(1)
    weights = rng.integers(0, 4, (200, 5))
    expected = [average_precision_score(is_label, score, sample_weight=one) for one in weights.T]
    ranked = Ranked(is_label, score)
    assert [ranked.average_precision(one) for one in weights.T] == pytest.approx(expected)


def test_equal_probabilities_lead_by_nothing():
    y = pd.Series([*"ab"] * 6)
    y_score = np.random.default_rng(0).dirichlet([1, 1], 12)
    assert paired_precision_lead(y, y_score, y_score, pd.Series(range(12)), 0, 0.95) == (0, 0)


def test_clusters_that_hold_the_same_are_of_one_kind():
    kinds, counts = _kinds(np.array([2, 1, 1, 2, 5]), np.array([7, 7, 8, 8, 9]))
    assert (kinds, counts.tolist()) == ([(1, 2), (5,)], [2, 1])
