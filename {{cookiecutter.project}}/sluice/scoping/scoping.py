"""All that `scope` found, as JSON and as one screen of text."""

from dataclasses import asdict, dataclass
from textwrap import fill
from typing import Any

import pandas as pd

from sluice.core.params import Params
from sluice.core.text import terminal
from sluice.data.shares import LEFT_OUT_KINDS
from sluice.scoping.columns import SHOWN_VALUES, Column
from sluice.scoping.effort import Curve, Gain, training_time
from sluice.scoping.finding import Finding, by_remedy
from sluice.scoping.power import ClassProof, GroupProof
from sluice.scoping.rows import Rows
from sluice.scoping.worklist import Task

JSON, HTML = "reports/scope.json", "reports/scope.html"
SCREEN, SAME = 8, 2  # kinds of findings that fit, and of each
WIDEST = 80  # signs of the names of others
MAX_CLASS_LINES = 6
ENDS = ("low", "high")  # of a column: values of single rows, which may tell of people


@dataclass(frozen=True)
class Tried:
    """What came of fitting trees and models: how well each feature alone ranks a class, the
    learning curve, what more rows give, the recall of each class on rows held back.

    easy: the features that a gate would stop a model for, so that none is tried on them.
    """

    aucs: dict[str, float]
    easy: list[str]
    suspected: list[Finding]
    curve: Curve | None
    gains: dict[str, Gain]
    recalls: dict[str, float]


@dataclass(frozen=True)
class Scoping:
    """All that was found: what the page and the JSON say. `time` alone may differ from run to
    run.
    """

    source: str
    params: Params
    found: Rows
    columns: list[Column]
    classes: list[ClassProof]
    groups: list[GroupProof]
    tried: Tried
    rates: pd.DataFrame
    findings: list[Finding]
    tasks: list[Task]

    @property
    def time(self) -> str:
        """How long training takes."""
        curve, folds = self.tried.curve, self.params.train.folds
        return training_time(curve, self.found.n_train, folds) if curve else "not known"


def as_json(scoping: Scoping) -> dict[str, Any]:
    """Return the content of scope.json; all of it but `time` follows from the input."""
    found, tried = scoping.found, scoping.tried
    content: dict[str, Any] = {
        "source": scoping.source,
        "records": found.records,
        "rejected": found.kinds,
        "identical": found.told["equal"] + found.kinds.get("duplicate", 0),
        "shares": found.told,
        "n_rows": found.n_rows,
        "sampled": len(found.training),
        "classes": [asdict(one) for one in scoping.classes],
        "groups": [asdict(one) for one in scoping.groups],
        "aucs": tried.aucs,
        "contradictions": asdict(found.contradicting),
        "gains": {name: asdict(gain) for name, gain in tried.gains.items()},
        "findings": [asdict(one) for one in scoping.findings],
        "tasks": [asdict(one) for one in scoping.tasks],
        "columns": [_shown(column) for column in scoping.columns],
        "rates": scoping.rates.to_dict("records"),
        "criteria": scoping.params.scope.model_dump(),
        "curve": _curve(tried.curve, scoping.params.scope.metric) if tried.curve else None,
    }
    return _rounded(content) | {"time": {"training": scoping.time}}


def _shown(column: Column) -> dict[str, Any]:
    """Return of a column what may be shown: of few rows the median is a row's value as well."""
    hidden = {*ENDS, *(() if column.usual else ("median",))}
    shown = asdict(column) | {"common": column.frequent[:SHOWN_VALUES]}
    return {key: value for key, value in shown.items() if key not in hidden}


def _curve(curve: Curve, metric: str) -> dict[str, Any]:
    figures = {name: values.tolist() for name, values in curve.figures(metric).items()}
    of_model = {"model": curve.model, "sizes": curve.sizes, "left_out": curve.left_out}
    return of_model | {"figures": figures}


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
    told, kinds = scoping.found.told, scoping.found.kinds
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
    found = scoping.found
    fate = ", ".join(f"{n:,} {kind}" for kind, n in found.kinds.items())
    alike = list(by_remedy(scoping.findings).values())
    more = sum(map(len, alike[SCREEN:]))
    n_open = sum(task.state == "open" for task in scoping.tasks)
    lines = [
        f"{terminal(scoping.source)}: {found.records:,} records, {len(scoping.columns)} columns;"
        f" {found.n_rows:,} rows kept" + (f" ({fate})" if fate else ""),
        *of_classes(scoping),
        "",
        *_class_lines(scoping.classes),
        "",
        *(line for group in alike[:SCREEN] for line in _group_lines(group)),
        f"  and {more} more findings" if more > 0 else "",
        f"Training takes {scoping.time}; {n_open} of {len(scoping.tasks)} questions are open.",
    ]
    return "\n".join([*lines, f"Reports: {HTML}, {JSON}"])


def _class_lines(proofs: list[ClassProof]) -> list[str]:
    """Return the table of the rarest classes."""
    head = f"{'rows':>10}{'test':>8}{'floor':>7}{'provable up to':>16}  recall expected"
    lines = [f"  {'class':<20}{head}"]
    for proof in sorted(proofs, key=lambda one: one.rows)[:MAX_CLASS_LINES]:
        figures = f"{proof.rows:>10,}{proof.test:>8,}{proof.floor:>7.2f}{proof.best_low:>16.2f}"
        recall = "not known" if proof.expected is None else f"{proof.expected:.2f}"
        verdict = "" if recall == proof.verdict else f": {proof.verdict}"
        lines.append(f"  {terminal(proof.label)[:19]:<20}{figures}  {recall}{verdict}")
    larger = len(proofs) - MAX_CLASS_LINES
    return [*lines, f"  and {larger} larger classes"] if larger > 0 else lines


def _group_lines(group: list[Finding]) -> list[str]:
    """Return the lines on the findings of one remedy, which comes last."""
    said = [f"  {group[0].weight:<5} {one.about}: {one.what}" for one in group[:SAME]]
    if others := not_named(group):
        rest = ", ".join(others)
        rest = rest if len(rest) <= WIDEST else f"{rest[:WIDEST]}..."
        said.append(f"        and {len(others)} more such: {rest}")
    said.append(f"        {group[0].do}")
    return [fill(terminal(line), 120, subsequent_indent=" " * 8) for line in said]
