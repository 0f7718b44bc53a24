"""Tests of what the ladder stands on: folds forward in time, paired intervals over clusters, the ensemble and its file."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from stages.during.remedy import read_remedy, write_remedy
from threadpoolctl import threadpool_limits

from stages.command import Refused
from stages.during.candidates import Judge, OutOfFold, climb, find
from stages.during.intervals import Ranked, paired_lead, paired_precision_lead
from stages.during.model import Model, load_model, save_model, sha256
from stages.during.models import BalancedEnsemble, build_model, settings_to_try
from stages.split import folds, forward
from stages.train import expect_augmented, rungs, settle
from tests.pipeline_run import settings

Y = pd.Series([*"ab"] * 6)
YEARS = pd.Series(np.repeat([1, 2, 3], 4))
ALONE = pd.Series(range(12))


def test_folds_go_forward_in_time():
    parts = forward(Y, ALONE, YEARS, 2)
    assert [
        (sorted(set(YEARS[fitted])), sorted(set(YEARS[scored]))) for fitted, scored in parts
    ] == [([1], [2]), ([1, 2], [3])]


def test_a_cluster_goes_where_its_latest_row_goes():
    y, years = pd.concat([Y, Y], ignore_index=True), pd.Series(np.repeat([1, 2, 3], 8))
    together = pd.Series(
        [23, *range(1, 24)]
    )  # the first row, of year 1, belongs to the last, of year 3
    [(fitted, scored)] = forward(y, together, years, 2)
    assert (fitted[0], scored[0], scored[23]) == (False, True, True)
    assert fitted[1:16].all()


def test_the_first_blocks_are_trained_on_until_every_class_is_there():
    y = pd.Series([*"aaaa", *"abab", *"abab"])
    [(fitted, scored)] = forward(y, ALONE, YEARS, 2)
    assert (set(YEARS[fitted]), set(YEARS[scored])) == ({1, 2}, {3})


def test_a_class_that_comes_too_late_is_refused():
    with pytest.raises(
        Refused, match="in order of time not every class stands in 2 clusters of rows to be scored"
    ):
        forward(pd.Series([*"aaaaaaaaabab"]), ALONE, YEARS, 2)


def test_folds_fall_back_where_a_class_comes_too_late(capsys):
    parts = folds(pd.Series([*"aaaaaaaaabab"]), ALONE, YEARS, 2, 0)
    assert "the folds do not go forward in time" in capsys.readouterr().out
    assert sum(scored.sum() for _, scored in parts) == 12


def test_rows_of_one_cluster_widen_the_interval_of_a_lead():
    y = pd.Series([*"ab"] * 200)
    first = np.where(
        np.repeat(np.arange(40), 10) % 4 > 0, y, "a"
    )  # whole clusters of ten are right or wrong together
    second = np.array(["a"] * 400, dtype=object)
    low, high = paired_lead(y, first, second, "none", 0)
    low_whole, high_whole = paired_lead(
        y, first, second, "none", 0, pd.Series(np.repeat(range(40), 10))
    )
    assert high_whole - low_whole > 1.2 * (high - low)


def test_a_cluster_per_row_is_as_good_as_none():
    y, first, second = pd.Series([*"aabb"] * 30), np.array([*"abbb"] * 30), np.array([*"aaba"] * 30)
    assert paired_lead(y, first, second, "none", 0) == paired_lead(
        y, first, second, "none", 0, pd.Series(range(120))
    )


def test_weighted_average_precision_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    is_label, score = rng.random(200) < 0.3, rng.random(200).round(1)
    weights = rng.integers(0, 4, (200, 5))
    expected = [average_precision_score(is_label, score, sample_weight=one) for one in weights.T]
    ranked = Ranked(is_label, score)
    assert [ranked.average_precision(one) for one in weights.T] == pytest.approx(expected)


def test_equal_probabilities_lead_by_nothing():
    y_score = np.random.default_rng(0).dirichlet([1, 1], 12)
    assert paired_precision_lead(Y, y_score, y_score, ALONE, 0, 0.95) == (0, 0)


def candidate(name: str, b: np.ndarray) -> OutOfFold:
    y_score = np.column_stack([1 - b, b])
    return OutOfFold(
        name, y_score, np.where(b > 0.5, "b", "a").astype(object), {}, {"a": 1.0, "b": 1.0}
    )


MANY = pd.Series([*"aaab"] * 50)
SURE, BLIND = np.where(MANY == "b", 0.9, 0.1), np.full(200, 0.25)
JUDGE = Judge(MANY, pd.Series(range(200)), "balanced_accuracy", 0)


def test_a_costlier_remedy_that_gains_is_taken():
    taken, [cheap, costly] = climb(
        [candidate("cheap", BLIND), candidate("costly", SURE)], JUDGE, worst_brier=0.2
    )
    assert taken == "costly"
    assert cheap.why.startswith(
        "not taken: costly gains over cheap, at least +0.5000 in balanced_accuracy"
    )
    assert costly.why.startswith(
        "taken: a gain is proven over cheap, at least +0.5000 in balanced_accuracy"
    )


def test_a_costlier_remedy_that_gains_nothing_is_not_taken():
    taken, [_, costly] = climb(
        [candidate("cheap", SURE), candidate("costly", SURE)], JUDGE, worst_brier=0.2
    )
    assert taken == "cheap"
    assert costly.why.startswith("not taken: no gain is proven over cheap, at least +0.0000")


def test_a_remedy_that_spoils_probabilities_is_not_taken():
    taken, [_, costly] = climb(
        [candidate("cheap", BLIND), candidate("costly", SURE)], JUDGE, worst_brier=0.001
    )
    assert (taken, costly.why) == (
        "cheap",
        "not taken: its Brier score is that of the class shares, or worse",
    )


def test_settings_that_gain_are_taken():
    taken, [before] = find(candidate("model", BLIND), [candidate("search_1", SURE)], JUDGE)
    assert taken.name == "search_1"
    assert taken.why.startswith(
        "taken: search_1 of a search, at least +0.5000 in balanced_accuracy"
    )
    assert (before.name, before.kind) == ("settings_as_they_come", "search")


def test_settings_that_gain_nothing_are_not_taken():
    taken, [tried] = find(candidate("model", SURE), [candidate("search_1", SURE)], JUDGE)
    assert taken.name == "model"
    assert tried.why.startswith("not taken: no gain is proven over the model's own settings")


@pytest.mark.parametrize(
    "name", ["logistic_regression", "random_forest", "hist_gradient_boosting", "vote"]
)
def test_a_search_names_settings_that_the_model_has(name):
    X = pd.DataFrame({"size": [1.0, 2.0]})
    for drawn in settings_to_try(name, 3, 0):
        build_model(name, X, 0).set_params(
            **drawn
        )  # scikit-learn raises for a name that it does not have
    assert settings_to_try(name, 3, 0) == settings_to_try(name, 3, 0)


def test_a_search_for_a_model_without_ranges_is_refused():
    with pytest.raises(
        Refused,
        match=r"train.search is 3, but nothing says which settings of 'mine' to try; give them in settings_to_try",
    ):
        settings_to_try("mine", 3, 0)


def test_the_ensemble_is_fitted_on_balanced_draws():
    drawn = []

    class Spy(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            drawn.append(y.value_counts().to_dict())
            return super().fit(X, y, sample_weight)

    BalancedEnsemble(Spy(), n_estimators=3).fit(pd.DataFrame({"size": np.arange(200.0)}), MANY)
    assert drawn == [{"a": 50, "b": 50}] * 3


@pytest.mark.parametrize("name", ["random_forest", "vote"])
def test_the_ensemble_is_saved_as_the_same_bytes_without_pickle(name, tmp_path):
    X = pd.DataFrame({"size": np.arange(200.0) % 7, "colour": ["red", "blue"] * 100})
    for run in ("once", "again"):
        with threadpool_limits(1):
            fitted = BalancedEnsemble(build_model(name, X, 0), n_estimators=2).fit(X, MANY)
        save_model(
            Model(fitted, ["a", "b"], {"size": "float64", "colour": "str"}, {}, {}),
            tmp_path / f"{run}.skops",
            {},
        )
    assert sha256(tmp_path / "once.skops") == sha256(tmp_path / "again.skops")
    assert (load_model(tmp_path / "again.skops").predict_proba(X) == fitted.predict_proba(X)).all()


def test_a_remedy_that_is_written_is_read(tmp_path):
    write_remedy("smote", tmp_path / "remedy.json")
    assert read_remedy(tmp_path / "remedy.json") == "smote"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"remedy": "smoke"}', "remedy is 'smoke', must be one of decision_weights"),
        ("{", "is not JSON"),
        ("[]", "remedy is None"),
    ],
)
def test_a_broken_remedy_is_refused(content, words, tmp_path):
    (tmp_path / "remedy.json").write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=words):
        read_remedy(tmp_path / "remedy.json")


def test_a_missing_remedy_is_refused(tmp_path):
    with pytest.raises(Refused, match="does not exist; restore it from git"):
        read_remedy(tmp_path / "remedy.json")


def rare(n: int) -> pd.DataFrame:
    """Return 90 rows of the class a and `n` of b."""
    size = np.random.default_rng(0).normal(size=90 + n) + np.repeat([0, 3], [90, n])
    return pd.DataFrame(
        {
            "__stage_row_id": [f"r{nth}" for nth in range(90 + n)],
            "label": ["a"] * 90 + ["b"] * n,
            "size": size,
        }
    )


LADDER_ON = {
    "model": "logistic_regression",
    "ladder": True,
    "decision_weights": "balanced_accuracy",
}


def test_smote_is_not_tried_where_a_fold_has_too_few_neighbours():
    params = settings(train=LADDER_ON, augment={"smote_max_rows": 1000})
    recipes, told = rungs(
        rare(8), params
    )  # eight rows would do, but each of two folds is trained on four
    assert list(recipes) == ["decision_weights", "sample_weights", "oversampling", "undersampling"]
    assert (
        "smote was not tried: class 'b' has 4 training rows without missing features, smote needs augment.k_neighbors + 1 = 6"
        in told[0]
    )


def test_a_ladder_without_smote_still_comes_to_an_end():
    _, model, rivals, *_ = settle(
        rare(8), settings(train=LADDER_ON, augment={"smote_max_rows": 1000}), ["size"]
    )
    assert "smote was not tried" in model.why
    assert sum(one.kind == "remedy" for one in rivals) == 3


def test_another_remedy_than_the_table_is_of_asks_for_another_run():
    params = settings(train=LADDER_ON, augment={"smote_max_rows": 1000})
    recipe = rungs(rare(8), params)[0]["oversampling"]
    with pytest.raises(
        Refused,
        match="the ladder chose oversampling, for which other rows are needed: run `dvc repro` once more",
    ):
        expect_augmented(
            recipe, rare(8), rare(8).assign(__stage_origin="real"), params, "oversampling"
        )
