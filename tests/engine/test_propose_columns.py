import json

import pandas as pd
import pytest

from sluice.gates.gate import findings_of
from sluice.gates.suite import read_suite
from sluice.scoping.propose_columns import Roles, propose_column

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Great Expectations warns itself
ALWAYS = {
    "type": "expect_table_row_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": "critical",
    "meta": {"notes": "Holds.", "bound": "confirmed"},
}


def proposals(values, **roles):
    """Return what is proposed for a column named size, by type."""
    return {
        one["type"].removeprefix("expect_"): one
        for one in propose_column(pd.Series(values, name="size"), Roles(**roles))
    }


def bounds(values, kind, **roles):
    """Return the options of the proposal of one type, less the column's name."""
    return {
        key: value
        for key, value in proposals(values, **roles)[kind]["kwargs"].items()
        if key != "column"
    }


@pytest.fixture
def found(tmp_path):
    """Return by type what the proposals for `values` find in `other`, each judged by the gate."""

    def found(values, other, **roles):
        expectations = propose_column(pd.Series(values, name="size"), Roles(**roles))
        path = tmp_path / "toys.json"
        path.write_text(json.dumps({"name": "toys", "expectations": [ALWAYS, *expectations]}))
        table = pd.DataFrame({"size": other})
        return {one.code for one in findings_of(table, read_suite(path))}

    return found


COLOURS = ["red"] * 700 + ["blue"] * 300
NUMBERS = [float(n) * 1.5 for n in range(1, 1001)]  # 1.5 to 1500, each once
CODES = [f"A{n:04d}-x" for n in range(1000)]
AGES = [16] * 50 + [n // 10 + 17 for n in range(950)]  # 50 are 16, and 10 each of 17 to 111
DATES = list(pd.date_range("2024-01-01", periods=1000, freq="D").as_unit("us"))


@pytest.mark.parametrize(
    "values",
    [COLOURS, NUMBERS, CODES, AGES, DATES],
    ids=["colours", "numbers", "codes", "ages", "dates"],
)
def test_a_table_passes_what_was_proposed_from_it(found, values):
    assert found(values, values) == set()


def test_the_notes_of_a_proposal_tell_the_figure_behind_it():
    notes = proposals(COLOURS)["column_values_to_not_be_null"]["meta"]
    assert notes == {
        "notes": "None of 1,000 is missing; up to 13 can be by chance in as many rows.",
        "bound": "inferred",
    }


def test_where_none_is_missing_13_rows_may_be_by_chance(found):
    assert bounds(COLOURS, "column_values_to_not_be_null") == {"mostly": 0.987}
    assert found(COLOURS, [None] * 13 + COLOURS[13:]) == set()
    assert "column_values_to_not_be_null" in found(COLOURS, [None] * 14 + COLOURS[14:])


def test_the_share_of_missing_values_is_bounded_on_both_sides(found):
    values = [None] * 100 + COLOURS[100:]  # by chance 54 to 160
    assert bounds(values, "column_proportion_of_non_null_values_to_be_between") == {
        "min_value": 0.84,
        "max_value": 0.946,
    }
    assert "column_proportion_of_non_null_values_to_be_between" in found(
        values, [None] * 161 + COLOURS[161:]
    )
    assert "column_proportion_of_non_null_values_to_be_between" in found(values, COLOURS)


def test_what_prepare_rejects_rows_for_may_never_be_missing():
    assert bounds(COLOURS, "column_values_to_not_be_null", is_needed=True) == {}


def test_an_empty_column_is_expected_to_stay_empty(found):
    assert set(proposals([None] * 20)) == {"column_values_to_be_null"}
    assert found([None] * 20, ["a"] * 20) == {"column_values_to_be_null"}


def test_codes_that_are_all_frequent_leave_room_for_13_rows(found):
    assert bounds(COLOURS, "column_values_to_be_in_set") == {
        "value_set": ["blue", "red"],
        "mostly": 0.987,
    }
    assert "column_values_to_be_in_set" not in found(COLOURS, ["green"] * 13 + COLOURS[13:])
    assert "column_values_to_be_in_set" in found(COLOURS, ["green"] * 14 + COLOURS[14:])


def test_codes_of_which_some_come_once_leave_room_for_more(found):
    values = [*COLOURS[:998], "gold", "grey"]
    assert bounds(values, "column_values_to_be_in_set") == {
        "value_set": ["blue", "gold", "grey", "red"],
        "mostly": 0.981,
    }  # 19 of 1,000
    assert found(values, [*values[:999], "pink"]) == set()
    assert "column_values_to_be_in_set" in found(values, ["pink"] * 20 + values[20:])


def test_the_classes_are_a_closed_list_however_rare():
    assert bounds([*COLOURS, "gold"], "column_values_to_be_in_set", is_target=True) == {
        "value_set": ["blue", "gold", "red"]
    }


def test_shares_of_codes_may_move_by_chance_alone(found):
    assert found(COLOURS, ["red"] * 720 + ["blue"] * 280) == set()
    assert found(COLOURS, ["red"] * 800 + ["blue"] * 200) == {
        "column_kl_divergence_to_be_less_than"
    }


def test_codes_may_be_numbers(found):
    values = [0] * 500 + [1] * 500
    assert bounds(values, "column_values_to_be_in_set") == {"value_set": [0, 1], "mostly": 0.987}
    assert "column_values_to_be_in_set" in found(values, [*values[:-14], *([2] * 14)])


def test_numbers_with_gaps_are_judged_without_them(found):
    values = (
        [0.0] * 450 + [1.0] * 450 + [None] * 100
    )  # pandas holds whole numbers with gaps as floats
    assert bounds(values, "column_values_to_be_in_set") == {
        "value_set": [0, 1],
        "mostly": 0.9855,
    }  # 13 of 900
    assert found(values, values) == set()


def test_counts_with_a_tail_are_no_codes():
    assert "column_values_to_be_in_set" not in proposals([0] * 500 + [1] * 400 + [2] * 99 + [7])


def test_words_in_a_column_of_numbers_are_found(found):
    assert "column_values_to_be_in_type_list" in found(NUMBERS, ["many", *map(str, NUMBERS[1:])])


def test_a_range_goes_a_tenth_beyond_to_round_numbers_and_may_be_passed_by_16_rows(found):
    assert bounds(NUMBERS, "column_values_to_be_between") == {
        "min_value": 1,
        "max_value": 1700,
        "mostly": 0.984,
    }
    assert "column_values_to_be_between" not in found(NUMBERS, [1650.0] * 100 + NUMBERS[100:])
    assert "column_values_to_be_between" not in found(NUMBERS, [9999.5] * 16 + NUMBERS[16:])
    assert "column_values_to_be_between" in found(NUMBERS, [9999.5] * 17 + NUMBERS[17:])


def test_many_equal_values_at_an_end_are_no_limit(found):
    late = [n % 25 for n in range(900)] + [25] * 100  # months late, to 25 at the most
    ranges = [
        one["kwargs"]
        for one in propose_column(pd.Series(late, name="size"), Roles())
        if one["type"].endswith("to_be_between")
    ]
    assert {"column": "size", "max_value": 30, "mostly": 0.987} in ranges
    assert "column_values_to_be_between" not in found(late, [31, *late[1:]])
    assert "column_values_to_be_between" in found(late, [31] * 14 + late[14:])


def test_a_count_is_never_negative(found):
    counts = [n % 30 for n in range(1000)]
    strict = next(
        one
        for one in propose_column(pd.Series(counts, name="size"), Roles())
        if one["kwargs"].get("min_value") == 0
    )
    assert "mostly" not in strict["kwargs"]
    assert strict["meta"]["notes"] == "A count is never negative; none of 1,000 rows is beyond."
    assert "column_values_to_be_between" in found(counts, [-1, *counts[1:]])


def test_what_rises_with_time_has_no_upper_bound_and_no_list_of_values(found):
    days = [n % 30 for n in range(1000)]
    assert bounds(days, "column_values_to_be_between", moves={"max_value"}) == {"min_value": 0}
    assert found(days, [day + 1000 for day in days], moves={"max_value"}) == set()
    assert found(days, [-1, *days[1:]], moves={"max_value"}) == {"column_values_to_be_between"}
    assert found(COLOURS, ["pink 2"] * 1000, moves={"value_set"}) == set()


def test_a_number_that_names_a_row_has_no_upper_bound(found):
    names = list(range(5000, 6000))
    for moves in (set(), {"max_value"}):
        assert found(names, [name + 10**6 for name in names], moves=moves) == set()
        assert found(names, [5000] * 50 + names[50:], moves=moves) == {"column_values_to_be_unique"}


def test_dates_have_a_range(found):
    assert bounds(DATES, "column_values_to_be_between") == {
        "min_value": "2024-01-01T00:00:00",
        "max_value": "2026-09-26T00:00:00",
        "mostly": 0.984,
    }
    later = [date + pd.Timedelta(days=36500) for date in DATES[:20]] + DATES[20:]
    assert "column_values_to_be_between" in found(DATES, later)


@pytest.mark.parametrize(("values", "is_time"), [(DATES, False), (AGES, True)])
def test_what_lies_beyond_the_last_date_is_for_a_person_to_judge(values, is_time):
    assert (
        proposals(values, is_time=is_time)["column_values_to_be_between"]["severity"] == "warning"
    )


def test_of_the_time_only_the_range_is_proposed():
    assert set(proposals(AGES, is_time=True)) == {
        "column_values_to_not_be_null",
        "column_values_to_be_in_type_list",
        "column_values_to_be_between",
    }


def test_numbers_that_moved_are_found_by_their_quantiles(found):
    moved = [number + 300 if number < 600 else number for number in NUMBERS]
    assert "column_quantile_values_to_be_between" in found(NUMBERS, moved)


def without(values):
    """Return the numbers that are bounded in how often they come, each list with its share."""
    proposed = propose_column(pd.Series(values, name="size"), Roles())
    bounded = [
        one["kwargs"] for one in proposed if one["type"] == "expect_column_values_to_not_be_in_set"
    ]
    return [(kwargs["value_set"], kwargs["mostly"]) for kwargs in bounded]


def test_zeros_that_stand_for_missing_values_are_found(found):
    values = [n / 2 for n in range(-500, 500)]
    assert without(values)[0] == ([0], 0.984)
    assert "column_values_to_not_be_in_set" in found(values, [0.0] * 50 + values[50:])


def test_of_numbers_above_zero_no_share_of_zeros_is_proposed():
    assert [0] not in [numbers for numbers, _ in without(NUMBERS)]


def test_no_number_is_forbidden_for_being_round():
    assert without(range(101, 1101)) == []


def test_a_default_that_creeps_in_becomes_the_most_common_value(found):
    values = [n % 100 for n in range(900)] + [7] * 100
    assert bounds(values, "column_most_common_value_to_be_in_set") == {
        "value_set": [7],
        "ties_okay": True,
    }
    assert "column_most_common_value_to_be_in_set" in found(values, [42] * 150 + values[150:])


def test_without_a_clear_most_common_value_none_is_proposed():
    assert "column_most_common_value_to_be_in_set" not in proposals(NUMBERS)


def test_the_number_of_different_values_is_bounded(found):
    values = [n % 100 * 1.5 for n in range(1000)]
    assert bounds(values, "column_unique_value_count_to_be_between") == {
        "min_value": 94,
        "max_value": 106,
    }
    assert "column_unique_value_count_to_be_between" in found(
        values, [n % 80 * 1.5 for n in range(1000)]
    )


def test_values_that_hardly_repeat_are_held_to_it(found):
    assert proposals(NUMBERS)["column_values_to_be_unique"]["severity"] == "warning"
    assert bounds(NUMBERS, "column_values_to_be_unique") == {"mostly": 0.974}  # by chance 13 pairs
    assert "column_values_to_be_unique" in found(NUMBERS, [1.5] * 50 + NUMBERS[50:])


def test_a_sample_says_nothing_of_the_number_of_different_values():
    kinds = set(proposals(NUMBERS, is_whole=False)) | set(
        proposals([n % 100 * 1.5 for n in range(1000)], is_whole=False)
    )
    assert not kinds & {"column_unique_value_count_to_be_between", "column_values_to_be_unique"}


def test_text_that_never_repeats_names_a_row(found):
    assert proposals(CODES)["column_values_to_be_unique"]["severity"] == "critical"
    assert "column_values_to_be_unique" in found(CODES, CODES[:50] + CODES[:950])


def test_codes_of_one_shape_are_a_pattern(found):
    assert bounds(CODES, "column_values_to_match_regex") == {
        "regex": "^(?:[A-Z]{1}[0-9]{4}\\-[a-z]{1})$",
        "mostly": 0.987,
    }
    assert "column_values_to_match_regex" in found(
        CODES, [code.lower() for code in CODES[:50]] + CODES[50:]
    )


def test_runs_of_any_length_keep_any_length():
    values = [f"{n}:{n % 7}" for n in range(1000)]
    assert bounds(values, "column_values_to_match_regex")["regex"] == "^(?:[0-9]+:[0-9]{1})$"


def test_free_text_is_held_to_its_characters(found):
    words = ["a toy", "two toys!", "Red (new)", "old", "A - B", "9 toys, 2 red", "x/y"]
    values = [
        f"{words[n % 7]} {'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyz'[n // 100 % 6]}"
        for n in range(1000)
    ]
    assert (
        bounds(values, "column_values_to_match_regex")["regex"] == "^[A-Za-z0-9\\ !\\(\\),\\-/]*$"
    )
    assert "column_values_to_match_regex" in found(
        values, ["Ã©" + value for value in values[:50]] + values[50:]
    )
