"""Repeats: equal rows and lost rows are told with their classes, and things that return in each
period are found, chance is not.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.core.params import Split
from sluice.data.shares import class_shares, lost_and_equal
from sluice.data.sources import Source
from sluice.scoping.finding import Finding
from sluice.scoping.repeats import (
    by_chance,
    equal_findings,
    label_findings,
    lost_findings,
    panel,
    panel_findings,
    with_one_answer,
)
from sluice.scoping.scoping import not_named
from tests.engine.settings import roles

AT_RANDOM = Split(by="random", test_from=None, test_size=0.2)
COUNTS = pd.DataFrame(
    {"kept": [60, 40], "equal": [30, 0], "duplicate": [5, 15], "before_cutoff": [30, 0]},
    index=pd.Index(["ham", "spam"], name="label"),
)

FINE = pd.DataFrame(
    {"a": [*range(50)] * 2, "b": [*range(50)] * 2}
)  # each row stands twice, which chance hardly does


def source(**changes) -> Source:
    return Source(
        **{"path": "x.csv", "format": "csv", "missing": [], "key": [], "columns": {"label": "text"}}
        | changes
    )


def test_class_shares_are_told_largest_first():
    assert class_shares(pd.Series({"a": 1, "b": 0, "c": 3})) == "c 75%, a 25%"
    assert class_shares(pd.Series({"a": 0})) == "-"
    assert (
        class_shares(pd.Series(dict.fromkeys("gfedcba", 1)))
        == "a 14%, b 14%, c 14%, d 14%, e 14% and 2 more classes"
    )


def test_lost_and_equal_rows_are_told_with_their_classes():
    told = lost_and_equal(COUNTS)
    assert told["equal"] == 30
    assert told["equal_classes"] == "ham 100%"
    assert told["duplicate_classes"] == "spam 75%, ham 25%"
    assert told["key_conflict_classes"] == "-"
    assert told["classes"] == "ham 63%, spam 37%"  # 95 of 150
    assert told["class_shift"] == pytest.approx(95 / 150 - 0.6)


def test_many_equal_rows_are_to_be_looked_at():
    [found] = equal_findings(lost_and_equal(COUNTS), 100, source(), FINE)
    assert (found.weight, found.about) == ("look", "equal rows")
    assert found.what.startswith(
        "30 of 100 rows repeat an earlier one in all columns, so that 70 are different. Their"
        " classes are ham 100%"
    )
    assert [
        one.weight for one in equal_findings(lost_and_equal(COUNTS), 10_000, source(), FINE)
    ] == ["note"]
    assert equal_findings(lost_and_equal(COUNTS), 100, source(equal_rows="separate"), FINE) == []
    assert equal_findings(lost_and_equal(COUNTS.assign(equal=0)), 100, source(), FINE) == []


def test_equal_rows_that_chance_makes_are_called_different_cases():
    rng = np.random.default_rng(0)
    coarse = pd.DataFrame(
        {"sex": rng.integers(0, 2, 300), "class": rng.integers(0, 3, 300), "empty": [None] * 300}
    )
    assert by_chance(coarse) == pytest.approx(1, abs=0.05)
    assert by_chance(FINE) < 0.02
    [found] = equal_findings(lost_and_equal(COUNTS), 100, source(), coarse)
    assert found.weight == "look"
    assert (
        "they are probably different cases that look alike: say equal_rows: separate in"
        " data/sources.yaml" in found.do
    )
    assert (
        "records written twice" in equal_findings(lost_and_equal(COUNTS), 100, source(), FINE)[0].do
    )


def test_lost_rows_stop_where_a_cut_off_takes_more_than_a_fifth_of_training():
    told, kinds = lost_and_equal(COUNTS), {"duplicate": 20, "before_cutoff": 30}
    assert [(one.about, one.weight) for one in lost_findings(told, kinds, 80)] == [
        ("duplicates", "look"),
        ("rows before the cut-off", "stop"),
    ]
    assert [(one.about, one.weight) for one in lost_findings(told, kinds, 120)] == [
        ("duplicates", "look"),
        ("rows before the cut-off", "look"),
    ]
    assert lost_findings(told, {}, 80) == []
    assert [one.weight for one in lost_findings(told | {"class_shift": 0.0}, kinds, 120)] == [
        "note",
        "note",
    ]


def months(n: int = 40, times: int = 10) -> pd.DataFrame:
    """Return `n` customers in each of `times` months."""
    table = pd.MultiIndex.from_product(
        [[f"c{nth}" for nth in range(n)], pd.date_range("2020-01-01", periods=times, freq="MS")]
    )
    return table.to_frame(index=False, name=["customer", "month"]).assign(
        label="a", town=lambda rows: rows["customer"].str[-1]
    )


def test_things_that_return_in_each_period_are_a_panel():
    found = panel(months(), roles(), AT_RANDOM, ["month", "the order in the file"])
    assert (found.cluster, found.time, found.things, found.times) == ("customer", "month", 40, 10)
    assert (found.test_from, found.lost, found.before) == ("2020-08-01", 280, 280)
    [finding] = panel_findings(found, roles(), AT_RANDOM)
    assert finding.what.startswith(
        "panel data, one row for each customer in each month: 40 values of customer return over 10 values of month"
    )
    assert (
        'test_from: "2020-08-01" and prepare.split.keep_clusters_whole: false in params.yaml'
        in finding.do
    )


def test_a_panel_keeps_the_cut_off_that_was_chosen():
    split = Split(by="time", test_from="2020-10-01", test_size=0.2)
    data = roles(time="month", cluster=["customer"])
    found = panel(months(), data, split, ["month"])
    assert (found.test_from, found.lost) == ("2020-10-01", 360)
    [finding] = panel_findings(found, data, split)
    assert finding.do.startswith(
        "set prepare.split.keep_clusters_whole: false in params.yaml. "
    )  # the rest is set
    assert (
        panel_findings(found, data, split.model_copy(update={"keep_clusters_whole": False})) == []
    )


def test_rows_that_name_each_other_by_chance_are_no_panel():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "town": rng.choice(400, 4000).astype(str),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 4000), "D"),
        }
    )
    assert (
        panel(rows.assign(label="a"), roles(), AT_RANDOM, ["day"]) is None
    )  # about 22 pairs of rows share both, as chance has it
    assert (
        panel(
            months().assign(customer=[f"c{nth}" for nth in range(400)]),
            roles(),
            AT_RANDOM,
            ["month"],
        )
        is None
    )
    assert panel(months(), roles(cluster=["customer", "month"]), AT_RANDOM, ["month"]) is None
    assert panel(months(), roles(), AT_RANDOM, []) is None


def test_hints_about_the_columns_of_a_panel_become_one():
    found = panel(months(), roles(), AT_RANDOM, ["month"])
    about = panel_findings(found, roles(), AT_RANDOM)
    single = [
        Finding(
            "note",
            "data",
            "customer",
            "stands in several rows",
            "name it in data.cluster of params.yaml",
            ("cluster",),
        ),
        Finding(
            "look",
            "data",
            "month",
            "the share of a falls",
            "set data.time: month and prepare.split.by: time in params.yaml",
            ("time", "split"),
        ),
        Finding(
            "note",
            "data",
            "town",
            "stands in several rows",
            "name it in data.cluster of params.yaml",
            ("cluster",),
        ),
    ]
    customer, month, town = with_one_answer(single, found, about)
    assert customer.do == month.do == about[0].do
    assert month.what == "the share of a falls"
    assert town == single[2]
    assert not_named([*about, customer, month]) == []  # the first names both
    assert not_named([*about, customer, town, month]) == ["town"]
    assert with_one_answer(single, None, []) == single


def test_labels_that_count_as_missing_are_told():
    fates = pd.DataFrame({"n": [80, 3, 7], "kept": [0, 0, 7]}, index=["NA", "", "a"])
    [finding] = label_findings(
        fates, {"classes_alike": 0, "alike": "-"}, "label", source(missing=["", "NA"])
    )
    assert (
        finding.what
        == "80 rows have 'NA' as their label, which counts as missing: they are left out"
    )
    assert not label_findings(
        fates[2:], {"classes_alike": 0, "alike": "-"}, "label", source(missing=["", "NA"])
    )


def test_classes_that_may_be_one_are_told_with_the_remedy():
    fates = pd.DataFrame({"n": [7], "kept": [7]}, index=["a"])
    [finding] = label_findings(fates, {"classes_alike": 1, "alike": "'A', 'a'"}, "label", source())
    assert (finding.weight, finding.about) == ("stop", "label")
    assert "'A', 'a'" in finding.what
    assert "write ignore_case: [label] in data/sources.yaml" in finding.do
