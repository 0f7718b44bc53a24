"""Drills: a class of 100 rows among 20,000 is not overlooked where decisions are weighed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from sluice.core.params import Params
from sluice.data.dataset import Dataset
from sluice.data.roles import features
from sluice.gates.gate import Verdict, gate
from sluice.metrics.bootstrap import class_intervals
from sluice.modeling.evaluation import by_class, score
from sluice.modeling.fitting import augmented, fit_candidate
from sluice.modeling.model import Model
from sluice.modeling.selection import choose_candidate
from sluice.scoping.propose_judged import judged_suites
from tests.engine.settings import settings


def classes_of(a: int, b: int, rare: int, seed: int) -> pd.DataFrame:
    """Return rows of three classes: a and b lie apart, the rare one between and beside them."""
    rng = np.random.default_rng(seed)
    places = {"a": (-3.0, 0.0, a), "b": (3.0, 0.0, b), "rare": (0.0, 1.0, rare)}
    parts = [
        pd.DataFrame({"x": rng.normal(x, 1, n), "y": rng.normal(y, 1, n), "label": label})
        for label, (x, y, n) in places.items()
        if n
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(__stage_row_id=[f"{seed}-{nth}" for nth in range(len(rows))])


def judged(
    train: pd.DataFrame, test: pd.DataFrame, params: Params, folder: Path
) -> tuple[dict, Verdict]:
    """Return the test metrics of the candidate that train chooses,, and the verdict of the gate
    by_class.
    """
    with threadpool_limits(1):
        selection = choose_candidate(Dataset.of(train, params.data), params, ["x", "y"])
        spec, model = selection.spec, selection.model
        fitted = fit_candidate(spec, augmented(spec, train, params), params)
    classes = sorted(train["label"].unique())
    one = Model(
        fitted,
        classes,
        dict.fromkeys(features(train, params.data).columns, "float64"),
        model.calibration,
        model.decision_weights,
    )
    y_score = one.predict_proba(features(test, params.data))
    y_pred = one.decide(y_score)
    metrics = score(test["label"], y_score, y_pred, classes)
    suite = judged_suites(train, params.data, params.scope)["by_class"]
    (folder / "by_class.json").write_text(json.dumps(suite), encoding="utf-8")
    own = pd.Series(range(len(test)))
    table = by_class(
        test["label"],
        y_pred,
        metrics,
        own,
        class_intervals(test["label"], y_score, classes, own, 0),
    )
    return metrics, gate(table, folder / "by_class.json", folder / "report.json")


PLAIN = {"model": "logistic_regression", "decision_weights": "none", "folds": 3}


@pytest.mark.parametrize("weights", ["none", "balanced_accuracy"])
def test_a_rare_class_is_overlooked_without_decision_weights(weights, tmp_path):
    train, test = classes_of(10_000, 10_000, 100, seed=1), classes_of(10_000, 10_000, 100, seed=2)
    params = settings(train=PLAIN | {"decision_weights": weights})
    metrics, verdict = judged(train, test, params, tmp_path)
    if weights == "balanced_accuracy":
        assert not verdict.blocks, verdict.sentences
        assert metrics["classes"]["rare"]["recall"] > 0.7
    else:
        assert metrics["accuracy"] > 0.99
        assert verdict.blocks
        assert "class rare: recall_high" in verdict.sentences[0]
        assert "its recall is proven to be below its floor" in verdict.sentences[0]
