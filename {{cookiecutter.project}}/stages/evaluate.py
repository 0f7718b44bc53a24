"""Score the model and three baselines on the test rows, by class and by group, and hold the
outcome against its gates.
"""

from pathlib import Path

from sluice.audits.test_set import remember, test_rows_sha256, uses
from sluice.core.command import run
from sluice.core.params import load_params
from sluice.core.tables import TEST, TRAIN, read_table, write_json, write_table
from sluice.data.groups import not_audited
from sluice.data.sources import load_sources
from sluice.drift.reference import REFERENCE, freeze, write_reference
from sluice.gates.gate import gate, stop
from sluice.gates.names import GATES, REPORTS
from sluice.modeling.evaluation import (
    Evaluation,
    class_table,
    group_table,
    metrics,
    prediction_table,
    slice_table,
)
from sluice.modeling.model import BASELINE, MODEL, load_model, sha256
from sluice.reports.evaluation_page import judge, write
from sluice.reports.plots import write_points


def main() -> None:
    """Write every report under its name, also those of a model that its gates then stop; only the
    reference needs all gates to pass.

    A run that was stopped lacks this output, so that `dvc commit` cannot record it as if it had
    ended.
    """
    Path(REFERENCE).unlink(missing_ok=True)
    params, [source] = load_params(), load_sources().sources.values()
    data, train, test = params.data, read_table(TRAIN), read_table(TEST)
    found = Evaluation.of(train, test, load_model(MODEL), load_model(BASELINE), params)
    measured, test_rows = metrics(found), test_rows_sha256(test, data.target)
    tables = {
        "by_class": class_table(found, measured),
        "by_group": group_table(found),
        "slices": slice_table(found),
        "test_set": uses(remember(test_rows, sha256(MODEL)), test_rows),
    }
    write_json(measured, REPORTS / "metrics.json")
    for name, table in tables.items():
        write_table(table, REPORTS / f"{name}.csv")
    write_table(prediction_table(found), REPORTS / "predictions.parquet")
    write_points(found)
    if not data.sensitive:  # DVC expects the report
        not_audited("by_group", data, "nobody looked whether groups are treated alike")
        del tables["by_group"]
    verdicts = [
        gate(table, f"expectations/{name}.json", REPORTS / "gates" / f"{name}.json")
        for name, table in tables.items()
    ]
    write_json({one.gate: one.verdict for one in judge(REPORTS, GATES)}, REPORTS / "gates.json")
    write(REPORTS, GATES)
    stop(verdicts)
    frozen = freeze(train, test, found.y_score, found.y_pred, found.model, params)
    write_reference(frozen | {"key": source.key})


if __name__ == "__main__":
    run(main)
