import json
from types import SimpleNamespace

import pandas as pd
import pytest

from stages.before.propose_judged import judged_suites
from stages.gate import gate
from stages.params import Data

pytestmark = pytest.mark.filterwarnings("ignore:.*(condition_parser|row_condition):DeprecationWarning")  # Great Expectations warns itself
CRITERIA = SimpleNamespace(recall_floor=0.5, recall_floors={}, largest_gap=0.1)
ROLES = {"time": None, "cluster": [], "sensitive": [], "allowed": {}, "cut_points": {}, "favourable": None, "forbidden": {}}
TOYS = pd.DataFrame({"colour": ["red"] * 150 + ["blue"] * 50, "maker": ["a", "b"] * 100})


def suites(criteria=CRITERIA, duplicate_share=0.0, **roles):
    return judged_suites(TOYS, Data(target="colour", **ROLES | roles), criteria, duplicate_share)


def bounds(suite, column):
    """Return severity, bounds and the row that is judged, of each expectation on `column`."""
    found = [(one["severity"], dict(one["kwargs"])) for one in suite["expectations"] if one["kwargs"].get("column") == column]
    return [(severity, {key: kwargs[key] for key in kwargs if key != "column"}) for severity, kwargs in found]


@pytest.fixture
def verdict(tmp_path):
    """Return what the gate says of a table by one of the suites, but for the warning that nobody read it."""

    def verdict(suite, table):
        path = tmp_path / f"{suite['name']}.json"
        confirmed = [one | {"meta": one["meta"] | {"bound": "confirmed"}} for one in suite["expectations"]]
        path.write_text(json.dumps(suite | {"expectations": confirmed}))
        return gate(table, path, tmp_path / "report.json").verdict

    return verdict


def by_class(**columns):
    rows = {"class": ["blue", "red"], "support": [50, 150], "recall": [0.8, 0.9], "recall_low": [0.6, 0.7], "recall_high": [0.9, 0.95]}
    return pd.DataFrame(rows | columns)


def test_a_recall_is_held_to_the_floor_of_the_criteria(verdict):
    suite = suites(SimpleNamespace(recall_floor=0.65, recall_floors={}, largest_gap=0.1))["by_class"]
    assert bounds(suite, "recall_high") == [("critical", {"min_value": 0.65})]
    assert verdict(suite, by_class()) == "warn"  # of blue only .6 is proven
    assert verdict(suite, by_class(recall_high=[0.6, 0.9])) == "fail"


def test_classes_may_have_floors_of_their_own(verdict):
    suite = suites(SimpleNamespace(recall_floor=0.5, recall_floors={"red": 0.8}, largest_gap=0.1))["by_class"]
    floors = [(kwargs["row_condition"]["parameter"], kwargs["min_value"]) for _, kwargs in bounds(suite, "recall_high")]
    assert floors == [("blue", 0.5), ("red", 0.8)]
    assert verdict(suite, by_class()) == "warn"  # of red only .7 is proven
    assert verdict(suite, by_class(recall_high=[0.7, 0.75])) == "fail"
    assert verdict(suite, by_class(recall_low=[0.6, 0.8])) == "pass"


def test_a_class_without_a_row_fails(verdict):
    assert verdict(suites()["by_class"], by_class().head(1)) == "fail"


def test_clusters_are_looked_for_on_both_sides_where_there_are_some():
    checks = [bounds(suites(cluster=cluster)["leakage"], "check")[0][1]["value_set"] for cluster in ([], ["maker"])]
    assert checks == [
        ["rows_on_both_sides", "not_a_feature", "gives_away", "one_sided"],
        ["rows_on_both_sides", "clusters_on_both_sides", "not_a_feature", "gives_away", "one_sided"],
    ]


def test_of_several_classes_one_that_is_given_away_is_a_warning():
    rows = pd.concat([TOYS, TOYS.assign(colour="green")], ignore_index=True)
    suite = judged_suites(rows, Data(target="colour", **ROLES), CRITERIA, 0.0)["leakage"]
    [bound] = [e for e in suite["expectations"] if e["kwargs"].get("row_condition", {}).get("parameter") == "gives_class_away"]
    assert (bound["severity"], bound["kwargs"]["max_value"]) == ("warning", 0.95)
    assert "gives_class_away" in bounds(suite, "check")[0][1]["value_set"]


def test_a_file_with_usual_duplicates_is_held_to_what_it_has():
    assert bounds(suites()["sources"], "duplicate_share") == [("warning", {"max_value": 0.01})]
    assert bounds(suites(duplicate_share=0.1)["sources"], "duplicate_share") == [
        ("warning", {"max_value": 0.26})
    ]  # 20 of 200, by chance 52


def test_the_classes_are_those_of_the_table():
    assert bounds(suites()["classes"], "class")[1] == ("critical", {"value_set": ["blue", "red"]})
