"""Rows that augmentation added: each kind of made-up nonsense is counted and stopped, what SMOTE
rightly makes passes.
"""

import json

import numpy as np
import pandas as pd
import pytest

from sluice.audits.synthetic import SYNTHETIC_CHECKS, synthetic, told_apart
from sluice.gates.gate import Verdict, gate
from sluice.modeling.augmenting import augment
from sluice.scoping.suites import suite as proposed_suite
from tests.engine.settings import settings

PARAMS = settings(augment={"strategy": "smote", "floor_share": 1.0, "smote_max_rows": 1000})
DATA = PARAMS.data


def real(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Return rows of two classes, a third b: whole counts, a total that is never less, a size,
    and three codes: red is flagged or not.
    """
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 9, n)
    colour = rng.choice(["red", "blue"], n)
    rows = {
        "__stage_row_id": [f"r{nth}" for nth in range(n)],
        "label": np.where(np.arange(n) % 3, "a", "b"),
        "count": count,
    }
    rows |= {"total": count + rng.integers(0, 5, n), "size": rng.normal(size=n), "colour": colour}
    rows |= {"shade": np.where(colour == "red", "rose", rng.choice(["sky", "navy"], n))}
    return pd.DataFrame(rows | {"flag": np.where(colour == "red", rng.integers(0, 2, n), 0)})


def added(**changed) -> pd.DataFrame:
    """Return the real rows with one synthetic one of class b, a copy of a real one but for what
    is `changed`.
    """
    rows = real()
    one = rows[rows["label"] == "b"].head(1).assign(__stage_row_id=None, **changed)
    return pd.concat(
        [rows.assign(__stage_origin="real"), one.assign(__stage_origin="synthetic")],
        ignore_index=True,
    )


def found(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the counts that are not 0."""
    rows = table[~table["check"].isin(["share_of_table", "told_apart"]) & (table["value"] != 0)]
    return dict(zip(zip(rows["check"], rows["column"], strict=True), rows["value"], strict=True))


def checked(table: pd.DataFrame, test: pd.DataFrame | None = None) -> pd.DataFrame:
    other = real(seed=1).assign(__stage_row_id=lambda rows: "t" + rows["__stage_row_id"])
    return synthetic(table, real(), other if test is None else test, DATA, 0)


def judged(table: pd.DataFrame, folder) -> Verdict:
    suite = proposed_suite("synthetic")
    for one in suite["expectations"]:
        one["meta"]["bound"] = "confirmed"
    (folder / "synthetic.json").write_text(json.dumps(suite), encoding="utf-8")
    return gate(table, folder / "synthetic.json", folder / "report.json")


@pytest.mark.parametrize(
    ("changed", "check", "column"),
    [
        ({"count": 2.5, "total": 30.0}, "fraction", "count"),
        ({"size": 99.0}, "outside_range", "size"),
        ({"colour": "green"}, "new_code", "colour"),
        ({"colour": "red", "shade": "sky"}, "new_pair_of_codes", "colour with shade"),
        ({"flag": 0.5}, "new_code", "flag"),
        ({"colour": "blue", "shade": "sky", "flag": 1}, "new_pair_of_codes", "colour with flag"),
        ({"count": 8, "total": 3}, "broken_order", "total at least count"),
    ],
)
def test_nonsense_is_counted_and_stopped(changed, check, column, tmp_path):
    table = checked(added(**changed))
    assert found(table)[check, column] == 1
    verdict = judged(table, tmp_path)
    assert verdict.blocks
    assert any(
        f"check {check}, column {column}: value 1" in sentence for sentence in verdict.sentences
    )


def test_a_sum_that_no_longer_adds_up_is_stopped(tmp_path):
    rows = added().assign(rest=lambda rows: rows["total"] - rows["count"])
    rows.loc[rows["__stage_origin"] == "synthetic", "rest"] += 1
    table = checked(rows)
    assert found(table)["broken_sum", "total is count and rest"] == 1
    assert "total is count and rest: value 1" in judged(table, tmp_path).sentences[0]


def test_columns_that_are_alike_by_chance_are_no_rule():
    rows = added(low=2.0, high=1.0).assign(high=lambda rows: rows["high"].fillna(1.0))
    rows["low"] = rows["low"].fillna(0.0)
    rows.loc[:2, "low"] = (
        0.5  # never above high in real rows, as most rows of unrelated columns would be
    )
    assert not {check for check, _ in found(checked(rows))} & {"broken_order", "broken_sum"}


def test_a_copy_that_leaked_into_test_is_stopped(tmp_path):
    rows = real()
    table = checked(
        pd.concat(
            [rows.assign(__stage_origin="real"), rows.head(1).assign(__stage_origin="repeated")]
        ),
        test=rows.head(1),
    )
    assert found(table) == {("in_test", "-"): 2}
    verdict = judged(table, tmp_path)
    assert verdict.blocks
    assert "check in_test, column -: value 2" in verdict.sentences[0]
    assert "what is copied or made of it tests memory" in verdict.sentences[0]


def test_a_row_of_elsewhere_is_stopped(tmp_path):
    table = checked(
        pd.concat(
            [
                real().assign(__stage_origin="real"),
                real().head(1).assign(__stage_row_id="x", __stage_origin="real"),
            ]
        )
    )
    assert found(table) == {("not_of_training", "-"): 1}
    assert "it was changed, or comes from elsewhere" in judged(table, tmp_path).sentences[0]


@pytest.mark.parametrize("strategy", ["none", "oversample", "smote"])
def test_what_the_strategies_make_passes(strategy, tmp_path):
    rows = real()
    table = checked(
        augment(
            rows,
            DATA,
            PARAMS.augment.model_copy(update={"strategy": strategy, "k_neighbors": 2}),
            0,
        )
    )
    assert not found(table)
    assert set(table["check"]) == set(SYNTHETIC_CHECKS)
    verdict = judged(table, tmp_path)
    assert not verdict.blocks
    assert verdict.verdict == "pass" or strategy == "smote", (
        verdict.sentences
    )  # small classes are easily told apart


def test_many_added_rows_are_warned_of(tmp_path):
    rows = real()
    copies = pd.concat([rows[rows["label"] == "b"].assign(__stage_origin="repeated")] * 4)
    verdict = judged(checked(pd.concat([rows.assign(__stage_origin="real"), copies])), tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    assert "More rows are added than real" in verdict.sentences[0]


def test_synthetic_rows_that_differ_at_sight_are_stopped(tmp_path):
    rows = real()
    rare = rows[rows["label"] == "b"]
    made = rare.assign(__stage_row_id=None, size=0.0, __stage_origin="synthetic")
    verdict = judged(checked(pd.concat([rows.assign(__stage_origin="real"), made])), tmp_path)
    assert verdict.blocks
    assert "check told_apart, column b" in verdict.sentences[0]


def test_rows_of_one_kind_are_not_told_apart():
    rng = np.random.default_rng(0)
    parts = [pd.DataFrame({"size": rng.normal(size=300)}) for _ in range(2)]
    assert told_apart(*parts, [], 0) == pytest.approx(0.5, abs=0.08)
    assert told_apart(parts[0].head(3), parts[1], [], 0) == 0.5
