"""Score the model and three baselines on the test rows, by class and by group, and hold the outcome against its gates."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)
from threadpoolctl import threadpool_limits

from stages.after.reference import REFERENCE, freeze, write_reference
from stages.before.thresholds import fewest_of_a_group
from stages.command import Refused, run
from stages.during.costs import cost_matrix, cost_problems, implied, mean_costs
from stages.during.decision import confidence
from stages.during.draws import class_intervals, clustered_share, overall_intervals
from stages.during.evaluation_page import judge, write
from stages.during.fairness import by_group, without_small
from stages.during.model import BASELINE, MODEL, Model, load_model, sha256
from stages.during.plots import draw, draw_candidates, draw_features, draw_groups, draw_referral
from stages.during.referral import coverage_curve, referral
from stages.during.slices import slice_problems, slices
from stages.during.test_set import remember, test_rows_sha256, uses
from stages.features import clusters, features
from stages.gate import gate, stop
from stages.gates import GATES, REPORTS
from stages.groups import not_audited
from stages.params import ROW_ID, Data, load_params
from stages.sources import load_sources
from stages.tables import TEST, TRAIN, read_csv, read_table, write_json, write_table

DIGITS = 6


def score(
    y_true: pd.Series, y_score: np.ndarray, y_pred: np.ndarray, classes: list[str]
) -> dict[str, Any]:
    """Return the metrics of one model: overall, and for each class by name.

    y_true, y_pred: (n_samples,) labels; y_score: (n_samples, n_classes) probabilities, columns as in `classes`. Precision is
    0 where the class was never named, recall and average precision None where no test row has it. `alarms_per_1000` counts
    the rows in 1,000 that the model gives this label. Balanced accuracy and macro F1 leave out classes without test rows.
    """
    present = sorted(set(y_true))
    if strangers := sorted(set(present) - set(classes)):
        raise Refused(
            f"{TEST} holds the classes {', '.join(strangers)}, which no training row has; look at prepare.split in params.yaml"
        )
    by_class: dict[str, dict[str, float | None]] = {}
    for nth, label in enumerate(classes):
        is_label, named = y_true == label, y_pred == label
        by_class[label] = {
            "recall": recall_score(is_label, named) if is_label.any() else None,
            "precision": precision_score(is_label, named, zero_division=0),
            "average_precision": average_precision_score(is_label, y_score[:, nth])
            if is_label.any()
            else None,
            "alarms_per_1000": 1000 * float(named.mean()),
        }
    overall = {
        "accuracy": accuracy_score(y_true, y_pred),
        "balanced_accuracy": float(np.mean([by_class[label]["recall"] for label in present])),
        "macro_f1": f1_score(y_true, y_pred, labels=present, average="macro", zero_division=0),
        "log_loss": log_loss(y_true, y_score, labels=classes),
        "brier": brier_score_loss(y_true, y_score, labels=classes),
    }
    return _rounded(overall | {"classes": by_class})


def _rounded(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return `metrics` with DIGITS decimals, so that the last bits of another processor do not look like a change."""
    return {
        key: _rounded(value)
        if isinstance(value, dict)
        else None
        if value is None
        else np.round(value, DIGITS).tolist()
        for key, value in metrics.items()
    }


def reported(metrics: dict[str, Any], scored: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what reports/metrics.json holds: recall by class first, and the baselines, `scored`, as a list.

    DVC compares numbers and text, not what stands in a list: `dvc exp show` has a column for each number of the model alone.
    """
    listed = [{"model": name} | one for name, one in scored.items()]
    return {"classes": metrics["classes"]} | metrics | {"baselines": listed}


def baselines(
    baseline: Model, X_test: pd.DataFrame, y_train: pd.Series
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return probabilities and decisions of: the majority class; logistic regression, plain, and with decision weights."""
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
    """Return one row per class: support, recall, precision, average precision, alarms and calibration, with one-sided 95 % bounds.

    Those of recall and precision are Clopper and Pearson's, by clusters (see `clustered_share`), the others, `drawn`, from
    `class_intervals`, whose index are the classes. recall_high holds for all classes together (Bonferroni): else one of ten
    classes at their floor fails in 4 runs of 10, by chance.
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
    columns = [
        "class",
        "support",
        "recall",
        "recall_low",
        "recall_high",
        "precision",
        "average_precision",
        "alarms_per_1000",
    ]
    columns += [
        "precision_low",
        "precision_high",
        "average_precision_low",
        "average_precision_high",
    ]
    columns += ["predicted", "observed", "calibration_gap", "calibration_low", "calibration_high"]
    return pd.DataFrame(rows).join(drawn, on="class")[columns]


def predictions(
    rows: pd.DataFrame,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    classes: list[str],
    data: Data,
    **more: np.ndarray,
) -> pd.DataFrame:
    """Return one row per test row: its row_id, the label, the decision, the probability of each class, and what else is given."""
    table = rows[[ROW_ID]].assign(y_true=rows[data.target], y_pred=y_pred)
    return table.assign(
        **{f"p_{label}": y_score[:, nth] for nth, label in enumerate(classes)}, **more
    )


def main() -> None:
    """Write every report under its name, also those of a model that its gates then stop; only the reference needs all gates to pass.

    A run that was stopped lacks this output, so that `dvc commit` cannot record it as if it had ended.
    """
    Path(REFERENCE).unlink(missing_ok=True)
    params, [source] = load_params(), load_sources().sources.values()
    data, asked, seed = params.data, params.evaluate, params.random_state
    train, test, model, baseline = (
        read_table(TRAIN),
        read_table(TEST),
        load_model(MODEL),
        load_model(BASELINE),
    )
    X_test, y_test, classes = features(test, data), test[data.target], model.classes
    if wrong := slice_problems(asked.slices, test, data.target) + cost_problems(
        asked.costs, classes
    ):
        raise Refused("\n".join(wrong))
    test_rows, together = test_rows_sha256(test, data.target), clusters(test, data.cluster)
    with threadpool_limits(
        params.train.threads
    ):  # a thread that waits for a busy core spins, and costs what it does not do
        y_score = model.predict_proba(X_test)
        rivals = baselines(baseline, X_test, train[data.target])
    y_pred, sure = model.decide(y_score), confidence(model.weigh(y_score))
    decided = {"model": (y_score, y_pred)} | rivals
    scored = {name: score(y_test, *one, classes) for name, one in decided.items()}
    for name, bounds in overall_intervals(y_test, decided, classes, together, seed).items():
        scored[name]["intervals"] = _rounded(bounds)
    metrics, more = scored.pop("model"), {"confidence": sure}
    metrics |= {"costs": None, "referral": None}
    if asked.costs:
        matrix = cost_matrix(asked.costs, classes)
        more["y_cost"] = implied(y_score, matrix, classes)
        decided = {"model": decided.pop("model"), "implied": (y_score, more["y_cost"])} | decided
        metrics["costs"] = _rounded(mean_costs(y_test, decided, matrix, classes, together, seed))
    if asked.refer_below is not None:
        more["referred"] = sure < asked.refer_below
        metrics["referral"] = _rounded(
            referral(y_test, y_pred, sure, classes, asked.refer_below, together)
        )
    classwise = by_class(
        y_test, y_pred, metrics, together, class_intervals(y_test, y_score, classes, together, seed)
    )
    groupwise = by_group(test, y_pred, y_score, classes, data, together)
    groupwise = without_small(groupwise, *fewest_of_a_group("expectations/by_group.json"))
    slicewise = slices(
        test, train, y_pred, classes, data.target, asked.slices, data.cut_points, together
    )
    used = uses(remember(test_rows, sha256(MODEL)), test_rows)
    write_json(reported(metrics, scored), "reports/metrics.json")
    write_table(classwise, "reports/by_class.csv")
    write_table(groupwise, "reports/by_group.csv")
    write_table(slicewise, "reports/slices.csv")
    write_table(used, "reports/test_set.csv")
    write_table(
        predictions(test, y_score, y_pred, classes, data, **more), "reports/predictions.parquet"
    )
    draw(
        y_test,
        y_score,
        y_pred,
        classes,
        classwise,
        confusion_matrix(y_test, y_pred, labels=classes),
    )
    draw_referral(coverage_curve(y_test, y_pred, sure, classes), asked.refer_below)
    draw_groups(groupwise)
    draw_candidates(read_csv("reports/candidates.csv"))
    draw_features(read_csv("reports/features.csv", dtype={"feature": "str"}, keep_default_na=False))
    verdicts = [gate(classwise, "expectations/by_class.json", "reports/gates/by_class.json")]
    if data.sensitive:
        verdicts.append(
            gate(groupwise, "expectations/by_group.json", "reports/gates/by_group.json")
        )
    else:  # DVC expects the report
        not_audited("by_group", data, "nobody looked whether groups are treated alike")
    verdicts.append(gate(slicewise, "expectations/slices.json", "reports/gates/slices.json"))
    verdicts.append(gate(used, "expectations/test_set.json", "reports/gates/test_set.json"))
    said = {one.gate: one.verdict for one in judge(REPORTS, GATES)}
    write_json(said, REPORTS / "gates.json")
    write(REPORTS, GATES)
    stop(verdicts)
    write_reference(freeze(train, test, y_score, y_pred, model, params) | {"key": source.key})


if __name__ == "__main__":
    run(main)
