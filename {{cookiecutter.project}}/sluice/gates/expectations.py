"""Types of expectations that Great Expectations lacks, or judges with a loop over rows in
Python.
"""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.core import ExpectColumnPairValuesToBeInSet
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.column_pair_map_metrics.column_pair_values_in_set import (  # noqa: E501
    ColumnPairValuesInSet,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
    column_pair_condition_partial,
    multicolumn_condition_partial,
)

RELATIVE = 1e-9  # sums of decimal fractions are off in their last digits


class KnownPairs(ColumnPairValuesInSet):
    """Whether each row has one of the pairs; Great Expectations' own metric loops over them, 26
    CPU s for 1e6 rows.
    """

    condition_metric_name = "column_pair_values.known"

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A: pd.Series, column_B: pd.Series, **kwargs: Any) -> pd.Series:  # noqa: N805 - GX binds the class
        pairs = [tuple(pair) for pair in kwargs["value_pairs_set"]]
        a, b = (list(dict.fromkeys(values)) for values in zip(*pairs, strict=True))
        allowed = np.zeros(
            (len(a) + 1, len(b) + 1), dtype=bool
        )  # the last of each is for values in no pair
        for left, right in pairs:
            allowed[a.index(left), b.index(right)] = True
        return pd.Series(
            allowed[_positions(column_A, a), _positions(column_B, b)], index=column_A.index
        )


def _positions(values: pd.Series, known: list[Any]) -> np.ndarray:
    """Return where each value stands in `known`, -1 for nowhere; None stands for a missing
    value.
    """
    held = [value for value in known if value is not None]
    at = np.array([known.index(value) for value in held] + [-1])[pd.Index(held).get_indexer(values)]
    return np.where(values.isna(), known.index(None) if None in known else -1, at)


ExpectColumnPairValuesToBeInSet.map_metric = KnownPairs.condition_metric_name


class LastIsSum(MulticolumnMapMetricProvider):
    """Whether in each row the last column is the sum of the others, but for RELATIVE of it."""

    condition_metric_name = "multicolumn_values.last_is_sum"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **kwargs: Any) -> pd.Series:  # noqa: N805 - GX binds the class
        parts, total = column_list.iloc[:, :-1].sum(axis=1, skipna=False), column_list.iloc[:, -1]
        return pd.Series(
            np.isclose(parts, total, rtol=RELATIVE, atol=RELATIVE), index=column_list.index
        )


class ExpectLastColumnToEqualSum(MulticolumnMapExpectation):
    """In each row the last column of column_list is the sum of the others. On pandas."""

    map_metric: ClassVar[str] = LastIsSum.condition_metric_name
