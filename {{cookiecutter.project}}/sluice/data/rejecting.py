"""Say of each row why it cannot be used, and refuse a source of which no usable target is left."""

import ibis
import pandas as pd
from ibis import _

from sluice.core.command import UserError
from sluice.core.formats import MAX_CLASSES, RESERVED
from sluice.core.params import ROW_ID, Params
from sluice.data.cells import LABEL, PROBLEM
from sluice.data.shares import vanished
from sluice.data.sources import RECORD, Raw, Source

KINDS = ["malformed", "bad_value", "unlabelled", "duplicate", "key_conflict", "before_cutoff"]
KIND, REASON, EQUAL = f"{RESERVED}kind", f"{RESERVED}reason", f"{RESERVED}equal"
WRONG, NTH, N = f"{RESERVED}wrong", f"{RESERVED}nth", f"{RESERVED}n"
LABELS = 1000  # as the file writes them, that are looked at


def reject(rows: ibis.Table, params: Params, source: Source) -> ibis.Table:
    """Return `rows` with ROW_ID, EQUAL, and with KIND and REASON, both null for rows that are kept.

    EQUAL marks kept rows that agree with an earlier one in all columns but those without content.
    They are rejected as duplicates only where a key says that they are one thing, or
    data/sources.yaml says `equal_rows: drop`; the one that comes first stays. Rows that share the
    declared key but differ are all rejected: nobody can tell which is right.
    """
    target, free = params.data.target, source.no_content
    judged = _unusable(rows, params).mutate(
        row_id(rows, [one for one in source.columns if one not in (target, *free)]).name(ROW_ID)
    )
    nth = ibis.row_number().over(group_by=[KIND, ROW_ID, target], order_by=[*free, RECORD])
    judged = judged.mutate(nth.name(NTH))
    if source.drops_equal:
        reason = "a row that was kept agrees in all columns" + (
            f" but {', '.join(free)}" if free else ""
        )
        judged = _also(judged, _[NTH] > 0, "duplicate", reason)
    if source.key:
        rivals = _[RECORD].count().over(group_by=[KIND, *source.key])
        reason = f"other rows have the same key: {', '.join(source.key)}"
        judged = _also(judged, rivals > 1, "key_conflict", reason)
    judged = judged.mutate((_[KIND].isnull() & (_[NTH] > 0)).name(EQUAL)).drop(NTH)
    return apart(judged, target, free) if source.equal_rows == "separate" else judged


def _unusable(rows: ibis.Table, params: Params) -> ibis.Table:
    """Return `rows` with KIND and REASON for those with a bad value, or without what they need."""
    data = params.data
    time = [data.time] if data.time and params.prepare.split.by == "time" else []
    missing = ibis.array(
        [
            ibis.ifelse(rows[column].isnull(), column, None)
            for column in dict.fromkeys([data.target, *time, *data.cluster])
        ]
    )
    missing = missing.filter(lambda column: column.notnull()).join(", ").nullif("")
    kinds = [(_[PROBLEM].notnull(), "bad_value"), (missing.notnull(), "unlabelled")]
    return rows.mutate(
        ibis.cases(*kinds).name(KIND),
        ibis.coalesce(_[PROBLEM], missing + " is missing").name(REASON),
    )


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
