"""Find the model in service and what was frozen with it."""

import json
from pathlib import Path
from typing import Any

from sluice.core.command import UserError
from sluice.core.params import Params, load_params
from sluice.core.text import say
from sluice.data.derived import derived_columns
from sluice.data.sources import Source
from sluice.drift.reference import JUDGED_GATES
from sluice.gates.names import REPORTS
from sluice.modeling.model import Model, load_model, sha256
from sluice.registry.promotion_evidence import COMPARISON_GATE, EVALUATED, missing_proof, verdicts
from sluice.registry.registry import REGISTRY as REGISTRY
from sluice.registry.registry import events, in_service, promoted

MODELS_FOLDER = Path("models")
UNREGISTERED = "unregistered"


def version() -> str:
    """Return the name of the model in service: the version promoted last, `unregistered` before
    the first promotion.
    """
    return in_service(events()) or UNREGISTERED


def champion() -> Path:
    """Return the folder of the model in service, that of the last run before the first
    promotion; `load_champion` verifies its files.
    """
    now = in_service(events())
    return MODELS_FOLDER if now is None else REGISTRY / now


def suite_of_rows() -> Path:
    """Return the suite that held the rows of the model in service: what held in training has to
    hold in service.
    """
    return _part("prepared.json", "expectations")


def worth_of_features() -> Path:
    """Return the table with what each feature is worth to the model in service."""
    return _part("features.csv", "reports")


def _part(name: str, of_last_run: str) -> Path:
    folder = champion()
    return Path(of_last_run if folder == MODELS_FOLDER else folder, name)


def load_champion() -> tuple[Model, dict[str, Any]]:
    """Return the model in service and its reference.

    Raises UserError for a file that is not as registered, missing, or of another model, and for a
    model that a gate stopped or did not judge: before the first promotion as after it.
    """
    said = events()
    now = in_service(said)
    folder = MODELS_FOLDER if now is None else REGISTRY / now
    if now is None:
        _check_stopped()
    else:
        manifest = promoted(now, said, load_params().registry.signed)
        needed = [*EVALUATED, COMPARISON_GATE] if manifest.get("compared_with") else EVALUATED
        if problems := missing_proof(manifest["verdicts"], needed):
            raise UserError("\n".join(problems))
    model, reference = load_model(folder / "model.skops"), _read_reference(folder)
    if now is None:
        _prove_last_run({name: reference["gates"].get(name) for name in JUDGED_GATES})
    return model, reference


def _read_reference(folder: Path) -> dict[str, Any]:
    """Return what was frozen with the model in `folder`; raises UserError where it is of
    another.
    """
    path, card_path = folder / "reference.json", folder / "model.json"
    card = json.loads(card_path.read_text(encoding="utf-8"))
    try:
        reference = json.loads(path.read_text(encoding="utf-8"))
        frozen_with = {
            "model.skops": (reference["model_sha256"], card["model_sha256"]),
            card_path.name: (reference["card_sha256"], sha256(card_path)),
        }
        if not isinstance(reference["gates"], dict) or "key" not in reference:
            raise TypeError
    except FileNotFoundError:
        raise UserError(
            f"{path.as_posix()} does not exist; run `dvc repro`, which freezes it with the model"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path.as_posix()} is not what evaluate writes; run `dvc checkout` or `dvc repro`"
        ) from None
    for name, (then, now) in frozen_with.items():
        if then != now:
            raise UserError(
                f"{path.as_posix()} was frozen with another {name} (SHA-256 differs); "
                "run `dvc checkout` or `dvc repro`"
            )
    return reference


def as_trained(
    model: Model, reference: dict[str, Any], params: Params, source: Source
) -> tuple[Params, Source]:
    """Return `params` and `source` with the roles and the key that columns had when `model` was
    trained; it serves by these.

    Says which ones params.yaml and data/sources.yaml have changed since. Raises UserError where the
    model does not know its roles, and where data/sources.yaml no longer has a column that it needs.
    """
    data = model.data
    if data is None:
        raise UserError(
            "the model in service does not say which roles the columns had when it was trained: an"
            " earlier release made it; run `make repro`, commit the run, and promote its model"
        )
    key = reference["key"]
    needed = [
        data.target,
        *([data.time] if data.time else []),
        *data.sensitive,
        *key,
        *model.columns,
    ]
    known = source.columns | derived_columns(source.columns, data)
    if gone := [column for column in dict.fromkeys(needed) if column not in known]:
        raise UserError(
            f"data/sources.yaml does not declare {', '.join(gone)}, which the model in service was"
            " trained with; declare it again, or promote a model that does without"
        )
    changed = [
        f"data.{role} in params.yaml" for role, was in data if was != getattr(params.data, role)
    ]
    changed += ["the key in data/sources.yaml"] if key != source.key else []
    if changed:
        say(
            f"since the model in service was trained, somebody changed {', '.join(changed)}; it"
            " serves by the roles it was trained with, until a run with the new ones is promoted"
        )
    return params.model_copy(update={"data": data}), source.model_copy(update={"key": key})


def _check_stopped() -> None:
    """Raise UserError where a gate stopped the last run, which may have ended there before it
    made a model.
    """
    found = verdicts(REPORTS / "gates")
    if stopped := [
        f"the gate {name} stopped the last run ({found[name]['verdict']})"
        for name in EVALUATED
        if name in found and found[name]["blocks"]
    ]:
        way_on = f"{(REPORTS / 'gates').as_posix()}/ says why; mend it, then run `make repro`"
        raise UserError(
            "\n".join(
                [
                    *stopped,
                    f"no model was promoted yet, and that of the last run is not proven: {way_on}",
                ]
            )
        )


def _prove_last_run(frozen: dict[str, str | None]) -> None:
    """Raise UserError unless every gate let the last run pass, and the reports are those by the
    hashes `frozen` with its model.
    """
    found = verdicts(REPORTS / "gates")
    problems = missing_proof(found, EVALUATED)
    problems += [
        f"{(REPORTS / 'gates' / name).as_posix()}.json is not of the run that made the model in"
        " models/"
        for name, digest in frozen.items()
        if name in found and found[name]["sha256"] != digest
    ]
    if problems:
        raise UserError(
            "\n".join(
                [
                    *problems,
                    (
                        "no model was promoted yet, and that of the last run is not proven; run"
                        " `make repro`"
                    ),
                ]
            )
        )
