"""Thresholds by group: the same recall for each group, the same decision for the same row, and no decision without the group."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from stages.after.labelling import to_label
from stages.command import Refused
from stages.during.candidates import compare
from stages.during.mitigation import decide_by_group, thresholds
from stages.during.model import Model, load_model, save_model
from stages.params import Params
from stages.train import settle
from tests.pipeline_run import settings

AUDITED = {"sensitive": ["team"], "allowed": {"team": "a test"}}
GROUPS = {
    "columns": ["team"],
    "cut_points": {},
    "weights": {"x": {"a": 1.0, "b": 1.0}, "y": {"a": 1.0, "b": 4.0}},
}
FITTED = LogisticRegression().fit(np.array([[0.0], [1.0]]), ["a", "b"])
MODEL = Model(FITTED, ["a", "b"], {"size": "float64"}, {}, {"a": 1.0, "b": 0.5}, GROUPS)
UNSURE = np.array([[0.6, 0.4], [0.6, 0.4], [0.45, 0.55]])


def params(mitigation: str = "threshold_optimizer", data: dict | None = None, **train) -> Params:
    chosen = {
        "model": "logistic_regression",
        "decision_weights": "balanced_accuracy",
        "mitigation": mitigation,
    }
    return settings(data=AUDITED if data is None else data, train=chosen | train)


def drawn(n: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows of two teams and scores of them that are lower for members of team y of class b than for those of x."""
    rng = np.random.default_rng(seed)
    is_y, is_b = rng.random(n) < 0.3, rng.random(n) < 0.4
    b = 1 / (1 + np.exp(-(2.0 * is_b - 1 - 1.2 * is_y + rng.normal(size=n))))
    table = pd.DataFrame(
        {
            "__stage_row_id": range(n),
            "label": np.where(is_b, "b", "a"),
            "team": np.where(is_y, "y", "x"),
        }
    )
    return table, np.column_stack([1 - b, b])


def recalls(table: pd.DataFrame, y_pred: np.ndarray) -> pd.Series:
    of_b = (table["label"] == "b").to_numpy()
    return pd.Series(y_pred[of_b] == "b").groupby(table["team"].to_numpy()[of_b]).mean()


def model_of(found: dict) -> Model:
    return Model(FITTED, ["a", "b"], {}, {}, {"a": 1.0, "b": 1.5}, found)


def test_groups_get_the_same_recall():
    table, y_score = drawn()
    before, after = (
        recalls(table, model_of(one).decide(y_score, table))
        for one in ({}, decided(table, y_score))
    )
    assert before["x"] - before["y"] > 0.2
    assert abs(after["x"] - after["y"]) < 0.002  # a row of the smaller group


def decided(table: pd.DataFrame, y_score: np.ndarray, **data) -> dict:
    return decide_by_group(table, y_score, settings(data=AUDITED | data).data, "balanced_accuracy")


def test_the_same_recall_holds_on_rows_that_no_threshold_was_chosen_on():
    found = decided(*drawn())
    table, y_score = drawn(20_000, 1)
    after = recalls(table, model_of(found).decide(y_score, table))
    assert abs(after["x"] - after["y"]) < 0.05


def test_thresholds_are_the_same_on_every_run():
    assert decided(*drawn()) == decided(*drawn())


def test_thresholds_lie_between_the_scores_of_a_hand_worked_table():
    is_b = np.array([True, True, False, False] * 2)
    score = np.array([0.9, 0.7, 0.3, 0.1, 0.6, 0.4, 0.3, 0.05])
    found = thresholds(
        is_b, score, np.array(list("xxxxyyyy"), dtype=object), "balanced_accuracy_score"
    )
    assert found == pytest.approx(
        {"x": 0.5, "y": 0.35}
    )  # recall 1 without a false alarm; the midpoints of .7, .3 and .4, .3


def test_the_favourable_class_is_the_one_whose_recall_is_made_equal():
    found = decided(*drawn(), favourable="a")
    assert {weights["b"] for weights in found["weights"].values()} == {1.0}
    table, y_score = drawn()
    is_a = (table["label"] == "a").to_numpy()
    y_pred = model_of(found).decide(y_score, table)
    shares = pd.Series(y_pred[is_a] == "a").groupby(table["team"].to_numpy()[is_a]).mean()
    assert abs(shares["x"] - shares["y"]) < 0.002


def test_only_columns_that_may_be_used_decide():
    table, y_score = drawn()
    found = decided(table.assign(sex="f"), y_score, sensitive=["sex", "team"])
    assert found["columns"] == ["team"]


def test_a_group_with_few_rows_is_decided_as_all_are():
    table, y_score = drawn()
    table.loc[:40, "team"] = "z"
    found = decided(table, y_score)
    assert sorted(found["weights"]) == ["x", "y"]


def test_one_group_is_refused():
    table, y_score = drawn(100)
    with pytest.raises(
        Refused,
        match=r"of the groups of team fewer than two have 30 rows of either class; add rows, take fewer cut points",
    ):
        decided(table.assign(team="x"), y_score)


def test_three_classes_are_refused():
    table, _ = drawn(90)
    with pytest.raises(
        Refused,
        match=r"decides between two classes; label has 3 \(a, b, c\); take reweighing, which takes any number",
    ):
        decided(table.assign(label=list("abc") * 30), np.full((90, 3), 1 / 3))


def test_a_model_decides_by_the_group_of_a_row():
    assert MODEL.decide(UNSURE, pd.DataFrame({"team": list("xyx")})).tolist() == ["a", "b", "b"]


def test_a_group_that_the_model_does_not_know_is_decided_as_all_are():
    assert MODEL.decide(UNSURE, pd.DataFrame({"team": ["new", None, "new"]})).tolist() == [
        "a",
        "a",
        "a",
    ]


@pytest.mark.parametrize(
    "rows", [None, pd.DataFrame({"size": [0.0, 1.0, 2.0]})], ids=["no rows", "no column"]
)
def test_no_decision_without_the_group(rows):
    with pytest.raises(
        Refused,
        match=r"the model decides by team \(train.mitigation: threshold_optimizer\), which the rows lack",
    ):
        MODEL.decide(UNSURE, rows)


def test_the_card_keeps_how_groups_are_decided(tmp_path):
    path = tmp_path / "model.skops"
    save_model(MODEL, path, {})
    assert load_model(path).by_group == GROUPS
    assert load_model(path).decide(UNSURE, pd.DataFrame({"team": list("xyx")})).tolist() == [
        "a",
        "b",
        "b",
    ]


def test_cut_points_of_the_card_make_the_groups():
    weights = {"below 40": {"a": 1.0, "b": 4.0}}
    model = Model(
        FITTED,
        ["a", "b"],
        {},
        {},
        {"a": 1.0, "b": 0.5},
        {"columns": ["age"], "cut_points": {"age": [40]}, "weights": weights},
    )
    assert model.decide(UNSURE, pd.DataFrame({"age": [20, 60, 40]})).tolist() == ["b", "a", "a"]


def test_rows_to_label_are_decided_by_their_group():
    table = to_label(
        pd.DataFrame({"team": list("xyx"), "key": [1, 2, 3]}), UNSURE, MODEL, ["key"], 3, 0
    )
    assert table.set_index("key")["decision"].to_dict() == {1: "a", 2: "b", 3: "b"}


def test_the_mitigated_model_stands_beside_the_one_it_was():
    table, y_score = drawn(2000)
    _, model, rivals, judge, baseline = settle(
        table.assign(size=y_score[:, 1], other=0.5 * y_score[:, 0]), params(), []
    )
    found = compare(model, rivals, judge).set_index("candidate")
    assert list(found.index) == [
        "model",
        "logistic_regression",
        "class_shares",
        "three_features",
        "unmitigated",
    ]
    assert found["kind"]["unmitigated"] == "mitigation"
    assert (
        f"from {found['largest_gap']['unmitigated']:.3f} to {found['largest_gap']['model']:.3f}, for "
        in found["why"]["model"]
    )
    assert found["brier"]["unmitigated"] == found["brier"]["model"]
    assert (
        found["why"]["logistic_regression"]
        == "compared with the model, never taken; threshold_optimizer here, too"
    )
    assert (baseline.by_group, model.by_group["columns"]) == ({}, ["team"])


def test_without_mitigation_candidates_are_as_they_were():
    table, y_score = drawn(1000)
    table = table.assign(size=y_score[:, 1])
    _, model, rivals, judge, _ = settle(table, params("none"), [])
    blind = settle(table, params("none", data={"sensitive": ["team"]}), [])
    unaudited = settle(table.drop(columns="team"), params("none", data={"sensitive": []}), [])
    found, without = (
        compare(*one).drop(columns="largest_gap") for one in (blind[1:4], unaudited[1:4])
    )
    pd.testing.assert_frame_equal(found, without)
    assert {one.kind for one in rivals} == {"rival", "guess", "simple"}
    assert (model.by_group, model.why) == ({}, "taken: params.yaml spells it out")
    assert compare(model, rivals, judge)["largest_gap"].notna().all()
    assert compare(*unaudited[1:4])["largest_gap"].isna().all()


@pytest.mark.parametrize(
    ("mitigation", "data", "train", "said"),
    [
        (
            "reweighing",
            {},
            {},
            r"train.mitigation is 'reweighing', but data.sensitive names no column; name one there",
        ),
        (
            "threshold_optimizer",
            {"sensitive": ["team"]},
            {},
            r"when it decides.* data.allowed must say why it may, for one of team, or take",
        ),
        (
            "threshold_optimizer",
            AUDITED,
            {"decision_weights": "macro_f1"},
            r"cannot aim at train.decision_weights 'macro_f1'; set",
        ),
    ],
)
def test_params_that_do_not_suit_a_mitigation_are_refused(mitigation, data, train, said):
    with pytest.raises(Refused, match=said):
        params(mitigation, data, **train)
