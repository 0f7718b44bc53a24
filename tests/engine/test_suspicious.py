"""Suspicious: giveaways, orders in time, clusters, contradictions and unequal groups are found,
and chance is not.
"""

import ibis
import numpy as np
import pandas as pd
import pytest

from sluice.data.rejecting import KIND
from sluice.scoping.finding import Finding
from sluice.scoping.suspicious import (
    Contradictions,
    cluster_findings,
    contradiction_findings,
    contradictions,
    date_findings,
    giveaways,
    group_rate_findings,
    group_rates,
    moves,
    order_findings,
    orders,
    shifts,
    split_by,
    told_by,
)
from tests.engine.settings import roles
from tests.engine.test_power import LIMITS


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def coin(n: int = 1000) -> pd.Series:
    """Return labels that nothing but themselves explains."""
    return pd.Series(np.where(chance().random(n) < 0.5, "a", "b"))


def test_contradictions_are_rows_that_agree_in_all_but_the_target():
    table = ibis.memtable(
        {
            "size": [1, 1, 1, 2, 2, 3, 3],
            "label": ["a", "a", "b", "a", "a", "a", "b"],
            KIND: pd.Series([None] * 6 + ["duplicate"], dtype="object"),
        }
    )
    assert contradictions(table, ["size"], "label") == Contradictions(rows=3, groups=1, lost=1)


def test_contradictions_of_clean_rows_are_none():
    table = ibis.memtable(
        {"size": [1, 2], "label": ["a", "b"], KIND: pd.Series([None, None], dtype="object")}
    )
    assert contradictions(table, ["size"], "label") == Contradictions(0, 0, 0)


def test_contradictions_weigh_more_where_more_rows_are_lost():
    [found] = contradiction_findings(Contradictions(rows=100, groups=50, lost=50), 1000)
    assert (found.weight, "no model can be right on 50 of them" in found.what) == ("look", True)
    [found] = contradiction_findings(Contradictions(rows=100, groups=50, lost=50), 10000)
    assert found.weight == "note"
    assert contradiction_findings(Contradictions(rows=2, groups=1, lost=1), 10000) == []


def test_a_copy_of_the_target_gives_it_away():
    y = coin()
    aucs, [found] = giveaways(
        pd.DataFrame(
            {"label": y, "copy": y.map({"a": 1, "b": 2}), "noise": chance(1).random(1000)}
        ),
        roles(),
        LIMITS,
        0,
    )
    assert aucs["copy"] == 1
    assert (found.weight, found.about) == ("stop", "copy")
    assert "it alone gives the target away (ROC AUC 1.000 out of fold)" in found.what


def test_a_column_that_ranks_well_is_to_be_looked_at():
    y = coin()
    ranks = (y == "a") * 1.0 + chance(1).normal(size=1000) / 2.2
    _aucs, [found] = giveaways(pd.DataFrame({"label": y, "size": ranks}), roles(), LIMITS, 0)
    assert (found.weight, "find out whether it is known before the target" in found.do) == (
        "look",
        True,
    )


def test_a_column_that_tells_one_class_of_three_is_to_be_looked_at():
    y = pd.Series(["a", "b", "c"] * 100)
    aucs, [found] = giveaways(
        pd.DataFrame({"label": y, "size": (y == "c") * 1.0}), roles(), LIMITS, 0
    )
    assert aucs["size"] < 0.9
    assert (found.weight, found.what) == (
        "look",
        "it alone tells class c from all others (ROC AUC 1.000 out of fold)",
    )


def test_a_column_that_is_filled_for_one_class_is_to_be_looked_at():
    y = coin(2000)
    filled = chance(1).random(2000) < np.where(y == "a", 0.8, 0.2)
    _aucs, [found] = giveaways(
        pd.DataFrame({"label": y, "refund": np.where(filled, 1.0, np.nan)}), roles(), LIMITS, 0
    )
    assert found.weight == "look"
    assert "more or less often for class" in found.what


def test_a_field_that_exists_only_once_the_outcome_is_known_is_to_be_looked_at():
    granted = pd.Series(["yes"] * 1600 + ["no"] * 400)
    buyer = pd.Series(["bank"] * 400 + ["fund"] * 400 + [None] * 800 + ["bank"] * 3 + [None] * 397)
    aucs, [found] = giveaways(
        pd.DataFrame({"label": granted, "buyer": buyer, "noise": chance(1).random(2000)}),
        roles(),
        LIMITS,
        0,
    )
    assert aucs["buyer"] < 0.8  # under every limit of a ROC AUC
    assert (found.weight, found.about) == ("look", "buyer")
    assert (
        found.what
        == "it is filled in: 800 of 803 rows have class yes, against 80% of all rows: it may be"
        " filled in only with the outcome"
    )


def test_a_name_that_tells_of_the_outcome_is_noted_only_where_it_tells_something():
    y = coin()
    told = (y == "a") * 1.0 + chance(1).normal(size=1000)
    _aucs, found = giveaways(
        pd.DataFrame({"label": y, "discharge_days": told, "result": chance(2).random(1000)}),
        roles(),
        LIMITS,
        0,
    )
    assert [(one.weight, one.about) for one in found] == [("note", "discharge_days")]


def test_moves_is_nothing_where_shares_stand_still():
    y = pd.Series(["a", "b"] * 500)
    apart, p = moves(pd.Series(range(1000)), y)
    assert (apart < 0.01, p > 0.99) == (True, True)


def test_moves_measures_the_block_that_is_furthest_from_all_rows():
    y = pd.Series(["a"] * 500 + ["b"] * 500)
    apart, p = moves(pd.Series(range(1000)), y)
    assert apart == pytest.approx(0.5, abs=0.01)  # a block of one class against shares of one half
    assert p < 1e-10


def test_moves_says_nothing_of_few_rows_or_of_one_value():
    y = pd.Series(["a"] * 50 + ["b"] * 50)
    assert moves(pd.Series(range(100)), y) == (0.0, 1.0)
    assert moves(pd.Series([1] * 1000), coin()) == (0.0, 1.0)


def test_orders_are_dates_years_and_the_order_in_the_file():
    days, years = pd.to_datetime(["2001-02-03", "2001-02-04"]), [1999, 2000]
    rows = pd.DataFrame(
        {"day": days, "year_built": years, "yearly": [3, 4], "size": [1, 1], "label": ["a", "b"]}
    )
    assert list(orders(rows, roles(), pd.Series([1, 2]))) == [
        "day",
        "year_built",
        "the order in the file",
    ]
    assert next(iter(orders(rows, roles(time="size"), pd.Series([1, 2])))) == "size"


def test_a_year_or_a_date_that_is_the_same_in_all_rows_orders_nothing():
    rows = pd.DataFrame(
        {"day": pd.to_datetime(["2001-02-03"] * 2), "year": [2001, 2001], "label": ["a", "b"]}
    )
    assert list(orders(rows, roles(), pd.Series([1, 2]))) == ["the order in the file"]


@pytest.mark.parametrize(
    ("values", "labels", "first"),
    [
        (range(10), "abababababa", "prepare.split.test_from: 8"),
        ([2001] * 9 + [2002], "abababababa", ""),
        (
            [2001] * 18 + [2002] * 2,
            "ab" * 10,
            "prepare.split.test_from: 2002",
        ),  # 2001 would leave no row to train on
        (range(10), "aaaaaaaabb", ""),
        ([5] * 10, "ab" * 5, ""),
    ],
)
def test_a_split_by_time_is_advised_only_where_each_class_is_on_both_sides(values, labels, first):
    order, y = pd.Series(values), pd.Series(list(labels)[: len(values)])
    said = split_by("year", order, y, roles())
    assert said.endswith(f"{first} in params.yaml") if first else said == ""


def test_a_time_that_moves_the_shares_breaks_a_random_split():
    y = pd.Series(["a", "a", "b"] * 200 + ["a", "b", "b", "b"] * 100)
    [found] = order_findings({"day": pd.Series(range(1000))}, y, roles(), "random")
    assert (found.weight, "prepare.split.by: time" in found.do) == ("look", True)
    [found] = order_findings({"day": pd.Series(range(1000))}, y, roles(time="day"), "time")
    assert (found.weight, found.phase) == ("look", "monitoring")


def share_of_rare(of, n: int = 10_000) -> tuple[pd.Series, pd.Series]:
    """Return an order and labels of which `of(place)`, place from 0 to 1, is the share of
    `rare`.
    """
    place = np.arange(n) / n
    return pd.Series(range(n)), pd.Series(np.where(chance(3).random(n) < of(place), "rare", "most"))


@pytest.mark.parametrize(
    "of, words",
    [
        (lambda place: 0.05 - 0.03 * place, "falls from about 0.05"),
        (lambda place: 0.02 + 0.03 * place, "rises from about 0.0"),
        (lambda place: np.where(place < 0.9, 0.02, 0.07), "in part 10 of 10, elsewhere 0.02"),
    ],
    ids=["falls", "rises", "jumps at the end"],
)
def test_a_small_share_that_halves_or_doubles_is_found(of, words):
    order, y = share_of_rare(of)
    [found] = order_findings({"day": order}, y, roles(), "random")
    assert "the share of rare" in found.what
    assert words in found.what
    assert "prepare.split.by: time" in found.do


def test_a_small_share_that_stands_still_is_no_finding():
    for seed in range(20):
        y = pd.Series(np.where(chance(seed).random(4000) < 0.02, "rare", "most"))
        assert order_findings({"day": pd.Series(range(4000))}, y, roles(), "random") == []


def test_a_share_that_falls_by_a_third_has_not_halved():
    order, y = share_of_rare(lambda place: 0.3 - 0.1 * place, 20_000)
    assert shifts(order, y) == {}


def test_a_date_that_nobody_named_is_a_question():
    days, y = pd.to_datetime(["2001-02-03", "2001-02-04"]).repeat(2), pd.Series(["a", "b"] * 2)
    times = {
        "day": pd.Series(days),
        "year_built": pd.Series([1999, 1999, 2000, 2000]),
        "the order in the file": pd.Series(range(4)),
    }
    day, built = date_findings(times, y, roles(), [])
    assert (day.about, day.weight, built.about, built.weight) == (
        "day",
        "look",
        "year_built",
        "note",
    )
    assert "name it in data.time of params.yaml" in day.do
    assert date_findings(times, y, roles(time="day"), []) == []
    asked = Finding("look", "data", "day", "it moves", "set it", ("time",))
    assert [one.about for one in date_findings(times, y, roles(), [asked])] == ["year_built"]


def test_a_file_that_is_sorted_by_the_target_is_said_to_be_so():
    y = pd.Series(["a"] * 600 + ["b"] * 400)
    [found] = order_findings(
        {"the order in the file": pd.Series(range(1000))}, y, roles(), "random"
    )
    assert "it looks sorted by the target" in found.do


def test_an_order_of_chance_is_no_finding():
    assert order_findings({"day": pd.Series(range(1000))}, coin(), roles(), "random") == []


def household(alike: float, n: int = 300) -> pd.DataFrame:
    """Return five rows a household; with probability `alike` a row has the label of the first."""
    rng = chance()
    ids = np.repeat(np.arange(n), 5)
    first = rng.integers(0, 2, n)[ids]
    label = np.where(rng.random(len(ids)) < alike, first, rng.integers(0, 2, len(ids)))
    return pd.DataFrame({"household_id": ids, "label": np.where(label == 1, "a", "b")})


def test_a_cluster_whose_rows_share_the_target_is_found():
    [found] = cluster_findings(household(0.8), roles())
    assert (found.about, "name it in data.cluster" in found.do) == ("household_id", True)


def test_a_cluster_whose_rows_differ_by_chance_is_no_finding():
    assert cluster_findings(household(0.0), roles()) == []


def test_a_cluster_that_is_declared_is_no_finding():
    assert cluster_findings(household(0.8), roles(cluster=["household_id"])) == []


def test_an_amount_is_no_cluster_whatever_it_is_called():
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=60), 10)
    table = pd.DataFrame({"row_id": values, "label": np.where(values > 0, "a", "b")})
    assert cluster_findings(table, roles()) == []
    assert cluster_findings(
        table.assign(row_id=table["row_id"].rank(method="dense")), roles()
    )  # whole numbers may name something


def test_a_measurement_is_no_cluster():
    rows = household(0.8).rename(columns={"household_id": "size"})
    assert cluster_findings(rows, roles()) == []


def test_group_rates_are_those_of_sensitive_columns():
    rows = pd.DataFrame(
        {
            "sex": ["m"] * 200 + ["f"] * 200,
            "size": 1,
            "label": ["a"] * 160 + ["b"] * 40 + ["a"] * 100 + ["b"] * 100,
        }
    )
    rates = group_rates(rows, roles())
    first = rates.iloc[0]
    assert (first["column"], first["group"], first["class"], first["rows"]) == (
        "sex",
        "f",
        "a",
        200,
    )
    assert (first["share"], first["gap"]) == (pytest.approx(0.5), pytest.approx(-0.3))
    assert first["gap_low"] < -0.3 < first["gap_high"] < 0
    [found] = group_rate_findings(rates)
    assert found.what.startswith(
        "the label is 'a' for 50% of those with 'f', -30 percentage points against all others"
    )


@pytest.mark.parametrize("n", [1, 11, 199])
def test_a_group_of_few_rows_proves_no_gap(n):
    rates = group_rates(
        pd.DataFrame({"sex": ["f"] * n + ["m"] * 1000, "label": ["a"] * n + ["b"] * 1000}), roles()
    )
    assert rates[["gap_low", "gap_high"]].drop_duplicates().to_numpy().tolist() == [[-1.0, 1.0]]
    assert group_rate_findings(rates) == []


def test_group_rates_that_differ_by_chance_are_no_finding():
    rows = pd.DataFrame({"shade": ["m", "n"] * 500, "label": coin()})
    assert group_rate_findings(group_rates(rows, roles(sensitive=["shade"]))) == []


def test_group_rates_of_no_sensitive_column_are_an_empty_table():
    assert len(group_rates(pd.DataFrame({"size": [1, 2], "label": ["a", "b"]}), roles())) == 0


def test_group_rates_of_a_number_are_those_of_its_parts():
    rows = pd.DataFrame({"years": [20.5, 30, 40, 50] * 50, "label": ["a", "a", "b", "b"] * 50})
    rates = group_rates(rows, roles(sensitive=["years"], cut_points={"years": [35]}))
    assert rates[["group", "class", "share"]].values.tolist() == [
        ["35 or more", "a", 0.0],
        ["35 or more", "b", 1.0],
        ["below 35", "a", 1.0],
        ["below 35", "b", 0.0],
    ]


def test_an_identifier_that_tells_a_sensitive_column_is_said_to():
    sex = np.where(np.arange(1000) < 500, "f", "m")  # registered in two blocks
    rows = pd.DataFrame(
        {
            "label": coin(),
            "patient_id": np.arange(1000),
            "order_id": chance(1).permutation(1000),
            "sex": sex,
        }
    )
    told = told_by(["patient_id", "order_id"], rows, roles(sensitive=["sex"]), LIMITS, 0)
    assert told == {
        "patient_id": "; it tells sex (ROC AUC 1.00 out of fold), so that leaving sex out hides nothing"
    }
    assert told_by(["patient_id"], rows, roles(), LIMITS, 0) == {}
