"""Decision: what a rule aims at, which weights serve it, and what calibration does to
probabilities.
"""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from sluice.metrics.decision import (
    calibrate,
    choose_weights,
    decide,
    fit_calibration,
    objective_score,
)

AIMS = ["balanced_accuracy", "macro_f1"]


def table(seed: int, n: int, shares: dict[str, float]) -> tuple[pd.Series, np.ndarray]:
    """Return labels and noisy probabilities of them; each class has a row."""
    rng = np.random.default_rng(seed)
    true = np.append(
        np.arange(len(shares)), rng.choice(len(shares), n - len(shares), p=list(shares.values()))
    )
    strength = (
        rng.normal(size=(n, len(shares)))
        + 1.5 * np.eye(len(shares))[true]
        + np.log(list(shares.values()))
    )
    return pd.Series(np.array(list(shares))[true]), np.exp(strength) / np.exp(strength).sum(
        axis=1, keepdims=True
    )


def reached(y: pd.Series, y_score: np.ndarray, weights: dict[str, float], objective: str) -> float:
    return objective_score(y, decide(y_score, list(weights), weights), objective)


TRUE, DECIDED = pd.Series(["a", "a", "a", "b"]), np.array(["a", "a", "b", "b"], dtype=object)


def test_aim_none_is_accuracy():
    assert objective_score(TRUE, DECIDED, "none") == 0.75


def test_aim_balanced_accuracy_is_the_mean_recall():
    assert objective_score(TRUE, DECIDED, "balanced_accuracy") == pytest.approx((2 / 3 + 1) / 2)


def test_aim_macro_f1_is_the_mean_of_f1_over_the_classes():
    assert objective_score(TRUE, DECIDED, "macro_f1") == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_macro_f1_of_a_class_that_is_never_named_is_zero():
    assert objective_score(TRUE, np.array(["a"] * 4, dtype=object), "macro_f1") == pytest.approx(
        (6 / 7 + 0) / 2
    )


@pytest.mark.parametrize("objective", ["none", *AIMS])
def test_aim_is_one_for_perfect_decisions(objective):
    assert objective_score(TRUE, TRUE.to_numpy(), objective) == 1


def test_decide_takes_the_greatest_probability_times_weight():
    y_score = np.array([[0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])
    assert decide(y_score, ["a", "b"], {"a": 1.0, "b": 3.0}).tolist() == ["a", "b", "b"]


def test_decide_gives_ties_to_the_first_class():
    y_score = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]])
    assert decide(y_score, ["a", "b", "c"], {"a": 1.0, "b": 1.0, "c": 1.0}).tolist() == [
        "a",
        "b",
        "a",
    ]


def test_choose_weights_none_gives_ones():
    y, y_score = table(0, 30, {"a": 0.8, "b": 0.2})
    assert choose_weights(y, y_score, ["a", "b"], "none") == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("objective", AIMS)
@pytest.mark.parametrize(
    "shares", [{"a": 0.7, "b": 0.3}, {"a": 0.2, "b": 0.8}], ids=["b rare", "a rare"]
)
def test_the_largest_class_has_weight_one(shares, objective):
    y, y_score = table(3, 60, shares)
    assert choose_weights(y, y_score, ["a", "b"], objective)[max(shares, key=shares.get)] == 1


def test_weights_follow_a_hand_worked_table():
    y, y_score = (
        pd.Series(["a", "a", "a", "b", "b"]),
        np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]),
    )
    weights = choose_weights(y, y_score, ["a", "b"], "balanced_accuracy")
    assert (
        7 / 3 < weights["b"] < 4
    )  # from .7 against .3 on, and not yet .8 against .2: recalls 2/3 and 1
    assert decide(y_score, ["a", "b"], weights).tolist() == ["a", "a", "b", "b", "b"]


@pytest.mark.parametrize("objective", AIMS)
@pytest.mark.parametrize("digits", [6, 1], ids=["no ties", "ties"])
@pytest.mark.parametrize("seed", range(5))
def test_two_classes_get_the_best_of_all_thresholds(seed, digits, objective):
    y, y_score = table(seed, 25, {"a": 0.7, "b": 0.3})
    y_score = np.column_stack([1 - y_score[:, 1].round(digits), y_score[:, 1].round(digits)])
    thresholds = [*np.unique(y_score[:, 1]), 2.0]
    best = max(
        objective_score(y, np.where(y_score[:, 1] >= threshold, "b", "a"), objective)
        for threshold in thresholds
    )
    assert reached(
        y, y_score, choose_weights(y, y_score, ["a", "b"], objective), objective
    ) == pytest.approx(best)


@pytest.mark.parametrize("objective", AIMS)
@pytest.mark.parametrize("seed", range(20))
def test_three_classes_do_no_worse_than_inverse_class_shares(seed, objective):
    y, y_score = table(seed, 40, {"a": 0.6, "b": 0.28, "c": 0.12})
    counts = y.value_counts()
    inverse = {label: counts.max() / counts[label] for label in "abc"}
    chosen = choose_weights(y, y_score, list("abc"), objective)
    assert reached(y, y_score, chosen, objective) >= reached(y, y_score, inverse, objective) - 1e-9


@pytest.mark.parametrize("objective", AIMS)
@pytest.mark.parametrize("seed", range(20))
def test_three_classes_do_about_as_well_as_the_best_of_a_grid(seed, objective):
    y, y_score = table(seed, 60, {"a": 0.6, "b": 0.28, "c": 0.12})
    steps = 2.0 ** np.arange(-4, 6.5, 0.5)
    grid = np.array([[1.0, b, c] for b, c in product(steps, steps)])
    decided = (y_score[None, :, :] * grid[:, None, :]).argmax(axis=2)
    true = y.map({"a": 0, "b": 1, "c": 2}).to_numpy()
    hits = np.array([((decided == nth) & (true == nth)).sum(axis=1) for nth in range(3)])
    support, named = (
        np.bincount(true)[:, None],
        np.array([(decided == nth).sum(axis=1) for nth in range(3)]),
    )
    figure = hits / support if objective == "balanced_accuracy" else 2 * hits / (support + named)
    chosen = choose_weights(y, y_score, list("abc"), objective)
    assert reached(y, y_score, chosen, objective) >= figure.mean(axis=0).max() - 0.01


@pytest.mark.parametrize("objective", AIMS)
@pytest.mark.parametrize("digits", [6, 1], ids=["no ties", "ties"])
def test_weights_ignore_the_order_of_rows(digits, objective):
    y, y_score = table(5, 80, {"a": 0.6, "b": 0.28, "c": 0.12})
    order = np.random.default_rng(0).permutation(80)
    y_score = y_score.round(digits)
    chosen = choose_weights(y, y_score, list("abc"), objective)
    assert choose_weights(
        y[order].reset_index(drop=True), y_score[order], list("abc"), objective
    ) == pytest.approx(chosen, rel=1e-5)


@pytest.mark.parametrize("objective", AIMS)
@pytest.mark.parametrize("labels", ["aab", "bba", "aabbc", "ccbba"])
def test_perfect_probabilities_give_perfect_decisions(labels, objective):
    classes = sorted(set(labels))
    y_score = np.array([[float(label == true) for label in classes] for true in labels])
    y = pd.Series(list(labels))
    assert decide(
        y_score, classes, choose_weights(y, y_score, classes, objective)
    ).tolist() == list(labels)


@pytest.mark.parametrize("objective", AIMS)
def test_every_weight_is_above_zero(objective):
    y, y_score = (
        pd.Series(["a", "a", "b", "b", "a"]),
        np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.6, 0.4]]),
    )
    assert min(choose_weights(y, y_score, ["a", "b"], objective).values()) > 0


def shares_of_b(low: float, high: float) -> np.ndarray:
    """Return probabilities of a and b for five rows that say `low` for b, then five that say
    `high`.
    """
    b = np.repeat([low, high], 5)
    return np.column_stack([1 - b, b])


ONE_THEN_FOUR = pd.Series(
    list("baaaabbbba")
)  # of the first five rows one is b, of the last five four are


def test_true_probabilities_get_slope_one():
    curves = fit_calibration(ONE_THEN_FOUR, shares_of_b(0.2, 0.8), ["a", "b"])
    assert [curve["slope"] for curve in curves.values()] == pytest.approx([1, 1], abs=0.01)
    assert [curve["intercept"] for curve in curves.values()] == pytest.approx([0, 0], abs=0.01)


def test_true_probabilities_stay_as_they_are():
    y_score = shares_of_b(0.2, 0.8)
    assert calibrate(
        y_score, ["a", "b"], fit_calibration(ONE_THEN_FOUR, y_score, ["a", "b"])
    ) == pytest.approx(y_score, abs=0.005)


def test_overconfident_probabilities_are_pulled_in():
    y_score = shares_of_b(0.01, 0.99)
    calibrated = calibrate(y_score, ["a", "b"], fit_calibration(ONE_THEN_FOUR, y_score, ["a", "b"]))
    assert calibrated == pytest.approx(shares_of_b(0.2, 0.8), abs=0.005)


def test_timid_probabilities_are_spread():
    y_score = shares_of_b(0.45, 0.55)
    calibrated = calibrate(y_score, ["a", "b"], fit_calibration(ONE_THEN_FOUR, y_score, ["a", "b"]))
    assert calibrated == pytest.approx(shares_of_b(0.2, 0.8), abs=0.005)


def test_probabilities_that_are_too_high_throughout_are_lowered():
    y = pd.Series(list("aaaaaaaaab") * 2)
    y_score = np.column_stack([np.repeat([0.6, 0.4], 10), np.repeat([0.4, 0.6], 10)])
    calibrated = calibrate(y_score, ["a", "b"], fit_calibration(y, y_score, ["a", "b"]))
    assert calibrated[:, 1] == pytest.approx([0.1] * 20, abs=0.005)


def test_calibrated_probabilities_of_three_classes_sum_to_one():
    y, y_score = table(2, 50, {"a": 0.6, "b": 0.28, "c": 0.12})
    calibrated = calibrate(y_score, list("abc"), fit_calibration(y, y_score, list("abc")))
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(50))
    assert calibrated.min() >= 0


def test_calibrate_moves_a_hand_worked_row():
    curves = {"a": {"slope": 1.0, "intercept": 0.0}, "b": {"slope": 2.0, "intercept": 0.0}}
    [row] = calibrate(
        np.array([[0.75, 0.25]]), ["a", "b"], curves
    )  # b: odds 1 to 3, squared 1 to 9, so .1; a stays .75
    assert row == pytest.approx([0.75 / 0.85, 0.1 / 0.85])


def test_zero_and_one_stay_probabilities():
    y_score = np.array([[1.0, 0.0], [0.0, 1.0]])
    calibrated = calibrate(
        y_score, ["a", "b"], fit_calibration(ONE_THEN_FOUR, shares_of_b(0.2, 0.8), ["a", "b"])
    )
    assert np.isfinite(calibrated).all()
    assert calibrated == pytest.approx(y_score, abs=1e-4)


def test_without_curves_probabilities_are_unchanged():
    y_score = np.array([[0.25, 0.75], [1.0, 0.0]])
    assert (calibrate(y_score, ["a", "b"], {}) == y_score).all()
