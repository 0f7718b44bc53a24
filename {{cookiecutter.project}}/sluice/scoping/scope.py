"""Say before any training what the data hold, what they can prove and what a model will cost,
and propose the suites.
"""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import Any, TypeVar

import ibis
import pandas as pd
from threadpoolctl import threadpool_limits

from sluice.audits.changes import changes, read_profile, write_profile
from sluice.audits.changes import tried as fit_small
from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Params, load_params
from sluice.core.private import show, shows_values
from sluice.core.tables import write_json, write_text
from sluice.core.text import say
from sluice.data.cleaning import MANY_COLUMNS
from sluice.data.role_checks import check_roles
from sluice.data.sources import Source, check_records, load_sources, read
from sluice.gates.messages import count
from sluice.gates.thresholds import Thresholds, thresholds
from sluice.scoping import floors
from sluice.scoping.clocks import clock_findings, clocks
from sluice.scoping.column_findings import copy_findings, findings, missing_findings, names_a_thing
from sluice.scoping.columns import Column
from sluice.scoping.detect import ensure_sources
from sluice.scoping.effort import (
    effort_findings,
    gains,
    learn,
    time_gap,
)
from sluice.scoping.finding import Finding, finding, heaviest_first
from sluice.scoping.forecast import (
    blocked,
    class_table,
    gate_findings,
    group_table,
    recall_findings,
)
from sluice.scoping.power import (
    ClassProof,
    GroupProof,
    check_criteria,
    class_findings,
    group_findings,
    group_proofs,
    prove,
)
from sluice.scoping.propose import propose, write
from sluice.scoping.propose_judged import Asked, judged_suites
from sluice.scoping.repeats import (
    equal_findings,
    label_findings,
    lost_findings,
    panel,
    panel_findings,
    with_one_answer,
)
from sluice.scoping.rows import MAX_JUDGED_ROWS, Rows, judge, rows_of
from sluice.scoping.scope_page import headline, page
from sluice.scoping.scoping import HTML, JSON, Scoping, Tried, as_json, screen
from sluice.scoping.suspicious import (
    cluster_findings,
    contradiction_findings,
    date_findings,
    giveaways,
    group_rate_findings,
    group_rates,
    order_findings,
    orders,
    split_by,
    told_by,
)
from sluice.scoping.worklist import work_list

MEMORY = "1GB"  # of the table engine; beyond it, it writes to disk
DIFFERENCES = "reports/proposals.txt"
KEPT = {
    "confirmed, so kept": "kept as you confirmed them",
    "edited, so kept": "kept as you edited them",
    "not in the suite, so left out": "left out, since you removed them",
}
LEAKAGE = Path("expectations/leakage.json")
LET_PASS = (
    "expectations/leakage.json lets that pass: nothing to do, if it is known before the target"
)
P = TypeVar("P", ClassProof, GroupProof)
WORSE = 0.03  # by how much later rows are harder than rows drawn at random


def load_all() -> tuple[Params, str, Source]:
    """Return the checked params.yaml and the declared source, which is detected where it is not
    declared yet.

    Raises UserError with the problems of both files.
    """
    ensure_sources()
    problems: list[str] = []
    loaded: list[Any] = []
    for load in (load_params, load_sources):
        try:
            loaded.append(load())
        except UserError as refusal:
            problems.append(str(refusal))
    if problems:
        raise UserError("\n".join(problems))
    [(name, source)] = loaded[1].sources.items()
    check_roles(loaded[0], source)
    return loaded[0], name, source


def attempt(rows: pd.DataFrame, n_train: int, limits: Thresholds, params: Params) -> Tried:
    """Return what trees and the model of params.yaml make of a sample of the `n_train` training
    rows.
    """
    aucs, suspected = giveaways(rows, params.data, limits, params.random_state)
    easy = [column for column, auc in aucs.items() if auc >= limits.gives_away]
    if LEAKAGE.is_file():
        values = {"column": list(aucs), "value": list(aucs.values())}
        easy = blocked("leakage", pd.DataFrame({"check": "gives_away", **values}), "column")
    suspected = [
        one
        if one.about in easy or one.weight != "stop"
        else replace(one, weight="note", do=LET_PASS)
        for one in suspected
    ]
    curve = learn(rows.drop(columns=easy), params)
    gained = gains(curve, n_train, params.scope.metric, params.random_state) if curve else {}
    recalls = curve.recalls(limits.support) if curve else {}
    measured = {params.scope.metric, *(f"recall of {label}" for label in recalls)}
    gained = {name: gain for name, gain in gained.items() if name in measured}
    return Tried(aucs, easy, suspected, curve, gained, recalls)


def proofs_of(
    found: Rows, recalls: dict[str, float], params: Params, limits: Thresholds
) -> tuple[list[ClassProof], list[GroupProof]]:
    """Return what the test rows can prove of each class and group; too few rows that the suites let
    pass are waived.

    By chance none is a test row yet, and any row may be one.
    """
    may_be = found.is_test if found.is_test.any() else ~found.is_test
    share = may_be * float(found.counts["test"].sum() / may_be.sum())
    classes = [
        prove(label, row.train, row.test, params.scope.floor(label), recalls.get(label), limits)
        for label, row in found.counts.iterrows()
    ]
    table = class_table(found.counts)
    open_classes = {*blocked("classes", table, "class"), *blocked("by_class", table, "class")}
    open_groups = []
    if params.data.sensitive:
        of_groups = group_table(found.rows, params.data, share)
        open_groups = blocked("by_group", of_groups, ["column", "group"])
    groups = group_proofs(found.rows, params.data, share, limits)
    return (
        [_waived(proof, proof.label not in open_classes) for proof in classes],
        [_waived(proof, (proof.column, proof.group) not in open_groups) for proof in groups],
    )


def _waived(proof: P, passes: bool) -> P:
    return replace(proof, verdict="waived") if passes and proof.verdict == "not judged" else proof


def scope(
    found: Rows, columns: list[Column], name: str, source: Source, params: Params
) -> tuple[Scoping, list[str]]:
    """Return all findings, and a line on each proposed suite.

    Columns, classes, duplicates and contradictions are of all rows; time, clusters and group rates
    of at most COUNTED; models of at most MAX_JUDGED_ROWS, which may be test rows where the split is
    random: nothing is chosen here.
    """
    asked = _asked(source, params)
    classes = list(found.counts.index)
    limits = _limits(found, asked, params)
    check_criteria(params.scope, found.counts.sum(axis=1), limits.seen)
    with threadpool_limits(params.train.threads):
        changed = _changed(found, params)
        tried = attempt(found.training, found.n_train, limits, params)
        of_rows = _of_rows(found, tried.easy, source, params)
    reached = tried.curve.found(limits.support) if tried.curve else {}
    criteria = floors.standing(floors.proposed(params.scope, classes, reached), classes)
    params = params.model_copy(update={"scope": criteria})
    proposed = write(propose(found.rows, params.data, criteria, found.n_rows, asked))
    proofs, of_groups = proofs_of(found, tried.recalls, params, limits)
    rates = group_rates(found.head, params.data)
    said = [
        *gate_findings(found, changed, name, params),
        *recall_findings(proofs),
        *tried.suspected,
        *class_findings(proofs, params.train.decision_weights, limits),
        *of_rows,
        *findings(columns, params.data, source, _told_by(found, columns, limits, params)),
        *missing_findings(columns, params.data),
        *group_rate_findings(rates),
        *group_findings(of_groups, criteria, limits),
        *copy_findings(found.training[found.features]),
        *effort_findings(tried.gains, criteria, _below(proofs)),
    ]
    said = heaviest_first(_with_panel(said, found, params))
    tasks = work_list(params, proofs, of_groups, (tried.curve, tried.gains), said)
    about = Scoping(name, params, found, columns, proofs, of_groups, tried, rates, said, tasks)
    return about, proposed


def _limits(found: Rows, asked: Asked, params: Params) -> Thresholds:
    """Return the thresholds of the suites on disk, or of those that will be proposed."""
    first = floors.proposed(params.scope, list(found.counts.index), {})
    return thresholds(judged_suites(found.rows, params.data, first, asked))


def _below(proofs: list[ClassProof]) -> list[str]:
    return [proof.label for proof in proofs if proof.verdict == "below"]


def _asked(source: Source, params: Params) -> Asked:
    equal_rows: Any = "drop" if source.drops_equal else source.equal_rows
    return Asked(equal_rows, params.prepare.split.keep_clusters_whole, params.evaluate.slices)


def _changed(found: Rows, params: Params) -> pd.DataFrame | None:
    """Remember the rows as they are now, and return the table that the gate changes will judge;
    None of a sample.
    """
    seed, today = params.random_state, pd.Timestamp.now()
    small = fit_small(found.rows, params.data, seed)
    write_profile(found.rows, found.n_rows, params.data, today, seed, small)
    if len(found.rows) < found.n_rows:
        return None
    return changes(found.rows, params.data, read_profile(), today, seed, small)


def _of_rows(found: Rows, easy: list[str], source: Source, params: Params) -> list[Finding]:
    """Return what is to be said of rows that repeat, contradict, or have an order in time."""
    data, split, rows = params.data, params.prepare.split, found.head
    times = orders(rows, data, found.record)
    of_panel = panel(found.with_lost, data, split, times)
    in_time = _order(rows, times, easy, params)
    return [
        *label_findings(found.of_labels, found.told, data.target, source),
        *lost_findings(found.told, found.kinds, found.n_train),
        *panel_findings(of_panel, data, split),
        *in_time,
        *date_findings(times, rows[data.target], data, in_time),
        *clock_findings(clocks(found.rows, data), data),
        *cluster_findings(rows, data),
        *equal_findings(found.told, found.n_rows, source, rows.drop(columns=[data.target, ROW_ID])),
        *contradiction_findings(found.contradicting, found.n_rows),
    ]


def _with_panel(said: list[Finding], found: Rows, params: Params) -> list[Finding]:
    """Return `said`, where the time and the cluster of a panel have one remedy."""
    data, split = params.data, params.prepare.split
    of_panel = panel(found.with_lost, data, split, orders(found.head, data, found.record))
    return with_one_answer(said, of_panel, panel_findings(of_panel, data, split))


def _told_by(
    found: Rows, columns: list[Column], limits: Thresholds, params: Params
) -> dict[str, str]:
    ids = [one.name for one in columns if one.name in found.features and names_a_thing(one)]
    return told_by(ids, found.training, params.data, limits, params.random_state)


def _order(
    rows: pd.DataFrame, times: dict[str, pd.Series], easy: list[str], params: Params
) -> list[Finding]:
    """Return what is to be said of the orders in time that `orders` found; `easy` columns are no
    features.
    """
    data, by = params.data, params.prepare.split.by
    found = order_findings(times, rows[data.target], data, by)
    part = rows.head(MAX_JUDGED_ROWS)
    for name in [name for name in times if name in rows.columns and by == "random"]:
        features = part.drop(columns=list({name, *easy} - {data.target}))
        gap = time_gap(features, times[name].loc[part.index], params)
        how = split_by(name, times[name], rows[data.target], data)
        if gap and how and gap[1] - gap[0] >= WORSE:
            one = finding("later_is_harder", name, late=gap[0], drawn=gap[1], how=how)
            found.append(replace(one, asks=("split",)) if data.time == name else one)
    return found


def main() -> None:
    """Write both reports and print the screen, then propose suites; refused input leaves no
    report of this run.
    """
    params, name, source = load_all()
    con = ibis.duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        con.raw_sql(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}'")
        if len(source.columns) > MANY_COLUMNS:
            # this optimizer compares each expression with each other
            con.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
        raw = read(con, name, source)
        check_records(raw, name, source)
        judged, columns = judge(raw, name, source, params)
        found = rows_of(judged, raw, source, params)
    scoping, proposed = scope(found, columns, name, source, params)
    if shows_values():
        ranges = [f"{one.name}: {one.low} to {one.high}" for one in columns if one.low is not None]
        show("scope", ranges)
    write_json(as_json(scoping), JSON)
    write_text(page(scoping), HTML)
    write_text("".join(f"{line}\n" for line in proposed), DIFFERENCES)
    say(*screen(scoping).split("\n"), "", *fill(headline(scoping)[1], 120).split("\n"))
    say("", *in_short(proposed))


def in_short(proposed: list[str]) -> list[str]:
    """Return how many suites and bounds were proposed or changed."""
    what = [line.split(": ", 1)[1] for line in proposed]
    new = [int(one.split()[1]) for one in what if one.startswith("proposed, ")]
    kinds = Counter(one.split(":")[0] for one in what if not one.startswith("proposed, "))
    lines = []
    if new:
        bounds = f"{count(len(new), 'suite')} with {count(sum(new), 'bound')}"
        lines.append(f"Proposed: {bounds}. `uv run sluice confirm` shows and confirms them.")
    if kinds:
        counts = ", ".join(f"{n} {KEPT.get(kind, kind)}" for kind, n in kinds.items())
        lines.append(f"Bounds: {counts}. {DIFFERENCES} lists them.")
    return lines or ["Suites: nothing is proposed that expectations/ does not hold."]
