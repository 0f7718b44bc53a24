"""Part rows into training and test rows, or into folds, with clusters whole and class shares kept."""

import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from stages.command import Refused

ATTEMPTS = 20


def strata(y: pd.Series, clusters: pd.Series, smallest: int) -> pd.Series:
    """Return for each cluster, sorted, the rarest class among its rows: stratifying by it spreads that class evenly.

    y, clusters: (n_samples,) labels and cluster ids. Strata of fewer clusters than `smallest` join the largest one.
    """
    counts = y.value_counts()
    order = sorted(counts.index, key=lambda label: (counts[label], str(label)))  # ties: the same on every run
    rank = y.map({label: nth for nth, label in enumerate(order)})
    rarest = rank.groupby(clusters).min().map(dict(enumerate(order)))
    sizes = rarest.value_counts().sort_index()
    return rarest.where(rarest.map(sizes) >= smallest, sizes.idxmax())


def kfold(y: pd.Series, clusters: pd.Series, n_splits: int, random_state: int) -> list[tuple[pd.Series, pd.Series]]:
    """Return (is_training, is_scored) masks, (n_samples,) each, for `n_splits` stratified folds with clusters whole.

    Every training part has every class: rare draws without one are drawn anew. Raises Refused if a class stands in fewer
    clusters than there are folds, or if no draw will do.
    """
    for label, n in clusters.groupby(y).nunique().items():
        if n < n_splits:
            raise Refused(f"class {label!r} stands in {n} clusters of rows, too few for {n_splits} folds; add rows or take fewer folds")
    by = strata(y, clusters, n_splits)
    for attempt in range(ATTEMPTS):
        folds = StratifiedKFold(n_splits, shuffle=True, random_state=(random_state + attempt) % 2**32).split(by, by)
        scored = [clusters.isin(by.index[held_out]) for _, held_out in folds]
        if all(set(y[~is_scored]) == set(y) for is_scored in scored):
            return [(~is_scored, is_scored) for is_scored in scored]
    raise Refused(f"in {ATTEMPTS} draws of {n_splits} folds some training part lacked a class; add rows of it or take fewer folds")


def test_clusters(y: pd.Series, clusters: pd.Series, test_size: float, random_state: int) -> pd.Index:
    """Return the ids of the clusters that are test rows: a stratified share `test_size` in (0, 1) of all clusters.

    Every class stands on both sides: rare draws without one are drawn anew. Raises Refused if a class is too rare for that.
    """
    for label, n in clusters.groupby(y).nunique().items():
        if n < 2:
            raise Refused(f"class {label!r} stands in one cluster of rows, so that it cannot be trained and tested; add rows of it")
    by = strata(y, clusters, 2)
    for attempt in range(ATTEMPTS):
        try:
            _, test = train_test_split(by.index, test_size=test_size, stratify=by, random_state=(random_state + attempt) % 2**32)
        except ValueError as error:
            raise Refused(f"prepare.split.test_size in params.yaml is {test_size}: {error}") from None
        is_test = clusters.isin(test)
        if set(y[is_test]) == set(y[~is_test]) == set(y):
            return pd.Index(test)
    raise Refused(f"prepare.split.test_size in params.yaml is {test_size}: in {ATTEMPTS} draws one side lacked a class; add rows of it")
