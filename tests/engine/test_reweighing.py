"""Reweighing: weights make class and group independent, on each fold's own rows, and narrow a
gap that a proxy makes.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.params import ORIGIN
from sluice.data.dataset import Dataset
from sluice.data.roles import features
from sluice.fairness.reweighing import reweighing
from sluice.modeling import fitting as recipes
from sluice.modeling.candidates import compare
from sluice.modeling.fitting import CandidateSpec, fit_candidate, out_of_fold, without
from sluice.modeling.selection import choose_candidate
from tests.engine.settings import roles, settings

BY_TEAM = roles(sensitive=["team"])


def rows(labels: str, teams: str, **more) -> pd.DataFrame:
    return pd.DataFrame(
        {"__stage_row_id": range(len(labels)), "label": list(labels), "team": list(teams)} | more
    )


def members(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Return rows of two teams; y is of class b half as often as x, and what is measured beside
    a place that tells the team is the same.
    """
    rng = np.random.default_rng(seed)
    is_y = rng.random(n) < 0.5
    is_b = rng.random(n) < np.where(is_y, 0.3, 0.6)
    place = is_y + rng.normal(scale=0.3, size=n)
    table = {
        "__stage_row_id": range(n),
        "label": np.where(is_b, "b", "a"),
        "team": np.where(is_y, "y", "x"),
        "place": place,
    }
    return pd.DataFrame(table | {"size": is_b + rng.normal(size=n)})


def test_weights_are_as_worked_by_hand():
    weights = reweighing(rows("aaabbb", "xxyxyy"), BY_TEAM)
    assert weights == pytest.approx(
        [0.75, 0.75, 1.5, 1.5, 0.75, 0.75]
    )  # of six: P(x) P(a) = 1/4, P(x, a) = 1/3 and so on


def test_weights_leave_independent_rows_alone():
    assert reweighing(rows("abab", "xxyy"), BY_TEAM).tolist() == [1, 1, 1, 1]


def test_weighted_class_shares_are_the_same_in_each_group():
    table = members()
    weighted = (
        pd.Series(reweighing(table, BY_TEAM))
        .groupby([table["team"], table["label"]])
        .sum()
        .unstack()
    )
    shares = weighted.div(weighted.sum(axis=1), axis=0)
    assert shares.loc["x"].tolist() == pytest.approx(shares.loc["y"].tolist())
    assert weighted.sum(axis=0).tolist() == pytest.approx(
        table["label"].value_counts().sort_index().tolist()
    )


def test_groups_are_those_of_all_sensitive_columns_together():
    table = rows(
        "abab" * 2 + "aabb", "xxyyxxyyxyxy", age=[20, 20, 20, 20, 60, 60, 60, 60, 20, 60, 60, 20]
    )
    weights = reweighing(table, roles(sensitive=["team", "age"], cut_points={"age": [40]}))
    cell = table["team"] + (table["age"] >= 40).astype(str)
    weighted = pd.Series(weights).groupby([cell, table["label"]]).sum().unstack()
    assert weighted["a"].tolist() == pytest.approx(weighted["b"].tolist())


def test_synthetic_rows_weigh_one_and_change_no_other_weight():
    real = rows("aaabbb", "xxyxyy").assign(**{ORIGIN: "real"})
    made = pd.DataFrame({"label": ["b", "b"], ORIGIN: "synthetic"})
    weights = reweighing(pd.concat([real, made], ignore_index=True), BY_TEAM)
    assert weights == pytest.approx([*reweighing(real, BY_TEAM), 1, 1])


class Weighed:
    """Stands in for a model and keeps the weights of its fit."""

    def fit(self, X, y, sample_weight):
        self.sample_weight = sample_weight
        return self


def test_weights_of_groups_and_of_classes_are_multiplied(monkeypatch):
    monkeypatch.setattr(recipes, "build_model", lambda *arguments: Weighed())
    table = rows("aaaab", "xxxyy", size=range(5))
    params = settings(data={"sensitive": ["team"]})
    given = fit_candidate(
        CandidateSpec("any", sample_weight="balanced", reweigh=True), table, params
    ).sample_weight
    assert given == pytest.approx(
        reweighing(table, params.data) * np.array([0.625, 0.625, 0.625, 0.625, 2.5])
    )


def test_each_fold_is_weighed_by_its_own_training_part(monkeypatch):
    seen = []
    monkeypatch.setattr(
        recipes, "reweighing", lambda part, data: seen.append(part) or np.ones(len(part))
    )
    table = members(90)
    params = settings(data={"sensitive": ["team"]}, train={"folds": 3})
    out_of_fold(
        Dataset.of(table, params.data),
        params,
        {"model": CandidateSpec("logistic_regression", reweigh=True)},
    )
    assert [len(part) for part in seen] == [60, 60, 60]
    assert sorted(
        row for part in seen for row in set(table["__stage_row_id"]) - set(part["__stage_row_id"])
    ) == list(range(90))


def test_a_sensitive_feature_that_is_left_out_still_gives_weights():
    params = settings(data={"sensitive": ["team"], "allowed": {"team": "a test"}})
    part, seen = without(["team", "place"], members(50), params)
    assert list(features(part, seen.data)) == ["size"]
    assert len(reweighing(part, seen.data)) == 50


def test_reweighing_narrows_a_gap_that_a_proxy_makes():
    chosen = {
        "model": "logistic_regression",
        "decision_weights": "balanced_accuracy",
        "mitigation": "reweighing",
    }
    params = settings(data={"sensitive": ["team"]}, train=chosen)
    chosen = choose_candidate(Dataset.of(members(), params.data), params, [])
    table = compare(chosen.model, chosen.rivals, chosen.judge).set_index("candidate")
    assert chosen.spec.reweigh
    assert table.loc["unmitigated", "largest_gap"] > 0.3
    assert table.loc["model", "largest_gap"] < 0.1
    assert table.loc["unmitigated", "kind"] == "mitigation"
    assert table["why"]["model"].startswith(
        "taken: params.yaml spells it out; reweighing narrows the largest gap between groups,"
        " from 0."
    )
    assert table["why"]["unmitigated"].startswith("not taken: reweighing narrows")
    assert f"for {table['lead']['unmitigated']:+.4f} in balanced_accuracy" in table["why"]["model"]
    assert (
        table["why"]["logistic_regression"]
        == "compared with the model, never taken; reweighing here, too"
    )


def test_without_mitigation_sensitive_columns_change_no_candidate():
    chosen = {"model": "logistic_regression", "decision_weights": "balanced_accuracy"}
    tables = []
    for sensitive, forbidden in ((["team"], {}), ([], {"team": "a test"})):
        params = settings(data={"sensitive": sensitive, "forbidden": forbidden}, train=chosen)
        one = choose_candidate(Dataset.of(members(), params.data), params, [])
        tables.append(compare(one.model, one.rivals, one.judge))
    audited, unaudited = tables
    pd.testing.assert_frame_equal(
        *(one.drop(columns="largest_gap") for one in (audited, unaudited))
    )
    assert audited["largest_gap"].notna().all()
    assert unaudited["largest_gap"].isna().all()


def test_reweighing_without_a_sensitive_column_is_refused():
    with pytest.raises(
        UserError, match=r"train.mitigation is 'reweighing', but data.sensitive names no"
    ):
        settings(data={"sensitive": []}, train={"mitigation": "reweighing"})
