"""The pipeline runs, uses no network, and keeps training rows and test rows apart."""

import json

import pytest

from sluice.core.params import load_params
from sluice.core.tables import AUGMENTED, TEST, TRAIN
from sluice.gates.names import GATES
from tests.pipeline_run import PROJECT, copy_project


@pytest.fixture
def params(monkeypatch):
    monkeypatch.chdir(PROJECT)
    return load_params()


def test_no_gate_stops_the_default_run(first_run):
    _, why = first_run
    if why:
        pytest.fail(why, pytrace=False)


def test_every_gate_gives_its_verdict(pipeline):
    verdicts = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["verdict"]
        for path in (pipeline.folder / "reports" / "gates").glob("*.json")
    }
    assert set(verdicts) == {gate for gates in GATES.values() for gate in gates}
    assert set(verdicts.values()) <= {"pass", "warn"}


def test_no_process_tries_the_network(pipeline):
    assert not pipeline.network_log.exists(), pipeline.network_log.read_text(encoding="utf-8")


def test_every_reject_is_counted(table):
    [source] = table("reports/sources.csv").to_dict("records")
    rejected = len(table("data/prepared/rejects.csv"))
    assert rejected + source["train"] + source["test"] == source["records"]


def test_no_row_is_in_train_and_test(table, params):
    train, test = table(TRAIN), table(TEST)
    assert not set(train["__stage_row_id"]) & set(test["__stage_row_id"])
    if cluster := params.data.cluster:
        of_train, of_test = (set(side[cluster].itertuples(index=False)) for side in (train, test))
        assert not of_train & of_test


def test_test_rows_are_never_augmented(table):
    augmented, train = table(AUGMENTED), table(TRAIN)
    assert set(augmented["__stage_row_id"].dropna()) <= set(train["__stage_row_id"])


def test_hidden_columns_are_no_features(pipeline, params):
    card = json.loads((pipeline.folder / "models/model.json").read_text(encoding="utf-8"))
    assert not set(card["columns"]) & set(params.data.not_features())


def test_model_beats_the_majority_class(pipeline):
    found = json.loads((pipeline.folder / "reports/metrics.json").read_text(encoding="utf-8"))
    majority = found["baselines"][0]
    assert found["balanced_accuracy"] > majority["balanced_accuracy"]


def test_broken_table_stops_at_validate(pipeline, tmp_path):
    run = copy_project(tmp_path / "project", outputs_of=pipeline)
    run.expect("prepared", "expect_column_values_to_not_be_null", column="no_such_column")
    result = run.repro()
    assert result.returncode != 0
    assert "no_such_column" in result.stdout
    assert "Running stage 'augment'" not in result.stdout


def test_misspelt_parameter_stops_before_anything_runs(tmp_path):
    run = copy_project(tmp_path / "project")
    run.edit("params.yaml", "floor_share:", "floor_shares:")
    result = run.call("sluice", "repro")
    assert "Running stage" not in result.stdout
    assert result.returncode != 0
    assert "augment.floor_shares is unknown" in result.stdout
    assert "Traceback" not in result.stdout
