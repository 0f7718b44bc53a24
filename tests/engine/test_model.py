"""Model: a file that comes back as it was, is the same for the same fit, and is refused if
anything is amiss.
"""

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

import sluice
from sluice.core.command import UserError
from sluice.modeling.model import Model, load_model, save_model, sha256
from sluice.modeling.models import build_model, model_names

EVERY_MODEL = pytest.mark.parametrize("name", model_names())
EVERY_COUNT = pytest.mark.parametrize(
    "classes", [["no", "yes"], ["no", "perhaps", "yes"]], ids=["two classes", "three classes"]
)
ENGINE = Path(sluice.__file__).parent


@pytest.fixture(autouse=True)
def one_thread():
    """Keep small fits from waiting for one another's threads."""
    with threadpool_limits(1):
        yield


class Home(ClassifierMixin, BaseEstimator):
    """A classifier that no list of trusted types knows."""


def easy(classes: list[str], n: int = 200) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    nth = np.arange(n) % len(classes)
    X = pd.DataFrame(
        {"size": nth + rng.normal(size=n), "colour": rng.choice(["red", "blue", "green"], n)}
    )
    return X.assign(
        size=X["size"].where(X.index % 9 > 0), colour=X["colour"].where(X.index % 7 > 0)
    ), pd.Series(np.array(classes)[nth])


def fitted(name: str, classes: list[str]) -> Model:
    X, y = easy(classes)
    curves = {label: {"slope": 0.8, "intercept": -0.1} for label in classes}
    weights = {label: 1.0 + nth for nth, label in enumerate(classes)}
    return Model(
        build_model(name, X, 0).fit(X, y),
        classes,
        {"size": "float64", "colour": "str"},
        curves,
        weights,
    )


def save_in_a_fresh_process(name: str, path: Path, hash_seed: str) -> None:
    call = f"save_model(fitted({name!r}, ['no', 'yes']), {str(path)!r}, {{}})"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    subprocess.run(
        [sys.executable, "-c", f"from tests.engine.test_model import *; {call}"],
        cwd=ENGINE.parent,
        env=environment,
        check=True,
    )


def vouch_for(path: Path) -> None:
    """Write the SHA-256 of the file at `path` into its card."""
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(card | {"model_sha256": sha256(path)}))


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "model.skops"
    save_model(fitted("logistic_regression", ["no", "yes"]), path, {"ticket": "T-1"})
    return path


@EVERY_MODEL
@EVERY_COUNT
def test_a_loaded_model_gives_the_same_probabilities_to_the_last_bit(name, classes, tmp_path):
    model = fitted(name, classes)
    save_model(model, tmp_path / "model.skops", {})
    X, _ = easy(classes)
    new = pd.concat(
        [X, pd.DataFrame({"size": [99.0, np.nan], "colour": ["violet", None]})], ignore_index=True
    )
    assert (
        load_model(tmp_path / "model.skops").predict_proba(new) == model.predict_proba(new)
    ).all()


def test_a_loaded_model_has_what_was_chosen(saved):
    model = load_model(saved)
    assert model.classes == ["no", "yes"]
    assert model.columns == {"size": "float64", "colour": "str"}
    assert model.calibration == {
        label: {"slope": 0.8, "intercept": -0.1} for label in ["no", "yes"]
    }
    assert model.decision_weights == {"no": 1.0, "yes": 2.0}


def test_a_model_calibrates_its_probabilities():
    model = fitted("logistic_regression", ["no", "yes"])
    X, _ = easy(["no", "yes"])
    odds = model.estimator.predict_proba(X) / (1 - model.estimator.predict_proba(X))
    moved = 1 / (1 + 1 / (odds**0.8 * np.exp(-0.1)))
    assert model.predict_proba(X) == pytest.approx(moved / moved.sum(axis=1, keepdims=True))


def test_a_model_decides_by_its_weights():
    model = fitted("logistic_regression", ["no", "yes"])
    assert model.decide(np.array([[0.7, 0.3], [0.6, 0.4]])).tolist() == ["no", "yes"]


def test_a_model_takes_its_columns_by_name():
    model = fitted("logistic_regression", ["no", "yes"])
    X, _ = easy(["no", "yes"])
    assert (
        model.predict_proba(X.assign(more=1.0)[["more", "colour", "size"]])
        == model.predict_proba(X)
    ).all()


def test_missing_columns_are_refused_by_name():
    with pytest.raises(
        UserError,
        match=(
            "the model was trained with size, colour, which these rows lack; bring the columns"
            " back, "
        ),
    ):
        fitted("logistic_regression", ["no", "yes"]).predict_proba(pd.DataFrame({"depth": [1.0]}))


@EVERY_MODEL
@EVERY_COUNT
def test_the_same_fit_gives_the_same_bytes(name, classes, tmp_path):
    for folder in ("one", "two"):
        save_model(fitted(name, classes), tmp_path / folder / "model.skops", {})
    assert (tmp_path / "one/model.skops").read_bytes() == (
        tmp_path / "two/model.skops"
    ).read_bytes()
    assert (tmp_path / "one/model.json").read_bytes() == (tmp_path / "two/model.json").read_bytes()


def test_another_fit_gives_other_bytes(tmp_path):
    save_model(fitted("random_forest", ["no", "yes"]), tmp_path / "one.skops", {})
    save_model(fitted("random_forest", ["nay", "yes"]), tmp_path / "two.skops", {})
    assert sha256(tmp_path / "one.skops") != sha256(tmp_path / "two.skops")


def test_the_same_fit_in_another_process_gives_the_same_bytes(tmp_path):
    for hash_seed in ("1", "2"):
        save_in_a_fresh_process("vote", tmp_path / hash_seed / "model.skops", hash_seed)
    assert sha256(tmp_path / "1/model.skops") == sha256(tmp_path / "2/model.skops")
    assert sha256(tmp_path / "1/model.json") == sha256(tmp_path / "2/model.json")


def test_the_card_holds_provenance_beside_the_versions_of_libraries(saved):
    card = json.loads(saved.with_suffix(".json").read_text())
    assert card["ticket"] == "T-1"
    assert card["model_sha256"] == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert card["libraries"]["numpy"] == np.__version__


def test_saving_leaves_nothing_but_the_model_beside_its_card(saved):
    assert sorted(path.name for path in saved.parent.iterdir()) == ["model.json", "model.skops"]


def test_a_model_of_an_earlier_release_that_decides_by_group_is_refused(saved):
    path = saved.with_suffix(".json")
    card = json.loads(path.read_text()) | {"by_group": {"columns": ["sex"]}}
    path.write_text(json.dumps(card))
    with pytest.raises(
        UserError, match="decides differently for different groups, which is no longer"
    ):
        load_model(saved)
    path.write_text(json.dumps(card | {"by_group": {}}))
    assert load_model(saved).classes


def test_a_model_is_refused_where_the_derived_columns_changed_since(saved, monkeypatch):
    load_model(saved)
    monkeypatch.setattr("sluice.modeling.model.features_sha256", lambda: "another")
    with pytest.raises(UserError, match=r"^stages/features.py changed since .* was trained"):
        load_model(saved)


def test_a_class_of_ones_own_is_refused(tmp_path):
    save_model(Model(Home(), ["no", "yes"], {}, {}, {}), tmp_path / "model.skops", {})
    with pytest.raises(
        UserError,
        match=(
            r"model.skops holds types that sluice/modeling/model.py does not trust: .*Home.*; if"
            r" you wrote them, add them"
        ),
    ):
        load_model(tmp_path / "model.skops")


def test_a_function_that_runs_commands_is_refused(tmp_path):
    estimator = make_pipeline(FunctionTransformer(os.system), KNeighborsClassifier())
    save_model(Model(estimator, ["no", "yes"], {}, {}, {}), tmp_path / "model.skops", {})
    with pytest.raises(
        UserError, match=r"holds types that sluice/modeling/model.py does not trust: .*system"
    ):
        load_model(tmp_path / "model.skops")


def test_a_tampered_model_is_refused(saved):
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 1
    saved.write_bytes(content)
    with pytest.raises(
        UserError,
        match=(
            r"model.skops is not the file that .*model.json describes \(SHA-256 differs\); run `dvc"
            r" checkout`"
        ),
    ):
        load_model(saved)


def test_a_file_that_is_no_archive_is_refused(saved):
    saved.write_text("nonsense")
    vouch_for(saved)
    with pytest.raises(
        UserError,
        match=(
            r"model.skops or .*model.json is broken \(BadZipFile.*\); run `dvc checkout` or `dvc"
            r" repro`"
        ),
    ):
        load_model(saved)


@pytest.mark.parametrize("card", [b"", b"{", b"{}", b"[]", b'"text"', b"\xff\xfe{"])
def test_a_broken_card_is_refused(saved, card):
    saved.with_suffix(".json").write_bytes(card)
    with pytest.raises(
        UserError,
        match=r"model.skops or .*model.json is broken \(.*\); run `dvc checkout` or `dvc repro`",
    ):
        load_model(saved)


@pytest.mark.parametrize(
    "key", ["classes", "columns", "calibration", "decision_weights", "model_sha256"]
)
def test_a_card_without_a_part_is_refused(saved, key):
    card = json.loads(saved.with_suffix(".json").read_text())
    del card[key]
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=f"is broken .*{key}"):
        load_model(saved)


@pytest.mark.parametrize(
    "swap",
    [lambda classes: classes[::-1], lambda classes: [*classes, "more"], lambda classes: ["other"]],
)
def test_a_card_with_other_classes_than_the_model_is_refused(saved, swap):
    card = json.loads(saved.with_suffix(".json").read_text())
    saved.with_suffix(".json").write_text(json.dumps(card | {"classes": swap(card["classes"])}))
    with pytest.raises(
        UserError, match=r"model\.json names the classes \[.*\], .*model\.skops has \['no', 'yes'\]"
    ):
        load_model(saved)


@pytest.mark.parametrize("name", ["model.skops", "model.json"])
def test_a_missing_file_is_refused_by_name(saved, name):
    (saved.parent / name).unlink()
    with pytest.raises(UserError, match=f"{name} does not exist; run `dvc repro`, which makes it"):
        load_model(saved)


@pytest.mark.parametrize("path", sorted(ENGINE.rglob("*.py")), ids=lambda path: path.name)
def test_no_stage_can_unpickle(path):
    unsafe = {"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        origin = str(node.module) if isinstance(node, ast.ImportFrom) else ""
        assert not {module.split(".")[0] for module in [*modules, origin]} & unsafe
        assert not {"load", "dump", "pickle", "*"} & set(names) or origin.split(".")[0] not in {
            "joblib",
            "numpy",
            "pandas",
        }
        assert "joblib" not in modules
        assert not (
            isinstance(node, ast.Attribute)
            and node.attr in {"read_pickle", "to_pickle", "allow_pickle"}
        )
