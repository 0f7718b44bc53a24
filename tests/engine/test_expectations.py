import json

import pandas as pd
import pytest

from sluice.gates.gate import gate

PAIRS = [["petrol", 1], ["diesel", 1], ["current", 0], [None, 2]]
CARS = pd.DataFrame({"fuel": ["petrol", "diesel", "current", None], "tank": [1, 1, 0, 2]})
BILLS = pd.DataFrame({"price": [1.0, 0.1, 5.0], "tax": [0.5, 0.2, 1.0], "total": [1.5, 0.3, 6.0]})


@pytest.fixture
def sentences(tmp_path):
    """Return what the gate says of `table` by one critical expectation."""

    def sentences(table, kind, **kwargs):
        one = {
            "type": kind,
            "kwargs": kwargs,
            "severity": "critical",
            "meta": {"notes": "So it is.", "bound": "confirmed"},
        }
        path = tmp_path / "toys.json"
        path.write_text(json.dumps({"name": "toys", "expectations": [one]}))
        return gate(table, path, tmp_path / "report.json").sentences

    return sentences


def pairs(sentences, table, pairs=PAIRS, **options):
    kind = "expect_column_pair_values_to_be_in_set"
    return sentences(
        table,
        kind,
        **{
            "column_A": "fuel",
            "column_B": "tank",
            "value_pairs_set": pairs,
            "ignore_row_if": "neither",
        }
        | options,
    )


def test_known_pairs_pass(sentences):
    assert pairs(sentences, CARS) == []


@pytest.mark.parametrize(
    ("fuel", "tank"),
    [
        ("petrol", 0),
        ("current", 1),
        ("steam", 1),
        ("petrol", 3),
        (None, 1),
        ("petrol", None),
        ("petrol", 2),
    ],
)
def test_another_pair_fails(sentences, fuel, tank):
    table = pd.concat([CARS, pd.DataFrame({"fuel": [fuel], "tank": [tank]})], ignore_index=True)
    [sentence] = pairs(sentences, table)
    assert sentence.startswith("FAIL: fuel and tank: 1 of 5 rows fail")


def test_whole_numbers_are_the_same_with_gaps_beside_them(sentences):
    table = CARS.assign(
        tank=[1.0, 1.0, 0.0, None]
    )  # pandas holds whole numbers with gaps as floats
    assert pairs(sentences, table, PAIRS[:3], ignore_row_if="either_value_is_missing") == []


def test_a_missing_value_is_no_pair_unless_it_is_named(sentences):
    [sentence] = pairs(sentences, CARS, PAIRS[:3])
    assert sentence.startswith("FAIL: fuel and tank: 1 of 4 rows fail")


def test_a_share_of_other_pairs_may_be_tolerated(sentences):
    assert pairs(sentences, CARS, PAIRS[1:], mostly=0.75) == []
    assert pairs(sentences, CARS, PAIRS[1:], mostly=0.76) != []


def test_a_column_that_is_the_sum_of_others_passes(sentences):
    assert (
        sentences(BILLS, "expect_last_column_to_equal_sum", column_list=["price", "tax", "total"])
        == []
    )  # .1 + .2 is not .3 in binary


def test_a_row_that_does_not_add_up_fails(sentences):
    [sentence] = sentences(
        BILLS.assign(total=[1.5, 0.3, 6.01]),
        "expect_last_column_to_equal_sum",
        column_list=["price", "tax", "total"],
    )
    assert sentence.startswith("FAIL: price and tax and total: 1 of 3 rows fail")


def test_a_row_without_a_part_does_not_add_up_unless_it_is_ignored(sentences):
    gaps = BILLS.assign(tax=[None, 0.2, 1.0])
    columns = {"column_list": ["price", "tax", "total"]}
    assert sentences(gaps, "expect_last_column_to_equal_sum", **columns) != []
    assert (
        sentences(
            gaps, "expect_last_column_to_equal_sum", **columns, ignore_row_if="any_value_is_missing"
        )
        == []
    )
