"""Build the models that params.yaml can name, as ordinary scikit-learn pipelines."""

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterSampler
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from stages.command import Refused
from stages.features import text_columns

MODELS = ["logistic_regression", "random_forest", "hist_gradient_boosting", "vote"]
MOST_CATEGORIES = 200  # of one column; the rarer ones share a code


class WeightedPipeline(Pipeline):
    """A pipeline whose fit hands `sample_weight` to its classifier, so that a vote can hand it to its pipelines."""

    def fit(self, X: pd.DataFrame, y: pd.Series, sample_weight: np.ndarray | None = None) -> Self:
        """Fit on (n_samples, n_features) `X`, (n_samples,) labels `y` and, where given, (n_samples,) weights."""
        super().fit(X, y, classifier__sample_weight=sample_weight)
        if isinstance(self[-1], HistGradientBoostingClassifier):
            self[
                -1
            ]._bin_mapper.n_threads = (
                1  # it keeps the number of threads, by which equal models would differ
            )
        return self


class BalancedEnsemble(ClassifierMixin, BaseEstimator):
    """The mean of models that were each fitted on as many rows of every class as the rarest has, drawn anew for each.

    Source: Liu, Wu and Zhou (2009), Exploratory undersampling for class-imbalance learning, IEEE Transactions SMC-B 39(2).
    """

    def __init__(
        self, estimator: ClassifierMixin, n_estimators: int = 10, random_state: int = 0
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: pd.Series, sample_weight: np.ndarray | None = None) -> Self:
        """Fit on (n_samples, n_features) `X` and (n_samples,) labels `y`, with (n_samples,) weights of the drawn rows where given."""
        rng = np.random.default_rng(self.random_state)
        places = [np.flatnonzero(y == label) for label in sorted(y.unique())]
        n = min(map(len, places))
        self.classes_ = np.array(sorted(y.unique()), dtype=object)
        self.estimators_ = []
        for _ in range(self.n_estimators):
            drawn = np.sort(
                np.concatenate([rng.choice(place, n, replace=False) for place in places])
            )
            weights = None if sample_weight is None else sample_weight[drawn]
            self.estimators_.append(
                clone(self.estimator).fit(X.iloc[drawn], y.iloc[drawn], sample_weight=weights)
            )
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return (n_samples, n_classes) mean probabilities, as if all classes were equally frequent."""
        return np.mean([one.predict_proba(X) for one in self.estimators_], axis=0)


def build_model(name: str, X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the unfitted model `name` for features like `X`; its fit takes `sample_weight`.

    To add a fifth, append its name to MODELS and give it a case here. Raises Refused for a name that has no case.
    """
    match name:
        case "logistic_regression":
            return WeightedPipeline(
                [("columns", _one_hot(X)), ("classifier", LogisticRegression(max_iter=2000))]
            )
        case "random_forest":
            forest = RandomForestClassifier(
                n_estimators=100, min_samples_leaf=2, random_state=random_state
            )
            return WeightedPipeline([("columns", _codes(X, impute=True)), ("classifier", forest)])
        case "hist_gradient_boosting":
            boosting = HistGradientBoostingClassifier(
                max_leaf_nodes=7,
                min_samples_leaf=10,  # a class of a few dozen rows needs leaves of its own
                categorical_features=list(range(len(_varying(X)[0]))),
                random_state=random_state,
            )
            return WeightedPipeline(
                [("columns", _codes(X, impute=False)), ("classifier", boosting)]
            )
        case "vote":
            return VotingClassifier(
                [(part, build_model(part, X, random_state)) for part in MODELS[:3]], voting="soft"
            )
    raise Refused(
        f"params.yaml: train.model is {name!r}, must be one of {', '.join(MODELS)}; stages/during/models.py builds them"
    )


def _varying(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns of text and those of numbers that have two values or more, a missing one counted.

    A forest draws among columns: one that says nothing would change what it draws. Raises Refused if none is left.
    """
    varying = [column for column in X.columns if X[column].nunique(dropna=False) > 1]
    if not varying:
        raise Refused(
            f"no feature varies in the training rows ({', '.join(X.columns)}); look at data/prepared/train.parquet"
        )
    text = text_columns(X[varying])
    return text, [column for column in varying if column not in text]


def _one_hot(X: pd.DataFrame) -> ColumnTransformer:
    """Return a transformer to scaled numbers, with a sign where one was missing, and one column per category."""
    text, numbers = _varying(X)
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=MOST_CATEGORIES
    )
    return ColumnTransformer([("text", categories, text), ("numbers", scaled, numbers)])


def _codes(X: pd.DataFrame, impute: bool) -> ColumnTransformer:
    """Return a transformer to codes of the categories, first, and numbers; unseen and missing ones are NaN, or -1 if `impute`."""
    text, numbers = _varying(X)
    missing = -1 if impute else float("nan")
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=missing,
        encoded_missing_value=missing,
        max_categories=MOST_CATEGORIES,
    )
    return ColumnTransformer([("text", codes, text), ("numbers", "passthrough", numbers)])


def settings_to_try(name: str, n: int, random_state: int) -> list[dict[str, Any]]:
    """Return `n` random settings of the model `name`, by scikit-learn's names of them; the ranges are those that tutorials try.

    Raises Refused for a model that has no ranges here.
    """
    spaces: dict[str, dict[str, Any]] = {
        "logistic_regression": {"C": loguniform(0.01, 100)},
        "random_forest": {
            "min_samples_leaf": [1, 2, 5, 10, 20, 50],
            "max_features": ["sqrt", 0.3, 0.6, 1.0],
        },
        "hist_gradient_boosting": {
            "learning_rate": loguniform(0.02, 0.3),
            "max_iter": [50, 100, 200],
            "max_leaf_nodes": [3, 7, 15, 31],
            "min_samples_leaf": [5, 20, 50, 100],
            "l2_regularization": [0.0, 1.0, 10.0],
        },
    }
    if name not in {*spaces, "vote"}:
        raise Refused(
            f"params.yaml: train.search is {n}, but nothing says which settings of {name!r} to try; give them in settings_to_try of "
            "stages/during/models.py, or set train.search: 0"
        )
    prefixes = (
        {f"{part}__classifier__": part for part in spaces}
        if name == "vote"
        else {"classifier__": name}
    )
    space = {
        prefix + key: values
        for prefix, part in prefixes.items()
        for key, values in spaces[part].items()
    }
    drawn = ParameterSampler(space, n, random_state=random_state)
    return [
        {
            key: float(f"{value:.3g}") if isinstance(value, float) else value
            for key, value in one.items()
        }
        for one in drawn
    ]
