"""Score a file of any size with the model in service: rows that do not conform or are not
allowed are set aside, the rest decided.
"""

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
from sluice.gates.gate import findings_of
from sluice.gates.suite import Suite
from sluice.metrics.decision import confidence
from sluice.modeling.model import Model
from sluice.monitoring.batch import LINE, critical, live_source, named_by, written
from sluice.monitoring.chunks import CHUNK_ROWS, batches
from sluice.monitoring.keys import repeated
from sluice.monitoring.quarantine import REJECTED_COLUMNS, Held, parted, quarantine
from sluice.registry.champion import as_trained, load_champion, suite_of_rows, version

SCORED_FOLDER = Path("scored")
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


@dataclass(frozen=True)
class Service:
    """The model in service, called `version`, the roles and the key it was trained with, and how
    many rows are in memory at once, at most.
    """

    version: str
    model: Model
    params: Params
    source: Source
    most: int


def in_service(params: Params, source: Source, most: int) -> tuple[Service, Suite]:
    """Return the model in service and what is critical of its suite of rows; raises UserError
    where another takes its place meanwhile.
    """
    served, (model, reference) = version(), load_champion()
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
    return Service(served, model, params, source, most), suite


def score(path: Path, out: Path, params: Params, source: Source, most: int = CHUNK_ROWS) -> None:
    """Write what the model in service decides of each row of the file at `path` to `out`, and the
    rows that are set aside to OUT.rejects.csv.

    Every record is in exactly one of the two, named by its key, without one by its line; for the
    columns of `out` see `columns_of`. At most `most` rows are in memory at once. Raises UserError,
    and writes nothing, where the file, its columns or the table as a whole are not what was
    declared, and where no row is left.
    """
    if ending(out) not in WRITERS:
        raise UserError(f"--out is {out}, must end in .csv or .parquet")
    if out.resolve() == path.resolve():
        raise UserError(f"--out is {out}, the file to score; name another")
    service, suite = in_service(params, source, most)
    aside_name = f"{out}.rejects.csv"
    with (
        tempfile.TemporaryDirectory() as folder,
        atomic_write(out, aside_name) as [part, aside_part],
    ):
        spool = Path(folder, "rows.parquet")
        with pyarrow.csv.CSVWriter(aside_part, SET_ASIDE) as file:
            rejects = Rejects(file)
            records, held = keep(path, service, suite, spool, rejects)
            decided = decide(spool, part, service, held, rejects)
        if records != (scored := decided.total()) + (n_aside := rejects.kinds.total()):
            raise RuntimeError(
                f"of {records:,} rows {scored:,} were scored and {n_aside:,} set aside"
            )
        if not scored:
            what = f"no row of {path} can be scored: all {records:,} would be set aside"
            raise UserError("\n".join([what, *rejects.first]))
    say(f"score: {scored:,} of {records:,} rows, model {service.version}: {out}")
    say(f"  decided: {_counts(decided)}")
    if n_aside:
        say(f"  WARN: {n_aside:,} set aside, {aside_name} says why: {_counts(rejects.kinds)}")
    _say_differences(held.differences())


def _say_differences(differences: list[str]) -> None:
    """Warn of what is more frequent in the file than in training, the worst first."""
    if not differences:
        return
    say("  WARN: more rows than in training hold what was rare or new there; they were decided.")
    say(*(f"    {one}" for one in differences[:SHOWN_DIFFERENCES]))
    if (more := len(differences) - SHOWN_DIFFERENCES) > 0:
        say(f"    and {more} more such columns; `uv run sluice monitor` names them")


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in sorted(counter.items()))


def keep(
    path: Path, service: Service, suite: Suite, spool: Path, rejects: Rejects
) -> tuple[int, Held]:
    """Write the rows that conform and are allowed to `spool`, as Parquet, the others to `rejects`.

    Return how many rows the file has, and what its rows were held against. Raises UserError as
    `score` does.
    """
    data, source = service.params.data, service.source
    declared = live_source(path, source, data).columns
    columns = {
        column: ARROW_TYPES[kind]
        for column, kind in declared.items()
        if column in source.key or column not in data.forbidden
    }
    columns.pop(data.target, None)
    derived = derived_columns(declared, data)
    columns |= {column: ARROW_TYPES[kind] for column, kind in derived.items()}
    judged = [column for column in columns if column not in data.forbidden]
    by_row, of_all = parted(suite, judged)
    held, records, schema = Held(by_row), 0, pa.schema({LINE: pa.int64(), **columns})
    with pq.ParquetWriter(spool, schema) as kept, rows_done("score: reads") as progress:
        for batch in batches(path, source, data, service.most):
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
    blocking = findings_of(table, of_all) if len(table) and of_all.expected else []
    if sentences := [finding.sentence for finding in blocking if finding.blocks]:
        raise UserError("\n".join([f"{path} is refused as a whole", *sentences]))
    return records, held


def rows_done(what: str, total: int | None = None) -> tqdm:
    """Return a bar that shows on a terminal how many rows are done."""
    return tqdm(total=total, desc=what, unit=" rows", disable=None)


def decide(spool: Path, out: Path, service: Service, held: Held, rejects: Rejects) -> Counter[str]:
    """Write what the model decides of the rows in `spool` to `out`, and the rows that the whole
    file shows to be wrong to `rejects`.

    Return how often each class was decided.
    """
    decided, exceeded = Counter[str](), held.exceeded()
    threads, writer = service.params.train.threads, WRITERS[ending(Path(out.stem))]
    with pq.ParquetFile(spool, pre_buffer=False) as file, threadpool_limits(threads):
        key = named_by(file.schema_arrow.names, service.source.key)
        names = [file.schema_arrow.field(column).with_name(written(column)) for column in key]
        schema = pa.schema([*names, *columns_of(service.model.classes).items()])
        rows_there = file.metadata.num_rows
        with writer(out, schema) as scored, rows_done("score: decides", rows_there) as progress:
            for chunk in file.iter_batches(batch_size=service.most):
                rows = chunk.to_pandas()
                repeats = held.repeats(rows, service.source.key)
                others = rows[~rows[LINE].isin(repeats["line"])]
                wrong = pd.concat([repeats, quarantine(others, exceeded)])
                rejects.add(wrong)
                is_kept = ~rows[LINE].isin(wrong["line"])
                if is_kept.any():
                    table = decisions(rows[is_kept], service)
                    decided.update(table["decision"])
                    scored.write_table(
                        _with_names(table, chunk.filter(pa.array(is_kept)), key, schema)
                    )
                progress.update(len(chunk))
    return decided


def _with_names(
    table: pd.DataFrame, rows: pa.RecordBatch, key: list[str], schema: pa.Schema
) -> pa.Table:
    """Return `table`, what was decided of `rows`, after their names, the columns `key`."""
    decided = [pa.array(table[field.name], type=field.type) for field in list(schema)[len(key) :]]
    return pa.Table.from_arrays([*(rows[column] for column in key), *decided], schema=schema)


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


def decisions(rows: pd.DataFrame, service: Service) -> pd.DataFrame:
    """Return one row per row: what `score` writes of it, apart from its name."""
    model, params = service.model, service.params
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
        model_version=service.version,
    )


def main(file: Path, out: Path | None) -> None:
    """Score the file, by default into a file of the same name in scored/."""
    [source] = load_sources().sources.values()
    name = Path(file.stem).stem if ending(file) in PACKED else file.stem
    suffix = ".parquet" if is_parquet(file) else ".csv"
    score(file, out or SCORED_FOLDER / (name + suffix), load_params(), source)
