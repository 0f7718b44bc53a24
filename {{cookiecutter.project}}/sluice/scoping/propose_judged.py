"""The suites of the tables that the stages compute, with the names of this data filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pandas as pd

from sluice.core.params import Data
from sluice.fairness.gaps import RATES, SELECTION, attributes
from sluice.metrics.single_feature import ONE_SIDED
from sluice.scoping.suites import Json, suite

# never inferred: the rows that they judge would set them
MAX_EQUAL, MAX_LOST, MAX_SHIFT = 0.01, 0.2, 0.02
MIN_PROVEN_ROWS = 200  # rows of a group, under which nothing is proven of its labels


class Criteria(Protocol):
    """What the model is to reach, as the section scope of params.yaml says."""

    @property
    def recall_floor(self) -> float | None:
        """The recall that every class has to reach; None only where recall_floors has each."""

    @property
    def recall_floors(self) -> dict[str, float]:
        """The recall that single classes have to reach instead."""

    @property
    def largest_gap(self) -> float:
        """How far a rate of a group may lie from that of all others."""


@dataclass(frozen=True)
class Asked:
    """How equal rows are held (drop: also by a key), whether clusters stay whole, and the
    columns whose values are judged as slices.
    """

    equal_rows: Literal["together", "separate", "drop"] = "together"
    clusters_whole: bool = True
    slices: Sequence[str] = ()


ASKED = Asked()


def judged_suites(
    prepared: pd.DataFrame, data: Data, criteria: Criteria, asked: Asked = ASKED
) -> dict[str, Json]:
    """Return the suites of all tables that the stages compute, by name."""
    classes = sorted(prepared[data.target].unique())
    sensitive = list(data.sensitive)
    return {
        "sources": sources_suite(asked.equal_rows),
        "classes": classes_suite(classes, data),
        "changes": suite("changes"),
        "leakage": leakage_suite(data, len(classes), asked.clusters_whole),
        "synthetic": suite("synthetic"),
        "proxies": suite("proxies", sensitive=sensitive),
        "label_bias": suite("label_bias", sensitive=sensitive, min_rows=MIN_PROVEN_ROWS),
        "candidates": suite("candidates"),
        "features": suite("features"),
        "by_class": by_class_suite(classes, criteria),
        "by_group": by_group_suite(prepared, classes, data, criteria.largest_gap),
        "slices": slices_suite(classes, _floors(classes, criteria), list(asked.slices)),
        "test_set": suite("test_set"),
    }


def sources_suite(equal_rows: str) -> Json:
    """Return the suite sources."""
    limits = {"max_equal": MAX_EQUAL, "max_lost": MAX_LOST, "max_shift": MAX_SHIFT}
    is_drop, is_together = equal_rows == "drop", equal_rows == "together"
    return suite("sources", drop=is_drop, together=is_together, **limits)


def classes_suite(classes: list[str], data: Data) -> Json:
    """Return the suite classes."""
    return suite(
        "classes",
        classes=classes,
        time=data.time,
        show=["train", "support", *(["last_seen"] if data.time else [])],
        absent_by_chance=round(0.01 / len(classes), 6),
    )


def leakage_suite(data: Data, n_classes: int, clusters_whole: bool) -> Json:
    """Return the suite leakage."""
    asked = {
        "rows_on_both_sides": True,
        "clusters_on_both_sides": bool(data.cluster and clusters_whole),
        "not_a_feature": True,
        "gives_away": True,
        "gives_class_away": n_classes > 2,
        "one_sided": True,
    }
    checks = [check for check, is_asked in asked.items() if is_asked]
    return suite("leakage", **asked, checks=checks, max_one_sided=ONE_SIDED)


def _floors(classes: list[str], criteria: Criteria) -> dict[str, float]:
    """Return the recall that each class has to reach."""
    return {label: criteria.recall_floors.get(label, criteria.recall_floor) for label in classes}  # type: ignore[misc]


def by_class_suite(classes: list[str], criteria: Criteria) -> Json:
    """Return the suite by_class: a floor of each class, or one of both where two have the same."""
    floors = list(_floors(classes, criteria).items())
    is_one = len(classes) == 2 and floors[0][1] == floors[1][1]
    guess = "tossing a coin" if len(classes) == 2 else f"guessing one of {len(classes)} classes"
    overlooked = f": a class found less often than by {guess} is overlooked"
    items = [
        {
            "floor": floor,
            "rows": None if is_one else where("class", label),
            "overlooked": overlooked if floor == round(1 / len(classes), 2) else "",
        }
        for label, floor in floors[: 1 if is_one else None]
        if floor  # without one nothing is asked
    ]
    return suite("by_class", classes=classes, floors=items)


def by_group_suite(
    prepared: pd.DataFrame, classes: list[str], data: Data, largest_gap: float
) -> Json:
    """Return the suite by_group; where no column is sensitive it allows none, and evaluate does
    not ask it.

    Too few rows stop only for a group of one column: the more columns are crossed the smaller their
    groups, and every project would be stopped by its smallest.
    """
    of = attributes(prepared, data)
    return suite(
        "by_group",
        attributes=list(of),
        grouped=[
            {"column": column, "groups": sorted(of[column].unique())} for column in data.sensitive
        ],
        classes=classes,
        rates=[*RATES, *([SELECTION] if data.favourable else [])],
        largest_gap=largest_gap,
        favourable=data.favourable,
        crossed=len(of) > len(data.sensitive),
    )


def slices_suite(classes: list[str], floors: dict[str, float], columns: list[str]) -> Json:
    """Return the suite slices; floors: the recall that each class has to reach in each of
    `columns`' values.
    """
    differ = len(set(floors.values())) > 1
    least = list(floors.items()) if differ else [("", next(iter(floors.values())))]
    items = [
        {
            "column": column,
            "floors": [
                {"floor": floor, "rows": _slice(column, label)} for label, floor in least if floor
            ],
        }
        for column in columns
    ]
    return suite("slices", slices=["all", *columns], classes=classes, columns=items)


def where(column: str, value: str) -> Json:
    """Return the row_condition that `column` has this value."""
    return {"type": "comparison", "column": {"name": column}, "operator": "==", "parameter": value}


def _slice(column: str, label: str) -> Json:
    both = [where("slice", column), *([where("class", label)] if label else [])]
    return both[0] if not label else {"type": "and", "conditions": both}
