"""Train: what is chosen is chosen on rows that no fit saw, and a candidate is compared fairly."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from threadpoolctl import threadpool_limits

from sluice.core.command import UserError
from sluice.core.params import Params
from sluice.core.tables import AUGMENTED, TRAIN, write_table
from sluice.data.dataset import Dataset
from sluice.gates.gate import gate
from sluice.modeling import fitting as recipes
from sluice.modeling import training
from sluice.modeling.candidates import (
    Judge,
    OutOfFold,
    choose_features,
    choose_setting,
    compare,
    tune_decision,
)
from sluice.modeling.fitting import CandidateSpec, fit_candidate, from_params, left_out, out_of_fold
from sluice.modeling.model import Model, load_model, save_model, sha256
from stages import train
from tests.engine.settings import SUITES, copy_suites, settings

STRATEGIES = ["none", "oversample", "smote"]


@pytest.fixture(autouse=True)
def one_thread():
    """Keep small fits from waiting for one another's threads."""
    with threadpool_limits(1):
        yield


def params(cluster: list[str] | None = None, strategy: str = "none", **train) -> Params:
    return settings(
        data={"cluster": cluster or []},
        augment={
            "strategy": strategy,
            "floor_share": 1.0,
            "k_neighbors": 2,
            "smote_max_rows": 10000,
        },
        train={"model": "logistic_regression", "folds": 3} | train,
    )


def table(n: int = 60, n_clusters: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return rows of two classes, two thirds a, whose size grows with the label; `place` numbers
    them.
    """
    rng = np.random.default_rng(seed)
    is_b = np.arange(n) % 3 == 0
    return pd.DataFrame(
        {
            "__stage_row_id": [f"r{place}" for place in range(n)],
            "label": np.where(is_b, "b", "a"),
            "batch": rng.permutation(np.arange(n) % n_clusters),
            "place": range(n),
            "size": 2.0 * is_b + rng.normal(size=n),
        }
    )


def held_out(rows: pd.DataFrame, settings: Params, model: str) -> np.ndarray:
    """Return the out-of-fold probabilities of the recipe that the settings spell out, for the
    model `model`.
    """
    return out_of_fold(
        Dataset.of(rows, settings.data),
        settings,
        {"model": replace(from_params(settings), model=model)},
    )[0]["model"]


class Spy:
    """Stands in for `fit_candidate`: notes each recipe's training rows, and which rows its model
    then scores.
    """

    def __init__(self):
        self.fits = []

    def __call__(self, spec, rows, params):
        noted = {
            "name": spec.model,
            "rows": rows,
            "sample_weight": spec.sample_weight,
            "n_classes": rows["label"].nunique(),
        }
        self.fits.append(noted)

        class Fitted:
            def predict_proba(self, X):
                noted["scored"] = X
                return np.tile([[0.75, 0.25]], (len(X), 1))

        return Fitted()


@pytest.fixture
def spy(monkeypatch) -> Spy:
    spy = Spy()
    monkeypatch.setattr(recipes, "fit_candidate", spy)
    return spy


def test_no_row_is_scored_by_a_fit_on_it(spy):
    held_out(table(), params(), "logistic_regression")
    assert len(spy.fits) == 3
    for one in spy.fits:
        assert not set(one["rows"]["place"]) & set(one["scored"]["place"])


def test_each_row_is_scored_once(spy):
    scores = held_out(table(), params(), "logistic_regression")
    assert sorted(place for one in spy.fits for place in one["scored"]["place"]) == list(range(60))
    assert scores.tolist() == [[0.75, 0.25]] * 60


def test_each_row_is_fitted_on_in_all_folds_but_one(spy):
    held_out(table(), params(), "logistic_regression")
    assert sorted(place for one in spy.fits for place in one["rows"]["place"]) == sorted(
        [*range(60), *range(60)]
    )


def test_no_cluster_is_on_both_sides_of_a_fold(spy):
    rows = table()
    held_out(rows, params(cluster=["batch"]), "logistic_regression")
    for one in spy.fits:
        scored = rows.loc[one["scored"].index, "batch"]
        assert not set(one["rows"]["batch"]) & set(scored)


def test_each_fold_augments_its_own_part(spy):
    held_out(table(), params(strategy="oversample"), "logistic_regression")
    for one in spy.fits:
        rows = one["rows"]
        assert rows["label"].value_counts().to_dict() == {
            "a": sum(rows["label"] == "a"),
            "b": sum(rows["label"] == "a"),
        }
        assert set(rows.loc[rows["__stage_origin"] == "repeated", "place"]) <= set(
            rows.loc[rows["__stage_origin"] == "real", "place"]
        )
        assert not set(rows["place"]) & set(one["scored"]["place"])


def test_a_rival_is_fitted_on_the_rows_as_they_are(spy):
    settings = params(strategy="oversample", sample_weight="balanced")
    recipes = {
        "model": replace(from_params(settings), model="random_forest"),
        "logistic_regression": CandidateSpec("logistic_regression"),
    }
    out_of_fold(Dataset.of(table(), settings.data), settings, recipes)
    rivals = [one for one in spy.fits if one["name"] == "logistic_regression"]
    assert [len(one["rows"]) for one in rivals] == [40, 40, 40]
    assert {one["sample_weight"] for one in rivals} == {"none"}


def test_the_model_is_weighed_as_the_settings_say(spy):
    held_out(table(), params(sample_weight="balanced"), "random_forest")
    assert {(one["name"], one["sample_weight"]) for one in spy.fits} == {
        ("random_forest", "balanced")
    }


def test_out_of_fold_is_the_same_on_every_run():
    once, again = (held_out(table(), params(strategy="smote"), "random_forest") for _ in range(2))
    assert (once == again).all()


def test_a_feature_that_tells_the_class_is_learnt_out_of_fold():
    rows = table(n=150)
    scores = held_out(rows, params(), "logistic_regression")
    assert balanced_accuracy_score(rows["label"], np.where(scores[:, 1] > 0.5, "b", "a")) > 0.7


def identified() -> pd.DataFrame:
    """Return 40 clusters of twenty rows; all rows of a cluster have its label and its mark,
    which are else unrelated.
    """
    labels = np.random.default_rng(3).permutation(["a", "b"] * 20)
    batch = np.repeat(range(40), 20)
    return pd.DataFrame(
        {"label": labels[batch], "batch": batch, "mark": [f"m{number}" for number in batch]}
    )


@pytest.mark.parametrize("model", ["logistic_regression", "random_forest"])
def test_a_mark_of_clusters_gives_chance(model):
    rows = identified()
    scores = held_out(rows, params(cluster=["batch"]), model)
    assert balanced_accuracy_score(rows["label"], np.where(scores[:, 1] > 0.5, "b", "a")) < 0.6


@pytest.mark.parametrize("model", ["logistic_regression", "random_forest"])
def test_a_mark_of_clusters_gives_all_away_where_clusters_are_not_declared(model):
    rows = identified().drop(columns="batch")
    scores = held_out(rows, params(), model)
    assert balanced_accuracy_score(rows["label"], np.where(scores[:, 1] > 0.5, "b", "a")) > 0.95


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("model", ["logistic_regression", "random_forest"])
def test_shuffled_labels_give_chance(strategy, model):
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(
        {
            "label": rng.permutation(["a"] * 250 + ["b"] * 100),
            "size": rng.normal(size=350),
            "depth": rng.normal(size=350),
        }
    )
    rows = rows.assign(colour=rng.choice(["red", "blue", "green"], 350))
    scores = held_out(rows, params(strategy=strategy), model)
    likelier = scores[:, 1] > np.median(scores[:, 1])
    assert balanced_accuracy_score(rows["label"], np.where(likelier, "b", "a")) == pytest.approx(
        0.5, abs=0.09
    )


def test_a_class_that_no_other_fold_holds_is_refused():
    rows = pd.DataFrame(
        {
            "batch": [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
            "label": [*"yyyz", *"xxxxxzxx"],
            "size": np.arange(12.0),
        }
    )
    with pytest.raises(
        UserError, match="class 'y'"
    ):  # it stands in one cluster, beside a rarer class
        held_out(rows, params(cluster=["batch"], folds=2), "logistic_regression")


class Recorder:
    """Stands in for a model and notes what it is fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.X, self.y, self.sample_weight = X, y, sample_weight
        return self


@pytest.mark.parametrize(
    ("sample_weight", "expected"),
    [
        ("balanced", [2 / 3, 2 / 3, 2 / 3, 2]),
        ("sqrt_balanced", [(2 / 3) ** 0.5, (2 / 3) ** 0.5, (2 / 3) ** 0.5, 2**0.5]),
    ],
)
def test_fit_weighs_rows_by_their_class(monkeypatch, sample_weight, expected):
    monkeypatch.setattr(recipes, "build_model", lambda *given: Recorder())
    rows = pd.DataFrame(
        {"label": ["a", "a", "a", "b"], "size": [1, 2, 3, 4]}
    )  # 4 rows / (2 classes * 3 rows), and / (2 * 1)
    spec = CandidateSpec("vote", sample_weight=sample_weight)
    assert fit_candidate(spec, rows, params()).sample_weight == pytest.approx(expected)


def test_fit_does_not_weigh_rows_unless_told(monkeypatch):
    monkeypatch.setattr(recipes, "build_model", lambda *given: Recorder())
    rows = pd.DataFrame({"label": ["a", "b"], "size": [1, 2]})
    assert fit_candidate(CandidateSpec("vote"), rows, params()).sample_weight is None


def test_fit_sees_features_alone(monkeypatch):
    monkeypatch.setattr(recipes, "build_model", lambda *given: Recorder())
    rows = pd.DataFrame(
        {
            "__stage_row_id": ["p", "q"],
            "label": ["a", "b"],
            "batch": [1, 2],
            "size": [1, 2],
            "__stage_origin": ["real", "synthetic"],
        }
    )
    model = fit_candidate(CandidateSpec("vote"), rows, params(cluster=["batch"]))
    assert model.X.columns.tolist() == ["size"]
    assert model.y.tolist() == ["a", "b"]


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_the_number_of_threads_does_not_change_the_fitted_model(name, tmp_path):
    rows = table(n=300)
    for threads in (1, 2):
        with threadpool_limits(threads):
            fitted = fit_candidate(CandidateSpec(name), rows, params(threads=threads))
        save_model(Model(fitted, ["a", "b"], {}, {}, {}), tmp_path / f"{threads}.skops", {})
    assert sha256(tmp_path / "1.skops") == sha256(tmp_path / "2.skops")


@pytest.mark.parametrize("name", ["random_forest", "vote"])
def test_the_number_of_threads_does_not_change_out_of_fold_probabilities(name):
    rows = table(n=300)
    one, two = (held_out(rows, params(threads=threads), name) for threads in (1, 2))
    assert (one == two).all()


def test_fit_refuses_a_misspelt_model():
    with pytest.raises(
        UserError, match=r"params.yaml: train.model is 'vot', must be one of logistic_regression"
    ):
        fit_candidate(CandidateSpec("vot"), table(), params())


SCORES = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])


def test_tune_decision_decides_for_the_likelier_class_where_nothing_is_chosen():
    chosen = tune_decision("model", pd.Series(list("aaabb")), SCORES, "none", "none")
    assert chosen.y_pred.tolist() == ["a", "a", "a", "a", "b"]
    assert chosen.decision_weights == {"a": 1.0, "b": 1.0}
    assert chosen.calibration == {}
    assert (chosen.y_score == SCORES).all()


def test_tune_decision_decides_by_the_weights_that_it_chose():
    chosen = tune_decision("model", pd.Series(list("aaabb")), SCORES, "none", "balanced_accuracy")
    assert chosen.y_pred.tolist() == ["a", "a", "b", "b", "b"]
    assert chosen.decision_weights["b"] > 7 / 3


def test_tune_decision_calibrates_before_it_weighs():
    y = pd.Series(
        list("baaaabbbba")
    )  # of five rows that say .01 one is b, of five that say .99 four are
    b = np.repeat([0.01, 0.99], 5)
    chosen = tune_decision("model", y, np.column_stack([1 - b, b]), "sigmoid", "balanced_accuracy")
    assert chosen.y_score[:, 1] == pytest.approx(np.repeat([0.2, 0.8], 5), abs=0.005)
    assert (
        1 / 4 < chosen.decision_weights["b"] < 4
    )  # else all rows are decided alike; of .01 against .99 up to 99 would do


def test_tune_decision_carries_the_name():
    assert (
        tune_decision("class_shares", pd.Series(list("aaabb")), SCORES, "none", "none").name
        == "class_shares"
    )


def candidate(name: str, y_pred: str, b: list[float]) -> OutOfFold:
    y_score = np.column_stack([1 - np.array(b), b])
    return OutOfFold(name, y_score, np.array(list(y_pred), dtype=object), {}, {"a": 1.0, "b": 1.0})


Y, CLUSTERS = pd.Series(list("aaab")), pd.Series(range(4))
MODEL = candidate("model", "aaab", [0.1, 0.1, 0.1, 0.9])
RIVAL = candidate("rival", "aabb", [0.5, 0.5, 0.5, 0.5])


def test_compare_gives_hand_worked_figures():
    model, rival = compare(MODEL, [RIVAL], Judge(Y, CLUSTERS, "balanced_accuracy", 0)).to_dict(
        "records"
    )
    assert (model["candidate"], rival["candidate"]) == ("model", "rival")
    assert (model["score"], rival["score"]) == pytest.approx((1, (2 / 3 + 1) / 2))
    assert (model["brier"], rival["brier"]) == pytest.approx((0.01, 0.25))
    assert (model["log_loss"], rival["log_loss"]) == pytest.approx((-np.log(0.9), np.log(2)))


def test_compare_gives_the_models_lead_over_each_rival():
    _, rival = compare(MODEL, [RIVAL], Judge(Y, CLUSTERS, "balanced_accuracy", 0)).to_dict(
        "records"
    )
    assert rival["lead"] == pytest.approx(1 / 6)
    assert rival["brier_lead"] == pytest.approx(0.24)
    assert rival["lead_low"] <= rival["lead"] <= rival["lead_high"]


def test_a_worse_model_has_a_lead_below_zero():
    _, rival = compare(RIVAL, [MODEL], Judge(Y, CLUSTERS, "balanced_accuracy", 0)).to_dict(
        "records"
    )
    assert rival["lead"] == pytest.approx(-1 / 6)
    assert rival["brier_lead"] == pytest.approx(-0.24)


@pytest.mark.parametrize(
    ("lead_high", "verdict"), [(0.001, "pass"), (-0.009, "warn"), (-0.03, "fail")]
)
def test_the_gate_stops_a_model_only_where_logistic_regression_is_better_by_what_matters(
    lead_high, verdict, tmp_path
):
    one = {
        "aim": "accuracy",
        "score": 0.8,
        "lead": 0.0,
        "lead_low": 0.01,
        "lead_high": 0.02,
        "brier": 0.1,
        "brier_lead": 0.01,
    }
    one["lead_for_cost"] = one["lead_low"]
    names = ["model", "logistic_regression", "class_shares", "three_features"]
    table = pd.DataFrame(
        [one | {"candidate": name, "features": "all", "why": "compared"} for name in names]
    )
    table.loc[1, ["lead", "lead_low", "lead_high"]] = [
        lead_high - 0.01,
        lead_high - 0.02,
        lead_high,
    ]
    found = gate(table, SUITES / "candidates.json", tmp_path / "candidates.json")
    assert (found.verdict, found.blocks) == (verdict, verdict == "fail")


def test_the_model_leads_itself_by_nothing():
    [model] = compare(MODEL, [], Judge(Y, CLUSTERS, "none", 0)).to_dict("records")
    assert [model[key] for key in ("lead", "lead_low", "lead_high", "brier_lead")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("objective", "name", "score"),
    [("none", "accuracy", 0.75), ("macro_f1", "macro_f1", (4 / 5 + 2 / 3) / 2)],
)
def test_compare_names_what_it_aims_at(objective, name, score):
    rival = compare(MODEL, [RIVAL], Judge(Y, CLUSTERS, objective, 0)).iloc[1]
    assert rival["aim"] == name
    assert rival["score"] == pytest.approx(score)


def test_compare_takes_three_classes():
    y = pd.Series(list("aabbc") * 4)
    perfect, chance = np.eye(3)[[0, 0, 1, 1, 2] * 4], np.tile([0.4, 0.4, 0.2], (20, 1))
    model = OutOfFold("model", perfect, y.to_numpy(dtype=object), {}, {})
    guess = OutOfFold("class_shares", chance, np.array(["a"] * 20, dtype=object), {}, {})
    _, rival = compare(
        model, [guess], Judge(y, pd.Series(range(len(y))), "balanced_accuracy", 0)
    ).to_dict("records")
    assert rival["score"] == pytest.approx(1 / 3)
    assert rival["lead"] == pytest.approx(2 / 3)
    assert rival["brier"] == pytest.approx((4 * (0.36 + 0.16 + 0.04) + (0.16 + 0.16 + 0.64)) / 5)
    assert rival["lead_low"] > 0


def test_what_a_recipe_leaves_out_is_found_on_the_rows_that_it_is_fitted_on(spy, monkeypatch):
    asked = []
    monkeypatch.setattr(
        recipes,
        "forward_selection",
        lambda rows, *given: asked.append(set(rows["place"])) or ["place"],
    )
    out_of_fold(
        Dataset.of(table(), params().data),
        params(),
        {"three_features": CandidateSpec("logistic_regression", sees="three")},
    )
    for one, places in zip(spy.fits, asked, strict=True):
        assert places == set(one["rows"]["place"])
        assert one["scored"].columns.tolist() == ["place"]
        assert "size" not in one["rows"]


def noisy(n: int = 450) -> pd.DataFrame:
    """Return rows of three columns: size tells the class, the others nothing."""
    rng = np.random.default_rng(1)
    return (
        table(n)
        .drop(columns="place")
        .assign(noise=rng.normal(size=n), mark=rng.choice(["x", "y"], n))
    )


def test_selection_leaves_out_noise_and_keeps_the_score():
    rows, settings = noisy(), params(decision_weights="balanced_accuracy", select=True)
    important = CandidateSpec("logistic_regression", sees="important")
    assert left_out(important, rows, settings) == ["batch", "noise", "mark"]
    scores, _ = out_of_fold(
        Dataset.of(rows, settings.data),
        settings,
        {"model": CandidateSpec("logistic_regression"), "selected_features": important},
    )
    every, selected = (
        tune_decision(recipe, rows["label"], y_score, "none", "balanced_accuracy")
        for recipe, y_score in scores.items()
    )
    taken, other = choose_features(
        every, selected, Judge(rows["label"], pd.Series(rows.index), "balanced_accuracy", 0)
    )
    assert (taken.y_score == selected.y_score).all()
    assert (taken.name, other.name, other.kind) == (
        "selected_features",
        "all_features",
        "selection",
    )
    assert taken.why.startswith("taken: not proven to be worse, all features lead by ")
    was, now = (balanced_accuracy_score(rows["label"], one.y_pred) for one in (every, selected))
    assert now > was - 0.02


@pytest.mark.parametrize(
    ("wanted", "columns"), [(True, ["size"]), (False, ["size", "noise", "mark"])]
)
def test_the_saved_model_sees_the_selected_features_alone(tmp_path, monkeypatch, wanted, columns):
    monkeypatch.chdir(tmp_path)
    copy_suites("expectations")
    monkeypatch.setattr(
        train,
        "load_params",
        lambda: params(cluster=["batch"], decision_weights="balanced_accuracy", select=wanted),
    )
    rows = noisy().assign(batch=range(450))
    write_table(rows, TRAIN)
    write_table(rows.assign(__stage_origin="real"), AUGMENTED)
    train.main()
    model = load_model(training.MODEL)
    assert list(model.columns) == columns
    assert model.predict_proba(rows[columns]).shape == (450, 2)
    assert list(load_model(training.BASELINE).columns) == ["size", "noise", "mark"]
    names = ["model", "logistic_regression", "class_shares", "three_features"]
    assert (
        pd.read_csv("reports/candidates.csv")["candidate"].tolist()
        == names + ["all_features"] * wanted
    )
    said = json.loads(Path("reports/gates/candidates.json").read_text(encoding="utf-8"))["findings"]
    assert "three_features" not in json.dumps(said)  # the model has three features itself, or fewer


def test_candidates_that_fit_alike_are_fitted_once(spy):
    specs = {
        "model": CandidateSpec("logistic_regression", calibration="sigmoid"),
        "logistic_regression": CandidateSpec("logistic_regression"),
        "weighed": CandidateSpec("logistic_regression", sample_weight="balanced"),
    }
    scores, _ = out_of_fold(Dataset.of(table(), params().data), params(), specs)
    assert [one["sample_weight"] for one in spy.fits] == ["none", "balanced"] * 3
    assert list(scores) == list(specs)


def test_features_that_are_missed_are_not_left_out():
    y = pd.Series([*"ab"] * 50)
    every = OutOfFold("model", np.eye(2)[[0, 1] * 50], y.to_numpy(dtype=object), {}, {})
    selected = OutOfFold(
        "selected_features", np.full((100, 2), 0.5), np.array(["a"] * 100, dtype=object), {}, {}
    )
    taken, other = choose_features(every, selected, Judge(y, pd.Series(y.index), "none", 0))
    assert (taken.name, taken.why) == (
        "model",
        "taken: to leave features out is proven to be worse",
    )
    assert other.name == "selected_features"
    assert other.why.startswith("not taken: proven to be worse, all features lead by 0.4")


def test_compare_says_what_each_candidate_is():
    _, rival = compare(MODEL, [RIVAL], Judge(Y, CLUSTERS, "none", 0)).to_dict("records")
    assert [rival[key] for key in ("kind", "features", "why")] == [
        "rival",
        "all",
        "compared with the model, never taken",
    ]


MANY = pd.Series([*"aaab"] * 50)
SURE, BLIND = np.where(MANY == "b", 0.9, 0.1), np.full(200, 0.25)
JUDGE = Judge(MANY, pd.Series(range(200)), "balanced_accuracy", 0)


def sure_of(name: str, b: np.ndarray) -> OutOfFold:
    return candidate(name, "".join(np.where(b > 0.5, "b", "a")), list(b))


def test_settings_that_gain_are_taken():
    taken, [before] = choose_setting(sure_of("model", BLIND), [sure_of("search_1", SURE)], JUDGE)
    assert taken.name == "search_1"
    assert taken.why.startswith(
        "taken: search_1 of a search, at least +0.5000 in balanced_accuracy"
    )
    assert (before.name, before.kind) == ("settings_as_they_come", "search")


def test_settings_that_gain_nothing_are_not_taken():
    taken, [tried] = choose_setting(sure_of("model", SURE), [sure_of("search_1", SURE)], JUDGE)
    assert taken.name == "model"
    assert tried.why.startswith("not taken: no gain is proven over the model's own settings")
