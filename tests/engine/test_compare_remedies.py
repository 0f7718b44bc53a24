"""Remedies for a rare class are compared by cross-validation, and nothing but a report is
written.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice.commands import compare_remedies
from sluice.core.tables import TRAIN, read_csv, write_table
from tests.engine.settings import settings

PARAMS = settings(train={"model": "logistic_regression"}, augment={"smote_max_rows": 1000})


@pytest.fixture
def table(tmp_path, monkeypatch) -> pd.DataFrame:
    """The report on 90 rows of the class common and 8 of rare, which size tells apart by half."""
    size = np.random.default_rng(0).normal(size=98) + np.repeat([0, 2], [90, 8])
    label = np.repeat(["common", "rare"], [90, 8])
    rows = pd.DataFrame({"__stage_row_id": range(98), "label": label, "size": size})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare_remedies, "load_params", lambda: PARAMS)
    write_table(rows, TRAIN)
    compare_remedies.main()
    return read_csv(compare_remedies.TABLE, keep_default_na=False).set_index("remedy")


def test_each_remedy_is_shown_with_its_gain_and_the_lines_that_set_it(table, capsys):
    assert list(table.index) == list(compare_remedies.REMEDIES)
    assert set(table["class"][table["why_not"] == ""]) == {"rare"}
    assert float(table["gain"]["none"]) == 0  # these are the settings of params.yaml
    assert (table["params"]["none"], table["objective"]["none"]) == ("", "balanced_accuracy")
    weighed = table.loc["decision_weights"]
    assert weighed["params"] == "train.decision_weights: balanced_accuracy"
    assert float(weighed["recall"]) > float(table["recall"]["none"])
    assert float(weighed["gain_low"]) <= float(weighed["gain"]) <= float(weighed["gain_high"])
    assert (
        table["params"]["oversampling"]
        == "augment.strategy: oversample; train.decision_weights: balanced_accuracy;"
        " train.calibration: sigmoid"
    )


def test_a_remedy_that_a_fold_does_not_admit_is_named_with_the_reason(table):
    assert "has 4 training rows without missing features, smote needs" in table["why_not"]["smote"]
    assert table["score"]["smote"] == ""


def test_nothing_but_the_report_is_written(table):
    written = {path.as_posix() for path in Path().rglob("*") if path.is_file()}
    assert written == {TRAIN, compare_remedies.TABLE}
