"""What every model is made of: encoders of the features, and a pipeline that hands weights on."""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sluice.core.command import UserError
from sluice.data.roles import text_columns

MAX_CATEGORIES = 200  # of one column; the rarer ones share a code


class WeightedPipeline(Pipeline):
    """A pipeline whose fit hands `sample_weight` to its classifier, so that a vote can hand it
    to its pipelines.
    """

    def fit(self, X: pd.DataFrame, y: pd.Series, sample_weight: np.ndarray | None = None) -> Self:
        """Fit on (n_samples, n_features) `X`, (n_samples,) labels `y` and, where given,
        (n_samples,) weights.
        """
        super().fit(X, y, classifier__sample_weight=sample_weight)
        if isinstance(self[-1], HistGradientBoostingClassifier):
            self[
                -1
            ]._bin_mapper.n_threads = (
                1  # it keeps the number of threads, by which equal models would differ
            )
        return self


def pipeline(columns: ColumnTransformer, classifier: ClassifierMixin) -> WeightedPipeline:
    """Return a model that encodes the features with `columns` and gives them to `classifier`."""
    return WeightedPipeline([("columns", columns), ("classifier", classifier)])


def baseline_logistic_regression(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the logistic regression of the audits, whatever stages/models.py says."""
    return pipeline(one_hot(X), LogisticRegression(max_iter=2000))


def baseline_random_forest(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the random forest of the audits, whatever stages/models.py says."""
    forest = RandomForestClassifier(min_samples_leaf=2, random_state=random_state)
    return pipeline(category_codes(X, impute=True), forest)


def text_features(X: pd.DataFrame) -> list[str]:
    """Return the columns of text that `category_codes` encodes, in its order."""
    return _varying(X)[0]


def _varying(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns of text and those of numbers that have two values or more, a missing one
    counted.

    A forest draws among columns: one that says nothing would change what it draws. Raises UserError
    if none is left.
    """
    varying = [column for column in X.columns if X[column].nunique(dropna=False) > 1]
    if not varying:
        raise UserError(
            f"no feature varies in the training rows ({', '.join(X.columns)}); "
            "look at data/prepared/train.parquet"
        )
    text = text_columns(X[varying])
    return text, [column for column in varying if column not in text]


def one_hot(X: pd.DataFrame) -> ColumnTransformer:
    """Return a transformer to scaled numbers, with a sign where one was missing, and one column
    per category.
    """
    text, numbers = _varying(X)
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=MAX_CATEGORIES
    )
    return ColumnTransformer([("text", categories, text), ("numbers", scaled, numbers)])


def category_codes(X: pd.DataFrame, impute: bool = False) -> ColumnTransformer:
    """Return a transformer to codes of the categories, first, and numbers; unseen and missing
    ones are NaN, or -1 if `impute`.
    """
    text, numbers = _varying(X)
    missing = -1 if impute else float("nan")
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=missing,
        encoded_missing_value=missing,
        max_categories=MAX_CATEGORIES,
    )
    return ColumnTransformer([("text", codes, text), ("numbers", "passthrough", numbers)])
