"""Choose the candidate that is fitted: one function per phase, each of which returns a
Selection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sluice.core.params import Params
from sluice.data.dataset import Dataset
from sluice.data.groups import groups
from sluice.modeling.candidates import (
    Judge,
    OutOfFold,
    choose_features,
    choose_setting,
    price,
    tune_decision,
)
from sluice.modeling.fitting import PLAIN, CandidateSpec, from_params, out_of_fold
from sluice.modeling.forward_selection import FEATURES, forward_selection
from sluice.modeling.importance import class_shares
from sluice.modeling.models import settings_to_try

RIVALS = {"logistic_regression": PLAIN, "three_features": replace(PLAIN, sees="three")}


@dataclass(frozen=True)
class Selection:
    """The candidate that is taken so far.

    spec: how to fit it; model: its out-of-fold predictions; rivals: those of the candidates that it
    is compared with; baseline: those of plain logistic regression with decision weights for
    balanced accuracy; judge: by what they are compared.
    """

    spec: CandidateSpec
    model: OutOfFold
    rivals: list[OutOfFold]
    baseline: OutOfFold
    judge: Judge


def choose_candidate(data: Dataset, params: Params, important: list[str]) -> Selection:
    """Return the model of params.yaml after the search, the selection and the mitigation that
    params.yaml asks for, in this order.

    important: the features that are important on all rows.
    """
    selection = as_configured(data, params)
    if params.train.search:
        selection = search_hyperparameters(selection, data, params)
    if params.train.select:
        selection = select_features(selection, data, params, important)
    if params.train.mitigation != "none":
        selection = mitigate(selection, data, params)
    seen = len(important) if selection.spec.sees == "important" else data.X.shape[1]
    is_small = selection.spec.model == PLAIN.model and seen <= FEATURES
    return replace(selection, model=replace(selection.model, is_small=is_small))


def as_configured(data: Dataset, params: Params) -> Selection:
    """Return the model of params.yaml beside its simple rivals: the class shares, and logistic
    regression on all features and on three.
    """
    specs = {"model": from_params(params)} | RIVALS
    scores, scored = out_of_fold(data, params, specs)
    judge = judge_of(data, scored, params)
    tuned = tune_each(specs, scores, judge)
    simple = ", ".join(forward_selection(data.rows, params.data, params.random_state))
    return Selection(
        specs["model"],
        replace(tuned["model"], why="taken: params.yaml spells it out"),
        [
            tuned["logistic_regression"],
            prior_baseline(judge.y),
            replace(tuned["three_features"], kind="simple", features=simple),
        ],
        tune_decision(
            "baseline", judge.y, scores["logistic_regression"], "none", "balanced_accuracy"
        ),
        judge,
    )


def judge_of(data: Dataset, scored: np.ndarray, params: Params) -> Judge:
    """Return by what candidates are compared on the rows `scored`."""
    audited = {
        column: groups(data.rows.loc[scored, column], params.data.cut_points.get(column))
        for column in params.data.sensitive
    }
    return Judge(
        data.y[scored],
        data.groups[scored],
        params.train.decision_weights,
        params.random_state,
        audited,
    )


def tune_each(
    specs: Mapping[str, CandidateSpec], scores: Mapping[str, np.ndarray], judge: Judge
) -> dict[str, OutOfFold]:
    """Return each candidate with the calibration and the decision weights that suit its
    out-of-fold `scores`.
    """
    return {
        name: tune_decision(name, judge.y, scores[name], spec.calibration, judge.objective)
        for name, spec in specs.items()
    }


def prior_baseline(y: pd.Series) -> OutOfFold:
    """Return the candidate that gives every row the class shares as probabilities."""
    shares = np.tile(class_shares(y).to_numpy(), (len(y), 1))
    one = tune_decision("class_shares", y, shares, "none", "none")
    return replace(one, kind="prior_baseline", features="none")


def search_hyperparameters(selection: Selection, data: Dataset, params: Params) -> Selection:
    """Try train.search random settings of the model, and take the best where its gain is proven."""
    drawn = settings_to_try(selection.spec.model, params.train.search, params.random_state)
    specs = {
        f"search_{nth}": replace(selection.spec, settings=one) for nth, one in enumerate(drawn, 1)
    }
    tuned = tune_each(specs, out_of_fold(data, params, specs)[0], selection.judge)
    tried = [replace(one, kind="search") for one in tuned.values()]
    model, others = choose_setting(selection.model, tried, selection.judge)
    return replace(
        selection,
        spec=specs.get(model.name, selection.spec),
        model=model,
        rivals=[*selection.rivals, *others],
    )


def select_features(
    selection: Selection, data: Dataset, params: Params, important: list[str]
) -> Selection:
    """Leave out the features that are not important, unless the model is proven to be worse
    without them.
    """
    specs = {"selected_features": replace(selection.spec, sees="important")}
    [fewer] = tune_each(specs, out_of_fold(data, params, specs)[0], selection.judge).values()
    fewer = replace(fewer, kind="selection", features=", ".join(important))
    model, other = choose_features(selection.model, fewer, selection.judge)
    taken = model.name == fewer.name
    return replace(
        selection,
        spec=specs[fewer.name] if taken else selection.spec,
        model=model,
        rivals=[*selection.rivals, other],
    )


def mitigate(selection: Selection, data: Dataset, params: Params) -> Selection:
    """Reweigh the training rows; the model as it was becomes a rival, with the price in words.

    The rivals by logistic regression are reweighed likewise: else the model would be held against
    rivals that need not treat groups alike.
    """
    chosen, judge = params.train.mitigation, selection.judge
    fitted = {"model": selection.spec} | RIVALS
    specs = {name: replace(spec, reweigh=True) for name, spec in fitted.items()}
    before = {one.name: one for one in selection.rivals} | {"model": selection.model}
    after = {
        name: replace(one, kind=before[name].kind, features=before[name].features)
        for name, one in tune_each(specs, out_of_fold(data, params, specs)[0], judge).items()
    }
    cost = price(chosen, selection.model, after["model"], judge)
    unmitigated = replace(
        selection.model, name="unmitigated", kind="mitigation", why=f"not taken: {cost}"
    )
    why = f"compared with the model, never taken; {chosen} here, too"
    likewise = {name: replace(one, why=why) for name, one in after.items()}
    return replace(
        selection,
        spec=specs["model"],
        model=replace(after["model"], why=f"{selection.model.why}; {cost}"),
        rivals=[*(likewise.get(one.name, one) for one in selection.rivals), unmitigated],
    )
