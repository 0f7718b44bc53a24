"""The pipeline as a whole: it calls nobody, gives the same bytes again, and reruns what changed."""

import shutil
from pathlib import Path

import pytest
import yaml

from sluice.commands import compare
from sluice.core.params import Params
from sluice.core.schema import check
from sluice.gates.names import GATES
from sluice.monitoring import age, monitor
from sluice.retraining import retrain
from tests.pipeline_run import PROJECT, Run, copy_project

DVC = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))
PARAMS = check(
    "params.yaml", Params, yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
)


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


@pytest.mark.slow
def test_scope_tries_no_network(tmp_path):
    run = copy_project(tmp_path / "project")
    result = run.call("sluice", "scope")
    assert result.returncode == 0, result.stdout
    assert not run.network_log.exists(), run.network_log.read_text(encoding="utf-8")
    assert "http" not in (run.folder / "reports/scope.html").read_text(encoding="utf-8").replace(
        "http://www.w3.org/2000/svg", ""
    )


def test_network_is_really_cut_off(tmp_path):
    run = copy_project(tmp_path / "project")
    run.edit(
        "stages/prepare.py",
        "    params = load_params()\n",
        "    import socket; socket.create_connection(('127.0.0.1', 9))\n",
    )
    assert run.repro("prepare").returncode != 0
    assert "socket" in run.network_log.read_text(encoding="utf-8")


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_passing_edit_of_a_suite_reruns_only_its_gate(pipeline, tmp_path):
    shutil.copytree(pipeline.folder, tmp_path / "project")
    run = Run(tmp_path / "project")
    run.expect("prepared", "expect_table_column_count_to_be_between", min_value=1)
    output = run.repro("augment").stdout
    assert "Running stage 'validate'" in output
    assert "Running stage 'augment'" not in output
