"""Hold the rows that augmentation added against the real ones of their class."""

from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import OrdinalEncoder

from stages.features import features, text_columns
from stages.params import ORIGIN, ROW_ID, Data

CHECKS = [
    "in_test",
    "not_of_training",
    "outside_range",
    "fraction",
    "new_code",
    "new_pair_of_codes",
    "broken_order",
    "share_of_table",
    "told_apart",
]
MOST_ROWS = 2_000  # of one class, real and synthetic each, that the classifier sees
FOLDS = 3
FEWEST = 50  # real rows on which an order of two columns is a rule


def synthetic(augmented: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, data: Data, random_state: int) -> pd.DataFrame:
    """Return one row per check and column or class that bears on it, "-" where none does: what was found, as `value`.

    in_test, not_of_training: rows of `augmented` whose row_id stands in test, or that are not synthetic and not in train.
    Of added rows, within their class: outside_range, a number below the least or above the greatest real one; fraction, where
    the real ones have none; new_code, a text that no real row has; new_pair_of_codes, two texts that no real row has together;
    broken_order, of two numbers of which one is never less in real rows. All these are counts. share_of_table is the share of
    added rows among all. told_apart is, for each class, how well a forest tells its synthetic rows from its real ones (ROC AUC
    out of fold; 0.5: not at all, below: they lie closer to real rows than those to one another, nearly copies).
    """
    known, tested = set(train[ROW_ID]), set(test[ROW_ID])
    added = augmented[ORIGIN] != "real"
    kept = augmented[augmented[ORIGIN] != "synthetic"][ROW_ID]
    counts: dict[str, dict[str, float]] = {check: {} for check in CHECKS}
    counts["in_test"] = {"-": int(augmented[ROW_ID].isin(tested).sum())}
    counts["not_of_training"] = {"-": int((~kept.isin(known)).sum())}
    counts["share_of_table"] = {"-": float(added.mean())}
    if added.any():
        X, y = features(augmented.drop(columns=ORIGIN), data), augmented[data.target]
        text = text_columns(X)
        for label in sorted(y[added].unique()):
            mine = y == label
            _count(counts, X[mine & ~added], X[mine & added], text)
            if (made := mine & (augmented[ORIGIN] == "synthetic")).any():
                counts["told_apart"][label] = told_apart(X[mine & ~added], X[made], text, random_state)
    rows = []
    for check, found in counts.items():
        nothing = 0.5 if check == "told_apart" else 0
        rows += [{"check": check, "column": column, "value": value} for column, value in (found or {"-": nothing}).items()]
    return pd.DataFrame(rows)


def _count(counts: dict[str, dict[str, float]], real: pd.DataFrame, added: pd.DataFrame, text: list[str]) -> None:
    """Add to `counts` what is wrong with the rows added to one class."""

    def note(check: str, column: str, wrong: np.ndarray | pd.Series) -> None:
        counts[check][column] = counts[check].get(column, 0) + int(np.sum(wrong))

    numbers = [column for column in real.columns if column not in text]
    for column in numbers:
        note("outside_range", column, (added[column] < real[column].min()) | (added[column] > real[column].max()))
        if (real[column].dropna() % 1 == 0).all():
            note("fraction", column, added[column].dropna() % 1 != 0)
    for column in text:
        note("new_code", column, ~added[column].isin(real[column]))
    for a, b in combinations(text, 2):
        pairs = pd.MultiIndex.from_frame(real[[a, b]].astype("str"))
        note("new_pair_of_codes", f"{a} with {b}", ~pd.MultiIndex.from_frame(added[[a, b]].astype("str")).isin(pairs))
    for a, b in ((a, b) for a in numbers for b in numbers if a != b):
        both = real[[a, b]].dropna()
        if len(both) >= FEWEST and (both[a] >= both[b]).all() and (both[a] != both[b]).any():
            note("broken_order", f"{a} at least {b}", added[a] < added[b])


def told_apart(real: pd.DataFrame, made: pd.DataFrame, text: list[str], random_state: int) -> float:
    """Return how well a forest tells synthetic rows from real ones of one class: ROC AUC out of fold, 0.5 where too few to try."""
    parts = [part.sample(min(len(part), MOST_ROWS), random_state=random_state) for part in (real, made)]
    if min(map(len, parts)) < 2 * FOLDS:
        return 0.5
    X, y = pd.concat(parts, ignore_index=True), np.repeat([0, 1], [len(part) for part in parts])
    if text:
        X[text] = OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[text])
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=random_state)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=random_state)
    return float(roc_auc_score(y, cross_val_predict(forest, X.fillna(-1e9), y, cv=folds, method="predict_proba")[:, 1]))
