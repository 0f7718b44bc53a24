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
Answers = dict[str, tuple[bool, str]]  # of each question whether it is open, and what is said
TASK_PHASES = ("data", "training", "deployment", "monitoring")


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
    tried: tuple[Curve | None, dict[str, Gain]],
    findings: list[Finding],
) -> list[Task]:
    """Return the tasks of all TASK_PHASES in their order; tried: the learning curve, and what more
    rows would give.
    """
    of_phases = (
        _of_data(params, proofs, findings),
        _of_success(params, proofs) | _of_learning(params, *tried),
        _of_deployment(params, proofs, groups, findings),
        _of_monitoring(params, proofs, findings),
    )
    return [
        Task(phase, question, "open" if is_open else "decided", says)
        for phase, answers in zip(TASK_PHASES, of_phases, strict=True)
        for question, (is_open, says) in answers.items()
    ]


def _about(findings: list[Finding], question: str) -> list[str]:
    """Return what the findings that raise `question` are about."""
    return list(dict.fromkeys(f.about for f in findings if question in f.asks))


def _of_data(params: Params, proofs: list[ClassProof], findings: list[Finding]) -> Answers:
    data = params.data
    late, times, shared, traits = (
        _about(findings, question) for question in ("late", "time", "cluster", "sensitive")
    )
    unjudged = [proof.label for proof in proofs if proof.verdict == "not judged"]
    largest, rarest = (
        f"{one.label} ({one.rows:,}{unit})"
        for one, unit in (
            (max(proofs, key=lambda proof: proof.rows), " rows"),
            (_rarest(proofs), ""),
        )
    )
    classes = f"{data.target}: {len(proofs)} classes, from {largest} to {rarest}"
    enough = f"too few of {some(unjudged)}" if unjudged else "each can be judged"
    forbidden = f"{some(list(data.forbidden)) or 'nothing'} forbidden"
    suspected = f"; suspected: {some(late)}" if late else ""
    split = f"split by {params.prepare.split.by}, time {data.time or 'not named'}"
    return {
        "What is predicted?": (False, classes),
        "Are there rows enough of each class?": (bool(unjudged), enough),
        LATE: (bool(late), f"{forbidden}{suspected}"),
        "Do rows have an order in time?": (bool(times), f"{split}{_look_at(times)}"),
        "Which rows belong together?": (bool(shared), _named(data.cluster, shared)),
        "Which traits must not count?": (bool(traits), _named(data.sensitive, traits)),
    }


def _rarest(proofs: list[ClassProof]) -> ClassProof:
    return min(proofs, key=lambda proof: proof.rows)


def _look_at(names: list[str]) -> str:
    return f"; look at {some(names)}" if names else ""


def _named(names: list[str], others: list[str]) -> str:
    return f"{', '.join(names) or 'none'} named{_look_at(others)}"


def _of_success(params: Params, proofs: list[ClassProof]) -> Answers:
    metric, weights = params.scope.metric, params.train.decision_weights
    is_other = AIMS[metric] != weights
    aims = f"but train.decision_weights is {weights}" if is_other else "as the decision does"
    reached = {
        said: [proof.label for proof in proofs if proof.verdict == verdict]
        for verdict, said in (
            ("below", "below it on rows held back"),
            ("unproven", "too few test rows to prove it"),
            ("not known", "not known yet"),
        )
    }
    said = "".join(f"; {what}: {some(labels)}" for what, labels in reached.items() if labels)
    floors = f"floor {params.scope.recall_floor}{said}"
    return {
        "What is success?": (is_other, f"{metric}, {aims}"),
        "Which recall must each class reach?": (bool(said), floors),
    }


def _of_learning(params: Params, curve: Curve | None, gained: dict[str, Gain]) -> Answers:
    if curve is None:
        return {LEARNABLE: (True, "no model could be tried: too few rows of two classes")}
    metric = params.scope.metric
    gain = gained[metric]
    chance = 1 / len(curve.classes) if metric == "balanced_accuracy" else None
    against = f" (chance {chance:.2f})" if chance else ""
    reaches = f"{params.train.model} reaches {metric} {gain.now:.2f}{against}"
    twice = f"about {gain.gain:+.3f} {metric} ({gain.low:+.3f} to {gain.high:+.3f})"
    helps = "both" if gain.low > 0 and gain.gain >= 0.01 else "rather features"
    is_weak = chance is not None and gain.now < chance + 0.05
    return {
        LEARNABLE: (is_weak, f"{reaches} from {curve.sizes[-1]:,} rows"),
        "More rows or better features?": (True, f"doubling the rows: {twice}; {helps}"),
    }


def _of_deployment(
    params: Params, proofs: list[ClassProof], groups: list[GroupProof], findings: list[Finding]
) -> Answers:
    personal, costs = _about(findings, "personal"), params.evaluate.costs
    refer = params.evaluate.refer_below
    missed = (
        f"the data do not say what a missed {_rarest(proofs).label} costs against a false alarm"
    )
    decides = "the data do not say"
    if refer is not None:
        decides = f"a person, below a confidence of {refer:g} (evaluate.refer_below)"
    whose = f"personal: {some(personal)}" if personal else "no pattern of personal data found"
    ask = "ask who fills it in, and when; see the columns suspected"
    return {
        "What does an error cost?": (not costs, "as evaluate.costs says" if costs else missed),
        "Who decides, and may they overrule the model?": (refer is None, decides),
        "Is every feature known when the decision is due?": (True, ask),
        "Whose data are these?": (bool(personal), whose),
        "Who is treated otherwise?": _audit(params, groups),
    }


def _audit(params: Params, groups: list[GroupProof]) -> tuple[bool, str]:
    reason = params.data.no_sensitive
    if not groups:
        return reason is None, f"no sensitive column is named: {reason or 'not audited'}"
    unjudged, waived = (
        [f"{group.column} {group.group}" for group in groups if group.verdict == verdict]
        for verdict in ("not judged", "waived")
    )
    says = f"largest gap {params.scope.largest_gap}"
    says += f"; too few rows to audit {some(unjudged)}" if unjudged else ""
    says += f"; too few rows of {some(waived)}, which the suite lets pass" if waived else ""
    return bool(unjudged), says


def _of_monitoring(params: Params, proofs: list[ClassProof], findings: list[Finding]) -> Answers:
    moving, delay = _about(findings, "moves"), params.monitor.label_delay
    drift = "class shares do not change along any order found"
    if moving:
        drift = f"class shares change along {some(moving)}"
    elif not params.data.time:
        drift = "no time is named: drift could not be looked for"
    arrives = "without labels drift can be seen, but not whether the model is wrong"
    if delay is not None:
        arrives = f"about {delay:g} later (monitor.label_delay)"
    rarest = _rarest(proofs)
    per_thousand = 1000 * rarest.rows / sum(proof.rows for proof in proofs)
    cases = (
        f"the rarest class comes {per_thousand:.3g} times in 1,000 cases: {rarest.fewest:,} of it,"
        f" the fewest to judge by, take about {rarest.fewest / per_thousand * 1000:,.0f} cases"
    )
    return {
        "When does the truth arrive?": (delay is None, arrives),
        "What moves?": (bool(moving), drift),
        "After how many cases is a worse recall seen?": (True, cases),
    }
