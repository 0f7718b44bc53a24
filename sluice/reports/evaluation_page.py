"""Draw what the last run found as one self-contained HTML page: the result in a sentence first,
the gates last.
"""

import hashlib
import json
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sluice.core.tables import TEST, read_csv, read_parquet, write_text
from sluice.gates.messages import Finding
from sluice.reports.page import count, percent, render

PAGE = "evaluation.html"
MODELS = Path("models")  # as evaluate reads it; its modules take seconds to import
RANK = ("pass", "warn", "insufficient", "fail")
UNJUDGED = ("no verdict", "did not run")
# columns of text in any report
TEXT_COLUMNS = (
    "class",
    "group",
    "against",
    "column",
    "slice",
    "feature",
    "candidate",
    "rate",
    "check",
    "last_seen",
    "adds",
    "twin",
    "best",
    "features",
    "why",
)
LINES = 8  # that a drawing can hold and be read
SIZE, PICTURE_EDGE = 340, 44  # of a square drawing, in its units
RAREST = 3  # classes that the sentences at the top are about
YOURS = "Whether the result is good enough for your purpose is your decision."
ALL_OTHERS = "all others"
# the stage that writes each report, and which of its columns are text besides TEXT_COLUMNS
TABLES = {
    "by_class": ("evaluate",),
    "by_group": ("evaluate",),
    "slices": ("evaluate", "value"),
    "test_set": ("evaluate",),
    "plots/confusion": ("evaluate", "actual", "predicted"),
    "plots/calibration": ("evaluate",),
    "plots/referral": ("evaluate",),
    "candidates": ("train",),
    "features": ("train",),
    "classes": ("validate",),
    "changes": ("validate",),
    "proxies": ("validate",),
    "label_bias": ("validate",),
    "leakage": ("validate",),
    "synthetic": ("augment",),
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Judged:
    """A gate as the page shows it: `verdict` is one of UNJUDGED where its stage did not run, or
    ended before the gate.
    """

    gate: str
    stage: str
    verdict: str
    blocks: bool
    findings: list[dict[str, str]]
    confirmed: int = 0
    bounds: int = 0


def write(reports: Path, gates: dict[str, list[str]], ran: Collection[str] | None = None) -> None:
    """Write the page of the run whose reports lie in `reports` beside them.

    gates: those of each stage, in order. ran: the stages whose reports are of this run, by default
    all.
    """
    write_text(page(reports, gates, ran), reports / PAGE)


def page(reports: Path, gates: dict[str, list[str]], ran: Collection[str] | None = None) -> str:
    """Return the page; it follows from the reports, and leaves out what did not run."""
    judged = judge(reports, gates, ran)
    reached = {one.stage for one in judged if one.verdict not in UNJUDGED}
    tables = {
        name: read(reports / f"{name}.csv", *texts) if stage in reached else []
        for name, (stage, *texts) in TABLES.items()
    }
    metrics = _json(reports / "metrics.json") if "evaluate" in reached else None
    by_class = sorted(tables.pop("by_class"), key=lambda row: (row["support"], row["class"]))
    shown = {row["class"] for row in by_class[: 1 if len(by_class) == 2 else None]}
    curve = [row for row in tables.pop("plots/calibration") if row["class"] in shown]
    return render(
        "evaluation.html.j2",
        about=about(by_class),
        headline=headline(judged),
        result=result(by_class, metrics),
        judged=judged,
        metrics=metrics,
        by_class=by_class,
        shown=shown,
        rivals={one["model"]: one for one in metrics["baselines"]} if metrics else {},
        floors=floors(Path("expectations/by_class.json")),
        confusion=_confusion(tables.pop("plots/confusion")),
        calibration=curves(curve, "class", "predicted", "observed"),
        referral=curves(tables.pop("plots/referral"), "class", "coverage", "recall"),
        groups=once(tables.pop("by_group"), shown),
        label_bias=once(tables.pop("label_bias"), shown),
        leakage=[row for row in tables.pop("leakage") if row["check"] == "gives_away"],
        strip=strip,
        widest=widest,
        size=SIZE,
        edge=PICTURE_EDGE,
        **tables,
    )


def about(by_class: Rows) -> dict[str, str]:
    """Return what the page is about, by name; what depends on a run only where `by_class` shows
    that one ended.
    """
    found, params = {}, _yaml("params.yaml")
    if Path("pyproject.toml").is_file():
        project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
        found["Project"] = project["name"]
    if params:
        found["Target"] = params["data"]["target"]
        found["One row"] = "; ".join(
            f"one record of {name}, {source['path']}"
            for name, source in _yaml("data/sources.yaml").get("sources", {}).items()
        )
    if by_class:
        found["Tested on"] = f"{count(sum(row['support'] for row in by_class))} rows"
        found["Tested on"] += _period((params or {"data": {}})["data"].get("time"))
        if model := _json(MODELS / "model.json"):
            digest = hashlib.sha256((MODELS / "model.skops").read_bytes()).hexdigest()
            found["Model"] = model["model"].replace("_", " ")
            found["Version"] = f"{digest[:8]} (the first digits of the model file's SHA-256)"
    return found


def _period(time: str | None) -> str:
    """Return from when until when the test rows are, where they have a time and lie here."""
    if time is None or not Path(TEST).is_file():
        return ""
    known = read_parquet(TEST, [time])[time].dropna()
    ends = dict.fromkeys(str(end).removesuffix(" 00:00:00") for end in (known.min(), known.max()))
    return f", {time} {' to '.join(ends)}"


def _yaml(path: str) -> dict[str, Any]:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8")) if Path(path).is_file() else {}


def result(by_class: Rows, metrics: dict[str, Any] | None) -> list[str]:
    """Return in words what the model finds of the rarest classes, beside a plain baseline, and what
    that costs in alarms.

    by_class: the rarest class first.
    """
    if not metrics or not by_class:
        return []
    rare = [row for row in by_class if row["support"]][: 1 if len(by_class) == 2 else RAREST]
    rivals = {one["model"]: one for one in metrics["baselines"]}
    plain, weighted = (
        rivals.get(name, {}).get("classes", {})
        for name in ("logistic_regression", "logistic_regression_weighted")
    )
    sentences = []
    for row in rare:
        label = row["class"]
        text = f"The model finds {percent(row['recall'])} of the {count(row['support'])} test rows"
        text += f" labelled \u201c{label}\u201d"
        if label in plain:
            text += f"; plain logistic regression finds {percent(plain[label]['recall'])}"
        if label in weighted:
            text += f", with decision weights {percent(weighted[label]['recall'])}"
        sentences.append(text + ".")
    if len(by_class) == 2 and rare:
        sentences.append(_alarms(rare[0], weighted))
    return sentences


def _alarms(row: dict[str, Any], weighted: dict[str, Any]) -> str:
    """Return how many alarms finding a class costs, beside those of a simple model."""
    rival = weighted.get(row["class"], {}).get("alarms_per_1000")
    beside = f" (logistic regression with decision weights: {rival:.0f})" if rival else ""
    alarms = f"It raises {row['alarms_per_1000']:.0f} alarms per 1,000 rows{beside}"
    return f"{alarms}, and {percent(row['precision'])} of them are right."


def once(rows: Rows, shown: Collection[str]) -> Rows:
    """Return `rows` of groups without those that repeat another row mirrored.

    Of two classes only the `shown` one is kept (all, where none is); of two groups that are held
    against each other the first.
    """
    groups: dict[str, list[str]] = {}
    for row in rows:
        names = groups.setdefault(row["column"], [])
        if row["group"] not in names and row.get("against", ALL_OTHERS) == ALL_OTHERS:
            names.append(row["group"])
    return [
        row
        for row in rows
        if (not shown or row["class"] in shown)
        and not (len(groups[row["column"]]) == 2 and row["group"] == groups[row["column"]][1])
    ]


def judge(
    reports: Path, gates: dict[str, list[str]], ran: Collection[str] | None = None
) -> list[Judged]:
    """Return what each gate said, in the order of the stages; those after a stop, and not among
    `ran`, did not run.
    """
    judged, stopped = [], False
    for stage, names in gates.items():
        found = {name: _json(reports / "gates" / f"{name}.json") for name in names}
        stopped = stopped or (ran is not None and stage not in ran and any(found.values()))
        for name, report in found.items():
            if stopped or report is None:
                judged.append(
                    Judged(name, stage, "did not run" if stopped else "no verdict", False, [])
                )
            else:
                judged.append(
                    Judged(
                        name,
                        stage,
                        report["verdict"],
                        report["blocks"],
                        findings(report),
                        report["confirmed"],
                        report["bounds"],
                    )
                )
        stopped = stopped or any(report is None or report["blocks"] for report in found.values())
    return judged


def findings(report: dict[str, Any]) -> list[dict[str, str]]:
    """Return the parts of each finding of a gate's `report`, with its verdict."""
    found = [Finding(**one) for one in report["findings"]]
    return [{"verdict": one.verdict, "checked": one.checked} | one.parts() for one in found]


def headline(judged: list[Judged]) -> tuple[str, str]:
    """Return the verdict on the whole run, one of RANK, and the sentence about it."""
    if blocking := [one for one in judged if one.blocks]:
        names = ", ".join(f"{one.gate} ({one.verdict})" for one in blocking)
        worst = max((one.verdict for one in blocking), key=RANK.index)
        return worst, f"Do not use this model: {blocking[0].stage} was stopped by {names}."
    if lacking := [one.gate for one in judged if one.verdict in UNJUDGED]:
        names = f"{', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no verdict"
        return "insufficient", f"Not judged yet: {names}. Run `dvc repro` again."
    if noted := [one.gate for one in judged if one.verdict != "pass"]:
        n = "one warning" if len(noted) == 1 else f"{len(noted)} warnings"
        return "warn", f"No gate stops this model; {n}: see {', '.join(noted)} below. {YOURS}"
    return "pass", f"All {len(judged)} gates pass. {YOURS}"


def floors(suite: Path) -> dict[str, float]:
    """Return the floor of each class's recall by the suite of classes; that of all others stands
    under the name "".
    """
    found = {}
    for expectation in (_json(suite) or {"expectations": []})["expectations"]:
        kwargs = expectation["kwargs"]
        if kwargs.get("column") == "recall_high":
            found[str(kwargs.get("row_condition", {}).get("parameter", ""))] = float(
                kwargs["min_value"]
            )
    return found


def read(path: Path, *names: str) -> Rows:
    """Return the rows of a report, with None for what is missing; none where there is no such file.

    The columns TEXT_COLUMNS and `names` are text, also where they look like numbers.
    """
    if not path.is_file():
        return []
    header = read_csv(path, nrows=0).columns
    types = {name: "str" for name in header if name in (*TEXT_COLUMNS, *names)}
    table = read_csv(
        path,
        dtype=types,
        keep_default_na=False,
        na_values={name: [""] for name in header if name not in types},
    )
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _confusion(rows: Rows) -> pd.DataFrame | None:
    """Return the counts of (true, decided) classes, true ones in rows."""
    if not rows:
        return None
    table = pd.DataFrame(rows)
    classes = sorted({*table["actual"], *table["predicted"]})
    return pd.crosstab(table["actual"], table["predicted"]).reindex(
        index=classes, columns=classes, fill_value=0
    )


def curves(rows: Rows, name: str, x: str, y: str) -> list[dict[str, Any]]:
    """Return up to LINES curves, named by the column `name`, as points in a square drawing of
    shares from 0 to 1.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row[x] is not None and row[y] is not None:
            points.setdefault(str(row[name]), []).append(
                (_place(row[x]), round(SIZE - _place(row[y]), 1))
            )
    return [{"name": label, "points": found} for label, found in list(points.items())[-LINES:]]


def _place(share: float) -> float:
    return round(PICTURE_EDGE + (SIZE - 2 * PICTURE_EDGE) * share, 1)


def strip(
    low: float | None, value: float | None, high: float | None, reach: tuple[float, float] = (0, 1)
) -> dict[str, float] | None:
    """Return an interval as places on a strip from 0 to 200 that shows `reach`; None where one
    of the three is missing.
    """
    if low is None or value is None or high is None:
        return None
    return {
        key: round(200 * min(max((x - reach[0]) / (reach[1] - reach[0]), 0), 1), 1)
        for key, x in zip("lvh", (low, value, high), strict=True)
    }


def widest(rows: Rows, *columns: str) -> tuple[float, float]:
    """Return the reach, the same on both sides of 0, that shows all values of `columns`."""
    most = (
        max(
            (abs(row[column]) for row in rows for column in columns if row.get(column) is not None),
            default=0,
        )
        or 1
    )
    return -most, most
