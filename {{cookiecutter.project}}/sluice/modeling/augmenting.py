"""Lift rare classes in the training rows and mark every row as real, repeated or synthetic."""

import math
from typing import Any

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from sluice.core.command import UserError
from sluice.core.params import ORIGIN, Augment, Data
from sluice.data.roles import with_column

SMOTE_ATTEMPTS = 20
SHOWN_FEATURES = 3  # features of which most is missing


def augment(rows: pd.DataFrame, data: Data, settings: Augment, random_state: int) -> pd.DataFrame:
    """Return `rows` and, after them, what the strategy adds, with `origin`: real, repeated or
    synthetic.

    Each class is lifted to at least `floor_share` of the largest. Synthetic rows have features and
    a label, but no time, cluster or sensitive value: they are nobody. Raises UserError if a class
    or the table does not suit the strategy.
    """
    real = rows.assign(**{ORIGIN: "real"})
    counts = rows[data.target].value_counts()
    floor = math.ceil(
        round(settings.floor_share * counts.max(), 9)
    )  # .55 of 100 is 55.000000000000007
    lacking = {str(label): floor - n for label, n in counts.items() if n < floor}
    if settings.strategy == "none" or not lacking:
        return real
    added = (
        _repeat(rows, data, lacking, random_state)
        if settings.strategy == "oversample"
        else _smote(rows, data, settings, lacking, random_state)
    )
    return pd.concat([real, added], ignore_index=True)


def _repeat(
    rows: pd.DataFrame, data: Data, lacking: dict[str, int], random_state: int
) -> pd.DataFrame:
    """Return `lacking` more rows per class, drawn with replacement from its rows."""
    from imblearn.over_sampling import (
        RandomOverSampler,
    )  # here, since its import takes longer than the stage, which seldom needs it

    y = rows[data.target]
    wanted = {label: n + int((y == label).sum()) for label, n in lacking.items()}
    sampler = RandomOverSampler(sampling_strategy=wanted, random_state=random_state)
    sampler.fit_resample(y.to_frame(), y)
    return rows.iloc[sampler.sample_indices_[len(rows) :]].assign(**{ORIGIN: "repeated"})


def _smote(
    rows: pd.DataFrame, data: Data, settings: Augment, lacking: dict[str, int], random_state: int
) -> pd.DataFrame:
    """Return `lacking` more rows per class, each between a row and one of its neighbours of the
    same class.

    Only rows without missing features are parents; a feature that is empty in all rows stays so. No
    fraction comes into a count, and what is a code (text, or at most two values) keeps to
    combinations that a real row of the class has: no car without an airbag deploys one. SMOTENC
    (Chawla et al. 2002, JAIR 16) where there are codes beside numbers, SMOTEN where there are only
    codes.
    """
    names = _features_of(rows, data, settings.smote_max_rows)
    parents = _parents(rows, names, data.target, lacking, settings.k_neighbors)
    counts = parents[data.target].value_counts()
    wanted = {label: n + int(counts[label]) for label, n in lacking.items()}
    codes = [column for column in names if _is_code(parents[column])]
    X = parents[names].astype(dict.fromkeys(codes, "category"))
    real = rows.loc[parents.index, [data.target, *codes]].drop_duplicates()
    synthetic = rows.head(0)
    for attempt in range(SMOTE_ATTEMPTS):
        seed = (random_state + attempt) % 2**32
        sampler = _sampler(codes, names, wanted, seed, settings.k_neighbors)
        X_all, y_all = sampler.fit_resample(X, parents[data.target])
        made = X_all.iloc[len(X) :].apply(lambda column: _like(column, rows[column.name]))
        made = with_column(made, data.target, y_all.iloc[len(X) :])
        synthetic = pd.concat([synthetic, made.merge(real)])
        if all((synthetic[data.target] == label).sum() >= n for label, n in lacking.items()):
            chosen = [
                synthetic[synthetic[data.target] == one].head(n) for one, n in lacking.items()
            ]
            made = pd.concat(chosen).astype(rows.dtypes[rows.isna().all()])
            return made.assign(**{ORIGIN: "synthetic"})
    raise UserError(
        f"smote made too few rows with a combination of {', '.join(codes)} that some real row of"
        " the class has; take 'oversample' for augment.strategy in params.yaml"
    )


def _is_code(values: pd.Series) -> bool:
    """Return whether these are codes: text, or at most two values."""
    return not is_numeric_dtype(values) or values.nunique() <= 2


def _sampler(
    codes: list[str], names: list[str], wanted: dict[str, int], random_state: int, k_neighbors: int
) -> Any:
    """Return the kind of SMOTE that suits such `codes` among the features `names`."""
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

    options = {
        "sampling_strategy": wanted,
        "random_state": random_state,
        "k_neighbors": k_neighbors,
    }
    if len(codes) == len(names):
        return SMOTEN(**options)
    return SMOTENC("auto", **options) if codes else SMOTE(**options)


def _features_of(rows: pd.DataFrame, data: Data, max_rows: int) -> list[str]:
    """Return the features that are not empty; raises UserError where all are, or where there are
    more than `max_rows`.
    """
    if len(rows) > max_rows:
        raise UserError(
            f"augment.strategy is 'smote' for {len(rows):,} rows, params.yaml:"
            f" augment.smote_max_rows allows {max_rows:,}; take 'oversample', or raise the limit"
            " and wait"
        )
    names = [
        column
        for column in rows.columns
        if column not in data.not_features() and rows[column].notna().any()
    ]
    if not names:
        raise UserError(
            "smote has nothing to go by: all features are empty in the training rows; set"
            " augment.strategy: none in params.yaml"
        )
    return names


def _parents(
    rows: pd.DataFrame, names: list[str], target: str, lacking: dict[str, int], k_neighbors: int
) -> pd.DataFrame:
    """Return the rows that no feature lacks; raises UserError where a class has too few."""
    parents = rows.dropna(subset=names)
    counts = parents[target].value_counts()
    for label in lacking:
        if counts.get(label, 0) <= k_neighbors:
            raise UserError(
                f"class {label!r} has {counts.get(label, 0)} training rows without missing"
                f" features, smote needs augment.k_neighbors + 1 = {k_neighbors + 1};"
                f" {_emptiest(rows.loc[rows[target] == label, names])}lower k_neighbors in"
                " params.yaml, take 'oversample', or add rows"
            )
    if len(counts) < 2:
        raise UserError(
            f"smote needs rows without missing features of two classes, only {counts.index[0]!r}"
            " has some; take 'oversample'"
        )
    dates = [column for column in names if is_datetime64_any_dtype(rows[column])]
    return parents.astype(dict.fromkeys(dates, "int64"))


def _emptiest(features: pd.DataFrame) -> str:
    """Return which features have most values missing, and what to do about them; nothing where
    none is missing.
    """
    missing = features.isna().sum().sort_values(ascending=False, kind="stable")
    worst = [
        f"{column} ({n} of {len(features)})"
        for column, n in missing[missing > 0].head(SHOWN_FEATURES).items()
    ]
    return (
        f"most is missing in {', '.join(worst)}: name what is hardly filled in data.forbidden of"
        " params.yaml, "
        if worst
        else ""
    )


def _like(column: pd.Series, real: pd.Series) -> pd.Series:
    """Return synthetic values in the type of the real ones, without fractions where those have
    none.
    """
    whole = is_numeric_dtype(real) and (real.dropna() % 1 == 0).all()
    values = column.astype("float64").round() if whole else column
    return values.astype(real.dtype)
