"""List by phase what has to be decided for a model in use: what params.yaml decides, what is
open, what the numbers say.
"""

from dataclasses import dataclass

from sluice.core.params import Params
from sluice.gates.messages import some
from sluice.scoping.effort import AIMS, Curve, Gain
from sluice.scoping.finding import Finding
from sluice.scoping.power import ClassProof, GroupProof

LATE = "What is known only after the target?"
LEARNABLE = "Is there anything to learn?"
PHASES = ("data", "training", "deployment", "monitoring")


@dataclass(frozen=True)
class Task:
    """One question of a phase; `state`: decided (by params.yaml), or open; `says`: what was
    decided, or what the numbers say.
    """

    phase: str
    question: str
    state: str
    says: str


def work_list(
    params: Params,
    proofs: list[ClassProof],
    groups: list[GroupProof],
    curve: Curve | None,
    gained: dict[str, Gain],
    findings: list[Finding],
) -> list[Task]:
    """Return the tasks of all PHASES in their order."""
    tasks = [*_of_data(params, proofs, findings), *_of_training(params, proofs, curve, gained)]
    return [
        *tasks,
        *_of_deployment(params, proofs, groups, findings),
        *_of_monitoring(params, proofs, findings),
    ]


def _task(phase: str, question: str, is_open: bool, says: str) -> Task:
    return Task(phase, question, "open" if is_open else "decided", says)


def _about(findings: list[Finding], question: str) -> list[str]:
    """Return what the findings that raise `question` are about."""
    return list(dict.fromkeys(f.about for f in findings if question in f.asks))


def _of_data(params: Params, proofs: list[ClassProof], findings: list[Finding]) -> list[Task]:
    data, split = params.data, params.prepare.split
    late, times, shared, traits = (
        _about(findings, question) for question in ("late", "time", "cluster", "sensitive")
    )
    unjudged = [proof.label for proof in proofs if proof.verdict == "not judged"]
    largest, rarest = (
        max(proofs, key=lambda proof: proof.rows),
        min(proofs, key=lambda proof: proof.rows),
    )
    says = (
        f"{data.target}: {len(proofs)} classes, from {largest.label} ({largest.rows:,} rows) to"
        f" {rarest.label} ({rarest.rows:,})"
    )
    forbidden = f"{some(list(data.forbidden)) or 'nothing'} forbidden"
    return [
        Task("data", "What is predicted?", "decided", says),
        _task(
            "data",
            "Are there rows enough of each class?",
            bool(unjudged),
            f"too few of {some(unjudged)}" if unjudged else "each can be judged",
        ),
        _task(
            "data",
            LATE,
            bool(late),
            f"{forbidden}; suspected: {some(late)}" if late else forbidden,
        ),
        _task(
            "data",
            "Do rows have an order in time?",
            bool(times),
            f"split by {split.by}, time {data.time or 'not named'}"
            + (f"; look at {some(times)}" if times else ""),
        ),
        _task(
            "data",
            "Which rows belong together?",
            bool(shared),
            f"{', '.join(data.cluster) or 'none'} named"
            + (f"; look at {some(shared)}" if shared else ""),
        ),
        _task(
            "data",
            "Which traits must not count?",
            bool(traits),
            f"{', '.join(data.sensitive) or 'none'} named"
            + (f"; look at {some(traits)}" if traits else ""),
        ),
    ]


def _of_training(
    params: Params, proofs: list[ClassProof], curve: Curve | None, gained: dict[str, Gain]
) -> list[Task]:
    criteria, settings = params.scope, params.train
    aimed = AIMS[criteria.metric]
    below = [proof.label for proof in proofs if proof.verdict == "below"]
    unproven = [proof.label for proof in proofs if proof.verdict == "unproven"]
    reached = f"; below it on rows held back: {some(below)}" if below else ""
    reached += f"; too few test rows to prove it: {some(unproven)}" if unproven else ""
    unknown = [proof.label for proof in proofs if proof.verdict == "not known"]
    reached += f"; not known yet: {some(unknown)}" if unknown else ""
    aims = (
        "as the decision does"
        if aimed == settings.decision_weights
        else f"but train.decision_weights is {settings.decision_weights}"
    )
    tasks = [
        _task(
            "training",
            "What is success?",
            aimed != settings.decision_weights,
            f"{criteria.metric}, {aims}",
        ),
        _task(
            "training",
            "Which recall must each class reach?",
            bool(below or unproven or unknown),
            f"floor {criteria.recall_floor}{reached}",
        ),
    ]
    if curve is None:
        return [
            *tasks,
            Task(
                "training",
                LEARNABLE,
                "open",
                "no model could be tried: too few rows of two classes",
            ),
        ]
    gain = gained[criteria.metric]
    chance = {"balanced_accuracy": 1 / len(curve.classes)}.get(criteria.metric)
    against = f" (chance {chance:.2f})" if chance else ""
    says = (
        f"{settings.model} reaches {criteria.metric} {gain.now:.2f}{against} from"
        f" {curve.sizes[-1]:,} rows"
    )
    weak = chance is not None and gain.now < chance + 0.05
    tasks.append(_task("training", LEARNABLE, weak, says))
    helps = gain.low > 0 and gain.gain >= 0.01
    says = (
        f"doubling the rows: about {gain.gain:+.3f} {criteria.metric} ({gain.low:+.3f} to"
        f" {gain.high:+.3f})"
    )
    return [
        *tasks,
        _task(
            "training",
            "More rows or better features?",
            True,
            f"{says}; {'both' if helps else 'rather features'}",
        ),
    ]


def _of_deployment(
    params: Params, proofs: list[ClassProof], groups: list[GroupProof], findings: list[Finding]
) -> list[Task]:
    personal = _about(findings, "personal")
    rarest = min(proofs, key=lambda proof: proof.rows)
    unjudged = [
        f"{group.column} {group.group}" for group in groups if group.verdict == "not judged"
    ]
    waived = [f"{group.column} {group.group}" for group in groups if group.verdict == "waived"]
    audit = f"largest gap {params.scope.largest_gap}" + (
        f"; too few rows to audit {some(unjudged)}" if unjudged else ""
    )
    audit += f"; too few rows of {some(waived)}, which the suite lets pass" if waived else ""
    costs, refer = params.evaluate.costs, params.evaluate.refer_below
    return [
        _task(
            "deployment",
            "What does an error cost?",
            not costs,
            (
                "as evaluate.costs says"
                if costs
                else f"the data do not say what a missed {rarest.label} costs against a false alarm"
            ),
        ),
        _task(
            "deployment",
            "Who decides, and may they overrule the model?",
            refer is None,
            (
                "the data do not say"
                if refer is None
                else f"a person, below a confidence of {refer:g} (evaluate.refer_below)"
            ),
        ),
        Task(
            "deployment",
            "Is every feature known when the decision is due?",
            "open",
            "ask who fills it in, and when; see the columns suspected",
        ),
        _task(
            "deployment",
            "Whose data are these?",
            bool(personal),
            f"personal: {some(personal)}" if personal else "no pattern of personal data found",
        ),
        _task(
            "deployment",
            "Who is treated otherwise?",
            bool(unjudged) if groups else params.data.no_sensitive is None,
            (
                audit
                if groups
                else f"no sensitive column is named: {params.data.no_sensitive or 'not audited'}"
            ),
        ),
    ]


def _of_monitoring(params: Params, proofs: list[ClassProof], findings: list[Finding]) -> list[Task]:
    moving = _about(findings, "moves")
    drift = (
        f"class shares move along {some(moving)}"
        if moving
        else "class shares do not move along any order found"
    )
    rarest = min(proofs, key=lambda proof: proof.rows)
    per_thousand = 1000 * rarest.rows / sum(proof.rows for proof in proofs)
    delay = params.monitor.label_delay
    unlabelled = "without labels drift can be seen, but not whether the model is wrong"
    return [
        _task(
            "monitoring",
            "When does the truth arrive?",
            delay is None,
            unlabelled if delay is None else f"about {delay:g} later (monitor.label_delay)",
        ),
        _task(
            "monitoring",
            "What moves?",
            bool(moving),
            (
                drift
                if params.data.time or moving
                else "no time is named: drift could not be looked for"
            ),
        ),
        Task(
            "monitoring",
            "After how many cases is a worse recall seen?",
            "open",
            _cases(per_thousand, rarest.fewest),
        ),
    ]


def _cases(per_thousand: float, fewest: float) -> str:
    cases = fewest / per_thousand * 1000
    return (
        f"the rarest class comes {per_thousand:.3g} times in 1,000 cases: {fewest:,} of it, the"
        f" fewest to judge by, take about {cases:,.0f} cases"
    )
