"""Plots: the points are as worked by hand, and the files are whole and the same on every run."""

from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from sluice.fairness.gaps import by_group
from sluice.metrics.bootstrap import class_intervals
from sluice.metrics.referral import coverage_curve
from sluice.modeling.evaluation import by_class, score
from sluice.reports.plots import (
    POINTS,
    calibration,
    draw,
    draw_candidates,
    draw_features,
    draw_groups,
    draw_referral,
    precision_recall,
)
from tests.engine.settings import roles

FILES = [
    "calibration.csv",
    "calibration.svg",
    "candidates.svg",
    "confusion.csv",
    "confusion.svg",
    "features.svg",
    "groups.svg",
    "precision_recall.csv",
    "precision_recall.svg",
    "recall.svg",
    "referral.csv",
    "referral.svg",
]


@pytest.fixture(autouse=True)
def own_settings():
    """Keep what a test sets in matplotlib from the next."""
    with matplotlib.rc_context():
        yield


def draw_in(folder, monkeypatch, classes: list[str], n_present: int) -> dict[str, bytes]:
    """Draw the plots of 40 rows that stand in the first `n_present` of `classes`, and return the
    files by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    rng = np.random.default_rng(0)
    y_true, y_score = (
        pd.Series([classes[nth % n_present] for nth in range(40)]),
        rng.dirichlet(np.ones(len(classes)), 40),
    )
    y_pred = np.array(classes, dtype=object)[y_score.argmax(axis=1)]
    together = pd.Series(range(40))
    drawn = class_intervals(y_true, y_score, classes, together, 0)
    table = by_class(y_true, y_pred, score(y_true, y_score, y_pred, classes), together, drawn)
    draw(y_true, y_score, y_pred, classes, table, confusion_matrix(y_true, y_pred, labels=classes))
    draw_referral(coverage_curve(y_true, y_pred, y_score.max(axis=1), classes), 0.5)
    rows = pd.DataFrame(
        {"label": y_true, "team": [f"{classes[-1]} {nth % 3}" for nth in range(40)]}
    )
    draw_groups(by_group(rows, y_pred, y_score, classes, roles(sensitive=["team"]), together))
    draw_candidates(
        pd.DataFrame(
            {"candidate": ["model", *classes], "lead": 0.0, "lead_low": 0.0, "lead_high": 0.1}
        )
    )
    draw_features(
        pd.DataFrame(
            {"feature": classes, "importance": 0.1, "low": 0.0, "high": 0.2, "shadow_high": 0.05}
        )
    )
    return {path.name: path.read_bytes() for path in sorted((folder / "reports/plots").iterdir())}


def test_draw_writes_a_picture_and_its_points_for_each_plot(tmp_path, monkeypatch):
    assert list(draw_in(tmp_path, monkeypatch, ["a", "b"], 2)) == FILES


@pytest.mark.parametrize(
    "classes", [["a", "b"], ["a", "b", "c"]], ids=["two classes", "three classes"]
)
def test_draw_writes_the_same_bytes_on_every_run(tmp_path, monkeypatch, classes):
    once, again = (
        draw_in(tmp_path / folder, monkeypatch, classes, len(classes))
        for folder in ("once", "again")
    )
    assert once == again


HOSTILE = ["\x1b[2J", "a\nb", "\x01", "\ufffe", "]]>", "--", "\u202ea", "\u2028"]


@pytest.mark.parametrize(
    "label",
    ["b", "<5 & 'more'", "x--y", "20 %", "später", "$10", "$10_$20", "_other", *HOSTILE],
    ids=ascii,
)
def test_pictures_are_well_formed_whatever_a_class_is_called(tmp_path, monkeypatch, label):
    files = draw_in(tmp_path, monkeypatch, ["#", label], 2)
    for name in FILES:
        if name.endswith(".svg"):
            assert ElementTree.fromstring(files[name]).tag == "{http://www.w3.org/2000/svg}svg"


def test_pictures_can_be_drawn_where_a_class_has_no_test_rows(tmp_path, monkeypatch):
    files = draw_in(tmp_path, monkeypatch, ["a", "b", "c"], 2)
    assert list(files) == FILES


def test_without_a_sensitive_column_the_picture_of_groups_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.rcParams["svg.fonttype"] = "none"  # text as text
    rows = pd.DataFrame({"label": ["a", "b"]})
    draw_groups(
        by_group(rows, rows["label"].to_numpy(), np.eye(2), ["a", "b"], roles(), pd.Series([0, 1]))
    )
    assert (
        "data.sensitive in params.yaml names no column: there are no groups to draw"
        in (tmp_path / "reports/plots/groups.svg").read_text()
    )


def test_the_picture_of_groups_names_each_group_and_class(tmp_path, monkeypatch):
    matplotlib.rcParams["svg.fonttype"] = "none"
    picture = draw_in(tmp_path, monkeypatch, ["a", "b"], 2)["groups.svg"].decode()
    for words in (
        "recall by group",
        "false positive rate by group",
        "team: b 0",
        "team: b 1",
        "team: b 2",
        ">a</text>",
        ">b</text>",
    ):
        assert words in picture


def test_confusion_points_are_the_labels_of_each_row(tmp_path, monkeypatch):
    files = draw_in(tmp_path, monkeypatch, ["a", "b"], 2)
    header, *lines = files["confusion.csv"].decode().splitlines()
    assert header == "actual,predicted"
    assert len(lines) == 40
    assert {line.split(",")[0] for line in lines} == {"a", "b"}


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
