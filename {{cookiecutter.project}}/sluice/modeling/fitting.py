"""Fit a candidate model as its specification says, on all rows or on folds of them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from tqdm import tqdm

from sluice.core.params import ORIGIN, Params
from sluice.data.dataset import Dataset
from sluice.data.roles import as_number, features
from sluice.data.split import folds
from sluice.fairness.reweighing import reweighing
from sluice.modeling.augmenting import augment
from sluice.modeling.forward_selection import forward_selection
from sluice.modeling.importance import importances, important_features
from sluice.modeling.models import build_model


@dataclass(frozen=True)
class CandidateSpec:
    """How a candidate model is fitted.

    strategy, sample_weight, calibration: as in params.yaml. `settings` go to the model
    (scikit-learn's names), `sees` says which features it is given: all, the important ones, or the
    three of a forward selection, as found on its own training rows. `reweigh` gives groups the
    weights of `reweighing`.
    """

    model: str
    strategy: str = "none"
    sample_weight: str = "none"
    calibration: str = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)
    sees: Literal["all", "important", "three"] = "all"
    reweigh: bool = False

    def fits_like(self, other: "CandidateSpec") -> bool:
        """Return whether both fit the same model to the same rows: calibration comes after the
        fit.
        """
        return replace(self, calibration=other.calibration) == other


PLAIN = CandidateSpec("logistic_regression")


def from_params(params: Params) -> CandidateSpec:
    """Return the specification that params.yaml spells out."""
    train = params.train
    return CandidateSpec(
        train.model, params.augment.strategy, train.sample_weight, train.calibration
    )


def fit_candidate(spec: CandidateSpec, rows: pd.DataFrame, params: Params) -> ClassifierMixin:
    """Return the model that `spec` names, fitted on `rows`, which are augmented already or need not
    be.

    Only fitting uses several threads: a forest that predicts in parallel adds its trees up in
    another order each time.
    """
    X = features(rows.drop(columns=ORIGIN, errors="ignore"), params.data)
    model = build_model(spec.model, X, params.random_state)
    if spec.settings:
        model.set_params(**spec.settings)
    weights = weights_of(rows, params, spec.sample_weight, spec.reweigh)
    with parallel_config(backend="threading", n_jobs=params.train.threads):
        return model.fit(X, rows[params.data.target], sample_weight=weights)


def weights_of(
    rows: pd.DataFrame, params: Params, sample_weight: str, reweigh: bool = False
) -> np.ndarray | None:
    """Return (n_samples,) weights of `rows`, which may be augmented: by class, by group, by age
    (train.half_life); None where all are 1.
    """
    y, weights = rows[params.data.target], []
    if power := {"none": 0.0, "sqrt_balanced": 0.5, "balanced": 1.0}[sample_weight]:
        weights.append(compute_sample_weight("balanced", y) ** power)
    if reweigh:
        weights.append(reweighing(rows, params.data))
    if params.train.half_life is not None:
        weights.append(age_weights(rows[str(params.data.time)], y, params.train.half_life))
    return np.prod(weights, axis=0) if weights else None


def age_weights(time: pd.Series, y: pd.Series, half_life: float) -> np.ndarray:
    """Return (n_samples,) weights, 1 on average, that halve with every `half_life` from the newest
    row back.

    time: (n_samples,) dates (then `half_life` counts days) or numbers; where it is missing, as in
    synthetic rows, a row weighs what those of its class, by `y`, weigh on average.
    """
    at = as_number(time)
    weights = 0.5 ** ((at.max() - at) / half_life)
    weights = weights.fillna(weights.groupby(y).transform("mean")).fillna(1.0)
    return (weights / weights.mean()).to_numpy()


def augmented(spec: CandidateSpec, rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return real rows with what the strategy of `spec` adds to them."""
    settings = params.augment.model_copy(update={"strategy": spec.strategy})
    return augment(rows, params.data, settings, params.random_state)


def out_of_fold(
    data: Dataset, params: Params, specs: Mapping[str, CandidateSpec]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return for each candidate (n_scored, n_classes) out-of-fold probabilities, and (n_samples,)
    which rows these are.

    Clusters stay whole, and where the split is by time the folds go forward in it (see `folds`).
    Each candidate augments, weighs and chooses features by its own training part of each fold
    alone, as the final fit does with all rows. Real rows are scored, never repeated or synthetic
    ones. Candidates that fit alike are fitted once.
    """
    first = {
        name: next(known for known, other in specs.items() if spec.fits_like(other))
        for name, spec in specs.items()
    }
    fits = list(dict.fromkeys(first.values()))
    scores = {name: np.zeros((len(data.y), data.y.nunique())) for name in fits}
    parts = folds_of(data, params)
    scored = np.zeros(len(data.y), dtype=bool)
    with tqdm(
        total=len(parts) * len(fits), desc="fits on folds", disable=not sys.stderr.isatty()
    ) as progress:
        for is_training, is_scored in parts:
            scored |= is_scored.to_numpy()
            for name in fits:
                dropped = left_out(specs[name], data.rows[is_training], params)
                part, seen = without(dropped, data.rows[is_training], params)
                model = fit_candidate(specs[name], augmented(specs[name], part, seen), seen)
                scores[name][is_scored.to_numpy()] = model.predict_proba(
                    data.X[is_scored].drop(columns=dropped)
                )
                progress.update()
    return {name: scores[first[name]][scored] for name in specs}, scored


def folds_of(data: Dataset, params: Params) -> list[tuple[pd.Series, pd.Series]]:
    """Return the folds of `data` (see `folds`), by the settings."""
    split = params.prepare.split
    return folds(
        data.y,
        data.groups,
        data.time if split.by == "time" else None,
        params.train.folds,
        params.random_state,
        split.keep_clusters_whole,
    )


def left_out(spec: CandidateSpec, rows: pd.DataFrame, params: Params) -> list[str]:
    """Return the features that `spec` does without, by what `rows` alone say: training rows of
    one fold, or all of them.
    """
    if spec.sees == "all":
        return []
    kept = (
        forward_selection(rows, params.data, params.random_state)
        if spec.sees == "three"
        else important_features(feature_importances(rows, params))
    )
    return [column for column in features(rows, params.data).columns if column not in kept]


def without(dropped: list[str], rows: pd.DataFrame, params: Params) -> tuple[pd.DataFrame, Params]:
    """Return `rows` and settings under which `dropped` are no features: a sensitive column stays
    in the rows, for their weights.
    """
    allowed = {
        column: reason for column, reason in params.data.allowed.items() if column not in dropped
    }
    data = params.data.model_copy(update={"allowed": allowed})
    gone = [column for column in dropped if column not in data.sensitive]
    return rows.drop(columns=gone), params.model_copy(update={"data": data})


def feature_importances(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return how important each feature is to the model that the settings name (see
    `importances`).
    """
    spec = CandidateSpec(params.train.model)
    return importances(
        rows, params.data, lambda part: fit_candidate(spec, part, params), params.random_state
    )
