"""Print how good proposed suites are: `uv run python -m benchmarks.proposals`, on the bundled data
or on others.

    uv run python -m benchmarks.proposals --data FOLDER credit.csv:default shop.csv:bought,household_id,paid_on

FILE:TARGET,COLUMN,... names a CSV file anywhere in FOLDER, its target, and columns to forbid, such
as those known only after the target. From a random half of each file suites are proposed; the other
half is held against them as it is (a finding is a false alarm), and again after each of 30
corruptions. A corruption counts as caught where some gate says something that it does not say of
the untouched half. Columns: caught by any finding, and by one that stops the pipeline, at 1, 5 and
20 % of the rows.
"""

import argparse
import contextlib
import csv
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.corruptions import CORRUPTIONS, NotHere, Raw
from sluice.audits.leakage import leakage
from sluice.audits.support import class_support
from sluice.core.command import UserError
from sluice.core.formats import PATTERNS
from sluice.core.params import Params, load_params
from sluice.data.assigning import IS_TEST
from sluice.data.cleaning import prepare, summarise
from sluice.data.sources import Source, load_sources, read
from sluice.gates.gate import gate
from sluice.scoping.propose import propose, write

HALVES, SHARES, MAX_ROWS = 20, (0.01, 0.05, 0.2), 20_000
MISSING = ["", "NA", "?"]
CRITERIA = SimpleNamespace(recall_floor=0.5, recall_floors={}, largest_gap=0.1)
LEAKS = {"target_leaked", "clean"}  # where the slow look for leakage is taken
Findings = dict[
    str, tuple[str, bool]
]  # what is told apart from what: the gate, and whether it stops the pipeline


@dataclass(frozen=True)
class Bench:
    """One data set: its raw rows, the parameters that a new project has for it, and a folder to
    write to.
    """

    name: str
    raw: Raw
    params: Params
    folder: Path

    def half(self, at: np.ndarray) -> Raw:
        """Return the raw rows at these positions, in their order."""
        return replace(self.raw, rows=self.raw.rows.iloc[np.sort(at)].reset_index(drop=True))


def kind(values: pd.Series) -> str:
    """Return the type that data/sources.yaml would declare for a column of text."""
    held = values[values != ""]
    return next(
        (
            name
            for name in ("integer", "number", "date")
            if len(held) and held.str.match(PATTERNS[name]).all()
        ),
        "text",
    )


def load(path: Path, target: str, forbidden: list[str], folder: Path) -> Bench:
    """Return the CSV file at `path`, at most MAX_ROWS of its rows, with the parameters of a new
    project.
    """
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    rows = pd.read_csv(
        path, dtype="str", keep_default_na=False, compression="gzip" if is_packed else None
    )
    rows = rows.apply(lambda column: column.str.strip().mask(column.str.strip().isin(MISSING), ""))
    rows = (
        rows[rows[target] != ""]
        .sample(min(MAX_ROWS, len(rows)), random_state=0)
        .sort_index()
        .reset_index(drop=True)
    )
    kinds = {column: kind(rows[column]) for column in rows}
    if kinds[target] not in ("text", "integer"):
        raise SystemExit(f"{path}: the target {target!r} is a {kinds[target]}")
    params = load_params()
    data = params.data.model_copy(
        update={
            "target": target,
            "time": None,
            "cluster": [],
            "sensitive": [],
            "allowed": {},
            "cut_points": {},
            "favourable": None,
            "forbidden": dict.fromkeys(forbidden, "asked for"),
        }
    )
    split = params.prepare.split.model_copy(update={"by": "random", "test_from": None})
    params = params.model_copy(
        update={"data": data, "prepare": params.prepare.model_copy(update={"split": split})}
    )
    return Bench(
        path.name.split(".")[0], Raw(rows, kinds, target, tuple(forbidden)), params, folder
    )


def prepared(
    bench: Bench, raw: Raw, content: pd.DataFrame | str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return training rows, test rows and the table of sources, as the stage prepare makes them
    of this file.
    """
    path = bench.folder / "raw.csv"
    text = (
        content
        if isinstance(content, str)
        else content.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    )
    path.write_text(text, encoding="utf-8", newline="")
    source = Source(path=str(path), format="csv", missing=[""], key=[], columns=raw.kinds)
    con = ibis.duckdb.connect()
    read_rows = read(con, "bench", source)
    result = prepare(read_rows, "bench", source, bench.params)
    table = summarise(result, read_rows, "bench", source)
    rows = result.rows.to_pandas()
    parts = [
        rows[rows[IS_TEST] == is_test].drop(columns=IS_TEST).reset_index(drop=True)
        for is_test in (False, True)
    ]
    for nth, part in enumerate(parts):  # as a later stage reads it
        part.to_parquet(bench.folder / f"{nth}.parquet", index=False)
    con.disconnect()
    return (
        pd.read_parquet(bench.folder / "0.parquet"),
        pd.read_parquet(bench.folder / "1.parquet"),
        table,
    )


def findings(bench: Bench, raw: Raw, content: pd.DataFrame | str, with_leakage: bool) -> Findings:
    """Return what all gates before training say of this file."""
    try:
        train, test, sources = prepared(bench, raw, content)
    except UserError as refusal:
        return {f"prepare {refusal}": ("prepare", True)}
    data = bench.params.data
    tables = {"sources": sources, "classes": class_support(train, test, data, "balanced_accuracy")}
    tables["prepared"] = pd.concat([train, test], ignore_index=True)
    if with_leakage:
        tables["leakage"] = leakage(train, test, data, bench.params.random_state)
    return {
        key: found
        for name, table in tables.items()
        for key, found in judged(bench, name, table).items()
    }


def judged(bench: Bench, name: str, table: pd.DataFrame) -> Findings:
    """Return what one gate says: told apart by expectation, in a table of few rows also by the
    rows named.
    """
    with contextlib.redirect_stdout(None):
        verdict = gate(
            table, bench.folder / "expectations" / f"{name}.json", bench.folder / "report.json"
        )
    found = {}
    for sentence in verdict.sentences:
        nth = re.findall(r"expectation (\d+)", sentence)
        told = re.sub(r"[\d.,]+", "", sentence) if name != "prepared" else ""
        if nth:
            found[f"{name} {nth[-1]} {told}"] = (name, sentence.startswith("FAIL"))
    return found


def halves(n_rows: int, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions of `n` random halves and of what they leave."""
    for seed in range(n):
        order = np.random.default_rng(seed).permutation(n_rows)
        yield order[: len(order) // 2], order[len(order) // 2 :]


def propose_from(bench: Bench, rows: pd.DataFrame) -> int:
    """Write the suites proposed from these prepared rows, and return how many expectations they
    hold.
    """
    suites = propose(rows, bench.params.data, CRITERIA, len(rows))
    for path in (bench.folder / "expectations").glob("*.json"):
        path.unlink()
    write(suites, bench.folder / "expectations")
    return sum(len(suite["expectations"]) for suite in suites.values())


def false_alarms(bench: Bench, n_halves: int) -> tuple[int, Counter[str], int]:
    """Return on how many of `n_halves` random halves the suites of the other half find
    something, what, and the size of the suites.
    """
    alarms, what, size = 0, Counter[str](), 0
    train, test, _ = prepared(bench, bench.raw, bench.raw.rows)
    rows = pd.concat([train, test], ignore_index=True)
    for mine, other in tqdm(
        list(halves(len(rows), n_halves)), desc=bench.name, disable=not sys.stderr.isatty()
    ):
        size = propose_from(bench, rows.iloc[np.sort(mine)].reset_index(drop=True))
        found = judged(bench, "prepared", rows.iloc[np.sort(other)].reset_index(drop=True))
        alarms += bool(found)
        suite = json.loads(
            (bench.folder / "expectations" / "prepared.json").read_text(encoding="utf-8")
        )["expectations"]
        what.update(suite[int(key.split()[1]) - 1]["type"] for key in found)
    return alarms, what, size


def attempts(bench: Bench, trials: int, shares: list[float]) -> pd.DataFrame:
    """Return one row per corruption, share and trial: whether it was caught, whether by a
    finding that blocks, and by which gates.
    """
    rows = []
    for trial, (mine, other) in enumerate(halves(len(bench.raw.rows), trials)):
        train, test, _ = prepared(bench, bench.half(mine), bench.half(mine).rows)
        propose_from(bench, pd.concat([train, test], ignore_index=True))
        raw = bench.half(other)
        clean = findings(bench, raw, raw.rows, True)
        for corruption in tqdm(CORRUPTIONS, desc=bench.name, disable=not sys.stderr.isatty()):
            for share in shares:
                try:
                    broken = corruption(raw, share, np.random.default_rng(trial))
                except NotHere:
                    continue
                if isinstance(broken, pd.DataFrame) and broken.equals(raw.rows):
                    continue
                found = findings(bench, raw, broken, corruption.__name__ in LEAKS)
                new = [value for key, value in found.items() if key not in clean]
                blocks = any(is_blocking for _, is_blocking in new)
                gates = sorted({name for name, _ in new})
                rows.append((bench.name, corruption.__name__, share, bool(new), blocks, gates))
    return pd.DataFrame(rows, columns=["data", "corruption", "share", "caught", "blocked", "gates"])


def report(tried: pd.DataFrame, by: str) -> None:
    """Print how many were caught of how many, with the share that was blocked, for each value of
    `by`.
    """
    shares = sorted(tried["share"].unique())
    print(
        f"\n| {by} | {' | '.join(f'{share:.0%}: caught, blocked' for share in shares)} | of | caught by |"
    )
    print("|---" * (len(shares) + 3) + "|")
    for name, mine in [*tried.groupby(by, sort=False), ("all", tried)]:
        rates = [mine[mine["share"] == share][["caught", "blocked"]].mean() for share in shares]
        cells = " | ".join(f"{rate['caught']:.0%}, {rate['blocked']:.0%}" for rate in rates)
        gates = Counter(one for several in mine["gates"] for one in several)
        told = ", ".join(f"{one} {n / len(mine):.0%}" for one, n in gates.most_common())
        print(f"| {name} | {cells} | {len(mine) / len(shares):.0f} | {told} |")


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder with CSV files")
    parser.add_argument(
        "--halves", type=int, default=HALVES, help="random halves on which false alarms are counted"
    )
    parser.add_argument(
        "--trials", type=int, default=1, help="random halves on which each corruption is tried"
    )
    parser.add_argument(
        "--shares",
        type=float,
        nargs="+",
        default=SHARES,
        help="shares of the rows that are corrupted",
    )
    parser.add_argument("sets", nargs="*", help="FILE:TARGET[,FORBIDDEN...] in that folder")
    asked = parser.parse_args()
    wanted: list[tuple[Path, str, list[str]]] = []
    for one in asked.sets:
        name, _, columns = one.partition(":")
        found = sorted((asked.data or Path()).rglob(name))
        if not found or not columns:
            raise SystemExit(
                f"{one}: no such file in {asked.data}, or no target; write FILE:TARGET[,FORBIDDEN...]"
            )
        target, *forbidden = columns.split(",")
        wanted.append((found[0], target, forbidden))
    if not wanted:
        [bundled] = load_sources().sources.values()
        data = load_params().data
        wanted = [(Path(bundled.path), data.target, list(data.forbidden))]
    tables = []
    print(
        f"| data | rows of a half | columns | expectations | false alarms in {asked.halves} halves |\n|---|---|---|---|---|"
    )
    for path, target, forbidden in wanted:
        with tempfile.TemporaryDirectory() as folder:
            bench = load(path, target, forbidden, Path(folder))
            alarms, what, n = false_alarms(bench, asked.halves)
            size = f"{len(bench.raw.rows) // 2:,} | {bench.raw.rows.shape[1]} | {n}"
            print(f"| {bench.name} | {size} | {alarms} {dict(what) or ''} |", flush=True)
            tables.append(attempts(bench, asked.trials, asked.shares))
    tried = pd.concat(tables, ignore_index=True)
    for by in ("data", "corruption") if len(tried) else ():
        report(tried, by)


if __name__ == "__main__":
    main()
