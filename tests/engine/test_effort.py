"""Effort: learning curves learn, extrapolations follow the law that made them, and a time order
shows as a gap.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.core.params import Params, Scope
from sluice.scoping.effort import (
    CURVE_SHARES,
    Curve,
    Gain,
    effort_findings,
    extrapolate,
    gains,
    learn,
    time_gap,
    training_time,
)
from tests.engine.settings import settings

CRITERIA = {
    "metric": "balanced_accuracy",
    "recall_floor": 0.5,
    "recall_floors": {},
    "largest_gap": 0.1,
}


def params(**train) -> Params:
    cluster = train.pop("cluster", [])
    return settings(
        data={"cluster": cluster},
        train={"model": "logistic_regression", "decision_weights": "balanced_accuracy"} | train,
    )


def table(n: int = 1200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    return pd.DataFrame(
        {
            "size": size,
            "noise": rng.normal(size=n),
            "label": np.where(size + rng.normal(size=n) / 2 > 1, "rare", "most"),
        }
    )


def curve(confusions, sizes=None, seconds=None) -> Curve:
    sizes = sizes or [100 * 2**nth for nth in range(len(confusions))]
    return Curve(
        "any", ["a", "b"], sizes, np.array(confusions)[:, None], [], seconds or [1.0] * len(sizes)
    )


def test_a_learning_curve_scores_every_row_once_at_each_size():
    found = learn(table(), params())
    assert found.confusions.sum(axis=(1, 2, 3)).tolist() == [1200] * len(found.sizes)
    assert found.sizes[-1] == 800  # two of three folds
    assert found.sizes == sorted(found.sizes)
    assert len(found.sizes) == 4  # of CURVE_SHARES, one leaves fewer than SMALLEST rows a class
    assert len(CURVE_SHARES) == 5


def test_a_learning_curve_learns_what_is_there_to_learn():
    found = learn(table(), params()).figures("balanced_accuracy")
    assert found["balanced_accuracy"][-1] > 0.8
    assert found["recall of rare"][-1] > 0.75


def test_a_learning_curve_of_noise_stays_at_chance():
    rows = table()
    rows["label"] = np.where(np.random.default_rng(1).random(len(rows)) < 0.3, "rare", "most")
    assert learn(rows, params()).figures("balanced_accuracy")["balanced_accuracy"][
        -1
    ] == pytest.approx(0.5, abs=0.05)


@pytest.mark.slow
def test_a_learning_curve_is_the_same_twice():
    one, two = learn(table(), params()), learn(table(), params())
    assert (one.confusions == two.confusions).all()


@pytest.mark.slow
def test_a_learning_curve_keeps_clusters_whole():
    batch = np.arange(1200) // 20
    label = np.where(np.random.default_rng(0).random(60) < 0.5, "a", "b")[batch]
    rows = pd.DataFrame(
        {"batch": batch, "size": batch * 1.0, "label": label}
    )  # who knows the batch knows the label
    apart = learn(rows, params(cluster=["batch"], model="random_forest")).figures(
        "balanced_accuracy"
    )
    mixed = learn(rows.drop(columns="batch"), params(model="random_forest")).figures(
        "balanced_accuracy"
    )
    assert apart["balanced_accuracy"][-1] < 0.75 < mixed["balanced_accuracy"][-1]


def test_a_class_in_too_few_clusters_is_left_out():
    rows = table()
    rows.loc[:1, "label"] = "two rows"
    found = learn(rows, params())
    assert (found.classes, found.left_out) == (["most", "rare"], ["two rows"])


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "label": ["a", "a", "a", "b"]}),
        pd.DataFrame({"size": [1.0] * 10, "label": ["a", "b"] * 5}),
    ],
)
def test_without_two_classes_or_a_feature_there_is_no_curve(rows):
    assert learn(rows, params()) is None


def test_extrapolate_follows_the_law_that_made_the_values():
    sizes = [100, 200, 400, 800, 1600]
    values = np.array([[0.9 - 2 * n**-0.5 for n in sizes]])
    assert extrapolate(sizes, values, np.array([3200, 6400]))[0] == pytest.approx(
        [0.9 - 2 * 3200**-0.5, 0.9 - 2 * 6400**-0.5]
    )


def test_extrapolate_stays_a_share():
    values = np.array([[0.5, 0.7, 0.9]])
    assert extrapolate([10, 20, 40], values, np.array([10**6]))[0, 0] <= 1


def test_extrapolate_of_two_sizes_is_the_last_value():
    assert extrapolate([10, 20], np.array([[0.5, 0.6]]), np.array([40, 80])).tolist() == [
        [0.6, 0.6]
    ]


def test_recalls_are_those_of_classes_with_rows_enough_to_tell():
    assert curve([[[30, 10], [9, 10]], [[20, 20], [1, 19]]]).recalls(20) == {"a": 0.5, "b": 0.95}
    assert curve([[[30, 10], [9, 10]]]).recalls(20) == {"a": 0.75}


def test_a_flat_curve_gains_nothing():
    found = gains(curve([[[60, 40], [40, 60]]] * 4), 800, "balanced_accuracy", 0)
    gain = found["balanced_accuracy"]
    assert (gain.now, gain.at_all, gain.gain) == (
        pytest.approx(0.6),
        pytest.approx(0.6),
        pytest.approx(0),
    )
    assert gain.low < 0 < gain.high


def test_a_rising_curve_gains_beyond_chance():
    rising = [[[50 + 10 * nth, 50 - 10 * nth], [50 - 10 * nth, 50 + 10 * nth]] for nth in range(4)]
    gain = gains(curve(np.array(rising) * 20), 800, "balanced_accuracy", 0)["recall of a"]
    assert 0 < gain.low < gain.gain < gain.high
    assert gain.now == pytest.approx(0.8)


def test_more_held_out_rows_make_the_interval_narrower():
    few, many = (
        gains(curve(np.array([[[6, 4], [4, 6]]] * 4) * n), 800, "macro_f1", 0)["macro_f1"]
        for n in (10, 1000)
    )
    assert many.high - many.low < few.high - few.low


def test_folds_that_differ_make_the_interval_wider():
    alike = [[[30, 20], [20, 30]], [[30, 20], [20, 30]]]
    apart = [[[50, 0], [20, 30]], [[10, 40], [20, 30]]]
    of_alike, of_apart = (
        gains(
            Curve("any", ["a", "b"], [100, 200, 400], np.array([folds] * 3), [], [1.0] * 3),
            400,
            "accuracy",
            0,
        )["recall of a"]
        for folds in (alike, apart)
    )
    assert of_apart.now == of_alike.now
    assert of_apart.high - of_apart.low > 3 * (of_alike.high - of_alike.low)


def test_a_class_without_held_out_rows_has_no_recall():
    assert gains(curve([[[10, 0], [0, 0]]] * 3), 800, "accuracy", 0)["recall of b"].now == 0


@pytest.mark.parametrize(
    ("n", "seconds", "words"),
    [
        (1000, [0.25, 0.5, 1.0], "under a minute"),  # 1 s for 400 rows: 2 * 6 * 2.5 s
        (10000, [0.25, 0.5, 1.0], "under ten minutes"),  # 300 s
        (10000, [1 / 16, 1 / 4, 1.0], "under ten hours"),  # with the square of the rows: 7,500 s
        (10**9, [0.25, 0.5, 1.0], "over ten hours"),
    ],
)
def test_training_time_grows_with_the_rows(n, seconds, words):
    assert training_time(curve([[[1, 0], [0, 1]]] * 3, seconds=seconds), n, folds=5) == words


@pytest.mark.parametrize(
    ("gain", "do"),
    [
        (Gain(0.4, 0.4, 0.05, 0.02, 0.08), "more rows would help"),
        (Gain(0.4, 0.4, 0.0, -0.01, 0.01), "more rows of this kind will not help"),
        (Gain(0.4, 0.4, 0.01, 0.005, 0.015), "more rows of this kind will not help"),
        (Gain(0.4, 0.4, 0.05, -0.02, 0.12), "the gain cannot be told from zero"),
    ],
)
def test_effort_findings_say_whether_more_rows_help(gain, do):
    [found] = effort_findings({"recall of a": gain}, Scope(**CRITERIA), ["a"])
    assert do in found.do
    assert f"doubling the rows would give about {gain.gain:+.2f}" in found.what


def test_effort_findings_say_nothing_of_classes_with_few_rows():
    gain = Gain(0.0, 0.0, 0.0, 0.0, 0.0)  # a model that never names the class, at all sizes
    found = effort_findings({"balanced_accuracy": gain, "recall of a": gain}, Scope(**CRITERIA), [])
    assert [one.about for one in found] == ["balanced_accuracy"]


def test_a_relation_that_turns_in_time_shows_as_a_gap():
    rows = table(2000)
    order = pd.Series(np.arange(2000))
    rows["size"] = rows["size"].where(order < 1600, -rows["size"])
    late, drawn = time_gap(rows, order, params())
    assert drawn - late > 0.2


def test_a_relation_that_stays_shows_no_gap():
    late, drawn = time_gap(table(2000), pd.Series(np.arange(2000)), params())
    assert late == pytest.approx(drawn, abs=0.06)


def test_a_class_that_is_not_in_every_part_leaves_the_gap_unknown():
    rows = table(200).sort_values("label", ignore_index=True)
    assert time_gap(rows, pd.Series(np.arange(200)), params()) is None
