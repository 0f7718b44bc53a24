"""How many rows of each class there are to learn from and to judge by."""

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype

from sluice.core.params import Data
from sluice.data.groups import labels
from sluice.data.roles import clusters


def class_support(train: pd.DataFrame, test: pd.DataFrame, data: Data, metric: str) -> pd.DataFrame:
    """Return one row per class of either table.

    train, train_share, train_clusters: its training rows, their share and clusters; support,
    test_clusters: its test rows and their clusters. With a time column `periods`: in how many of
    the training rows' months, or values where it is no date, it was seen; `last_seen`, the last of
    them; and `absent_by_chance`, the probability that it stays away so long, or longer, up to the
    last training row while it comes as often as ever: that all its clusters fall into the share of
    the rows up to then. `seen_by_metric`: its training rows as a share of those of the largest
    class where `metric` is accuracy, which hardly falls when a rare class is never found, else 1.
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
        if data.time:
            every, seen = periods(train[data.time]), periods(mine[data.time])
            until = float((every <= seen.max()).mean()) if len(seen) else 1.0
            last = labels(seen[seen == seen.max()]).iloc[0] if len(seen) else None
            row |= {
                "periods": seen.nunique(),
                "last_seen": last,
                "absent_by_chance": until ** row["train_clusters"],
            }
        rows.append(row)
    return pd.DataFrame(rows)


def periods(time: pd.Series) -> pd.Series:
    """Return the months of dates, or the values of a column that holds none; missing ones are
    left out.
    """
    return (time.dt.to_period("M") if is_datetime64_any_dtype(time) else time).dropna()
