"""Fit a model by a recipe, on all rows or on folds of them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from tqdm import tqdm

from stages.augment import augment
from stages.during.importance import importances, worth_something
from stages.during.models import BalancedEnsemble, build_model
from stages.during.remedy import LADDER
from stages.during.reweighing import reweighing
from stages.during.simple import few_features
from stages.features import as_number, clusters, features
from stages.params import ORIGIN, Params
from stages.split import folds


@dataclass(frozen=True)
class Recipe:
    """How a candidate is made of training rows.

    strategy, sample_weight, calibration: as in params.yaml. `undersample` fits on balanced draws (see BalancedEnsemble),
    `settings` go to the model (scikit-learn's names), `sees` says which features it is given: all, those worth something,
    or the three that alone do best, as chosen on its own training rows. `reweigh` gives groups the weights of `reweighing`.
    """

    model: str
    strategy: str = "none"
    sample_weight: str = "none"
    calibration: str = "none"
    undersample: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    sees: Literal["all", "worthy", "three"] = "all"
    reweigh: bool = False


def from_params(params: Params) -> Recipe:
    """Return the recipe that params.yaml spells out; with a ladder it begins with the cheapest remedy instead."""
    if params.train.ladder:
        return remedied(Recipe(params.train.model), "decision_weights")
    return Recipe(
        params.train.model,
        params.augment.strategy,
        params.train.sample_weight,
        params.train.calibration,
    )


def remedied(recipe: Recipe, name: str) -> Recipe:
    """Return `recipe` with the remedy `name` of LADDER instead of its own."""
    one = LADDER[name]
    return Recipe(
        recipe.model,
        one.strategy,
        one.sample_weight,
        one.calibration,
        one.undersample,
        recipe.settings,
        recipe.sees,
        recipe.reweigh,
    )


def fit(
    name: str,
    rows: pd.DataFrame,
    params: Params,
    sample_weight: str,
    settings: Mapping[str, Any] | None = None,
    undersample: bool = False,
    reweigh: bool = False,
) -> ClassifierMixin:
    """Return the model `name`, fitted on the features of `rows`, which may be augmented.

    Only fitting uses several threads: a forest that predicts in parallel adds its trees up in another order each time.
    """
    X_train, y_train = (
        features(rows.drop(columns=ORIGIN, errors="ignore"), params.data),
        rows[params.data.target],
    )
    model = build_model(name, X_train, params.random_state)
    if settings:
        model.set_params(**settings)
    if undersample:
        model = BalancedEnsemble(model, random_state=params.random_state)
    with parallel_config(backend="threading", n_jobs=params.train.threads):
        return model.fit(
            X_train, y_train, sample_weight=weights_of(rows, params, sample_weight, reweigh)
        )


def weights_of(
    rows: pd.DataFrame, params: Params, sample_weight: str, reweigh: bool = False
) -> np.ndarray | None:
    """Return (n_samples,) weights of `rows`, which may be augmented: by class, by group, by age (train.half_life); None where all are 1."""
    y, weights = rows[params.data.target], []
    if power := {"none": 0.0, "sqrt_balanced": 0.5, "balanced": 1.0}[sample_weight]:
        weights.append(compute_sample_weight("balanced", y) ** power)
    if reweigh:
        weights.append(reweighing(rows, params.data))
    if params.train.half_life is not None:
        weights.append(age_weights(rows[str(params.data.time)], y, params.train.half_life))
    return np.prod(weights, axis=0) if weights else None


def age_weights(time: pd.Series, y: pd.Series, half_life: float) -> np.ndarray:
    """Return (n_samples,) weights, 1 on average, that halve with every `half_life` from the newest row back.

    time: (n_samples,) dates (then `half_life` counts days) or numbers; where it is missing, as in synthetic rows, a row weighs what
    those of its class, by `y`, weigh on average.
    """
    at = as_number(time)
    weights = 0.5 ** ((at.max() - at) / half_life)
    weights = weights.fillna(weights.groupby(y).transform("mean")).fillna(1.0)
    return (weights / weights.mean()).to_numpy()


def cook(recipe: Recipe, rows: pd.DataFrame, params: Params) -> ClassifierMixin:
    """Return the model that `recipe` makes of `rows`, which are augmented already or need not be."""
    return fit(
        recipe.model,
        rows,
        params,
        recipe.sample_weight,
        recipe.settings,
        recipe.undersample,
        recipe.reweigh,
    )


def augmented(recipe: Recipe, rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return real rows with what the recipe's strategy adds to them."""
    return augment(
        rows,
        params.data,
        params.augment.model_copy(update={"strategy": recipe.strategy}),
        params.random_state,
    )


def out_of_fold(
    rows: pd.DataFrame, params: Params, recipes: Mapping[str, Recipe]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return for each recipe (n_scored, n_classes) probabilities of rows that it was not fitted on, and (n_samples,) which these are.

    Clusters stay whole, and where the split is by time the folds go forward in it (see `folds`). Each recipe augments, weighs
    and chooses features by its own training part of each fold alone, as the final fit does with all rows. Real rows are scored,
    never repeated or synthetic ones.
    """
    y = rows[params.data.target]
    X = features(rows, params.data)
    scores = {name: np.zeros((len(rows), y.nunique())) for name in recipes}
    parts = folds_of(rows, params)
    scored = np.zeros(len(rows), dtype=bool)
    with tqdm(
        total=len(parts) * len(recipes),
        desc="train: fits on folds",
        disable=not sys.stderr.isatty(),
    ) as progress:
        for is_training, is_scored in parts:
            scored |= is_scored.to_numpy()
            for name, recipe in recipes.items():
                dropped = left_out(recipe, rows[is_training], params)
                part, seen = without(dropped, rows[is_training], params)
                fitted = cook(recipe, augmented(recipe, part, seen), seen)
                scores[name][is_scored.to_numpy()] = fitted.predict_proba(
                    X[is_scored].drop(columns=dropped)
                )
                progress.update()
    return {name: score[scored] for name, score in scores.items()}, scored


def folds_of(rows: pd.DataFrame, params: Params) -> list[tuple[pd.Series, pd.Series]]:
    """Return the folds of `rows` (see `folds`), by the settings."""
    data, split = params.data, params.prepare.split
    time = rows[data.time] if split.by == "time" else None
    ids = clusters(rows, data.cluster)
    return folds(
        rows[data.target],
        ids,
        time,
        params.train.folds,
        params.random_state,
        split.keep_clusters_whole,
    )


def left_out(recipe: Recipe, rows: pd.DataFrame, params: Params) -> list[str]:
    """Return the features that `recipe` does without, by what `rows` alone say: training rows of one fold, or all of them."""
    if recipe.sees == "all":
        return []
    kept = (
        few_features(rows, params.data, params.random_state)
        if recipe.sees == "three"
        else worth_something(worth(rows, params))
    )
    return [column for column in features(rows, params.data).columns if column not in kept]


def without(dropped: list[str], rows: pd.DataFrame, params: Params) -> tuple[pd.DataFrame, Params]:
    """Return `rows` and settings under which `dropped` are no features: a sensitive column stays in the rows, for their weights."""
    allowed = {
        column: reason for column, reason in params.data.allowed.items() if column not in dropped
    }
    data = params.data.model_copy(update={"allowed": allowed})
    gone = [column for column in dropped if column not in data.sensitive]
    return rows.drop(columns=gone), params.model_copy(update={"data": data})


def worth(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return what each feature is worth to the model that the settings name (see `importances`)."""
    return importances(
        rows,
        params.data,
        lambda part: fit(params.train.model, part, params, "none"),
        params.random_state,
    )
