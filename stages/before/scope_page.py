"""Draw what `scope` found as one self-contained HTML page."""

import numpy as np

from stages.before.columns import SHOWN, Column
from stages.before.effort import Curve
from stages.before.finding import by_remedy
from stages.before.scoping import Scoping
from stages.before.worklist import PHASES
from stages.page import render

WIDTH, HEIGHT, EDGE = 640, 260, 40  # of the learning curve, in units of its drawing
LINES = 8  # that a drawing can hold and be read


def page(scoping: Scoping) -> str:
    """Return the page; text from the data is escaped, and all but the time of training follows from the input."""
    data = scoping.params.data
    roles = {data.target: "target"} | dict.fromkeys(data.sensitive, "sensitive") | dict.fromkeys(data.forbidden, "forbidden")
    roles |= {column: "time" for column in [data.time] if column} | dict.fromkeys(data.cluster, "cluster")
    return render(
        "scope.html.j2",
        scoping=scoping,
        data=data,
        headline=headline(scoping),
        by_remedy=by_remedy,
        easy=scoping.easy,
        criteria=scoping.params.scope,
        split=scoping.params.prepare.split,
        roles=roles,
        bars={column.name: bars(column) for column in scoping.columns},
        curve=drawn(scoping.curve, scoping.params.scope.metric) if scoping.curve else None,
        phases=PHASES,
        shown=SHOWN,
    )


def headline(scoping: Scoping) -> tuple[str, str]:
    """Return a verdict (pass, warn or fail) and the one sentence that the page begins with."""
    if n := sum(finding.weight == "stop" for finding in scoping.findings):
        return "fail", f"Not yet: {n} {'thing' if n == 1 else 'things'} to mend before a model is trained."
    if short := [proof.label for proof in scoping.classes if proof.verdict != "proven"]:
        named = ", ".join(short[:LINES]) + (", ..." if len(short) > LINES else "")
        return "warn", f"Not for every class: whether the recall of {named} reaches its floor cannot be proven with these test rows."
    return "pass", "Yes, as far as data can tell before training: every class can be proven to reach its floor."


def bars(column: Column, width: int = 120, height: int = 28) -> list[tuple[float, float, float, float]]:
    """Return the bars of a column's picture as (x, y, width, height) in a drawing of the given size."""
    if not column.picture:
        return []
    step = width / max(len(column.picture), 4)
    highest = max(*column.picture, 1)
    return [
        (round(nth * step, 1), round(height - height * n / highest, 1), round(step - 1, 1), round(height * n / highest, 1))
        for nth, n in enumerate(column.picture)
    ]


def drawn(curve: Curve, metric: str) -> dict:
    """Return the learning curve as lines in a drawing of WIDTH by HEIGHT: rows on a logarithmic axis, shares from 0 to 1."""
    logs = np.log2(np.array(curve.sizes, dtype=float))
    x = EDGE + (WIDTH - 2 * EDGE) * (logs - logs[0]) / max(logs[-1] - logs[0], 1)
    figures = curve.figures(metric)
    rarest = sorted(figures, key=lambda name: (name != metric, figures[name][-1]))[:LINES]
    lines = []
    for name in rarest:
        y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * figures[name]
        points = [(round(float(a), 1), round(float(b), 1)) for a, b in zip(x, y, strict=True)]
        lines.append({"name": name, "points": points, "last": float(figures[name][-1])})
    ticks = [(round(float(a), 1), size) for a, size in zip(x, curve.sizes, strict=True)]
    grid = [(round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share, 1), share) for share in (0, 0.25, 0.5, 0.75, 1)]
    return {"lines": lines, "ticks": ticks, "grid": grid, "width": WIDTH, "height": HEIGHT, "edge": EDGE, "left_out": curve.left_out}
