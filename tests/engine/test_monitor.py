"""Monitor: what moved is seen, what did not is left alone, and what cannot be judged is never
called well.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.data.groups import audited
from sluice.data.sources import Source, load_sources
from sluice.drift.distributions import compared, domain, drift
from sluice.drift.reference import counted, distribution, freeze
from sluice.gates.gate import gate
from sluice.gates.messages import sentences
from sluice.metrics.margins import FALSE_ALARM_RATE
from sluice.metrics.performance import delong, figures, performance
from sluice.modeling.model import Model, sha256
from sluice.monitoring import monitor
from sluice.monitoring.batch import (
    LINE,
    Batch,
    beside,
    check_labels,
    live_source,
    live_suite,
    once,
    read_batch,
    with_labels,
)
from sluice.monitoring.chunks import batches
from sluice.monitoring.labelling import to_label
from sluice.monitoring.quarantine import Held, by_chance
from sluice.monitoring.windows import hits, number, timeline
from tests.engine.settings import SUITES
from tests.pipeline_run import PROJECT

DATA = SimpleNamespace(
    target="label",
    time=None,
    cluster=[],
    sensitive=["sex"],
    cut_points={},
    forbidden={"late": "known later"},
    not_features=lambda: ["label", "sex"],
)
PARAMS = SimpleNamespace(
    data=DATA,
    random_state=0,
    prepare=SimpleNamespace(split=SimpleNamespace(by="time")),
    train=SimpleNamespace(threads=1),
    monitor=SimpleNamespace(label_delay=None),
)
JUDGING = {name: SUITES / f"{name}.json" for name in ("drift", "performance", "windows")}
REST = {"rejected_share": 0.0, "age": None, "model": "v1.0.0", "model_sha256": "m"}


def draw(
    seed: int,
    n: int = 1000,
    shift: float = 0.0,
    unit: float = 1.0,
    new: float = 0.0,
    flip: bool = False,
) -> pd.DataFrame:
    """Rows with two numbers, a text and a label that follows from the first number."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n) + shift, rng.normal(size=n)
    odds = -2 * a if flip else 2 * a
    label = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no")
    text = np.where(rng.random(n) < new, "never seen", rng.choice(["p", "q"], n))
    columns = {
        "a": a,
        "b": b * unit,
        "text": pd.Series(text, dtype="str"),
        "sex": pd.Series(rng.choice(["f", "m"], n), dtype="str"),
    }
    return pd.DataFrame(columns | {"label": pd.Series(label, dtype="str")})


class Fixed:
    """A model of `a` alone, with the true slope."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = 1 / (1 + np.exp(-2 * X["a"].to_numpy()))
        return np.column_stack([1 - p, p])


MODEL = Model(
    Fixed(),
    ["no", "yes"],
    {"a": "number", "b": "number", "text": "text"},
    {},
    {"no": 1.0, "yes": 1.0},
)


def score(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    y_score = MODEL.predict_proba(rows)
    return y_score, MODEL.decide(y_score)


TEST = draw(1, 2000)
REFERENCE = json.loads(json.dumps(freeze(draw(0, 2000), TEST, *score(TEST), MODEL, PARAMS)))


def drifted(rows: pd.DataFrame) -> pd.DataFrame:
    X = rows[list(MODEL.columns)]
    return drift(REFERENCE, X, score(rows), None, domain(TEST.head(800), X, None, 0), {"a": 0.2})


def performed(rows: pd.DataFrame, known: int | None = None) -> pd.DataFrame:
    seen = rows.head(len(rows) if known is None else known)
    live = figures(seen["label"], *score(seen), audited(seen, DATA), MODEL.classes)
    return performance(REFERENCE["performance"], live, len(seen) / len(rows))


def verdict(table: pd.DataFrame, name: str, tmp_path):
    return gate(table, JUDGING[name], tmp_path / f"{name}.json")


def window(
    nth: int,
    drift: str = "pass",
    performance: str = "pass",
    batch: str = "pass",
    until: float | None = None,
) -> dict:
    row = {"window": str(nth), "nth": nth, "rows": 500, "until": until, "coverage": 1.0, **REST}
    return row | {"batch": batch, "drift": drift, "performance": performance}


def over(*records: dict, tmp_path, delay: float | None = None, longest: float | None = None):
    return verdict(timeline(list(records), delay, longest), "windows", tmp_path)


def test_drift_of_features_alone_warns_while_performance_is_green(tmp_path):
    rows = draw(2).assign(b=lambda t: t["b"] + 0.5)
    found = verdict(drifted(rows), "drift", tmp_path)
    assert found.verdict == "warn"
    assert "what feature, name b: proven_effect" in found.sentences[0]
    assert "It is distributed otherwise than when the model was judged" in found.sentences[0]
    assert "name a:" not in found.sentences[0]
    assert verdict(performed(rows), "performance", tmp_path).verdict == "pass"


@pytest.mark.slow
def test_flipped_relation_is_seen_by_its_labels_alone(tmp_path):
    rows = draw(3, flip=True)
    assert verdict(drifted(rows), "drift", tmp_path).verdict == "pass"
    before = verdict(performed(rows, known=0), "performance", tmp_path)
    assert before.verdict == "insufficient"
    assert any("Concept drift cannot be judged" in sentence for sentence in before.sentences)
    found = verdict(performed(rows), "performance", tmp_path)
    assert found.verdict == "fail"
    for part in (
        "metric auc",
        "metric log_loss",
        "metric recall",
        "ranks worse than when it was judged",
    ):
        assert part in " ".join(found.sentences)


def test_class_that_grows_rarer_among_the_labels_is_named_with_an_interval(tmp_path):
    rows = draw(8, 4000)
    fewer = rows[(rows["label"] == "no") | (np.arange(4000) % 2 == 0)].reset_index(
        drop=True
    )  # half of those who said yes
    table = performed(fewer)
    share = table[(table["metric"] == "class_share") & (table["class"] == "yes")].iloc[0]
    assert share["reference"] == pytest.approx((TEST["label"] == "yes").mean())
    assert share["value"] == pytest.approx((fewer["label"] == "yes").mean())
    assert share["low"] < share["value"] < share["high"]
    assert share["proven_loss"] == pytest.approx(1 - share["value"] / share["reference"])
    found = verdict(table, "performance", tmp_path)
    assert any(
        "metric class_share" in sentence and "class yes" in sentence for sentence in found.sentences
    )
    assert monitor.classes_moved(table) == 2
    assert monitor.classes_moved(performed(rows)) == 0


def test_a_class_without_a_test_row_that_comes_is_seen():
    before = [
        {
            "metric": "recall",
            "column": "all",
            "group": "all",
            "class": label,
            "support": n,
            "hits": n,
        }
        for label, n in (("a", 200), ("b", 0))
    ]
    live = [row | {"support": 100, "hits": 100} for row in before]
    table = performance(before, live, 1.0).set_index(["metric", "class"])
    assert table.loc[("class_share", "b"), "loss"] == pytest.approx(0.5 / (0.5 / 200))
    assert table.loc[("class_share", "b"), "proven_loss"] > 1


def test_rows_that_drift_to_where_the_model_rightly_is_unsure_are_no_loss(tmp_path):
    rows = draw(30, 4000).query("a.abs() < 0.4").reset_index(drop=True)
    table = performed(rows).set_index("metric")
    assert table.loc["log_loss", "value"] > 1.3 * table.loc["log_loss", "reference"]
    assert table.loc["log_loss", "proven_loss"] == 0


@pytest.mark.slow
def test_change_of_unit_is_seen(tmp_path):
    [sentence] = verdict(drifted(draw(4, unit=1000)), "drift", tmp_path).sentences
    assert "name b: proven_effect" in sentence


def test_new_category_is_seen(tmp_path):
    table = drifted(draw(5, new=0.1))
    assert "name text: proven_effect" in verdict(table, "drift", tmp_path).sentences[0]


def test_turned_relation_between_features_is_seen_by_all_of_them_together():
    rows = draw(6).assign(b=lambda t: t["a"])
    table = drifted(rows).set_index("name")
    assert table.loc["b", "proven_effect"] == 0
    assert table.loc["all features", "proven_effect"] > 0.2


@pytest.mark.slow
def test_clean_windows_hardly_ever_act(tmp_path):
    bound = json.loads(JUDGING["drift"].read_text())["expectations"][-1]["kwargs"]["max_value"]
    acts = 0
    for seed in range(20):
        records = []
        for nth in range(10):
            rows = draw(1000 + 10 * seed + nth, 500)
            X, scored = rows[list(MODEL.columns)], score(rows)
            red = drift(REFERENCE, X, scored, None, None, {})["proven_effect"].max() > bound
            lost = performed(rows)["proven_loss"].max() > 0
            records.append(window(nth, "warn" if red else "pass", "fail" if lost else "pass"))
        table = timeline(records, None, None)
        acts += int((table[["drift_hits", "performance_hits"]] > 1).to_numpy().any())
    assert acts <= 2


@pytest.mark.slow
def test_few_rows_are_insufficient_for_drift(tmp_path):
    found = verdict(drifted(draw(7, 60)), "drift", tmp_path)
    assert found.verdict == "insufficient"
    assert "make the windows longer" in found.sentences[0]


def test_reference_names_no_value_of_few_rows():
    text = pd.Series(["common"] * 9 + ["alone"] * 1)
    bins = distribution(text, text.head(0))
    assert bins == {"values": ["common"], "test": [9, 1, 0], "train": [0, 0, 0]}
    assert distribution(pd.Series([1.0, 2.0, 99.0]), pd.Series(dtype="float64"))["edges"] == []


def test_counts_of_numbers_end_at_each_edge():
    assert counted(pd.Series([0.0, 1.0, 1.5, 9.0, None]), {"edges": [1.0, 2.0]}) == [2, 1, 1, 1]


def test_effects_are_the_largest_distance_of_the_shares():
    # cumulated: .5 and .1 at the first edge
    assert compared({"edges": [0.0], "test": [50, 50, 0], "train": [0, 0, 0]}, [10, 90, 0])[
        "effect"
    ] == pytest.approx(0.4)
    # half of |.5 - .1| + |.5 - .9|
    found = compared({"values": ["p"], "test": [50, 50, 0], "train": [10, 90, 0]}, [10, 90, 0])
    assert (found["effect"], found["effect_train"]) == (pytest.approx(0.4), 0)


def test_missing_values_that_become_many_are_drift_of_a_number():
    found = compared({"edges": [0.0], "test": [500, 500, 0], "train": [0, 0, 0]}, [400, 400, 200])
    assert found["effect"] == pytest.approx(0.2)
    assert found["p"] < 1e-9


def aged(rows: pd.DataFrame, young_wrong: float = 0.0) -> tuple[pd.DataFrame, list]:
    """Return `rows` with an age, and what `figures` finds of them; a share of the decisions
    about the young is wrong.
    """
    rng = np.random.default_rng(len(rows))
    rows = rows.assign(age=rng.uniform(20, 60, len(rows)))
    y_score, y_pred = score(rows)
    wrong = (rows["age"] < 40) & (rng.random(len(rows)) < young_wrong)
    y_pred = np.where(wrong, np.where(rows["label"] == "yes", "no", "yes"), y_pred)
    data = SimpleNamespace(sensitive=["age"], cut_points={"age": [40]})
    return rows, figures(rows["label"], y_score, y_pred, audited(rows, data), MODEL.classes)


def test_a_sensitive_number_is_judged_by_its_groups_and_not_by_its_values(tmp_path):
    (_, reference), (rows, live) = aged(TEST), aged(draw(9, 1500), young_wrong=0.5)
    table = performance(reference, live, 1.0)
    of_age = table[table["column"] == "age"]
    assert set(of_age["group"]) == {"below 40", "40 or more"}
    assert (
        of_age.groupby("group")["support"].sum().to_dict()
        == (rows["age"] < 40).map({True: "below 40", False: "40 or more"}).value_counts().to_dict()
    )
    assert of_age.set_index("group").loc["below 40", "proven_loss"].min() > 0.1
    assert of_age.set_index("group").loc["40 or more", "proven_loss"].max() == 0
    assert "column age, group below 40" in " ".join(
        verdict(table, "performance", tmp_path).sentences
    )


def test_a_frozen_reference_names_no_age():
    rows, _ = aged(TEST)
    data = SimpleNamespace(**vars(DATA) | {"sensitive": ["age"], "cut_points": {"age": [40]}})
    frozen = freeze(
        rows, rows, *score(rows), MODEL, SimpleNamespace(**vars(PARAMS) | {"data": data})
    )
    assert {row["group"] for row in frozen["performance"]} == {"all", "below 40", "40 or more"}


def test_delong_of_a_case_worked_by_hand():
    # pairs won: 3 of 4; of the positives 2/2 and 1/2, of the negatives 2/2 and 1/2; each variance
    # .125, over two
    value, variance = delong(np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False]))
    assert (value, variance) == (0.75, pytest.approx(0.125))
    assert delong(np.array([0.9, 0.1]), np.array([True, False])) == (None, None)


@pytest.mark.slow
def test_two_of_the_last_three_windows_act_with_the_newest_among_them(tmp_path):
    red, green = "warn", "pass"
    assert over(window(1, red), tmp_path=tmp_path).verdict == "pass"
    assert over(window(1, red), window(2, red), tmp_path=tmp_path).verdict == "warn"
    assert (
        over(window(1, red), window(2, green), window(3, red), tmp_path=tmp_path).verdict == "warn"
    )
    assert (
        over(window(1, red), window(2, red), window(3, green), tmp_path=tmp_path).verdict == "pass"
    )
    assert hits([window(1, red), window(2), window(3), window(4, red)], "drift", ("warn",)) == 1


@pytest.mark.slow
def test_windows_of_a_model_that_was_replaced_say_nothing_of_the_next(tmp_path):
    old = [window(nth, drift="warn") | {"model_sha256": "old"} for nth in (1, 2)]
    assert (
        over(*old, window(3, drift="warn"), tmp_path=tmp_path).verdict
        == over(window(3, drift="warn"), tmp_path=tmp_path).verdict
    )


@pytest.mark.slow
def test_first_window_in_which_performance_fails_is_a_warning(tmp_path):
    found = over(window(1), window(2, performance="fail"), tmp_path=tmp_path)
    assert (found.verdict, found.blocks) == ("warn", False)
    assert "The model does worse than when it was judged" in found.sentences[0]
    assert over(window(1, performance="fail"), window(2), tmp_path=tmp_path).verdict == "pass"


def test_moved_class_shares_are_a_warning(tmp_path):
    found = over(window(1) | {"classes_moved": 2}, tmp_path=tmp_path)
    assert found.verdict == "warn"
    assert "more frequent or rarer" in found.sentences[0]


def test_lost_performance_acts_over_the_windows_whose_labels_have_come(tmp_path):
    found = over(window(1, performance="fail"), window(2, performance="fail"), tmp_path=tmp_path)
    assert found.verdict == "fail"
    assert "in two of the last three windows whose labels have come" in found.sentences[0]
    waiting = window(3, performance="insufficient")
    assert (
        over(
            window(1, performance="fail"), window(2, performance="fail"), waiting, tmp_path=tmp_path
        ).verdict
        == "fail"
    )
    worse, unknown = over(window(1, performance="fail"), waiting, tmp_path=tmp_path).sentences
    assert "The model does worse than when it was judged" in worse
    assert "Concept drift cannot be judged" in unknown


def test_broken_batch_acts_at_once(tmp_path):
    found = over(window(1, batch="fail"), tmp_path=tmp_path)
    assert found.verdict == "fail"
    assert "mend the source before anybody trusts a decision" in found.sentences[0]


def test_without_labels_for_twice_the_usual_delay_the_project_flies_blind(tmp_path):
    late = [window(nth, performance="insufficient", until=100.0 + 10 * nth) for nth in range(4)]
    assert (
        over(*late[:3], tmp_path=tmp_path, delay=10.0).verdict == "insufficient"
    )  # 20 days: twice, not more
    found = over(*late, tmp_path=tmp_path, delay=10.0)
    assert found.verdict == "fail"
    assert "Flying blind" in " ".join(found.sentences)
    assert (
        over(window(0, until=100.0), *late[1:3], tmp_path=tmp_path, delay=10.0).verdict
        == "insufficient"
    )


def test_delay_is_counted_in_windows_where_there_is_no_time():
    late = [window(nth, performance="insufficient") for nth in range(3)]
    assert timeline(late, 1.0, None)["unlabelled_for"].tolist() == [0, 1, 2]


def test_model_older_than_its_longest_age_warns(tmp_path):
    found = over(window(1) | {"age": 5.0}, tmp_path=tmp_path, longest=3.0)
    assert found.verdict == "warn"
    assert "overdue 2" in found.sentences[0]


def test_rows_to_label_are_half_unsure_and_half_random():
    rows = draw(8, 100)
    y_score = MODEL.predict_proba(rows)
    table = to_label(rows.assign(line=range(100)), y_score, MODEL, ["line"], 10, 0)
    assert list(table.columns) == ["line", "decision", "confidence", "drawn"]
    assert table["drawn"].value_counts().to_dict() == {"uncertain": 5, "random": 5}
    assert set(table["decision"].head(2)) == {"yes", "no"}
    assert table["confidence"].head(2).between(0.5, 0.55).all()
    assert table["line"].is_unique
    assert (
        len(to_label(rows.head(3).assign(line=range(3)), y_score[:3], MODEL, ["line"], 10, 0)) == 3
    )


COLUMNS = {"id": "text", "a": "number", "late": "text", "label": "text"}


@pytest.fixture
def source() -> Source:
    return Source(path="x.csv", format="csv", missing=["", "NA"], key=["id"], columns=COLUMNS)


def batch(tmp_path, source: Source, text: str) -> Batch:
    path = tmp_path / "batch.csv"
    path.write_text(text, encoding="utf-8")
    return read_batch(path, source, DATA)


def test_batch_needs_neither_target_nor_what_is_known_later(tmp_path, source):
    found = batch(tmp_path, source, "id,a\nr1,1.5\nr2,2\n")
    assert found.rows.to_dict("list") == {LINE: [2, 3], "id": ["r1", "r2"], "a": [1.5, 2.0]}
    assert found.labels.isna().all()


def test_rows_that_do_not_conform_are_rejected_with_their_reason(tmp_path, source):
    found = batch(tmp_path, source, "id,a,label\nr1,much,no\nr2,2,yes\nr3\n")
    assert found.rejects["kind"].tolist() == ["bad_value", "malformed"]
    assert found.rejects["reason"][0] == "a is no finite number: written as a"
    assert (found.labels.tolist(), found.records) == (["yes"], 3)


def test_what_the_look_at_the_training_file_relied_on_holds_for_a_batch(tmp_path, source):
    source = source.model_copy(
        update={"one_spelling": ["a"], "missing_in": {"label": [""]}, "ignore_case": ["label"]}
    )
    found = batch(
        tmp_path,
        source,
        "id,a,label\nr1,007,no\nr2,1.1,NA\nr3,1.10,no\nr4,NA,No\nr5\u00a0,\u22122,no\n",
    )
    assert found.rejects[["line", "reason"]].to_numpy().tolist() == [
        [2, "a has a leading zero, see one_spelling in data/sources.yaml: written as 9"],
        [
            4,
            (
                "a is written in two ways, as 1.10 beside 1.1, see one_spelling in"
                " data/sources.yaml: written as 9.9"
            ),
        ],
    ]
    assert found.rows.to_dict("list") == {
        LINE: [3, 5, 6],
        "id": ["r2", "r4", "r5"],
        "a": [1.1, pytest.approx(float("nan"), nan_ok=True), -2.0],
    }
    assert found.labels.tolist() == ["na", "no", "no"]


def test_labels_that_come_later_are_read_as_the_training_file_is(tmp_path, source):
    source = source.model_copy(update={"missing_in": {"label": [""]}, "ignore_case": ["label"]})
    rows = batch(tmp_path, source, "id,a\nr1,1\nr2,2\n")
    (tmp_path / "labels.csv").write_text("id,label\nr1,NA\nr2,YES\u00a0\n", encoding="utf-8")
    assert with_labels(rows, tmp_path / "labels.csv", ["id"], source).labels.tolist() == [
        "na",
        "yes",
    ]


def test_a_batch_in_parts_has_the_lines_of_the_whole_where_its_header_spans_two(tmp_path, source):
    path = tmp_path / "batch.csv"
    path.write_text('id,"a\n"\nr1,1\nr2,2\nr3,3\n', encoding="utf-8")
    parts = list(batches(path, source, DATA, 2))
    assert [part.rows.to_dict("list") for part in parts] == [
        {LINE: [3, 4], "id": ["r1", "r2"], "a": [1.0, 2.0]},
        {LINE: [5], "id": ["r3"], "a": [3.0]},
    ]


EQUAL = "id,a,label\nr1,1,no\nr1,1,no\nr2,2,yes\nr3,3,no\nr3,4,no\n"


def test_equal_rows_of_a_batch_stay_where_prepare_keeps_them(tmp_path, source):
    found = batch(tmp_path, source, EQUAL)
    assert once(found, source.model_copy(update={"key": []})) is found


def test_a_batch_that_names_a_row_twice_is_told_as_prepare_tells_it(tmp_path, source):
    found = once(batch(tmp_path, source, EQUAL), source)
    assert found.rejects[["line", "kind"]].to_numpy().tolist() == [
        [3, "duplicate"],
        [5, "key_conflict"],
        [6, "key_conflict"],
    ]
    assert found.rows["id"].tolist() == ["r1", "r2"]
    assert (found.labels.tolist(), found.records) == (["no", "yes"], 5)


def test_equal_rows_of_a_batch_are_dropped_where_prepare_drops_them(tmp_path, source):
    asked = source.model_copy(update={"key": [], "equal_rows": "drop", "no_content": []})
    assert once(batch(tmp_path, source, EQUAL), asked).rejects["line"].tolist() == [3]


def test_batch_without_a_feature_is_refused(tmp_path, source):
    with pytest.raises(UserError, match="has no column 'a', which"):
        batch(tmp_path, source, "id,label\nr1,no\n")


def test_batch_that_is_not_there_is_refused(tmp_path, source):
    with pytest.raises(UserError, match=r"gone\.csv does not exist; name the file of the batch"):
        live_source(tmp_path / "gone.csv", source, DATA)


def test_labels_that_come_later_find_their_rows(tmp_path, source):
    rows = batch(tmp_path, source, "id,a\nr1,1\nr2,2\nr3,3\n")
    path = tmp_path / "labels.csv"
    path.write_text("id,label\nr3,yes\nr1,NA\n", encoding="utf-8")
    labels = with_labels(rows, path, ["id"], source).labels
    assert labels.isna().tolist() == [True, True, False]
    assert labels[2] == "yes"


@pytest.mark.parametrize("kind", ["integer", "boolean"])
@pytest.mark.parametrize(
    "given",
    [
        [1.0, 0.0],
        ["1.0", " 0.00"],
        [1, 0],
        ["1", "0"],
        [True, False],
        [1.0, 0.0, None],
        ["TRUE", "false", "NA"],
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_are_read_as_the_training_file_is(tmp_path, source, given, kind, ending):
    if kind == "integer" and str(given[0]).lower() == "true":
        pytest.skip("no value of that kind")
    source = source.model_copy(update={"columns": COLUMNS | {"id": "integer", "label": kind}})
    rows = batch(tmp_path, source, "id,a\n1,1\n2,2\n3,3\n")
    table, path = (
        pd.DataFrame({"id": [1.0, 2.0, 3.0][: len(given)], "label": given}),
        tmp_path / f"labels.{ending}",
    )
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    labels = with_labels(rows, path, ["id"], source).labels
    assert labels.fillna("none").tolist() == ["1", "0", "none"]


def test_labels_tell_keys_apart_that_end_in_a_zero(tmp_path, source):
    rows = batch(tmp_path, source, "id,a\nv1,1\nv1.0,2\n,3\n")
    (tmp_path / "labels.csv").write_text("id,label\nv1.0,yes\nv1,no\n", encoding="utf-8")
    assert with_labels(rows, tmp_path / "labels.csv", ["id"], source).labels.fillna(
        "none"
    ).tolist() == ["no", "yes", "none"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_find_their_rows_by_a_key_of_dates(tmp_path, source, ending):
    columns = {"id": "date", "a": "number", "late": "text", "label": "text"}
    source = source.model_copy(
        update={"columns": columns, "date_formats": {"id": "%d.%m.%Y %H:%M"}}
    )
    rows = batch(tmp_path, source, "id,a\n01.02.2024 00:00,1\n01.02.2024 06:30,2\n,3\n")
    path = tmp_path / f"labels.{ending}"
    if ending == "csv":
        path.write_text("id,label\n01.02.2024 00:00,no\n", encoding="utf-8")
    else:
        pd.DataFrame({"id": [pd.Timestamp("2024-02-01")], "label": ["no"]}).to_parquet(path)
    assert with_labels(rows, path, ["id"], source).labels.fillna("none").tolist() == [
        "no",
        "none",
        "none",
    ]


def test_label_that_is_not_of_the_declared_kind_is_refused_without_its_value(tmp_path, source):
    source = source.model_copy(update={"columns": COLUMNS | {"label": "integer"}})
    rows = batch(tmp_path, source, "id,a\nr1,1\n")
    (tmp_path / "labels.csv").write_text("id,label\nr1,Ada\n", encoding="utf-8")
    with pytest.raises(
        UserError,
        match=(
            r"1 rows are not what data/sources.yaml declares; mend the file: label is no integer of"
            r" 64 bits: written as a$"
        ),
    ):
        with_labels(rows, tmp_path / "labels.csv", ["id"], source)


@pytest.mark.parametrize("by", ["id", "line"])
def test_labels_of_rows_that_were_left_out_are_not_used(tmp_path, source, by):
    source = source.model_copy(update={"key": ["id"] if by == "id" else []})
    rows = once(batch(tmp_path, source, "id,a\nr1,1\nr2,nonsense\nr3,3\nr3,4\nr5,5\n"), source)
    names = ["r1", "r2", "r3", "r5"] if by == "id" else [2, 3, 4, 6]
    pd.DataFrame({by: names, "label": "yes"}).to_csv(tmp_path / "labels.csv", index=False)
    labels = with_labels(rows, tmp_path / "labels.csv", source.key, source).labels
    assert labels.notna().tolist() == ([True, True] if by == "id" else [True, True, False, True])
    pd.DataFrame({by: [*names, "r9" if by == "id" else 9], "label": "yes"}).to_csv(
        tmp_path / "labels.csv", index=False
    )
    with pytest.raises(UserError, match=r"names a row that the batch does not have \(once, by "):
        with_labels(rows, tmp_path / "labels.csv", source.key, source)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\nr1\n", "lacks the columns label"),
        ("id,label\nr1,no\nr1,yes\n", r"names a row twice; give each one label \(once, by id\)"),
        ("id,label\nr9,no\n", r"names a row that the batch does not have \(once, by id\)"),
    ],
)
def test_labels_that_cannot_be_laid_beside_rows_are_refused(tmp_path, source, text, said):
    rows = batch(tmp_path, source, "id,a\nr1,1\n")
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        with_labels(rows, path, ["id"], source)


@pytest.mark.parametrize("asks", [False, True])
def test_values_that_nobody_knew_are_counted_and_shown_only_where_somebody_asks(
    tmp_path, monkeypatch, capsys, asks
):
    monkeypatch.chdir(tmp_path)
    if asks:
        monkeypatch.setenv("SHOW_VALUES", "1")
    table = beside(REFERENCE, draw(1, 10).assign(text=["p", "q"] * 4 + ["Ada", "Bob"])).set_index(
        "feature"
    )
    assert table.loc["text", ["unnamed_live", "unnamed"]].tolist() == [0.2, 2]
    assert table["unnamed"].isna().tolist() == [True, True, False]
    assert (capsys.readouterr().out.splitlines()[:2] == ["    text: Ada", "    text: Bob"]) == asks
    assert [path.name for path in tmp_path.rglob("*.txt")] == (["batch_values.txt"] if asks else [])


def test_label_that_the_model_does_not_know_is_refused():
    with pytest.raises(
        UserError,
        match=(
            "hold 1 classes, in 1 rows, that the model does not know: the model knows no, yes; mend"
            " or retrain"
        ),
    ):
        check_labels(pd.Series(["no", "maybe"]), ["no", "yes"])


def test_live_suite_leaves_out_what_holds_for_the_whole_table_or_the_target(tmp_path):
    def one(kind: str, **kwargs: object) -> dict:
        return {"type": kind, "kwargs": kwargs, "severity": "critical", "meta": {}}

    kept = one("expect_column_values_to_be_between", column="a", min_value=0)
    left = [
        one("expect_table_row_count_to_be_between", min_value=9),
        one("expect_column_values_to_not_be_null", column="label"),
    ]
    columns = one("expect_table_columns_to_match_set", column_set=["a", "label", "__stage_row_id"])
    path = tmp_path / "prepared.json"
    path.write_text(
        json.dumps({"name": "prepared", "expectations": [columns, *left, kept]}), encoding="utf-8"
    )
    suite = live_suite(path, DATA)
    assert suite["meta"] == {"copy_of": path.as_posix()}
    assert suite["expectations"][1:] == [kept]
    assert suite["expectations"][0]["kwargs"] == {"column_set": ["a"]}
    dropped = live_suite(
        path, SimpleNamespace(**vars(DATA) | {"forbidden": {"a": "known afterwards"}})
    )["expectations"]
    assert [expectation["kwargs"] for expectation in dropped] == [{"column_set": []}]
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="is no suite; restore it from git"):
        live_suite(path, DATA)


def test_another_batch_does_not_take_the_name_of_a_window(tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "window.json").write_text(
        json.dumps(window(4) | {"window": "w", "batch_sha256": "x"}), encoding="utf-8"
    )
    assert number(tmp_path, "w", "x") == 4
    assert number(tmp_path, "v", "y") == 5
    with pytest.raises(
        UserError, match="holds another batch; give this one a name of its own with --window"
    ):
        number(tmp_path, "w", "y")
    with pytest.raises(
        UserError, match="this batch is the window 'w' already, and one batch is no two windows"
    ):
        number(tmp_path, "v", "x")


def test_window_may_not_leave_its_folder(tmp_path):
    with pytest.raises(UserError, match="letters, digits, dots and dashes"):
        monitor.name_of("../up", None, tmp_path, DATA)
    assert monitor.name_of(None, None, tmp_path / "day1.csv.gz", DATA) == "day1"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with what monitor reads, but for the model, which is MODEL."""
    (tmp_path / "expectations").mkdir()
    for path in JUDGING.values():
        shutil.copy(path, tmp_path / "expectations")
    meta = {"notes": "Known texts.", "bound": "confirmed"}
    known = {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "text", "value_set": ["p", "q"]},
    }
    suite = {"name": "prepared", "expectations": [known | {"severity": "critical", "meta": meta}]}
    (tmp_path / "expectations" / "prepared.json").write_text(json.dumps(suite), encoding="utf-8")
    frozen = REFERENCE | {"model_sha256": "m", "test_sha256": "t"}
    monkeypatch.setattr(monitor, "load_champion", lambda: (MODEL, frozen))
    monkeypatch.setattr(
        monitor, "as_trained", lambda model, reference, params, source: (params, source)
    )
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return tmp_path


KINDS = {"a": "number", "b": "number", "text": "text", "sex": "text", "label": "text"}
LIVE = Source(path="x.csv", format="csv", missing=[""], key=[], columns=KINDS)


def monitored(name: str, rows: pd.DataFrame, labels: str | None = None, sample: int = 0) -> str:
    rows.to_csv(f"{name}.csv", index=False)
    return monitor.monitor(
        Path(f"{name}.csv"), Path(labels) if labels else None, None, sample, PARAMS, LIVE
    )


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "reports").rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_same_batch_gives_the_same_bytes(project):
    assert monitored("day1", draw(10)) == "pass"
    once = written(project)
    assert monitored("day1", draw(10)) == "pass"
    assert written(project) == once


def test_batch_that_the_model_was_judged_by_is_refused(project, monkeypatch):
    rows = draw(10)
    rows.to_csv("day1.csv", index=False)
    model, frozen = monitor.load_champion()
    monkeypatch.setattr(
        monitor,
        "load_champion",
        lambda: (model, frozen | {"judged_by": {"day1.csv": sha256("day1.csv")}}),
    )
    with pytest.raises(
        UserError,
        match=r"was fitted on this batch, or judged by it, as day1\.csv: it can show no drift",
    ):
        monitored("day1", rows)


@pytest.mark.slow
def test_injected_drift_alarms_in_its_second_window(project):
    assert monitored("day1", draw(10)) == "pass"
    assert monitored("day2", draw(11).assign(b=lambda t: t["b"] + 1)) == "warn"
    assert "The data drifted in two" not in (project / "reports" / "monitoring.html").read_text(
        encoding="utf-8"
    )
    assert monitored("day3", draw(12).assign(b=lambda t: t["b"] + 1)) == "warn"
    page = (project / "reports" / "monitoring.html").read_text(encoding="utf-8")
    assert "The data drifted in two of the last three windows" in page
    assert page.index(">day1<") < page.index(">day2<") < page.rindex(">day3<")
    assert "b: shares before and among live rows" in page


@pytest.mark.slow
def test_labels_that_come_later_turn_what_could_not_be_judged_into_an_alarm(project):
    for nth in (1, 2):
        assert (
            monitored(f"day{nth}", draw(20 + nth, flip=True).drop(columns="label"))
            == "insufficient"
        )
    for nth, said in ((1, "insufficient"), (2, "fail")):
        labels = draw(20 + nth, flip=True)[["label"]].assign(line=range(2, 1002))
        labels.to_csv("labels.csv", index=False)
        assert (
            monitored(f"day{nth}", draw(20 + nth, flip=True).drop(columns="label"), "labels.csv")
            == said
        )
    assert (
        "two of the last three windows whose labels have come"
        in (project / "reports/monitoring/windows.json").read_text()
    )


@pytest.mark.parametrize(
    ("a", "said"),
    [
        ("Ada", "found     9 rows: a is no finite number: written as a"),
        (None, "found     the file has no rows"),
    ],
)
def test_batch_without_a_row_that_can_be_used_says_why(project, capsys, a, said):
    assert monitored("day1", draw(10, 9).assign(a=a) if a else draw(10, 9).iloc[:0]) == "fail"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", ["drift", "performance", "windows"])
def test_suite_that_is_gone_is_no_drift(project, name):
    suite = project / "expectations" / f"{name}.json"
    text = suite.read_text(encoding="utf-8")
    suite.unlink()
    with pytest.raises(
        UserError, match=rf"expectations/{name}\.json does not exist; restore it from git"
    ):
        monitored("day1", draw(10))
    assert not (project / "reports/monitoring/day1").exists()
    suite.write_text(text, encoding="utf-8")
    assert monitored("day1", draw(10)) == "pass"


def test_a_batch_of_a_few_rows_is_called_that(project, capsys):
    monitored("day1", draw(10, 9))
    assert (
        "live rows from test rows: the batch has 9 rows, and 10 are the fewest that can be\n"
        in capsys.readouterr().out
    )
    monitored("day2", draw(10, 10))
    assert (
        "live rows from test rows: data/prepared/test.parquet does not exist; `dvc pull` brings"
        " it\n" in capsys.readouterr().out
    )
    (project / "data/prepared").mkdir(parents=True)
    (project / "data/prepared/test.parquet").write_bytes(b"other rows")
    monitored("day3", draw(11, 10))
    assert (
        "test.parquet does not hold the rows that the model in service was judged by\n"
        in capsys.readouterr().out
    )


def keyed(ids: list[str], name: str) -> tuple[str, pd.DataFrame]:
    """Monitor rows with these `ids`, which are their key, and return the verdict and the
    windows.
    """
    rows = draw(10, 1000).assign(id=ids)
    rows.to_csv(f"{name}.csv", index=False)
    declared = LIVE.model_copy(update={"key": ["id"], "columns": {"id": "text", **KINDS}})
    data = SimpleNamespace(
        **vars(DATA)
        | {
            "forbidden": {"id": "names the row"},
            "not_features": lambda: ["label", "sex", "id"],
        }
    )
    verdict = monitor.monitor(
        Path(f"{name}.csv"),
        None,
        None,
        0,
        SimpleNamespace(**vars(PARAMS) | {"data": data}),
        declared,
    )
    return verdict, pd.read_csv("reports/monitoring/windows.csv").set_index("window")


def test_key_that_stands_twice_in_a_batch_is_a_finding(project, capsys):
    ids = [f"r{nth}" for nth in range(1000)]
    verdict, table = keyed(ids, "once")
    assert (verdict, table.loc["once", "repeated"]) == ("pass", 0)
    assert "share their key" not in capsys.readouterr().out
    verdict, table = keyed(["r7", *ids[1:]], "twice")
    assert (verdict, table.loc["twice", "repeated"], table.loc["twice", "rows"]) == ("warn", 2, 998)
    assert "So many rows share their key with another row of the batch" in capsys.readouterr().out
    assert pd.read_csv("reports/monitoring/twice/rejects.csv")["line"].tolist() == [2, 9]


def test_window_that_is_older_than_what_was_known_is_called_that(tmp_path):
    found = over(window(1, until=100.0), window(2, until=90.0), tmp_path=tmp_path)
    assert found.verdict == "warn"
    assert "older_by 10" in found.sentences[0]
    assert "These rows are not the newest" in found.sentences[0]
    assert over(window(1, until=90.0), window(2, until=100.0), tmp_path=tmp_path).verdict == "pass"
    before_training = window(1, until=90.0) | {"age": -5.0}
    assert over(before_training, tmp_path=tmp_path).verdict == "warn"
    assert timeline([before_training], None, None)["older_by"].tolist() == [5]


@pytest.mark.parametrize(("wrong", "verdict"), [(0, "pass"), (24, "pass"), (25, "fail")])
def test_exceptions_in_a_batch_count_where_they_are_more_than_chance_brings(
    project, wrong, verdict
):
    suite = json.loads(Path("expectations/prepared.json").read_text(encoding="utf-8"))
    suite["expectations"][0]["kwargs"]["mostly"] = 0.99
    Path("expectations/prepared.json").write_text(json.dumps(suite), encoding="utf-8")
    rows = draw(10)
    rows.loc[rows.index[:wrong], "text"] = "new"
    judged = Held(SimpleNamespace(expected=[]), {1: 1000}, {1: wrong})
    one = SimpleNamespace(nth=1, raw=suite["expectations"][0])
    assert (judged._by_chance(one) < FALSE_ALARM_RATE) == (verdict == "fail")  # as `score` has it
    monitored("day1", rows)
    report = json.loads(
        Path("reports/monitoring/day1/gates/batch.json").read_text(encoding="utf-8")
    )
    assert report["verdict"] == verdict
    if wrong == 25:
        assert (
            "In training it was 99.00%; of 1,000 rows chance alone brings up to 24 that differ."
            in sentences(report)[0]
        )


def test_all_rows_are_never_exceptions():
    suite = {
        "expectations": [
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "text", "mostly": 0.5},
                "meta": {},
            }
        ]
    }
    [one] = by_chance(suite, draw(1, 3))["expectations"]
    assert one["kwargs"]["mostly"] == pytest.approx(0.5 / 3)
    assert by_chance(suite, draw(1, 3).assign(text=None)) == suite


def test_broken_schema_fails_at_once_as_a_window_of_its_own(project):
    assert monitored("day1", draw(10).drop(columns="b")) == "fail"
    report = json.loads((project / "reports/monitoring/day1/gates/batch.json").read_text())
    assert sentences(report) == [
        "FAIL: the batch: day1.csv has no column 'b', which data/sources.yaml declares "
        "(sources.batch)."
    ]
    assert monitored("day2", draw(11)) == "pass"


def test_value_that_training_never_had_fails_at_once(project):
    assert monitored("day1", draw(10, new=0.02)) == "fail"
    report = json.loads((project / "reports/monitoring/day1/gates/batch.json").read_text())
    assert [finding["columns"] for finding in report["findings"]] == [["text"]]


def test_batch_without_a_row_fails(project):
    assert monitored("day1", draw(10).head(0)) == "fail"


def test_rows_to_label_are_named_by_their_line(project, capsys):
    assert monitored("day1", draw(10, 200).drop(columns="label"), sample=10) == "insufficient"
    assert pd.read_csv("private/day1/to_label.csv")["line"].between(2, 201).all()
    assert "names 10 rows to label" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_killed_monitor_leaves_nothing_half_done(project):
    monitored("day1", draw(10, 200))
    before = (project / "reports/monitoring/windows.csv").read_bytes()
    monitored("day2", draw(11, 200))
    unbroken = written(project)
    shutil.rmtree(project / "reports")
    monitored("day1", draw(10, 200))
    for nth in range(1, 11):  # files that are whole when the process is killed
        if not (child := os.fork()):
            replace, done = Path.replace, []

            def counted_replace(
                path: Path, target: Path, replace=replace, done=done, nth=nth
            ) -> Path:
                if len(done) == nth:
                    os.kill(os.getpid(), signal.SIGKILL)
                done.append(target)
                return replace(path, target)

            Path.replace = counted_replace
            monitored("day2", draw(11, 200))
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        for path in [
            path for path in (project / "reports").rglob("*") if path.suffix in (".json", ".csv")
        ]:
            json.loads(path.read_text()) if path.suffix == ".json" else pd.read_csv(path)
        assert (project / "reports/monitoring/windows.csv").read_bytes() == before
    monitored("day2", draw(11, 200))
    assert written(project) == unbroken


@pytest.mark.slow
def test_command_without_a_batch_ends_in_2(tmp_path):
    path = {**os.environ, "PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(
        [sys.executable, "-m", "sluice", "monitor"],
        cwd=tmp_path,
        env=path,
        capture_output=True,
        encoding="utf-8",
    )
    assert ended.returncode == 2  # 1 is a warning
    assert (
        ended.stderr
        == "monitor: data/live/ has no file; name a batch of live rows: `uv run sluice monitor FILE`\n"
    )


def test_raw_file_of_the_model_is_a_batch_like_any_other(toy_run, tmp_path, monkeypatch):
    for name in (
        "data/sources.yaml",
        "data/raw",
        "data/prepared",
        "expectations",
        "models",
        "params.yaml",
        "reports/gates",
    ):
        source, target = toy_run.folder / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    [source] = load_sources().sources.values()
    with pytest.raises(SystemExit) as ended:
        monitor.main(source.path, None, "raw", 0)
    assert ended.value.code in monitor.CODES.values()
    found = pd.read_csv("reports/monitoring/raw/drift.csv").set_index("what")
    assert found.loc["all", "test"] == "auc"
    assert pd.read_csv("reports/monitoring/raw/performance.csv")["support"].max() > 100
    assert pd.read_csv("reports/monitoring/windows.csv")["batch"].tolist() == ["pass"]
