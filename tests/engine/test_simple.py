"""The simple model: three features that tell most, found on training rows, and a costlier model
that has to beat them.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from sluice.core.params import Data
from sluice.data.dataset import Dataset
from sluice.gates.gate import gate
from sluice.modeling.candidates import Judge, OutOfFold, compare, tune_decision
from sluice.modeling.fitting import CandidateSpec, out_of_fold
from sluice.modeling.forward_selection import forward_selection
from tests.engine.settings import SUITES
from tests.engine.test_train import params

DATA = Data(
    target="label",
    time=None,
    cluster=[],
    sensitive=[],
    allowed={},
    cut_points={},
    favourable=None,
    forbidden={"batch": "names rows"},
)


@pytest.fixture(autouse=True)
def one_thread():
    """Keep small fits from waiting for one another's threads."""
    with threadpool_limits(1):
        yield


def table(tells: list[float], n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return rows of two classes with a column for each of `tells`, which grows with the label
    by so many standard deviations.
    """
    rng = np.random.default_rng(seed)
    is_b = np.arange(n) % 3 == 0
    columns = {f"x{nth}": tell * is_b + rng.normal(size=n) for nth, tell in enumerate(tells)}
    return pd.DataFrame({"label": np.where(is_b, "b", "a"), "batch": range(n), **columns})


def sentences(rows: pd.DataFrame, folder) -> list[str]:
    """Return what the gate of the candidates says of logistic regression on all features, by the
    names of the candidates.
    """
    settings = params(decision_weights="balanced_accuracy")
    plain = CandidateSpec("logistic_regression")
    recipes = {
        "model": plain,
        "logistic_regression": plain,
        "three_features": replace(plain, sees="three"),
    }
    scores, _ = out_of_fold(
        Dataset.of(rows.drop(columns="batch"), settings.data), settings, recipes
    )
    scores["class_shares"] = np.tile([2 / 3, 1 / 3], (len(rows), 1))
    model, *others = (
        tune_decision(name, rows["label"], y_score, "none", "balanced_accuracy")
        for name, y_score in scores.items()
    )
    candidates = compare(model, others, Judge(rows["label"], rows["batch"], "balanced_accuracy", 0))
    return gate(candidates, SUITES / "candidates.json", folder / "candidates.json").sentences


def test_the_three_that_tell_are_found_best_first():
    assert forward_selection(table([0, 0.8, 0, 2, 0, 1.2]), DATA, 0) == ["x3", "x5", "x1"]


def test_a_copy_of_the_best_adds_nothing():
    rows = table([2, 1, 0.8])
    assert set(forward_selection(rows.assign(copy=rows["x0"]), DATA, 0)) in (
        {"x0", "x1", "x2"},
        {"copy", "x1", "x2"},
    )


def test_a_column_that_never_varies_comes_last():
    assert forward_selection(table([0, 2]).assign(constant=1.0), DATA, 0) == [
        "x1",
        "x0",
        "constant",
    ]


def test_of_two_columns_both_are_taken():
    assert forward_selection(table([0, 2]), DATA, 0) == ["x1", "x0"]


def test_no_column_but_a_feature_is_taken():
    assert "batch" not in forward_selection(table([0, 0, 0]), DATA, 0)


def test_a_class_in_one_cluster_is_no_obstacle():
    rows = table([0, 2])
    rows.loc[0, "label"] = "c"
    assert forward_selection(rows, DATA, 0)[0] == "x1"


def test_a_model_that_three_features_equal_is_warned_of(tmp_path):
    [sentence] = sentences(table([1.5, 1, 0.8, 0, 0, 0]), tmp_path)
    assert sentence.startswith(
        "WARN: lead_for_cost where candidate is three_features: candidate three_features: lead_for_cost -"
    )
    assert (
        "A logistic regression on three features (named in `features`, best first) is as good as"
        " the model" in sentence
    )


def test_a_model_that_is_the_small_one_has_nothing_to_prove():
    plain, y = (
        OutOfFold("model", np.eye(2)[[0, 1, 0, 1]], np.array(list("abab"), dtype=object), {}, {}),
        pd.Series(list("abab")),
    )
    rivals, judge = (
        [replace(plain, name="three_features", kind="simple"), replace(plain, name="other")],
        Judge(y, pd.Series(range(4)), "none", 0),
    )
    assert compare(plain, rivals, judge)["lead_for_cost"].tolist() == [0, 0, 0]
    assert compare(replace(plain, is_small=True), rivals, judge)["lead_for_cost"].tolist() == [
        0,
        1,
        0,
    ]


def test_a_model_that_needs_more_features_passes(tmp_path):
    assert sentences(table([0.9] * 9, n=900), tmp_path) == []
