"""Whether every class is found in every declared part of the test rows, and not only on the
whole.
"""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from sluice.data.dataset import Dataset
from sluice.data.groups import cut, labels
from sluice.metrics.bootstrap import clustered_share

ALL = "all"  # the slice of all rows, with the one value of that name
SLICE_COLUMNS = ["slice", "value", "class", "support", "recall", "recall_low", "recall_high"]
QUARTILES = [0.25, 0.5, 0.75]


def slice_problems(columns: list[str], rows: pd.DataFrame, target: str) -> list[str]:
    """Return a sentence for each of `columns` by which `rows` cannot be sliced."""
    said = "params.yaml: evaluate.slices names"
    there = [column for column in rows.columns if column != target]
    wrong = [
        f"{said} {one!r}, which the prepared tables lack; they have {', '.join(there)}"
        for one in columns
        if one not in rows.columns
    ]
    wrong += [
        f"{said} the target {one!r}: reports/by_class.csv has each class"
        for one in columns
        if one == target
    ]
    wrong += [
        f"{said} {one!r} twice; name it once"
        for one in sorted({one for one in columns if columns.count(one) > 1})
    ]
    wrong += [
        f"{said} {ALL!r}, the name of the slice of all rows; rename the column"
        for one in columns
        if one == ALL
    ]
    return wrong


def named(values: pd.Series, known: pd.Series, cut_points: list[float] | None = None) -> pd.Series:
    """Return the name of the part that each of `values` belongs to; a missing value is the part
    "missing".

    A number or a date of more than four values is cut at `cut_points`, or else at the quartiles of
    `known`, the training rows; each part holds its lower end. Anything else is its own part.
    """
    is_cut = (is_numeric_dtype(known) and not is_bool_dtype(known)) or is_datetime64_any_dtype(
        known
    )
    if not is_cut or (cut_points is None and known.nunique() <= len(QUARTILES) + 1):
        return labels(values)
    edges = (
        cut_points
        if cut_points is not None
        else known.dropna().quantile(QUARTILES, interpolation="lower")
    )
    return cut(values, list(dict.fromkeys(edges)))


def slices(
    test: Dataset,
    train: pd.DataFrame,
    y_pred: np.ndarray,
    classes: list[str],
    columns: list[str],
    cut_points: dict[str, list[float]],
) -> pd.DataFrame:
    """Return one row per slice (a column, and `all`), value and class: its test rows and their
    recall with its bounds.

    Values are those of training and test rows, so that one that no test row has is told by its
    `support` of 0. recall_low holds with 95 % for all values of its slice together, recall_high for
    all values, slices and classes (Bonferroni): of twenty recalls at their floor one would be
    proven to be below it by chance.
    """
    y_true, rows = test.y.to_numpy(dtype=object), []
    parts = {ALL: (pd.Series(ALL, index=test.rows.index), [ALL])}
    for column in columns:
        mine = named(test.rows[column], train[column], cut_points.get(column))
        theirs = named(train[column], train[column], cut_points.get(column))
        parts[column] = (mine, sorted({*mine, *theirs}))
    n_recalls = len(classes) * max(
        1, sum(len(values) for column, (_, values) in parts.items() if column != ALL)
    )
    for column, (part, values) in parts.items():
        for value in values:
            for label in classes:
                concerned = (part == value).to_numpy() & (y_true == label)
                rows.append(
                    {"slice": column, "value": value, "class": label}
                    | _recall(concerned, y_pred == label, test.groups, len(values), n_recalls)
                )
    return pd.DataFrame(rows, columns=SLICE_COLUMNS)


def _recall(
    concerned: np.ndarray, decided: np.ndarray, clusters: pd.Series, n_values: int, n_recalls: int
) -> dict[str, Any]:
    hits = decided[concerned]
    ids = clusters.to_numpy()[concerned]
    low, high = (
        clustered_share(hits, ids, 1 - 0.05 / n_values)[0],
        clustered_share(hits, ids, 1 - 0.05 / n_recalls)[1],
    )
    return {
        "support": len(hits),
        "recall": float(hits.mean()) if len(hits) else None,
        "recall_low": low,
        "recall_high": high,
    }
