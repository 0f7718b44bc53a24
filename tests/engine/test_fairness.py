"""Fairness: rates of each group beside those of others, with intervals that hold for all of them
together.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.fairness.gaps import GAP_COLUMNS, MIN_GROUP_ROWS, by_group, largest_gap, without_small
from sluice.metrics.intervals import clopper_pearson, newcombe
from tests.engine.settings import settings


def table(rows: dict, y_pred: str, y_score=None, clusters=None, **data) -> pd.DataFrame:
    """Return by_group of `rows`, with true labels in `label`; the probabilities are those of one
    who is sure.
    """
    classes = sorted({*rows["label"], *y_pred})
    decided = np.array(list(y_pred), dtype=object)
    sure = np.array([[float(label == one) for one in classes] for label in decided])
    ids = pd.Series(range(len(decided)) if clusters is None else clusters)
    data = settings(
        data={"sensitive": [column for column in rows if column != "label"]} | data
    ).data
    return by_group(
        pd.DataFrame(rows),
        decided,
        sure if y_score is None else np.asarray(y_score),
        classes,
        data,
        ids,
    )


def audit(team, y_true: str, y_pred: str, **more) -> pd.DataFrame:
    """Return by_group of the groups `team` against all others, indexed by group, class and rate."""
    found = table({"label": list(y_true), "team": list(team)}, y_pred, **more)
    return found[found["against"] == "all others"].set_index(["group", "class", "rate"])


def test_each_group_has_its_recall():
    found = audit("xxxxyyyy", "bbaabbaa", "bbaabaaa")
    assert found.loc[
        ("x", "b", "recall"), ["rows", "support", "value", "other", "gap"]
    ].tolist() == [4, 2, 1, 0.5, 0.5]
    assert found.loc[
        ("y", "b", "recall"), ["rows", "support", "value", "other", "gap"]
    ].tolist() == [4, 2, 0.5, 1, -0.5]


def test_each_group_has_its_false_positive_rate():
    found = audit("xxxxyyyy", "bbaabbaa", "bbbabaaa")
    assert found.loc[("x", "b", "false_positive_rate"), ["support", "value", "gap"]].tolist() == [
        2,
        0.5,
        0.5,
    ]
    assert found.loc[("y", "b", "false_positive_rate"), ["support", "value", "gap"]].tolist() == [
        2,
        0,
        -0.5,
    ]


def test_each_group_has_its_precision():
    found = audit("xxxxyyyy", "bbaabbaa", "bbbbbaaa")
    assert found.loc[("x", "b", "precision"), ["support", "value", "gap"]].tolist() == [
        4,
        0.5,
        -0.5,
    ]
    assert found.loc[("y", "b", "precision"), ["support", "value", "gap"]].tolist() == [1, 1, 0.5]


def test_each_group_has_its_calibration():
    found = audit("xxyy", "abab", "abab", y_score=[[0.4, 0.6], [0.2, 0.8], [0.5, 0.5], [0.5, 0.5]])
    row = found.loc[
        ("x", "b", "calibration")
    ]  # .7 on average, and half of them: off by .6 and -.2, each .4 from their mean
    assert row[["support", "value", "other", "gap"]].tolist() == pytest.approx([2, 0.2, 0, 0.2])
    error = np.sqrt(2 * 2 * 0.4**2) / 2
    assert row[["low", "high"]].tolist() == pytest.approx(
        [0.2 - 1.6449 * error, min(1, 0.2 + 1.6449 * error)], abs=1e-4
    )


def test_selection_is_audited_only_of_a_benefit():
    assert "selection_rate" not in set(
        table({"label": list("abab"), "team": list("xxyy")}, "abab")["rate"]
    )
    found = audit("xxxxyyyy", "aaaabbbb", "aaabaabb", favourable="a")
    row = found.loc[("x", "a", "selection_rate")]
    assert row[["support", "value", "other", "gap"]].tolist() == [4, 0.75, 0.5, 0.25]
    assert row[["ratio", "proven_ratio"]].tolist() == pytest.approx([2 / 3, 1])
    assert ("x", "b", "selection_rate") not in found.index


@pytest.mark.parametrize(("n", "proven"), [(10, 1), (1000, 0.6)])
def test_a_ratio_below_four_fifths_counts_only_with_evidence(n, proven):
    found = audit(
        "x" * n + "y" * n,
        "ab" * n,
        "a" * (n // 2) + "b" * (n - n // 2) + "a" * (3 * n // 10) + "b" * (n - 3 * n // 10),
        favourable="a",
    )
    for group in "xy":
        assert found.loc[
            (group, "a", "selection_rate"), ["ratio", "proven_ratio"]
        ].tolist() == pytest.approx([0.6, proven])


def test_nobody_selected_is_no_unequal_selection():
    assert (audit("xxyy", "abab", "bbbb", favourable="a")["proven_ratio"] == 1).all()


def test_the_table_has_a_row_per_comparison_class_and_rate():
    found = table({"label": list("abab"), "team": list("xyzz"), "crew": list("mmno")}, "abab")
    assert found.columns.tolist() == GAP_COLUMNS
    assert not found.duplicated(["column", "group", "against", "class", "rate"]).any()
    groups = 3 + 3  # each against all others
    pairs = 3 + 3
    crossed = 4  # x m, y m, z n, z o
    assert len(found) == (groups + pairs + crossed) * 2 * 4


def test_groups_of_a_column_are_held_against_each_other():
    found = table({"label": ["b"] * 6, "team": list("xxyyzz")}, "bbbaaa").set_index(
        ["group", "against", "class", "rate"]
    )
    assert found.loc[("x", "y", "b", "recall"), ["kind", "value", "other", "gap"]].tolist() == [
        "pair",
        1,
        0.5,
        0.5,
    ]
    assert found.loc[("y", "z", "b", "recall"), ["kind", "value", "other", "gap"]].tolist() == [
        "pair",
        0.5,
        0,
        0.5,
    ]


def test_two_groups_are_held_against_each_other_once():
    found = table({"label": list("abab"), "team": list("xxyy")}, "abab")
    assert set(found["kind"]) == {"group"}


def test_two_columns_are_crossed():
    found = table(
        {"label": ["b"] * 4, "sex": list("ffmm"), "age": [20, 70, 20, 70]},
        "baaa",
        cut_points={"age": [60]},
    )
    crossed = found[found["kind"] == "crossed"].set_index(["column", "group", "class", "rate"])
    row = crossed.loc[("sex × age", "f × below 60", "b", "recall")]
    assert row[["against", "rows", "value", "other"]].tolist() == ["all others", 1, 1, 0]
    assert crossed.index.unique("group").tolist() == [
        "f × 60 or more",
        "f × below 60",
        "m × 60 or more",
        "m × below 60",
    ]


def test_the_value_of_a_group_has_bounds():
    found = audit("xxxxyyyy", "bbaabbaa", "bbaabaaa")
    assert found.loc[("x", "b", "recall"), ["low", "high"]].tolist() == pytest.approx(
        [0.05**0.5, 1]
    )
    assert found.loc[("y", "b", "recall"), ["low", "high"]].tolist() == pytest.approx(
        [1 - 0.95**0.5, 0.95**0.5]
    )


TEN = "b" * 9 + "a" + "b" * 3 + "a" * 7  # 9 of ten in x, 3 in y


def test_the_gaps_of_two_groups_of_two_classes_are_five_comparisons():
    found = audit("x" * 10 + "y" * 10 + "xy", "b" * 20 + "aa", TEN + "aa")
    bounds = newcombe(9, 10, 3, 10, 1 - 0.01 / 5)  # two errors, two precisions, one calibration
    assert found.loc[("x", "b", "recall"), ["gap_low", "gap_high"]].tolist() == pytest.approx(
        bounds
    )
    assert found.loc[("y", "b", "recall"), ["gap_low", "gap_high"]].tolist() == pytest.approx(
        [-bounds[1], -bounds[0]]
    )


def test_groups_pairs_classes_and_rates_are_corrected_for():
    found = audit(
        "x" * 10 + "y" * 10 + "z" * 10 + "xyz" * 2,
        "b" * 30 + "aaaccc",
        TEN + "b" * 6 + "a" * 4 + "aaaccc",
    )
    level = 1 - 0.01 / (
        6 * 3 * 4
    )  # three groups against all others and three pairs, three classes, four rates
    assert found.loc[("x", "b", "recall"), ["gap_low", "gap_high"]].tolist() == pytest.approx(
        newcombe(9, 10, 9, 20, level)
    )


def test_what_has_no_rows_is_no_comparison():
    found = audit("x" * 10 + "y" * 10, "b" * 20, TEN)
    bounds = newcombe(
        9, 10, 3, 10, 1 - 0.01 / 4
    )  # nobody is truly a, so that of the two errors one has no rows
    assert found.loc[("x", "b", "recall"), ["gap_low", "gap_high"]].tolist() == pytest.approx(
        bounds
    )


def test_rows_of_one_cluster_count_as_what_they_tell():
    alone = audit("x" * 40 + "y" * 40, "b" * 80, "b" * 30 + "a" * 10 + "b" * 20 + "a" * 20)
    twins = audit(
        "x" * 40 + "y" * 40,
        "b" * 80,
        "b" * 30 + "a" * 10 + "b" * 20 + "a" * 20,
        clusters=np.arange(80) // 2,
    )
    wide, narrow = (found.loc[("x", "b", "recall")] for found in (twins, alone))
    assert wide["gap"] == narrow["gap"]
    assert wide["gap_low"] < narrow["gap_low"]
    # 15 of 20 pairs were found, so that 40 rows are worth at most 20
    assert wide["low"] < clopper_pearson(15, 20)[0] + 1e-9 < narrow["low"]


def test_clusters_widen_the_interval_of_calibration():
    y_score = [[0.2, 0.8], [0.3, 0.7]] * 2 + [[0.5, 0.5]] * 4
    alone = audit("xxxxyyyy", "abab" * 2, "abab" * 2, y_score=y_score)
    twins = audit(
        "xxxxyyyy", "abab" * 2, "abab" * 2, y_score=y_score, clusters=[0, 1, 0, 1, 2, 3, 2, 3]
    )
    of = ("x", "b", "calibration")
    assert alone.loc[of, "value"] == twins.loc[of, "value"]
    assert twins.loc[of, "low"] < alone.loc[of, "low"]


def test_a_missing_sensitive_value_is_a_group():
    found = audit(["x", "x", None, "y"], "bbbb", "bbba")
    assert found.loc[("missing", "b", "recall"), ["rows", "support", "value"]].tolist() == [1, 1, 1]


def test_a_group_without_rows_of_the_class_is_unknown():
    row = audit("xxyy", "abbb", "abaa").loc[("y", "a", "recall")]
    assert row["support"] == 0
    assert row[["value", "gap"]].isna().all()
    assert row[["low", "high", "gap_low", "gap_high", "proven_gap", "proven_ratio"]].tolist() == [
        0,
        1,
        -1,
        1,
        0,
        1,
    ]


def test_a_single_group_has_no_gap():
    found = audit("xxxx", "abab", "abbb")
    assert found["gap"].isna().all()
    assert (found["proven_gap"] == 0).all()


def test_a_planted_gap_is_proven():
    found = audit("x" * 40 + "y" * 40, "b" * 80, "b" * 36 + "a" * 4 + "b" * 12 + "a" * 28)
    assert found.loc[("x", "b", "recall"), "proven_gap"] == pytest.approx(0.6)
    assert found.loc[("y", "b", "recall"), "proven_gap"] == pytest.approx(0.6)


@pytest.mark.parametrize("rows, support, proven", [(40, 40, 0.6), (41, 0, 0), (0, 41, 0)])
def test_of_a_group_with_too_few_rows_nothing_is_proven_nor_of_those_that_are_held_against_it(
    rows, support, proven
):
    labels, teams = ["b"] * 80 + list("ab") * 40, ["x"] * 40 + ["y"] * 40 + ["z"] * 80
    found = table(
        {"label": labels, "team": teams}, "b" * 36 + "a" * 4 + "b" * 12 + "a" * 28 + "ab" * 40
    )
    found = without_small(found, rows, support).set_index(["group", "against", "class", "rate"])
    assert found.loc[("x", "y", "b", "recall"), "proven_gap"] == pytest.approx(proven)
    assert found.loc[("y", "z", "b", "recall"), "proven_gap"] == (
        pytest.approx(0.7) if proven else 0
    )


def test_of_two_groups_of_which_one_has_too_few_rows_nothing_is_proven_of_either():
    found = table({"label": ["b"] * 240, "team": ["x"] * 200 + ["y"] * 40}, "b" * 200 + "a" * 40)
    assert (found.loc[found["rate"] == "recall", "proven_gap"].loc[lambda gap: gap > 0] == 1).all()
    assert found["proven_gap"].max() == 1
    assert (
        without_small(found, 41, 0)["proven_gap"].max()
        == without_small(found, 0, 41)["proven_gap"].max()
        == 0
    )


def test_equal_groups_have_no_proven_gap():
    found = audit("x" * 40 + "y" * 40, ("b" * 20 + "a" * 20) * 2, ("b" * 15 + "a" * 25) * 2)
    assert (found["gap"] == 0).all()
    assert (found["proven_gap"] == 0).all()


def test_without_a_sensitive_column_there_is_no_row():
    found = table({"label": list("abab")}, "abab")
    assert found.columns.tolist() == without_small(found, 200, 30).columns.tolist() == GAP_COLUMNS
    assert found.empty


def test_a_sensitive_column_that_is_missing_is_refused():
    with pytest.raises(
        UserError,
        match=(
            r"^the test rows lack team, crew, which data.sensitive of params.yaml names: nobody can"
            r" look whether"
        ),
    ):
        table({"label": list("abab")}, "abab", sensitive=["team", "crew"])


def halves(n: int) -> tuple[pd.Series, np.ndarray, pd.Series]:
    """Return true labels, decisions and teams: of n rows of each class x finds all, and y half
    of b and all of a.
    """
    y_true, teams = pd.Series(["a"] * 2 * n + ["b"] * 2 * n), pd.Series((["x"] * n + ["y"] * n) * 2)
    y_pred = y_true.to_numpy(dtype=object).copy()
    y_pred[-(n // 2) :] = "a"
    return y_true, y_pred, teams


def test_the_largest_gap_is_that_of_the_recall_of_one_class():
    y_true, y_pred, teams = halves(MIN_GROUP_ROWS)
    assert largest_gap(y_true, y_pred, {"team": teams}) == pytest.approx(0.5)


def test_the_largest_gap_is_that_of_the_column_that_has_it():
    y_true, y_pred, teams = halves(MIN_GROUP_ROWS)
    even = pd.Series(np.arange(len(teams)) % 2).astype(str)
    assert largest_gap(y_true, y_pred, {"even": even}) < 0.1
    assert largest_gap(y_true, y_pred, {"even": even, "team": teams}) == pytest.approx(0.5)


def test_groups_with_few_rows_make_no_largest_gap():
    y_true, y_pred, teams = halves(MIN_GROUP_ROWS - 1)
    assert np.isnan(largest_gap(y_true, y_pred, {"team": teams}))


def test_without_groups_there_is_no_largest_gap():
    y_true, y_pred, _ = halves(MIN_GROUP_ROWS)
    assert np.isnan(largest_gap(y_true, y_pred, {}))


def test_equal_decisions_have_no_largest_gap():
    y_true, _, teams = halves(MIN_GROUP_ROWS)
    assert largest_gap(y_true, y_true.to_numpy(dtype=object), {"team": teams}) == 0
