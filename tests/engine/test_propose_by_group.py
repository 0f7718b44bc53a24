import json

import pandas as pd
import pytest

from sluice.fairness.gaps import by_group
from sluice.gates.gate import gate
from sluice.scoping.propose_judged import by_group_suite
from tests.engine.settings import settings

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(condition_parser|row_condition):DeprecationWarning"
)  # Great Expectations warns itself
TOYS = pd.DataFrame({"label": ["a", "b"] * 100, "maker": ["p", "q"] * 100, "size": range(200)})


def suite(largest_gap=0.1, **data) -> dict:
    return by_group_suite(TOYS, ["a", "b"], settings(data=data).data, largest_gap)


def bounds(suite: dict, column: str) -> list[tuple]:
    """Return severity, bounds and what is judged, of each expectation on `column`."""
    found = [
        (one["severity"], dict(one["kwargs"]))
        for one in suite["expectations"]
        if one["kwargs"].get("column") == column
    ]
    return [
        (severity, {key: kwargs[key] for key in kwargs if key != "column"})
        for severity, kwargs in found
    ]


def test_a_gap_in_errors_stops_and_one_in_what_a_decision_says_warns():
    found = [
        (severity, kwargs["max_value"], kwargs["row_condition"]["parameter"])
        for severity, kwargs in bounds(suite(0.2), "proven_gap")
    ]
    assert found == [
        ("critical", 0.2, "recall"),
        ("critical", 0.2, "false_positive_rate"),
        ("warning", 0.2, "precision"),
        ("warning", 0.2, "calibration"),
    ]


def test_every_sensitive_column_is_audited_with_its_groups():
    of = suite(sensitive=["maker", "size"], cut_points={"size": [50]})
    assert bounds(of, "column") == [("critical", {"value_set": ["maker", "size", "maker × size"]})]
    groups = [
        (kwargs["row_condition"]["parameter"], kwargs["value_set"])
        for _, kwargs in bounds(of, "group")
    ]
    assert groups == [("maker", ["p", "q"]), ("size", ["50 or more", "below 50"])]


def test_four_fifths_are_asked_only_of_a_benefit():
    assert bounds(suite(sensitive=["maker"]), "proven_ratio") == []
    assert bounds(suite(sensitive=["maker"], favourable="a"), "proven_ratio") == [
        ("critical", {"min_value": 0.8})
    ]


def test_too_few_rows_of_crossed_groups_do_not_stop():
    of = suite(sensitive=["maker", "size"], cut_points={"size": [50]})
    assert [
        (severity, kwargs["row_condition"]["parameter"]) for severity, kwargs in bounds(of, "rows")
    ] == [
        ("critical", "group"),
        ("warning", "crossed"),
    ]


def test_where_no_column_is_sensitive_a_table_of_groups_fails(tmp_path):
    data = settings(data={"sensitive": ["maker"]}).data
    y_pred = TOYS["label"].to_numpy(dtype=object)
    table = by_group(
        TOYS,
        y_pred,
        pd.get_dummies(y_pred).to_numpy(dtype=float),
        ["a", "b"],
        data,
        pd.Series(range(200)),
    )
    (tmp_path / "by_group.json").write_text(json.dumps(suite()))
    assert gate(table, tmp_path / "by_group.json", tmp_path / "report.json").verdict == "fail"
