import json
from types import SimpleNamespace

import pandas as pd
import pytest

from sluice.core.params import Data
from sluice.gates.gate import gate
from sluice.scoping.propose_judged import Asked, judged_suites

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(condition_parser|row_condition):DeprecationWarning"
)  # Great Expectations warns itself
CRITERIA = SimpleNamespace(recall_floor=0.5, recall_floors={}, largest_gap=0.1)
ROLES = {
    "time": None,
    "cluster": [],
    "sensitive": [],
    "allowed": {},
    "cut_points": {},
    "favourable": None,
    "forbidden": {},
}
TOYS = pd.DataFrame({"colour": ["red"] * 150 + ["blue"] * 50, "maker": ["a", "b"] * 100})


def suites(criteria=CRITERIA, asked=Asked(), **roles):  # noqa: B008
    return judged_suites(TOYS, Data(target="colour", **ROLES | roles), criteria, asked)


def bounds(suite, column):
    """Return severity, bounds and the row that is judged, of each expectation on `column`."""
    found = [
        (one["severity"], dict(one["kwargs"]))
        for one in suite["expectations"]
        if one["kwargs"].get("column") == column
    ]
    return [
        (severity, {key: kwargs[key] for key in kwargs if key != "column"})
        for severity, kwargs in found
    ]


@pytest.fixture
def verdict(tmp_path):
    """Return what the gate says of a table by one of the suites, but for the warning that nobody
    read it.
    """

    def verdict(suite, table):
        path = tmp_path / f"{suite['name']}.json"
        confirmed = [
            one | {"meta": one["meta"] | {"bound": "confirmed"}} for one in suite["expectations"]
        ]
        path.write_text(json.dumps(suite | {"expectations": confirmed}))
        return gate(table, path, tmp_path / "report.json").verdict

    return verdict


def by_class(**columns):
    rows = {
        "class": ["blue", "red"],
        "support": [50, 150],
        "recall": [0.8, 0.9],
        "recall_low": [0.6, 0.7],
        "recall_high": [0.9, 0.95],
    }
    return pd.DataFrame(rows | columns)


def test_a_recall_is_held_to_the_floor_of_the_criteria(verdict):
    suite = suites(SimpleNamespace(recall_floor=0.65, recall_floors={}, largest_gap=0.1))[
        "by_class"
    ]
    assert bounds(suite, "recall_high") == [("critical", {"min_value": 0.65})]
    assert verdict(suite, by_class()) == "warn"  # of blue only .6 is proven
    assert verdict(suite, by_class(recall_high=[0.6, 0.9])) == "fail"


def test_classes_may_have_floors_of_their_own(verdict):
    suite = suites(SimpleNamespace(recall_floor=0.5, recall_floors={"red": 0.8}, largest_gap=0.1))[
        "by_class"
    ]
    floors = [
        (kwargs["row_condition"]["parameter"], kwargs["min_value"])
        for _, kwargs in bounds(suite, "recall_high")
    ]
    assert floors == [("blue", 0.5), ("red", 0.8)]
    assert verdict(suite, by_class()) == "warn"  # of red only .7 is proven
    assert verdict(suite, by_class(recall_high=[0.7, 0.75])) == "fail"
    assert verdict(suite, by_class(recall_low=[0.6, 0.8])) == "pass"


def test_a_class_without_a_row_fails(verdict):
    assert verdict(suites()["by_class"], by_class().head(1)) == "fail"


def test_clusters_are_looked_for_on_both_sides_where_there_are_some():
    checks = [
        bounds(suites(cluster=cluster)["leakage"], "check")[0][1]["value_set"]
        for cluster in ([], ["maker"])
    ]
    assert checks == [
        ["rows_on_both_sides", "not_a_feature", "gives_away", "one_sided"],
        [
            "rows_on_both_sides",
            "clusters_on_both_sides",
            "not_a_feature",
            "gives_away",
            "one_sided",
        ],
    ]


def test_of_several_classes_one_that_is_given_away_is_a_warning():
    rows = pd.concat([TOYS, TOYS.assign(colour="green")], ignore_index=True)
    suite = judged_suites(rows, Data(target="colour", **ROLES), CRITERIA)["leakage"]
    [bound] = [
        e
        for e in suite["expectations"]
        if e["kwargs"].get("row_condition", {}).get("parameter") == "gives_class_away"
    ]
    assert (bound["severity"], bound["kwargs"]["max_value"]) == ("warning", 0.95)
    assert "gives_class_away" in bounds(suite, "check")[0][1]["value_set"]


@pytest.mark.parametrize(
    "equal_rows, judged",
    [("together", ["equal_share"]), ("drop", ["duplicate_share"]), ("separate", [])],
    ids=["together", "drop", "apart"],
)
def test_the_limit_of_equal_rows_does_not_come_from_the_data(equal_rows, judged):
    suite = suites(asked=Asked(equal_rows=equal_rows))["sources"]
    found = {column: bounds(suite, column) for column in ("equal_share", "duplicate_share")}
    assert found == {
        column: [("warning", {"max_value": 0.01})] if column in judged else [] for column in found
    }


def sources(**changes):
    row = {
        "source": "toys",
        "path": "x",
        "records": 100,
        "train": 60,
        "test": 40,
        "unaccounted": 0,
        "unusable_share": 0.0,
        "equal": 0,
    }
    row |= dict.fromkeys(
        ["malformed", "bad_value", "unlabelled", "duplicate", "key_conflict", "before_cutoff"], 0
    )
    row |= dict.fromkeys(
        ["equal_share", "duplicate_share", "before_cutoff_share", "class_shift"], 0.0
    )
    names = (
        "classes",
        "equal_classes",
        "duplicate_classes",
        "key_conflict_classes",
        "before_cutoff_classes",
        "alike",
    )
    row["classes_alike"] = 0
    return pd.DataFrame([row | dict.fromkeys(names, "-") | changes])


def test_classes_that_differ_in_case_alone_stop(verdict):
    assert verdict(suites()["sources"], sources(classes_alike=1, alike="'good', 'GOOD'")) == "fail"


def test_a_cut_off_that_loses_more_than_a_fifth_stops(verdict, tmp_path):
    suite = suites()["sources"]
    assert verdict(suite, sources()) == "pass"
    assert verdict(suite, sources(before_cutoff_share=0.2)) == "pass"
    assert verdict(suite, sources(before_cutoff_share=0.21)) == "fail"
    assert (
        "set prepare.split.keep_clusters_whole: false in params.yaml"
        in (tmp_path / "report.json").read_text()
    )


def test_lost_rows_of_another_class_are_a_warning(verdict, tmp_path):
    assert (
        verdict(
            suites()["sources"], sources(class_shift=0.08, duplicate_classes="spam 84%, ham 16%")
        )
        == "warn"
    )
    assert "duplicate_classes spam 84%, ham 16%" in (tmp_path / "report.json").read_text()


def test_clusters_that_the_split_cuts_are_not_looked_for_on_both_sides():
    counted = bounds(suites(cluster=["maker"])["leakage"], "check")[0][1]["value_set"]
    assert "clusters_on_both_sides" in counted
    cut = suites(asked=Asked(clusters_whole=False), cluster=["maker"])["leakage"]
    assert bounds(cut, "check")[0][1]["value_set"] == [
        one for one in counted if one != "clusters_on_both_sides"
    ]


def test_the_classes_are_those_of_the_table():
    assert bounds(suites()["classes"], "class")[1] == ("critical", {"value_set": ["blue", "red"]})
