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
    """Return the folder of the model in service, that of the last run before the first promotion; `load_champion` verifies its files."""
    promoted = in_service(events())
    return FOLDER if promoted is None else REGISTRY / promoted


def suite_of_rows() -> Path:
    """Return the suite that held the rows of the model in service: what held in training has to hold in service."""
    return _part("prepared.json", "expectations")


def worth_of_features() -> Path:
    """Return the table with what each feature is worth to the model in service."""
    return _part("features.csv", "reports")


def _part(name: str, of_last_run: str) -> Path:
    folder = champion()
    return Path(of_last_run if folder == FOLDER else folder, name)


def load_champion() -> tuple[Model, dict[str, Any]]:
    """Return the model in service and its reference; raises Refused for a file that is not as registered, missing, or of another model."""
    said, folder = events(), champion()
    if folder != FOLDER:
        verified(folder.name, said, load_params().registry.public_key)
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
