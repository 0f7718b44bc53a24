"""Retrain: a challenger that is as good in every class passes, one that is not is refused, and nothing is left half done."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.datasets import make_classification  # noqa: F401

from stages import augment, evaluate, prepare, retrain, train
from stages.after import pool as pools
from stages.after.challenger import Candidate, challengers, check_classes, non_inferiority
from stages.command import Refused
from stages.during.intervals import newcombe_paired
from stages.during.model import Model, load_model, save_model
from stages.during.models import MODELS, BalancedEnsemble, build_model
from stages.during.recipes import age_weights, fit, weights_of
from stages.during.warm import check_same, continued
from stages.gate import gate
from stages.params import ROW_ID
from stages.sources import load_sources
from stages.summary import GATES
from stages.tables import TEST, TRAIN, read_table
from tests.drills import ALWAYS
from tests.pipeline_run import PROJECT, roles, settings

SUITES = {name: PROJECT / "expectations" / f"{name}.json" for name in ("challenger", "challengers")}
ROLES = {"target": "label", "time": "year", "sensitive": ["sex"], "forbidden": {"late": "known later"}}
DECLARED = {"year": "integer", "a": "number", "b": "number", "text": "text", "sex": "text", "late": "number", "label": "text"}


def drawn(seed: int, n: int, years: range, turn: float = 0.1) -> pd.DataFrame:
    """Rows of two classes, a third of them rare, whose border turns by `turn` radians a year."""
    rng = np.random.default_rng(seed)
    year, a, b = rng.choice(years, n), rng.normal(size=n), rng.normal(size=n)
    angle = turn * (year - 2000)
    odds = 4 * (a * np.cos(angle) + b * np.sin(angle) - 0.6)
    label = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "rare", "common")
    rows = {"year": year, "a": a.round(6), "b": b.round(6), "text": rng.choice(["p", "q"], n), "sex": rng.choice(["f", "m"], n)}
    return pd.DataFrame(rows | {"late": rng.normal(size=n).round(3), "label": label})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A project of its own with a champion, fitted on 2000 to 2002, and live files of 2004 and 2005."""
    folder = tmp_path_factory.mktemp("retrain") / "project"
    for name in ("data/raw", "data/live", "expectations"):
        (folder / name).mkdir(parents=True)
    drawn(0, 2000, range(2000, 2004)).to_csv(folder / "data/raw/rows.csv", index=False)
    drawn(1, 3000, range(2004, 2005)).to_csv(folder / "data/live/2004.csv", index=False)
    drawn(2, 1500, range(2005, 2006)).to_csv(folder / "data/live/2005.csv", index=False)
    source = {"path": "data/raw/rows.csv", "format": "csv", "missing": [""], "key": [], "columns": DECLARED}
    (folder / "data/sources.yaml").write_text(yaml.safe_dump({"sources": {"rows": source}}, sort_keys=False))
    (folder / "data/remedy.json").write_text('{"remedy": "decision_weights"}')
    params = settings(
        data=ROLES,
        prepare={"split": {"by": "time", "test_from": 2003, "test_size": 0.5}},
        train={"model": "logistic_regression"},
        retrain={"candidates": ["all"]},
    )
    (folder / "params.yaml").write_text(yaml.safe_dump(params.model_dump(), sort_keys=False))
    for name in [name for names in GATES.values() for name in names]:
        (folder / f"expectations/{name}.json").write_text(json.dumps({"name": name, "expectations": [ALWAYS]}))
    latest = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "year", "max_value": 2003}, "severity": "critical"}
    latest["meta"] = {"notes": "The years of the raw file.", "bound": "confirmed"}
    (folder / "expectations/prepared.json").write_text(json.dumps({"name": "prepared", "expectations": [ALWAYS, latest]}))
    for suite in SUITES.values():
        shutil.copy(suite, folder / "expectations")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (prepare, augment, train, evaluate):
            stage.main()
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch) -> Path:
    """A copy of the project as the working folder."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command in `folder`, with the code of this project."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    call = [sys.executable, "-m", "stages.retrain", *arguments]
    return subprocess.run(call, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")


def test_a_challenger_of_newer_rows_passes_all_gates(project):
    ended = command(project)
    assert ended.returncode == 0, ended.stdout
    assert "retrain: models/challenger (all) passed all gates; `make promote` puts it into service" in ended.stdout
    assert "expectations/prepared.json ends year at 2003; time goes on, here to 2005" in ended.stdout
    assert {path.name for path in (project / "models/challenger").iterdir()} == set(retrain.KEPT)
    model = load_model("models/challenger/model.skops")
    reference = json.loads(Path("models/challenger/reference.json").read_text())
    assert reference["rows"] == {"train": 5000, "test": 1500}
    assert list(reference["fitted_on"]) == ["data/live/2004.csv"]
    assert reference["model_sha256"] == json.loads(Path("models/challenger/model.json").read_text())["model_sha256"]
    assert model.classes == ["common", "rare"]
    gates = {path.stem for path in Path("reports/retraining/gates").iterdir()}
    assert gates == {name for names in GATES.values() for name in names} | {"challenger", "challengers"}
    found = pd.read_csv("reports/retraining/challengers.csv").set_index("candidate")
    assert found.loc["all", "lead_low"] > 0
    assert len(Path("data/judged.csv").read_text().splitlines()) == 3  # a header, the champion on 2003, the challenger on 2005
