"""Proxies and labels: a postcode that tells the group is named, labels that differ at equal
merit are told, equal ones are not.
"""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sluice.audits.proxies import Limits, groups_of, label_bias, pooled_gap, proxies
from sluice.core.command import UserError
from sluice.gates.gate import Verdict, gate
from sluice.gates.messages import number
from sluice.scoping.propose_judged import judged_suites
from tests.engine.settings import settings

DATA = settings(data={"sensitive": ["origin_group"]}).data
NOBODY = pd.DataFrame({DATA.target: ["a", "b"], "origin_group": ["x", "y"]})
LIMITS = Limits(rows=200, auc=0.7, suspects=[], same={})


def people(
    bias: float, postcode: float, n: int = 4000, seed: int = 0, merit: float = 0.0
) -> pd.DataFrame:
    """Return people of two groups, of whom the second is labelled good less often by `bias` at
    equal merit.

    postcode: how often it tells the group; merit: what the second has more of it on average.
    """
    rng = np.random.default_rng(seed)
    group = rng.choice(["n", "s"], n)
    merit = rng.normal(size=n) + merit * (group == "s")
    good = rng.random(n) < 1 / (1 + np.exp(-merit)) - bias * (group == "s")
    told = rng.random(n) < postcode
    return pd.DataFrame(
        {
            "__stage_row_id": [f"r{nth}" for nth in range(n)],
            "label": np.where(good, "good", "poor"),
            "origin_group": group,
            "merit": merit,
            "postcode": np.where(told, group, rng.choice(["n", "s"], n)),
        }
    )


def judged(name: str, table: pd.DataFrame, folder) -> Verdict:
    suite = judged_suites(NOBODY, DATA, settings().scope)[name]
    for one in suite["expectations"]:
        one["meta"]["bound"] = "confirmed"
    (folder / f"{name}.json").write_text(json.dumps(suite), encoding="utf-8")
    return gate(table, folder / f"{name}.json", folder / "report.json")


def test_a_postcode_that_tells_the_group_is_named(tmp_path):
    table = proxies(people(0, postcode=0.9), DATA, 0)
    [row] = table.to_dict("records")
    assert row["auc"] > 0.9
    assert row["best"].startswith("postcode 0.9")
    verdict = judged("proxies", table, tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    assert "best postcode 0.9" in verdict.sentences[0]
    assert "leaving the column out hides it from nobody" in verdict.sentences[0]


def test_features_that_know_nothing_of_the_group_pass(tmp_path):
    table = proxies(people(0, postcode=0), DATA, 0)
    assert table.loc[0, "auc"] == pytest.approx(0.5, abs=0.05)
    assert judged("proxies", table, tmp_path).verdict == "pass"


def test_a_sensitive_column_that_is_missing_is_refused():
    with pytest.raises(
        UserError, match=r"data.sensitive names 'origin_group', which the prepared tables lack"
    ):
        proxies(people(0, 0).drop(columns="origin_group"), DATA, 0)


def test_a_group_in_too_few_clusters_is_left_out():
    rows = people(0, 0, n=60).assign(origin_group=["n"] * 58 + ["s"] * 2)
    assert proxies(rows, DATA, 0).to_dict("records") == [
        {"column": "origin_group", "groups": 1, "rows": 58, "auc": 0.5, "best": "-"}
    ]


def test_without_sensitive_columns_the_table_has_its_header_alone():
    table = proxies(people(0, 0, n=60), settings().data, 0)
    assert (len(table), table.columns.tolist()) == (0, ["column", "groups", "rows", "auc", "best"])


def test_labels_that_differ_at_equal_merit_are_told(tmp_path):
    table = label_bias(people(bias=0.15, postcode=0), DATA, 0, LIMITS)
    assert table["class"].unique().tolist() == ["good"]  # the rarer of two
    by_group = table.set_index("group")
    assert by_group.loc["s", "gap"] == pytest.approx(-0.14, abs=0.03)
    assert (
        by_group.loc["s", "gap_low"] < by_group.loc["s", "gap"] < by_group.loc["s", "gap_high"] < 0
    )
    verdict = judged("label_bias", table, tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    assert "column origin_group, group s, class good: proven_gap 0.1" in verdict.sentences[0]
    assert "All metrics take the labels for the truth" in verdict.sentences[0]


@pytest.mark.slow
def test_labels_that_merit_explains_are_not_accused(tmp_path):
    found = []
    for seed in range(20):
        rows = people(bias=0, postcode=0, seed=seed, merit=-1.0)
        found.append(judged("label_bias", label_bias(rows, DATA, 0, LIMITS), tmp_path).verdict)
    assert found.count("pass") >= 19


@pytest.mark.slow
def test_much_more_merit_looks_like_no_prejudice():
    gaps = [
        label_bias(people(bias=0, postcode=0, seed=seed, merit=-3.0), DATA, 0, LIMITS)
        .set_index("group")
        .loc["s", "gap"]
        for seed in range(20)
    ]
    assert np.mean(gaps) == pytest.approx(0, abs=0.01)  # the strata alone leave -0.02


def test_only_the_benefit_is_looked_at_where_it_is_named():
    rows = people(0, 0).assign(label=lambda rows: rows["label"].where(rows.index % 5 > 0, "none"))
    data = DATA.model_copy(update={"favourable": "good"})
    assert label_bias(rows, data, 0, LIMITS)["class"].unique().tolist() == ["good"]
    assert sorted(label_bias(rows, DATA, 0, LIMITS)["class"].unique()) == ["good", "none", "poor"]


def test_a_small_group_is_insufficient(tmp_path):
    rows = people(0, 0, n=1000).assign(origin_group=["s"] * 40 + ["n"] * 960)
    verdict = judged("label_bias", label_bias(rows, DATA, 0, LIMITS), tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)
    assert ": rows 40 (share" in verdict.sentences[0]


def test_a_gap_is_pooled_over_strata_as_worked_by_hand():
    # stratum 0: 1 of 2 against 0 of 2, weight 1; stratum 1: only the group
    is_label, is_group = (
        pd.Series([1, 0, 0, 0, 1]).astype(bool),
        pd.Series([1, 1, 0, 0, 1]).astype(bool),
    )
    gap, error = pooled_gap(is_label, is_group, np.array([0, 0, 0, 0, 1]), pd.Series(range(5)))
    assert (gap, error) == pytest.approx((0.5, np.sqrt(0.25 / 2)))


@pytest.mark.parametrize("group", [[True, True], [False, False]])
def test_a_group_without_others_says_nothing(group):
    ids = pd.Series([0, 1])
    assert pooled_gap(pd.Series([True, False]), pd.Series(group), np.array([0, 0]), ids) == (
        0.0,
        1.0,
    )
    assert pooled_gap(
        pd.Series([True, False]), pd.Series([True, False]), np.array([0, 1]), ids
    ) == (0.0, 1.0)


def test_a_row_that_stands_twice_in_its_cluster_proves_no_more():
    is_label, is_group = (
        pd.Series([1, 0, 0, 0, 1, 1]).astype(bool),
        pd.Series([1, 1, 0, 0, 0, 1]).astype(bool),
    )
    once = pooled_gap(is_label, is_group, np.zeros(6), pd.Series(range(6)))
    twice = [
        pd.concat([one, one], ignore_index=True)
        for one in (is_label, is_group, pd.Series(range(6)))
    ]
    assert pooled_gap(*twice[:2], np.zeros(12), twice[2]) == pytest.approx(once)


def test_groups_are_values_or_lie_between_cut_points():
    rows = pd.DataFrame({"age": [20.0, 25.0, 70.0, None], "sex": ["f", "m", None, "f"]})
    data = settings(data={"sensitive": ["age", "sex"], "cut_points": {"age": [25.0, 60.0]}}).data
    assert groups_of(rows, "age", data).tolist() == [
        "below 25",
        "25 to below 60",
        "60 or more",
        "missing",
    ]
    assert groups_of(rows, "sex", data).tolist() == ["f", "m", "missing", "f"]


def test_a_second_code_of_the_group_explains_no_bias_away(tmp_path):
    table = label_bias(people(bias=0.15, postcode=0.95), DATA, 0, LIMITS)
    second = table.set_index("group").loc["s"]
    assert second["left_out"] == "postcode"
    assert second["gap"] == pytest.approx(-0.14, abs=0.03)
    assert second["gap_high"] < 0
    assert abs(second["gap_with_all"]) < 0.05  # who has the same postcode is of the same group
    verdict = judged("label_bias", table, tmp_path)
    assert verdict.verdict == "warn"
    assert (
        f"left_out postcode, gap_with_all {number(second['gap_with_all'])}" in verdict.sentences[0]
    )


def test_merit_of_which_one_group_has_more_is_not_left_out():
    assert label_bias(people(bias=0, postcode=0, merit=-3.0), DATA, 0, LIMITS)[
        "left_out"
    ].unique().tolist() == ["-"]


def test_a_consequence_of_the_decision_explains_no_bias_away():
    rows = people(bias=0.15, postcode=0).assign(
        rate=lambda rows: np.where(rows["label"] == "good", 3.5, 9.0)
    )
    second = (
        label_bias(rows, DATA, 0, replace(LIMITS, suspects=["rate"])).set_index("group").loc["s"]
    )
    assert second["left_out"] == "rate"
    assert second["gap"] == pytest.approx(-0.14, abs=0.03)
    assert abs(second["gap_with_all"]) < 0.01


def test_a_trait_of_the_same_name_explains_no_bias_away():
    found = label_bias(
        people(bias=0.15, postcode=0.3),
        DATA,
        0,
        replace(LIMITS, same={"origin_group": ["postcode"]}),
    )
    assert found["left_out"].unique().tolist() == ["postcode"]


@pytest.mark.parametrize("n", [1, 11, 199])
def test_a_group_of_few_rows_proves_nothing(n):
    rows = people(bias=0, postcode=0, n=2000).assign(origin_group=["s"] * n + ["n"] * (2000 - n))
    rows.loc[rows["origin_group"] == "s", "label"] = "poor"
    table = label_bias(
        rows, DATA, 0, LIMITS
    )  # of both: what the few are held against proves no more than they
    assert table[["gap_low", "gap_high", "proven_gap"]].drop_duplicates().to_numpy().tolist() == [
        [-1.0, 1.0, 0.0]
    ]


def test_a_group_of_rows_enough_can_prove_a_gap():
    rows = people(bias=0, postcode=0, n=2000).assign(origin_group=["s"] * 200 + ["n"] * 1800)
    rows.loc[rows["origin_group"] == "s", "label"] = "poor"
    assert (label_bias(rows, DATA, 0, LIMITS)["proven_gap"] > 0.3).all()
