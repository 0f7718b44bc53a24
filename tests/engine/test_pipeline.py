import ast
import json
import shutil
from pathlib import Path

import pytest
import yaml

from sluice.commands import compare
from sluice.core.params import Params
from sluice.core.schema import check
from sluice.core.tables import AUGMENTED, TEST, TRAIN
from sluice.gates.names import GATES
from sluice.monitoring import age, monitor
from sluice.retraining import retrain
from tests.pipeline_run import PROJECT, Run, copy_project

DVC = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))
PARAMS = check(
    "params.yaml", Params, yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
)


def imported(module: str) -> set[str]:
    """Return the modules of stages/ that `module` imports, directly or not, itself among them."""
    found, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            path = Path("stages", *name.split("."))
            found |= {f"{package}.__init__" for package in path.relative_to("stages").parts[:-1]}
            tree = ast.parse((PROJECT / path).with_suffix(".py").read_text(encoding="utf-8"))
            froms = [
                node.module
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module
            ]
            froms += [
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.Import)
                for alias in node.names
            ]
            todo += [one.removeprefix("stages.") for one in froms if one.startswith("stages.")]
    return found


def metrics(run: Run) -> dict:
    return json.loads((run.folder / "reports/metrics.json").read_text(encoding="utf-8"))


def verdicts(run: Run) -> dict[str, str]:
    reports = sorted((run.folder / "reports" / "gates").glob("*.json"))
    return {
        report.stem: json.loads(report.read_text(encoding="utf-8"))["verdict"] for report in reports
    }


@pytest.mark.parametrize("stage", DVC["stages"])
def test_stage_depends_on_all_code_that_it_imports(stage):
    listed = {
        ".".join(Path(dep).with_suffix("").parts[1:])
        for dep in DVC["stages"][stage]["deps"]
        if dep.endswith(".py")
    }
    assert listed == imported(stage) | {"__init__"}


@pytest.mark.parametrize("stage", ["prepare", "validate", "augment", "train"])
def test_stage_before_the_evaluation_does_not_depend_on_a_page(stage):
    assert not imported(stage) & {"page", "summary", "during.evaluation_page", "before.scope_page"}


def test_pipeline_has_five_stages():
    assert list(DVC["stages"]) == ["prepare", "validate", "augment", "train", "evaluate"]


def test_every_suite_gates_a_stage_that_depends_on_it():
    suites = {path.stem for path in (PROJECT / "expectations").glob("*.json")}
    gated = {
        Path(dep).stem: stage
        for stage, parts in DVC["stages"].items()
        for dep in parts["deps"]
        if dep.startswith("expectations/")
    }
    assert gated == {gate: stage for stage, gates in GATES.items() for gate in gates}
    commanded = {
        Path(compare.COMPARED_SUITE).stem,
        Path(age.AGE_SUITE).stem,
    }  # of commands, no stages
    commanded |= {
        path.stem
        for path in (
            monitor.DRIFT,
            monitor.PERFORMANCE,
            monitor.WINDOWS,
            retrain.COMPARED,
            retrain.HELD,
        )
    }
    assert suites - commanded in (set(gated), set())  # none before `make scope` proposed them
    assert commanded <= suites


def test_no_gate_stops_the_default_run(first_run):
    _, why = first_run
    if why:
        pytest.fail(why, pytrace=False)


def test_every_gate_gives_its_verdict(pipeline):
    assert set(verdicts(pipeline)) == {gate for gates in GATES.values() for gate in gates}
    assert set(verdicts(pipeline).values()) <= {"pass", "warn"}


def test_no_process_tries_the_network(pipeline):
    assert not pipeline.network_log.exists(), pipeline.network_log.read_text(encoding="utf-8")


@pytest.mark.usefixtures("pipeline")
def test_scope_tries_no_network(tmp_path):
    run = copy_project(tmp_path / "project")
    result = run.call("sluice", "scope")
    assert result.returncode == 0, result.stdout
    assert not run.network_log.exists(), run.network_log.read_text(encoding="utf-8")
    assert "http" not in (run.folder / "reports/scope.html").read_text(encoding="utf-8").replace(
        "http://www.w3.org/2000/svg", ""
    )


@pytest.mark.usefixtures("pipeline")
def test_network_is_really_cut_off(tmp_path):
    run = copy_project(tmp_path / "project")
    run.edit(
        "stages/prepare.py",
        "    params = load_params()\n",
        "    import socket; socket.create_connection(('127.0.0.1', 9))\n",
    )
    assert run.repro("prepare").returncode != 0
    assert "socket" in run.network_log.read_text(encoding="utf-8")


def test_every_reject_is_counted(pipeline):
    [source] = pipeline.table("reports/sources.csv").to_dict("records")
    assert (
        len(pipeline.table("data/prepared/rejects.csv")) + source["train"] + source["test"]
        == source["records"]
    )


def test_no_row_is_in_train_and_test(pipeline):
    train, test = pipeline.table(TRAIN), pipeline.table(TEST)
    assert not set(train["__stage_row_id"]) & set(test["__stage_row_id"])
    if cluster := PARAMS.data.cluster:
        assert not set(train[cluster].itertuples(index=False)) & set(
            test[cluster].itertuples(index=False)
        )


def test_test_rows_are_never_augmented(pipeline):
    assert set(pipeline.table(AUGMENTED)["__stage_row_id"].dropna()) <= set(
        pipeline.table(TRAIN)["__stage_row_id"]
    )


def test_hidden_columns_are_no_features(pipeline):
    card = json.loads((pipeline.folder / "models/model.json").read_text(encoding="utf-8"))
    assert not set(card["columns"]) & set(PARAMS.data.not_features())


def test_model_beats_the_majority_class(pipeline):
    found = metrics(pipeline)
    assert found["balanced_accuracy"] > found["baselines"][0]["balanced_accuracy"]


def test_second_run_gives_the_same_files(pipeline, tmp_path):
    again = copy_project(tmp_path / "again")
    again.edit(
        "params.yaml", f"threads: {PARAMS.train.threads}", f"threads: {PARAMS.train.threads + 1}"
    )
    plain = {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }  # a locale without an umlaut
    result = again.repro(PYTHONHASHSEED="7", TZ="Asia/Tokyo", **plain)
    assert result.returncode == 0, result.stdout
    assert (again.folder / "dvc.lock").read_text() == (pipeline.folder / "dvc.lock").read_text()


def test_run_in_which_nothing_changed_imports_neither_gate_nor_models(pipeline):
    output = pipeline.repro(PYTHONPROFILEIMPORTTIME="1").stdout
    imported = {
        line.rpartition("|")[2].strip()
        for line in output.splitlines()
        if line.startswith("import time:")
    }
    assert "dvc" in imported
    assert "Running stage" not in output
    assert not imported & {"great_expectations", "sklearn", "pandas"}


def test_passing_edit_of_a_suite_reruns_only_its_gate(pipeline, tmp_path):
    shutil.copytree(pipeline.folder, tmp_path / "project")
    run = Run(tmp_path / "project")
    run.expect("prepared", "expect_table_column_count_to_be_between", min_value=1)
    output = run.repro("augment").stdout
    assert "Running stage 'validate'" in output
    assert "Running stage 'augment'" not in output


@pytest.mark.usefixtures("pipeline")
def test_broken_table_stops_at_validate(tmp_path):
    run = copy_project(tmp_path / "project")
    run.expect("prepared", "expect_column_values_to_not_be_null", column="no_such_column")
    result = run.repro()
    assert result.returncode != 0
    assert "stopped by the gate prepared" in result.stdout
    assert "no_such_column" in result.stdout
    assert not (run.folder / "data/augmented").exists()


@pytest.mark.usefixtures("pipeline")
def test_misspelt_parameter_stops_before_anything_runs(tmp_path):
    run = copy_project(tmp_path / "project")
    run.edit("params.yaml", "floor_share:", "floor_shares:")
    result = run.repro()
    assert result.returncode != 0
    assert "augment.floor_shares is unknown" in result.stdout
    assert "augment.floor_share is missing" in result.stdout
    assert "Traceback" not in result.stdout
