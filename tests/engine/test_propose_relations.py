import json

import pandas as pd
import pytest

from sluice.gates.gate import gate
from sluice.scoping.propose_relations import propose_relations

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Great Expectations warns itself

BIRTH = [1900 + n % 100 for n in range(500)]
LICENCE = [
    year + 18 + n % 7 * 5 for n, year in enumerate(BIRTH)
]  # never before the 18th birthday, and often before another's birth
FUEL, PLUG = (
    ["petrol", "diesel", "current"],
    {"petrol": "none", "diesel": "none", "current": "type 2"},
)
CARS = pd.DataFrame(
    {"birth": BIRTH, "licence": LICENCE, "fuel": [FUEL[n % 3] for n in range(500)]}
).assign(plug=lambda cars: cars["fuel"].map(PLUG))


def proposals(table, kind, is_whole=True):
    return [
        one["kwargs"]
        for one in propose_relations(table, is_whole)
        if one["type"] == f"expect_{kind}"
    ]


@pytest.fixture
def finds(tmp_path):
    """Return the verdict on `other` by the proposals of one type for `table`."""

    def finds(table, other, kind):
        expectations = [
            one for one in propose_relations(table, True) if one["type"] == f"expect_{kind}"
        ]
        path = tmp_path / "cars.json"
        always = {
            "type": "expect_column_to_exist",
            "kwargs": {"column": "birth"},
            "severity": "critical",
        }
        always["meta"] = {"notes": "Holds.", "bound": "confirmed"}
        path.write_text(json.dumps({"name": "cars", "expectations": [always, *expectations]}))
        return gate(other, path, tmp_path / "report.json").verdict

    return finds


def broken(rows, **columns):
    """Return CARS with other values in its first rows."""
    table = CARS.copy()
    table.loc[: rows - 1, list(columns)] = list(columns.values())
    return table


def test_an_order_that_holds_throughout_is_proposed(finds):
    [order] = proposals(CARS, "column_pair_values_a_to_be_greater_than_b")
    assert (order["column_A"], order["column_B"], order["or_equal"], order["mostly"]) == (
        "licence",
        "birth",
        True,
        0.974,
    )
    kind = "column_pair_values_a_to_be_greater_than_b"
    assert finds(CARS, CARS, kind) == "pass"
    assert finds(CARS, broken(13, licence=1900 - 1), kind) == "pass"
    assert finds(CARS, broken(14, licence=1900 - 1), kind) == "fail"


def test_an_order_that_one_row_breaks_is_none():
    assert proposals(broken(1, licence=1899), "column_pair_values_a_to_be_greater_than_b") == []


def test_an_order_of_ranges_that_lie_apart_says_nothing():
    apart = pd.DataFrame(
        {"age": [n % 90 for n in range(500)], "year": [1900 + n % 70 for n in range(500)]}
    )
    assert proposals(apart, "column_pair_values_a_to_be_greater_than_b") == []


def test_an_order_of_few_rows_says_nothing():
    assert proposals(CARS.head(130), "column_pair_values_a_to_be_greater_than_b") == []


def test_what_follows_from_two_orders_is_left_out():
    table = CARS[["birth", "licence"]].assign(
        death=CARS["licence"] + [n % 11 * 4 for n in range(500)]
    )
    found = proposals(table, "column_pair_values_a_to_be_greater_than_b")
    assert [(order["column_A"], order["column_B"]) for order in found] == [
        ("licence", "birth"),
        ("death", "licence"),
    ]


def test_rows_that_lack_one_of_the_two_are_no_matter():
    gaps = CARS.assign(licence=CARS["licence"].where(CARS.index > 99))
    [order] = proposals(gaps, "column_pair_values_a_to_be_greater_than_b")
    assert (order["mostly"], order["ignore_row_if"]) == (
        0.9675,
        "either_value_is_missing",
    )  # 13 of 400


def test_dates_have_an_order_too():
    days = pd.DataFrame(
        {
            "sent": (
                pd.to_datetime("2024-01-01")
                + pd.to_timedelta([n % 90 for n in range(500)], unit="D")
            )
        }
    )
    days["paid"] = days["sent"] + pd.to_timedelta([n % 11 for n in range(500)], unit="D")
    [order] = proposals(days, "column_pair_values_a_to_be_greater_than_b")
    assert (order["column_A"], order["column_B"]) == ("paid", "sent")


def test_a_copy_of_a_column_is_one(finds):
    twins = CARS[["birth"]].assign(born=CARS["birth"])
    [copy] = proposals(twins, "column_pair_values_to_be_equal")
    assert (copy["column_A"], copy["column_B"]) == ("born", "birth")
    assert (
        finds(twins, twins.assign(born=[1800] * 14 + BIRTH[14:]), "column_pair_values_to_be_equal")
        == "fail"
    )


def test_codes_that_go_together_are_pairs(finds):
    [pairs] = proposals(CARS, "column_pair_values_to_be_in_set")
    assert (pairs["column_A"], pairs["column_B"]) == ("fuel", "plug")
    assert pairs["value_pairs_set"] == [
        ["current", "type 2"],
        ["diesel", "none"],
        ["petrol", "none"],
    ]
    assert (
        finds(CARS, broken(13, fuel="petrol", plug="type 2"), "column_pair_values_to_be_in_set")
        == "pass"
    )
    assert (
        finds(CARS, broken(14, fuel="petrol", plug="type 2"), "column_pair_values_to_be_in_set")
        == "fail"
    )


# each airline flies from two of three airports, each airport has two of three airlines
FLIGHTS = pd.DataFrame(
    {
        "airline": ["a", "a", "b", "b", "c", "c"] * 100,
        "airport": ["x", "y", "y", "z", "z", "x"] * 100,
        "birth": 1900,
    }
)


def test_pairs_of_codes_that_only_were_not_met_yet_are_a_warning(finds):
    new = FLIGHTS.assign(airport=["z"] * 60 + [*FLIGHTS["airport"][60:]])
    assert finds(FLIGHTS, new, "column_pair_values_to_be_in_set") == "warn"


def test_pairs_of_what_moves_on_with_time_are_not_proposed():
    assert [
        one
        for one in propose_relations(CARS, True, {"fuel"})
        if "pair_values_to_be_in_set" in one["type"]
    ] == []


def test_codes_of_which_all_pairs_occur_are_not_proposed():
    free = pd.DataFrame(
        {"fuel": [FUEL[n % 3] for n in range(600)], "seats": [str(n // 3 % 2) for n in range(600)]}
    )
    assert proposals(free, "column_pair_values_to_be_in_set") == []


def test_columns_that_hardly_repeat_together_name_a_row(finds):
    rows = pd.DataFrame(
        {
            "shelf": [n // 40 for n in range(1000)],
            "place": [n % 40 for n in range(1000)],
            "birth": 1900,
            "wood": "oak",
        }
    )
    [name] = proposals(rows, "compound_columns_to_be_unique")
    assert name == {"column_list": ["place", "shelf"], "mostly": 0.974}  # 13 pairs of rows in 1,000
    multiplied = pd.concat([rows, rows.head(60).assign(wood="elm")], ignore_index=True)
    assert finds(rows, rows, "compound_columns_to_be_unique") == "pass"
    assert finds(rows, multiplied, "compound_columns_to_be_unique") == "warn"


def test_a_sample_says_nothing_of_what_names_a_row():
    rows = pd.DataFrame(
        {
            "shelf": [n // 40 for n in range(1000)],
            "place": [n % 40 for n in range(1000)],
            "a": 1,
            "b": 2,
        }
    )
    assert proposals(rows, "compound_columns_to_be_unique", is_whole=False) == []


def test_columns_that_repeat_do_not_name_a_row():
    assert proposals(CARS[["fuel", "plug"]].assign(doors=4), "compound_columns_to_be_unique") == []


BILLS = pd.DataFrame(
    {"price": [n * 37 % 101 / 10 for n in range(500)], "tax": [n % 7 / 10 for n in range(500)]}
)
BILLS["total"] = BILLS["price"] + BILLS["tax"]


def test_a_sum_that_holds_throughout_is_proposed(finds):
    [total] = proposals(BILLS, "last_column_to_equal_sum")
    assert total == {
        "column_list": ["price", "tax", "total"],
        "mostly": 0.974,
        "ignore_row_if": "any_value_is_missing",
    }
    bills = BILLS.assign(birth=1900)
    assert finds(bills, bills, "last_column_to_equal_sum") == "pass"
    assert (
        finds(
            bills,
            bills.assign(total=[0.0] * 20 + [*bills["total"][20:]]),
            "last_column_to_equal_sum",
        )
        == "fail"
    )


def test_a_sum_that_one_late_row_breaks_is_none():
    table = pd.concat([BILLS] * 3, ignore_index=True)
    table.loc[1400, "total"] = 99  # after the first look
    assert proposals(table, "last_column_to_equal_sum") == []


def test_a_sum_with_nothing_is_none():
    table = BILLS.assign(tax=[0.0] * 497 + [0.1, 0.2, 0.3])
    table["total"] = table["price"] + table["tax"]
    assert proposals(table, "last_column_to_equal_sum") == []
