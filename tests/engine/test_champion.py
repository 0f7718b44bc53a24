import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.core.command import UserError
from sluice.drift.reference import JUDGED_GATES
from sluice.modeling.model import sha256
from sluice.registry import champion
from sluice.registry.promotion_evidence import COMPARISON_GATE, EVALUATED
from tests.engine.settings import SUITES
from tests.pipeline_run import PROJECT


def said(name: str, verdict: str = "pass", blocks: bool = False) -> None:
    """Write what the gate `name` says of the last run."""
    Path(f"reports/gates/{name}.json").write_text(
        json.dumps({"verdict": verdict, "blocks": blocks}), encoding="utf-8"
    )


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """A folder with a card, a reference and reports that belong together, in a repository where
    nothing was ever promoted.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(champion, "load_model", lambda path: "model")
    subprocess.run(["git", "init", "--quiet"], check=True)
    folder = tmp_path / "models"
    folder.mkdir()
    Path("reports/gates").mkdir(parents=True)
    for name in EVALUATED:
        said(name)
    (folder / "model.json").write_text(json.dumps({"model_sha256": "abc"}), encoding="utf-8")
    reference = {"key": [], "model_sha256": "abc", "card_sha256": sha256(folder / "model.json")}
    reference |= {"gates": {name: sha256(f"reports/gates/{name}.json") for name in JUDGED_GATES}}
    (folder / "reference.json").write_text(json.dumps(reference), encoding="utf-8")
    return folder


def test_champion_comes_with_its_reference(models):
    model, reference = champion.load_champion()
    assert (model, reference["model_sha256"]) == ("model", "abc")
    assert champion.version() == "unregistered"


@pytest.mark.parametrize("name", ["sources", "by_class", "test_set"])
def test_model_that_a_gate_stopped_does_not_serve(models, name):
    said(name, "fail", blocks=True)
    with pytest.raises(
        UserError,
        match=(
            f"^the gate {name} stopped the last run \\(fail\\)\nno model was promoted yet, and that"
            " of the last run is not proven: "
        ),
    ):
        champion.load_champion()


def test_run_that_a_gate_stopped_before_there_was_a_model_names_the_gate(models, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(models.parent)
    shutil.rmtree(models)
    with pytest.raises(
        UserError, match=r"^models/model\.skops does not exist; run `dvc repro`, which makes it$"
    ):
        champion.load_champion()
    said("classes", "insufficient", blocks=True)
    with pytest.raises(
        UserError,
        match=(
            r"^the gate classes stopped the last run \(insufficient\)\n.*reports/gates/ says why;"
            r" mend it, then run"
        ),
    ):
        champion.load_champion()


@pytest.mark.parametrize("name", ["leakage", "by_class", "test_set"])
def test_model_that_a_gate_did_not_judge_does_not_serve(models, name):
    Path(f"reports/gates/{name}.json").unlink()
    with pytest.raises(UserError, match=f"the gate {name} did not judge this model"):
        champion.load_champion()


def test_model_is_not_proven_by_the_reports_of_another_run(models):
    said("by_class", "warn")
    with pytest.raises(
        UserError,
        match=r"reports/gates/by_class\.json is not of the run that made the model in models/",
    ):
        champion.load_champion()


def test_card_that_was_changed_is_refused(models):
    (models / "model.json").write_text(
        json.dumps({"model_sha256": "abc", "classes": ["b", "a"]}), encoding="utf-8"
    )
    with pytest.raises(UserError, match=r"was frozen with another model\.json"):
        champion.load_champion()


def test_registered_model_without_all_proofs_does_not_serve(models, monkeypatch):
    proven = {name: {"verdict": "pass", "blocks": False, "sha256": ""} for name in EVALUATED}
    shutil.copytree(models, "registry/v2.0.0")
    manifest = {"verdicts": proven, "compared_with": None}
    monkeypatch.setattr(champion, "in_service", lambda events: "v2.0.0")
    monkeypatch.setattr(champion, "promoted", lambda version, events, key: manifest)
    shutil.copy(PROJECT / "params.yaml", "params.yaml")
    assert champion.load_champion()[0] == "model"
    manifest["compared_with"] = "v1.0.0"
    with pytest.raises(UserError, match=f"the gate {COMPARISON_GATE} did not judge this model"):
        champion.load_champion()
    manifest |= {
        "compared_with": None,
        "verdicts": proven | {"leakage": {"verdict": "fail", "blocks": True, "sha256": ""}},
    }
    with pytest.raises(
        UserError,
        match="the gate leakage stopped this model \\(fail\\): it neither serves nor is promoted",
    ):
        champion.load_champion()


@pytest.mark.parametrize(("command", "code"), [("score", 1), ("monitor", 2), ("history", 1)])
def test_command_outside_a_repository_is_refused_in_a_sentence(models, command, code):
    shutil.rmtree(".git")
    for name in ("params.yaml", "data/sources.yaml"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, name)
    shutil.copytree(SUITES, "expectations", dirs_exist_ok=True)
    Path("live.csv").write_text("a\n1\n", encoding="utf-8")
    call = [
        sys.executable,
        "-m",
        "sluice",
        command,
        *(["live.csv"] if command != "history" else []),
    ]
    ended = subprocess.run(
        call, env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, encoding="utf-8"
    )
    assert ended.returncode == code
    assert ended.stderr.startswith(
        f"{command}: the registry cannot be read, so that nobody knows which model is in service"
    )
    assert "not a git repository" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_missing_reference_is_refused(models):
    (models / "reference.json").unlink()
    with pytest.raises(
        UserError,
        match=(
            r"models/reference\.json does not exist; run `dvc repro`, which freezes it with the"
            r" model"
        ),
    ):
        champion.load_champion()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_broken_reference_is_refused(models, text):
    (models / "reference.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is not what evaluate writes; run `dvc checkout`"):
        champion.load_champion()


def test_reference_of_another_model_is_refused(models):
    other = json.loads((models / "reference.json").read_text(encoding="utf-8")) | {
        "model_sha256": "other"
    }
    (models / "reference.json").write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(UserError, match=r"was frozen with another model\.skops"):
        champion.load_champion()
