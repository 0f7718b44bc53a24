"""Say before any training what the data hold, what they can prove and what a model will cost, and propose the suites."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis import _
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.before.column_findings import copy_findings, findings, missing_findings
from stages.before.columns import Column, describe, misfits
from stages.before.effort import Curve, Gain, effort_findings, gains, learn, time_gap, training_time
from stages.before.finding import Finding, heaviest_first
from stages.before.proof import check_criteria, class_findings, group_findings, group_proofs, prove
from stages.before.propose import propose, write
from stages.before.scope_page import page
from stages.before.scoping import HTML, JSON, Scoping, as_json, screen
from stages.before.suspicious import (
    GIVES_AWAY,
    cluster_findings,
    contradiction_findings,
    contradictions,
    giveaways,
    group_rate_findings,
    group_rates,
    order_findings,
    orders,
)
from stages.before.worklist import work_list
from stages.command import Refused, run
from stages.detect import complete
from stages.groups import check_audit
from stages.params import ROW_ID, Params, load_params
from stages.prepare import IS_TEST, KIND, MANY_COLUMNS, PROBLEM, assign, check_roles, check_target, conform, reject
from stages.sources import RECORD, Raw, Source, load_sources, read
from stages.tables import write_json, write_text
from stages.text import say

MEMORY = "1GB"  # of the table engine; beyond it, it writes to disk
SAMPLE = 1_000_000  # rows that are held in memory at most
COUNTED, JUDGED = 100_000, 20_000  # at most, rows that orders, clusters and groups are counted on, and that trees are fitted on
DIFFERENCES = "reports/proposals.txt"
TOLD, WIDE = 12, 120  # lines of it on the screen, and signs of each
WORSE = 0.03  # by how much later rows are harder than rows drawn at random


def load_all() -> tuple[Params, str, Source]:
    """Return the checked params.yaml and the declared source, of which a Parquet file's columns are declared first.

    Raises Refused with the problems of both files.
    """
    complete()
    problems: list[str] = []
    loaded: list[Any] = []
    for load in (load_params, load_sources):
        try:
            loaded.append(load())
        except Refused as refusal:
            problems.append(str(refusal))
    if problems:
        raise Refused("\n".join(problems))
    [(name, source)] = loaded[1].sources.items()
    check_roles(loaded[0], source)
    return loaded[0], name, source


def judge(raw: Raw, name: str, source: Source, params: Params) -> tuple[ibis.Table, list[Column]]:
    """Return all records with their types, KIND, REASON and ROW_ID as the stage prepare gives them, and what each column holds.

    Raises Refused where no row is left or the target is no class, with the columns whose type does not hold.
    """
    con = raw.table.get_backend()
    conformed = con.create_table("conformed", conform(raw.table, source), temp=True)
    wrong = misfits(raw.table, conformed, source)
    con.raw_sql("DROP TABLE raw")
    rows = int(conformed.count().to_pandas())
    progress = tqdm(source.columns.items(), desc="scope: columns", disable=not sys.stderr.isatty())
    columns = [describe(conformed, column, kind, rows, wrong.get(column, (0, []))) for column, kind in progress]
    judged = reject(conformed, params, source).mutate(_[params.data.target].cast("string").name(params.data.target)).drop(PROBLEM)
    judged = con.create_table("judged", judged, temp=True)
    con.raw_sql("DROP TABLE conformed")
    try:
        check_target(judged.filter(_[KIND].isnull()), params.data.target, name, judged, raw)
        check_audit(judged.filter(_[KIND].isnull()), params.data)
    except Refused as refusal:
        about = [f for f in findings(columns, params.data, source) if f.weight == "stop" and f.about in wrong]
        raise Refused("\n".join([str(refusal), *(f"{f.about}: {f.what}; {f.do}" for f in about)])) from None
    return judged, columns


def _sides(judged: ibis.Table, params: Params) -> ibis.Table:
    """Return the kept rows with IS_TEST where the split is by time; by chance no row is a test row yet."""
    kept = judged.filter(_[KIND].isnull())
    if params.prepare.split.by == "time":
        return assign(kept, params).filter(_[KIND].isnull())
    return kept.mutate(ibis.literal(False).name(IS_TEST))


def class_counts(judged: ibis.Table, params: Params) -> pd.DataFrame:
    """Return the training and test rows of each class as the configured split would have them: by time exactly, at random about."""
    target, split = params.data.target, params.prepare.split
    counts = _sides(judged, params).group_by(target).agg(n=_.count(), test=_[IS_TEST].cast("int64").sum())
    found = counts.order_by(target).to_pandas().set_index(target)
    test = found["test"] if split.by == "time" else (found["n"] * split.test_size).round()
    return pd.DataFrame({"train": found["n"] - test, "test": test}).astype(int)


def sample(judged: ibis.Table, source: Source, params: Params) -> pd.DataFrame:
    """Return up to SAMPLE kept rows with RECORD and, by time, IS_TEST, in the order of ROW_ID, a hash: an order of chance.

    Goes through a file, as the stages do, so that types are those of data/prepared, and closes the table engine.
    """
    columns = [column for column in source.columns if column not in params.data.forbidden]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        _sides(judged, params).select(*columns, ROW_ID, RECORD, IS_TEST).order_by(ROW_ID).limit(SAMPLE).to_parquet(path)
        judged.get_backend().disconnect()  # its memory is needed
        return pd.read_parquet(path)


def identical(judged: ibis.Table, params: Params) -> int:
    """Return how many records repeat another in every column, among those without another fault."""
    apart = [column for column in [params.data.time, *params.data.cluster] if column]
    whole = judged.filter(_[KIND].isnull() | (_[KIND] == "duplicate")).group_by(list(dict.fromkeys([ROW_ID, *apart]))).agg(n=_.count())
    return int(whole.aggregate(more=(_.n - 1).sum()).to_pandas()["more"].iloc[0])


@dataclass(frozen=True)
class Tried:
    """What came of fitting trees and models: how well each feature alone ranks a class, the learning curve, what more rows give."""

    aucs: dict[str, float]
    suspected: list[Finding]
    curve: Curve | None
    gains: dict[str, Gain]

    @property
    def easy(self) -> list[str]:
        """Return the features that give the target away: a gate would stop a model that sees them, so that none is tried on them."""
        return [column for column, auc in self.aucs.items() if auc >= GIVES_AWAY]


def attempt(rows: pd.DataFrame, n_train: int, params: Params) -> Tried:
    """Return what trees and the model of params.yaml make of a sample of the `n_train` training rows."""
    aucs, suspected = giveaways(rows, params.data, params.random_state)
    curve = learn(rows.drop(columns=Tried(aucs, [], None, {}).easy), params)
    return Tried(aucs, suspected, curve, gains(curve, n_train, params.scope.metric, params.random_state) if curve else {})


def scope(judged: ibis.Table, columns: list[Column], raw: Raw, name: str, source: Source, params: Params) -> tuple[Scoping, pd.DataFrame]:
    """Return all that is to be said, and the sample of prepared rows from which suites are proposed.

    Columns, classes, duplicates and contradictions are of all rows, orders, clusters and group rates of at most COUNTED; what
    needs a model is of at most JUDGED rows, the training rows where the split is by time. With a random split rows that will be
    test rows are among them: nothing is chosen here.
    """
    data = params.data
    kinds = judged[KIND].value_counts(name="n").to_pandas().dropna().set_index(KIND)["n"].astype(int).sort_index().to_dict()
    counts = class_counts(judged, params)
    check_criteria(params.scope, counts.sum(axis=1))
    features = [column for column in source.columns if column not in data.not_features()]
    contradicting = contradictions(judged, features, data.target)
    repeats = identical(judged, params) if "duplicate" in kinds else 0
    marked = sample(judged, source, params)

    rows = marked.drop(columns=[RECORD, IS_TEST])
    training = rows[~marked[IS_TEST]].head(JUDGED).reset_index(drop=True)
    n_rows, n_train = int(counts.to_numpy().sum()), int(counts["train"].sum())
    with threadpool_limits(params.train.threads):
        tried = attempt(training, n_train, params)
        times = _order(rows.head(COUNTED), marked[RECORD].head(COUNTED), tried.easy, params)
    recalls = tried.curve.recalls() if tried.curve else {}
    proofs = [prove(label, row.train, row.test, params.scope.floor(label), recalls.get(label)) for label, row in counts.iterrows()]
    groups = group_proofs(rows, data, (n_rows - n_train) / n_rows)
    rates = group_rates(rows.head(COUNTED), data)
    found = [
        *tried.suspected,
        *class_findings(proofs, tried.curve is not None),
        *times,
        *cluster_findings(rows.head(COUNTED), data),
        *contradiction_findings(contradicting, n_rows),
        *findings(columns, data, source),
        *missing_findings(columns, data),
        *group_rate_findings(rates),
        *group_findings(groups, params.scope),
        *copy_findings(training[features]),
        *effort_findings(tried.gains, params.scope),
    ]
    scoping = Scoping(
        source=name,
        params=params,
        records=raw.records_in_file,
        rejected={"malformed": len(raw.rejects), **kinds} if len(raw.rejects) else kinds,
        identical=repeats,
        n_rows=n_rows,
        sampled=len(training),
        columns=columns,
        classes=proofs,
        groups=groups,
        aucs=tried.aucs,
        rates=rates,
        contradictions=contradicting,
        curve=tried.curve,
        gains=tried.gains,
        findings=heaviest_first(found),
        tasks=work_list(params, proofs, groups, tried.curve, tried.gains, found),
        time=training_time(tried.curve, n_train, params.train.folds) if tried.curve else "not known",
    )
    return scoping, rows


def _order(rows: pd.DataFrame, record: pd.Series, easy: list[str], params: Params) -> list[Finding]:
    """Return what is to be said of an order in time; `record`: the order in the file; `easy` columns are no features."""
    data, by = params.data, params.prepare.split.by
    times = orders(rows, data, record)
    found = order_findings(times, rows[data.target], data, by)
    part = rows.head(JUDGED)
    for name in [name for name in times if name in rows.columns and by == "random"]:
        features = part.drop(columns=list({name, *easy} - {data.target}))
        gap = time_gap(features, times[name].loc[part.index], params)
        if gap and gap[1] - gap[0] >= WORSE:
            what = f"logistic regression reaches a mean recall of {gap[0]:.2f} on its latest fifth, {gap[1]:.2f} on a fifth at random"
            do = f"set data.time: {name} and prepare.split.by: time in params.yaml, else the test promises too much"
            found.append(Finding("look", "data", name, what, do))
    return found


def main() -> None:
    """Write both reports and print the screen, then propose suites; refused input leaves no report of this run."""
    params, name, source = load_all()
    con = ibis.duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        con.raw_sql(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}'")
        if len(source.columns) > MANY_COLUMNS:  # this optimizer compares each expression with each other
            con.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
        raw = read(con, name, source)
        judged, columns = judge(raw, name, source, params)
        scoping, rows = scope(judged, columns, raw, name, source, params)
    write_json(as_json(scoping), JSON)
    write_text(page(scoping), HTML)
    say(*screen(scoping).split("\n"))
    duplicate_share = scoping.rejected.get("duplicate", 0) / scoping.records
    proposed = write(propose(rows, params.data, params.scope, scoping.n_rows, duplicate_share, params.evaluate.slices))
    write_text("".join(f"{line}\n" for line in proposed), DIFFERENCES)
    more = [f"and {len(proposed) - TOLD} more: {DIFFERENCES} has them whole"] if len(proposed) > TOLD else []
    told = [line if len(line) <= WIDE else line[: WIDE - 3] + "..." for line in proposed[:TOLD]]
    say("", "Suites (expectations/*.json), proposed anew; what a person confirmed, edited or removed stays so:")
    say(*(f"  {line}" for line in [*told, *more]))


if __name__ == "__main__":
    run(main)
