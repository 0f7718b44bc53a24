"""Draw what `scope` found as one self-contained HTML page."""

from typing import Any

import numpy as np

from sluice.gates.messages import count
from sluice.reports.page import render
from sluice.scoping.columns import SHOWN_VALUES, Column
from sluice.scoping.effort import Curve
from sluice.scoping.finding import by_remedy
from sluice.scoping.forecast import unforeseen
from sluice.scoping.scoping import Scoping, of_classes
from sluice.scoping.worklist import LATE, LEARNABLE, TASK_PHASES

WIDTH, HEIGHT, SCOPE_EDGE = 640, 260, 40  # of the learning curve, in units of its drawing
PICTURE_SIZE = 120, 28  # of the picture of a column, width and height
LINES = 8  # that a drawing can hold and be read
OPEN = {  # questions without whose answer no recall can be expected
    LATE: "A feature may be known only after the outcome, so that no recall here can be relied on",
    LEARNABLE: "It is not shown that there is anything to learn",
}
CLASS_VERDICTS = {  # what the page begins with, by what is wrong with a class
    "not judged": "Too few rows to judge: {}.",
    "unproven": "Too few test rows to prove the floor of: {}.",
    "below": "The model tried is too weak for: {}.",
    "not known": "The recall is not known yet of: {}.",
}


def page(scoping: Scoping) -> str:
    """Return the page; text from the data is escaped, and all but the time of training follows
    from the input.
    """
    data, curve, criteria = scoping.params.data, scoping.tried.curve, scoping.params.scope
    roles = {data.target: "target"} | dict.fromkeys(data.sensitive, "sensitive")
    roles |= dict.fromkeys(data.forbidden, "forbidden")
    roles |= {data.time: "time"} if data.time else {}
    roles |= dict.fromkeys(data.cluster, "cluster")
    return render(
        "scope.html.j2",
        scoping=scoping,
        found=scoping.found,
        tried=scoping.tried,
        data=data,
        headline=headline(scoping),
        by_remedy=by_remedy,
        criteria=criteria,
        split=scoping.params.prepare.split,
        roles=roles,
        bars={column.name: bars(column) for column in scoping.columns},
        curve=drawn(curve, criteria.metric, list(scoping.tried.gains)) if curve else None,
        phases=TASK_PHASES,
        of_classes=[line.strip() for line in of_classes(scoping)],
        shown=SHOWN_VALUES,
    )


def headline(scoping: Scoping) -> tuple[str, str]:
    """Return a verdict (pass, warn or fail) and the one sentence that the page begins with."""
    if n := sum(finding.weight == "stop" for finding in scoping.findings):
        things = count(n, "thing")
        return "fail", f"Not yet: {things} to mend before a model is trained."
    by_verdict = {
        verdict: [proof.label for proof in scoping.classes if proof.verdict == verdict]
        for verdict in (*CLASS_VERDICTS, "waived")
    }
    of_classes = [
        sentence.format(_named(by_verdict[verdict]))
        for verdict, sentence in CLASS_VERDICTS.items()
        if by_verdict[verdict]
    ]
    of_tasks = [
        f"{OPEN[task.question]} ({task.says})."
        for task in scoping.tasks
        if task.state == "open" and task.question in OPEN
    ]
    if of_classes or of_tasks:
        first = "Not for every class." if of_classes else "Not yet."
        return "warn", " ".join([first, *of_classes, *of_tasks])
    groups = [f"{one.column} {one.group}" for one in scoping.groups if one.verdict == "waived"]
    waived = _named([*by_verdict["waived"], *groups])
    more = f" Too few rows, which the suites let pass: {waived}." if waived else ""
    return (
        "pass",
        "Yes, as far as data can tell before training: every class is expected to reach its"
        f" floor.{more} What the gates {', '.join(unforeseen(scoping.params))} will say, only"
        " training can tell.",
    )


def _named(names: list[str]) -> str:
    more = f" and {len(names) - LINES} more" if len(names) > LINES else ""
    return ", ".join(names[:LINES]) + more


def bars(column: Column) -> list[tuple[float, float, float, float]]:
    """Return the bars of a column's picture as (x, y, width, height)."""
    width, height = PICTURE_SIZE
    if not column.picture:
        return []
    step = width / max(len(column.picture), 4)
    heights = [height * n / max(*column.picture, 1) for n in column.picture]
    return [
        (round(nth * step, 1), round(height - of_bar, 1), round(step - 1, 1), round(of_bar, 1))
        for nth, of_bar in enumerate(heights)
    ]


def drawn(curve: Curve, metric: str, names: list[str]) -> dict[str, Any]:
    """Return the figures `names` of the learning curve as lines in a drawing of WIDTH by HEIGHT:
    rows on a logarithmic axis.
    """
    logs = np.log2(np.array(curve.sizes, dtype=float))
    x = SCOPE_EDGE + (WIDTH - 2 * SCOPE_EDGE) * (logs - logs[0]) / max(logs[-1] - logs[0], 1)
    x = x.round(1).tolist()
    figures = {name: values for name, values in curve.figures(metric).items() if name in names}
    rarest = sorted(figures, key=lambda name: (name != metric, figures[name][-1]))[:LINES]
    lines = [
        {
            "name": name,
            "points": list(zip(x, _height(figures[name]).tolist(), strict=True)),
            "last": float(figures[name][-1]),
        }
        for name in rarest
    ]
    shares = [0, 0.25, 0.5, 0.75, 1]
    return {
        "lines": lines,
        "ticks": list(zip(x, curve.sizes, strict=True)),
        "grid": list(zip(_height(np.array(shares)).tolist(), shares, strict=True)),
        "width": WIDTH,
        "height": HEIGHT,
        "edge": SCOPE_EDGE,
        "left_out": curve.left_out,
    }


def _height(shares: np.ndarray) -> np.ndarray:
    return (HEIGHT - SCOPE_EDGE - (HEIGHT - 2 * SCOPE_EDGE) * shares).round(1)
