"""The rows of a table as scikit-learn takes them."""

from dataclasses import dataclass

import pandas as pd

from sluice.core.params import Data
from sluice.data.roles import clusters, features


@dataclass(frozen=True)
class Dataset:
    """Features and labels of rows, and what keeps rows on one side of a split. All parts share one
    index.

    X: (n_samples, n_features); y: (n_samples,) labels; groups: (n_samples,) cluster ids; time:
    (n_samples,) dates or numbers, None where data.time is null. rows: the prepared table itself,
    for what augments, weighs or audits rows.
    """

    rows: pd.DataFrame
    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series
    time: pd.Series | None

    @classmethod
    def of(cls, rows: pd.DataFrame, data: Data) -> "Dataset":
        """Return prepared `rows` as a data set, by the roles of the columns in `data`."""
        return cls(
            rows,
            features(rows, data),
            rows[data.target],
            clusters(rows, data.cluster),
            rows[data.time] if data.time else None,
        )
