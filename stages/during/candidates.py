"""Compare candidates by what they make of rows that they were not fitted on."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

from stages.during.decision import aim, calibrate, choose_weights, decide, fit_calibration
from stages.during.fairness import largest_gap
from stages.during.intervals import paired_lead, paired_precision_lead

LEVEL = 0.99  # of each bound of a lead: a model exactly as good as its rival is stopped once in 100 runs


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
    is_small: bool = (
        False  # logistic regression on as few features as the candidate of the kind "simple" has
    )


@dataclass(frozen=True)
class Judge:
    """By what candidates are compared: true labels (n_samples,), cluster ids, the figure that decisions aim at, groups by column."""

    y: pd.Series
    clusters: pd.Series
    aimed_at: str
    random_state: int
    groups: dict[str, pd.Series] = field(default_factory=dict)

    def gap(self, one: OutOfFold) -> float:
        """Return the largest gap between groups under the decisions of `one` (see `largest_gap`)."""
        return largest_gap(self.y, one.y_pred, self.groups)

    def gain(self, one: OutOfFold, over: OutOfFold, level: float) -> tuple[float, float]:
        """Return the one-sided lower bounds of what `one` has over another in the figure aimed at and in average precision."""
        low, _ = paired_lead(
            self.y, one.y_pred, over.y_pred, self.aimed_at, self.random_state, self.clusters, level
        )
        return low, paired_precision_lead(
            self.y, one.y_score, over.y_score, self.clusters, self.random_state, level
        )[0]


def choose(
    recipe: str, y: pd.Series, y_score: np.ndarray, calibration: str, decision_weights: str
) -> OutOfFold:
    """Return what is chosen on out-of-fold probabilities: calibration curves first, then decision weights on what they give."""
    classes = sorted(y.unique())
    curves = fit_calibration(y, y_score, classes) if calibration == "sigmoid" else {}
    y_score = calibrate(y_score, classes, curves)
    weights = choose_weights(y, y_score, classes, decision_weights)
    return OutOfFold(recipe, y_score, decide(y_score, classes, weights), curves, weights)


def climb(rungs: list[OutOfFold], judge: Judge, worst_brier: float) -> tuple[str, list[OutOfFold]]:
    """Return the name of the remedy that is taken, and all of `rungs`, the cheapest first, with why each was taken or not.

    A costlier one is taken only if it is proven to gain on the best so far, in the figure aimed at or in average precision: if
    a one-sided bound, 95 % for all comparisons together (Bonferroni), is above 0, and its Brier score is below `worst_brier`.
    """
    best, told = rungs[0], [replace(rungs[0], why="taken: the cheapest remedy")]
    level = 1 - 0.05 / max(1, 2 * (len(rungs) - 1))
    for rung in rungs[1:]:
        aim_low, precision_low = judge.gain(rung, best, level)
        bounds = f"over {best.name}, at least {aim_low:+.4f} in {judge.aimed_at} and {precision_low:+.4f} in average precision"
        if max(aim_low, precision_low) <= 0:
            told.append(replace(rung, why=f"not taken: no gain is proven {bounds}"))
        elif brier_score_loss(judge.y, rung.y_score) >= worst_brier:
            told.append(
                replace(
                    rung, why="not taken: its Brier score is that of the class shares, or worse"
                )
            )
        else:
            told = [
                replace(one, why=f"not taken: {rung.name} gains {bounds}")
                if one.name == best.name
                else one
                for one in told
            ]
            told.append(replace(rung, why=f"taken: a gain is proven {bounds}"))
            best = rung
    return best.name, told


def find(
    model: OutOfFold, tried: list[OutOfFold], judge: Judge
) -> tuple[OutOfFold, list[OutOfFold]]:
    """Return the candidate to take, the present `model` or the best of `tried`, and the others, with why."""
    scores = [aim(judge.y, one.y_pred, judge.aimed_at) for one in tried]
    best = tried[int(np.argmax(scores))]
    low, precision_low = judge.gain(best, model, 1 - 0.05 / (2 * len(tried)))
    bounds = (
        f"at least {low:+.4f} in {judge.aimed_at} and {precision_low:+.4f} in average precision"
    )
    others = [
        replace(one, why="not taken: another setting scored better")
        for one in tried
        if one is not best
    ]
    if max(low, precision_low) <= 0:
        return model, [
            replace(
                best, why=f"not taken: no gain is proven over the model's own settings, {bounds}"
            ),
            *others,
        ]
    before = replace(
        model,
        name="settings_as_they_come",
        kind="search",
        why=f"not taken: {best.name} gains {bounds}",
    )
    return replace(best, why=f"taken: {best.name} of a search, {bounds}"), [before, *others]


def select(every: OutOfFold, selected: OutOfFold, judge: Judge) -> tuple[OutOfFold, OutOfFold]:
    """Return the candidate to take and the other: the one on fewer features, unless it is proven to be worse."""
    low, high = paired_lead(
        judge.y, every.y_pred, selected.y_pred, judge.aimed_at, judge.random_state, judge.clusters
    )
    lead = f"all features lead by {low:.4f} to {high:.4f}, a two-sided 90 % interval"
    if low > 0:
        return replace(every, why="taken: to leave features out is proven to be worse"), replace(
            selected, why=f"not taken: proven to be worse, {lead}"
        )
    every = replace(
        every,
        name="all_features",
        kind="selection",
        why=f"not taken: not proven to be better, {lead}",
    )
    return replace(selected, why=f"taken: not proven to be worse, {lead}"), every


def price(mitigation: str, before: OutOfFold, after: OutOfFold, judge: Judge) -> str:
    """Return in words what a mitigation does to the largest gap between groups, and what it costs."""
    gaps, y = (judge.gap(before), judge.gap(after)), judge.y
    does = "narrows" if gaps[1] < gaps[0] else "widens" if gaps[1] > gaps[0] else "does not change"
    gap = (
        f"{does} the largest gap between groups, from {gaps[0]:.3f} to {gaps[1]:.3f}"
        if not np.isnan(gaps[0])
        else "has groups too small to tell"
    )
    lost = aim(y, after.y_pred, judge.aimed_at) - aim(y, before.y_pred, judge.aimed_at)
    spoilt = brier_score_loss(y, after.y_score) - brier_score_loss(y, before.y_score)
    figure = "accuracy" if judge.aimed_at == "none" else judge.aimed_at
    return f"{mitigation} {gap}, for {lost:+.4f} in {figure} and {spoilt:+.4f} in Brier score"


def compare(model: OutOfFold, rivals: list[OutOfFold], judge: Judge) -> pd.DataFrame:
    """Return the table of candidates: the model first, then its rivals, with its paired lead over each (see `paired_lead`).

    `lead_for_cost` is the lower bound of the lead; 1 where the rival is a simple model and the model is one itself, so that it costs no
    more and has nothing to prove.
    """
    y = judge.y
    brier = brier_score_loss(y, model.y_score)
    rows = []
    for one in [replace(model, name="model", kind="model"), *rivals]:
        low, high = paired_lead(
            y, model.y_pred, one.y_pred, judge.aimed_at, judge.random_state, judge.clusters, LEVEL
        )
        score, one_brier = aim(y, one.y_pred, judge.aimed_at), brier_score_loss(y, one.y_score)
        rows.append(
            {
                "candidate": one.name,
                "aim": "accuracy" if judge.aimed_at == "none" else judge.aimed_at,
                "score": score,
                "lead": aim(y, model.y_pred, judge.aimed_at) - score,
                "lead_low": low,
                "lead_high": high,
                "lead_for_cost": 1.0 if model.is_small and one.kind == "simple" else low,
                "brier": one_brier,
                "brier_lead": one_brier - brier,
                "log_loss": log_loss(y, one.y_score),
                "average_precision": macro_average_precision(y, one.y_score),
                "largest_gap": judge.gap(one),
                "kind": one.kind,
                "features": one.features,
                "why": one.why,
            }
        )
    return pd.DataFrame(rows)


def macro_average_precision(y: pd.Series, y_score: np.ndarray) -> float:
    """Return the mean over classes of the average precision of each against the rest."""
    return float(
        np.mean(
            [
                average_precision_score(y == label, y_score[:, nth])
                for nth, label in enumerate(sorted(y.unique()))
            ]
        )
    )
