"""All that `scope` found, as JSON and as one screen of text."""

from dataclasses import asdict, dataclass
from textwrap import fill
from typing import Any

import pandas as pd

from sluice.core.params import Params
from sluice.core.text import terminal
from sluice.data.shares import LEFT_OUT_KINDS
from sluice.scoping.columns import SHOWN_VALUES, Column
from sluice.scoping.effort import Curve, Gain
from sluice.scoping.finding import Finding, by_remedy
from sluice.scoping.power import ClassProof, GroupProof
from sluice.scoping.suspicious import Contradictions
from sluice.scoping.worklist import Task

JSON, HTML = "reports/scope.json", "reports/scope.html"
SCREEN, SAME, WIDEST = (
    8,
    2,
    80,
)  # kinds of findings that fit, and of each; signs of the names of others
ENDS = ("low", "high")  # of a column: values of single rows, which may tell of people


@dataclass(frozen=True)
class Scoping:
    """All that was found: what the page and the JSON say. `time` alone may differ from run to
    run.
    """

    source: str
    params: Params
    records: int
    rejected: dict[str, int]
    identical: int
    shares: dict[str, Any]
    n_rows: int
    sampled: int
    columns: list[Column]
    classes: list[ClassProof]
    groups: list[GroupProof]
    aucs: dict[str, float]
    easy: list[str]
    rates: pd.DataFrame
    contradictions: Contradictions
    curve: Curve | None
    gains: dict[str, Gain]
    findings: list[Finding]
    tasks: list[Task]
    time: str


def as_json(scoping: Scoping) -> dict[str, Any]:
    """Return the content of scope.json; all of it but `time` follows from the input."""
    curve = scoping.curve
    content = {
        field: value
        for field, value in vars(scoping).items()
        if field not in ("params", "rates", "curve", "columns", "easy", "time")
    }
    content |= {
        field: [asdict(one) for one in content[field]]
        for field in ("classes", "groups", "findings", "tasks")
    }
    shown = [
        asdict(column) | {"common": column.frequent[:SHOWN_VALUES]} for column in scoping.columns
    ]
    hidden = {
        True: ENDS,
        False: (*ENDS, "median"),
    }  # of few rows the median is a row's value as well
    content["columns"] = [
        {key: value for key, value in one.items() if key not in hidden[one["usual"] is not None]}
        for one in shown
    ]
    content["contradictions"] = asdict(scoping.contradictions)
    content["rates"] = scoping.rates.to_dict("records")
    content["gains"] = {name: asdict(gain) for name, gain in scoping.gains.items()}
    content["criteria"] = scoping.params.scope.model_dump()
    content["curve"] = None
    if curve:
        figures = {
            name: values.tolist()
            for name, values in curve.figures(scoping.params.scope.metric).items()
        }
        content["curve"] = {
            "model": curve.model,
            "sizes": curve.sizes,
            "left_out": curve.left_out,
            "figures": figures,
        }
    return _rounded(content) | {"time": {"training": scoping.time}}


def _rounded(value: Any) -> Any:
    """Return `value` with every number to 6 digits, so that the last bit of a sum does not show."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def of_classes(scoping: Scoping) -> list[str]:
    """Return a line for the equal rows, and for each kind of rows with a label that are left
    out, with their class shares.
    """
    told, kinds = scoping.shares, scoping.rejected
    groups = [("equal", "repeat an earlier one and are kept", told["equal"])]
    groups += [(kind, f"are left out as {kind}", kinds.get(kind, 0)) for kind in LEFT_OUT_KINDS]
    return [
        f"  {n:,} rows {what}: {told[f'{kind}_classes']} (all rows: {told['classes']})"
        for kind, what, n in groups
        if n
    ]


def not_named(group: list[Finding]) -> list[str]:
    """Return what those findings of a remedy are about that the screen leaves out, unless one
    that it shows names it already.
    """
    named = {name for finding in group[:SAME] for name in finding.about.split(", ")}
    return [
        about
        for about in dict.fromkeys(finding.about for finding in group[SAME:])
        if about not in named
    ]


def screen(scoping: Scoping) -> str:
    """Return one screen: rows, classes, the heaviest findings with what to do, and where the
    reports lie.
    """
    fate = ", ".join(f"{n:,} {kind}" for kind, n in scoping.rejected.items())
    lines = [
        f"{terminal(scoping.source)}: {scoping.records:,} records, {len(scoping.columns)} columns;"
        f" {scoping.n_rows:,} rows kept" + (f" ({fate})" if fate else ""),
        *of_classes(scoping),
        "",
        (
            f"  {'class':<20}{'rows':>10}{'test':>8}{'floor':>7}{'provable up to':>16}  recall"
            " expected"
        ),
    ]
    for proof in sorted(scoping.classes, key=lambda one: one.rows)[:6]:
        figures = f"{proof.rows:>10,}{proof.test:>8,}{proof.floor:>7.2f}{proof.best_low:>16.2f}"
        recall = "not known" if proof.expected is None else f"{proof.expected:.2f}"
        lines.append(
            f"  {terminal(proof.label)[:19]:<20}{figures} "
            f" {recall}{'' if recall == proof.verdict else f': {proof.verdict}'}"
        )
    if len(scoping.classes) > 6:
        lines.append(f"  and {len(scoping.classes) - 6} larger classes")
    lines.append("")
    alike = list(by_remedy(scoping.findings).values())
    for group in alike[:SCREEN]:
        said = [
            f"  {group[0].weight:<5} {finding.about}: {finding.what}" for finding in group[:SAME]
        ]
        others = not_named(group)
        rest = ", ".join(others)
        said += (
            [
                f"        and {len(others)} more such:"
                f" {rest if len(rest) <= WIDEST else rest[:WIDEST] + '...'}"
            ]
            if rest
            else []
        )
        lines += [
            fill(terminal(line), 120, subsequent_indent=" " * 8)
            for line in [*said, f"        {group[0].do}"]
        ]
    more = sum(map(len, alike[SCREEN:]))
    n_open = sum(task.state == "open" for task in scoping.tasks)
    lines += [
        f"  and {more} more findings" if more > 0 else "",
        f"Training takes {scoping.time}; {n_open} of {len(scoping.tasks)} questions are open.",
    ]
    return "\n".join([*lines, f"Reports: {HTML}, {JSON}"])
