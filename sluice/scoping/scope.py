"""Say before any training what the data hold, what they can prove and what a model will cost,
and propose the suites.
"""

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any, TypeVar

import ibis
import pandas as pd
from ibis import _
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sluice.audits.changes import changes, read_profile, write_profile
from sluice.audits.changes import tried as fit_small
from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Params, load_params
from sluice.core.private import show, shows_values
from sluice.core.tables import read_parquet, write_json, write_text
from sluice.core.text import say
from sluice.data.assigning import IS_TEST, assign
from sluice.data.cells import PROBLEM, conform
from sluice.data.cleaning import MANY_COLUMNS, fates
from sluice.data.derived import add_features
from sluice.data.groups import check_audit, groups
from sluice.data.rejecting import KIND, N, check_classes, check_target, label_fates, reject
from sluice.data.role_checks import check_roles
from sluice.data.shares import lost_and_equal
from sluice.data.sources import RECORD, Raw, Source, check_records, load_sources, read
from sluice.gates.gate import find
from sluice.gates.suite import read_suite
from sluice.gates.thresholds import Thresholds, thresholds
from sluice.scoping import floors
from sluice.scoping.clocks import clock_findings, clocks
from sluice.scoping.column_findings import copy_findings, findings, missing_findings, names_a_thing
from sluice.scoping.columns import Column, describe, misfits
from sluice.scoping.detect import ensure_sources
from sluice.scoping.effort import (
    Curve,
    Gain,
    effort_findings,
    gains,
    learn,
    time_gap,
    training_time,
)
from sluice.scoping.finding import Finding, heaviest_first
from sluice.scoping.forecast import blocked, class_table, group_table, recall_table
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
from sluice.scoping.scope_page import headline, page
from sluice.scoping.scoping import HTML, JSON, Scoping, as_json, screen
from sluice.scoping.suspicious import (
    cluster_findings,
    contradiction_findings,
    contradictions,
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
MAX_SAMPLE_ROWS = 1_000_000  # rows that are held in memory at most
COUNTED, MAX_JUDGED_ROWS = (
    100_000,
    20_000,
)  # at most, rows that orders, clusters and groups are counted on, and that trees are fitted on
DIFFERENCES = "reports/proposals.txt"
SHOWN_PROPOSALS, WIDE = 12, 120  # lines of it on the screen, and signs of each
PREPARED, CHANGES, LEAKAGE = (
    "expectations/prepared.json",
    "expectations/changes.json",
    Path("expectations/leakage.json"),
)
UNUSABLE = (
    "malformed",
    "bad_value",
    "unlabelled",
    "key_conflict",
)  # kinds of records that are errors
LET_PASS = (
    "expectations/leakage.json lets that pass: nothing to do, if it is known before the target"
)
P = TypeVar("P", ClassProof, GroupProof)
STOPS = "at the recall of rows held back, its test rows prove that it is {:.2f} at most"
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


def judge(raw: Raw, name: str, source: Source, params: Params) -> tuple[ibis.Table, list[Column]]:
    """Return all records with their types, KIND, REASON and ROW_ID as the stage prepare gives them,
    and what each column holds.

    Raises UserError where no row is left or the target is no class, with the columns whose type
    does not hold.
    """
    con = raw.table.get_backend()
    conformed = con.create_table(
        "conformed", conform(raw.table, source, params.data.target), temp=True
    )
    wrong = misfits(raw.table, conformed, source)
    con.raw_sql("DROP TABLE raw")
    rows = int(conformed.count().to_pandas())
    progress = tqdm(source.columns.items(), desc="scope: columns", disable=not sys.stderr.isatty())
    columns = [
        describe(conformed, column, kind, rows, wrong.get(column, (0, [])))
        for column, kind in progress
    ]
    judged = (
        reject(conformed, params, source)
        .mutate(_[params.data.target].cast("string").name(params.data.target))
        .drop(PROBLEM)
    )
    judged = con.create_table("judged", judged, temp=True)
    con.raw_sql("DROP TABLE conformed")
    try:
        check_classes(judged, params.data.target, source)
        check_target(judged.filter(_[KIND].isnull()), params.data.target, name, judged, raw)
        check_audit(judged.filter(_[KIND].isnull()), params.data)
    except UserError as refusal:
        about = [
            f
            for f in findings(columns, params.data, source)
            if f.weight == "stop" and f.about in wrong
        ]
        raise UserError(
            "\n".join([str(refusal), *(f"{f.about}: {f.what}; {f.do}" for f in about)])
        ) from None
    return judged, columns


def parted(judged: ibis.Table, params: Params) -> ibis.Table:
    """Return the kept rows with IS_TEST and, by time, the KIND of those that a cut-off loses; at
    random none is a test row yet.
    """
    kept = judged.filter(_[KIND].isnull())
    if params.prepare.split.by == "time":
        return assign(kept, params)
    return kept.mutate(ibis.literal(False).name(IS_TEST))


def class_counts(sides: ibis.Table, params: Params) -> pd.DataFrame:
    """Return the training and test rows of each class as the configured split would have them:
    by time exactly, at random about.
    """
    target, split = params.data.target, params.prepare.split
    counts = (
        sides.filter(_[KIND].isnull())
        .group_by(target)
        .agg(_.count().name(N), _[IS_TEST].cast("int64").sum().name(IS_TEST))
    )
    found = counts.order_by(target).to_pandas().set_index(target)
    test = found[IS_TEST] if split.by == "time" else (found[N] * split.test_size).round()
    return pd.DataFrame({"train": found[N] - test, "test": test}).astype(int)


def sample(sides: ibis.Table, source: Source, params: Params) -> pd.DataFrame:
    """Return up to MAX_SAMPLE_ROWS rows with RECORD and, by time, IS_TEST and KIND, in the order of
    ROW_ID, a hash: an order of chance.

    Goes through a file, as the stages do, so that types are those of data/prepared, and closes the
    table engine.
    """
    columns = [column for column in source.columns if column not in params.data.forbidden]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        sides.select(*columns, ROW_ID, RECORD, IS_TEST, KIND).order_by(
            [ROW_ID, *columns, RECORD]
        ).limit(MAX_SAMPLE_ROWS).to_parquet(path)
        sides.get_backend().disconnect()  # its memory is needed
        return add_features(read_parquet(path), params.data)


@dataclass(frozen=True)
class Tried:
    """What came of fitting trees and models: how well each feature alone ranks a class, the
    learning curve, what more rows give.

    easy: the features that a gate would stop a model for, so that none is tried on them.
    """

    aucs: dict[str, float]
    easy: list[str]
    suspected: list[Finding]
    curve: Curve | None
    gains: dict[str, Gain]


def attempt(rows: pd.DataFrame, n_train: int, limits: Thresholds, params: Params) -> Tried:
    """Return what trees and the model of params.yaml make of a sample of the `n_train` training
    rows.
    """
    aucs, suspected = giveaways(rows, params.data, limits, params.random_state)
    easy = [column for column, auc in aucs.items() if auc >= limits.gives_away]
    if LEAKAGE.is_file():
        easy = blocked(
            "leakage",
            pd.DataFrame(
                {"check": "gives_away", "column": list(aucs), "value": list(aucs.values())}
            ),
            "column",
        )
    suspected = [
        (
            one
            if one.about in easy or one.weight != "stop"
            else replace(one, weight="note", do=LET_PASS)
        )
        for one in suspected
    ]
    curve = learn(rows.drop(columns=easy), params)
    gained = gains(curve, n_train, params.scope.metric, params.random_state) if curve else {}
    measured = {
        params.scope.metric,
        *(f"recall of {label}" for label in (curve.recalls(limits.support) if curve else {})),
    }
    return Tried(
        aucs,
        easy,
        suspected,
        curve,
        {name: gain for name, gain in gained.items() if name in measured},
    )


def proofs_of(
    rows: pd.DataFrame,
    is_test: pd.Series,
    counts: pd.DataFrame,
    recalls: dict[str, float],
    params: Params,
    limits: Thresholds,
) -> tuple[list[ClassProof], list[GroupProof]]:
    """Return what the test rows can prove of each class and group; too few rows that the suites let
    pass are waived.

    is_test: which `rows` are test rows; by chance none is yet, and any may be one. counts: of all
    rows.
    """
    may_be = is_test if is_test.any() else ~is_test
    share = may_be * float(counts["test"].sum() / may_be.sum())
    classes = [
        prove(label, row.train, row.test, params.scope.floor(label), recalls.get(label), limits)
        for label, row in counts.iterrows()
    ]
    table = class_table(counts)
    open_classes = {*blocked("classes", table, "class"), *blocked("by_class", table, "class")}
    open_groups = (
        blocked("by_group", group_table(rows, params.data, share), ["column", "group"])
        if params.data.sensitive
        else []
    )
    return (
        [_waived(proof, proof.label not in open_classes) for proof in classes],
        [
            _waived(proof, (proof.column, proof.group) not in open_groups)
            for proof in group_proofs(rows, params.data, share, limits)
        ],
    )


def _waived(proof: P, passes: bool) -> P:
    return replace(proof, verdict="waived") if passes and proof.verdict == "not judged" else proof


def gate_findings(
    kinds: dict[str, int],
    name: str,
    records: int,
    rows: pd.DataFrame,
    changed: pd.DataFrame | None,
    params: Params,
) -> list[Finding]:
    """Return what will stop the next run but for classes, groups and columns that give the target
    away.

    changed: the table that the gate changes will judge; None where `rows` are not all prepared
    rows: then neither it nor the suite of the prepared rows is asked.
    """
    data = params.data
    found = []
    unusable = sum(kinds.get(kind, 0) for kind in UNUSABLE)
    if blocked(
        "sources",
        pd.DataFrame({"source": [name], "unusable_share": [unusable / max(records, 1)]}),
        "source",
    ):
        what = (
            f"{unusable:,} of {records:,} records cannot be used: the gate sources will stop"
            " the run"
        )
        found.append(
            Finding(
                "stop", "data", name, what, "mend the file, or how data/sources.yaml declares it"
            )
        )
    if changed is not None:
        for suite, table in ((PREPARED, rows), (CHANGES, changed)):
            for sentence in [
                one.sentence.removeprefix("FAIL: ")
                for one in find(table, read_suite(suite))
                if one.blocks
            ]:
                what = f"the gate {Path(suite).stem} will stop the run: {sentence}"
                found.append(
                    Finding(
                        "stop",
                        "data",
                        suite,
                        what,
                        "mend the data, or that expectation if the data are right",
                    )
                )
    of_column = [
        {"column": column, "groups": groups(rows[column], data.cut_points.get(column)).nunique()}
        for column in data.sensitive
    ]
    for column in blocked("proxies", pd.DataFrame(of_column), "column") if of_column else []:
        what = (
            "all rows are of one group, so that none can be compared: the gate proxies will stop"
            " the run"
        )
        found.append(
            Finding(
                "stop",
                "data",
                column,
                what,
                "take it out of data.sensitive in params.yaml, or find rows of another group",
                ("sensitive",),
            )
        )
    return found


def recall_findings(proofs: list[ClassProof]) -> list[Finding]:
    """Return the classes whose recall, if it is what it was on rows held back, the gate by_class
    will stop.
    """
    table = recall_table(proofs)
    highest = table.set_index("class")["recall_high"].to_dict()
    do = (
        "better features or another model first; else a lower floor in expectations/by_class.json"
        " that its use can bear"
    )
    return [
        Finding(
            "look",
            "training",
            f"class {label}",
            f"the gate by_class is expected to stop the run: {STOPS.format(highest[label])}",
            do,
        )
        for label in blocked("by_class", table, "class")
    ]


def scope(
    judged: ibis.Table, columns: list[Column], raw: Raw, name: str, source: Source, params: Params
) -> tuple[Scoping, list[str]]:
    """Return all that is to be said, and a line on each suite, which is proposed before, since its
    thresholds are judged by.

    Columns, classes, duplicates and contradictions are of all rows, orders, clusters and group
    rates of at most COUNTED; what needs a model is of at most MAX_JUDGED_ROWS rows, the training
    rows where the split is by time. With a random split rows that will be test rows are among them:
    nothing is chosen here.
    """
    data = params.data
    kinds = (
        judged[KIND]
        .value_counts(name="n")
        .to_pandas()
        .dropna()
        .set_index(KIND)["n"]
        .astype(int)
        .sort_index()
        .to_dict()
    )
    kinds = {"malformed": len(raw.rejects), **kinds} if len(raw.rejects) else kinds
    sides = parted(judged, params)
    counts = class_counts(sides, params)
    features = [column for column in source.columns if column not in data.not_features()]
    contradicting = contradictions(judged, features, data.target)
    by_fate, of_labels = fates(judged, sides, data.target), label_fates(judged)
    told = lost_and_equal(by_fate)
    kinds |= {kind: int(by_fate[kind].sum()) for kind in ("before_cutoff",) if kind in by_fate}
    every = sample(sides, source, params)
    marked = every[every[KIND].isna()].drop(columns=KIND).reset_index(drop=True)

    rows = marked.drop(columns=[RECORD, IS_TEST])
    training = rows[~marked[IS_TEST]].head(MAX_JUDGED_ROWS).reset_index(drop=True)
    n_rows, n_train, classes = (
        int(counts.to_numpy().sum()),
        int(counts["train"].sum()),
        list(counts.index),
    )
    asked = Asked(
        "drop" if source.drops_equal else source.equal_rows,
        params.prepare.split.keep_clusters_whole,
        params.evaluate.slices,
    )
    limits = thresholds(
        judged_suites(rows, data, floors.proposed(params.scope, classes, {}), asked)
    )
    check_criteria(params.scope, counts.sum(axis=1), limits.seen)
    today = pd.Timestamp.now()
    with threadpool_limits(params.train.threads):
        small = fit_small(rows, data, params.random_state)
        write_profile(rows, n_rows, data, today, params.random_state, small)
        tried = attempt(training, n_train, limits, params)
        in_time = orders(rows.head(COUNTED), data, marked[RECORD].head(COUNTED))
        times = _order(rows.head(COUNTED), in_time, tried.easy, params)
    of_panel = panel(every[rows.columns].head(COUNTED), data, params.prepare.split, in_time)
    about_panel = panel_findings(of_panel, data, params.prepare.split)
    criteria = floors.proposed(
        params.scope, classes, tried.curve.found(limits.support) if tried.curve else {}
    )
    criteria = floors.standing(criteria, classes)
    params = params.model_copy(update={"scope": criteria})
    proposed = write(propose(rows, data, criteria, n_rows, asked))
    recalls = tried.curve.recalls(limits.support) if tried.curve else {}
    proofs, of_groups = proofs_of(rows, marked[IS_TEST], counts, recalls, params, limits)
    changed = (
        changes(rows, data, read_profile(), today, params.random_state, small)
        if len(rows) == n_rows
        else None
    )
    ids = [column.name for column in columns if column.name in features and names_a_thing(column)]
    rates = group_rates(rows.head(COUNTED), data)
    found = [
        *gate_findings(kinds, name, raw.records_in_file, rows, changed, params),
        *recall_findings(proofs),
        *tried.suspected,
        *class_findings(proofs, params.train.decision_weights, limits),
        *label_findings(of_labels, told, data.target, source),
        *lost_findings(told, kinds, n_train),
        *about_panel,
        *times,
        *date_findings(in_time, rows[data.target].head(COUNTED), data, times),
        *clock_findings(clocks(rows, data), data),
        *cluster_findings(rows.head(COUNTED), data),
        *equal_findings(
            told, n_rows, source, rows.head(COUNTED).drop(columns=[data.target, ROW_ID])
        ),
        *contradiction_findings(contradicting, n_rows),
        *findings(columns, data, source, told_by(ids, training, data, limits, params.random_state)),
        *missing_findings(columns, data),
        *group_rate_findings(rates),
        *group_findings(of_groups, criteria, limits),
        *copy_findings(training[features]),
        *effort_findings(
            tried.gains, criteria, [proof.label for proof in proofs if proof.verdict == "below"]
        ),
    ]
    found = with_one_answer(found, of_panel, about_panel)
    scoping = Scoping(
        source=name,
        params=params,
        records=raw.records_in_file,
        rejected=kinds,
        identical=told["equal"] + kinds.get("duplicate", 0),
        shares=told,
        n_rows=n_rows,
        sampled=len(training),
        columns=columns,
        classes=proofs,
        groups=of_groups,
        aucs=tried.aucs,
        easy=tried.easy,
        rates=rates,
        contradictions=contradicting,
        curve=tried.curve,
        gains=tried.gains,
        findings=heaviest_first(found),
        tasks=work_list(params, proofs, of_groups, tried.curve, tried.gains, found),
        time=(
            training_time(tried.curve, n_train, params.train.folds) if tried.curve else "not known"
        ),
    )
    return scoping, proposed


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
            what = (
                f"logistic regression reaches a mean recall of {gap[0]:.2f} on its latest fifth,"
                f" {gap[1]:.2f} on a fifth at random"
            )
            do = f"{how}, else the test promises too much"
            asks = ("split",) if data.time == name else ("split", "time")
            found.append(Finding("look", "data", name, what, do, asks))
    return found


def main() -> None:
    """Write both reports and print the screen, then propose suites; refused input leaves no
    report of this run.
    """
    params, name, source = load_all()
    con = ibis.duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        con.raw_sql(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}'")
        if (
            len(source.columns) > MANY_COLUMNS
        ):  # this optimizer compares each expression with each other
            con.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
        raw = read(con, name, source)
        check_records(raw, name, source)
        judged, columns = judge(raw, name, source, params)
        scoping, proposed = scope(judged, columns, raw, name, source, params)
    if shows_values():
        show(
            "scope",
            [
                f"{column.name}: {column.low} to {column.high}"
                for column in columns
                if column.low is not None
            ],
        )
    write_json(as_json(scoping), JSON)
    write_text(page(scoping), HTML)
    say(*screen(scoping).split("\n"), "", *fill(headline(scoping)[1], 120).split("\n"))
    write_text("".join(f"{line}\n" for line in proposed), DIFFERENCES)
    more = (
        [f"and {len(proposed) - SHOWN_PROPOSALS} more: {DIFFERENCES} has them whole"]
        if len(proposed) > SHOWN_PROPOSALS
        else []
    )
    told = [
        line if len(line) <= WIDE else line[: WIDE - 3] + "..."
        for line in proposed[:SHOWN_PROPOSALS]
    ]
    say(
        "",
        "Suites (expectations/*.json), proposed anew; what a person confirmed, edited or removed"
        " stays so:",
    )
    say(*(f"  {line}" for line in [*told, *more]))
