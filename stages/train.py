"""Fit the model on the augmented rows; whatever is chosen is chosen on folds of the real training rows."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss
from threadpoolctl import threadpool_limits

from stages.command import Refused, run
from stages.during.candidates import Judge, OutOfFold, choose, climb, compare, find, price, select
from stages.during.importance import worth_something
from stages.during.model import BASELINE, MODEL, Model, save_model, sha256
from stages.during.models import build_model, settings_to_try
from stages.during.plots import draw_candidates, draw_features
from stages.during.recipes import (
    Recipe,
    augmented,
    cook,
    folds_of,
    from_params,
    out_of_fold,
    remedied,
    without,
    worth,
)
from stages.during.remedy import LADDER, write_remedy
from stages.during.simple import FEATURES, few_features
from stages.features import clusters, features
from stages.gate import gate, stop
from stages.groups import groups
from stages.params import ORIGIN, Params, load_params
from stages.tables import AUGMENTED, TRAIN, read_table, write_table

PLAIN = Recipe("logistic_regression")


def rungs(rows: pd.DataFrame, params: Params) -> tuple[dict[str, Recipe], list[str]]:
    """Return a recipe for each remedy of the ladder that these rows and each training part of them admit, and why others were not tried."""
    parts = [rows, *(rows[is_training] for is_training, _ in folds_of(rows, params))]
    recipes, told = {}, []
    for name in LADDER:
        recipe = remedied(from_params(params), name)
        try:
            for part in parts:
                augmented(recipe, part, params)
            recipes[name] = recipe
        except Refused as refused:
            told.append(f"{name} was not tried: {refused}")
    return recipes, told


def settle(
    rows: pd.DataFrame, params: Params, worthy: list[str]
) -> tuple[Recipe, OutOfFold, list[OutOfFold], Judge, OutOfFold]:
    """Return the recipe to fit by, what it makes of rows out of fold, its rivals, by what they were judged, and the baseline.

    The ladder is climbed first, then settings are searched, then features left out, last a gap between groups is mitigated, each only
    where params.yaml asks for it.
    worthy: the features that are worth something on all rows.
    """
    settings, target = params.train, params.data.target
    aimed_at = (
        "balanced_accuracy"
        if settings.ladder and settings.decision_weights == "none"
        else settings.decision_weights
    )
    tried, told = rungs(rows, params) if settings.ladder else ({"model": from_params(params)}, [])
    asked = {**tried, "logistic_regression": PLAIN, "three_features": replace(PLAIN, sees="three")}
    scores, scored = out_of_fold(rows, params, asked)
    y = rows.loc[scored, target]
    audited = {
        column: groups(rows.loc[scored, column], params.data.cut_points.get(column))
        for column in params.data.sensitive
    }
    judge = Judge(
        y, clusters(rows, params.data.cluster)[scored], aimed_at, params.random_state, audited
    )
    found = {
        name: choose(name, y, scores[name], asked[name].calibration, aimed_at) for name in asked
    }
    shares = y.value_counts(normalize=True).sort_index().to_numpy()
    guess = replace(
        choose("class_shares", y, np.tile(shares, (len(y), 1)), "none", "none"),
        kind="guess",
        features="none",
    )
    simple = ", ".join(few_features(rows, params.data, params.random_state))
    rivals = [
        found["logistic_regression"],
        guess,
        replace(found["three_features"], kind="simple", features=simple),
    ]
    taken = "model"
    if settings.ladder:
        taken, climbed = climb(
            [found[name] for name in tried], judge, brier_score_loss(y, guess.y_score)
        )
        rivals += [replace(one, kind="remedy") for one in climbed if one.name != taken]
        [found[taken]] = [one for one in climbed if one.name == taken]
    why = found[taken].why if settings.ladder else "taken: params.yaml spells it out"
    recipe, model = (
        tried[taken],
        replace(
            found[taken], why="; ".join([f"{why} ({taken})" if settings.ladder else why, *told])
        ),
    )
    if settings.search:
        drawn = settings_to_try(recipe.model, settings.search, params.random_state)
        searched = {
            f"search_{nth}": replace(recipe, settings=one) for nth, one in enumerate(drawn, 1)
        }
        scores |= out_of_fold(rows, params, searched)[0]
        attempts = [
            replace(choose(name, y, scores[name], one.calibration, aimed_at), kind="search")
            for name, one in searched.items()
        ]
        model, others = find(model, attempts, judge)
        recipe, rivals = searched.get(model.name, recipe), [*rivals, *others]
    if settings.select:
        fewer = replace(recipe, sees="worthy")
        scores |= out_of_fold(rows, params, {"selected_features": fewer})[0]
        chosen = choose(
            "selected_features", y, scores["selected_features"], recipe.calibration, aimed_at
        )
        model, other = select(
            model, replace(chosen, kind="selection", features=", ".join(worthy)), judge
        )
        recipe, rivals = fewer if model.name == "selected_features" else recipe, [*rivals, other]
    if settings.mitigation != "none":
        recipe, model, rivals = mitigate(rows, params, recipe, model, rivals, judge)
    return (
        recipe,
        model,
        rivals,
        judge,
        choose("baseline", y, scores["logistic_regression"], "none", "balanced_accuracy"),
    )


def mitigate(
    rows: pd.DataFrame,
    params: Params,
    recipe: Recipe,
    model: OutOfFold,
    rivals: list[OutOfFold],
    judge: Judge,
) -> tuple[Recipe, OutOfFold, list[OutOfFold]]:
    """Return the recipe, what it makes of rows out of fold, and its rivals, after the mitigation that params.yaml asks for.

    The model as it was becomes a rival, with the price in words. Logistic regression, on all features and on three, is mitigated
    likewise: else the model would be held against rivals that need not treat groups alike.
    """
    chosen = params.train.mitigation
    recipes = {
        "model": replace(recipe, reweigh=True),
        "logistic_regression": replace(PLAIN, reweigh=True),
        "three_features": replace(PLAIN, sees="three", reweigh=True),
    }
    before = {one.name: one for one in rivals} | {"model": model}
    scores, _ = out_of_fold(rows, params, recipes)
    after = {
        name: choose(name, judge.y, scores[name], one.calibration, judge.aimed_at)
        for name, one in recipes.items()
    }
    said = price(chosen, model, after["model"], judge)
    beside = replace(model, name="unmitigated", kind="mitigation", why=f"not taken: {said}")
    after = {
        name: replace(one, kind=before[name].kind, features=before[name].features)
        for name, one in after.items()
    }
    likewise = {
        name: replace(one, why=f"compared with the model, never taken; {chosen} here, too")
        for name, one in after.items()
    }
    rivals = [likewise.get(one.name, one) for one in rivals]
    return recipes["model"], replace(after["model"], why=f"{model.why}; {said}"), [*rivals, beside]


def expect_augmented(
    recipe: Recipe, rows: pd.DataFrame, table: pd.DataFrame, params: Params, taken: str
) -> None:
    """Raise Refused if `table` is not what `recipe` fits on: then the next run augments by the remedy that was chosen."""
    wanted = augmented(recipe, rows, params)[ORIGIN].value_counts().to_dict()
    if table[ORIGIN].value_counts().to_dict() != wanted:
        raise Refused(
            f"the ladder chose {taken}, for which other rows are needed: run `dvc repro` once more, augment then makes them"
        )


def main() -> None:
    """Choose on folds, gate the comparison, then fit on all rows and save."""
    params = load_params()
    settings = params.train
    rows, table = read_table(TRAIN), read_table(AUGMENTED)
    X, y = features(rows, params.data), rows[params.data.target]
    build_model(
        settings.model, X, params.random_state
    )  # a misspelt name is refused before the work
    with threadpool_limits(settings.threads):
        worths = worth(rows, params)
        worthy = worth_something(worths)
        recipe, model, rivals, judge, weighted = settle(rows, params, worthy)
        seen = len(worthy) if recipe.sees == "worthy" else X.shape[1]
        model = replace(model, is_small=recipe.model == PLAIN.model and seen <= FEATURES)
        candidates = compare(model, rivals, judge)
        write_table(candidates, "reports/candidates.csv")
        write_table(worths, "reports/features.csv")
        draw_candidates(candidates)
        draw_features(worths)
        judged = {"candidates": candidates, "features": worths}
        stop(
            [
                gate(one, f"expectations/{name}.json", f"reports/gates/{name}.json")
                for name, one in judged.items()
            ]
        )
        if settings.ladder:
            taken = next(name for name in LADDER if remedied(recipe, name) == recipe)
            write_remedy(taken)
            expect_augmented(recipe, rows, table, params, taken)
        dropped = (
            []
            if recipe.sees == "all"
            else [column for column in worths["feature"] if column not in worthy]
        )
        fitted = cook(recipe, *without(dropped, table, params))
        plain = cook(PLAIN, rows, params)
    code = sorted(name for name in sys.modules if name.startswith("stages."))
    provenance = {
        "model": settings.model,
        "settings": dict(recipe.settings),
        "data_sha256": {path: sha256(path) for path in (TRAIN, AUGMENTED)},
        "code_sha256": {name: sha256(Path(str(sys.modules[name].__file__))) for name in code},
    }
    for path, estimator, chosen in ((MODEL, fitted, model), (BASELINE, plain, weighted)):
        columns = {
            column: str(dtype)
            for column, dtype in X.dtypes.items()
            if path == BASELINE or column not in dropped
        }
        card = provenance | (
            {"model": "logistic_regression", "settings": {}} if path == BASELINE else {}
        )
        chosen_with = (chosen.calibration, chosen.decision_weights)
        save_model(
            Model(estimator, sorted(y.unique()), columns, *chosen_with, data=params.data),
            path,
            card,
        )


if __name__ == "__main__":
    run(main)
