"""Compare candidates by what they make of rows that they were not fitted on."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

from sluice.fairness.gaps import largest_gap
from sluice.metrics.decision import (
    calibrate,
    choose_weights,
    decide,
    fit_calibration,
    objective_score,
)
from sluice.metrics.intervals import paired_lead, paired_precision_lead

# of each bound of a lead: a model exactly as good as its rival is stopped once in 100 runs
LEVEL = 0.99


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of one candidate, with the calibration and decision weights chosen
    on them.
    """

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
    """By what candidates are compared: true labels (n_samples,), cluster ids, the figure that
    decisions aim at, groups by column.
    """

    y: pd.Series
    clusters: pd.Series
    objective: str
    random_state: int
    groups: dict[str, pd.Series] = field(default_factory=dict)

    def gap(self, one: OutOfFold) -> float:
        """Return the largest gap between groups under the decisions of `one` (see
        `largest_gap`).
        """
        return largest_gap(self.y, one.y_pred, self.groups)

    @property
    def metric(self) -> str:
        """The objective by its name among metrics."""
        return "accuracy" if self.objective == "none" else self.objective

    def score(self, one: OutOfFold) -> float:
        """Return the objective that the decisions of `one` reach."""
        return objective_score(self.y, one.y_pred, self.objective)

    def lead(self, one: OutOfFold, over: OutOfFold, level: float = LEVEL) -> tuple[float, float]:
        """Return one-sided bounds, each with `level`, of what `one` has over another in the
        objective.
        """
        return paired_lead(
            self.y,
            (one.y_pred, over.y_pred),
            self.objective,
            self.random_state,
            self.clusters,
            level,
        )

    def gain(self, one: OutOfFold, over: OutOfFold, level: float) -> tuple[float, float]:
        """Return the one-sided lower bounds of what `one` has over another in the figure aimed
        at and in average precision.
        """
        return (
            self.lead(one, over, level)[0],
            paired_precision_lead(
                self.y, one.y_score, over.y_score, self.clusters, self.random_state, level
            )[0],
        )


def tune_decision(
    name: str, y: pd.Series, y_score: np.ndarray, calibration: str, decision_weights: str
) -> OutOfFold:
    """Return what is chosen on out-of-fold probabilities: calibration curves first, then
    decision weights on what they give.
    """
    classes = sorted(y.unique())
    curves = fit_calibration(y, y_score, classes) if calibration == "sigmoid" else {}
    y_score = calibrate(y_score, classes, curves)
    weights = choose_weights(y, y_score, classes, decision_weights)
    return OutOfFold(name, y_score, decide(y_score, classes, weights), curves, weights)


def choose_setting(
    model: OutOfFold, tried: list[OutOfFold], judge: Judge
) -> tuple[OutOfFold, list[OutOfFold]]:
    """Return the candidate to take, the present `model` or the best of `tried`, and the others,
    with why.
    """
    scores = [judge.score(one) for one in tried]
    best = tried[int(np.argmax(scores))]
    low, precision_low = judge.gain(best, model, 1 - 0.05 / (2 * len(tried)))
    bounds = (
        f"at least {low:+.4f} in {judge.objective} and {precision_low:+.4f} in average precision"
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


def choose_features(
    every: OutOfFold, selected: OutOfFold, judge: Judge
) -> tuple[OutOfFold, OutOfFold]:
    """Return the candidate to take and the other: the one on fewer features, unless it is proven
    to be worse.
    """
    low, high = judge.lead(every, selected, 0.95)
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
    """Return in words what a mitigation does to the largest gap between groups, and what it
    costs.
    """
    gaps, y = (judge.gap(before), judge.gap(after)), judge.y
    does = "narrows" if gaps[1] < gaps[0] else "widens" if gaps[1] > gaps[0] else "does not change"
    gap = (
        f"{does} the largest gap between groups, from {gaps[0]:.3f} to {gaps[1]:.3f}"
        if not np.isnan(gaps[0])
        else "has groups too small to tell"
    )
    lost = judge.score(after) - judge.score(before)
    spoilt = brier_score_loss(y, after.y_score) - brier_score_loss(y, before.y_score)
    return f"{mitigation} {gap}, for {lost:+.4f} in {judge.metric} and {spoilt:+.4f} in Brier score"


def compare(model: OutOfFold, rivals: list[OutOfFold], judge: Judge) -> pd.DataFrame:
    """Return the table of candidates: the model first, then its rivals, with its paired lead over
    each (see `paired_lead`).

    `lead_for_cost` is the lower bound of the lead; 1 where the rival is a simple model and the
    model is one itself, so that it costs no more and has nothing to prove.
    """
    return pd.DataFrame(
        [
            _compared(model, one, judge)
            for one in (replace(model, name="model", kind="model"), *rivals)
        ]
    )


def _compared(model: OutOfFold, one: OutOfFold, judge: Judge) -> dict[str, Any]:
    """Return the row of candidate `one` in the table of `compare`."""
    y = judge.y
    low, high = judge.lead(model, one) if one.kind != "model" else (0.0, 0.0)
    score, brier = judge.score(one), brier_score_loss(y, one.y_score)
    return {
        "candidate": one.name,
        "aim": judge.metric,
        "score": score,
        "lead": judge.score(model) - score,
        "lead_low": low,
        "lead_high": high,
        "lead_for_cost": 1.0 if model.is_small and one.kind == "simple" else low,
        "brier": brier,
        "brier_lead": brier - brier_score_loss(y, model.y_score),
        "log_loss": log_loss(y, one.y_score),
        "average_precision": macro_average_precision(y, one.y_score),
        "largest_gap": judge.gap(one),
        "kind": one.kind,
        "features": one.features,
        "why": one.why,
    }


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
