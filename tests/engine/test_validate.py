"""Validate: class support, leakage, and features that give the target away."""

import json

import numpy as np
import pandas as pd
import pytest

from sluice.audits import leakage as leaks
from sluice.audits.leakage import by_feature, leakage, limits
from sluice.audits.proxies import Limits
from sluice.gates.gate import gate
from sluice.metrics.single_feature import ONE_SIDED, in_words, one_sided, single_feature_auc
from sluice.scoping.propose_judged import judged_suites
from tests.engine.settings import roles, settings


def by_label(values, labels, cluster_ids=None) -> pd.Series:
    """Return how well one column gives each label away."""
    ids = pd.Series(range(len(labels)) if cluster_ids is None else cluster_ids)
    return single_feature_auc(
        pd.DataFrame({"column": values}), pd.Series(labels), ids, random_state=0
    ).loc["column"]


def alone(values, labels, cluster_ids=None) -> float:
    """Return how well one column gives the labels away, on average."""
    return by_label(values, labels, cluster_ids).mean()


def value(table: pd.DataFrame, check: str) -> float:
    [found] = table.loc[table["check"] == check, "value"]
    return found


def test_leakage_counts_test_rows_that_training_holds_too():
    train = pd.DataFrame(
        {"__stage_row_id": ["p", "p", "q"], "label": ["a", "a", "b"], "size": [1, 1, 2]}
    )
    test = pd.DataFrame(
        {"__stage_row_id": ["p", "r", "q"], "label": ["a", "a", "b"], "size": [1, 3, 2]}
    )
    assert value(leakage(train, test, roles(), 0), "rows_on_both_sides") == 2


def test_leakage_counts_test_rows_of_clusters_that_training_holds_too():
    train = pd.DataFrame(
        {
            "__stage_row_id": ["p", "q"],
            "label": ["a", "b"],
            "batch": [1, 2],
            "shelf": [1, 1],
            "size": [1, 2],
        }
    )
    test = pd.DataFrame(
        {
            "__stage_row_id": ["r", "s", "t"],
            "label": ["a", "a", "b"],
            "batch": [1, 1, 2],
            "shelf": [1, 1, 2],
            "size": [3, 4, 5],
        }
    )
    assert (
        value(leakage(train, test, roles(cluster=["batch", "shelf"]), 0), "clusters_on_both_sides")
        == 2
    )


def test_leakage_is_zero_for_tables_that_share_nothing():
    train = pd.DataFrame(
        {"__stage_row_id": ["p", "q"], "label": ["a", "b"], "batch": [1, 2], "size": [1, 2]}
    )
    test = pd.DataFrame({"__stage_row_id": ["r"], "label": ["a"], "batch": [3], "size": [1]})
    table = leakage(train, test, roles(cluster=["batch"]), 0)
    counts = table[~table["check"].isin(["gives_away", "one_sided"])]
    assert counts["check"].tolist() == [
        "rows_on_both_sides",
        "clusters_on_both_sides",
        "not_a_feature",
    ]
    assert counts["column"].tolist() == ["-", "-", "-"]
    assert counts["value"].tolist() == [0, 0, 0]


def test_leakage_does_not_speak_of_clusters_where_none_is_declared():
    rows = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["a", "b"], "size": [1, 2]})
    assert "clusters_on_both_sides" not in leakage(rows, rows, roles(), 0)["check"].tolist()


def test_leakage_names_hidden_columns_that_got_among_the_features(monkeypatch):
    rows = pd.DataFrame(
        {
            "__stage_row_id": ["p", "q"],
            "label": ["a", "b"],
            "team": [1, 2],
            "price": [3, 4],
            "size": [1, 2],
        }
    )
    monkeypatch.setattr(
        leaks, "features", lambda rows, data: rows[["size", "team", "price"]].astype("float64")
    )
    table = leakage(
        rows, rows, roles(sensitive=["team"], forbidden={"price": "set after the sale"}), 0
    )
    [found] = table[table["check"] == "not_a_feature"].to_dict("records")
    assert found == {"check": "not_a_feature", "column": "team, price", "value": 2}


def test_leakage_judges_each_feature_alone():
    rows = pd.DataFrame(
        {
            "__stage_row_id": [str(n) for n in range(40)],
            "label": ["a", "b"] * 20,
            "size": [1, 2] * 20,
            "depth": [1, 1, 2, 2] * 10,
        }
    )
    table = leakage(rows, rows, roles(), 0)
    given = table[table["check"] == "gives_away"].set_index("column")["value"]
    assert given["size"] == 1
    assert given["depth"] < 0.7


@pytest.mark.parametrize(
    "recoded",
    [
        {"a": "a", "b": "b"},
        {"a": "zinc", "b": "iron"},
        {"a": 7.0, "b": 3.0},
        {"a": 0.0, "b": np.nan},
        {"a": None, "b": "iron"},
    ],
)
def test_a_copy_of_the_target_gives_it_away_under_any_code(recoded):
    labels = ["a", "b"] * 20
    assert alone([recoded[label] for label in labels], labels) == 1


def test_a_random_column_gives_nothing_away():
    rng = np.random.default_rng(0)
    assert alone(rng.normal(size=600), rng.choice(["a", "b"], 600)) == pytest.approx(0.5, abs=0.07)


def test_random_text_gives_nothing_away():
    rng = np.random.default_rng(0)
    assert alone(
        rng.choice(["red", "blue", "green"], 600), rng.choice(["a", "b"], 600)
    ) == pytest.approx(0.5, abs=0.07)


def test_a_constant_column_ranks_nothing():
    assert alone([1.0] * 60, ["a", "b"] * 30) == 0.5


def test_a_column_that_gives_away_one_class_of_three_is_found_with_the_class():
    rows = pd.DataFrame(
        {
            "__stage_row_id": [str(n) for n in range(90)],
            "label": ["a", "b", "c"] * 30,
            "size": [0, 0, 1] * 30,
        }
    )
    table = leakage(rows, rows, roles(), 0)
    assert table[table["check"] == "gives_class_away"].to_dict("records") == [
        {"check": "gives_class_away", "column": "size for class c", "value": 1.0}
    ]
    assert value(table, "gives_away") == pytest.approx(
        (1 + 0.75 + 0.75) / 3
    )  # a and b: half of the others are ranked, half are tied


def test_of_two_classes_only_both_are_given_away():
    rows = pd.DataFrame(
        {
            "__stage_row_id": [str(n) for n in range(40)],
            "label": ["a", "b"] * 20,
            "size": [1, 2] * 20,
        }
    )
    assert "gives_class_away" not in leakage(rows, rows, roles(), 0)["check"].tolist()


def test_a_class_in_fewer_than_three_clusters_is_left_out():
    rng = np.random.default_rng(1)
    labels, ids = ["a", "b"] * 150 + ["c"] * 20, [*range(300), *[300] * 10, *[301] * 10]
    assert list(by_label([*rng.normal(size=300), *[99.0] * 20], labels, ids).index) == ["a", "b"]


def test_a_class_in_three_clusters_is_judged():
    rng = np.random.default_rng(1)
    labels, ids = (
        ["a", "b"] * 150 + ["c"] * 30,
        [*range(300), *[300] * 10, *[301] * 10, *[302] * 10],
    )
    assert by_label([*rng.normal(size=300), *[99.0] * 30], labels, ids)["c"] == 1


def test_nothing_is_given_away_where_fewer_than_two_classes_can_be_judged():
    assert alone([1.0, 1.0, 1.0, 1.0, 2.0], ["a", "a", "a", "a", "b"]) == 0.5


def test_what_marks_a_cluster_does_not_give_its_label_away():
    rng = np.random.default_rng(2)
    labels, ids = np.repeat(rng.choice(["a", "b"], 60), 10), np.repeat(range(60), 10)
    assert alone(ids.astype(float), labels, ids) < 0.7
    assert (
        alone(ids.astype(float), labels) > 0.8
    )  # the same column, if rows of one cluster could stand on both sides


def test_classes_that_share_their_clusters_are_judged():
    labels, ids = ["a", "a", "b"] * 4 + ["a", "a"], [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5]
    assert 0 <= alone([float(n) for n in range(14)], labels, ids) <= 1


def side(values: list, labels: list[str], cluster_ids=None, others: int = 0) -> pd.Series:
    """Return the state of a column that holds nearly one class alone; others: columns of noise
    that are looked at, too.
    """
    ids = pd.Series(range(len(labels)) if cluster_ids is None else cluster_ids)
    noise = {
        f"noise{nth}": np.random.default_rng(nth).integers(0, 20, len(labels))
        for nth in range(others)
    }
    return one_sided(pd.DataFrame({"field": values} | noise), pd.Series(labels), ids).loc["field"]


def test_a_field_that_is_filled_in_for_one_class_alone_is_named():
    found = side([1.0, 2.0] * 100 + [np.nan] * 300, ["yes"] * 350 + ["no"] * 150)
    assert in_words("field", found) == "field is filled in: 200 of 200 rows have class yes"
    # 3 states of both classes: 6 bounds; 0.05 / 6 is the chance that a share of at most `low` has
    # 200 hits of 200; 0.7 are yes at all
    assert found["settles"] == pytest.approx(((0.05 / 8) ** (1 / 200) - 0.7) / 0.3)


def test_a_value_that_holds_one_class_alone_is_named_though_the_field_is_always_filled():
    found = side([0] * 300 + [7, 8, 9] * 67, ["no"] * 150 + ["yes"] * 351)
    assert (found["state"], found["hits"], found["rows"], found["label"]) == (
        "is other than 0",
        201,
        201,
        "yes",
    )
    assert found["settles"] > ONE_SIDED


def test_a_field_that_is_missing_where_the_class_is_rare_is_named():
    found = side(["N1"] * 950 + [None] * 50, ["flown"] * 900 + ["cancelled"] * 100, others=10)
    assert in_words("tail", found) == "tail is missing: 50 of 50 rows have class cancelled"
    assert found["settles"] > ONE_SIDED


def test_twenty_rows_that_agree_by_chance_settle_little():
    assert (
        side(["rare"] * 20 + ["common"] * 480, ["a"] * 260 + ["b"] * 240, others=10)["settles"]
        < ONE_SIDED
    )


def test_a_value_that_halves_the_share_of_the_other_class_is_a_feature_as_it_should_be():
    belted = ["alive"] * 970 + ["dead"] * 30  # 3 % of them die, 6 % of the others
    found = side(["belted"] * 1000 + ["none"] * 1000, belted + ["alive"] * 940 + ["dead"] * 60)
    assert (found["settles"], found["state"], in_words("seatbelt", found)) == (0, "-", "seatbelt")


def test_rows_of_one_cluster_settle_no_more_than_it_does():
    values, labels = ["sold"] * 200 + ["-"] * 300, ["yes"] * 350 + ["no"] * 150
    assert (
        side(values, labels)["settles"]
        > ONE_SIDED
        > side(values, labels, [0] * 100 + [1] * 100 + list(range(2, 302)))["settles"]
    )


def test_no_table_of_chance_in_a_hundred_has_a_one_sided_column():
    rng = np.random.default_rng(0)
    for share in (0.05, 0.5) * 50:
        rows = pd.DataFrame(rng.integers(0, 25, (600, 10))).where(rng.random((600, 10)) < 0.9)
        labels = pd.Series(np.where(rng.random(600) < share, "a", "b"))
        assert one_sided(rows, labels, pd.Series(range(600)))["settles"].max() < ONE_SIDED


def loans(leaking: bool, n: int = 1000) -> pd.DataFrame:
    """Return loans of which four in five are granted; `leaking`: half of the granted ones have a
    buyer, and hardly another.
    """
    rng = np.random.default_rng(0)
    granted = rng.random(n) < 0.8
    has_buyer = rng.random(n) < np.where(granted, 0.5, 0.01 if leaking else 0.4)
    return pd.DataFrame(
        {
            "__stage_row_id": [str(nth) for nth in range(n)],
            "label": np.where(granted, "yes", "no"),
            "buyer": np.where(has_buyer, rng.integers(1, 4, n), 0),
        }
    )


@pytest.mark.parametrize(("leaking", "verdict"), [(True, "warn"), (False, "pass")])
def test_the_gate_warns_of_a_leak_that_holds_for_one_side_only(leaking, verdict, tmp_path):
    rows = loans(leaking)
    table = leakage(rows, rows.head(9).assign(__stage_row_id="new"), roles(), 0)
    assert table.loc[table["check"] == "gives_away", "value"].max() < 0.8
    suite = judged_suites(rows, roles(), settings().scope)["leakage"]
    suite["expectations"] = [
        one | {"meta": one["meta"] | {"bound": "confirmed"}} for one in suite["expectations"]
    ]
    (tmp_path / "leakage.json").write_text(json.dumps(suite))
    found = gate(table, tmp_path / "leakage.json", tmp_path / "report.json")
    assert (found.verdict, found.blocks) == (verdict, False)
    if leaking:
        assert "column buyer is other than 0: " in found.sentences[0]
        assert "rows have class yes: value 0.8" in found.sentences[0]


def test_what_is_no_evidence_of_equal_merit_follows_from_the_suites(tmp_path, monkeypatch):
    rows = loans(leaking=True).assign(
        race=["black", "white"] * 500,
        race2=["1", "2", "3", "4"] * 250,
        copy=lambda rows: rows["label"],
    )
    data = roles(sensitive=["race"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "expectations").mkdir()
    for name, suite in judged_suites(rows, data, settings().scope).items():
        (tmp_path / "expectations" / f"{name}.json").write_text(json.dumps(suite))
    found = limits(by_feature(rows, rows.head(9), data, 0), rows, data)
    assert found == Limits(
        rows=200, auc=0.7, suspects=["copy", "buyer"], same={"race": ["race", "race2"]}
    )
