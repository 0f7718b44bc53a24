import pandas as pd
import pytest

from sluice.metrics.margins import (
    distinct,
    divergence,
    least,
    most,
    mostly,
    mostly_unique,
    quantile_ranges,
)


def test_what_no_row_shows_13_rows_of_the_next_table_can_show_by_chance():
    assert most(0) == 13  # 2**-13 is 1 in 8,192; 2**-14 would be rarer than 1 in 10,000


def test_what_one_row_shows_16_rows_of_the_next_table_can_show_by_chance():
    assert most(1) == 16  # (k + 2) / 2**(k + 1) is 1.4 in 10,000 for 16, 0.7 for 17


def test_what_13_rows_show_no_row_may_show_next_time():
    assert (least(13), least(14)) == (0, 1)  # 2**-13, and 2**-14 against (1 + 15) / 2**15


@pytest.mark.parametrize("count", [10_000, 10**6])
def test_of_large_counts_the_margins_are_those_of_the_normal_distribution(count):
    assert most(count) - count == pytest.approx(3.719 * (2 * count) ** 0.5, rel=0.03)
    assert count - least(count) == pytest.approx(3.719 * (2 * count) ** 0.5, rel=0.03)


def test_the_share_that_has_to_hold_is_rounded_down():
    assert mostly(0, 1000) == 0.987
    assert mostly(0, 3000) == 0.9956  # 1 - 13 / 3000 is .99566...


def test_a_table_too_small_to_tell_holds_nothing():
    assert mostly(0, 10) == 0


def test_rows_repeat_in_pairs():
    assert mostly_unique(0, 1000) == 0.974  # 13 pairs
    assert mostly_unique(2, 1000) == 0.968  # one pair; by chance 16


def test_shares_of_two_values_may_move_as_chi_squared_with_one_degree_of_freedom_says():
    assert divergence(2, 1000) == pytest.approx(
        0.0151367, rel=1e-5
    )  # its upper 1 in 10,000 point is 15.1367


def test_the_number_of_values_may_move_as_far_as_those_that_come_once_say():
    counts = pd.Series([1000, *([1] * 49)])  # 3.8906 * sqrt(2 * 50) = 38.9
    assert distinct(counts) == (11, 89)


def test_the_number_of_values_is_at_most_the_number_of_rows():
    assert distinct(pd.Series([1] * 100)) == (44, 100)


def test_the_range_of_a_quantile_is_made_of_ranks():
    values = pd.Series(range(1, 1001)).sample(frac=1, random_state=0)
    assert quantile_ranges(values, [0.5]) == [[413, 588]]  # 3.8906 * sqrt(2 * .25 / 1000) is .087


def test_the_range_of_an_outer_quantile_is_open():
    [low, high] = quantile_ranges(pd.Series([float(n) for n in range(100)]), [0.05, 0.95])
    assert low[0] is None
    assert high[1] is None
    assert low[1] < 30 < 70 < high[0]
