"""Choose the few features of a model so simple that a costlier one has to beat it."""

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression

from sluice.core.params import Data
from sluice.data.roles import clusters, features
from sluice.data.split import kfold
from sluice.modeling.encoders import one_hot
from sluice.modeling.importance import capped, class_shares, log_losses

FEATURES = 3
MAX_FITTED_SELECTION = 400  # rows of one class, of which one half is fitted on and the other scored
SHORTLIST = 5  # best single features, among which the second and the third are looked for


def forward_selection(rows: pd.DataFrame, data: Data, random_state: int) -> list[str]:
    """Return the three features, best first, that make the best logistic regression on `rows`;
    fewer where there are fewer.

    Forward selection: the best feature, then the best beside it. What is best has the least log
    loss, every class counting alike, on one half of up to MAX_FITTED_SELECTION rows of each class,
    fitted on the other half; clusters stay whole. Where a class stands in one cluster, no half can
    do without it: all rows are fitted on and scored.
    """
    rng = np.random.default_rng(random_state)
    rows = rows.reset_index(drop=True)
    rows = rows.loc[capped(rows[data.target], MAX_FITTED_SELECTION, rng)].reset_index(drop=True)
    y, X, ids = rows[data.target], features(rows, data), clusters(rows, data.cluster)
    every = pd.Series(True, index=rows.index)
    is_fitted, is_scored = (
        kfold(y, ids, 2, random_state)[0] if ids.groupby(y).nunique().min() > 1 else (every, every)
    )

    encoded = {column: _encoded(X[[column]], is_fitted) for column in X.columns}

    def loss(columns: list[str]) -> float:
        parts = [part for column in columns if (part := encoded[column]) is not None]
        return _loss(np.hstack(parts), y, is_fitted, is_scored) if parts else float("inf")

    alone = {column: loss([column]) for column in X.columns}
    shortlist = sorted(alone, key=lambda column: alone[column])[:SHORTLIST]
    chosen = shortlist[:1]
    while len(chosen) < min(FEATURES, len(shortlist)):
        chosen.append(
            min(
                (column for column in shortlist if column not in chosen),
                key=lambda column: loss([*chosen, column]),
            )
        )
    return chosen


def _loss(X: np.ndarray, y: pd.Series, is_fitted: pd.Series, is_scored: pd.Series) -> float:
    """Return the log loss of a logistic regression, every class counting alike."""
    model = LogisticRegression(max_iter=2000).fit(X[is_fitted], y[is_fitted])
    losses = log_losses(y[is_scored], model.predict_proba(X[is_scored]), class_shares(y[is_fitted]))
    return float(pd.Series(losses).groupby(y[is_scored].to_numpy()).mean().mean())


def _encoded(X: pd.DataFrame, is_fitted: pd.Series) -> np.ndarray | None:
    """Return the numbers that stand for one feature, encoded as for a logistic regression; None
    where it does not vary.
    """
    if X[is_fitted].nunique(dropna=False).item() == 1:
        return None
    numbers = one_hot(X[is_fitted]).fit(X[is_fitted]).transform(X)
    return numbers.toarray() if issparse(numbers) else numbers
