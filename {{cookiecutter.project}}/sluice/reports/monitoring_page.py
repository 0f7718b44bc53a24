"""Draw the windows and the newest of them as one self-contained HTML page."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core.tables import read_csv, write_text
from sluice.reports.evaluation_page import findings
from sluice.reports.page import render

MONITORING_PAGE = "monitoring.html"
MONITORED_TEXT_COLUMNS = dict.fromkeys(
    ["window", "metric", "column", "group", "class", "what", "name", "test", "feature"], "str"
)


def write(folder: Path, timeline: pd.DataFrame) -> None:
    """Write the page about the windows in `folder` beside it; it follows from their tables and
    verdicts.
    """
    write_text(page(folder, timeline), folder.parent / MONITORING_PAGE)


def page(folder: Path, timeline: pd.DataFrame) -> str:
    """Return the page: the verdict, the timeline, then what the newest window showed."""
    newest = folder / str(timeline["window"].iloc[-1])
    gates = [
        _report(newest / "gates" / f"{name}.json")
        for name in ("batch", "drift", "performance")
        if (newest / "gates" / f"{name}.json").is_file()
    ]
    moved = sorted(
        _rows(newest / "drift.csv"), key=lambda row: (-row["proven_effect"], -(row["effect"] or 0))
    )
    return render(
        "monitoring.html.j2",
        verdict=_report(folder / "windows.json"),
        model=_json(newest / "window.json").get("model"),
        timeline=timeline.astype("object").where(timeline.notna(), None).to_dict("records"),
        newest=newest.name,
        gates=gates,
        drift=moved,
        performance=_rows(newest / "performance.csv"),
        batch=_rows(newest / "batch.csv"),
        pictures=_json(newest / "pictures.json"),
    )


def _report(path: Path) -> dict[str, Any]:
    """Return what a gate wrote to `path`, its findings with their parts."""
    report = _json(path)
    return report | {"findings": findings(report)}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table, None for what is missing; none where the window has no such
    table.
    """
    if not path.is_file():
        return []
    table = read_csv(
        path,
        dtype=MONITORED_TEXT_COLUMNS,
        keep_default_na=False,
        na_values={column: [""] for column in _numbers(path)},
    )
    return table.astype("object").where(table.notna(), None).to_dict("records")


def _numbers(path: Path) -> list[str]:
    header = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
    return [column for column in header if column not in MONITORED_TEXT_COLUMNS]
