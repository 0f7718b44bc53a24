"""Say before any training what the data hold, what they can prove and what a model will cost, and propose the suites."""

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis import _
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.columns import Column, copies, describe, findings, misfits, missing_findings
from stages.command import Refused, run
from stages.effort import Curve, Gain, effort_findings, gains, learn, time_gap, training_time
from stages.finding import Finding, heaviest_first
from stages.params import ROW_ID, Params, load_params
from stages.prepare import IS_TEST, KIND, MANY_COLUMNS, PROBLEM, assign, check_roles, check_target, conform, reject
from stages.proof import ClassProof, GroupProof, check_criteria, class_findings, group_findings, group_proofs, prove
from stages.scope_page import page
from stages.sources import RECORD, Raw, Source, load_sources, read
from stages.suspicious import (
    Contradictions,
    cluster_findings,
    contradiction_findings,
    contradictions,
    giveaways,
    group_rate_findings,
    group_rates,
    order_findings,
    orders,
)
from stages.tables import write_json, write_text
from stages.worklist import Task, work_list

MEMORY = "1GB"  # of the table engine; beyond it, it writes to disk
SAMPLE = 1_000_000  # rows that are held in memory at most
JUDGED = 20_000  # rows that trees and models are fitted on at most
JSON, HTML = "reports/scope.json", "reports/scope.html"
SCREEN = 8  # findings that fit


@dataclass(frozen=True)
class Scoping:
    """All that was found: what the page and the JSON say. `time` alone may differ from run to run."""

    source: str
    params: Params
    records: int
    rejected: dict[str, int]
    identical: int
    n_rows: int
    sampled: int
    columns: list[Column]
    classes: list[ClassProof]
    groups: list[GroupProof]
    aucs: dict[str, float]
    rates: pd.DataFrame
    contradictions: Contradictions
    curve: Curve | None
    gains: dict[str, Gain]
    findings: list[Finding]
    tasks: list[Task]
    time: str


def load_all() -> tuple[Params, str, Source]:
    """Return the checked params.yaml and the declared source; raises Refused with the problems of both files."""
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

    Goes through a file, as the stages do, so that types are those of data/prepared.
    """
    columns = [column for column in source.columns if column not in params.data.forbidden]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        _sides(judged, params).select(*columns, ROW_ID, RECORD, IS_TEST).order_by(ROW_ID).limit(SAMPLE).to_parquet(path)
        return pd.read_parquet(path)


def identical(judged: ibis.Table, params: Params) -> int:
    """Return how many records repeat another in every column, among those without another fault."""
    apart = [column for column in [params.data.time, *params.data.cluster] if column]
    whole = judged.filter(_[KIND].isnull() | (_[KIND] == "duplicate")).group_by(list(dict.fromkeys([ROW_ID, *apart]))).agg(n=_.count())
    return int(whole.aggregate(more=(_.n - 1).sum()).to_pandas()["more"].iloc[0])


def scope(judged: ibis.Table, columns: list[Column], raw: Raw, name: str, source: Source, params: Params) -> tuple[Scoping, pd.DataFrame]:
    """Return all that is to be said, and the sample of prepared rows from which suites are proposed.

    Columns, classes, duplicates and contradictions are of all rows; what needs a model or an order is of at most JUDGED rows, the
    training rows where the split is by time. With a random split rows that will be test rows are among them: nothing is chosen here.
    """
    data, seed = params.data, params.random_state
    kinds = judged[KIND].value_counts(name="n").to_pandas().dropna().set_index(KIND)["n"].astype(int).sort_index().to_dict()
    counts = class_counts(judged, params)
    check_criteria(params.scope, counts.sum(axis=1))
    rows = sample(judged, source, params)
    features = [column for column in source.columns if column not in data.not_features()]
    contradicting = contradictions(judged, features, data.target)
    repeats = identical(judged, params) if "duplicate" in kinds else 0
    judged.get_backend().disconnect()

    training = rows[~rows[IS_TEST]].head(JUDGED).reset_index(drop=True)
    tables = training.drop(columns=[RECORD, IS_TEST])
    with threadpool_limits(params.train.threads):
        aucs, suspected = giveaways(tables, data, seed)
        curve = learn(tables, params)
        gained = gains(curve, int(counts["train"].sum()), params.scope.metric, seed) if curve else {}
        late = _order(rows, params)
    recalls = {label: gained[f"recall of {label}"].at_all for label in curve.classes} if curve else {}
    proofs = [prove(label, row.train, row.test, params.scope.floor(label), recalls.get(label)) for label, row in counts.iterrows()]
    groups = group_proofs(rows, data, float(counts["test"].sum() / counts.to_numpy().sum()))
    rates = group_rates(rows, data)
    twins = [
        Finding("note", "data", ", ".join(group), "they are one another in other words", "one of them is enough")
        for group in copies(tables[features])
    ]
    found = [
        *findings(columns, data, source),
        *missing_findings(columns, data),
        *suspected,
        *class_findings(proofs, curve is not None),
        *late,
        *cluster_findings(rows.head(JUDGED), data),
        *contradiction_findings(contradicting, int(counts.to_numpy().sum())),
        *group_rate_findings(rates),
        *group_findings(groups, params.scope),
        *twins,
        *effort_findings(gained, params.scope),
    ]
    tasks = work_list(params, proofs, groups, curve, gained, found)
    spent = training_time(curve, int(counts["train"].sum()), params.train.folds) if curve else "not known"
    scoping = Scoping(
        name,
        params,
        raw.records_in_file,
        {"malformed": len(raw.rejects), **kinds} if len(raw.rejects) else kinds,
        repeats,
        int(counts.to_numpy().sum()),
        len(training),
        columns,
        proofs,
        groups,
        aucs,
        rates,
        contradicting,
        curve,
        gained,
        heaviest_first(found),
        tasks,
        spent,
    )
    return scoping, rows.drop(columns=[RECORD, IS_TEST])


def _order(rows: pd.DataFrame, params: Params) -> list[Finding]:
    """Return what is to be said of an order in time, from the whole sample."""
    target = rows[params.data.target]
    by = params.prepare.split.by
    times = orders(rows.drop(columns=[RECORD, IS_TEST]), params.data, rows[RECORD])
    found = order_findings(times, target, params.data, by)
    for name in list(times)[:-1] if by == "random" else []:
        part = rows.head(JUDGED)
        gap = time_gap(part.drop(columns=[RECORD, IS_TEST, *({name} - {params.data.target})]), times[name].loc[part.index], params)
        if gap and gap[1] - gap[0] >= 0.03:
            what = f"logistic regression reaches a mean recall of {gap[0]:.2f} on its latest fifth, {gap[1]:.2f} on a fifth at random"
            do = f"set data.time: {name} and prepare.split.by: time in params.yaml, else the test promises too much"
            found.append(Finding("look", "data", name, what, do))
    return found


def as_json(scoping: Scoping) -> dict[str, Any]:
    """Return the content of scope.json; all of it but `time` follows from the input."""
    curve = scoping.curve
    content = {field: value for field, value in vars(scoping).items() if field not in ("params", "rates", "curve", "columns", "time")}
    content |= {field: [asdict(one) for one in content[field]] for field in ("classes", "groups", "findings", "tasks")}
    content["columns"] = [asdict(column) | {"common": column.common[:8]} for column in scoping.columns]
    content["contradictions"] = asdict(scoping.contradictions)
    content["rates"] = scoping.rates.to_dict("records")
    content["gains"] = {name: asdict(gain) for name, gain in scoping.gains.items()}
    content["criteria"] = scoping.params.scope.model_dump()
    content["curve"] = None
    if curve:
        figures = {name: values.tolist() for name, values in curve.figures(scoping.params.scope.metric).items()}
        content["curve"] = {"model": curve.model, "sizes": curve.sizes, "left_out": curve.left_out, "figures": figures}
    return _rounded(content) | {"time": {"training": scoping.time}}


def _rounded(value: Any) -> Any:
    """Return `value` with every number to 6 digits, so that the last bit of a sum does not show."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def screen(scoping: Scoping) -> str:
    """Return one screen: rows, classes, the heaviest findings with what to do, and where the reports lie."""
    fate = ", ".join(f"{n:,} {kind}" for kind, n in scoping.rejected.items())
    lines = [
        f"{scoping.source}: {scoping.records:,} records, {len(scoping.columns)} columns; {scoping.n_rows:,} rows kept"
        + (f" ({fate})" if fate else ""),
        "",
        f"  {'class':<20}{'rows':>10}{'test':>8}{'floor':>7}{'provable up to':>16}  with a recall of {'':<5}",
    ]
    for proof in sorted(scoping.classes, key=lambda one: one.rows)[:6]:
        figures = f"{proof.rows:>10,}{proof.test:>8,}{proof.floor:>7.2f}{proof.best_low:>16.2f}"
        lines.append(f"  {proof.label[:19]:<20}{figures}  {proof.expected:.2f}: {proof.verdict}")
    if len(scoping.classes) > 6:
        lines.append(f"  and {len(scoping.classes) - 6} larger classes")
    lines.append("")
    for finding in scoping.findings[:SCREEN]:
        lines += [f"  {finding.weight:<5} {finding.about}: {finding.what}", f"        {finding.do}"]
    more = len(scoping.findings) - SCREEN
    n_open = sum(task.state == "open" for task in scoping.tasks)
    lines += [
        f"  and {more} more findings" if more > 0 else "",
        f"Training takes {scoping.time}; {n_open} of {len(scoping.tasks)} questions are open.",
    ]
    return "\n".join([*lines, f"Reports: {HTML}, {JSON}"])


def main() -> None:
    """Write both reports and the proposed suites, and print the screen; refused input leaves no report of this run."""
    params, name, source = load_all()
    con = ibis.duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        con.raw_sql(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}'")
        if len(source.columns) > MANY_COLUMNS:  # this optimizer compares each expression with each other
            con.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
        raw = read(con, name, source)
        judged, columns = judge(raw, name, source, params)
        scoping, _rows = scope(judged, columns, raw, name, source, params)
    write_json(as_json(scoping), JSON)
    write_text(page(scoping), HTML)
    print(screen(scoping))


if __name__ == "__main__":
    run(main)
