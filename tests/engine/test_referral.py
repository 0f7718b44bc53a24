"""Referral: what the model decides itself, and how well."""

import numpy as np
import pandas as pd
import pytest

from sluice.metrics.decision import confidence
from sluice.metrics.referral import coverage_curve, referral

TRUE, DECIDED = pd.Series(list("aabb")), np.array(list("abab"), dtype=object)
SURE = np.array([0.9, 0.6, 0.5, 0.8])


def test_confidence_is_the_weighted_share_of_the_decided_class():
    assert confidence(np.array([[0.8, 0.4], [0.5, 1.0]])) == pytest.approx([0.8 / 1.2, 1 / 1.5])


def test_referral_is_as_worked_by_hand():
    found = referral(TRUE, DECIDED, SURE, ["a", "b"], 0.55, pd.Series(range(4)))
    assert (found["refer_below"], found["coverage"]) == (0.55, 0.75)
    assert found["coverage_low"] < 0.75 < found["coverage_high"]
    assert {key: found["classes"]["a"][key] for key in ("support", "referred", "recall")} == {
        "support": 2,
        "referred": 0,
        "recall": 0.5,
    }
    assert {key: found["classes"]["b"][key] for key in ("support", "referred", "recall")} == {
        "support": 1,
        "referred": 0.5,
        "recall": 1,
    }


def test_class_that_is_referred_altogether_has_no_recall():
    found = referral(
        TRUE, DECIDED, np.array([0.9, 0.6, 0.1, 0.1]), ["a", "b", "c"], 0.55, pd.Series(range(4))
    )["classes"]
    assert found["b"] == {
        "support": 0,
        "referred": 1,
        "recall": None,
        "recall_low": 0,
        "recall_high": 1,
    }
    assert found["c"]["referred"] is None


def test_curve_begins_with_all_rows():
    curve = coverage_curve(TRUE, DECIDED, SURE, ["a", "b"])
    assert curve.head(2)[["class", "coverage", "support", "recall"]].values.tolist() == [
        ["a", 1, 2, 0.5],
        ["b", 1, 2, 0.5],
    ]


def test_curve_ends_with_the_surest_rows():
    curve = coverage_curve(TRUE, DECIDED, SURE, ["a", "b"])
    assert curve.tail(2)[["class", "coverage", "recall"]].values.tolist() == [
        ["a", 0.5, 1],
        ["b", 0.5, 1],
    ]


def test_rows_of_equal_confidence_are_decided_together():
    assert set(coverage_curve(TRUE, DECIDED, np.full(4, 0.7), ["a", "b"])["coverage"]) == {1.0}
