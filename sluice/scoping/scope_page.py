"""Draw what `scope` found as one self-contained HTML page."""

import numpy as np

from sluice.reports.page import render
from sluice.scoping.columns import SHOWN_VALUES, Column
from sluice.scoping.effort import Curve
from sluice.scoping.finding import by_remedy
from sluice.scoping.forecast import unforeseen
from sluice.scoping.scoping import Scoping, of_classes
from sluice.scoping.worklist import LATE, LEARNABLE, PHASES

WIDTH, HEIGHT, SCOPE_EDGE = 640, 260, 40  # of the learning curve, in units of its drawing
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
    data = scoping.params.data
    roles = (
        {data.target: "target"}
        | dict.fromkeys(data.sensitive, "sensitive")
        | dict.fromkeys(data.forbidden, "forbidden")
    )
    roles |= {column: "time" for column in [data.time] if column} | dict.fromkeys(
        data.cluster, "cluster"
    )
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
        curve=(
            drawn(scoping.curve, scoping.params.scope.metric, list(scoping.gains))
            if scoping.curve
            else None
        ),
        phases=PHASES,
        of_classes=[line.strip() for line in of_classes(scoping)],
        shown=SHOWN_VALUES,
    )


def headline(scoping: Scoping) -> tuple[str, str]:
    """Return a verdict (pass, warn or fail) and the one sentence that the page begins with."""
    if n := sum(finding.weight == "stop" for finding in scoping.findings):
        return (
            "fail",
            f"Not yet: {n} {'thing' if n == 1 else 'things'} to mend before a model is trained.",
        )
    of_verdict = {
        verdict: [proof.label for proof in scoping.classes if proof.verdict == verdict]
        for verdict in CLASS_VERDICTS
    }
    said = [
        sentence.format(_named(labels))
        for (_verdict, sentence), labels in zip(
            CLASS_VERDICTS.items(), of_verdict.values(), strict=True
        )
        if labels
    ]
    said += [
        f"{OPEN[task.question]} ({task.says})."
        for task in scoping.tasks
        if task.state == "open" and task.question in OPEN
    ]
    if said:
        return "warn", " ".join(
            ["Not for every class." if any(of_verdict.values()) else "Not yet.", *said]
        )
    waived = [proof.label for proof in scoping.classes if proof.verdict == "waived"]
    waived += [
        f"{group.column} {group.group}" for group in scoping.groups if group.verdict == "waived"
    ]
    more = f" Too few rows, which the suites let pass: {_named(waived)}." if waived else ""
    late = (
        f"What the gates {', '.join(unforeseen(scoping.params))} will say, only training can tell."
    )
    return (
        "pass",
        (
            "Yes, as far as data can tell before training: every class is expected to reach its"
            f" floor.{more} {late}"
        ),
    )


def _named(names: list[str]) -> str:
    return ", ".join(names[:LINES]) + (
        f" and {len(names) - LINES} more" if len(names) > LINES else ""
    )


def bars(
    column: Column, width: int = 120, height: int = 28
) -> list[tuple[float, float, float, float]]:
    """Return the bars of a column's picture as (x, y, width, height) in a drawing of the given
    size.
    """
    if not column.picture:
        return []
    step = width / max(len(column.picture), 4)
    highest = max(*column.picture, 1)
    return [
        (
            round(nth * step, 1),
            round(height - height * n / highest, 1),
            round(step - 1, 1),
            round(height * n / highest, 1),
        )
        for nth, n in enumerate(column.picture)
    ]


def drawn(curve: Curve, metric: str, names: list[str]) -> dict:
    """Return the figures `names` of the learning curve as lines in a drawing of WIDTH by HEIGHT:
    rows on a logarithmic axis.
    """
    logs = np.log2(np.array(curve.sizes, dtype=float))
    x = SCOPE_EDGE + (WIDTH - 2 * SCOPE_EDGE) * (logs - logs[0]) / max(logs[-1] - logs[0], 1)
    figures = {name: values for name, values in curve.figures(metric).items() if name in names}
    rarest = sorted(figures, key=lambda name: (name != metric, figures[name][-1]))[:LINES]
    lines = []
    for name in rarest:
        y = HEIGHT - SCOPE_EDGE - (HEIGHT - 2 * SCOPE_EDGE) * figures[name]
        points = [(round(float(a), 1), round(float(b), 1)) for a, b in zip(x, y, strict=True)]
        lines.append({"name": name, "points": points, "last": float(figures[name][-1])})
    ticks = [(round(float(a), 1), size) for a, size in zip(x, curve.sizes, strict=True)]
    grid = [
        (round(HEIGHT - SCOPE_EDGE - (HEIGHT - 2 * SCOPE_EDGE) * share, 1), share)
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    return {
        "lines": lines,
        "ticks": ticks,
        "grid": grid,
        "width": WIDTH,
        "height": HEIGHT,
        "edge": SCOPE_EDGE,
        "left_out": curve.left_out,
    }
