"""Derived columns follow from their own row alone, and from what is known before the outcome."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sluice.core.params import Params
from sluice.core.schema import load
from sluice.core.tables import TEST
from sluice.data.sources import Sources
from stages.features import add_features
from tests.pipeline_run import PROJECT


@pytest.fixture(scope="module")
def rows(table) -> pd.DataFrame:
    """Cleaned test rows as `add_features` gets them: without the target and derived columns."""
    data = load(PROJECT / "params.yaml", Params).data
    [source] = load(PROJECT / "data/sources.yaml", Sources).sources.values()
    given = [one for one in source.columns if one not in (data.target, *data.forbidden)]
    return table(TEST)[given].head(1000)


def test_any_subset_of_rows_gives_the_same_values(rows):
    whole = add_features(rows.copy())
    for some in (rows.sample(frac=0.3, random_state=0), rows.iloc[::-1], rows.head(1)):
        assert_frame_equal(add_features(some.copy()), whole.loc[some.index], check_dtype=False)


def test_given_columns_are_left_alone(rows):
    assert_frame_equal(add_features(rows.copy())[list(rows.columns)], rows)
