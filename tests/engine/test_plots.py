"""Plots: the points are as worked by hand."""

import numpy as np
import pandas as pd
import pytest

from sluice.reports.plots import POINTS, calibration, precision_recall


def test_precision_recall_is_as_worked_by_hand():
    b = np.array([0.1, 0.4, 0.8, 0.9])
    curve = precision_recall(pd.Series(list("bbba")), np.column_stack([1 - b, b]), ["a", "b"])
    of_b = curve[curve["class"] == "b"]
    assert of_b["threshold"].tolist() == [0.1, 0.4, 0.8, 0.9]
    assert of_b["recall"].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert of_b["precision"].tolist() == pytest.approx([3 / 4, 2 / 3, 1 / 2, 0])


def test_precision_recall_shows_the_best_precision_of_a_recall():
    b = np.array([0.1, 0.4, 0.8])
    curve = precision_recall(pd.Series(list("abb")), np.column_stack([1 - b, b]), ["a", "b"])
    of_b = curve[(curve["class"] == "b") & (curve["recall"] == 1)]
    assert of_b["precision"].max() == 1  # from .4 on, where both b are found and nothing else


def test_precision_recall_leaves_a_class_without_test_rows_out():
    y_score = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0]])
    assert set(precision_recall(pd.Series(list("abb")), y_score, ["a", "b", "c"])["class"]) == {
        "a",
        "b",
    }


def test_a_long_precision_recall_curve_is_thinned_evenly():
    b = np.linspace(0.001, 0.999, 999)
    y_true = pd.Series(np.where(np.arange(999) % 3 == 0, "b", "a"))
    curve = precision_recall(y_true, np.column_stack([1 - b, b]), ["a", "b"])
    recall = curve.loc[curve["class"] == "b", "recall"]
    assert POINTS / 2 < len(recall) <= POINTS
    assert recall.max() == 1
    assert recall.min() < 0.01
    assert -recall.diff().min() < 0.02


def test_calibration_is_as_worked_by_hand():
    b = np.repeat([0.2, 0.8], 5)
    table = calibration(pd.Series(list("baaaabbbba")), np.column_stack([1 - b, b]), ["a", "b"])
    of_b = table[table["class"] == "b"]
    assert of_b["predicted"].tolist() == pytest.approx([0.2, 0.8])
    assert of_b["observed"].tolist() == pytest.approx([0.2, 0.8])
    assert of_b["rows"].tolist() == [5, 5]
    assert of_b.loc[of_b.index[0], ["low", "high"]].tolist() == pytest.approx(
        [0.0460, 0.5647], abs=5e-5
    )  # Wilson, 90 %: 1 of 5


def test_calibration_bins_hold_the_same_number_of_rows():
    b = np.linspace(0, 1, 200) ** 3
    y_true = pd.Series(np.where(np.arange(200) % 2 == 0, "b", "a"))
    of_b = calibration(y_true, np.column_stack([1 - b, b]), ["a", "b"]).query("`class` == 'b'")
    assert of_b["observed"].tolist() == pytest.approx([0.5] * 10, abs=0.03)
    assert of_b["predicted"].iloc[0] == pytest.approx((b[:20]).mean())
