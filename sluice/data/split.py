"""Part rows into training and test rows, or into folds, with clusters whole and class shares
kept.
"""

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from sluice.core.command import UserError
from sluice.core.text import say

ATTEMPTS = 20


def strata(y: pd.Series, clusters: pd.Series, smallest: int) -> pd.Series:
    """Return for each cluster, sorted, the rarest class among its rows: stratifying by it spreads
    that class evenly.

    y, clusters: (n_samples,) labels and cluster ids. Strata of fewer clusters than `smallest` join
    the largest one.
    """
    counts = y.value_counts()
    order = sorted(
        counts.index, key=lambda label: (counts[label], str(label))
    )  # ties: the same on every run
    rank = y.map({label: nth for nth, label in enumerate(order)})
    rarest = rank.groupby(clusters).min().map(dict(enumerate(order)))
    sizes = rarest.value_counts().sort_index()
    return rarest.where(rarest.map(sizes) >= smallest, sizes.idxmax())


def kfold(
    y: pd.Series, clusters: pd.Series, n_splits: int, random_state: int
) -> list[tuple[pd.Series, pd.Series]]:
    """Return (is_training, is_scored) masks, (n_samples,) each, for `n_splits` stratified folds
    with clusters whole.

    Every training part has every class: rare draws without one are drawn anew. Raises UserError if
    a class stands in fewer clusters than there are folds, or if no draw will do.
    """
    for label, n in clusters.groupby(y).nunique().items():
        if n < n_splits:
            raise UserError(
                f"class {label!r} stands in {n} clusters of rows, too few for {n_splits} folds; add"
                " rows or take fewer folds"
            )
    by = strata(y, clusters, n_splits)
    for attempt in range(ATTEMPTS):
        folds = StratifiedKFold(
            n_splits, shuffle=True, random_state=(random_state + attempt) % 2**32
        ).split(by, by)
        scored = [clusters.isin(by.index[held_out]) for _, held_out in folds]
        if all(set(y[~is_scored]) == set(y) for is_scored in scored):
            return [(~is_scored, is_scored) for is_scored in scored]
    raise UserError(
        f"in {ATTEMPTS} draws of {n_splits} folds some training part lacked a class; add rows of it"
        " or take fewer folds"
    )


def forward(
    y: pd.Series, clusters: pd.Series, time: pd.Series, n_splits: int
) -> list[tuple[pd.Series, pd.Series]]:
    """Return (is_training, is_scored) masks, (n_samples,) each, of up to `n_splits` folds that go
    forward in time, clusters whole.

    The rows are parted into `n_splits` + 1 blocks of about the same size, in order of time; a value
    of `time` is never cut in two, and a cluster goes where its latest row goes. Each fold scores
    one block and is trained on all before it. The first blocks are trained on alone until every
    class stands in two clusters of them. Raises UserError if a class then stands in fewer clusters
    to be scored than there are folds: its weight would be chosen by chance.
    """
    latest = time.groupby(clusters).transform("max").rank(method="dense").astype("int64")
    edges = np.unique(
        np.quantile(latest, np.arange(1, n_splits + 1) / (n_splits + 1), method="lower")
    )
    block = pd.Series(np.searchsorted(edges[edges < latest.max()], latest), index=y.index)
    first = next((at for at in range(block.max()) if _stand_in(y, clusters, block <= at, 2)), None)
    if first is None or not _stand_in(y, clusters, block > first, n_splits):
        raise UserError(
            f"in order of time not every class stands in {n_splits} clusters of rows to be scored"
        )
    return [(block < at, block == at) for at in range(first + 1, block.max() + 1)]


def _stand_in(y: pd.Series, clusters: pd.Series, chosen: pd.Series, n: int) -> bool:
    """Return whether every class of `y` stands in at least `n` clusters of the chosen rows."""
    found = clusters[chosen].groupby(y[chosen]).nunique()
    return bool((found.reindex(y.unique(), fill_value=0) >= n).all())


def folds(
    y: pd.Series,
    clusters: pd.Series,
    time: pd.Series | None,
    n_splits: int,
    random_state: int,
    clusters_whole: bool = True,
) -> list[tuple[pd.Series, pd.Series]]:
    """Return the folds that go `forward` in time, or those of `kfold` where there is none or a
    class is too rare for that.

    The latter is said on the screen: figures out of fold are then of rows that stand among those of
    training. Not `clusters_whole`: the test rows are later ones of clusters that were trained on,
    and so are those of the folds that go forward.
    """
    if time is not None:
        try:
            together = clusters if clusters_whole else pd.Series(range(len(y)), index=y.index)
            return forward(y, together, time, n_splits)
        except UserError as refused:
            say(f"{refused}: the folds do not go forward in time")
    return kfold(y, clusters, n_splits, random_state)


def test_clusters(
    y: pd.Series, clusters: pd.Series, test_size: float, random_state: int
) -> pd.Index:
    """Return the ids of the clusters that are test rows: a stratified share `test_size` in (0, 1)
    of all clusters.

    Every class stands on both sides: rare draws without one are drawn anew. Raises UserError if a
    class is too rare for that.
    """
    for label, n in clusters.groupby(y).nunique().items():
        if n < 2:
            raise UserError(
                f"class {label!r} stands in one cluster of rows, so that it cannot be trained and"
                " tested; add rows of it"
            )
    by = strata(y, clusters, 2)
    for attempt in range(ATTEMPTS):
        try:
            _, test = train_test_split(
                by.index,
                test_size=test_size,
                stratify=by,
                random_state=(random_state + attempt) % 2**32,
            )
        except ValueError as error:
            raise UserError(
                f"prepare.split.test_size in params.yaml is {test_size}: {error}"
            ) from None
        is_test = clusters.isin(test)
        if set(y[is_test]) == set(y[~is_test]) == set(y):
            return pd.Index(test)
    raise UserError(
        f"prepare.split.test_size in params.yaml is {test_size}: in {ATTEMPTS} draws one side"
        " lacked a class; add rows of it"
    )
