"""Show the last run on one screen and one page: each gate with its verdict, each class beside the baselines."""

import json
from pathlib import Path
from typing import Any

from stages.command import Refused, run
from stages.during.evaluation_page import write
from stages.text import say

GATES = {
    "prepare": ["sources"],
    "validate": ["prepared", "classes", "leakage", "proxies", "label_bias"],
    "augment": ["augmented", "synthetic"],
    "train": ["candidates", "features"],
    "evaluate": ["by_class", "by_group", "slices", "test_set"],
}
REPORTS = Path("reports")


def gates(reports: Path) -> tuple[list[str], bool]:
    """Return a line per gate, and whether all of them let the run pass; those after a stop were not reached."""
    lines, stopped = [], False
    for stage, names in GATES.items():
        found = [_report(reports / "gates" / f"{name}.json") for name in names]
        for name, report in zip(names, found, strict=True):
            verdict = "not reached" if stopped or report is None else report["verdict"]
            lines.append(f"  {name:<12}{verdict:<14}{stage}" + (" stopped here" if not stopped and report and report["blocks"] else ""))
        stopped = stopped or any(report is None or report["blocks"] for report in found)
    return lines, not stopped


def classes(metrics: dict[str, Any]) -> list[str]:
    """Return a table with recall, precision and alarms per 1,000 rows for each class, of the model and of each baseline."""
    models = {"this model": metrics, **{name.replace("_", " "): baseline for name, baseline in metrics["baselines"].items()}}
    lines = [f"  {'class':<14}{'model':<30}{'recall':>8}{'precision':>11}{'alarms per 1,000':>18}"]
    for label in metrics["classes"]:
        for nth, (name, model) in enumerate(models.items()):
            row = model["classes"][label]
            figures = f"{_number(row['recall'], 3):>8}{_number(row['precision'], 3):>11}{_number(row['alarms_per_1000'], 1):>18}"
            lines.append(f"  {label if nth == 0 else '':<14}{name:<30}{figures}")
    overall = "balanced accuracy {balanced_accuracy:.3f}, macro F1 {macro_f1:.3f}, Brier {brier:.4f}, accuracy {accuracy:.3f}"
    return [*lines, "", "  this model: " + overall.format(**metrics), *_costs(metrics), *_referral(metrics)]


def _costs(metrics: dict[str, Any]) -> list[str]:
    """Return a line on what the errors cost per row, where evaluate.costs says it."""
    costs = metrics.get("costs") or {}
    said = ", ".join(f"{name.replace('_', ' ')} {cost['mean']:.4g}" for name, cost in costs.items())
    return [f"  cost per row: {said}"] if costs else []


def _referral(metrics: dict[str, Any]) -> list[str]:
    """Return a line on what is left to the model, where evaluate.refer_below is set."""
    referral = metrics.get("referral")
    if not referral:
        return []
    recalls = ", ".join(f"{label} {_number(one['recall'], 3)}" for label, one in referral["classes"].items())
    return [
        f"  referred below {referral['refer_below']:g}: the model decides {referral['coverage']:.1%} of the rows; recall there: {recalls}"
    ]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _report(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def main() -> None:
    """Print the screen; what was not reached is said so, and an old result is not shown as a new one."""
    lines, passed = gates(REPORTS)
    metrics = _report(REPORTS / "metrics.json")
    if all("not reached" in line for line in lines):
        raise Refused("there is no report yet; run `make repro` (without make: `uv run dvc repro`)")
    say("Gates", *lines, "")
    if metrics and "not reached" not in lines[-1]:
        say("Test rows", *classes(metrics), "")
    if not passed:
        say("The run was stopped: reports/gates/ says by what. Against the last commit: uv run dvc metrics diff", "")
    write(REPORTS, GATES)
    say("Page: reports/evaluation.html. Reports: reports/metrics.json, by_class.csv, by_group.csv, plots/, gates/")


if __name__ == "__main__":
    run(main)
