"""The recall that each class has to reach: proposed from the number of classes and a model
tried, kept in expectations/by_class.json.
"""

import json
import math
from pathlib import Path

from sluice.core.command import UserError
from sluice.core.params import Scope as Criteria
from sluice.gates.thresholds import picked
from sluice.metrics.intervals import clopper_pearson
from sluice.scoping.propose import merge
from sluice.scoping.propose_judged import by_class_suite

MAX_PROPOSED_FLOOR = 0.5  # that is proposed: what more a use needs, its owners know
STEP = 0.05


def proposed(criteria: Criteria, classes: list[str], found: dict[str, tuple[int, int]]) -> Criteria:
    """Return `criteria` with a floor for each class: that of params.yaml, or where it has none one
    between guessing and a model tried.

    found: of the held-out rows of a class how many a model found, and all of them. Guessing finds
    one of as many classes as there are: 0.5 of two, 0.2 of five. The floor lies half-way from there
    to what the model is proven to reach, rounded down, at MAX_PROPOSED_FLOOR.
    """
    guess = round(1 / len(classes), 2)
    floors = {}
    for label in classes:
        reached = clopper_pearson(*found[label])[0] if label in found else 0.0
        half_way = math.floor((guess + reached) / 2 / STEP + 1e-9) * STEP
        one = criteria.recall_floors.get(label, criteria.recall_floor)
        floors[label] = (
            round(max(guess, min(MAX_PROPOSED_FLOOR, half_way)), 2) if one is None else one
        )
    return _with(criteria, floors)


def standing(
    criteria: Criteria, classes: list[str], folder: str | Path = "expectations"
) -> Criteria:
    """Return the proposed `criteria` with the floors that by_class.json in `folder` will have once
    they are proposed there.

    What a person confirmed or edited there stands, and a class whose floor somebody took out has 0.
    Raises UserError where the file cannot be read.
    """
    path = Path(folder, "by_class.json")
    try:
        old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        suite, _ = merge(old, by_class_suite(classes, criteria))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{path} is no suite; mend it there, or delete the file to have it proposed anew"
        ) from None
    set_for: dict[str, list[float]] = {label: [] for label in classes}
    for one in suite["expectations"]:
        kwargs = one["kwargs"]
        if (
            kwargs.get("column") == "recall_high"
            and one["severity"] == "critical"
            and "min_value" in kwargs
        ):
            label = picked(kwargs.get("row_condition")).get("class")
            for name in {label} & set(classes) if label else classes:
                set_for[name].append(kwargs["min_value"])
    return _with(criteria, {label: max(bounds, default=0.0) for label, bounds in set_for.items()})


def _with(criteria: Criteria, floors: dict[str, float]) -> Criteria:
    lowest = min(floors.values())
    others = {label: floor for label, floor in floors.items() if floor != lowest}
    return criteria.model_copy(update={"recall_floor": lowest, "recall_floors": others})
