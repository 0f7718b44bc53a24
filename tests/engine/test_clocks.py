"""Clocks: what moves on with time is found, and chance, a scale that ends and a birthday are
not.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.scoping.clocks import clock_findings, clocks
from tests.engine.settings import roles

MONTHS, CUSTOMERS = 12, 100
MONTH = np.repeat(np.arange(MONTHS), CUSTOMERS)
CUSTOMER = np.tile(np.arange(CUSTOMERS), MONTHS)
CHANCE = np.random.default_rng(0)
PANEL = pd.DataFrame(
    {
        "label": CHANCE.choice(["buys", "leaves"], len(MONTH)),
        "month": pd.Timestamp("1997-01-01") + pd.to_timedelta(30 * MONTH, unit="D"),
        "days_since_first": 30 * MONTH + CUSTOMER % 30,
        "days_left": 400 - 30 * MONTH - CUSTOMER % 30,
        "orders_so_far": np.where(CUSTOMER == 0, MONTH // 2, 0) + CUSTOMER % 2,  # of few customers
        "spent": CHANCE.exponential(20, len(MONTH)),
        "capped": np.minimum(MONTH, 4) + CUSTOMER % 3,
        "campaign": [f"spring {month // 2}" if n % 2 else "none" for n, month in enumerate(MONTH)],
        "shop": CHANCE.choice(["a", "b", "c"], len(MONTH)),
    }
).sample(frac=1, random_state=0, ignore_index=True)


def test_what_moves_on_with_time_is_found():
    moving = {
        "days_since_first": {"max_value"},
        "orders_so_far": {"max_value"},
        "days_left": {"min_value"},
        "campaign": {"value_set"},
    }
    assert clocks(PANEL, roles(time="month")) == moving


def test_time_need_not_be_named_for_what_rises():
    assert clocks(PANEL, roles()) == {
        "days_since_first": {"max_value"},
        "orders_so_far": {"max_value"},
        "campaign": {"value_set"},
    }


def test_a_year_goes_on_itself():
    years = PANEL.assign(year=1997 + MONTH // 3).drop(columns="month")
    assert clocks(years, roles())["year"] == {"max_value"}


def test_a_birthday_is_no_time():
    people = pd.DataFrame(
        {"birth_date": PANEL["month"], "size": PANEL["days_since_first"], "label": PANEL["label"]}
    )
    assert clocks(people, roles()) == {}


def test_a_time_that_is_text_has_no_order():
    assert clocks(PANEL.assign(month=PANEL["month"].dt.strftime("%b")), roles(time="month")) == {}


def test_in_one_month_nothing_moves():
    assert clocks(PANEL.assign(month=PANEL["month"].max()), roles(time="month")) == {}


def test_without_a_time_nothing_moves():
    assert clocks(PANEL.drop(columns="month"), roles()) == {}


@pytest.mark.parametrize("seed", range(20))
def test_rows_in_any_order_have_no_clock(seed):
    mixed = PANEL.assign(month=PANEL["month"].sample(frac=1, random_state=seed).to_numpy())
    assert clocks(mixed, roles(time="month")) == {}


def test_missing_values_are_no_matter():
    gaps = PANEL.assign(
        spent=None, days_since_first=PANEL["days_since_first"].where(PANEL.index % 3 > 0)
    )
    assert clocks(gaps, roles(time="month"))["days_since_first"] == {"max_value"}


def test_of_a_feature_that_moves_on_a_model_must_extrapolate():
    grows, falls, new = clock_findings(
        {
            "days": {"max_value"},
            "left": {"min_value"},
            "campaign": {"value_set"},
            "month": {"max_value"},
        },
        roles(time="month"),
    )
    assert (grows.weight, grows.about) == ("look", "days")
    assert grows.what == "grows with time: a model must extrapolate, and no upper bound is proposed"
    assert falls.what == "falls with time: a model must extrapolate, and no lower bound is proposed"
    assert new.what.startswith("new values keep appearing with time")
