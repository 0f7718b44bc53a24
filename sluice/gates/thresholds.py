"""The thresholds that `scope` holds data against: those of the suites, since what a gate will
say is decided there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.gates.suite import read_suite

NONE = {"min_value": 0, "max_value": float("inf")}  # a bound that nobody set stops nothing


@dataclass(frozen=True)
class Thresholds:
    """support and training: the fewest test and training rows of a class; seen: the least share of
    the largest class's rows at which accuracy sees a class; group_rows and group_support: the
    fewest test rows of a group, and of a class in it; gives_away and ranks_well: the ROC AUC from
    which a single feature stops a run, or is warned of; tells_groups: that from which features are
    a proxy of a sensitive column.
    """

    support: float
    training: float
    seen: float
    group_rows: float
    group_support: float
    gives_away: float
    ranks_well: float
    tells_groups: float


def thresholds(
    proposed: dict[str, dict[str, Any]], folder: str | Path = "expectations"
) -> Thresholds:
    """Return what the suites in `folder` say, or where there is none yet what the `proposed`
    ones will.
    """
    suites = {
        name: _expectations(Path(folder, f"{name}.json"), proposed[name]) for name in proposed
    }
    single = {"check": "gives_away"}
    return Thresholds(
        support=_bound(suites["by_class"], "support", "min_value"),
        training=_bound(suites["classes"], "train", "min_value"),
        seen=_bound(suites["classes"], "seen_by_metric", "min_value"),
        group_rows=_bound(suites["by_group"], "rows", "min_value", {"kind": "group"}),
        group_support=_bound(suites["by_group"], "support", "min_value", {"kind": "group"}),
        gives_away=_bound(suites["leakage"], "value", "max_value", single),
        ranks_well=_bound(suites["leakage"], "value", "max_value", single, "warning"),
        tells_groups=_bound(suites["proxies"], "auc", "max_value", severity="warning"),
    )


def fewest_of_a_group(path: str | Path) -> tuple[float, float]:
    """Return the fewest test rows of a group, and of a class in it, by which the suite at `path`
    lets a gap be judged.
    """
    suite = _expectations(Path(path), {"expectations": []})
    rows, support = (
        _bound(suite, column, "min_value", {"kind": "group"}) for column in ("rows", "support")
    )
    return rows, support


def _expectations(path: Path, proposed: dict[str, Any]) -> list[dict[str, Any]]:
    return (
        [one.raw for one in read_suite(path).expected]
        if path.exists()
        else proposed["expectations"]
    )


def _bound(
    suite: list[dict[str, Any]],
    column: str,
    end: str,
    rows: dict[str, str] | None = None,
    severity: str = "critical",
) -> float:
    """Return the strictest bound that expectations of `severity` set to `column` in the `rows`
    whose columns have these values.
    """
    found = [
        one["kwargs"][end]
        for one in suite
        if one["kwargs"].get("column") == column
        and one["kwargs"].get(end) is not None
        and one["severity"] == severity
        and (rows or {}).items() <= picked(one["kwargs"].get("row_condition")).items()
    ]
    return (max if end == "min_value" else min)(found, default=NONE[end])


def picked(condition: Any) -> dict[str, str]:
    """Return the columns by which a row_condition picks rows, each with its value."""
    parts = condition.get("conditions", [condition]) if isinstance(condition, dict) else []
    return {part["column"]["name"]: str(part["parameter"]) for part in parts if "parameter" in part}
