"""Score the model and three baselines on the test rows: one function per table of the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)
from threadpoolctl import threadpool_limits

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Data, Params
from sluice.core.tables import TEST
from sluice.data.dataset import Dataset
from sluice.fairness.gaps import by_group, without_small
from sluice.gates.thresholds import fewest_of_a_group
from sluice.metrics.bootstrap import Decided, class_intervals, clustered_share, overall_intervals
from sluice.metrics.costs import cost_matrix, cost_problems, implied, mean_costs
from sluice.metrics.decision import confidence
from sluice.metrics.referral import referral
from sluice.metrics.slices import slice_problems, slices
from sluice.modeling.model import Model

METRIC_DIGITS = 6
CLASS_COLUMNS = [
    "class",
    "support",
    "recall",
    "recall_low",
    "recall_high",
    "precision",
    "average_precision",
    "alarms_per_1000",
    "precision_low",
    "precision_high",
    "average_precision_low",
    "average_precision_high",
    "predicted",
    "observed",
    "calibration_gap",
    "calibration_low",
    "calibration_high",
]


@dataclass(frozen=True)
class Evaluation:
    """The test rows, and what the model and the baselines say of them.

    y_score: (n_samples, n_classes) probabilities of the model; y_pred, confidence: (n_samples,) its
    decisions, and how sure it is of each. baselines: probabilities and decisions by name.
    """

    train: pd.DataFrame
    test: Dataset
    model: Model
    params: Params
    y_score: np.ndarray
    y_pred: np.ndarray
    confidence: np.ndarray
    baselines: Mapping[str, Decided]

    @classmethod
    def of(
        cls, train: pd.DataFrame, test: pd.DataFrame, model: Model, baseline: Model, params: Params
    ) -> Self:
        """Return the evaluation of `model` on the prepared rows `test`.

        Raises UserError where evaluate.slices or evaluate.costs name what there is not.
        """
        target, asked = params.data.target, params.evaluate
        wrong = slice_problems(asked.slices, test, target)
        if wrong := wrong + cost_problems(asked.costs, model.classes):
            raise UserError("\n".join(wrong))
        data = Dataset.of(test, params.data)
        # a thread that waits for a busy core spins, and costs what it does not do
        with threadpool_limits(params.train.threads):
            y_score = model.predict_proba(data.X)
            rivals = baselines(baseline, data.X, train[target])
        sure = confidence(model.weigh(y_score))
        return cls(train, data, model, params, y_score, model.decide(y_score), sure, rivals)

    @property
    def decided(self) -> dict[str, Decided]:
        """Probabilities and decisions by name, the model first."""
        return {"model": (self.y_score, self.y_pred), **self.baselines}

    @property
    def cheapest(self) -> np.ndarray | None:
        """(n_samples,) the decisions that evaluate.costs imply; None where no costs are known."""
        if not self.params.evaluate.costs:
            return None
        classes = self.model.classes
        return implied(self.y_score, cost_matrix(self.params.evaluate.costs, classes), classes)


def metrics(of: Evaluation) -> dict[str, Any]:
    """Return what reports/metrics.json holds: recall by class first, the baselines as a list.

    DVC compares numbers and text, not what stands in a list: `dvc exp show` has a column for each
    number of the model alone.
    """
    y, classes, seed = of.test.y, of.model.classes, of.params.random_state
    scored = {name: score(y, *one, classes) for name, one in of.decided.items()}
    for name, bounds in overall_intervals(y, of.decided, classes, of.test.groups, seed).items():
        scored[name]["intervals"] = rounded(bounds)
    model = scored.pop("model") | {"costs": _costs(of), "referral": _referral(of)}
    listed = [{"model": name} | one for name, one in scored.items()]
    return {"classes": model["classes"]} | model | {"baselines": listed}


def _costs(of: Evaluation) -> dict[str, Any] | None:
    """Return what the errors of each decision cost, where evaluate.costs says it."""
    if of.cheapest is None:
        return None
    classes = of.model.classes
    matrix = cost_matrix(of.params.evaluate.costs, classes)
    model, *rivals = of.decided.items()
    decided = dict([model, ("implied", (of.y_score, of.cheapest)), *rivals])
    seed = of.params.random_state
    return rounded(mean_costs(of.test.y, decided, matrix, classes, of.test.groups, seed))


def _referral(of: Evaluation) -> dict[str, Any] | None:
    """Return what is left to the model, where evaluate.refer_below is set."""
    below = of.params.evaluate.refer_below
    if below is None:
        return None
    test = of.test
    return rounded(referral(test.y, of.y_pred, of.confidence, of.model.classes, below, test.groups))


def class_table(of: Evaluation, metrics: dict[str, Any]) -> pd.DataFrame:
    """Return the rows of reports/by_class.csv (see `by_class`)."""
    y, together, seed = of.test.y, of.test.groups, of.params.random_state
    drawn = class_intervals(y, of.y_score, of.model.classes, together, seed)
    return by_class(y, of.y_pred, metrics, together, drawn)


def group_table(of: Evaluation) -> pd.DataFrame:
    """Return the rows of reports/by_group.csv (see `by_group`)."""
    test, data = of.test, of.params.data
    table = by_group(test.rows, of.y_pred, of.y_score, of.model.classes, data, test.groups)
    return without_small(table, *fewest_of_a_group("expectations/by_group.json"))


def slice_table(of: Evaluation) -> pd.DataFrame:
    """Return the rows of reports/slices.csv (see `slices`)."""
    columns, cut_points = of.params.evaluate.slices, of.params.data.cut_points
    return slices(of.test, of.train, of.y_pred, of.model.classes, columns, cut_points)


def prediction_table(of: Evaluation) -> pd.DataFrame:
    """Return the rows of reports/predictions.parquet (see `predictions`)."""
    more, below = {"confidence": of.confidence}, of.params.evaluate.refer_below
    if (cheapest := of.cheapest) is not None:
        more["y_cost"] = cheapest
    if below is not None:
        more["referred"] = of.confidence < below
    return predictions(
        of.test.rows, of.y_score, of.y_pred, of.model.classes, of.params.data, **more
    )


def score(
    y_true: pd.Series, y_score: np.ndarray, y_pred: np.ndarray, classes: list[str]
) -> dict[str, Any]:
    """Return the metrics of one model: overall, and for each class by name.

    y_true, y_pred: (n_samples,) labels; y_score: (n_samples, n_classes) probabilities, columns as
    in `classes`. Precision is 0 where the class was never named, recall and average precision None
    where no test row has it. `alarms_per_1000` counts the rows in 1,000 that the model gives this
    label. Balanced accuracy and macro F1 leave out classes without test rows.
    """
    present = sorted(set(y_true))
    if strangers := sorted(set(present) - set(classes)):
        raise UserError(
            f"{TEST} holds the classes {', '.join(strangers)}, which no training row has; look at"
            " prepare.split in params.yaml"
        )
    by_class: dict[str, dict[str, float | None]] = {}
    for nth, label in enumerate(classes):
        is_label, named = y_true == label, y_pred == label
        by_class[label] = {
            "recall": recall_score(is_label, named) if is_label.any() else None,
            "precision": precision_score(is_label, named, zero_division=0),
            "average_precision": (
                average_precision_score(is_label, y_score[:, nth]) if is_label.any() else None
            ),
            "alarms_per_1000": 1000 * float(named.mean()),
        }
    overall = {
        "accuracy": accuracy_score(y_true, y_pred),
        "balanced_accuracy": float(np.mean([by_class[label]["recall"] for label in present])),
        "macro_f1": f1_score(y_true, y_pred, labels=present, average="macro", zero_division=0),
        "log_loss": log_loss(y_true, y_score, labels=classes),
        "brier": brier_score_loss(y_true, y_score, labels=classes),
    }
    return rounded(overall | {"classes": by_class})


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Return `figures` with METRIC_DIGITS decimals, so that the last bits of another processor
    do not look like a change.
    """
    return {
        key: (
            rounded(value)
            if isinstance(value, dict)
            else None
            if value is None
            else np.round(value, METRIC_DIGITS).tolist()
        )
        for key, value in figures.items()
    }


def baselines(
    baseline: Model, X_test: pd.DataFrame, y_train: pd.Series
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return probabilities and decisions of: the majority class; logistic regression, plain, and
    with decision weights.
    """
    shares = y_train.value_counts(normalize=True).reindex(baseline.classes).to_numpy()
    y_score = baseline.predict_proba(X_test)
    classes = np.array(baseline.classes, dtype=object)
    return {
        "majority_class": (
            np.tile(shares, (len(X_test), 1)),
            np.repeat(classes[shares.argmax()], len(X_test)),
        ),
        "logistic_regression": (y_score, classes[y_score.argmax(axis=1)]),
        "logistic_regression_weighted": (y_score, baseline.decide(y_score)),
    }


def by_class(
    y_true: pd.Series,
    y_pred: np.ndarray,
    metrics: dict[str, Any],
    clusters: pd.Series,
    drawn: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row per class: support, recall, precision, average precision, alarms and
    calibration, with one-sided 95 % bounds.

    Those of recall and precision are Clopper and Pearson's, by clusters (see `clustered_share`),
    the others, `drawn`, from `class_intervals`, whose index are the classes. recall_high holds for
    all classes together (Bonferroni): else one of ten classes at their floor fails in 4 runs of 10,
    by chance.
    """
    rows = []
    for label in drawn.index:
        row = {"class": label, "support": int((y_true == label).sum())} | metrics["classes"][label]
        for share, of in (("recall", y_true == label), ("precision", y_pred == label)):
            among = np.asarray(of)
            hits = (y_true == label).to_numpy()[among] & (y_pred == label)[among]
            level = 1 - 0.05 / len(drawn) if share == "recall" else 0.95
            row[f"{share}_low"] = clustered_share(hits, clusters.to_numpy()[among])[0]
            row[f"{share}_high"] = clustered_share(hits, clusters.to_numpy()[among], level)[1]
        rows.append(row)
    return pd.DataFrame(rows).join(drawn, on="class")[CLASS_COLUMNS]


def predictions(
    rows: pd.DataFrame,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    classes: list[str],
    data: Data,
    **more: np.ndarray,
) -> pd.DataFrame:
    """Return one row per test row: its row_id, the label, the decision, the probability of each
    class, and what else is given.
    """
    table = rows[[ROW_ID]].assign(y_true=rows[data.target], y_pred=y_pred)
    return table.assign(
        **{f"p_{label}": y_score[:, nth] for nth, label in enumerate(classes)}, **more
    )
