"""What the rows at hand can prove of each class and group, held against the success criteria in
params.yaml.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from sluice.core.command import UserError
from sluice.core.params import Data
from sluice.core.params import Scope as Criteria
from sluice.core.waivers import suggested
from sluice.data.groups import groups
from sluice.gates.thresholds import Thresholds
from sluice.metrics.intervals import clopper_pearson, gap_level, newcombe
from sluice.scoping.finding import Finding, finding

RECALL_MARGIN = 0.1  # by how much a recall is taken to beat its floor where no model has been tried
MAX_NEEDED_ROWS = 10_000_000
MAX_TEST = 0.5  # of the rows of a class, that it is advised to test on


@dataclass(frozen=True)
class ClassProof:
    """What the test rows of one class can prove: bounds are one-sided 95 % Clopper-Pearson bounds.

    `best_low` is the lower bound if the model found every test row, so that no higher floor can be
    proven. `expected` is the recall of the model tried on rows held back, with its lower bound on
    as many rows as the test has; None where too few rows held back have the class. `needed` test
    rows would prove `floor` for a model of that recall, or of RECALL_MARGIN above the floor where
    it is not known; `more` is how many rows of the class that is beyond those at hand. `verdict`:
    expected (the test is expected to prove the floor), unproven (too few test rows for that), below
    (the model tried is too weak), not known (no recall was measured), not judged (fewer test or
    training rows than the suites ask for), waived (a person has accepted that). `fewest`: the test
    rows that the suites ask for.
    """

    label: str
    rows: int
    train: int
    test: int
    floor: float
    best_low: float
    expected: float | None
    expected_low: float | None
    needed: int | None
    more: int | None
    verdict: str
    fewest: float

    @property
    def assumed(self) -> float:
        """The recall that `needed` is reckoned by: the one expected, else one a little above the
        floor.
        """
        return _assumed(self.floor) if self.expected is None else self.expected


def _assumed(floor: float) -> float:
    return min(floor + RECALL_MARGIN, (1 + floor) / 2)


def check_criteria(criteria: Criteria, counts: pd.Series, seen: float) -> None:
    """Raise UserError, all problems at once, where the criteria do not fit the classes.

    counts: rows of each class. seen: the least share of the largest class's rows at which accuracy
    sees a class.
    """
    classes = ", ".join(counts.index[:20])
    problems = [
        f"params.yaml: scope.recall_floors names {label!r}, which is no class; there are {classes}"
        for label in criteria.recall_floors
        if label not in counts.index
    ]
    if criteria.metric == "accuracy" and counts.min() < seen * counts.max():
        problems.append(
            f"params.yaml: scope.metric is 'accuracy', but {counts.idxmin()!r} has {counts.min():,}"
            f" rows and {counts.idxmax()!r} {counts.max():,}: never finding the former would hardly"
            " lower it; take balanced_accuracy or macro_f1"
        )
    if problems:
        raise UserError("\n".join(problems))


def rows_needed(floor: float, recall: float) -> int | None:
    """Return the fewest test rows whose lower bound reaches `floor` when the share `recall` of them
    is found; None where that would be more than MAX_NEEDED_ROWS. Hits are rounded down.
    """

    def proves(n: int) -> bool:
        return bool(clopper_pearson(int(recall * n + 1e-9), n)[0] >= floor)

    low, high = 1, 1
    while not proves(high):
        low, high = high, high * 2
        if recall <= floor or high > MAX_NEEDED_ROWS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def prove(
    label: str, train: int, test: int, floor: float, recall: float | None, limits: Thresholds
) -> ClassProof:
    """Return what `test` rows of a class can prove; `recall` is what a model reached on rows
    held back, None if that was not measured.
    """
    low = None if recall is None else clopper_pearson(round(recall * test), test)[0]
    needed = rows_needed(floor, _assumed(floor) if recall is None else recall)
    more = None
    if test > 0 and train > 0:
        at_least = [(needed or 0, test), (limits.support, test), (limits.training, train)]
        total = max(math.ceil(fewest * (train + test) / side) for fewest, side in at_least)
        more = max(0, total - train - test)
    best = clopper_pearson(test, test)[0]
    if test < limits.support or train < limits.training:
        verdict = "not judged"
    elif recall is None or low is None:
        verdict = "not known" if best >= floor else "unproven"
    elif recall <= floor:
        verdict = "below"
    else:
        verdict = "expected" if low >= floor else "unproven"
    rows: Any = {"label": label, "rows": train + test, "train": train, "test": test}
    recalls: Any = {"floor": floor, "best_low": best, "expected": recall, "expected_low": low}
    return ClassProof(
        **rows, **recalls, needed=needed, more=more, verdict=verdict, fewest=limits.support
    )


def class_findings(
    proofs: list[ClassProof], decision_weights: str, limits: Thresholds
) -> list[Finding]:
    """Return what is to be said of classes that are not expected to be proven, rarest first: too
    few rows, or too weak a model.
    """
    return [
        finding(code, f"class {proof.label}", **_values(proof, limits))
        for proof in sorted(proofs, key=lambda one: one.rows)
        if (code := _code(proof, decision_weights))
    ]


def _code(proof: ClassProof, decision_weights: str) -> str | None:
    if proof.verdict == "unproven" and proof.expected is None:
        return "class_unprovable"
    if proof.verdict == "below" and decision_weights == "none":
        return "class_below_unweighted"
    return None if proof.verdict == "expected" else f"class_{proof.verdict.replace(' ', '_')}"


def _values(proof: ClassProof, limits: Thresholds) -> dict[str, Any]:
    return asdict(proof) | {
        "more": _remedy(proof, limits),
        "waiver": _waiver("by_class", {"class": proof.label}),
        "enough": proof.needed or 0,
        "assumed": proof.assumed,
        "training": limits.training,
        "support": limits.support,
    }


def _remedy(proof: ClassProof, limits: Thresholds) -> str:
    """Return how a class comes by rows enough: another share of those at hand where that will
    do, else more of them.
    """
    needed = max(limits.support, 0 if proof.verdict == "not judged" else proof.needed or math.inf)
    share = math.ceil(100 * needed / proof.rows) / 100 if needed < proof.rows else 1.0
    collect = f"collect about {proof.more:,} more rows of it" if proof.more else ""
    if share > MAX_TEST or proof.rows - math.ceil(share * proof.rows) < limits.training:
        return collect or "change the split so that both sides have rows of it"
    other = (
        f"let about {share:.0%} of its rows test (test_size or test_from under prepare.split in"
        f" params.yaml; it has {proof.rows:,})"
    )
    return f"{other}, or {collect}" if collect else other


def _waiver(suite: str, row: dict[str, str]) -> str:
    """Return what to write where, so that there may be too few rows of a class or group."""
    return (
        f'add to "waived" in the meta of expectations/{suite}.json, with your reason:'
        f" {suggested([row], list(row))}"
    )


@dataclass(frozen=True)
class GroupProof:
    """What the test rows of one group can prove: `provable` is the smallest gap in a recall of 0.8
    beyond chance (see `gap_level`).

    `support` is the fewest test rows that a class has in it. `verdict`: judged, not judged (fewer
    than the suites ask for), or waived (a person has accepted that).
    """

    column: str
    group: str
    test: int
    support: int
    provable: float
    verdict: str


def group_proofs(
    rows: pd.DataFrame, data: Data, test_share: float | pd.Series, limits: Thresholds
) -> list[GroupProof]:
    """Return one proof per group of each sensitive column; test_share: of `rows`, or of each of
    them, how much of it is a test row.
    """
    proofs = []
    for column in data.sensitive:
        counts = tested_rows(rows, column, data, test_share)
        level = gap_level(len(counts), counts.shape[1])
        for group, of_class in counts.iterrows():
            n, support = round(of_class.sum()), round(of_class.min())
            is_enough = n >= limits.group_rows and support >= limits.group_support
            provable = _smallest_gap(support, round(counts.to_numpy().sum()) - n, level)
            verdict = "judged" if is_enough else "not judged"
            proofs.append(GroupProof(column, str(group), n, support, provable, verdict))
    return proofs


def tested_rows(
    rows: pd.DataFrame, column: str, data: Data, test_share: float | pd.Series
) -> pd.DataFrame:
    """Return about how many test rows there are of each group of a sensitive column, in rows,
    and class, in columns.
    """
    named = groups(rows[column], data.cut_points.get(column))
    share = pd.Series(test_share, index=rows.index, dtype="float64")
    return pd.crosstab(named, rows[data.target], values=share, aggfunc="sum").fillna(0.0)


def _smallest_gap(n: int, n_others: int, level: float) -> float:
    """Return the smallest gap below a rate of 0.8, in steps of 0.01, whose interval excludes 0;
    1 where none up to 0.8 does.
    """
    for gap in np.arange(1, 81) / 100:
        if newcombe(round((0.8 - gap) * n), n, round(0.8 * n_others), n_others, level)[1] < 0:
            return float(gap)
    return 1.0


def group_findings(
    proofs: list[GroupProof], criteria: Criteria, limits: Thresholds
) -> list[Finding]:
    """Return what is to be said of groups that cannot be audited for the largest gap."""
    found = []
    needs = {"rows": limits.group_rows, "needed": limits.group_support}
    for proof in proofs:
        about, counts = f"{proof.column} {proof.group}", asdict(proof)
        if proof.verdict == "not judged":
            waiver = _waiver("by_group", {"column": proof.column, "group": proof.group})
            found.append(finding("group_not_judged", about, **counts, **needs, waiver=waiver))
        elif proof.verdict == "waived":
            found.append(finding("group_waived", about, **counts))
        elif proof.provable > criteria.largest_gap:
            found.append(finding("group_coarse", about, **counts, largest=criteria.largest_gap))
    return found
