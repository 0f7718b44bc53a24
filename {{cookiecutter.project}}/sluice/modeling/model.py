"""The fitted model as a file that is safe to load and the same, byte for byte, for the same fit."""

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import ClassifierMixin
from skops.io.exceptions import UntrustedTypesFoundException

from sluice.core.command import UserError
from sluice.core.params import Data
from sluice.core.schema import check
from sluice.core.tables import atomic_write, write_json
from sluice.data.derived import SOURCE, features_sha256
from sluice.metrics.decision import calibrate, greatest, weigh
from sluice.modeling.encoders import WeightedPipeline

MODEL, BASELINE = "models/model.skops", "models/baseline.skops"
LIBRARIES = ["imbalanced-learn", "numpy", "pandas", "scikit-learn", "scipy", "skops"]
TRUSTED = [
    # of check_array, inside HistGradientBoosting with categories; other functions stay untrusted
    "functools.partial",
    "sklearn.utils.validation.check_array",
    "numpy.dtype",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    # its node indices are not checked: the SHA-256 of the card is what vouches for them
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    f"{WeightedPipeline.__module__}.{WeightedPipeline.__qualname__}",
]
BROKEN_FILES = (  # what reading a damaged model or card raises
    UnicodeDecodeError,
    json.JSONDecodeError,
    AttributeError,
    KeyError,
    TypeError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Model:
    """A fitted estimator with what was chosen out of fold: calibration curves and a decision weight
    per class.

    data: the roles that columns had when it was trained, by which it serves; None where nobody
    said.
    """

    estimator: ClassifierMixin
    classes: list[str]
    columns: dict[str, str]
    calibration: dict[str, dict[str, float]]
    decision_weights: dict[str, float]
    data: Data | None = None

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return (n_samples, n_classes) probabilities, columns as in `classes`; raises UserError
        if columns of `X` are missing.
        """
        missing = [column for column in self.columns if column not in X.columns]
        if missing:
            raise UserError(
                f"the model was trained with {', '.join(missing)}, which these rows lack; bring the"
                " columns back, into the file or by taking them out of data.forbidden in"
                " params.yaml, or promote a model that does without them"
            )
        return calibrate(
            self.estimator.predict_proba(X[list(self.columns)]), self.classes, self.calibration
        )

    def decide(self, y_score: np.ndarray) -> np.ndarray:
        """Return (n_samples,) labels for probabilities of `predict_proba`."""
        return greatest(self.weigh(y_score), self.classes)

    def weigh(self, y_score: np.ndarray) -> np.ndarray:
        """Return (n_samples, n_classes) probability times weight, the greatest of which decides."""
        return weigh(y_score, self.classes, self.decision_weights)


def save_model(model: Model, path: str | Path, provenance: dict[str, Any]) -> None:
    """Write the estimator to `path` and all the rest, with `provenance` and library versions,
    beside it as .json.
    """
    card = {
        "classes": model.classes,
        "columns": model.columns,
        "decision_weights": model.decision_weights,
        "calibration": model.calibration,
        "data": model.data and model.data.model_dump(),
        "features_sha256": features_sha256(),
        "libraries": {library: version(library) for library in LIBRARIES},
        **provenance,
    }
    card_path = Path(path).with_suffix(".json")
    with atomic_write(path) as [part]:
        part.write_bytes(_same_bytes(skops.io.dumps(model.estimator)))
        write_json(
            card | {"model_sha256": hashlib.sha256(part.read_bytes()).hexdigest()}, card_path
        )


def load_model(path: str | Path) -> Model:
    """Return the model at `path`; raises UserError if it is missing, is not what its card
    describes, or holds a type not in TRUSTED.
    """
    card_path = Path(path).with_suffix(".json")
    try:
        content = Path(path).read_bytes()
        card = json.loads(card_path.read_text(encoding="utf-8"))
        _check_card(card, content, path)
        estimator = skops.io.loads(content, trusted=TRUSTED)
        if (classes := [str(label) for label in estimator.classes_]) != card["classes"]:
            raise UserError(
                f"{card_path} names the classes {card['classes']}, {path} has {classes}; run `dvc"
                " checkout` or `dvc repro`"
            )
        chosen = (card["calibration"], card["decision_weights"])
        data = check(card_path, Data, card["data"]) if card.get("data") else None  # old ones: None
        return Model(estimator, classes, card["columns"], *chosen, data)
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename} does not exist; run `dvc repro`, which makes it"
        ) from None
    except UntrustedTypesFoundException as error:
        raise UserError(
            f"{path} holds types that sluice/modeling/model.py does not trust: {error}; if you"
            " wrote them, add them to TRUSTED"
        ) from None
    except BROKEN_FILES as error:
        raise UserError(
            f"{path} or {card_path} is broken ({error!r}); run `dvc checkout` or `dvc repro`"
        ) from None


def _check_card(card: dict[str, Any], content: bytes, path: str | Path) -> None:
    """Raise UserError unless the card describes the file at `path` and today's features."""
    card_path = Path(path).with_suffix(".json")
    if hashlib.sha256(content).hexdigest() != card["model_sha256"]:
        raise UserError(
            f"{path} is not the file that {card_path} describes (SHA-256 differs); run `dvc"
            " checkout` or `dvc repro`"
        )
    if card["features_sha256"] != features_sha256():
        raise UserError(
            f"{SOURCE.as_posix()} changed since {path} was trained, so its features would mean"
            " something else. Restore the file from git, or train and promote again"
        )
    if card.get("by_group"):
        raise UserError(
            f"{card_path}: the model decides differently for different groups, which is no longer"
            " supported; run `make repro` with train.mitigation none or reweighing in params.yaml"
        )


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _same_bytes(content: bytes) -> bytes:
    """Return a skops archive without what differs from run to run: Python's ids, and names of
    arrays made of them, become numbers in order of appearance, and the archive's times a constant.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = archive.read("schema.json").decode("utf-8")
        arrays = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return found[1] + str(numbers.setdefault(found[2], len(numbers))) + found[3]

    schema = re.sub(r'("__id__": )(\d+)()', number, schema)
    schema = re.sub(r'("file": ")(\d+)(\.\w+")', number, schema)
    renamed = {re.sub(r"^()(\d+)(\.)", number, name): array for name, array in arrays.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [("schema.json", schema.encode("utf-8")), *sorted(renamed.items())]:
            archive.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED
            )
    return out.getvalue()
