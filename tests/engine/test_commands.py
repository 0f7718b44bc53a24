"""Each command in this process: a stage by itself writes what it writes under DVC, and the
screen says what a run came to.
"""

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.commands import summary, verify
from sluice.core.command import UserError
from sluice.core.pipeline import md5, outputs, read_stages
from sluice.gates.names import GATES
from tests.engine.toys import PARAMS, project_of, toys
from tests.pipeline_run import COPIED, PROJECT, Run, copy_project


@pytest.fixture
def run(toy_run, tmp_path, monkeypatch) -> Run:
    """A copy of a finished run as the working folder."""
    shutil.copytree(toy_run.folder, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return Run(tmp_path / "project")


def test_stages_called_one_by_one_write_what_they_write_under_dvc(toy_run, tmp_path, monkeypatch):
    folder = project_of(toys(), PARAMS, tmp_path / "project").folder
    monkeypatch.chdir(folder)
    for stage in GATES:
        importlib.import_module(f"stages.{stage}").main()
    wanted = outputs(read_stages(toy_run.folder / "dvc.lock"))
    cards = {
        "models/model.json",
        "models/baseline.json",
        "models/reference.json",
    }  # they list, or name a list of, the code that is loaded
    assert {name: md5(folder / name) for name in wanted.keys() - cards} == {
        name: wanted[name] for name in wanted.keys() - cards
    }


def test_the_screen_names_each_gate_with_its_verdict_and_shows_the_classes(run, capsys):
    summary.main()
    screen = capsys.readouterr().out
    for gates in GATES.values():
        assert all(f"  {gate}" in screen for gate in gates)
    assert "this model" in screen
    assert "did not run" not in screen


def test_the_screen_of_a_run_that_was_stopped_shows_no_old_result(run, capsys):
    run.edit("reports/gates/classes.json", '"blocks": false', '"blocks": true')
    with pytest.raises(UserError, match="the run was stopped: reports/gates/ says by what"):
        summary.main()
    screen = capsys.readouterr().out
    assert [line.split()[:2] for line in screen.splitlines() if "stopped here" in line] == [
        ["classes", run_verdict(run, "classes")]
    ]
    assert screen.count("did not run") == sum(
        len(GATES[stage]) for stage in ("augment", "train", "evaluate")
    )
    assert "this model" not in screen


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            lambda run: run.edit(
                "dvc.yaml",
                "    cmd: python -m stages.train",
                "    frozen: true\n    cmd: python -m stages.train",
            ),
            "is frozen",
        ),
        (
            lambda run: run.edit("params.yaml", "  folds: 2", "  folds: 3"),
            "reports of train, evaluate are not shown",
        ),
        (
            lambda run: [
                run.folder.joinpath(f"reports/gates/{gate}.json").unlink()
                for gate in GATES["train"]
            ],
            "reports of train, evaluate are not shown",
        ),
    ],
)
def test_a_run_that_is_not_whole_shows_no_old_result_and_does_not_end_well(run, capsys, harm, said):
    harm(run)
    with pytest.raises(UserError, match=said) as refused:
        summary.main()
    assert "not every stage ran on the files as they are now" in str(refused.value)
    screen = capsys.readouterr().out
    assert "  by_class    did not run" in screen
    assert "this model" not in screen


def screen_of(**more) -> list[str]:
    """Return what the screen says below the classes."""
    overall = {"balanced_accuracy": 0.5, "macro_f1": 0.5, "brier": 0.25, "accuracy": 0.5}
    return summary.classes({"classes": {}, "baselines": []} | overall | more)[3:]


def test_the_screen_is_silent_on_what_was_not_asked():
    assert screen_of(costs=None, referral=None) == []


def test_the_screen_shows_what_errors_cost():
    costs = {"model": {"mean": 0.25}, "implied": {"mean": 0.125}, "majority_class": {"mean": 1.0}}
    assert screen_of(costs=costs) == ["  cost per row: model 0.25, implied 0.125, majority class 1"]


def test_the_screen_shows_what_is_left_to_the_model():
    referral = {
        "refer_below": 0.6,
        "coverage": 0.75,
        "classes": {"a": {"recall": 0.9}, "b": {"recall": None}},
    }
    assert screen_of(referral=referral) == [
        "  referred below 0.6: the model decides 75.0% of the rows; recall there: a 0.900, b -"
    ]


def run_verdict(run: Run, gate: str) -> str:
    return json.loads((run.folder / f"reports/gates/{gate}.json").read_text(encoding="utf-8"))[
        "verdict"
    ]


def test_the_screen_before_any_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="there is no report yet; run `make repro`"):
        summary.main()


def test_verify_runs_again_and_names_what_differs(run, capsys):
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", *COPIED], check=True)
    table = Path("reports/by_class.csv")
    table.write_text(table.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert run.call("dvc", "commit", "--force", "evaluate").returncode == 0
    assert "up to date" in run.call("dvc", "status").stdout
    lock = outputs(read_stages("dvc.lock"))
    harmed = [
        name
        for name, digest in lock.items()
        if digest == lock["models/model.skops"] or name == "reports/by_class.csv"
    ]
    run.edit("dvc.lock", lock["models/model.skops"], "0" * 32)
    with pytest.raises(
        UserError,
        match=rf"{len(harmed)} of {len(lock)} outputs differ from dvc\.lock: {', '.join(harmed)}; ",
    ):
        verify.main(only_reports=False)
    told = dict(
        reversed(line.split())
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(("same ", "differs "))
    )
    assert told == {name: "differs" if name in harmed else "same" for name in lock}


def test_verify_says_so_where_the_scratch_run_is_stopped(tmp_path, monkeypatch):
    folder = copy_project(tmp_path / "project").folder
    monkeypatch.chdir(folder)
    Path("dvc.lock").write_text("stages: {}\n", encoding="utf-8")
    Path("params.yaml").write_text("random_state: no number\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", *COPIED], check=True)
    with pytest.raises(UserError, match="the run in the scratch copy was stopped, see above"):
        verify.main(only_reports=False)


def test_a_message_that_the_terminal_cannot_show_is_shown_escaped():
    script = (
        "from sluice.core.command import UserError, run\ndef stage():\n    print('gr\\u00fcn')\n   "
        " raise UserError('\\u8272 is x')\nrun(stage)"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "gr\\xfcn\n", "-c: \\u8272 is x\n")
