"""Weigh training rows so that no group of people has a class more often than another."""

import numpy as np
import pandas as pd

from sluice.core.params import ORIGIN, Data
from sluice.data.groups import crossed


def reweighing(rows: pd.DataFrame, data: Data) -> np.ndarray:
    """Return (n_samples,) weights under which class and group know nothing of each other: P(group)
    P(class) / P(group, class).

    The groups are those of all sensitive columns together, so that none of them, nor any
    combination, tells the class. Synthetic rows, which have no group, weigh 1. Shares of classes
    and of groups stay as they are where each group has each class. Source: Kamiran and Calders
    (2012), Knowledge and Information Systems 33.
    """
    is_real = (
        rows[ORIGIN].ne("synthetic")
        if ORIGIN in rows.columns
        else pd.Series(True, index=rows.index)
    )
    real = rows[is_real]
    y, of = real[data.target].astype("str"), crossed(real, data.sensitive, data.cut_points)
    size, together = y.groupby(y).transform("size"), y.groupby([of, y]).transform("size")
    weights = np.ones(len(rows))
    weights[is_real.to_numpy()] = y.groupby(of).transform("size") * size / (len(real) * together)
    return weights
