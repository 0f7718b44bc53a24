"""Show the last run on one screen and one page: each gate with its verdict, each class beside
the baselines.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sluice.core.command import UserError
from sluice.core.pipeline import frozen, read_stages
from sluice.core.progress import waiting
from sluice.core.text import say
from sluice.gates.names import GATES, REPORTS
from sluice.reports.evaluation_page import UNJUDGED, Judged, judge, read, result, write


def gates(judged: list[Judged]) -> list[str]:
    """Return a line per gate."""
    lines = []
    for one in judged:
        confirmed = f"{one.confirmed} of {one.bounds} bounds confirmed" if one.bounds else ""
        stopped = " stopped here" if one.blocks else ""
        lines.append(
            f"  {one.gate:<12}{one.verdict:<14}{one.stage + stopped:<24}{confirmed}".rstrip()
        )
    return lines


def stages_that_ran() -> list[str]:
    """Return the stages whose reports are of the files as they lie here.

    DVC says which stages it would run; of these the first has run if its reports are newer than all
    that it reads: a gate stopped it. Where DVC cannot say anything, because it stops at what is in
    params.yaml, nothing ran; nor did a frozen stage, which DVC never runs. A fresh clone holds the
    reports of a run but not its tables and its model: that is no change.
    """
    command = [sys.executable, "-m", "dvc", "status", "--json", *GATES]
    with waiting("summary: asks DVC what changed"):
        asked = subprocess.run(command, capture_output=True, encoding="utf-8")
    if asked.returncode:
        return []
    stages, described = list(GATES), read_stages("dvc.yaml")
    outs = {path for stage in described.values() for path in stage["outs"]}
    changed = {
        stage
        for stage, found in json.loads(asked.stdout or "{}").items()
        if not _only_absent(found, outs)
    }
    idle = [stage for stage in stages if frozen({stage: described[stage]})]
    first = next(
        (nth for nth, stage in enumerate(stages) if stage in changed or stage in idle), len(stages)
    )
    is_stopped = (
        first < len(stages)
        and stages[first] not in idle
        and _is_newer(stages[first], described[stages[first]]["deps"])
    )
    return stages[: first + is_stopped]


def _only_absent(found: list[Any], outs: set[str]) -> bool:
    """Whether nothing differs from dvc.lock but that `outs`, the outputs which git does not
    hold, are not here.
    """
    states = [
        (path, state)
        for part in found
        if isinstance(part, dict)
        for paths in part.values()
        for path, state in paths.items()
    ]
    absent = all(state in ("deleted", "not in cache") and path in outs for path, state in states)
    return absent and all(isinstance(part, dict) for part in found)


def _is_newer(stage: str, reads: list[str]) -> bool:
    """Whether the reports of the gates of `stage` were written after all that it `reads` was."""
    files = [
        file
        for path in map(Path, reads)
        for file in (path.rglob("*") if path.is_dir() else [path])
        if "__pycache__" not in file.parts and not file.is_dir()
    ]
    times = [
        path.stat().st_mtime_ns if path.exists() else None
        for path in [*files, Path("dvc.yaml"), Path("params.yaml")]
    ]
    written = [
        path.stat().st_mtime_ns
        for name in GATES[stage]
        if (path := REPORTS / "gates" / f"{name}.json").is_file()
    ]
    return None not in times and bool(written) and max(filter(None, times)) <= min(written)


def classes(metrics: dict[str, Any]) -> list[str]:
    """Return a table with recall, precision and alarms per 1,000 rows for each class, of the
    model and of each baseline.
    """
    models = {
        "this model": metrics,
        **{one["model"].replace("_", " "): one for one in metrics["baselines"]},
    }
    lines = [f"  {'class':<14}{'model':<30}{'recall':>8}{'precision':>11}{'alarms per 1,000':>18}"]
    for label in metrics["classes"]:
        for nth, (name, model) in enumerate(models.items()):
            row = model["classes"][label]
            recall, precision = (_number(row[one], 3) for one in ("recall", "precision"))
            alarms = _number(row["alarms_per_1000"], 1)
            first = label if nth == 0 else ""
            lines.append(f"  {first:<14}{name:<30}{recall:>8}{precision:>11}{alarms:>18}")
    overall = (
        "balanced accuracy {balanced_accuracy:.3f}, macro F1 {macro_f1:.3f}, Brier {brier:.4f},"
        " accuracy {accuracy:.3f}"
    )
    return [
        *lines,
        "",
        "  this model: " + overall.format(**metrics),
        *_costs(metrics),
        *_referral(metrics),
    ]


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
    recalls = ", ".join(
        f"{label} {_number(one['recall'], 3)}" for label, one in referral["classes"].items()
    )
    return [
        f"  referred below {referral['refer_below']:g}: the model decides"
        f" {referral['coverage']:.1%} of the rows; recall there: {recalls}"
    ]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _report(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def main() -> None:
    """Print the screen and write the page; what did not run is said so, and an old result is not
    shown as a new one.

    Raises UserError for a run that was stopped or did not reach its end, whatever DVC says of it:
    only a run that every gate let pass ends with exit code 0.
    """
    if not any(REPORTS.glob("gates/*.json")):
        raise UserError(
            "there is no report yet; run `make repro` (without make: `uv run sluice repro`)"
        )
    ran = stages_that_ran()
    judged = judge(REPORTS, GATES, ran)
    say("Gates", *gates(judged), "")
    metrics = _report(REPORTS / "metrics.json")
    if metrics and judged[-1].verdict not in UNJUDGED:
        by_class = read(REPORTS / "by_class.csv")
        by_class.sort(key=lambda row: (row["support"], row["class"]))
        words = [line.replace("\N{NO-BREAK SPACE}", " ") for line in result(by_class, metrics)]
        say("Test rows", *classes(metrics), "", *words, "")
    if any(one.blocks or one.verdict in UNJUDGED for one in judged):
        write(REPORTS, GATES, ran)  # the page of a whole run was written by evaluate
    say(
        "Page: reports/evaluation.html. Reports: reports/metrics.json, by_class.csv, by_group.csv,"
        " plots/, gates/"
    )
    if any(one.blocks for one in judged):
        raise UserError(
            "the run was stopped: reports/gates/ says by what; against the last commit: `uv run dvc"
            " metrics diff`"
        )
    if lacking := list(dict.fromkeys(one.stage for one in judged if one.verdict in UNJUDGED)):
        said = (
            "not every stage ran on the files as they are now, so that older reports of"
            f" {', '.join(lacking)} are not shown. What stopped a run stands above the table of"
            " gates; if nothing does, run `uv run sluice repro`"
        )
        raise UserError("\n".join([*frozen(read_stages("dvc.yaml")), said]))
