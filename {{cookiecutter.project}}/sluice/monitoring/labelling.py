"""Draw the live rows whose labels would teach most."""

import numpy as np
import pandas as pd

from sluice.metrics.decision import confidence
from sluice.modeling.model import Model
from sluice.monitoring.batch import written


def to_label(
    rows: pd.DataFrame, y_score: np.ndarray, model: Model, by: list[str], n: int, random_state: int
) -> pd.DataFrame:
    """Return `n` rows (all, if there are fewer): their key, decision, its confidence, and how they
    were drawn.

    Half are those of each decision that the model is least sure of, one decision after the other;
    the rest are random, without which a performance measured on them would be that of hard cases.
    """
    decided = pd.Series(model.decide(y_score), index=rows.index)
    sure = pd.Series(confidence(model.weigh(y_score)), index=rows.index)
    weighed = np.sort(model.weigh(y_score), axis=1)
    sureness = pd.Series(1 - weighed[:, -2] / np.maximum(weighed[:, -1], 1e-12), index=rows.index)
    rank = sureness.groupby(decided).rank(method="first")
    uncertain = (
        pd.DataFrame({"rank": rank, "decided": decided})
        .sort_values(["rank", "decided"], kind="stable")
        .index[: n // 2]
    )
    rest = rows.index.difference(uncertain)
    drawn = rows.loc[rest].sample(min(n - n // 2, len(rest)), random_state=random_state).index
    chosen = [*uncertain, *sorted(drawn)]
    table = (
        rows.loc[chosen, by]
        .rename(columns=written)
        .assign(decision=decided[chosen], confidence=sure[chosen])
    )
    return table.assign(drawn=["uncertain"] * len(uncertain) + ["random"] * len(drawn))
