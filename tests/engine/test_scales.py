import pandas as pd
import pytest

from sluice.scoping.scales import limits, rounded_out


def ends(name, values):
    return {end: bound for end, (bound, _) in limits(pd.Series(values, name=name)).items()}


HALVES = [n / 100 for n in range(1, 100)]


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("paid_share", [0.25, 0.5], {"min_value": 0, "max_value": 1}),
        (
            "price",
            [0.0] * 14 + HALVES + [1.0] * 14,
            {},
        ),  # divided by the greatest: the next may lie beyond
        ("loan_share", [0.25, 1.5], {}),
        ("orders", [0] * 14 + [1] * 14 + [7], {"min_value": 0}),
        ("orders", [0] * 13 + [7], {}),  # as few as chance brings
        ("degrees", [0] * 14 + [1] * 30 + [2] * 60, {}),  # the tail of a range, not where it ends
        ("amount", [0.0] * 20 + [1.5, 2.5], {}),  # money can flow back
        ("months_late", [1, 2, 3] + [7] * 20, {}),
        ("dep_hour", [5, 9] + [23] * 20, {"min_value": 0, "max_value": 23}),
        ("dep_hour", [5, 9, 17], {}),
        ("hours", [5, 9] + [23] * 20, {}),
    ],
)
def test_an_end_is_a_limit_only_where_a_reason_says_so(name, values, found):
    assert ends(name, values) == found


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([-3.2, 36.9], (-10, 50)),
        ([0, 97], (0, 110)),
        ([18, 97], (10, 110)),
        ([1997, 2001], (1996, 2002)),
        ([0, 0.56, 1], (0, 1.1)),
        ([1.5, 1500.0], (1, 1700)),  # 0 would be a missing value
        ([4, 72], (4, 80)),
        ([-9, -1], (-10, 0)),
        ([5, 5], (5, 5)),
        ([0, 12_345], (0, 14_000)),
    ],
)
def test_bounds_are_those_that_a_person_would_write(values, bounds):
    assert tuple(rounded_out(pd.Series(values)).values()) == bounds
