"""What of a prepared table a model may see, and in which form."""

from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from sluice.core.params import ROW_ID, Data

EPOCH = pd.Timestamp("1970-01-01").as_unit(
    "us"
)  # nanoseconds would end in 2262, and databases write 9999-12-31 for "open"


def features(rows: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return the feature columns of `rows`: numbers, booleans and dates (as days since 1970) as
    float64, text as it is.

    A column is a feature unless `data` gives it another role.
    """
    hidden = data.not_features()
    return rows[[column for column in rows.columns if column not in hidden]].apply(_as_model_input)


def _as_model_input(column: pd.Series) -> pd.Series:
    is_number = is_datetime64_any_dtype(column) or is_numeric_dtype(column) or is_bool_dtype(column)
    return as_number(column) if is_number else column.astype("str")


def as_number(column: pd.Series) -> pd.Series:
    """Return a column as float64: dates as days since 1970, numbers and booleans as they are."""
    return (
        (column - EPOCH) / pd.Timedelta(days=1)
        if is_datetime64_any_dtype(column)
        else column.astype("float64")
    )


def with_column(rows: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
    """Return `rows` with a column, whatever its name: DataFrame.assign takes none that is called
    self.
    """
    changed = rows.copy(deep=False)
    changed[name] = values
    return changed


def text_columns(X: pd.DataFrame) -> list[str]:
    """Return the columns of `X`, as `features` gave it, that hold text."""
    return [column for column in X.columns if not is_numeric_dtype(X[column])]


def clusters(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    """Return (n_samples,) cluster ids: the same for rows that agree in `columns`, or, where there
    are none, for rows that share ROW_ID.

    Rows of a table without ROW_ID, which prepare did not make, are a cluster each.
    """
    if columns:
        return rows.groupby(columns, dropna=False).ngroup()
    ids = (
        pd.factorize(rows[ROW_ID], use_na_sentinel=False)[0] if ROW_ID in rows else range(len(rows))
    )
    return pd.Series(ids, index=rows.index)
