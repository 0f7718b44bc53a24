"""Find the model in service and what was frozen with it."""

import json
from pathlib import Path
from typing import Any

from stages.command import Refused
from stages.during.model import Model, load_model

FOLDER = Path("models")


def champion() -> Path:
    """Return the folder of the model in service: model.skops, its card, and the reference that was frozen with it."""
    return FOLDER


def version() -> str:
    """Return the version of the model in service, "unregistered" where none was promoted."""
    return "unregistered"


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
