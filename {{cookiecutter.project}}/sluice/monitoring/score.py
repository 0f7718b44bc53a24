"""Score a file of any size with the model in service: rows that do not conform or are not
allowed are set aside, the rest decided.
"""

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sluice.core.command import UserError
from sluice.core.formats import PACKED, ending, is_parquet
from sluice.core.params import Params, load_params
from sluice.core.tables import LazyParquet, atomic_write
from sluice.core.text import csv_cell, say
from sluice.data.derived import derived_columns
from sluice.data.roles import features
from sluice.data.sources import Source, load_sources
from sluice.gates.gate import find
from sluice.gates.suite import Suite
from sluice.metrics.decision import confidence
from sluice.modeling.model import Model
from sluice.monitoring.batch import LINE, critical, live_source, named_by, written
from sluice.monitoring.chunks import CHUNK_ROWS, batches
from sluice.monitoring.keys import repeated
from sluice.monitoring.quarantine import REJECTED_COLUMNS, Held, parted, quarantine
from sluice.registry.champion import as_trained, load_champion, suite_of_rows, version

SCORED = Path("scored")
SCORE_DIGITS = (
    12  # of probabilities: the digits after these depend on how many rows are scored together
)
SHOWN_DIFFERENCES = 5
ARROW_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.int64(),
    "date": pa.timestamp("us"),
}
WRITERS = {".csv": pyarrow.csv.CSVWriter, ".parquet": pq.ParquetWriter}
SET_ASIDE = pa.schema(
    list(zip(REJECTED_COLUMNS, (pa.int64(), pa.string(), pa.string()), strict=True))
)


@dataclass
class Rejects:
    """The file of rows that are set aside, while it is written: how many of each kind, and the
    first reasons.
    """

    file: pa.csv.CSVWriter
    kinds: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def add(self, *tables: pd.DataFrame) -> None:
        """Write `tables` of line, kind and reason, in order of lines."""
        if some := [table[REJECTED_COLUMNS] for table in tables if len(table)]:
            table = pd.concat(some).sort_values("line", ignore_index=True)
            self.kinds.update(table["kind"])
            self.first += [
                f"line {line}: {why}"
                for line, _, why in table.head(SHOWN_DIFFERENCES - len(self.first)).itertuples(
                    index=False
                )
            ]
            table["reason"] = table["reason"].map(csv_cell)
            self.file.write_table(
                pa.Table.from_pandas(table, schema=SET_ASIDE, preserve_index=False)
            )


def score(path: Path, out: Path, params: Params, source: Source, most: int = CHUNK_ROWS) -> None:
    """Write to `out` what the model in service decides of each row of the file at `path`, and
    beside it which rows were set aside.

    Columns of `out` (CSV or Parquet), in this order: those of the declared key, else `line`; then
    those of `columns_of`. At most `most` rows are in memory at once. Raises UserError, and writes
    nothing, where the file, its columns or the table as a whole are not what was declared, and
    where no row is left.
    """
    if ending(out) not in WRITERS:
        raise UserError(f"--out is {out}, must end in .csv or .parquet")
    if out.resolve() == path.resolve():
        raise UserError(f"--out is {out}, the file to score; name another")
    served, (model, reference), aside_name = version(), load_champion(), f"{out}.rejects.csv"
    params, source = as_trained(model, reference, params, source)
    suite = critical(suite_of_rows(), params.data)
    if version() != served:
        raise UserError(
            f"another model took the place of {served} while its files were read; run it again"
        )
    if clash := [column for column in source.key if column in columns_of(model.classes)]:
        raise UserError(
            f"the key {', '.join(clash)} has the name of a column that is written here; rename it"
            " in the file and data/sources.yaml"
        )
    with (
        tempfile.TemporaryDirectory() as folder,
        atomic_write(out, aside_name) as [part, aside_part],
    ):
        spool = Path(folder, "rows.parquet")
        with pyarrow.csv.CSVWriter(aside_part, SET_ASIDE) as file:
            rejects = Rejects(file)
            records, held = keep(path, source, params, suite, spool, rejects, most)
            decided = decide(spool, part, source, params, model, served, held, rejects, most)
        if records != (scored := decided.total()) + (n_aside := rejects.kinds.total()):
            raise RuntimeError(
                f"of {records:,} rows {scored:,} were scored and {n_aside:,} set aside"
            )
        if not scored:
            raise UserError(
                "\n".join(
                    [
                        f"no row of {path} can be scored: all {records:,} would be set aside",
                        *rejects.first,
                    ]
                )
            )
    say(f"score: {scored:,} of {records:,} rows, model {served}: {out}")
    say(f"  decided: {_counts(decided)}")
    if n_aside:
        say(f"  WARN: {n_aside:,} set aside, {aside_name} says why: {_counts(rejects.kinds)}")
    if differences := held.differences():
        say(
            "  WARN: more rows than in training hold what was rare or new there; they were decided."
        )
        say(*(f"    {one}" for one in differences[:SHOWN_DIFFERENCES]))
        if len(differences) > SHOWN_DIFFERENCES:
            say(
                f"    and {len(differences) - SHOWN_DIFFERENCES} more such columns; `uv run sluice monitor`"
                " names them"
            )


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(counter.items()))


def keep(
    path: Path,
    source: Source,
    params: Params,
    suite: Suite,
    spool: Path,
    rejects: Rejects,
    most: int,
) -> tuple[int, Held]:
    """Write the rows that conform and are allowed to `spool`, as Parquet, the others to `rejects`.

    Return how many rows the file has, and what its rows were held against. Raises UserError as
    `score` does.
    """
    data = params.data
    declared = live_source(path, source, data).columns
    columns = {
        column: ARROW_TYPES[kind] for column, kind in declared.items() if column != data.target
    }
    columns = {
        column: kind
        for column, kind in columns.items()
        if column in source.key or column not in data.forbidden
    }
    derived = derived_columns(declared, data)
    columns |= {column: ARROW_TYPES[kind] for column, kind in derived.items()}
    judged = [column for column in columns if column not in data.forbidden]
    by_row, of_all = parted(suite, judged)
    held, records, schema = Held(by_row), 0, pa.schema({LINE: pa.int64(), **columns})
    with (
        pq.ParquetWriter(spool, schema) as kept,
        tqdm(desc="score: reads", unit=" rows", disable=not sys.stderr.isatty()) as progress,
    ):
        for batch in batches(path, source, data, most):
            wrong = held.quarantine(batch.rows)
            rejects.add(batch.rejects, wrong)
            rows = batch.rows[~batch.rows[LINE].isin(wrong["line"])]
            kept.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False))
            records += batch.records
            progress.update(batch.records)
    if not records:
        raise UserError(f"{path} has no row, so there is nothing to score")
    if named_by(list(columns), source.key) != [LINE]:
        held.repeated = repeated(spool, source.key)
    table = LazyParquet(spool)
    table.columns = pd.Index(judged)
    if (
        len(table)
        and of_all.expected
        and (blocking := [finding.sentence for finding in find(table, of_all) if finding.blocks])
    ):
        raise UserError("\n".join([f"{path} is refused as a whole", *blocking]))
    return records, held


def decide(
    spool: Path,
    out: Path,
    source: Source,
    params: Params,
    model: Model,
    served: str,
    held: Held,
    rejects: Rejects,
    most: int,
) -> Counter[str]:
    """Write what the model decides of the rows in `spool` to `out`, and the rows that the whole
    file shows to be wrong to `rejects`.

    Return how often each class was decided.
    """
    decided: Counter[str] = Counter()
    exceeded = held.exceeded()
    with pq.ParquetFile(spool, pre_buffer=False) as file, threadpool_limits(params.train.threads):
        key = named_by(file.schema_arrow.names, source.key)
        schema = pa.schema(
            [
                *(file.schema_arrow.field(column).with_name(written(column)) for column in key),
                *columns_of(model.classes).items(),
            ]
        )
        total, is_quiet = file.metadata.num_rows, not sys.stderr.isatty()
        with (
            WRITERS[ending(Path(out.stem))](out, schema) as scored,
            tqdm(total=total, desc="score: decides", disable=is_quiet) as progress,
        ):
            for chunk in file.iter_batches(batch_size=most):
                rows = chunk.to_pandas()
                repeats = held.repeats(rows, source.key)
                wrong = pd.concat(
                    [repeats, quarantine(rows[~rows[LINE].isin(repeats["line"])], exceeded)]
                )
                rejects.add(wrong)
                is_kept = ~rows[LINE].isin(wrong["line"])
                if is_kept.any():
                    table = decisions(rows[is_kept], model, served, params)
                    decided.update(table["decision"])
                    names = [chunk.filter(pa.array(is_kept))[column] for column in key]
                    columns = [
                        pa.array(table[name], type=kind)
                        for name, kind in columns_of(model.classes).items()
                    ]
                    scored.write_table(pa.Table.from_arrays([*names, *columns], schema=schema))
                progress.update(len(chunk))
    return decided


def columns_of(classes: list[str]) -> dict[str, pa.DataType]:
    """Return the columns of a scored file after its key, in their order, and their types.

    `decision`: the class to act on. `p_<class>`: the probability of each class. `confidence`: how
    clearly the decision beat the other classes (see `sluice.metrics.decision.confidence`).
    `referred`: whether `confidence` is below evaluate.refer_below. `model_version`: who decided.
    """
    text, number = pa.string(), pa.float64()
    return {
        "decision": text,
        **{f"p_{label}": number for label in classes},
        "confidence": number,
        "referred": pa.bool_(),
        "model_version": text,
    }


def decisions(rows: pd.DataFrame, model: Model, served: str, params: Params) -> pd.DataFrame:
    """Return one row per row: what `score` writes of it, apart from its name."""
    y_score = model.predict_proba(features(rows.drop(columns=LINE), params.data)).round(
        SCORE_DIGITS
    )
    sure = confidence(model.weigh(y_score)).round(SCORE_DIGITS)
    below = params.evaluate.refer_below
    table = pd.DataFrame(y_score, columns=[f"p_{label}" for label in model.classes])
    return table.assign(
        decision=model.decide(y_score),
        confidence=sure,
        referred=False if below is None else sure < below,
        model_version=served,
    )


def main(file: Path, out: Path | None) -> None:
    """Score the file ; exits with 0 also where rows were set aside, with 1 where the file is
    refused.
    """
    [source] = load_sources().sources.values()
    name = Path(file.stem).stem if ending(file) in PACKED else file.stem
    suffix = ".parquet" if is_parquet(file) else ".csv"
    score(file, out or SCORED / (name + suffix), load_params(), source)
