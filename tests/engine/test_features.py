"""Features: what a model may see, and in which form."""

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from sluice.core.params import ROW_ID
from sluice.data.roles import clusters, features, text_columns
from tests.engine.settings import roles


def test_a_column_with_another_role_is_no_feature():
    rows = pd.DataFrame(
        {
            "__stage_row_id": ["1"],
            "label": ["a"],
            "day": [3],
            "batch": [4],
            "shelf": [5],
            "team": ["x"],
            "price": [6.5],
            "size": [7.0],
            "colour": ["red"],
        }
    )
    data = roles(
        time="day",
        cluster=["batch", "shelf"],
        sensitive=["team"],
        forbidden={"price": "set after the sale"},
    )
    assert list(features(rows, data).columns) == ["size", "colour"]


def test_every_column_without_a_role_is_a_feature_in_its_place():
    rows = pd.DataFrame(
        {"size": [1], "label": ["a"], "colour": ["red"], "__stage_row_id": ["1"], "depth": [2.5]}
    )
    assert list(features(rows, roles()).columns) == ["size", "colour", "depth"]


def test_integers_become_floats():
    X = features(pd.DataFrame({"label": ["a", "b"], "size": [1, 2]}), roles())
    assert_frame_equal(X, pd.DataFrame({"size": [1.0, 2.0]}))


def test_booleans_become_zero_or_one():
    X = features(pd.DataFrame({"label": ["a", "b"], "sold": [True, False]}), roles())
    assert_frame_equal(X, pd.DataFrame({"sold": [1.0, 0.0]}))


def test_a_missing_number_of_a_nullable_column_becomes_nan():
    X = features(
        pd.DataFrame({"label": ["a", "b"], "size": pd.array([4, None], dtype="Int64")}), roles()
    )
    assert_frame_equal(X, pd.DataFrame({"size": [4.0, np.nan]}))


def test_a_date_becomes_days_since_1970():
    rows = pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "made": pd.to_datetime(["1970-01-02 12:00", "1969-12-31 00:00", "2000-01-01 00:00"]),
        }
    )
    assert features(rows, roles())["made"].tolist() == [1.5, -1.0, 10957.0]


def test_a_missing_date_becomes_nan():
    X = features(
        pd.DataFrame({"label": ["a", "b"], "made": pd.to_datetime(["1970-01-03", None])}), roles()
    )
    assert_frame_equal(X, pd.DataFrame({"made": [2.0, np.nan]}))


def test_text_stays_as_it_is():
    assert features(pd.DataFrame({"label": ["a", "b"], "colour": ["red", "1"]}), roles())[
        "colour"
    ].tolist() == ["red", "1"]


def test_missing_text_stays_missing():
    assert features(pd.DataFrame({"label": ["a", "b"], "colour": ["red", None]}), roles())[
        "colour"
    ].isna().tolist() == [False, True]


def test_features_leaves_its_rows_unchanged():
    rows = pd.DataFrame({"label": ["a"], "size": [1], "sold": [True]})
    before = rows.copy(deep=True)
    features(rows, roles())
    assert_frame_equal(rows, before)


def test_text_columns_are_those_that_hold_text():
    rows = pd.DataFrame(
        {
            "label": ["a"],
            "colour": ["red"],
            "size": [1],
            "made": pd.to_datetime(["2000-01-01"]),
            "shape": [None],
        }
    )
    X = features(rows.astype({"shape": "str"}), roles())
    assert text_columns(X) == ["colour", "shape"]


def test_rows_that_agree_in_every_cluster_column_share_a_cluster():
    rows = pd.DataFrame({"batch": [1, 1, 2, 1], "shelf": ["x", "y", "x", "x"]})
    first, second, third, fourth = clusters(rows, ["batch", "shelf"])
    assert first == fourth
    assert len({first, second, third}) == 3


def test_rows_without_a_cluster_value_share_a_cluster():
    ids = clusters(pd.DataFrame({"batch": [1.0, None, None]}), ["batch"])
    assert ids[1] == ids[2] != ids[0]


def test_equal_rows_are_a_cluster_where_none_is_declared():
    rows = pd.DataFrame({ROW_ID: ["q", "p", "q"], "batch": [1, 1, 2]}, index=[7, 8, 9])
    assert clusters(rows, []).to_dict() == {7: 0, 8: 1, 9: 0}
    assert clusters(rows, ["batch"]).to_dict() == {7: 0, 8: 0, 9: 1}


def test_each_row_is_its_own_cluster_where_none_is_declared():
    ids = clusters(pd.DataFrame({"batch": [1, 1, 1]}, index=[7, 8, 9]), [])
    assert ids.nunique() == 3
    assert list(ids.index) == [7, 8, 9]
