"""Which group of a sensitive column a row belongs to."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from sluice.core.command import UserError
from sluice.core.params import Data
from sluice.gates.gate import not_judged

if (
    TYPE_CHECKING
):  # its import takes time, and only the stages that have a table of it call what needs one
    import ibis

MAX_GROUP_CODES = 10  # different numbers that may each be a group, as codes are
CROSSED_BY = " × "  # of several columns, and of their groups


def groups(values: pd.Series, cut_points: list[float] | None = None) -> pd.Series:
    """Return the name of the group of each of `values`: a number's part between `cut_points`, else
    the value; or "missing".

    Raises UserError for numbers that are more than MAX_GROUP_CODES and have no cut points.
    """
    if cut_points is not None:
        return cut(values, cut_points)
    if (
        is_numeric_dtype(values)
        and not is_bool_dtype(values)
        and values.nunique() > MAX_GROUP_CODES
    ):
        raise UserError(_no_cut_points(str(values.name), values.nunique()))
    return labels(values)


def audited(rows: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return the group of each of `rows` in each sensitive column; rows in service may bring
    more codes than `groups` takes.
    """
    named = {column: (rows[column], data.cut_points.get(column)) for column in data.sensitive}
    return pd.DataFrame(
        {
            column: cut(values, edges) if edges else labels(values)
            for column, (values, edges) in named.items()
        },
        rows.index,
    )


def crossed(
    rows: pd.DataFrame, columns: list[str], cut_points: dict[str, list[float]]
) -> pd.Series:
    """Return the name of the group that each row is in by all `columns` together, such as "f ×
    below 25".
    """
    first, *others = (groups(rows[column], cut_points.get(column)) for column in columns)
    for other in others:
        first = first + CROSSED_BY + other
    return first


def not_audited(name: str, data: Data, unseen: str) -> None:
    """Write the report of the gate `name`, which has no groups to judge: it passes only where a
    person said why there are none.
    """
    why = (
        data.no_sensitive
        or f"data.sensitive in params.yaml names no column: {unseen}; name one, or say in"
        " data.no_sensitive why none is"
    )
    not_judged(
        f"expectations/{name}.json",
        f"reports/gates/{name}.json",
        why,
        applies=data.no_sensitive is None,
    )


def labels(values: pd.Series) -> pd.Series:
    """Return `values` as text: 1 stays 1 beside a missing value, which is "missing"."""
    return values.convert_dtypes().astype("str").fillna("missing")


def cut(values: pd.Series, edges: list) -> pd.Series:
    """Return the name of the part that each of `values`, numbers or dates, belongs to; each part
    holds its lower edge.
    """
    words = [
        f"{edge:%Y-%m-%d}" if isinstance(edge, pd.Timestamp) else f"{edge:g}" for edge in edges
    ]
    names = [
        f"below {words[0]}",
        *(f"{a} to below {b}" for a, b in pairwise(words)),
        f"{words[-1]} or more",
    ]
    at = sum((values >= edge).fillna(False).astype(int) for edge in edges)
    return pd.Series(np.array(names, dtype=object)[at], index=values.index).where(
        values.notna(), "missing"
    )


def check_audit(rows: ibis.Table, data: Data) -> None:
    """Raise UserError, all problems at once, if a sensitive number of `rows` has no cut points,
    or the favourable class no row.
    """
    problems = []
    for column in data.sensitive:
        if column not in data.cut_points and rows.schema()[column].is_numeric():
            n = int(rows[column].nunique().to_pandas())
            problems += [_no_cut_points(column, n)] if n > MAX_GROUP_CODES else []
    if data.favourable is not None:
        classes = sorted(rows.select(data.target).distinct().to_pandas()[data.target])
        if data.favourable not in classes:
            problems.append(
                f"params.yaml: data.favourable is {data.favourable!r}, no class; the classes are"
                f" {', '.join(classes)}"
            )
    if problems:
        raise UserError("\n".join(problems))


def _no_cut_points(column: str, n: int) -> str:
    return (
        f"params.yaml: data.sensitive names {column!r}, a number of {n:,} different values, over"
        f" {MAX_GROUP_CODES}; say where its groups begin in data.cut_points, such as {column}: [25,"
        " 60] for below 25, 25 to below 60, 60 or more"
    )
