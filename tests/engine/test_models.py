"""Models: each takes the tables that occur, learns from them, and heeds weights."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from threadpoolctl import threadpool_limits

from sluice.core.command import UserError
from sluice.modeling.models import build_model, model_names, settings_to_try
from stages import models
from stages.models import SEARCH_SPACES

EVERY_MODEL = pytest.mark.parametrize("name", model_names())
EVERY_COUNT = pytest.mark.parametrize(
    "classes", [["no", "yes"], ["no", "perhaps", "yes"]], ids=["two classes", "three classes"]
)


@pytest.fixture(autouse=True)
def one_thread():
    """Keep small fits from waiting for one another's threads."""
    with threadpool_limits(1):
        yield


def easy(classes: list[str], n: int = 240, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Return features and labels: size grows with the class, colour tells the last one, noise
    tells nothing.
    """
    rng = np.random.default_rng(seed)
    nth = np.append(
        np.arange(len(classes)),
        rng.choice(
            len(classes), n - len(classes), p=[0.6, 0.4] if len(classes) == 2 else [0.5, 0.25, 0.25]
        ),
    )
    X = pd.DataFrame(
        {
            "size": 2.0 * nth + rng.normal(size=n),
            "colour": np.where((nth == len(classes) - 1) ^ (rng.random(n) < 0.1), "red", "blue"),
            "noise": rng.normal(size=n),
        }
    )
    return X, pd.Series(np.array(classes)[nth])


def patchy(X: pd.DataFrame) -> pd.DataFrame:
    """Return `X` with every seventh number and every fifth text missing."""
    return X.assign(
        size=X["size"].where(X.index % 7 > 0), colour=X["colour"].where(X.index % 5 > 0)
    )


@EVERY_MODEL
@EVERY_COUNT
def test_a_model_beats_the_majority_class(name, classes):
    X, y = easy(classes)
    X_test, y_test = easy(classes, seed=1)
    y_pred = build_model(name, X, 0).fit(X, y).predict(X_test)
    assert (y_pred == y_test).mean() > y_test.value_counts(normalize=True).max() + 0.15
    assert balanced_accuracy_score(y_test, y_pred) > 1 / len(classes) + 0.2


@EVERY_MODEL
@EVERY_COUNT
def test_a_model_gives_a_probability_per_class(name, classes):
    X, y = easy(classes)
    model = build_model(name, X, 0).fit(X, y)
    y_score = model.predict_proba(X)
    assert list(model.classes_) == classes
    assert y_score.shape == (240, len(classes))
    assert y_score.sum(axis=1) == pytest.approx(np.ones(240))


@EVERY_MODEL
def test_a_model_learns_from_rows_with_missing_values(name):
    X, y = easy(["no", "yes"])
    assert (build_model(name, X, 0).fit(patchy(X), y).predict(patchy(X)) == y).mean() > 0.8


@EVERY_MODEL
def test_a_model_scores_rows_without_any_value(name):
    X, y = easy(["no", "yes"])
    nothing = X.head(1).assign(size=np.nan, colour=pd.Series([None], dtype="str"), noise=np.nan)
    assert np.isfinite(build_model(name, X, 0).fit(X, y).predict_proba(nothing)).all()


@EVERY_MODEL
def test_a_model_scores_a_category_that_it_never_saw(name):
    X, y = easy(["no", "yes"])
    y_score = build_model(name, X, 0).fit(X, y).predict_proba(X.assign(colour="violet"))
    assert np.isfinite(y_score).all()


@EVERY_MODEL
def test_a_model_takes_a_column_of_numbers_without_any_value(name):
    X, y = easy(["no", "yes"])
    X = X.assign(void=np.nan)
    assert (build_model(name, X, 0).fit(X, y).predict(X.assign(void=1.0)) == y).mean() > 0.8


def test_a_column_without_any_value_makes_no_warning():
    X, y = easy(["no", "yes"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_model("logistic_regression", X.assign(void=np.nan), 0).fit(X.assign(void=np.nan), y)


@EVERY_MODEL
def test_a_model_takes_a_column_of_text_without_any_value(name):
    X, y = easy(["no", "yes"])
    X = X.assign(void=pd.Series([None] * len(X), dtype="str"))
    assert (build_model(name, X, 0).fit(X, y).predict(X.assign(void="red")) == y).mean() > 0.8


@EVERY_MODEL
@pytest.mark.parametrize(
    "columns", [["size", "noise"], ["colour"]], ids=["numbers alone", "text alone"]
)
def test_a_model_takes_columns_of_one_kind(name, columns):
    X, y = easy(["no", "yes"])
    assert (
        build_model(name, X[columns], 0).fit(X[columns], y).predict(X[columns]) == y
    ).mean() > 0.7


@EVERY_MODEL
def test_a_model_takes_more_categories_than_it_tells_apart(name):
    X, y = easy(["no", "yes"], n=600)
    X = X.assign(serial=[f"s{n}" for n in range(600)])
    assert (build_model(name, X, 0).fit(X, y).predict(X.assign(serial="s600")) == y).mean() > 0.8


@EVERY_MODEL
def test_a_greater_weight_makes_a_class_likelier(name):
    X, y = easy(["no", "yes"])
    X = X[["noise"]]  # what tells the classes apart a model knows by heart, whatever the weights
    plain = build_model(name, X, 0).fit(X, y).predict_proba(X)[:, 1].mean()
    weighted = (
        build_model(name, X, 0)
        .fit(X, y, sample_weight=np.where(y == "yes", 20.0, 1.0))
        .predict_proba(X)[:, 1]
        .mean()
    )
    assert weighted > plain + 0.05


@EVERY_MODEL
def test_a_row_of_weight_zero_teaches_nothing(name):
    X, y = easy(["no", "yes"])
    wrong = pd.concat([y, y.map({"no": "yes", "yes": "no"})], ignore_index=True)
    twice = pd.concat([X, X], ignore_index=True)
    model = build_model(name, X, 0).fit(twice, wrong, sample_weight=np.repeat([1.0, 0.0], len(X)))
    assert (model.predict(X) == y).mean() > 0.8


@EVERY_MODEL
def test_the_probability_follows_a_feature_of_known_effect(name):
    X, y = easy(["no", "yes"])
    small, large = (
        build_model(name, X, 0)
        .fit(X, y)
        .predict_proba(X.head(2).assign(size=[-1.0, 3.0], colour="blue", noise=0.0))[:, 1]
    )
    assert large > small + 0.2


@EVERY_MODEL
def test_the_order_of_scored_rows_does_not_matter(name):
    X, y = easy(["no", "yes"])
    model = build_model(name, X, 0).fit(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    assert (model.predict_proba(X.iloc[order]) == model.predict_proba(X)[order]).all()


@pytest.mark.parametrize("name", ["logistic_regression", "hist_gradient_boosting"])
def test_the_order_of_training_rows_does_not_matter(name):
    X, y = easy(["no", "yes"])
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = build_model(name, X, 0).fit(X.iloc[order], y.iloc[order])
    assert shuffled.predict_proba(X) == pytest.approx(
        build_model(name, X, 0).fit(X, y).predict_proba(X), abs=1e-3
    )


@pytest.mark.parametrize("name", ["random_forest", "vote"])
def test_the_order_of_training_rows_hardly_matters_to_a_forest(
    name,
):  # it draws its rows by their place
    X, y = easy(["no", "yes"])
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = build_model(name, X, 0).fit(X.iloc[order], y.iloc[order])
    assert (shuffled.predict(X) == build_model(name, X, 0).fit(X, y).predict(X)).mean() > 0.95


@EVERY_MODEL
def test_the_same_seed_gives_the_same_model(name):
    X, y = easy(["no", "yes"])
    assert (
        build_model(name, X, 3).fit(X, y).predict_proba(X)
        == build_model(name, X, 3).fit(X, y).predict_proba(X)
    ).all()


def test_vote_is_the_mean_of_the_three_others():
    X, y = easy(["no", "yes"])
    parts = [
        build_model(name, X, 0).fit(X, y).predict_proba(X)
        for name in ("logistic_regression", "random_forest", "hist_gradient_boosting")
    ]
    assert build_model("vote", X, 0).fit(X, y).predict_proba(X) == pytest.approx(sum(parts) / 3)


def test_a_misspelt_model_is_refused():
    names = (  # and those that were added
        "logistic_regression, random_forest, hist_gradient_boosting, vote.*"
    )
    sentence = (
        f"params.yaml: train.model is 'random_forrest', must be one of {names}; stages/models.py"
        " has a function for each"
    )
    with pytest.raises(UserError, match=sentence):
        build_model("random_forrest", easy(["no", "yes"])[0], 0)


@EVERY_MODEL
def test_a_constant_column_changes_nothing(name):
    X, y = easy(["no", "yes"])
    plain = build_model(name, X, 0).fit(X, y).predict_proba(X)
    for constant in (X.assign(same=1.0), X.assign(same="red"), X.assign(same=np.nan)):
        np.testing.assert_array_equal(
            build_model(name, constant, 0).fit(constant, y).predict_proba(constant), plain
        )


def test_features_that_are_all_constant_are_refused():
    with pytest.raises(UserError, match=r"no feature varies in the training rows \(size, colour\)"):
        build_model("vote", pd.DataFrame({"size": [1.0, 1.0], "colour": ["red", "red"]}), 0)


@pytest.mark.parametrize("name", SEARCH_SPACES)
def test_a_search_names_settings_that_the_model_has(name):
    X = pd.DataFrame({"size": [1.0, 2.0]})
    for drawn in settings_to_try(name, 3, 0):
        build_model(name, X, 0).set_params(
            **drawn
        )  # scikit-learn raises for a name that it does not have
    assert settings_to_try(name, 3, 0) == settings_to_try(name, 3, 0)


def test_a_search_for_a_model_without_ranges_is_refused():
    with pytest.raises(
        UserError,
        match=(
            r"train.search is 3, but SEARCH_SPACES in stages/models.py has no settings to try for"
            r" 'mine'"
        ),
    ):
        settings_to_try("mine", 3, 0)


def test_a_model_is_found_by_the_name_of_its_function(monkeypatch):
    def trees(X, random_state):
        return f"{list(X)}, seed {random_state}"

    trees.__module__ = models.__name__
    monkeypatch.setattr(models, "trees", trees, raising=False)
    assert model_names()[-1] == "trees"
    assert build_model("trees", pd.DataFrame({"size": []}), 7) == "['size'], seed 7"
