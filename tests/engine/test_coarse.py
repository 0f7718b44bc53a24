"""Coarse tables, in which many people look alike, and tables of clusters: figures agree with
fresh rows, and equal batches do not drift.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from sluice.core.params import ROW_ID
from sluice.data.roles import clusters, features
from sluice.data.split import test_clusters as clusters_of_test
from sluice.drift.distributions import compared, domain, drift
from sluice.drift.reference import design_effect, freeze
from sluice.metrics.bootstrap import clustered_share
from sluice.metrics.performance import delong, figures, performance
from sluice.modeling.model import Model

ASKED = ["plan", "tenure", "calls", "age"]
SEEDS = range(20)
MOST = {
    "auc": 0.02,
    "log_loss": 0.05,
    "recall": 0.05,
    "class_share": 0.2,
}  # what expectations/performance.json lets be lost
EFFECT = 0.05  # what expectations/drift.json lets move


class Linear:
    """Logistic regression on the numbers of the survey."""

    def __init__(self, X: pd.DataFrame, y: pd.Series) -> None:
        self.fitted = LogisticRegression().fit(X.to_numpy(), y)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.fitted.predict_proba(X.to_numpy())


def params(by: str = "random", cluster: tuple[str, ...] = ()) -> SimpleNamespace:
    hidden = ["status", ROW_ID, *cluster]
    data = SimpleNamespace(
        target="status",
        time=None,
        cluster=list(cluster),
        sensitive=[],
        cut_points={},
        not_features=lambda: hidden,
    )
    return SimpleNamespace(data=data, prepare=SimpleNamespace(split=SimpleNamespace(by=by)))


def survey(n: int, seed: int, more_calls: float = 0.0, each: int = 1) -> pd.DataFrame:
    """Return rows of n customers, `each` so many, in classes: few values of few columns, so that
    most rows have an equal one.
    """
    rng = np.random.default_rng(seed)
    calls = np.minimum(rng.poisson(0.8, n) + (rng.random(n) < more_calls), 4)
    columns = {
        "plan": rng.integers(0, 3, n),
        "tenure": rng.integers(0, 4, n),
        "calls": calls,
        "age": rng.integers(0, 10, n),
    }
    table = pd.DataFrame(
        {name: values.astype("float64") for name, values in columns.items()}
    ).assign(customer=rng.permutation(n))
    table = table.loc[table.index.repeat(each)].reset_index(drop=True)
    odds = 0.6 * table["calls"] - 0.5 * table["tenure"] - 0.9
    table["status"] = np.where(rng.random(len(table)) < 1 / (1 + np.exp(-odds)), "churn", "stay")
    table[ROW_ID] = table.groupby(ASKED).ngroup().astype("str")
    return table


def parted(
    rows: pd.DataFrame, asked: SimpleNamespace, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, Model]:
    """Return training and test rows as prepare parts them, and a model of the former."""
    ids = clusters(rows, asked.data.cluster)
    is_test = ids.isin(clusters_of_test(rows["status"], ids, 0.2, seed))
    train, test = rows[~is_test].reset_index(drop=True), rows[is_test].reset_index(drop=True)
    model = Linear(features(train[[*ASKED, "status"]], asked.data), train["status"])
    return (
        train,
        test,
        Model(
            model,
            ["churn", "stay"],
            dict.fromkeys(ASKED, "number"),
            {},
            {"churn": 2.0, "stay": 1.0},
        ),
    )


def decided(rows: pd.DataFrame, model: Model) -> tuple[np.ndarray, np.ndarray]:
    y_score = model.predict_proba(rows)
    return y_score, model.decide(y_score)


def monitored(
    rows: pd.DataFrame, live: pd.DataFrame, seed: int, asked: SimpleNamespace
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of drift and performance of the live rows, but for the classifier of all
    features.
    """
    train, test, model = parted(rows, asked, seed)
    reference = freeze(train, test, *decided(test, model), model, asked)
    ids = clusters(live, asked.data.cluster) if asked.data.cluster else None
    now = figures(live["status"], *decided(live, model), live[[]], model.classes, ids)
    return drift(reference, live[ASKED], decided(live, model), ids, None, {}), performance(
        reference["performance"], now, 1.0
    )


def is_red(tables: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[bool, bool]:
    moved, lost = tables
    return moved["proven_effect"].max() > EFFECT, bool(
        (lost["proven_loss"] > lost["metric"].map(MOST)).any()
    )


def test_precision_of_a_coarse_table_agrees_with_fresh_rows():
    inside = 0
    for seed in SEEDS:
        _, test, model = parted(survey(4000, seed), params(), seed)
        fresh = survey(30_000, 999 + seed)
        named, of_fresh = (decided(rows, model)[1] == "churn" for rows in (test, fresh))
        low, high = clustered_share(
            (test["status"] == "churn").to_numpy()[named], test[ROW_ID].to_numpy()[named]
        )
        inside += low <= (fresh["status"] == "churn")[of_fresh].mean() <= high
    assert inside >= 16  # of 20; 18 are to be expected of two bounds of 95 %


def test_equal_batch_of_a_coarse_table_does_not_drift_and_another_one_does():
    equal = [
        is_red(monitored(survey(4000, seed), survey(1000, 999 + seed), seed, params()))
        for seed in SEEDS
    ]
    assert sum(drifts for drifts, _ in equal) <= 2
    assert sum(loses for _, loses in equal) <= 2
    other = [
        monitored(survey(4000, seed), survey(1000, 999 + seed, more_calls=0.3), seed, params())[0]
        for seed in range(5)
    ]
    assert all(table.set_index("name").loc["calls", "proven_effect"] > EFFECT for table in other)


@pytest.mark.slow
def test_equal_batch_of_clusters_does_not_drift_and_another_one_does():
    asked = params(cluster=("customer",))
    equal = [
        is_red(monitored(survey(400, seed, each=10), survey(100, 999 + seed, each=10), seed, asked))
        for seed in SEEDS
    ]
    assert sum(drifts or loses for drifts, loses in equal) <= 2
    alone = params()
    rows_alone = [
        monitored(survey(400, seed, each=10), survey(100, 999 + seed, each=10), seed, alone)[0]
        for seed in range(5)
    ]
    assert (
        sum(table["proven_effect"].max() > EFFECT for table in rows_alone) > 2
    )  # as if each row were a customer
    other = monitored(survey(400, 1, each=10), survey(100, 2, each=10, more_calls=0.9), 1, asked)[0]
    assert other.set_index("name").loc["calls", "proven_effect"] > EFFECT


@pytest.mark.slow
def test_classifier_of_all_features_does_not_know_clusters_again():
    _, test, _ = parted(survey(4000, 3), params(), 3)
    live = survey(1000, 4)
    each_alone = [
        pd.DataFrame({"row": range(first, first + len(side))})
        for first, side in ((0, test), (10_000, live))
    ]
    assert domain(test[ASKED], live[ASKED], each_alone, 0)["p"] < 0.001
    assert domain(test[ASKED], live[ASKED], None, 0)["p"] > 0.01
    turned = live.assign(age=live["tenure"] * 3)  # each column is as it was, but for their relation
    assert domain(test[ASKED], turned[ASKED], None, 0)["p"] < 0.001


def test_classifier_is_not_asked_of_few_different_rows():
    few = pd.DataFrame({"sex": [0.0, 1.0] * 50})
    assert domain(few, few, None, 0) is None


def test_a_challengers_reference_is_its_own_cohort():
    asked = params()
    train, test, model = parted(survey(4000, 5), asked, 5)
    reference = freeze(train, test, *decided(test, model), model, asked)
    reference["features"]["age"]["test"] = [2 * n for n in reference["features"]["age"]["test"]]
    cohort = reference | {"judged_by": {"data/live/a.csv": "x"}}
    live = decided(test, model)
    of_all, of_cohort = (
        drift(one, test[ASKED], live, None, None, {}).set_index("name").loc["calls"]
        for one in (reference, cohort)
    )
    assert of_cohort["effect"] == 0 < of_all["effect"]


@pytest.mark.parametrize(
    "bins", [{"edges": [0.0, 1.0]}, {"values": [0.0, 1.0, 2.0]}], ids=["numbers", "text"]
)
def test_design_effect_of_clusters_of_equal_rows_is_their_size(bins):
    values = pd.Series(np.repeat(np.arange(300) % 3, 4).astype("float64"))
    ids = pd.Series(np.repeat(np.arange(300), 4))
    assert design_effect(values, bins, ids) == pytest.approx(4, rel=0.03)
    assert design_effect(values, bins, pd.Series(range(1200))) == 1
    assert design_effect(values, bins, None) == 1


def test_counts_of_clusters_weigh_less():
    bins = {"values": ["p"], "test": [500, 500, 0], "train": [0, 0, 0]}
    alone, together = (
        compared(bins, [600, 400, 0]),
        compared(bins | {"deff": 10.0}, [600, 400, 0], 10.0),
    )
    assert alone["effect"] == together["effect"] == pytest.approx(0.1)
    assert alone["p"] < 0.001 < 0.05 < together["p"]


def test_variance_of_an_area_by_clusters_worked_by_hand():
    # influences .125, -.125 of the positives and of the negatives, two clusters: (.125 + .125)^2 +
    # (-.125 - .125)^2, times 2
    scores, positive = np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False])
    assert delong(scores, positive, np.array([0, 1, 1, 0])) == (0.75, pytest.approx(0.25))
