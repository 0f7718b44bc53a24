"""Score the model and three baselines on the test rows, by class and by group, and hold the
outcome against its gates.
"""

from pathlib import Path

from sklearn.metrics import (
    confusion_matrix,
)
from threadpoolctl import threadpool_limits

from sluice.audits.test_set import remember, test_rows_sha256, uses
from sluice.core.command import UserError, run
from sluice.core.params import load_params
from sluice.core.tables import TEST, TRAIN, read_csv, read_table, write_json, write_table
from sluice.data.groups import not_audited
from sluice.data.roles import clusters, features
from sluice.data.sources import load_sources
from sluice.drift.reference import REFERENCE, freeze, write_reference
from sluice.fairness.gaps import by_group, without_small
from sluice.gates.gate import gate, stop
from sluice.gates.names import GATES, REPORTS
from sluice.gates.thresholds import fewest_of_a_group
from sluice.metrics.bootstrap import class_intervals, overall_intervals
from sluice.metrics.costs import cost_matrix, cost_problems, implied, mean_costs
from sluice.metrics.decision import confidence
from sluice.metrics.referral import coverage_curve, referral
from sluice.metrics.slices import slice_problems, slices
from sluice.modeling.evaluation import _rounded, baselines, by_class, predictions, reported, score
from sluice.modeling.model import BASELINE, MODEL, load_model, sha256
from sluice.reports.evaluation_page import judge, write
from sluice.reports.plots import draw, draw_candidates, draw_features, draw_groups, draw_referral


def main() -> None:
    """Write every report under its name, also those of a model that its gates then stop; only the
    reference needs all gates to pass.

    A run that was stopped lacks this output, so that `dvc commit` cannot record it as if it had
    ended.
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
        raise UserError("\n".join(wrong))
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
