"""Forecast: the gates that will stop the next run are known before it, and what the suites let
pass is not held against the data.
"""

import json

import pandas as pd
import pytest

from sluice.metrics.intervals import clopper_pearson
from sluice.scoping.forecast import blocked, class_table, group_table, recall_table, unforeseen
from sluice.scoping.power import prove
from sluice.scoping.propose_judged import judged_suites
from tests.engine.settings import roles, settings
from tests.engine.test_power import LIMITS

DATA = roles(sensitive=["sex"])


def people(n_f: int, n_m: int = 2000) -> pd.DataFrame:
    rows = pd.DataFrame({"sex": ["f"] * n_f + ["m"] * n_m, "label": "yes"})
    rows.loc[::2, "label"] = "no"
    return rows


@pytest.fixture
def suites(tmp_path, monkeypatch):
    """Write the suites of a new project into the working folder, and return a function that
    edits one.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "expectations").mkdir()
    for name, suite in judged_suites(people(100), DATA, settings().scope).items():
        (tmp_path / "expectations" / f"{name}.json").write_text(json.dumps(suite))

    def edit(name, change):
        path = tmp_path / "expectations" / f"{name}.json"
        suite = json.loads(path.read_text())
        for one in suite["expectations"]:
            change(one)
        path.write_text(json.dumps(suite))

    return edit


def waive(**where: str):
    def change(one):
        if one["meta"].get("verdict") == "insufficient":
            one["meta"]["waived"] = [{"where": where, "reason": "A pilot."}]

    return change


def counts(**n) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "train": {label: one[0] for label, one in n.items()},
            "test": {label: one[1] for label, one in n.items()},
        }
    )


def test_a_class_of_few_rows_stops_at_the_gate_that_judges_the_side_that_lacks_them(suites):
    table = class_table(counts(yes=(30, 20), no=(29, 20), rare=(30, 19)))
    assert (blocked("classes", table, "class"), blocked("by_class", table, "class")) == (
        ["no"],
        ["rare"],
    )


def test_a_recall_far_below_its_floor_stops_at_by_class_and_one_that_was_not_measured_stops_nothing(
    suites,
):
    proofs = [
        prove(label, 900, 100, 0.5, recall, LIMITS)
        for label, recall in (("yes", 0.3), ("no", 0.45), ("rare", None))
    ]
    table = recall_table(proofs)
    assert table["recall_high"].tolist() == [
        clopper_pearson(30, 100, 1 - 0.05 / 3)[1],
        clopper_pearson(45, 100, 1 - 0.05 / 3)[1],
    ]
    assert blocked("by_class", table, "class") == ["yes"]


def test_gates_that_training_alone_can_tell_of_are_named():
    assert unforeseen(settings()) == ["candidates", "features"]
    changed = {
        "data": {"sensitive": ["sex"]},
        "augment": {"strategy": "smote"},
        "evaluate": {"slices": ["sex"]},
    }
    assert unforeseen(settings(**changed)) == [
        "synthetic",
        "candidates",
        "features",
        "by_group",
        "slices",
    ]


def test_a_class_that_is_waived_stops_nothing(suites):
    suites("by_class", waive(**{"class": "rare"}))
    assert blocked("by_class", class_table(counts(yes=(30, 20), rare=(30, 19))), "class") == []


def test_a_group_of_few_rows_stops_at_by_group(suites):
    table = group_table(people(100), DATA, 0.2)
    assert table[table["group"] == "f"][["class", "rate", "rows", "support"]].values.tolist() == [
        ["no", "recall", 20, 10],
        ["no", "false_positive_rate", 20, 10],
        ["yes", "recall", 20, 10],
        ["yes", "false_positive_rate", 20, 10],
    ]
    assert blocked("by_group", table, ["column", "group"]) == [("sex", "f")]
    assert blocked("by_group", group_table(people(1000), DATA, 0.2), ["column", "group"]) == []


def test_a_group_that_is_waived_stops_nothing(suites):
    suites("by_group", waive(column="sex", group="f"))
    assert blocked("by_group", group_table(people(100), DATA, 0.2), ["column", "group"]) == []


def test_a_threshold_is_that_of_the_suite(suites):
    def fewer(one):
        if one["kwargs"].get("column") in ("rows", "support"):
            one["kwargs"]["min_value"] = 5

    suites("by_group", fewer)
    assert blocked("by_group", group_table(people(100), DATA, 0.2), ["column", "group"]) == []


def test_a_warning_stops_nothing(suites):
    table = pd.DataFrame({"check": "gives_away", "column": ["copy", "good"], "value": [0.99, 0.93]})
    assert blocked("leakage", table, "column") == ["copy"]


def test_what_a_table_lacks_is_not_foreseen(suites):
    assert blocked("by_class", pd.DataFrame({"class": ["yes"], "recall": [0.1]}), "class") == []
