"""Costs: what each error costs, and the decision that follows."""

import numpy as np
import pandas as pd
import pytest

from sluice.metrics.costs import cost_matrix, cost_problems, implied, mean_costs

COSTS = {"a": {"b": 1.0}, "b": {"a": 9.0}}
MATRIX = np.array([[0.0, 1.0], [9.0, 0.0]])


def test_costs_of_all_errors_are_a_matrix():
    assert cost_problems(COSTS, ["a", "b"]) == []
    assert cost_matrix(COSTS, ["a", "b"]).tolist() == MATRIX.tolist()


def test_right_decision_may_cost_something():
    assert cost_matrix(COSTS | {"b": {"a": 9.0, "b": 2.0}}, ["a", "b"]).tolist() == [[0, 1], [9, 2]]


def test_costs_that_nobody_gave_are_no_problem():
    assert cost_problems({}, ["a", "b"]) == []


def test_costs_of_unknown_classes_are_told_with_those_that_lack():
    assert cost_problems({"a": {"c": 1.0}, "d": {}}, ["a", "b"]) == [
        "params.yaml: evaluate.costs names 'd', which is no class; there are a, b",
        "params.yaml: evaluate.costs.a names 'c', which is no class; there are a, b",
        (
            "params.yaml: evaluate.costs lacks what it costs to take 'a' for 'b'; give a: {b: a"
            " number from 0}"
        ),
        (
            "params.yaml: evaluate.costs lacks what it costs to take 'b' for 'a'; give b: {a: a"
            " number from 0}"
        ),
    ]


def test_implied_decision_has_the_least_expected_cost():
    # b is the better decision from a probability of 1 in 10 on
    assert implied(np.array([[0.95, 0.05], [0.85, 0.15]]), MATRIX, ["a", "b"]).tolist() == [
        "a",
        "b",
    ]


def test_mean_costs_are_as_worked_by_hand():
    y_true, none = pd.Series(list("aabb")), np.zeros((4, 2))
    decided = {
        "model": (none, np.array(list("abab"), dtype=object)),
        "implied": (none, np.array(list("bbbb"), dtype=object)),
    }
    found = mean_costs(y_true, decided, MATRIX, ["a", "b"], pd.Series(range(4)), 0)
    assert found["model"]["mean"] == 2.5  # 0, 1, 9, 0
    assert [found["model"][key] for key in ("more", "more_low", "more_high")] == [0, 0, 0]
    assert (found["implied"]["mean"], found["implied"]["more"]) == (0.5, -2)
    assert found["implied"]["low"] < 0.5 < found["implied"]["high"]


def test_costs_are_compared_in_pairs():
    rng = np.random.default_rng(0)
    y_true = pd.Series(rng.choice(list("ab"), 200))
    wrong = np.where(rng.random(200) < 0.3, "a", y_true).astype(object)
    worse = wrong.copy()
    worse[y_true[y_true == "a"].index[:8]] = "b"
    none = np.zeros((200, 2))
    found = mean_costs(
        y_true,
        {"model": (none, wrong), "worse": (none, worse)},
        MATRIX,
        ["a", "b"],
        pd.Series(range(200)),
        0,
    )["worse"]
    assert found["more"] == pytest.approx(8 / 200)
    assert 0 < found["more_low"] < 0.04 < found["more_high"] < 0.1
    assert found["high"] - found["low"] > 0.3
