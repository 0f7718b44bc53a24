"""Continue a fitted model on more rows, instead of fitting anew."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression

from sluice.core.command import UserError
from sluice.modeling.encoders import WeightedPipeline
from sluice.modeling.model import Model


def check_same(model: Model, X: pd.DataFrame, y: pd.Series, selected: bool) -> None:
    """Raise UserError, all problems at once, unless `X` and `y` have the classes and columns that
    `model` was fitted on.

    scikit-learn would not: a warm start takes over changed classes and columns unseen. selected:
    the model may do with fewer columns.
    """
    found, known = sorted(y.unique()), model.classes
    problems = (
        []
        if found == known
        else [
            f"the rows have the classes {', '.join(found)}, the model in service {', '.join(known)}"
        ]
    )
    dtypes = {column: str(dtype) for column, dtype in X.dtypes.items()}
    for column, dtype in model.columns.items():
        if dtypes.get(column) != dtype:
            problems.append(
                f"the column {column!r} was {dtype}, and is {dtypes.get(column, 'no feature')} now"
            )
    if not selected and (more := [column for column in dtypes if column not in model.columns]):
        problems.append(f"{', '.join(more)} is no column of the model in service")
    if problems:
        raise UserError("; ".join(problems) + ": a warm start needs the same classes and columns")


def continued(
    model: Model, X: pd.DataFrame, y: pd.Series, weights: np.ndarray | None, iterations: int
) -> Model:
    """Return `model`, continued on (n_samples, n_features) `X` and (n_samples,) labels `y`, weighed
    by (n_samples,) `weights`.

    Each forest grows `iterations` more trees and each boosting as many more steps (fewer where it
    stops early), a logistic regression starts from its coefficients. Preprocessing, calibration and
    decision weights stay. `model` itself does not change. Raises UserError where nothing would be
    added (scikit-learn then returns the old model as if it were fitted) and for a model that cannot
    go on.
    """
    if iterations < 1:
        raise UserError(
            f"a warm start with {iterations} more iterations would add nothing: ask for one at"
            " least"
        )
    return replace(
        model, estimator=_continued(model.estimator, X[list(model.columns)], y, weights, iterations)
    )


def _continued(
    estimator: ClassifierMixin,
    X: pd.DataFrame,
    y: pd.Series,
    weights: np.ndarray | None,
    iterations: int,
) -> ClassifierMixin:
    estimator = copy.deepcopy(estimator)
    if isinstance(estimator, VotingClassifier):  # its parts know the classes by number
        codes = pd.Series(estimator.le_.transform(y), index=y.index)
        parts = [_continued(part, X, codes, weights, iterations) for part in estimator.estimators_]
        estimator.estimators_ = parts
        estimator.named_estimators_.update(zip(dict(estimator.estimators), parts, strict=True))
        return estimator
    if not isinstance(estimator, WeightedPipeline):
        raise UserError(
            f"a {type(estimator).__name__} cannot be continued: a warm start takes"
            f" {', '.join(_WAYS)} and votes of them"
        )
    way, classifier = _WAYS.get(type(estimator[-1]).__name__), estimator[-1]
    if way is None:
        raise UserError(
            f"a {type(classifier).__name__} cannot be continued: a warm start takes"
            f" {', '.join(_WAYS)} and votes of them"
        )
    classifier.set_params(warm_start=True)
    way(classifier, estimator[:-1].transform(X), y, weights, iterations)
    classifier.set_params(warm_start=False)
    return estimator


def _regression(
    classifier: LogisticRegression,
    X: np.ndarray,
    y: pd.Series,
    weights: np.ndarray | None,
    iterations: int,
) -> None:
    classifier.fit(X, y, sample_weight=weights)


def _forest(
    classifier: RandomForestClassifier,
    X: np.ndarray,
    y: pd.Series,
    weights: np.ndarray | None,
    iterations: int,
) -> None:
    before = len(classifier.estimators_)
    classifier.set_params(n_estimators=before + iterations).fit(X, y, sample_weight=weights)
    _check_grown("forest", before, len(classifier.estimators_))


def _boosting(
    classifier: HistGradientBoostingClassifier,
    X: np.ndarray,
    y: pd.Series,
    weights: np.ndarray | None,
    iterations: int,
) -> None:
    """Boost on, with the bins and categories of the first fit.

    scikit-learn makes bins anew, although the trees at hand are then asked by the numbers of the
    old ones (while fitting only: their answers on other rows are right), so that the new trees
    would mend errors that nobody made; and it numbers categories anew.
    """
    before, bins = classifier.n_iter_, classifier._bin_mapper
    if classifier._preprocessor is not None:
        known = classifier._preprocessor.named_transformers_["encoder"].categories_
        for nth, categories in enumerate(known):
            if (gone := len(np.setdiff1d(categories[~np.isnan(categories)], X[:, nth]))) > 0:
                raise UserError(
                    f"{gone} categories that the boosting was fitted on are in no row any more: it"
                    " cannot be continued"
                )

    def in_old_bins(
        X: np.ndarray, sample_weight: np.ndarray | None, is_training_data: bool
    ) -> np.ndarray:
        classifier._bin_mapper = bins
        binned = bins.transform(X)
        return binned if is_training_data else np.ascontiguousarray(binned)

    classifier._bin_data = in_old_bins
    try:
        classifier.set_params(max_iter=before + iterations).fit(X, y, sample_weight=weights)
    finally:
        del classifier._bin_data
    _check_grown("boosting", before, classifier.n_iter_)


def _check_grown(what: str, before: int, after: int) -> None:
    if after <= before:
        raise UserError(
            f"the {what} has {after} iterations after a warm start and had {before} before: nothing"
            " was learned of the new rows"
        )


_WAYS = {
    "LogisticRegression": _regression,
    "RandomForestClassifier": _forest,
    "HistGradientBoostingClassifier": _boosting,
}
