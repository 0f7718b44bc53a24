"""Compare remedies for a rare class by cross-validation on the training rows, and say how to set
each in params.yaml.
"""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from sklearn.metrics import brier_score_loss, recall_score
from threadpoolctl import threadpool_limits

from sluice.core.command import UserError
from sluice.core.params import Params, load_params
from sluice.core.tables import TRAIN, read_table, write_table
from sluice.core.text import say
from sluice.data.dataset import Dataset
from sluice.modeling.candidates import Judge, OutOfFold, tune_decision
from sluice.modeling.fitting import CandidateSpec, augmented, folds_of, from_params, out_of_fold

TABLE = "reports/remedies.csv"
REMEDY_LEVEL = 0.95  # of all intervals together


@dataclass(frozen=True)
class Remedy:
    """What is done about a rare class; what distorts the probabilities is calibrated."""

    strategy: str = "none"
    sample_weight: str = "none"
    calibration: str = "sigmoid"
    weighs_decisions: bool = True


REMEDIES = {
    "none": Remedy(calibration="none", weighs_decisions=False),
    "decision_weights": Remedy(calibration="none"),
    "sample_weights": Remedy(sample_weight="balanced"),
    "oversampling": Remedy(strategy="oversample"),
    "smote": Remedy(strategy="smote"),
}
COLUMNS = [
    "remedy",
    "class",
    "recall",
    "objective",
    "score",
    "gain",
    "gain_low",
    "gain_high",
    "brier",
    "params",
    "why_not",
]


def objective_of(params: Params) -> str:
    """Return the metric that the remedies are compared by: the one that decisions aim at, by
    default balanced accuracy.
    """
    chosen = params.train.decision_weights
    return "balanced_accuracy" if chosen == "none" else chosen


def lines_for(remedy: Remedy, params: Params) -> list[str]:
    """Return the lines of params.yaml that a project has to change for this remedy."""
    now = {
        "augment.strategy": params.augment.strategy,
        "train.sample_weight": params.train.sample_weight,
        "train.decision_weights": params.train.decision_weights,
        "train.calibration": params.train.calibration,
    }
    then = {
        "augment.strategy": remedy.strategy,
        "train.sample_weight": remedy.sample_weight,
        "train.decision_weights": objective_of(params) if remedy.weighs_decisions else "none",
        "train.calibration": remedy.calibration,
    }
    return [f"{key}: {value}" for key, value in then.items() if value != now[key]]


def suitable(data: Dataset, params: Params) -> tuple[dict[str, CandidateSpec], dict[str, str]]:
    """Return how to fit each remedy that the training part of every fold admits, and why the
    others cannot be tried.
    """
    specs, why_not = {}, {}
    for name, remedy in REMEDIES.items():
        spec = replace(
            from_params(params),
            strategy=remedy.strategy,
            sample_weight=remedy.sample_weight,
            calibration=remedy.calibration,
        )
        try:
            for is_training, _ in folds_of(data, params):
                augmented(spec, data.rows[is_training], params)
            specs[name] = spec
        except UserError as refused:
            why_not[name] = str(refused)
    return specs, why_not


def compare_remedies(data: Dataset, params: Params) -> pd.DataFrame:
    """Return one row per remedy, what it reaches out of fold and gains over the settings of
    params.yaml.

    recall: of the rarest class, `class`; score: the objective. gain_low, gain_high: a 95 % interval
    for all remedies together (Bonferroni), by a paired bootstrap over clusters. params: the lines
    to change in params.yaml. why_not: why it was not tried.
    """
    specs, why_not = suitable(data, params)
    fits = specs | {"params.yaml": from_params(params)}
    scores, scored = out_of_fold(data, params, fits)
    y, objective = data.y[scored], objective_of(params)
    judge = Judge(y, data.groups[scored], objective, params.random_state)

    def tuned(name: str, aim: str) -> OutOfFold:
        return tune_decision(name, y, scores[name], fits[name].calibration, aim)

    present = tuned("params.yaml", params.train.decision_weights)
    level = 1 - (1 - REMEDY_LEVEL) / (2 * len(REMEDIES))
    rows: list[dict[str, Any]] = []
    for name, remedy in REMEDIES.items():
        lines = {"remedy": name, "params": "; ".join(lines_for(remedy, params))}
        if name in why_not:
            rows.append(lines | {"why_not": why_not[name]})
        else:
            one = tuned(name, objective if remedy.weighs_decisions else "none")
            rows.append(lines | measured(one, present, judge, level))
    return pd.DataFrame(rows, columns=COLUMNS)


def measured(one: OutOfFold, present: OutOfFold, judge: Judge, level: float) -> dict[str, Any]:
    """Return what the remedy `one` reaches, and its gain over the `present` settings."""
    rarest = judge.y.value_counts().sort_index().idxmin()
    low, high = judge.lead(one, present, level)
    return {
        "class": rarest,
        "recall": recall_score(judge.y == rarest, one.y_pred == rarest),
        "objective": judge.objective,
        "score": judge.score(one),
        "gain": judge.score(one) - judge.score(present),
        "gain_low": low,
        "gain_high": high,
        "brier": brier_score_loss(judge.y, one.y_score),
        "why_not": "",
    }


def screen(table: pd.DataFrame) -> list[str]:
    """Return the table for the terminal, and below it how to set each remedy."""
    tried = table[table["why_not"] == ""]
    first = tried.iloc[0]
    lines = [
        f"{'remedy':<18}{'recall of ' + first['class']:>20}{first['objective']:>20}"
        f"{'gain':>8}  95 % interval"
    ]
    for _, row in tried.iterrows():
        lines.append(
            f"{row['remedy']:<18}{row['recall']:>20.2f}{row['score']:>20.3f}"
            f"{row['gain']:>+8.3f}  {row['gain_low']:+.3f} to {row['gain_high']:+.3f}"
        )
    lines += ["", "The gain is over the settings of params.yaml. To use a remedy, set there:"]
    for _, row in tried.iterrows():
        settings = row["params"].split("; ") if row["params"] else ["(nothing: it is set already)"]
        lines += [f"  {row['remedy']}", *(f"    {line}" for line in settings)]
    for _, row in table[table["why_not"] != ""].iterrows():
        lines.append(f"{row['remedy']} could not be tried: {row['why_not']}")
    return lines


def main() -> None:
    """Compare the remedies, write the table and print it."""
    params = load_params()
    data = Dataset.of(read_table(TRAIN), params.data)
    with threadpool_limits(params.train.threads):
        table = compare_remedies(data, params)
    write_table(table, TABLE)
    say(*screen(table), f"{TABLE} has all numbers")
