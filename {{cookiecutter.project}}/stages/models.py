"""The models that `train.model` in params.yaml can name.

To add one, write its function here and put the function's name into params.yaml. The function gets
the features `X` of the training rows and the seed, and returns an unfitted scikit-learn classifier.
`one_hot(X)` and `category_codes(X)` turn text into numbers, and `pipeline` joins either with a
classifier. `logistic_regression` has to stay: every model is compared with it.
"""

from typing import Any

import pandas as pd
from scipy.stats import loguniform
from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression

from sluice.modeling.encoders import category_codes, one_hot, pipeline, text_features


def logistic_regression(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return a weighted sum of the features, turned into probabilities: fast and easy to
    explain.
    """
    return pipeline(one_hot(X), LogisticRegression(max_iter=2000))


def random_forest(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the mean of 100 decision trees, each grown on other rows and features."""
    forest = RandomForestClassifier(n_estimators=100, min_samples_leaf=2, random_state=random_state)
    return pipeline(category_codes(X, impute=True), forest)


def hist_gradient_boosting(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return small decision trees, each of which corrects the errors of those before it."""
    boosting = HistGradientBoostingClassifier(
        max_leaf_nodes=7,
        min_samples_leaf=10,  # a class of a few dozen rows needs leaves of its own
        categorical_features=list(range(len(text_features(X)))),  # category_codes puts them first
        random_state=random_state,
    )
    return pipeline(category_codes(X), boosting)


def vote(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the mean of the probabilities of the three models above."""
    parts = [logistic_regression, random_forest, hist_gradient_boosting]
    return VotingClassifier(
        [(part.__name__, part(X, random_state)) for part in parts], voting="soft"
    )


# What train.search draws from: for each model the values to try, by scikit-learn's names of the
# settings.
SEARCH_SPACES: dict[str, dict[str, Any]] = {
    "logistic_regression": {"classifier__C": loguniform(0.01, 100)},
    "random_forest": {
        "classifier__min_samples_leaf": [1, 2, 5, 10, 20, 50],
        "classifier__max_features": ["sqrt", 0.3, 0.6, 1.0],
    },
    "hist_gradient_boosting": {
        "classifier__learning_rate": loguniform(0.02, 0.3),
        "classifier__max_iter": [50, 100, 200],
        "classifier__max_leaf_nodes": [3, 7, 15, 31],
        "classifier__min_samples_leaf": [5, 20, 50, 100],
        "classifier__l2_regularization": [0.0, 1.0, 10.0],
    },
}
SEARCH_SPACES["vote"] = {
    f"{name}__{setting}": values
    for name, space in SEARCH_SPACES.items()
    for setting, values in space.items()
}
