"""Find the model in service and what was frozen with it."""

import json
from pathlib import Path
from typing import Any

from stages.after.registry import FOLDER as REGISTRY
from stages.after.registry import events, in_service, verified
from stages.command import Refused
from stages.during.model import Model, load_model
from stages.params import load_params

FOLDER = Path("models")
UNREGISTERED = "unregistered"


def version() -> str:
    """Return the name of the model in service: the version promoted last, `unregistered` before the first promotion."""
    return in_service(events()) or UNREGISTERED


def champion() -> Path:
    """Return the folder of the model in service, its files verified; that of the last run before the first promotion."""
    said = events()
    promoted = in_service(said)
    if promoted is None:
        return FOLDER
    verified(promoted, said, load_params().registry.public_key)
    return REGISTRY / promoted


def suite_of_rows(folder: Path) -> Path:
    """Return the suite that held the rows of the model in `folder`: what held in training has to hold in service."""
    return Path("expectations/prepared.json") if folder == FOLDER else folder / "prepared.json"


def worth_of_features(folder: Path) -> Path:
    """Return the table with what each feature is worth to the model in `folder`."""
    return Path("reports/features.csv") if folder == FOLDER else folder / "features.csv"


def load_champion() -> tuple[Model, dict[str, Any]]:
    """Return the model in service and its reference; raises Refused where either is missing, broken, or not of the other."""
    folder = champion()
    model, path = load_model(folder / "model.skops"), folder / "reference.json"
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    try:
        reference = json.loads(path.read_text(encoding="utf-8"))
        frozen_with = reference["model_sha256"]
    except FileNotFoundError:
        raise Refused(f"{path.as_posix()} does not exist; run `dvc repro`, which freezes it with the model") from None
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{path.as_posix()} is not what evaluate writes; run `dvc checkout` or `dvc repro`") from None
    if frozen_with != card["model_sha256"]:
        raise Refused(
            f"{path.as_posix()} was frozen with another model than model.skops (SHA-256 differs); run `dvc checkout` or `dvc repro`"
        )
    return model, reference
