"""Read the raw source, reject what does not conform, drop duplicates, and part the rows into training and test."""

import errno
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
from ibis import _

from stages.command import Refused, run
from stages.formats import MOST_CLASSES, PATTERNS, pattern
from stages.gate import gate, stop
from stages.groups import check_audit
from stages.params import ORIGIN, ROW_ID, Params, Split, load_params
from stages.private import show, shows_values
from stages.sources import RECORD, Raw, Source, load_sources, read
from stages.tables import REJECTED, TEST, TRAIN, whole, write_table

KINDS = ["malformed", "bad_value", "unlabelled", "duplicate", "key_conflict", "before_cutoff"]
PROBLEM, KIND, REASON, WRONG, CLUSTER, IS_TEST = "__problem", "__kind", "__reason", "__wrong", "__cluster", "__is_test"
TYPES = {"text": "string", "integer": "int64", "number": "float64", "boolean": "boolean", "date": "timestamp"}
WORDS = {"integer": "no integer of 64 bits", "number": "no finite number", "boolean": "neither true nor false", "date": "no ISO date"}
MANY_COLUMNS = 100
FORM = 30  # signs of how a value is written


@dataclass(frozen=True)
class Prepared:
    """Rows of a source after preparation: `rows` are accepted and carry IS_TEST; `rejects` say why the others are not."""

    rows: ibis.Table
    rejects: pd.DataFrame


def check_roles(params: Params, source: Source) -> None:
    """Raise Refused, all problems at once, if params.yaml gives a role to a column that is not there or cannot have it."""
    data, split, columns = params.data, params.prepare.split, source.columns
    roles = {
        "target": [data.target],
        "time": [data.time] if data.time else [],
        "cluster": data.cluster,
        "sensitive": data.sensitive,
        "forbidden": data.forbidden,
    }
    problems = [
        f"params.yaml: data.{role} is {column!r}, no column of {source.path}; it has {', '.join(columns)}"
        for role, names in roles.items()
        for column in names
        if column not in columns
    ]
    kind = columns.get(data.target)
    if kind in ("number", "date"):
        problems.append(
            f"data/sources.yaml: the target {data.target!r} is a {kind}; rows are sorted into classes here, so declare a label "
            "(text, integer or boolean)"
        )
    for column in data.sensitive:
        if columns.get(column) == "date":
            problems.append(f"data/sources.yaml: the sensitive column {column!r} is a date; groups need a text, number or boolean")
        if column in data.cut_points and columns.get(column) in ("text", "boolean"):
            problems.append(f"params.yaml: data.cut_points.{column} cuts a number, but data/sources.yaml has a {columns[column]} there")
    for column in source.key:
        if column not in data.not_features():
            problems.append(f"params.yaml: the key {column!r} would be a feature; name it in data.cluster or data.forbidden")
    allowed = {"integer": int, "date": date}.get(columns.get(data.time or "", ""))
    if split.by == "time" and data.time in columns and (allowed is None or not isinstance(split.test_from, allowed)):
        problems.append(
            f"params.yaml: prepare.split.test_from is {split.test_from!r}, but data.time {data.time!r} is of type {columns[data.time]}; "
            "both must be integers or both dates"
        )
    for column in columns:
        if column.lower() in (ROW_ID, ORIGIN) or column.startswith("__"):
            problems.append(f"data/sources.yaml: a column is named {column!r}, which the stages use themselves; rename it in the file")
    if set(columns) <= set(data.not_features()):
        problems.append(f"params.yaml: data leaves no feature: each column of {source.path} has another role")
    if problems:
        raise Refused("\n".join(problems))


def conform(raw: ibis.Table, source: Source) -> ibis.Table:
    """Return `raw` with each column trimmed and of its declared type, and PROBLEM: where no such value can stand, and its form."""
    typed, problems = [], []
    for column, kind in source.columns.items():
        text = raw[column].strip()
        text = ibis.ifelse(text.isin(source.missing), None, text) if source.missing else text
        value = _typed(text, kind, source.decimal)
        typed.append(value.name(column))
        if kind != "text":
            problem = f"{column} is {WORDS[kind]}: written as " + form(text)
            problems.append(ibis.ifelse(text.notnull() & value.isnull(), problem, None))
    said = ibis.array(problems).filter(lambda problem: problem.notnull()).join("; ") if problems else ibis.literal("")
    return raw.select(RECORD, *typed, said.nullif("").name(PROBLEM))


def form(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return how `text` is written, 9 for its digits and a for its letters: the value itself may tell of a person."""
    return text.re_replace("[0-9]+", "9").re_replace(r"\p{L}[\p{L}\p{M}]*", "a").substr(0, FORM)


def _typed(text: ibis.expr.types.StringValue, kind: str, decimal: str) -> ibis.Value:
    """Return `text` as `kind`, null where it is no such value: DuckDB alone would round 1.5 to 2 and take 'infinity' as a date.

    A boolean becomes 1 or 0, so that a column of them is a number whether or not values are missing.
    """
    if kind == "text":
        return text
    if kind == "integer":
        text = ibis.ifelse(text.re_search(pattern(kind, decimal)), text.re_replace(r"[.,]0*$", ""), None)
    elif kind in PATTERNS:
        text = ibis.ifelse(text.re_search(pattern(kind, decimal)), text.replace(decimal, ".") if decimal != "." else text, None)
    value = text.try_cast(TYPES[kind])
    if kind == "number":  # 1e999 has the pattern of a number, and is infinite
        return ibis.ifelse(value.isinf(), None, value)
    return value.cast("int64") if kind == "boolean" else value


def reject(rows: ibis.Table, params: Params, source: Source) -> ibis.Table:
    """Return `rows` with KIND and REASON, both null for rows that are kept.

    A row is a duplicate if another agrees with it in every column but time and cluster; the one that comes first stays.
    Rows that share the declared key but differ are all rejected: nobody can tell which is right.
    """
    data = params.data
    needed = [data.target, *([data.time] if data.time and params.prepare.split.by == "time" else []), *data.cluster]
    missing = ibis.array([ibis.ifelse(rows[column].isnull(), column, None) for column in dict.fromkeys(needed)])
    missing = missing.filter(lambda column: column.notnull()).join(", ").nullif("")
    apart = list(dict.fromkeys(column for column in [data.time, *data.cluster] if column))
    judged = rows.mutate(
        ibis.cases((_[PROBLEM].notnull(), "bad_value"), (missing.notnull(), "unlabelled")).name(KIND),
        ibis.coalesce(_[PROBLEM], missing + " is missing").name(REASON),
        row_id(rows, [column for column in source.columns if column not in apart]).name(ROW_ID),
    )
    nth = ibis.row_number().over(group_by=[KIND, ROW_ID], order_by=[*apart, RECORD])
    reason = "a row that was kept agrees in all columns" + (f" but {', '.join(apart)}" if apart else "")
    judged = _also(judged, nth > 0, "duplicate", reason)
    if source.key:
        rivals = _[RECORD].count().over(group_by=[KIND, *source.key])
        judged = _also(judged, rivals > 1, "key_conflict", f"other rows have the same key: {', '.join(source.key)}")
    return judged


def _also(judged: ibis.Table, wrong: ibis.Deferred, kind: str, reason: str) -> ibis.Table:
    """Return `judged` with rows that were kept so far, but are `wrong`, rejected as `kind`."""
    marked = judged.mutate((_[KIND].isnull() & wrong).name(WRONG))
    return marked.mutate(
        ibis.ifelse(_[WRONG], kind, _[KIND]).name(KIND),
        ibis.ifelse(_[WRONG], reason, _[REASON]).name(REASON),
    ).drop(WRONG)


def row_id(rows: ibis.Table, columns: list[str]) -> ibis.Value:
    """Return a name for each row (MD5, in hexadecimal) that it shares with the rows that agree in `columns`."""
    texts = [ibis.ifelse(rows[column].isnull(), "-", "+" + rows[column].cast("string")) for column in columns]
    return ibis.literal("\x1f").join(texts).hexdigest("md5")


def assign(rows: ibis.Table, params: Params) -> ibis.Table:
    """Return kept `rows` with IS_TEST, and with KIND and REASON where a cluster runs across the cut-off.

    By time a cluster goes where its latest row goes, and its rows from before the cut-off are rejected.
    """
    data, split = params.data, params.prepare.split
    if split.by == "random":
        return _assign_at_random(rows, data.target, data.cluster, split, params.random_state)
    time = rows[str(data.time)]
    cutoff = ibis.literal(split.test_from)
    latest = time.max().over(group_by=data.cluster) if data.cluster else time
    late = (latest >= cutoff) & (time < cutoff)
    return rows.mutate(
        (latest >= cutoff).name(IS_TEST),
        ibis.ifelse(late, "before_cutoff", None).name(KIND),
        ibis.ifelse(late, f"its cluster goes on after {data.time} {split.test_from}", None).name(REASON),
    )


def _assign_at_random(rows: ibis.Table, target: str, cluster: list[str], split: Split, random_state: int) -> ibis.Table:
    """Return `rows` with IS_TEST for a stratified share of the clusters; a row is its own cluster where none is declared."""
    from stages.split import test_clusters  # here, since a split by time has no use for scikit-learn, which takes a second to import

    order = cluster or [column for column in rows.columns if not column.startswith("__")]
    rank = ibis.dense_rank().over(order_by=order)  # follows from the values, not from the order in the file
    numbered = rows.get_backend().create_table("numbered", rows.mutate(rank.name(CLUSTER)), temp=True)
    labels = numbered.select(CLUSTER, target).to_pandas()
    test = test_clusters(labels[target], labels[CLUSTER], split.test_size, random_state)
    chosen = ibis.memtable({CLUSTER: sorted(test)})
    joined = numbered.left_join(chosen, CLUSTER)
    return joined.mutate(_[f"{CLUSTER}_right"].notnull().name(IS_TEST)).drop(CLUSTER, f"{CLUSTER}_right")


def prepare(raw: Raw, name: str, source: Source, params: Params) -> Prepared:
    """Return the rows of `raw` in a total order that follows from their values, and every rejected one with its reason."""
    con, target = raw.table.get_backend(), params.data.target
    # a table for each step: in one query DuckDB would plan every column's expressions inside each other
    conformed = con.create_table("conformed", conform(raw.table, source), temp=True)
    judged = reject(conformed, params, source).mutate(_[target].cast("string").name(target))
    judged = con.create_table("judged", judged, temp=True)
    kept = judged.filter(_[KIND].isnull())
    check_target(kept, target, name, judged, raw)
    check_audit(kept, params.data)
    assigned = con.create_table("assigned", assign(kept, params), temp=True)
    rejects = [raw.rejects]
    for table in (judged, assigned):
        found = table.filter(_[KIND].notnull()).select(RECORD, KIND, REASON).to_pandas()
        rejects.append(pd.DataFrame({"source": name, "line": raw.lines(found[RECORD]), "kind": found[KIND], "reason": found[REASON]}))
    if shows_values():
        wrong = judged.filter(_[KIND] == "bad_value").select(RECORD)
        found = raw.table.semi_join(wrong, RECORD).order_by(RECORD).to_pandas()
        cells = found.drop(columns=RECORD).to_dict("records")
        show("rejects", [f"{name}, line {line}: {row}" for line, row in zip(raw.lines(found[RECORD]), cells, strict=True)])
    rows = assigned.filter(_[KIND].isnull()).order_by(list(source.columns))
    not_empty = [table for table in rejects if len(table)] or rejects[:1]
    return Prepared(
        rows.select(*[column for column in source.columns if column not in params.data.forbidden], ROW_ID, IS_TEST),
        pd.concat(not_empty).sort_values("line", ignore_index=True),
    )


def check_target(kept: ibis.Table, target: str, name: str, judged: ibis.Table, raw: Raw) -> None:
    """Raise Refused unless the kept rows carry between two and MOST_CLASSES labels, one a row."""
    counts = kept[target].value_counts(name="__n").order_by(ibis.desc("__n"), target).limit(MOST_CLASSES + 1).to_pandas()
    if not raw.records_in_file:
        raise Refused(f"sources.{name}: its file (path in data/sources.yaml) has no row, only a header; put the data there")
    if counts.empty:
        reasons = pd.concat([raw.rejects["reason"], judged[REASON].to_pandas()]).value_counts().head(5)
        common = "\n".join(f"{n:,} times: {reason}" for reason, n in reasons.items())
        raise Refused(f"no row of sources.{name} is left of {raw.records_in_file:,}\n{common}")
    labels = counts[target]
    lists = labels[labels.str.match(r"^\s*(\[.*\]|\{.*\}|\(.*\))\s*$")]
    if len(lists):
        raise Refused(f"the target {target!r} holds lists in {len(lists):,} of its values; this pipeline takes one label a row")
    if len(labels) < 2:
        raise Refused(f"the target {target!r} is {labels.iloc[0]!r} in every row; a classifier needs two classes or more")
    if len(labels) > MOST_CLASSES:
        raise Refused(f"the target {target!r} has over {MOST_CLASSES} different values; it is continuous or an identifier, not a class")


def summarise(prepared: Prepared, raw: Raw, name: str, source: Source) -> pd.DataFrame:
    """Return the table of sources: how many records the file has, and where each of them went."""
    kinds = prepared.rejects["kind"].value_counts()
    sides = prepared.rows[IS_TEST].value_counts(name="__n").to_pandas().set_index(IS_TEST)["__n"]
    row: dict[str, Any] = {"source": name, "path": source.path, "records": raw.records_in_file}
    row |= {kind: int(kinds.get(kind, 0)) for kind in KINDS}
    row |= {"train": int(sides.get(False, 0)), "test": int(sides.get(True, 0))}
    row["unaccounted"] = row["records"] - sum(row[kind] for kind in KINDS) - row["train"] - row["test"]
    unusable = row["malformed"] + row["bad_value"] + row["unlabelled"] + row["key_conflict"]
    shares = {"unusable_share": unusable / max(row["records"], 1), "duplicate_share": row["duplicate"] / max(row["records"], 1)}
    return pd.DataFrame([row | shares])


def _write(rows: ibis.Table, path: Path) -> None:
    """Write `rows` to `path` as Parquet, in their order; raises OSError where that is not possible, as Python does."""
    try:
        rows.to_parquet(path)
    except duckdb.IOException as error:
        raise OSError(errno.EIO, str(error).splitlines()[0], str(path)) from None


def main() -> None:
    """Prepare the declared source; the tables get their names only after the gate on the sources passed."""
    params = load_params()
    [(name, source)] = load_sources().sources.items()
    check_roles(params, source)
    con = ibis.duckdb.connect()
    if len(source.columns) > MANY_COLUMNS:  # this optimizer compares each expression with each other
        con.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
    raw = read(con, name, source)
    prepared = prepare(raw, name, source, params)
    write_table(prepared.rejects, REJECTED)
    table = summarise(prepared, raw, name, source)
    write_table(table, "reports/sources.csv")
    with whole(TRAIN, TEST) as parts:
        for part, is_test in zip(parts, (False, True), strict=True):
            _write(prepared.rows.filter(_[IS_TEST] == is_test).drop(IS_TEST), part)
        stop([gate(table, "expectations/sources.json", "reports/gates/sources.json")])


if __name__ == "__main__":
    run(main)
