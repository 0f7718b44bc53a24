"""The remedies for rare classes that train can choose among, and the file by which the stage augment learns which it was."""

import json
from dataclasses import dataclass
from pathlib import Path

from stages.command import Refused
from stages.tables import write_json

REMEDY = "data/remedy.json"


@dataclass(frozen=True)
class Remedy:
    """What is done about a rare class: `strategy` by augment, the others by the fit; what spoils probabilities is calibrated."""

    strategy: str = "none"
    sample_weight: str = "none"
    undersample: bool = False
    calibration: str = "sigmoid"


LADDER = {  # the cheapest first
    "decision_weights": Remedy(calibration="none"),
    "sample_weights": Remedy(sample_weight="balanced"),
    "oversampling": Remedy(strategy="oversample"),
    "smote": Remedy(strategy="smote"),
    "undersampling": Remedy(undersample=True),
}


def read_remedy(path: str | Path = REMEDY) -> str:
    """Return the name of the remedy that train chose last; raises Refused where the file is missing or names none of LADDER."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(
            f'{path} does not exist; restore it from git, or write {{"remedy": "decision_weights"}} into it'
        ) from None
    except ValueError as error:
        raise Refused(f"{path} is not JSON ({error}); restore it from git") from None
    name = content.get("remedy") if isinstance(content, dict) else None
    if name not in LADDER:
        raise Refused(
            f"{path}: remedy is {name!r}, must be one of {', '.join(LADDER)}; restore it from git, or write one"
        )
    return name


def write_remedy(name: str, path: str | Path = REMEDY) -> None:
    """Write the name of the chosen remedy, unless it stands there already: augment runs again where the file changes."""
    if not Path(path).is_file() or read_remedy(path) != name:
        write_json({"remedy": name}, path)
