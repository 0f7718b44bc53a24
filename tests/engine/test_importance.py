"""Importance: what tells the classes is worth something, what does not is named, and nothing is
measured on fitted rows.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from sluice.core.command import UserError
from sluice.core.params import Data
from sluice.data.roles import features
from sluice.gates.gate import gate
from sluice.modeling.importance import capped, importances, important_features, log_losses
from sluice.modeling.models import build_model
from tests.engine.settings import SUITES

ROLES = {
    "time": None,
    "sensitive": [],
    "allowed": {},
    "cut_points": {},
    "favourable": None,
    "forbidden": {},
}


@pytest.fixture(autouse=True)
def one_thread():
    """Keep small fits from waiting for one another's threads."""
    with threadpool_limits(1):
        yield


def table(n: int = 300, seed: int = 0, tells: float = 1.5, share: float = 0.3) -> pd.DataFrame:
    """Return rows of two classes: size grows with the label by `tells` standard deviations,
    noise and colour tell nothing.
    """
    rng = np.random.default_rng(seed)
    is_b = np.arange(n) < n * share
    return pd.DataFrame(
        {
            "label": np.where(is_b, "b", "a"),
            "batch": np.arange(n),
            "size": tells * is_b + rng.normal(size=n),
            "noise": rng.normal(size=n),
            "colour": rng.choice(["red", "blue"], n),
        }
    )


def measure(
    rows: pd.DataFrame, cluster: tuple[str, ...] = ("batch",), seed: int = 0
) -> pd.DataFrame:
    """Return what each feature of `rows` is worth to a logistic regression, features in rows."""
    data = Data(target="label", cluster=list(cluster), **ROLES)

    def fit(part):
        X = features(part, data)
        return build_model("logistic_regression", X, 0).fit(X, part["label"])

    return importances(rows, data, fit, seed).set_index("feature")


def judge(worths: pd.DataFrame, folder: Path):
    return gate(worths.reset_index(), SUITES / "features.json", folder / "features.json")


@pytest.mark.parametrize("seed", range(5))
def test_a_column_that_tells_the_class_is_worth_something(seed):
    assert measure(table(seed=seed), seed=seed).loc["size", "worth"] > 0


@pytest.mark.slow
def test_columns_that_tell_nothing_are_hardly_ever_worth_something():
    found = [
        measure(table(n=150, seed=seed), seed=seed).loc[["noise", "colour"], "worth"] > 0
        for seed in range(20)
    ]
    assert np.sum(found) <= 2


def test_a_column_that_tells_a_rare_class_is_worth_something():
    assert measure(table(n=1200, share=0.03)).loc["size", "worth"] > 0


def test_a_column_that_never_varies_is_worth_nothing():
    row = measure(table().assign(noise=1.0)).loc["noise"]
    assert row["importance"] == row["low"] == 0
    assert row["worth"] <= 0


def test_worth_is_what_the_lower_bound_has_over_the_shadows():
    worths = measure(table())
    assert worths["worth"].tolist() == pytest.approx(
        (worths["low"] - worths["shadow_high"]).tolist()
    )
    assert worths["shadow_high"].nunique() == 1
    assert worths["shadow_high"].min() >= 0


def test_every_feature_is_measured_once_where_there_are_more_than_shadows():
    more = {f"more_{nth}": np.random.default_rng(nth).normal(size=300) for nth in range(12)}
    assert measure(table().assign(**more)).index.tolist() == ["size", "noise", "colour", *more]


def test_no_row_is_measured_by_a_fit_on_it():
    class Spy:
        def __init__(self, part):
            self.fitted_on = set(part["place"])

        def predict_proba(self, X):
            met.append(self.fitted_on & set(X["place"]))
            return np.tile([[0.5, 0.5]], (len(X), 1))

    met: list[set] = []
    importances(table().assign(place=range(300)), Data(target="label", cluster=[], **ROLES), Spy, 0)
    assert len(met) >= 6  # plain and shuffled, in three folds
    assert not any(met)


def test_no_sensitive_or_forbidden_column_is_fitted_on():
    seen = []

    def fit(part):
        X = features(part, data)
        seen.extend(X.columns)
        return build_model("logistic_regression", X, 0).fit(X, part["label"])

    data = Data(target="label", cluster=["batch"], **ROLES | {"sensitive": ["colour"]})
    worths = importances(table(), data, fit, 0)
    assert worths["feature"].tolist() == ["size", "noise"]
    assert {column.split(": ")[-1] for column in seen} == {"size", "noise"}


def test_rows_of_one_cluster_count_as_one():
    rows = table(n=100, tells=0.8)
    doubled = pd.concat([rows, rows], ignore_index=True)
    apart = measure(doubled.assign(batch=range(200))).loc["size"]
    together = measure(doubled).loc["size"]
    assert together["high"] - together["low"] > 1.2 * (
        apart["high"] - apart["low"]
    )  # 1.41 times, were the folds the same


def test_a_column_that_agrees_is_named_as_twin():
    rows = table()
    worths = measure(rows.assign(double=2 * rows["size"]))
    assert worths["twin"].to_dict() == {
        "size": "double",
        "noise": "-",
        "colour": "-",
        "double": "size",
    }


def test_a_worse_copy_is_redundant_beside_its_original_and_noise_is_not():
    rng = np.random.default_rng(99)
    rows = table(n=600)
    copies = {name: rows["size"] + rng.normal(scale=0.7, size=600) for name in ("first", "second")}
    found = measure(rows.assign(**copies, echo=rows["noise"] * 2))
    assert found.loc[["first", "second"], "adds"].tolist() == ["redundant", "redundant"]
    assert found.loc[["first", "second"], "twin"].tolist() == ["size", "size"]
    assert found.loc["size", "adds"] == "yes"
    assert found.loc[["noise", "echo", "colour"], "adds"].tolist() == [
        "no",
        "no",
        "no",
    ]  # echo has a twin, and tells nothing


def test_a_feature_that_adds_something_is_not_called_redundant():
    assert measure(table()).loc["size", "adds"] == "yes"


def test_importances_are_the_same_on_every_run():
    once, again = measure(table()), measure(table())
    pd.testing.assert_frame_equal(once, again, check_exact=True)


def test_three_classes_of_which_one_stands_in_two_clusters_are_measured():
    rows = table()
    rows.loc[[0, 1], "label"] = "c"
    assert measure(rows).loc["size", "worth"] > 0


def test_a_class_in_one_cluster_is_refused():
    rows = table()
    rows.loc[0, "label"] = "c"
    with pytest.raises(
        UserError, match="class 'c' stands in 1 clusters of rows, too few for 2 folds"
    ):
        measure(rows)


def test_log_losses_take_class_shares_out():
    shares = pd.Series({"a": 0.8, "b": 0.2})
    losses = log_losses(
        pd.Series(["a", "b", "b"]), np.array([[0.8, 0.2], [0.8, 0.2], [0.5, 0.5]]), shares
    )
    assert losses == pytest.approx(
        [np.log(2), np.log(2), -np.log(0.8)]
    )  # .5 / .2 = 2.5 against .5 / .8 = .625


def test_log_losses_of_a_miss_are_bounded():
    shares = pd.Series({"a": 0.5, "b": 0.5})
    assert log_losses(pd.Series(["a"]), np.array([[0.0, 1.0]]), shares) == pytest.approx(
        [np.log(100)]
    )


def test_capped_draws_at_most_so_many_rows_of_each_class():
    y = pd.Series([*"aabab"], index=[5, 6, 7, 8, 9])
    drawn = capped(y, 2, np.random.default_rng(0))
    assert y[drawn].value_counts().to_dict() == {"a": 2, "b": 2}
    assert drawn.is_monotonic_increasing
    assert capped(y, 9, np.random.default_rng(0)).tolist() == [5, 6, 7, 8, 9]


def test_important_features_are_those_above_the_shuffled_ones():
    assert important_features(
        pd.DataFrame({"feature": ["a", "b", "c"], "worth": [0.1, 0.0, -0.1]})
    ) == ["a"]


def test_all_features_are_kept_where_none_is_important():
    assert important_features(pd.DataFrame({"feature": ["a", "b"], "worth": [0.0, -0.1]})) == [
        "a",
        "b",
    ]


def test_gate_passes_where_every_feature_tells(tmp_path):
    verdict = judge(measure(table()[["label", "batch", "size"]]), tmp_path)
    assert (verdict.verdict, verdict.sentences) == ("pass", [])


def test_gate_tells_redundant_features_from_useless_ones(tmp_path):
    rows = table(n=600)
    copy = rows["size"] + np.random.default_rng(90).normal(scale=0.7, size=600)
    redundant, useless = judge(measure(rows.assign(first=copy)), tmp_path).findings
    assert redundant.checked.startswith("features that tell only what another one tells (")
    assert "first" in [row["feature"] for row in redundant.evidence]
    names = [row["feature"] for row in useless.evidence]
    assert "noise" in names
    assert "first" not in names


def test_gate_lists_the_noise_with_one_number_each_and_passes(tmp_path):
    verdict = judge(measure(table()[["label", "batch", "size", "noise"]]), tmp_path)
    [finding] = verdict.findings
    assert (verdict.verdict, verdict.blocks, finding.verdict) == ("pass", False, "info")
    assert finding.checked == "features that add nothing measurable (1 of 2)"
    [named] = finding.found
    assert re.fullmatch(r"noise \(importance -?[0-9.e-]+\)", named)
    assert "train.select: true" in finding.fix


def test_gate_of_features_warns_where_the_user_wants_it(tmp_path):
    suite = (SUITES / "features.json").read_text(encoding="utf-8").replace('"info"', '"warning"')
    (tmp_path / "features.json").write_text(suite, encoding="utf-8")
    worths = measure(table()[["label", "batch", "size", "noise"]]).reset_index()
    verdict = gate(worths, tmp_path / "features.json", tmp_path / "report.json")
    assert (verdict.verdict, verdict.blocks) == ("warn", False)


def test_gate_stops_a_table_of_nothing_but_noise(tmp_path):
    verdict = judge(measure(table(tells=0)), tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("fail", True)
    assert "the table does not tell the classes apart" in verdict.sentences[0]
    assert json.loads((tmp_path / "features.json").read_text())["blocks"]


def test_a_table_tells_of_which_no_feature_is_proven_to(tmp_path):
    rng = np.random.default_rng(2)
    is_b = np.arange(300) < 30
    weak = {f"weak_{nth}": 0.4 * is_b + rng.normal(size=300) for nth in range(12)}
    worths = measure(
        pd.DataFrame({"label": np.where(is_b, "b", "a"), "batch": np.arange(300)} | weak)
    )
    assert worths["worth"].max() <= 0
    assert worths["together_low"].min() == worths["together_low"].max() > 0
    assert not judge(worths, tmp_path).blocks
