"""How well a single column tells the classes."""

import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from stages.features import text_columns
from stages.split import kfold

FOLDS = 3


def giveaway(X: pd.DataFrame, y: pd.Series, cluster_ids: pd.Series, random_state: int) -> pd.DataFrame:
    """Return for each column of `X`, in rows, how well it alone ranks each class, in columns, against the others, out of fold:
    the ROC AUC of a small decision tree (0.5 is chance, 1 gives the class away).

    Classes in fewer than FOLDS clusters are left out, unless fewer than two remain: then all is chance. Their support is
    judged elsewhere.
    """
    n_clusters = cluster_ids.groupby(y).nunique()
    enough = y.isin(n_clusters.index[n_clusters >= FOLDS])
    labels = sorted(y.unique())
    X, y, cluster_ids = X[enough].reset_index(drop=True), y[enough].reset_index(drop=True), cluster_ids[enough].reset_index(drop=True)
    if y.nunique() < 2:
        return pd.DataFrame(0.5, index=X.columns, columns=labels)
    text = text_columns(X)
    codes = X.copy()
    if text:
        codes[text] = OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[text])
    folds = [
        (training.to_numpy().nonzero()[0], scored.to_numpy().nonzero()[0])
        for training, scored in kfold(y, cluster_ids, FOLDS, random_state)
    ]
    tree = DecisionTreeClassifier(max_leaf_nodes=32, min_samples_leaf=5, random_state=random_state)
    classes = sorted(y.unique())
    aucs = []
    for column in codes.columns:
        y_score = cross_val_predict(tree, codes[[column]], y, cv=folds, method="predict_proba")
        aucs.append([roc_auc_score(y == label, y_score[:, nth]) for nth, label in enumerate(classes)])
    return pd.DataFrame(aucs, index=codes.columns, columns=classes)
