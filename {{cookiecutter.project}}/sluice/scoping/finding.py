"""One thing that `scope` has to say of the data, and what to do about it."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Weight = Literal["stop", "look", "note"]
Phase = Literal["data", "training", "deployment", "monitoring"]


@dataclass(frozen=True)
class Finding:
    """`weight`: stop (mend it before a model is trained), look (find out), note (know it).

    `phase` is the part of the work that it belongs to, `about` the column, class or table, `what`
    is a sentence with the figure, `do` what to do. `asks` are the questions that it raises: late
    (is it known only after the target?), time, cluster, sensitive (should it be named so in
    params.yaml?), split (by time?), personal, moves (with time).
    """

    weight: Weight
    phase: Phase
    about: str
    what: str
    do: str
    asks: tuple[str, ...] = field(default=(), compare=False)


@cache
def _words() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files(__package__) / "findings.toml").read_text(encoding="utf-8"))


def finding(code: str, about: str, weight: Any = None, **values: Any) -> Finding:
    """Return the finding `code` of findings.toml, its words filled with `values`; weight: of its
    own.
    """
    words = _words()[code]
    what, do = (words[part].format(**values) for part in ("what", "do"))
    phase, asks = words.get("phase", "data"), tuple(words.get("asks", ()))
    return Finding(weight or words["weight"], phase, about, what, do, asks)


def heaviest_first(findings: list[Finding]) -> list[Finding]:
    """Return `findings` by weight; among equals the order stays."""
    return sorted(findings, key=lambda finding: ["stop", "look", "note"].index(finding.weight))


def by_remedy(findings: list[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """Return `findings` in groups of one weight and remedy, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.weight, finding.do), []).append(finding)
    return groups
