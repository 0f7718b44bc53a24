"""Part rows into training and test rows, or into folds, with clusters whole and class shares kept."""

import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from stages.command import Refused


def cluster_classes(y: pd.Series, clusters: pd.Series) -> pd.Series:
    """Return for each cluster the rarest class among its rows, sorted by cluster.

    y, clusters: (n_samples,) labels and cluster ids. Stratifying by the rarest class spreads it evenly.
    """
    counts = y.value_counts()
    order = sorted(counts.index, key=lambda label: (counts[label], str(label)))  # ties: the same on every run
    rank = y.map({label: nth for nth, label in enumerate(order)})
    return rank.groupby(clusters).min().map(dict(enumerate(order)))


def kfold(y: pd.Series, clusters: pd.Series, n_splits: int, random_state: int) -> list[tuple[pd.Series, pd.Series]]:
    """Return (is_training, is_scored) masks, (n_samples,) each, for `n_splits` stratified folds with clusters whole.

    Raises Refused if a class stands in fewer clusters than there are folds: some fold would not see it.
    """
    classes = cluster_classes(y, clusters)
    for label, n in classes.value_counts().items():
        if n < n_splits:
            raise Refused(f"class {label!r} stands in {n} clusters of rows, train.folds in params.yaml is {n_splits}; lower it or add rows")
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=random_state).split(classes, classes)
    scored = [clusters.isin(classes.index[held_out]) for _, held_out in folds]
    return [(~mask, mask) for mask in scored]


def test_clusters(y: pd.Series, clusters: pd.Series, test_size: float, random_state: int) -> pd.Index:
    """Return the ids of the clusters that are test rows: a stratified share `test_size` in (0, 1) of all clusters.

    Raises Refused if a class is too rare to stand on both sides.
    """
    classes = cluster_classes(y, clusters)
    for label, n in classes.value_counts().items():
        if n < 2:
            raise Refused(f"class {label!r} stands in one cluster of rows, so that it cannot be trained and tested; add rows of it")
    try:
        _, test = train_test_split(classes.index, test_size=test_size, stratify=classes, random_state=random_state)
    except ValueError as error:
        raise Refused(f"prepare.split.test_size in params.yaml is {test_size}: {error}") from None
    return pd.Index(test)
