"""Read the raw source, reject what does not conform, and part the rows into training and test,
equal rows on one side.
"""

import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
from ibis import _

from sluice.core.command import UserError
from sluice.core.formats import MAX_CLASSES, OFFSET, PATTERNS, RESERVED, SPACES, date_pattern
from sluice.core.numbers import EXPONENT_ALONE, LEADING_ZERO, ZERO_AT_END, Notation
from sluice.core.params import ROW_ID, Params, Split
from sluice.core.private import show, shows_values
from sluice.data.groups import check_audit
from sluice.data.shares import alike, lost_and_equal, vanished
from sluice.data.sources import RECORD, Raw, Source, as_text

KINDS = ["malformed", "bad_value", "unlabelled", "duplicate", "key_conflict", "before_cutoff"]
PROBLEM, KIND, REASON = f"{RESERVED}problem", f"{RESERVED}kind", f"{RESERVED}reason"
WRONG, CLUSTER, IS_TEST, N = (
    f"{RESERVED}wrong",
    f"{RESERVED}cluster",
    f"{RESERVED}is_test",
    f"{RESERVED}n",
)
LABEL = f"{RESERVED}label"
NTH, EQUAL = f"{RESERVED}nth", f"{RESERVED}equal"
SQL_TYPES = {
    "text": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "boolean",
    "date": "timestamp",
}
WORDS = {
    "integer": "no integer of 64 bits",
    "number": "no finite number",
    "boolean": "neither true nor false",
    "date": "no ISO date",
}
LABELS = 1000  # as the file writes them, that are looked at
MANY_COLUMNS = 100
BESIDE_KEY = [
    "decision",
    "confidence",
    "referred",
    "model_version",
    "drawn",
]  # by score and monitor
FORM = 30  # signs of how a value is written


@dataclass(frozen=True)
class Prepared:
    """Rows of a source after preparation: `rows` are accepted and carry IS_TEST; `rejects` say why
    the others are not.

    `counts`: how many rows of each class (index) were kept, are equal to an earlier one, or were
    left out (see `fates`).
    """

    rows: ibis.Table
    rejects: pd.DataFrame
    counts: pd.DataFrame


def check_roles(params: Params, source: Source) -> None:
    """Raise UserError, all problems at once, if params.yaml gives a role to a column that is not
    there or cannot have it.
    """
    data, split, columns = params.data, params.prepare.split, source.columns
    roles = {
        "target": [data.target],
        "time": [data.time] if data.time else [],
        "cluster": data.cluster,
        "sensitive": data.sensitive,
        "forbidden": data.forbidden,
    }
    problems = [
        f"params.yaml: data.{role} is {column!r}, no column of {source.path}; it has"
        f" {', '.join(columns)}"
        for role, names in roles.items()
        for column in names
        if column not in columns
    ]
    kind = columns.get(data.target)
    if kind in ("number", "date"):
        problems.append(
            f"data/sources.yaml: the target {data.target!r} is a {kind}; rows are sorted into"
            " classes here, so declare a label (text, integer or boolean)"
        )
    for column in data.sensitive:
        if columns.get(column) == "date":
            problems.append(
                f"data/sources.yaml: the sensitive column {column!r} is a date; groups need a text,"
                " number or boolean"
            )
        if column in data.cut_points and columns.get(column) in ("text", "boolean"):
            problems.append(
                f"params.yaml: data.cut_points.{column} cuts a number, but data/sources.yaml has a"
                f" {columns[column]} there"
            )
    for column in source.key:
        if column == data.target:
            problems.append(
                f"data/sources.yaml: the key names the target {column!r}; a key tells rows apart,"
                " and is known before the label"
            )
        if column not in data.not_features():
            problems.append(
                f"params.yaml: the key {column!r} would be a feature; name it in data.cluster or"
                " data.forbidden"
            )
        if column in BESIDE_KEY:
            problems.append(
                f"data/sources.yaml: the key {column!r} is called as a column that is written"
                " beside it; rename it in the file"
            )
    for column in source.no_content:
        if column not in data.forbidden:
            problems.append(
                f"data/sources.yaml: no_content names {column!r}, which params.yaml uses; name it"
                " in data.forbidden of params.yaml as well, or take it out of no_content"
            )
    allowed = {"integer": int, "date": str}.get(columns.get(data.time or "", ""))
    if (
        split.by == "time"
        and data.time in columns
        and (allowed is None or not isinstance(split.test_from, allowed))
    ):
        problems.append(
            f"params.yaml: prepare.split.test_from is {split.test_from!r}, but data.time"
            f" {data.time!r} is of type {columns[data.time]}; both must be integers, or the column"
            ' a date and test_from one in quotes, such as "2024-01-31"'
        )
    if set(columns) <= set(data.not_features()):
        problems.append(
            f"params.yaml: data leaves no feature: each column of {source.path} has another role"
        )
    if problems:
        raise UserError("\n".join(problems))


def _trimmed(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return `text` without the spaces of any kind at its ends; strip leaves no-break spaces
    there.
    """
    return text.re_replace(f"^[{SPACES}]+|[{SPACES}]+$", "")


def cell(raw: ibis.Table, column: str, source: Source) -> ibis.expr.types.StringValue:
    """Return the text of `column` as it counts: trimmed, in one case where that is declared, and
    null for a missing value.
    """
    text = _trimmed(as_text(raw[column]))
    if words := source.missing_words(column):
        text = ibis.ifelse(text.isin(words), None, text)
    return text.lower().re_replace(f"[{SPACES}]+", " ") if column in source.ignore_case else text


def conform(raw: ibis.Table, source: Source, target: str | None = None) -> ibis.Table:
    """Return `raw` with each column trimmed and of its declared type, and PROBLEM: where no such
    value can stand, and its form.

    What has a type already, as in Parquet, is judged as text as well, but not in the notation that
    data/sources.yaml declares for text. target: the column of which LABEL holds what the file
    writes, for rows that have no label.
    """
    typed, problems, twice = [], [], second_spellings(raw, source)
    for column, kind in source.columns.items():
        is_text = raw[column].type().is_string()
        text, notation = (
            cell(raw, column, source),
            source.notation(column) if is_text else Notation(),
        )
        plain = _plain(text, kind, notation) if kind in ("integer", "number") else text
        value = (
            _date(text, source.date_formats.get(column) if is_text else None)
            if kind == "date"
            else _typed(plain, kind)
        )
        if kind != "text":
            like = f" such as {notation.said()}" if column in source.number_formats else ""
            no_such = (
                f"no date written {source.date_formats[column]}"
                if is_text and column in source.date_formats
                else WORDS[kind]
            )
            wrong = [
                (
                    text.notnull() & value.isnull(),
                    f"{column} is {no_such}{like}: written as " + form(text),
                )
            ]
            if is_text and column in source.one_spelling:
                code = _code(plain, twice.get(column, []))
                reason = (
                    f"{column} "
                    + code
                    + ", see one_spelling in data/sources.yaml: written as "
                    + form(text)
                )
                wrong, value = (
                    [(code.notnull(), reason), *wrong],
                    ibis.ifelse(code.notnull(), None, value),
                )
            problems.append(ibis.cases(*wrong))
        numbers = (
            _numbers(source.missing_words(column), source.notation(column))
            if kind in ("integer", "number")
            else []
        )
        typed.append(
            (ibis.ifelse(value.isin(numbers), None, value) if numbers else value).name(column)
        )
    said = (
        ibis.array(problems).filter(lambda problem: problem.notnull()).join("; ")
        if problems
        else ibis.literal("")
    )
    label = [_trimmed(as_text(raw[target])).name(LABEL)] if target else []
    return raw.select(RECORD, *typed, said.nullif("").name(PROBLEM), *label)


def _numbers(words: list[str], notation: Notation) -> list[float]:
    """Return the numbers among `words`: where -9 means missing, so does -9.0, as a column of
    Parquet may hold it.
    """
    return [
        float(notation.plain(word)) for word in words if re.search(notation.pattern("number"), word)
    ]


def form(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return how `text` is written, 9 for its digits and a for its letters: the value itself may
    tell of a person.
    """
    return text.re_replace("[0-9]+", "9").re_replace(r"\p{L}[\p{L}\p{M}]*", "a").substr(0, FORM)


def _plain(
    text: ibis.expr.types.StringValue, kind: str, notation: Notation
) -> ibis.expr.types.StringValue:
    """Return `text` as a number that DuckDB reads, null where it is not written as `notation`
    says.
    """
    plain = ibis.ifelse(text.re_search(notation.pattern(kind)), text, None)
    for regex, new in notation.steps():
        plain = plain.re_replace(regex, new)
    return plain.re_replace(r"\.0*$", "") if kind == "integer" else plain


def second_spellings(raw: ibis.Table, source: Source) -> dict[str, list[str]]:
    """Return for each column of `one_spelling` the numbers that stand there in two ways, as 1.1
    and 1.10, without zeros at their end.
    """
    columns = [
        column
        for column in source.one_spelling
        if source.columns.get(column) == "number" and raw[column].type().is_string()
    ]
    texts = {column: cell(raw, column, source) for column in columns}
    ends = [
        raw[column].re_search(r"[.,][0-9]*[1-9]0+([^0-9]|$)").any().name(column)
        for column in columns
    ]  # few columns have any
    few = raw.aggregate(ends).to_pandas().iloc[0] if columns else {}
    found = {}
    for column in [column for column in columns if few[column]]:
        plain = raw.select(plain=_plain(texts[column], "number", source.notation(column)))
        spelled = plain.group_by(short=_short(plain.plain)).agg(
            first=_.plain.min(), last=_.plain.max()
        )
        found[column] = spelled.filter(_.first != _.last)["short"].to_pandas().tolist()
    return found


def _short(plain: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """Return numbers without the zeros that end a fraction."""
    return plain.re_replace(r"(\.[0-9]*[1-9])0+$", r"\1")


def _code(plain: ibis.expr.types.StringValue, twice: list[str]) -> ibis.expr.types.StringValue:
    """Return why a number may be a code, null where it is one: what was taken for numbers had no
    such value when it was looked at.

    twice: the numbers that `second_spellings` found.
    """
    reasons = [
        (plain.re_search(LEADING_ZERO), "has a leading zero"),
        (plain.re_search(EXPONENT_ALONE), "may be a code or a power of ten"),
    ]
    if twice:
        reasons.append(
            (
                plain.re_search(ZERO_AT_END) & _short(plain).isin(twice),
                "is written in two ways, as 1.10 beside 1.1",
            )
        )
    return ibis.cases(*reasons)


def _typed(text: ibis.expr.types.StringValue, kind: str) -> ibis.Value:
    """Return `text`, in which a number is written as DuckDB reads it, as `kind` (not a date), null
    where it is no such value.

    A boolean becomes 1 or 0, so that a column of them is a number whether or not values are
    missing.
    """
    if kind == "text":
        return text
    if kind == "boolean":
        text = text.re_replace(r"\.0+$", "")  # as pandas writes 1 beside what is missing
    value = text.try_cast(SQL_TYPES[kind])
    if kind == "number":  # 1e999 has the pattern of a number, and is infinite
        return ibis.ifelse(value.isinf(), None, value)
    return value.cast("int64") if kind == "boolean" else value


def _date(text: ibis.expr.types.StringValue, written: str | None) -> ibis.Value:
    """Return `text`, ISO dates or those of the format `written`, as time stamps of UTC, null where
    it is no such day.

    DuckDB alone would take 'infinity' as a date, and pass over the offset of a time stamp.
    """
    if written is None:
        text = ibis.ifelse(text.re_search(PATTERNS["date"]), text, None)
        return ibis.ifelse(
            text.re_search(OFFSET),
            text.try_cast("timestamp('UTC')").cast("timestamp"),
            text.try_cast("timestamp"),
        )
    regex, parts = date_pattern(written)
    part = {name: text.re_extract(regex, nth) for nth, name in enumerate(parts, 1)}
    iso = part["%Y"] + "-" + part["%m"] + "-" + part["%d"]
    if "%H" in part:
        iso = iso + " " + part["%H"] + ":" + part["%M"] + ":" + part.get("%S", "00")
    return ibis.ifelse(text.re_search(regex), iso, None).try_cast("timestamp")


def reject(rows: ibis.Table, params: Params, source: Source) -> ibis.Table:
    """Return `rows` with ROW_ID, EQUAL, and with KIND and REASON, both null for rows that are kept.

    EQUAL marks kept rows that agree with an earlier one in all columns but those without content.
    They are rejected as duplicates only where a key says that they are one thing, or
    data/sources.yaml says `equal_rows: drop`; the one that comes first stays. Rows that share the
    declared key but differ are all rejected: nobody can tell which is right.
    """
    data, free = params.data, source.no_content
    needed = [
        data.target,
        *([data.time] if data.time and params.prepare.split.by == "time" else []),
        *data.cluster,
    ]
    missing = ibis.array(
        [ibis.ifelse(rows[column].isnull(), column, None) for column in dict.fromkeys(needed)]
    )
    missing = missing.filter(lambda column: column.notnull()).join(", ").nullif("")
    judged = rows.mutate(
        ibis.cases((_[PROBLEM].notnull(), "bad_value"), (missing.notnull(), "unlabelled")).name(
            KIND
        ),
        ibis.coalesce(_[PROBLEM], missing + " is missing").name(REASON),
        row_id(
            rows, [column for column in source.columns if column not in (data.target, *free)]
        ).name(ROW_ID),
    )
    nth = ibis.row_number().over(group_by=[KIND, ROW_ID, data.target], order_by=[*free, RECORD])
    judged = judged.mutate(nth.name(NTH))
    if source.drops_equal:
        reason = "a row that was kept agrees in all columns" + (
            f" but {', '.join(free)}" if free else ""
        )
        judged = _also(judged, _[NTH] > 0, "duplicate", reason)
    if source.key:
        rivals = _[RECORD].count().over(group_by=[KIND, *source.key])
        judged = _also(
            judged,
            rivals > 1,
            "key_conflict",
            f"other rows have the same key: {', '.join(source.key)}",
        )
    judged = judged.mutate((_[KIND].isnull() & (_[NTH] > 0)).name(EQUAL)).drop(NTH)
    return apart(judged, data.target, free) if source.equal_rows == "separate" else judged


def apart(rows: ibis.Table, target: str, no_content: list[str]) -> ibis.Table:
    """Return `rows` with another ROW_ID for each of those that share one: its nth row is named
    by its number, too.
    """
    by = [column for column in (KIND, ROW_ID) if column in rows.columns]
    nth = ibis.row_number().over(group_by=by, order_by=[target, *no_content, RECORD])
    return rows.mutate(
        ibis.ifelse(
            nth > 0, (_[ROW_ID] + "-" + nth.cast("string")).hexdigest("md5"), _[ROW_ID]
        ).name(ROW_ID)
    )


def _also(judged: ibis.Table, wrong: ibis.Deferred, kind: str, reason: str) -> ibis.Table:
    """Return `judged` with rows that were kept so far, but are `wrong`, rejected as `kind`."""
    marked = judged.mutate((_[KIND].isnull() & wrong).name(WRONG))
    return marked.mutate(
        ibis.ifelse(_[WRONG], kind, _[KIND]).name(KIND),
        ibis.ifelse(_[WRONG], reason, _[REASON]).name(REASON),
    ).drop(WRONG)


def row_id(rows: ibis.Table, columns: list[str]) -> ibis.Value:
    """Return a name for each row (MD5, in hexadecimal) that it shares with the rows that agree in
    `columns`.

    The target is none of them: rows that differ in the label alone have to stay together as well.
    Else, of a table with few different rows, the rows of one class that look so would be trained on
    and those of the other tested, and the model would learn the opposite.
    """
    texts = [
        ibis.ifelse(rows[column].isnull(), "-", "+" + rows[column].cast("string"))
        for column in columns
    ]
    return ibis.literal("\x1f").join(texts).hexdigest("md5")


def assign(rows: ibis.Table, params: Params) -> ibis.Table:
    """Return kept `rows` with IS_TEST, and with KIND and REASON where a cluster runs across the
    cut-off.

    By time a cluster goes where its latest row goes, and its rows from before the cut-off are
    rejected, unless clusters are cut: then each row goes where its own time says.
    """
    data, split = params.data, params.prepare.split
    if split.by == "random":
        return _assign_at_random(rows, data.target, data.cluster, split, params.random_state)
    time = rows[str(data.time)]
    cutoff = ibis.literal(split.cutoff)
    latest = (
        time.max().over(group_by=data.cluster)
        if data.cluster and split.keep_clusters_whole
        else time
    )
    late = (latest >= cutoff) & (time < cutoff)
    return rows.mutate(
        (latest >= cutoff).name(IS_TEST),
        ibis.ifelse(late, "before_cutoff", None).name(KIND),
        ibis.ifelse(late, f"its cluster goes on after {data.time} {split.test_from}", None).name(
            REASON
        ),
    )


def _assign_at_random(
    rows: ibis.Table, target: str, cluster: list[str], split: Split, random_state: int
) -> ibis.Table:
    """Return `rows` with IS_TEST for a stratified share of the clusters, those of rows that
    share ROW_ID where none are declared.
    """
    from sluice.data.split import test_clusters

    rank = ibis.dense_rank().over(
        order_by=cluster or [ROW_ID]
    )  # follows from the values, not from the order in the file
    numbered = rows.get_backend().create_table(
        "numbered", rows.mutate(rank.name(CLUSTER)), temp=True
    )
    labels = numbered.select(CLUSTER, target).to_pandas()
    try:
        test = test_clusters(labels[target], labels[CLUSTER], split.test_size, random_state)
    except UserError as refusal:  # a class may be rare because it is another one, spelled otherwise
        same = "; ".join(", ".join(map(repr, group)) for group in alike(labels[target].unique()))
        hint = (
            f"; {same} differ only in case or spaces: if they are one class, write ignore_case:"
            f" [{target}] in data/sources.yaml"
        )
        raise UserError(f"{refusal}{hint if same else ''}") from None
    chosen = ibis.memtable({CLUSTER: sorted(test)})
    joined = numbered.left_join(chosen, CLUSTER)
    return joined.mutate(_[f"{CLUSTER}_right"].notnull().name(IS_TEST)).drop(
        CLUSTER, f"{CLUSTER}_right"
    )


def prepare(raw: Raw, name: str, source: Source, params: Params) -> Prepared:
    """Return the rows of `raw` in a total order that follows from their values, and every
    rejected one with its reason.
    """
    con, target = raw.table.get_backend(), params.data.target
    # a table for each step: in one query DuckDB would plan every column's expressions inside each
    # other
    conformed = con.create_table("conformed", conform(raw.table, source, target), temp=True)
    judged = reject(conformed, params, source).mutate(_[target].cast("string").name(target))
    judged = con.create_table("judged", judged, temp=True)
    kept = judged.filter(_[KIND].isnull())
    check_classes(judged, target, source)
    check_target(kept, target, name, judged, raw)
    check_audit(kept, params.data)
    assigned = con.create_table("assigned", assign(kept, params), temp=True)
    rejects = [raw.rejects]
    for table in (judged, assigned):
        found = table.filter(_[KIND].notnull()).select(RECORD, KIND, REASON).to_pandas()
        rejects.append(
            pd.DataFrame(
                {
                    "source": name,
                    "line": raw.lines(found[RECORD]),
                    "kind": found[KIND],
                    "reason": found[REASON],
                }
            )
        )
    if shows_values():
        wrong = judged.filter(_[KIND] == "bad_value").select(RECORD)
        found = raw.table.semi_join(wrong, RECORD).order_by(RECORD).to_pandas()
        cells = found.drop(columns=RECORD).to_dict("records")
        show(
            "rejects",
            [
                f"{name}, line {line}: {row}"
                for line, row in zip(raw.lines(found[RECORD]), cells, strict=True)
            ],
        )
    rows = assigned.filter(_[KIND].isnull()).order_by([*source.columns, ROW_ID])
    not_empty = [table for table in rejects if len(table)] or rejects[:1]
    return Prepared(
        rows.select(
            *[column for column in source.columns if column not in params.data.forbidden],
            ROW_ID,
            IS_TEST,
        ),
        pd.concat(not_empty).sort_values("line", ignore_index=True),
        fates(judged, assigned, target),
    )


def fates(judged: ibis.Table, assigned: ibis.Table, target: str) -> pd.DataFrame:
    """Return how many rows of each class (index) were kept, are equal to an earlier one among
    these, or were left out, by kind.

    judged: what `reject` returns; assigned: what `assign` makes of its kept rows.
    """
    parts = [
        table.group_by([target, KIND, EQUAL]).agg(_.count().name(N)).to_pandas()
        for table in (judged.filter(_[KIND].isin(["duplicate", "key_conflict"])), assigned)
    ]
    found = pd.concat([part for part in parts if len(part)])
    found[KIND] = found[KIND].astype("object").fillna("kept")
    equal = found[(found[KIND] == "kept") & found[EQUAL]].assign(**{KIND: "equal"})
    return pd.concat([found, equal]).pivot_table(
        index=target, columns=KIND, values=N, aggfunc="sum", fill_value=0
    )


def label_fates(judged: ibis.Table) -> pd.DataFrame:
    """Return for each label (index), as the file writes it: in how many rows it stands, how many
    are kept, and why the others are not.
    """
    reason = ibis.coalesce(_[REASON], "").max()
    found = (
        judged.filter(_[LABEL].notnull())
        .group_by(LABEL)
        .agg(n=_.count(), kept=_[KIND].isnull().cast("int64").sum(), reason=reason)
    )
    return found.order_by(ibis.desc("n"), LABEL).limit(LABELS).to_pandas().set_index(LABEL)


def check_classes(judged: ibis.Table, target: str, source: Source) -> None:
    """Raise UserError where no row of a class is left, for it would vanish without a word; where
    no row at all is, check_target says why.
    """
    fates, is_told = (
        label_fates(judged),
        target in source.missing_in or source.columns[target] != "text",
    )
    if fates["kept"].any() and (
        wrong := vanished(fates, target, source.missing_words(target), is_told)
    ):
        raise UserError("\n".join(wrong))


def check_target(kept: ibis.Table, target: str, name: str, judged: ibis.Table, raw: Raw) -> None:
    """Raise UserError unless the kept rows carry between two and MAX_CLASSES labels, one a row."""
    counts = (
        kept[target]
        .value_counts(name=N)
        .order_by(ibis.desc(N), target)
        .limit(MAX_CLASSES + 1)
        .to_pandas()
    )
    if not raw.records_in_file:
        raise UserError(
            f"sources.{name}: its file (path in data/sources.yaml) has no row, only a header; put"
            " the data there"
        )
    if counts.empty:
        reasons = (
            pd.concat([raw.rejects["reason"], judged[REASON].to_pandas()]).value_counts().head(5)
        )
        common = "\n".join(f"{n:,} times: {reason}" for reason, n in reasons.items())
        raise UserError(f"no row of sources.{name} is left of {raw.records_in_file:,}\n{common}")
    labels = counts[target]
    lists = labels[labels.str.match(r"^\s*(\[.*\]|\{.*\}|\(.*\))\s*$")]
    if len(lists):
        raise UserError(
            f"the target {target!r} holds lists in {len(lists):,} of its values; this pipeline"
            " takes one label a row"
        )
    if len(labels) < 2:
        raise UserError(
            f"the target {target!r} is {labels.iloc[0]!r} in every row; a classifier needs two"
            " classes or more"
        )
    if len(labels) > MAX_CLASSES:
        raise UserError(
            f"the target {target!r} has over {MAX_CLASSES} different values; it is continuous or an"
            " identifier, not a class"
        )


def summarise(prepared: Prepared, raw: Raw, name: str, source: Source) -> pd.DataFrame:
    """Return the table of sources: how many records the file has, and where each of them went."""
    kinds = prepared.rejects["kind"].value_counts()
    sides = prepared.rows[IS_TEST].value_counts(name=N).to_pandas().set_index(IS_TEST)[N]
    row: dict[str, Any] = {"source": name, "path": source.path, "records": raw.records_in_file}
    row |= {kind: int(kinds.get(kind, 0)) for kind in KINDS}
    row |= {"train": int(sides.get(False, 0)), "test": int(sides.get(True, 0))}
    row["unaccounted"] = (
        row["records"] - sum(row[kind] for kind in KINDS) - row["train"] - row["test"]
    )
    unusable = row["malformed"] + row["bad_value"] + row["unlabelled"] + row["key_conflict"]
    return pd.DataFrame(
        [row | {"unusable_share": unusable / max(row["records"], 1)} | shares(row, prepared.counts)]
    )


def shares(row: dict[str, Any], counts: pd.DataFrame) -> dict[str, Any]:
    """Return what the `row` of a source goes on with: shares of duplicate, equal and lost rows, and
    their classes.

    `before_cutoff_share` is of the rows that could have been training rows. counts: see `fates`.
    """
    told = lost_and_equal(counts)
    before = row["before_cutoff"] + row["train"]
    found = {
        f"{kind}_share": n / max(row["records"], 1)
        for kind, n in (("duplicate", row["duplicate"]), ("equal", told["equal"]))
    }
    return found | {"before_cutoff_share": row["before_cutoff"] / max(before, 1)} | told


def _write(rows: ibis.Table, path: Path) -> None:
    """Write `rows` to `path` as Parquet, in their order; raises OSError where that is not
    possible, as Python does.
    """
    try:
        rows.to_parquet(path)
    except duckdb.IOException as error:
        raise OSError(errno.EIO, str(error).splitlines()[0], str(path)) from None
