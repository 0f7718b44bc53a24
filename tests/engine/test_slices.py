"""Slices: parts of the test rows, each held to the floors of its classes."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sluice.core.params import Data
from sluice.data.dataset import Dataset
from sluice.gates.gate import gate
from sluice.metrics.intervals import clopper_pearson
from sluice.metrics.slices import named, slice_problems, slices
from sluice.scoping.propose import merge
from sluice.scoping.propose_judged import Asked, judged_suites, slices_suite

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(condition_parser|row_condition):DeprecationWarning"
)  # Great Expectations warns itself
DATA = Data(
    target="label",
    time=None,
    cluster=[],
    sensitive=[],
    allowed={},
    cut_points={},
    favourable=None,
    forbidden={},
)
NUMBERS = pd.Series([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])


def alone(rows: pd.DataFrame) -> Dataset:
    """Return `rows` as a data set in which no row knows of another."""
    return Dataset(rows, rows, rows["label"], pd.Series(range(len(rows))), None)


def sliced(place: str, y_true: str, y_pred: str, columns=("place",), train=None) -> pd.DataFrame:
    test = pd.DataFrame({"place": list(place), "label": list(y_true)})
    decided = np.array(list(y_pred), dtype=object)
    return slices(
        alone(test),
        test if train is None else train,
        decided,
        ["a", "b"],
        list(columns),
        {},
    )


def test_without_declared_slices_all_rows_are_judged():
    table = sliced("xxyy", "aabb", "abbb", columns=())
    assert table[["slice", "value", "class", "support", "recall"]].values.tolist() == [
        ["all", "all", "a", 2, 0.5],
        ["all", "all", "b", 2, 1],
    ]
    assert table.loc[0, "recall_low"] == pytest.approx(clopper_pearson(1, 2)[0])
    assert table.loc[0, "recall_high"] == pytest.approx(clopper_pearson(1, 2, 1 - 0.05 / 2)[1])


def test_each_value_has_the_recall_of_each_class():
    table = sliced("xxyy", "abab", "abbb").set_index(["slice", "value", "class"])["recall"]
    assert table["place"].to_dict() == {("x", "a"): 1, ("x", "b"): 1, ("y", "a"): 0, ("y", "b"): 1}


def test_bounds_hold_for_all_of_a_slice_together():
    row = (
        sliced("xxxxyz", "aaaaaa", "aaabaa")
        .set_index(["slice", "value", "class"])
        .loc[("place", "x", "a")]
    )
    assert row["recall_low"] == pytest.approx(
        clopper_pearson(3, 4, 1 - 0.05 / 3)[0]
    )  # three values
    assert row["recall_high"] == pytest.approx(
        clopper_pearson(3, 4, 1 - 0.05 / 6)[1]
    )  # of two classes


def test_bounds_that_stop_hold_for_all_slices_together():
    test = pd.DataFrame({"place": list("xyxy"), "kind": list("uuvv"), "label": list("aabb")})
    table = slices(
        alone(test),
        test,
        np.array(list("abbb"), dtype=object),
        ["a", "b"],
        ["place", "kind"],
        {},
    )
    row = table.set_index(["slice", "value", "class"]).loc[("place", "y", "a")]
    assert row["recall_high"] == pytest.approx(
        clopper_pearson(0, 1, 1 - 0.05 / 8)[1]
    )  # two values of two slices, of two classes


def test_value_that_only_training_has_is_a_slice_without_rows():
    table = sliced("xx", "ab", "ab", train=pd.DataFrame({"place": ["x", "z"]})).set_index(
        ["slice", "value", "class"]
    )
    assert table.loc[("place", "z", "a"), ["support", "recall_low", "recall_high"]].tolist() == [
        0,
        0,
        1,
    ]


def test_numbers_are_cut_into_quartiles_of_training():
    assert named(pd.Series([-5.0, 10.0, 49.0, 99.0, None]), NUMBERS).tolist() == [
        "below 10",
        "10 to below 30",
        "30 to below 50",
        "50 or more",
        "missing",
    ]


def test_numbers_are_cut_at_declared_cut_points():
    assert named(pd.Series([24, 25, 60]), NUMBERS, [25, 60]).tolist() == [
        "below 25",
        "25 to below 60",
        "60 or more",
    ]


def test_numbers_of_few_values_stay_as_they_are():
    assert named(pd.Series([0, 1, 1]), pd.Series([0, 1, 0])).tolist() == ["0", "1", "1"]


def test_dates_are_cut_at_days():
    days = pd.Series(
        pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"])
    )
    assert named(days, days).tolist()[0] == "below 2024-02-01"


def test_slices_that_cannot_be_are_told_all_at_once():
    rows = pd.DataFrame({"place": ["x"], "label": ["a"]})
    assert slice_problems(["palce", "label", "place", "place"], rows, "label") == [
        (
            "params.yaml: evaluate.slices names 'palce', which the prepared tables lack; they have"
            " place"
        ),
        (
            "params.yaml: evaluate.slices names the target 'label': reports/by_class.csv has each"
            " class"
        ),
        "params.yaml: evaluate.slices names 'place' twice; name it once",
    ]
    assert slice_problems(["place"], rows, "label") == []


@pytest.fixture
def judged(tmp_path):
    """Return the gate's verdict on slices of `place`, with floors for the classes a and b."""

    def judged(table, floors=None, columns=("place",)):
        criteria = SimpleNamespace(recall_floor=0.5, recall_floors=floors or {}, largest_gap=0.1)
        suite = judged_suites(
            pd.DataFrame({"label": ["a", "b"]}), DATA, criteria, Asked(slices=columns)
        )["slices"]
        suite["expectations"] = [
            one | {"meta": one["meta"] | {"bound": "confirmed"}} for one in suite["expectations"]
        ]
        (tmp_path / "slices.json").write_text(json.dumps(suite))
        return gate(table, tmp_path / "slices.json", tmp_path / "report.json")

    return judged


GOOD = ("x" * 40 + "y" * 40, "ab" * 40)


def test_slices_in_which_every_class_is_found_pass(judged):
    assert judged(sliced(*GOOD, "ab" * 40)).verdict == "pass"


def test_class_that_is_overlooked_in_one_slice_is_stopped(judged):
    verdict = judged(sliced(*GOOD, "ab" * 20 + "aa" * 20))
    assert (verdict.verdict, verdict.blocks) == ("fail", True)
    [sentence] = verdict.sentences
    for part in (
        "slice place",
        "value y",
        "class b",
        "on the whole the class may be found, here it is overlooked",
    ):
        assert part in sentence


def test_slice_has_the_floor_of_its_class(judged):
    assert judged(sliced(*GOOD, "ab" * 26 + "aa" * 14), {"b": 0.2}).verdict == "pass"
    assert judged(sliced(*GOOD, "ab" * 26 + "aa" * 14), {"b": 0.9}).verdict == "fail"


def test_recall_of_all_rows_is_left_to_by_class(judged):
    for floors in ({}, {"b": 0.4}):
        assert judged(sliced(*GOOD, "aa" * 40, columns=()), floors, columns=()).verdict == "pass"
    verdict = judged(sliced(*GOOD, "aa" * 40), {"b": 0.4})
    assert [sentence.split(":")[2].strip().split(",")[0] for sentence in verdict.sentences] == [
        "slice place"
    ]
    assert "slice all" not in "".join(verdict.sentences)


def test_few_rows_in_all_are_left_to_by_class(judged):
    assert judged(sliced("xx", "ab", "ab", columns=()), columns=()).verdict == "pass"


def test_small_slice_is_insufficient(judged):
    verdict = judged(sliced("x" * 40 + "y" * 4, "ab" * 22, "ab" * 22))
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)
    assert "nobody knows how the model does here" in verdict.sentences[0]


@pytest.mark.parametrize("bound", ["inferred", "confirmed"])
def test_scope_adds_what_a_slice_that_was_declared_later_has_to_reach(bound):
    classes, floors = ["a", "b"], {"a": 0.5, "b": 0.2}
    old = slices_suite(classes, floors, ["colour"])
    old["expectations"] = [
        one | {"meta": one["meta"] | {"bound": bound}} for one in old["expectations"]
    ]
    merged, _ = merge(old, slices_suite(classes, floors, ["colour", "place"]))
    added = [
        one["kwargs"]
        for one in merged["expectations"]
        if "place" in json.dumps(one["kwargs"].get("row_condition"))
    ]
    assert [(one["column"], one["min_value"]) for one in added] == [
        ("recall_high", 0.5),
        ("recall_high", 0.2),
        ("support", 20),
    ]


def test_slice_that_was_declared_later_is_stopped(judged):
    verdict = judged(sliced(*GOOD, "ab" * 40, columns=()))
    assert verdict.blocks
    assert "where evaluate.slices of params.yaml changes, run `make scope` again" in "".join(
        verdict.sentences
    )
