"""Draw what the last run found as one self-contained HTML page: the verdicts first, then the figures behind them."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from stages.messages import sentences
from stages.page import render
from stages.tables import read_csv, write_text

PAGE = "evaluation.html"
RANK = ("pass", "warn", "insufficient", "fail")
UNJUDGED = ("no verdict", "did not run")
# columns of text in any report
NAMES = (
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
SIZE, EDGE = 340, 44  # of a square drawing, in its units

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Judged:
    """A gate as the page shows it: `verdict` is one of UNJUDGED where its stage did not run, or ended before the gate."""

    gate: str
    stage: str
    verdict: str
    blocks: bool
    sentences: list[str]
    confirmed: int = 0
    bounds: int = 0


def write(reports: Path, gates: dict[str, list[str]], ran: Collection[str] | None = None) -> None:
    """Write the page of the run whose reports lie in `reports` beside them.

    gates: those of each stage, in order. ran: the stages whose reports are of this run, by default all.
    """
    write_text(page(reports, gates, ran), reports / PAGE)


def page(reports: Path, gates: dict[str, list[str]], ran: Collection[str] | None = None) -> str:
    """Return the page; it follows from the reports, and leaves out what did not run."""
    judged = judge(reports, gates, ran)
    reached = {one.stage for one in judged if one.verdict not in UNJUDGED}

    def rows(name: str, stage: str, *names: str) -> Rows:
        return read(reports / name, *names) if stage in reached else []

    metrics = _json(reports / "metrics.json") if "evaluate" in reached else None
    by_class = rows("by_class.csv", "evaluate")
    confusion = _confusion(rows("plots/confusion.csv", "evaluate", "actual", "predicted"))
    return render(
        "evaluation.html.j2",
        headline=headline(judged),
        judged=sorted(
            judged, key=lambda one: -RANK.index(one.verdict) if one.verdict in RANK else 1
        ),
        metrics=metrics,
        by_class=by_class,
        rivals={one["model"]: one for one in metrics["baselines"]} if metrics else {},
        floors=floors(Path("expectations/by_class.json")),
        confusion=confusion,
        calibration=curves(
            rows("plots/calibration.csv", "evaluate"), "class", "predicted", "observed"
        ),
        referral=curves(rows("plots/referral.csv", "evaluate"), "class", "coverage", "recall"),
        slices=rows("slices.csv", "evaluate", "value"),
        groups=rows("by_group.csv", "evaluate"),
        test_set=rows("test_set.csv", "evaluate"),
        candidates=rows("candidates.csv", "train"),
        features=rows("features.csv", "train"),
        classes=rows("classes.csv", "validate"),
        changes=rows("changes.csv", "validate"),
        proxies=rows("proxies.csv", "validate"),
        label_bias=rows("label_bias.csv", "validate"),
        leakage=[row for row in rows("leakage.csv", "validate") if row["check"] == "gives_away"],
        synthetic=rows("synthetic.csv", "augment"),
        strip=strip,
        widest=widest,
        size=SIZE,
        edge=EDGE,
    )


def judge(
    reports: Path, gates: dict[str, list[str]], ran: Collection[str] | None = None
) -> list[Judged]:
    """Return what each gate said, in the order of the stages; those after a stop, and not among `ran`, did not run."""
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
                said = Judged(name, stage, report["verdict"], report["blocks"], sentences(report))
                counts = {key: report.get(key, 0) for key in ("confirmed", "bounds")}
                judged.append(replace(said, **counts))
        stopped = stopped or any(report is None or report["blocks"] for report in found.values())
    return judged


def headline(judged: list[Judged]) -> tuple[str, str]:
    """Return the verdict on the whole run, one of RANK, and the sentence about it."""
    blocking = [one for one in judged if one.blocks]
    if blocking:
        said = ", ".join(f"{one.gate} ({one.verdict})" for one in blocking)
        return max(
            (one.verdict for one in blocking), key=RANK.index
        ), f"Must not be used: {blocking[0].stage} was stopped by {said}."
    if lacking := [one.gate for one in judged if one.verdict in UNJUDGED]:
        return (
            "insufficient",
            f"Nothing is known of the model: {', '.join(lacking)} did not judge. Run it again with dvc repro.",
        )
    if noted := [f"{one.gate} ({one.verdict})" for one in judged if one.verdict != "pass"]:
        return "warn", f"May be used by who has read what is said of {', '.join(noted)}."
    return "pass", f"May be used: all {len(judged)} gates pass."


def floors(suite: Path) -> dict[str, float]:
    """Return the floor of each class's recall by the suite of classes; that of all others stands under the name ""."""
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

    The columns NAMES and `names` are text, also where they look like numbers.
    """
    if not path.is_file():
        return []
    header = read_csv(path, nrows=0).columns
    types = {name: "str" for name in header if name in (*NAMES, *names)}
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
    """Return up to LINES curves, named by the column `name`, as points in a square drawing of shares from 0 to 1."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row[x] is not None and row[y] is not None:
            points.setdefault(str(row[name]), []).append(
                (_place(row[x]), round(SIZE - _place(row[y]), 1))
            )
    return [{"name": label, "points": found} for label, found in list(points.items())[-LINES:]]


def _place(share: float) -> float:
    return round(EDGE + (SIZE - 2 * EDGE) * share, 1)


def strip(
    low: float | None, value: float | None, high: float | None, reach: tuple[float, float] = (0, 1)
) -> dict[str, float] | None:
    """Return an interval as places on a strip from 0 to 200 that shows `reach`; None where one of the three is missing."""
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
