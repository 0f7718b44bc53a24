"""Assign each kept row to the training or the test set."""

import ibis
from ibis import _

from sluice.core.command import UserError
from sluice.core.formats import RESERVED
from sluice.core.params import ROW_ID, Params, Split
from sluice.data.rejecting import KIND, REASON
from sluice.data.shares import alike

CLUSTER, IS_TEST = f"{RESERVED}cluster", f"{RESERVED}is_test"


def assign(rows: ibis.Table, params: Params) -> ibis.Table:
    """Return kept `rows` with IS_TEST, and with KIND and REASON where a cluster runs across the
    cut-off.

    By time a cluster goes where its latest row goes, and its rows from before the cut-off are
    rejected, unless clusters are cut: then each row goes where its own time says.
    """
    data, split = params.data, params.prepare.split
    if split.by == "random":
        return _assign_at_random(rows, data.target, data.cluster, split, params.random_state)
    time = rows[str(data.time)]
    cutoff = ibis.literal(split.cutoff)
    latest = (
        time.max().over(group_by=data.cluster)
        if data.cluster and split.keep_clusters_whole
        else time
    )
    late = (latest >= cutoff) & (time < cutoff)
    return rows.mutate(
        (latest >= cutoff).name(IS_TEST),
        ibis.ifelse(late, "before_cutoff", None).name(KIND),
        ibis.ifelse(late, f"its cluster goes on after {data.time} {split.test_from}", None).name(
            REASON
        ),
    )


def _assign_at_random(
    rows: ibis.Table, target: str, cluster: list[str], split: Split, random_state: int
) -> ibis.Table:
    """Return `rows` with IS_TEST for a stratified share of the clusters, those of rows that
    share ROW_ID where none are declared.
    """
    from sluice.data.split import test_clusters

    rank = ibis.dense_rank().over(
        order_by=cluster or [ROW_ID]
    )  # follows from the values, not from the order in the file
    numbered = rows.get_backend().create_table(
        "numbered", rows.mutate(rank.name(CLUSTER)), temp=True
    )
    labels = numbered.select(CLUSTER, target).to_pandas()
    try:
        test = test_clusters(labels[target], labels[CLUSTER], split.test_size, random_state)
    except UserError as refusal:  # a class may be rare because it is another one, spelled otherwise
        same = "; ".join(", ".join(map(repr, group)) for group in alike(labels[target].unique()))
        hint = (
            f"; {same} differ only in case or spaces: if they are one class, write ignore_case:"
            f" [{target}] in data/sources.yaml"
        )
        raise UserError(f"{refusal}{hint if same else ''}") from None
    chosen = ibis.memtable({CLUSTER: sorted(test)})
    joined = numbered.left_join(chosen, CLUSTER)
    return joined.mutate(_[f"{CLUSTER}_right"].notnull().name(IS_TEST)).drop(
        CLUSTER, f"{CLUSTER}_right"
    )
