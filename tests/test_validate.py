"""Validate: class support, leakage, and features that give the target away."""

import numpy as np
import pandas as pd
import pytest

from stages import validate
from stages.during.giveaway import giveaway
from stages.validate import leakage
from tests.pipeline_run import roles


def by_label(values, labels, cluster_ids=None) -> pd.Series:
    """Return how well one column gives each label away."""
    ids = pd.Series(range(len(labels)) if cluster_ids is None else cluster_ids)
    return giveaway(pd.DataFrame({"column": values}), pd.Series(labels), ids, random_state=0).loc["column"]


def alone(values, labels, cluster_ids=None) -> float:
    """Return how well one column gives the labels away, on average."""
    return by_label(values, labels, cluster_ids).mean()


def value(table: pd.DataFrame, check: str) -> float:
    [found] = table.loc[table["check"] == check, "value"]
    return found


def test_leakage_counts_test_rows_that_training_holds_too():
    train = pd.DataFrame({"__stage_row_id": ["p", "p", "q"], "label": ["a", "a", "b"], "size": [1, 1, 2]})
    test = pd.DataFrame({"__stage_row_id": ["p", "r", "q"], "label": ["a", "a", "b"], "size": [1, 3, 2]})
    assert value(leakage(train, test, roles(), 0), "rows_on_both_sides") == 2


def test_leakage_counts_test_rows_of_clusters_that_training_holds_too():
    train = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["a", "b"], "batch": [1, 2], "shelf": [1, 1], "size": [1, 2]})
    test = pd.DataFrame(
        {"__stage_row_id": ["r", "s", "t"], "label": ["a", "a", "b"], "batch": [1, 1, 2], "shelf": [1, 1, 2], "size": [3, 4, 5]}
    )
    assert value(leakage(train, test, roles(cluster=["batch", "shelf"]), 0), "clusters_on_both_sides") == 2


def test_leakage_is_zero_for_tables_that_share_nothing():
    train = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["a", "b"], "batch": [1, 2], "size": [1, 2]})
    test = pd.DataFrame({"__stage_row_id": ["r"], "label": ["a"], "batch": [3], "size": [1]})
    table = leakage(train, test, roles(cluster=["batch"]), 0)
    counts = table[table["check"] != "gives_away"]
    assert counts["check"].tolist() == ["rows_on_both_sides", "clusters_on_both_sides", "not_a_feature"]
    assert counts["column"].tolist() == ["-", "-", "-"]
    assert counts["value"].tolist() == [0, 0, 0]


def test_leakage_does_not_speak_of_clusters_where_none_is_declared():
    rows = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["a", "b"], "size": [1, 2]})
    assert "clusters_on_both_sides" not in leakage(rows, rows, roles(), 0)["check"].tolist()


def test_leakage_names_hidden_columns_that_got_among_the_features(monkeypatch):
    rows = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["a", "b"], "team": [1, 2], "price": [3, 4], "size": [1, 2]})
    monkeypatch.setattr(validate, "features", lambda rows, data: rows[["size", "team", "price"]].astype("float64"))
    table = leakage(rows, rows, roles(sensitive=["team"], forbidden={"price": "set after the sale"}), 0)
    [found] = table[table["check"] == "not_a_feature"].to_dict("records")
    assert found == {"check": "not_a_feature", "column": "team, price", "value": 2}


def test_leakage_judges_each_feature_alone():
    rows = pd.DataFrame(
        {"__stage_row_id": [str(n) for n in range(40)], "label": ["a", "b"] * 20, "size": [1, 2] * 20, "depth": [1, 1, 2, 2] * 10}
    )
    table = leakage(rows, rows, roles(), 0)
    given = table[table["check"] == "gives_away"].set_index("column")["value"]
    assert given["size"] == 1
    assert given["depth"] < 0.7


@pytest.mark.parametrize(
    "recoded", [{"a": "a", "b": "b"}, {"a": "zinc", "b": "iron"}, {"a": 7.0, "b": 3.0}, {"a": 0.0, "b": np.nan}, {"a": None, "b": "iron"}]
)
def test_a_copy_of_the_target_gives_it_away_under_any_code(recoded):
    labels = ["a", "b"] * 20
    assert alone([recoded[label] for label in labels], labels) == 1


def test_a_random_column_gives_nothing_away():
    rng = np.random.default_rng(0)
    assert alone(rng.normal(size=600), rng.choice(["a", "b"], 600)) == pytest.approx(0.5, abs=0.07)


def test_random_text_gives_nothing_away():
    rng = np.random.default_rng(0)
    assert alone(rng.choice(["red", "blue", "green"], 600), rng.choice(["a", "b"], 600)) == pytest.approx(0.5, abs=0.07)


def test_a_constant_column_ranks_nothing():
    assert alone([1.0] * 60, ["a", "b"] * 30) == 0.5


def test_a_column_that_gives_away_one_class_of_three_is_found_with_the_class():
    rows = pd.DataFrame({"__stage_row_id": [str(n) for n in range(90)], "label": ["a", "b", "c"] * 30, "size": [0, 0, 1] * 30})
    table = leakage(rows, rows, roles(), 0)
    assert table[table["check"] == "gives_class_away"].to_dict("records") == [
        {"check": "gives_class_away", "column": "size for class c", "value": 1.0}
    ]
    assert value(table, "gives_away") == pytest.approx((1 + 0.75 + 0.75) / 3)  # a and b: half of the others are ranked, half are tied


def test_of_two_classes_only_both_are_given_away():
    rows = pd.DataFrame({"__stage_row_id": [str(n) for n in range(40)], "label": ["a", "b"] * 20, "size": [1, 2] * 20})
    assert "gives_class_away" not in leakage(rows, rows, roles(), 0)["check"].tolist()


def test_a_class_in_fewer_than_three_clusters_is_left_out():
    rng = np.random.default_rng(1)
    labels, ids = ["a", "b"] * 150 + ["c"] * 20, [*range(300), *[300] * 10, *[301] * 10]
    assert list(by_label([*rng.normal(size=300), *[99.0] * 20], labels, ids).index) == ["a", "b"]


def test_a_class_in_three_clusters_is_judged():
    rng = np.random.default_rng(1)
    labels, ids = ["a", "b"] * 150 + ["c"] * 30, [*range(300), *[300] * 10, *[301] * 10, *[302] * 10]
    assert by_label([*rng.normal(size=300), *[99.0] * 30], labels, ids)["c"] == 1


def test_nothing_is_given_away_where_fewer_than_two_classes_can_be_judged():
    assert alone([1.0, 1.0, 1.0, 1.0, 2.0], ["a", "a", "a", "a", "b"]) == 0.5


def test_what_marks_a_cluster_does_not_give_its_label_away():
    rng = np.random.default_rng(2)
    labels, ids = np.repeat(rng.choice(["a", "b"], 60), 10), np.repeat(range(60), 10)
    assert alone(ids.astype(float), labels, ids) < 0.7
    assert alone(ids.astype(float), labels) > 0.8  # the same column, if rows of one cluster could stand on both sides


def test_classes_that_share_their_clusters_are_judged():
    labels, ids = ["a", "a", "b"] * 4 + ["a", "a"], [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5]
    assert 0 <= alone([float(n) for n in range(14)], labels, ids) <= 1
