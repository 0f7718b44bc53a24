"""Class support: what there is to learn from and to judge by, and that accuracy may not hide a
rare class.
"""

import json

import numpy as np
import pandas as pd
import pytest

from sluice.audits.support import class_support, periods
from sluice.core.params import Data
from sluice.gates.gate import Verdict, gate
from sluice.scoping.propose_judged import judged_suites
from tests.engine.settings import roles, settings


def judged(table: pd.DataFrame, data: Data, folder) -> Verdict:
    """Return what the proposed suite says of the table, once confirmed."""
    prepared = pd.DataFrame({"label": table["class"]})
    suite = judged_suites(prepared, data, settings().scope)["classes"]
    for one in suite["expectations"]:
        one["meta"]["bound"] = "confirmed"
    (folder / "classes.json").write_text(json.dumps(suite), encoding="utf-8")
    return gate(table, folder / "classes.json", folder / "report.json")


def test_support_counts_rows_and_clusters_of_both_tables():
    train = pd.DataFrame({"label": ["a", "a", "a", "b"], "batch": [1, 1, 2, 2]})
    test = pd.DataFrame({"label": ["b", "b", "a"], "batch": [3, 4, 4]})
    a, b = class_support(train, test, roles(cluster=["batch"]), "macro_f1").to_dict("records")
    assert a == {
        "class": "a",
        "train": 3,
        "train_share": 0.75,
        "train_clusters": 2,
        "support": 1,
        "test_clusters": 1,
        "seen_by_metric": 1.0,
    }
    assert b == {
        "class": "b",
        "train": 1,
        "train_share": 0.25,
        "train_clusters": 1,
        "support": 2,
        "test_clusters": 2,
        "seen_by_metric": 1.0,
    }


def test_a_class_that_only_the_test_rows_have_is_named():
    table = class_support(
        pd.DataFrame({"label": ["a"]}), pd.DataFrame({"label": ["c"]}), roles(), "accuracy"
    )
    assert table["class"].tolist() == ["a", "c"]
    assert table["train"].tolist() == [1, 0]
    assert table["seen_by_metric"].tolist() == [1, 0]


def test_periods_are_months_of_dates_and_values_of_numbers():
    assert periods(
        pd.Series(pd.to_datetime(["2020-01-01", "2020-01-31", "2020-02-01", None]))
    ).astype(str).tolist() == [
        "2020-01",
        "2020-01",
        "2020-02",
    ]
    assert periods(pd.Series([1997, None, 1999])).tolist() == [1997, 1999]


def test_a_class_is_last_seen_in_its_last_period():
    days = pd.to_datetime(["2020-01-09", "2020-03-01", "2020-03-31", "2020-04-01", None])
    train = pd.DataFrame({"label": [*"baaab"], "day": days, "year": [1997, 1998, 1998, 2000, None]})
    by_day = class_support(train, train, roles(time="day"), "macro_f1")
    assert by_day[["last_seen", "periods"]].values.tolist() == [["2020-04", 2], ["2020-01", 1]]
    assert class_support(train, train, roles(time="year"), "macro_f1")["last_seen"].tolist() == [
        "2000",
        "1997",
    ]


def test_absence_by_chance_is_hand_worked():
    train = pd.DataFrame(
        {
            "label": [*"aabbaaaa"],
            "year": [1, 1, 1, 1, 2, 2, 2, 2],
            "batch": [1, 2, 3, 4, 5, 6, 7, 8],
        }
    )
    table = class_support(train, train, roles(time="year"), "macro_f1")
    assert table["absent_by_chance"].tolist() == [1, 0.5**2]  # both rows of b in the first half
    together = class_support(
        train.assign(batch=[1, 2, 3, 3, 4, 5, 6, 7]),
        train,
        roles(time="year", cluster=["batch"]),
        "macro_f1",
    )
    assert together["absent_by_chance"].tolist() == [1, 0.5]  # which are one cluster


def test_a_class_without_a_training_row_was_never_seen():
    train, test = (pd.DataFrame({"label": [label], "year": [1]}) for label in "ac")
    c = class_support(train, test, roles(time="year"), "macro_f1").set_index("class").loc["c"]
    assert (c["periods"], pd.isna(c["last_seen"]), c["absent_by_chance"]) == (0, True, 1)


def many(rare: int, years: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = pd.DataFrame({"label": ["a"] * 400 + ["b"] * rare})
    return rows.assign(year=[nth % years for nth in range(len(rows))]), rows


def test_accuracy_is_refused_where_a_class_is_rare(tmp_path):
    train, test = many(rare=99)
    verdict = judged(class_support(train, test, roles(), "accuracy"), roles(), tmp_path)
    assert verdict.blocks
    [sentence] = verdict.sentences
    assert "class b: seen_by_metric 0.247" in sentence
    assert "set scope.metric in params.yaml to balanced_accuracy or macro_f1" in sentence


@pytest.mark.parametrize(("rare", "metric"), [(100, "accuracy"), (99, "balanced_accuracy")])
def test_a_metric_that_sees_the_class_passes(rare, metric, tmp_path):
    train, test = many(rare)
    assert judged(class_support(train, test, roles(), metric), roles(), tmp_path).verdict == "pass"


def test_a_class_of_one_period_is_warned_of(tmp_path):
    train, test = many(rare=200, years=1)
    data = roles(time="year")
    verdict = judged(class_support(train, test, data, "macro_f1"), data, tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    assert "periods 1" in verdict.sentences[0]
    assert "nobody knows whether it returns" in verdict.sentences[0]


def test_a_class_that_died_out_is_warned_of(tmp_path):
    train, test = many(rare=200, years=10)
    data = roles(time="year")
    dead = train[(train["label"] == "a") | (train["year"] < 8)]
    verdict = judged(class_support(dead, test, data, "macro_f1"), data, tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    [sentence] = verdict.sentences
    assert "class b: absent_by_chance" in sentence
    assert "last_seen 7" in sentence
    assert "it may have died out, or be named otherwise now" in sentence


def test_classes_that_come_as_ever_are_seldom_said_to_have_died_out():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        train = pd.DataFrame({"label": ["a"] * 400 + ["b"] * 30, "year": rng.integers(0, 50, 430)})
        found.append(
            class_support(train, train, roles(time="year"), "macro_f1")["absent_by_chance"].min()
            < 0.005
        )
    assert np.mean(found) <= 0.02


def test_rows_of_few_clusters_are_insufficient(tmp_path):
    train, test = many(rare=200)
    table = class_support(
        train.assign(batch=range(len(train))),
        test.assign(batch=0),
        roles(cluster=["batch"]),
        "macro_f1",
    )
    verdict = judged(table.assign(train_clusters=[400, 19]), roles(cluster=["batch"]), tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)
    assert "class b: train_clusters 19" in verdict.sentences[0]
