"""The age of a model: a relation that moves makes old models worse, one that stays does not, and
the gate says which.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.gates.gate import gate
from sluice.monitoring import age
from sluice.monitoring.age import ageing, allowed_loss, backtest, blocks, longest_age
from tests.engine.settings import SUITES, settings

SUITE = SUITES / "model_age.json"


def yearly(turn: float, n: int = 400, years: int = 5, seed: int = 0) -> pd.DataFrame:
    """Return rows of two classes whose border turns by `turn` radians a year."""
    rng = np.random.default_rng(seed)
    parts = []
    for year in range(years):
        x, y = rng.normal(size=(2, n))
        side = x * np.cos(turn * year) + y * np.sin(turn * year) > 0
        parts.append(
            pd.DataFrame({"year": year, "x": x, "y": y, "label": np.where(side, "a", "b")})
        )
    return pd.concat(parts, ignore_index=True)


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    params = settings(
        data={"time": "year"},
        train={"model": "logistic_regression", "decision_weights": "balanced_accuracy"},
    )
    parts = blocks(rows, "year")
    return ageing(parts, backtest(parts, params), "label", "balanced_accuracy", 0)


def test_a_relation_that_turns_makes_old_models_worse(tmp_path):
    table = measured(yearly(turn=0.5))
    assert table["periods"].tolist() == [2, 3, 4]
    assert table["age"].tolist() == [2.0, 3.0, 4.0]
    assert table["blocks"].tolist() == [3, 2, 1]
    assert table["loss"].is_monotonic_increasing
    assert longest_age(table, allowed_loss(str(SUITE))) == 0.0
    verdict = gate(table, SUITE, tmp_path / "model_age.json")
    assert verdict.verdict == "warn"
    assert "periods 2: proven_loss" in verdict.sentences[0]
    assert "retrain before (`uv run sluice retrain`)" in verdict.sentences[0]


@pytest.mark.slow
def test_a_relation_that_stays_ages_no_model(tmp_path):
    found = [measured(yearly(turn=0.0, seed=seed)) for seed in range(10)]
    assert sum(longest_age(table, 0.02) is not None for table in found) <= 1
    assert gate(found[0], SUITE, tmp_path / "model_age.json").verdict == "pass"


def test_what_an_old_model_loses_is_as_worked_by_hand():
    rows = pd.DataFrame({"label": ["a", "a", "b", "b"]})
    parts = [age.Block(rows, middle=n, last=n + 0.25) for n in range(3)]
    fresh, old = np.array(["a", "a", "b", "b"]), np.array(["a", "b", "b", "b"])
    [row] = ageing(
        parts, {(0, 1): fresh, (1, 2): fresh, (0, 2): old}, "label", "balanced_accuracy", 0
    ).to_dict("records")
    assert (row["periods"], row["age"], row["blocks"], row["rows"]) == (2, 1.75, 1, 4)
    assert (row["score"], row["fresh"], row["loss"]) == (0.75, 1.0, 0.25)
    assert row["loss_low"] == 0.0
    assert row["proven_loss"] == 0.0


def test_a_class_that_a_period_lacks_counts_for_nothing_there():
    parts = [age.Block(pd.DataFrame({"label": ["a", "a"]}), middle=n, last=n) for n in range(3)]
    fresh, old = np.array(["a", "a"]), np.array(["a", "b"])
    [row] = ageing(parts, {(1, 2): fresh, (0, 2): old}, "label", "balanced_accuracy", 0).to_dict(
        "records"
    )
    assert row["loss"] == 0.5


def test_rows_of_many_days_are_parted_evenly():
    rows = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=80)})
    parts = blocks(rows, "day")
    assert [len(part.rows) for part in parts] == [10] * 8
    assert parts[0].last == (pd.Timestamp("2020-01-10") - pd.Timestamp(0)).days


def test_two_periods_are_too_few():
    with pytest.raises(
        UserError,
        match=(
            r"data.time is 'year', which parts the training rows in 2 periods; a model's age needs"
            r" three"
        ),
    ):
        blocks(pd.DataFrame({"year": [1, 1, 2]}), "year")


def test_rows_without_an_order_in_time_are_refused(monkeypatch):
    monkeypatch.setattr(age, "load_params", settings)
    with pytest.raises(UserError, match=r"data.time in params.yaml is null: .*name one"):
        age.main()


def test_the_longest_age_is_the_last_before_a_proven_loss():
    table = pd.DataFrame({"age": [1.0, 2.0, 3.0], "proven_loss": [0.0, 0.01, 0.2]})
    assert longest_age(table, 0.02) == 2.0
    assert longest_age(table, 0.3) is None
    assert longest_age(table.tail(1), 0.02) == 0.0


def test_a_suite_that_bounds_no_loss_is_refused(tmp_path):
    (tmp_path / "model_age.json").write_text('{"name": "model_age", "expectations": []}')
    with pytest.raises(
        UserError, match="bounds no proven_loss, so that no age is too great; give it a max_value"
    ):
        allowed_loss(str(tmp_path / "model_age.json"))
