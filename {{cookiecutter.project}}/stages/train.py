"""Fit the model on the augmented rows; whatever is chosen is chosen on folds of the real training rows."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.base import ClassifierMixin
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.augment import augment
from stages.command import run
from stages.during.decision import aim, calibrate, choose_weights, decide, fit_calibration
from stages.during.importance import importances, worth_something
from stages.during.intervals import paired_lead
from stages.during.model import BASELINE, MODEL, Model, save_model, sha256
from stages.during.models import build_model
from stages.during.plots import draw_features
from stages.during.simple import few_features
from stages.features import clusters, features
from stages.gate import gate, stop
from stages.params import ORIGIN, Params, load_params
from stages.split import kfold
from stages.tables import AUGMENTED, TRAIN, read_table, write_table


@dataclass(frozen=True)
class OutOfFold:
    """What a recipe makes of training rows that it was not fitted on, and what was chosen by that."""

    name: str
    y_score: np.ndarray
    y_pred: np.ndarray
    calibration: dict[str, dict[str, float]]
    decision_weights: dict[str, float]
    kind: str = "rival"
    features: str = "all"
    why: str = "compared with the model, never taken"


def fit(name: str, rows: pd.DataFrame, params: Params, sample_weight: str) -> ClassifierMixin:
    """Return the model `name`, fitted on the features of `rows`, which may be augmented.

    Only fitting uses several threads: a forest that predicts in parallel adds its trees up in another order each time.
    """
    X_train, y_train = features(rows.drop(columns=ORIGIN, errors="ignore"), params.data), rows[params.data.target]
    model = build_model(name, X_train, params.random_state)
    power = {"none": 0.0, "sqrt_balanced": 0.5, "balanced": 1.0}[sample_weight]
    weights = compute_sample_weight("balanced", y_train) ** power if power else None
    with parallel_config(backend="threading", n_jobs=params.train.threads):
        return model.fit(X_train, y_train, sample_weight=weights)


def out_of_fold(rows: pd.DataFrame, params: Params, recipes: dict[str, str]) -> dict[str, np.ndarray]:
    """Return for each recipe (n_samples, n_classes) probabilities of rows that it was not fitted on.

    Clusters stay whole. The recipes `model` and `selected_features` augment and weigh their own part of each fold, as the
    final fit does with all rows; any other is fitted on the rows as they are. What is chosen is chosen by that part alone.
    Real rows are scored, never repeated or synthetic ones.
    """
    y = rows[params.data.target]
    X = features(rows, params.data)
    scores = {recipe: np.zeros((len(rows), y.nunique())) for recipe in recipes}
    folds = kfold(y, clusters(rows, params.data.cluster), params.train.folds, params.random_state)
    with tqdm(total=len(folds) * len(recipes), desc="train: fits on folds", disable=not sys.stderr.isatty()) as progress:
        for is_training, is_scored in folds:
            for recipe, name in recipes.items():
                dropped = left_out(recipe, rows[is_training], params)
                part, weight = rows[is_training].drop(columns=dropped), "none"
                if recipe in ("model", "selected_features"):
                    part, weight = augment(part, params.data, params.augment, params.random_state), params.train.sample_weight
                scores[recipe][is_scored.to_numpy()] = fit(name, part, params, weight).predict_proba(X[is_scored].drop(columns=dropped))
                progress.update()
    return scores


def left_out(recipe: str, rows: pd.DataFrame, params: Params) -> list[str]:
    """Return the features that `recipe` does without, by what `rows` alone say: training rows of one fold, or all of them."""
    if recipe == "three_features":
        kept = few_features(rows, params.data, params.random_state)
    elif recipe == "selected_features":
        kept = worth_something(worth(rows, params))
    else:
        return []
    return [column for column in features(rows, params.data).columns if column not in kept]


def worth(rows: pd.DataFrame, params: Params) -> pd.DataFrame:
    """Return what each feature is worth to the model that the settings name (see `importances`)."""
    return importances(rows, params.data, lambda part: fit(params.train.model, part, params, "none"), params.random_state)


def select(y: pd.Series, every: OutOfFold, selected: OutOfFold, params: Params) -> tuple[OutOfFold, OutOfFold]:
    """Return the candidate to take, named model, and the other: the one on fewer features, unless it is proven to be worse."""
    low, high = paired_lead(y, every.y_pred, selected.y_pred, params.train.decision_weights, params.random_state)
    lead = f"all features lead by {low:.4f} to {high:.4f}, a two-sided 90 % interval"
    if low > 0:
        selected = replace(selected, why=f"not taken: proven to be worse, {lead}")
        return replace(every, why="taken: to leave features out is proven to be worse"), selected
    every = replace(every, name="all_features", kind="selection", why=f"not taken: not proven to be better, {lead}")
    return replace(selected, name="model", kind="model", why=f"taken: not proven to be worse, {lead}"), every


def choose(recipe: str, y: pd.Series, y_score: np.ndarray, calibration: str, decision_weights: str) -> OutOfFold:
    """Return what is chosen on out-of-fold probabilities: calibration curves first, then decision weights on what they give."""
    classes = sorted(y.unique())
    curves = fit_calibration(y, y_score, classes) if calibration == "sigmoid" else {}
    y_score = calibrate(y_score, classes, curves)
    weights = choose_weights(y, y_score, classes, decision_weights)
    return OutOfFold(recipe, y_score, decide(y_score, classes, weights), curves, weights)


def compare(y: pd.Series, model: OutOfFold, rivals: list[OutOfFold], aimed_at: str, random_state: int) -> pd.DataFrame:
    """Return the table of candidates: the model first, then its rivals, with its paired lead over each (see `paired_lead`)."""
    brier = brier_score_loss(y, model.y_score)
    rows = []
    for one in [model, *rivals]:
        low, high = paired_lead(y, model.y_pred, one.y_pred, aimed_at, random_state)
        score, one_brier = aim(y, one.y_pred, aimed_at), brier_score_loss(y, one.y_score)
        rows.append(
            {
                "candidate": one.name,
                "aim": "accuracy" if aimed_at == "none" else aimed_at,
                "score": score,
                "lead": aim(y, model.y_pred, aimed_at) - score,
                "lead_low": low,
                "lead_high": high,
                "brier": one_brier,
                "brier_lead": one_brier - brier,
                "log_loss": log_loss(y, one.y_score),
                "kind": one.kind,
                "features": one.features,
                "why": one.why,
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Choose on folds, gate the comparison, then fit on all rows and save."""
    params = load_params()
    settings = params.train
    rows, augmented = read_table(TRAIN), read_table(AUGMENTED)
    y = rows[params.data.target]
    build_model(settings.model, features(rows, params.data), params.random_state)  # a misspelt name is refused before the work
    with threadpool_limits(settings.threads):
        recipes = {"model": settings.model, "logistic_regression": "logistic_regression", "three_features": "logistic_regression"}
        if settings.select:
            recipes["selected_features"] = settings.model
        scores = out_of_fold(rows, params, recipes)
        model = choose("model", y, scores["model"], settings.calibration, settings.decision_weights)
        model = replace(model, kind="model", why="taken: train.model of params.yaml names it")
        worths, others = worth(rows, params), []
        if settings.select:
            kept = worth_something(worths)
            chosen = choose("selected_features", y, scores["selected_features"], settings.calibration, settings.decision_weights)
            model, other = select(y, model, replace(chosen, kind="selection", features=", ".join(kept)), params)
            others = [other]
        dropped = [] if model.features == "all" else [column for column in worths["feature"] if column not in kept]
        rival = choose("logistic_regression", y, scores["logistic_regression"], "none", settings.decision_weights)
        shares = y.value_counts(normalize=True).sort_index().to_numpy()
        guess = replace(choose("class_shares", y, np.tile(shares, (len(y), 1)), "none", "none"), kind="guess", features="none")
        simple = choose("three_features", y, scores["three_features"], "none", settings.decision_weights)
        simple = replace(simple, kind="simple", features=", ".join(few_features(rows, params.data, params.random_state)))
        candidates = compare(y, model, [rival, guess, simple, *others], settings.decision_weights, params.random_state)
        write_table(candidates, "reports/candidates.csv")
        write_table(worths, "reports/features.csv")
        draw_features(worths)
        judged = {"candidates": candidates, "features": worths}
        stop([gate(table, f"expectations/{name}.json", f"reports/gates/{name}.json") for name, table in judged.items()])
        fitted = fit(settings.model, augmented.drop(columns=dropped), params, settings.sample_weight)
        plain = fit("logistic_regression", rows, params, "none")
    weighted = choose("baseline", y, scores["logistic_regression"], "none", "balanced_accuracy")
    X = features(rows, params.data)
    code = sorted(name for name in sys.modules if name.startswith("stages."))
    provenance = {
        "model": settings.model,
        "data_sha256": {path: sha256(path) for path in (TRAIN, AUGMENTED)},
        "code_sha256": {name: sha256(Path(str(sys.modules[name].__file__))) for name in code},
    }
    for path, estimator, chosen in ((MODEL, fitted, model), (BASELINE, plain, weighted)):
        columns = {column: str(dtype) for column, dtype in X.dtypes.items() if path == BASELINE or column not in dropped}
        card = provenance | ({"model": "logistic_regression"} if path == BASELINE else {})
        save_model(Model(estimator, sorted(y.unique()), columns, chosen.calibration, chosen.decision_weights), path, card)


if __name__ == "__main__":
    run(main)
