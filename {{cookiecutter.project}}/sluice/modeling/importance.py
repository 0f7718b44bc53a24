"""Measure what each feature is worth to a model, against shuffled columns that can be worth
nothing.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import ClassifierMixin

from sluice.core.formats import RESERVED
from sluice.core.params import Data
from sluice.data.roles import clusters, features, text_columns, with_column
from sluice.data.split import kfold
from sluice.metrics.single_feature import single_feature_auc

FOLDS = 3
REPEATS = 2  # shuffles of one column in one fold
SHADOWS = (
    5,
    10,
)  # fewest and most shuffled columns that take part in the fits; else as many as there are features
MAX_FITTED_IMPORTANCE = 1200  # rows of one class that a fold is fitted on
# predictions in one fold, over all shuffles of all columns, and no fewer rows of a class than
# MIN_SHUFFLED_ROWS, where it has them
SCORED = 12_000
MIN_SHUFFLED_ROWS = 100
AT_ONCE = 20_000  # rows of one call to a model
MIN_PROBABILITY = 0.01  # probability that the log loss counts, so that no single row decides
TWINS = 0.5  # rank correlation from which another column may tell the same
TOGETHER = f"{RESERVED}shuffled"  # stands for all columns together

Fit = Callable[[pd.DataFrame], ClassifierMixin]


def importances(rows: pd.DataFrame, data: Data, fit: Fit, random_state: int) -> pd.DataFrame:
    """Return one row per feature: what a model loses where the feature's values are shuffled, on
    rows that it was not fitted on.

    `fit` makes a model of such rows. `importance` is the log loss that shuffling adds (Breiman
    2001, Machine Learning 45), every class counting alike and class shares taken out, so that a
    feature of a rare class has the same chance to show. `low` and `high` are one-sided bounds over
    clusters of rows that hold for all features at once with 95 % (Bonferroni). SHADOWS features
    take part in the fit a second time, shuffled (Kursa and Rudnicki 2010, Journal of Statistical
    Software 36): `shadow_high` is the most that one of these, or nothing at all, seems to be worth,
    and `worth` what `low` has over it; 0 or less is worth nothing. `together_low` is the lower
    bound, 99 %, of what shuffling all columns together adds: a table may tell the classes of which
    no feature is proven to. For `adds` see `_adds`, for `twin` see `_twins`.

    FOLDS folds, or fewer where a class stands in fewer clusters, which stay whole; each is fitted
    on up to MAX_FITTED_IMPORTANCE rows of a class. Raises UserError if one stands in one cluster.
    """
    rng, rows = np.random.default_rng(random_state), rows.reset_index(drop=True)
    y, ids = rows[data.target], clusters(rows, data.cluster)
    names = list(features(rows.head(1), data))
    with_shadows, shadows = _add_shadows(rows, names, rng)
    X = features(with_shadows, data)[[*names, *shadows]]
    n_folds = max(2, min(FOLDS, ids.groupby(y).nunique().min()))
    most = max(MIN_SHUFFLED_ROWS, SCORED // (X.shape[1] * REPEATS * y.nunique()))
    parts = []
    for is_training, is_scored in kfold(y, ids, n_folds, random_state):
        fitted_on = capped(y[is_training], MAX_FITTED_IMPORTANCE, rng)
        model = fit(with_shadows.loc[fitted_on])
        scored = capped(y[is_scored], most, rng)
        parts.append(_added_loss(model, X.loc[scored], y[scored], class_shares(y[fitted_on]), rng))
    added = pd.concat(parts)
    levels = dict.fromkeys(X.columns, 1 - 0.05 / len(names)) | {TOGETHER: 0.99}
    table = _all_bounds(added, y[added.index], ids[added.index], levels)
    high, together_low = table.loc[shadows, "importance"].max(), table.loc[TOGETHER, "low"]
    table = table.loc[names].assign(shadow_high=max(0.0, high))
    table["worth"] = table["low"] - table["shadow_high"]
    table["twin"] = _twins(X[names])
    drawn = capped(y, FOLDS * MAX_FITTED_IMPORTANCE, rng)
    table["adds"] = _adds(table, X.loc[drawn], y[drawn], ids[drawn], random_state)
    return table.assign(together_low=together_low).rename_axis("feature").reset_index()


def _adds(
    table: pd.DataFrame, X: pd.DataFrame, y: pd.Series, ids: pd.Series, random_state: int
) -> np.ndarray:
    """Return (n_features,) whether each feature of `table` adds something.

    "yes" where `worth` is above 0. Of the others "redundant" where the column by itself tells the
    classes (see `_tell_alone`) and has a twin: what it knows, others know too. Else "no": nothing
    is proven of the column.
    """
    little = table.index[(table["worth"] <= 0) & (table["twin"] != "-")]
    redundant = _tell_alone(X[little], y, ids, random_state)
    return np.where(
        table["worth"] > 0, "yes", np.where(table.index.isin(redundant), "redundant", "no")
    )


def important_features(table: pd.DataFrame) -> list[str]:
    """Return the features of a table of `importances` that are worth something; all of them
    where none is.
    """
    kept = table.loc[table["worth"] > 0, "feature"].tolist()
    return kept or table["feature"].tolist()


def capped(y: pd.Series, most: int, rng: np.random.Generator) -> pd.Index:
    """Return the labels of rows: of each class all, or `most` at random, in the order of `y`."""
    drawn = [rng.permutation(np.flatnonzero(y == label))[:most] for label in sorted(y.unique())]
    return y.index[np.sort(np.concatenate(drawn))]


def class_shares(y: pd.Series) -> pd.Series:
    """Return the share of each class, sorted."""
    return y.value_counts(normalize=True).sort_index()


def log_losses(y: pd.Series, y_score: np.ndarray, shares: pd.Series) -> np.ndarray:
    """Return (n_samples,) log losses of probabilities moved to where all classes are equally
    frequent.

    y_score: (n_samples, n_classes), of a model fitted where these classes had the `shares`.
    """
    even = y_score / shares.to_numpy()
    even = even / even.sum(axis=1, keepdims=True)
    true = pd.Categorical(y, categories=shares.index).codes
    return -np.log(np.maximum(even[np.arange(len(y)), true], MIN_PROBABILITY))


def _add_shadows(
    rows: pd.DataFrame, names: list[str], rng: np.random.Generator
) -> tuple[pd.DataFrame, list[str]]:
    """Return rows with shuffled copies of some of the columns `names`, and the names of these
    copies.
    """
    drawn = rng.permutation(len(names))
    of = [names[nth] for nth in np.resize(drawn, np.clip(len(names), *SHADOWS))]
    copies = {
        f"{TOGETHER} {nth}: {column}": rows[column].iloc[rng.permutation(len(rows))].array
        for nth, column in enumerate(of, 1)
    }
    return pd.concat([rows, pd.DataFrame(copies, index=rows.index)], axis=1), list(copies)


def _added_loss(
    model: ClassifierMixin,
    X: pd.DataFrame,
    y: pd.Series,
    shares: pd.Series,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return (n_samples, n_columns + 1) log losses that shuffling each column, and all, adds to
    each row, on average over REPEATS.
    """
    plain = log_losses(y, model.predict_proba(X), shares)
    added: dict[str, np.ndarray] = {}
    for columns, shuffled in _shuffled(X, rng):
        losses = log_losses(
            pd.concat([y] * (len(shuffled) // len(y))), model.predict_proba(shuffled), shares
        )
        means = losses.reshape(len(columns), REPEATS, len(y)).mean(axis=1)
        added |= {column: mean - plain for column, mean in zip(columns, means, strict=True)}
    return pd.DataFrame(added, index=y.index)


def _shuffled(
    X: pd.DataFrame, rng: np.random.Generator
) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """Yield some columns, last TOGETHER, with a table: for each of them REPEATS copies of X in
    which it is shuffled.
    """
    at_once = max(1, AT_ONCE // (REPEATS * len(X)))
    for start in range(0, X.shape[1], at_once):
        columns = list(X.columns[start : start + at_once])
        copies = [
            with_column(X, column, X[column].to_numpy()[rng.permutation(len(X))])
            for column in columns
            for _ in range(REPEATS)
        ]
        yield columns, pd.concat(copies, ignore_index=True)
    yield (
        [TOGETHER],
        pd.concat([X.iloc[rng.permutation(len(X))] for _ in range(REPEATS)], ignore_index=True),
    )


def _all_bounds(
    added: pd.DataFrame, y: pd.Series, ids: pd.Series, levels: dict[str, float]
) -> pd.DataFrame:
    """Return the `_bounds` of each column of `added` at its level, by column."""
    rows = [_bounds(added[column], y, ids, level) for column, level in levels.items()]
    return pd.DataFrame(rows, index=list(levels))


def _bounds(added: pd.Series, y: pd.Series, ids: pd.Series, level: float) -> dict[str, float]:
    """Return the mean over classes of the mean over their rows, with normal bounds from sums
    over clusters.
    """
    by_class = added.groupby(y)
    off = (added - by_class.transform("mean")) / by_class.transform("size") / y.nunique()
    reach = float(norm.ppf(level) * np.sqrt((off.groupby(ids).sum() ** 2).sum()))
    mean = float(by_class.mean().mean())
    return {"importance": mean, "low": mean - reach, "high": mean + reach}


def _tell_alone(X: pd.DataFrame, y: pd.Series, ids: pd.Series, random_state: int) -> list[str]:
    """Return the columns each of which alone is proven to rank some class above the others, out of
    fold.

    Proven: its ROC AUC is above what a column that knows nothing reaches in 5 % of tables, for all
    columns and classes together (Bonferroni), by the normal approximation of Mann and Whitney
    (1947), Annals of Mathematical Statistics 18, over clusters.
    """
    if X.empty:
        return []
    aucs = single_feature_auc(X, y, ids, random_state)
    mine = ids.groupby(y).nunique().reindex(aucs.columns).to_numpy()
    others = np.maximum(ids.nunique() - mine, 1)
    chance = np.sqrt((mine + others + 1) / (12 * mine * others))
    proven = (aucs.to_numpy() > 0.5 + norm.isf(0.05 / aucs.size) * chance).any(axis=1)
    return aucs.index[proven].tolist()


def _twins(X: pd.DataFrame) -> list[str]:
    """Return for each column the one that its ranks agree with best, with a correlation of TWINS or
    more, or "-"; text ranks in its order of the alphabet.
    """
    text = text_columns(X)
    codes = X.apply(
        lambda column: column.astype("category").cat.codes if column.name in text else column
    )
    ranks = codes.corr("spearman").abs().fillna(0).to_numpy()
    ranks = ranks * (1 - np.eye(len(ranks)))
    return [X.columns[row.argmax()] if row.max() >= TWINS else "-" for row in ranks]
