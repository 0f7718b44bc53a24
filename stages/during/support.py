"""How many rows of each class there are to learn from and to judge by."""

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype

from stages.features import clusters
from stages.params import Data


def class_support(train: pd.DataFrame, test: pd.DataFrame, data: Data, metric: str) -> pd.DataFrame:
    """Return one row per class of either table.

    train, train_share, train_clusters: its training rows, their share and clusters; support, test_clusters: its test rows and
    their clusters. `periods`, with a time column: in how many of the training rows' months, or values where it is no date, it
    was seen. `seen_by_metric`: its training rows as a share of those of the largest class where `metric` is accuracy, which
    hardly falls when a rare class is never found, else 1.
    """
    counts = train[data.target].value_counts()
    rows = []
    for label in sorted(set(train[data.target]) | set(test[data.target])):
        mine, tested = train[train[data.target] == label], test[test[data.target] == label]
        row = {
            "class": label,
            "train": len(mine),
            "train_share": len(mine) / len(train),
            "train_clusters": clusters(mine, data.cluster).nunique(),
            "support": len(tested),
            "test_clusters": clusters(tested, data.cluster).nunique(),
            "seen_by_metric": len(mine) / counts.max() if metric == "accuracy" else 1.0,
        }
        rows.append(row | ({"periods": periods(mine[data.time])} if data.time else {}))
    return pd.DataFrame(rows)


def periods(time: pd.Series) -> int:
    """Return the number of months of dates, or of distinct values of a column that holds none."""
    return int((time.dt.to_period("M") if is_datetime64_any_dtype(time) else time).nunique())
