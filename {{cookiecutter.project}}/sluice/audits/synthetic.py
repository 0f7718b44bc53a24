"""Hold the rows that augmentation added against the real ones of their class."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import OrdinalEncoder

from sluice.core.params import ORIGIN, ROW_ID, Data
from sluice.data.roles import features, text_columns
from sluice.gates.expectations import RELATIVE

SYNTHETIC_CHECKS = [
    "in_test",
    "not_of_training",
    "outside_range",
    "fraction",
    "new_code",
    "new_pair_of_codes",
    "broken_order",
    "broken_sum",
    "share_of_table",
    "told_apart",
]
MAX_CLASSIFIER_ROWS = 2_000  # of one class, real and synthetic each, that the classifier sees
FOLDS = 3
MIN_RULE_ROWS = 50  # real rows on which what holds between columns is a rule
# an order that unrelated columns would break in fewer rows than this share, or in fewer than
# MIN_BROKEN_ROWS, is chance
TELLING = 0.01
MIN_BROKEN_ROWS = 20  # rows: columns that are unrelated break none of so many in one case of 5e8
SUM_ROWS = 200  # rows on which a sum is looked for before it is held against all
MAX_ADDED = 100  # columns of numbers among which sums are looked for: the time grows with the cube


def synthetic(
    augmented: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, data: Data, random_state: int
) -> pd.DataFrame:
    """Return one row per check and column or class that bears on it, "-" where none does: what was
    found, as `value`.

    in_test, not_of_training: rows of `augmented` whose row_id stands in test, or that are not
    synthetic and not in train. Of added rows, within their class: outside_range, a number below the
    least or above the greatest real one; fraction, where the real ones have none; new_code, a code
    (text, or a column of at most two numbers) that no real row has; new_pair_of_codes, two that no
    real row has together; of all added rows: broken_order, of two numbers of which one is never
    less in real rows; broken_sum, of three of which one is the sum of the others there. All these
    are counts. share_of_table is the share of added rows among all. told_apart is, for each class,
    how well a forest tells its synthetic rows from its real ones (ROC AUC out of fold; 0.5: not at
    all, below: they lie closer to real rows than those to one another, nearly copies).
    """
    known, tested = set(train[ROW_ID]), set(test[ROW_ID])
    added = augmented[ORIGIN] != "real"
    kept = augmented[augmented[ORIGIN] != "synthetic"][ROW_ID]
    counts: dict[str, dict[str, float]] = {check: {} for check in SYNTHETIC_CHECKS}
    counts["in_test"] = {"-": int(augmented[ROW_ID].isin(tested).sum())}
    counts["not_of_training"] = {"-": int((~kept.isin(known)).sum())}
    counts["share_of_table"] = {"-": float(added.mean())}
    if added.any():
        X, y = features(augmented.drop(columns=ORIGIN), data), augmented[data.target]
        _count_added(counts, X, y, augmented[ORIGIN], random_state)
    rows = [
        {"check": check, "column": column, "value": value}
        for check, values in counts.items()
        for column, value in (values or {"-": 0.5 if check == "told_apart" else 0}).items()
    ]
    return pd.DataFrame(rows)


def _count_added(
    counts: dict[str, dict[str, float]],
    X: pd.DataFrame,
    y: pd.Series,
    origin: pd.Series,
    random_state: int,
) -> None:
    """Add to `counts` what is wrong with all rows that were added."""
    is_real, text = origin == "real", text_columns(X)
    codes = [one for one in X.columns if one in text or X.loc[is_real, one].nunique() <= 2]
    numbers = [column for column in X.columns if column not in text]
    counts |= _broken(X.loc[is_real, numbers], X.loc[~is_real, numbers])
    for label in sorted(y[~is_real].unique()):
        mine = y == label
        real, made = X[mine & is_real], X[mine & (origin == "synthetic")]
        _count(counts, real, X[mine & ~is_real], text, codes)
        if len(made):
            counts["told_apart"][label] = told_apart(real, made, text, random_state)


def _count(
    counts: dict[str, dict[str, float]],
    real: pd.DataFrame,
    added: pd.DataFrame,
    text: list[str],
    codes: list[str],
) -> None:
    """Add to `counts` what is wrong with the rows added to one class."""

    def note(check: str, column: str, wrong: np.ndarray | pd.Series) -> None:
        counts[check][column] = counts[check].get(column, 0) + int(np.sum(wrong))

    numbers = [column for column in real.columns if column not in text]
    for column in numbers:
        note(
            "outside_range",
            column,
            (added[column] < real[column].min()) | (added[column] > real[column].max()),
        )
        if (real[column].dropna() % 1 == 0).all():
            note("fraction", column, added[column].dropna() % 1 != 0)
    for column in codes:
        note("new_code", column, ~added[column].isin(real[column]))
    for a, b in combinations(codes, 2):
        pairs = pd.MultiIndex.from_frame(real[[a, b]].astype("str"))
        note(
            "new_pair_of_codes",
            f"{a} with {b}",
            ~pd.MultiIndex.from_frame(added[[a, b]].astype("str")).isin(pairs),
        )


def _broken(real: pd.DataFrame, added: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return how many added rows break each order and each sum of numbers that holds in all real
    rows.
    """
    orders: dict[str, float] = {
        f"{a} at least {b}": int((added[a] < added[b]).sum())
        for a, b in permutations(real.columns, 2)
        if _is_order(real[[a, b]])
    }
    sums: dict[str, float] = {}
    for a, b, total in _sums(real) if len(real.columns) <= MAX_ADDED else []:
        rows = added[[a, b, total]].dropna()
        sums[f"{total} is {a} and {b}"] = int((~_is_sum(rows[a] + rows[b], rows[total])).sum())
    return {"broken_order": orders, "broken_sum": sums}


def _is_order(rows: pd.DataFrame) -> bool:
    """Return whether the first of two columns is never less than the second, where it would
    often be if they were unrelated.
    """
    rows = rows.dropna()
    a, b = (rows[column].to_numpy() for column in rows)
    if len(rows) < MIN_RULE_ROWS or (a < b).any() or (a == b).all():
        return False
    by_chance = np.searchsorted(np.sort(a), b).mean() / len(rows)  # share of all pairs of rows
    return bool(by_chance >= max(TELLING, MIN_BROKEN_ROWS / len(rows)))


def _sums(real: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return (a, b, total) of columns of which the last is the sum of the others in all rows,
    and not just as one of them is 0.
    """
    look, found = real.head(SUM_ROWS).to_numpy(), []
    for a, b in combinations(range(look.shape[1]), 2):
        parts = (look[:, a] + look[:, b])[:, None]
        near = _is_sum(parts, look) | np.isnan(parts) | np.isnan(look)
        for total in sorted(set(near.all(axis=0).nonzero()[0]) - {a, b}):
            rows = real.iloc[:, [a, b, total]].dropna().to_numpy()
            holds = _is_sum(rows[:, 0] + rows[:, 1], rows[:, 2]).all()
            if (
                len(rows) >= MIN_RULE_ROWS
                and holds
                and (rows[:, :2] != 0).mean(axis=0).min() >= TELLING
            ):
                found.append((real.columns[a], real.columns[b], real.columns[total]))
    return found


def _is_sum(parts: np.ndarray | pd.Series, total: np.ndarray | pd.Series) -> np.ndarray:
    return np.isclose(parts, total, rtol=RELATIVE, atol=RELATIVE)


def told_apart(real: pd.DataFrame, made: pd.DataFrame, text: list[str], random_state: int) -> float:
    """Return how well a forest tells synthetic rows from real ones of one class: ROC AUC out of
    fold, 0.5 where too few to try.
    """
    parts = [
        part.sample(min(len(part), MAX_CLASSIFIER_ROWS), random_state=random_state)
        for part in (real, made)
    ]
    if min(map(len, parts)) < 2 * FOLDS:
        return 0.5
    X, y = pd.concat(parts, ignore_index=True), np.repeat([0, 1], [len(part) for part in parts])
    if text:
        X[text] = OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[text])
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=random_state)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=random_state)
    return float(
        roc_auc_score(
            y, cross_val_predict(forest, X.fillna(-1e9), y, cv=folds, method="predict_proba")[:, 1]
        )
    )
