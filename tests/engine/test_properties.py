"""Whatever the bytes and the rows: none is lost, none is invented, and no fault but a sentence."""

import csv
import io
import tempfile
from pathlib import Path

import ibis
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.core.command import UserError
from sluice.core.numbers import Notation
from sluice.core.params import Params
from sluice.core.schema import check
from sluice.data import split
from sluice.data.cells import PROBLEM, conform
from sluice.data.cleaning import prepare, summarise
from sluice.data.sources import Source, Sources, read
from sluice.scoping.detect import sources_yaml
from sluice.scoping.sample import look
from tests.engine.settings import SETTINGS

COLUMNS = {"colour": "text", "size": "number", "label": "text"}
PARAMS = check("params.yaml", Params, SETTINGS)
CELL = st.text(st.sampled_from('ab1 .,"\n\r\té\ufeff;\\-'), max_size=4)
LINES = st.lists(st.lists(CELL, min_size=1, max_size=4).map(",".join), max_size=12)
quick = settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def accounted(content: bytes, encoding: str, end: str = "\n") -> None:
    """Read and prepare `content`; assert that each record is kept or rejected, unless the file
    is refused as a whole.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "toys.csv")
        path.write_bytes(f"colour,size,label{end}".encode(encoding) + content)
        source = Source(
            path=str(path), format="csv", encoding=encoding, missing=[""], key=[], columns=COLUMNS
        )  # type: ignore[arg-type]
        try:
            raw = read(ibis.duckdb.connect(), "toys", source)
            accepted = raw.table.count().to_pandas()
            assert accepted + len(raw.rejects) == raw.records_in_file
            prepared = prepare(raw, "toys", source, PARAMS)
        except UserError as refusal:
            assert str(refusal)
            return
        [row] = summarise(prepared, raw, "toys", source).to_dict("records")
        assert row["unaccounted"] == 0
        assert prepared.rejects["line"].is_unique


@pytest.mark.slow
@quick
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from(["utf-8", "utf-16"]))
def test_no_record_of_a_text_file_is_lost_or_invented(lines, end, ends, encoding):
    accounted(
        (end.join(lines) + (end if ends else "")).encode(encoding.replace("16", "16-le")),
        encoding,
        end,
    )


@quick
@given(st.binary(max_size=60), st.sampled_from(["utf-8", "utf-16", "cp1252", "latin-1"]))
def test_no_record_of_any_bytes_is_lost_or_invented(content, encoding):
    accounted(content, encoding)


VALUE = st.sampled_from(
    [
        "1",
        "-1.0",
        "1.5",
        "1,5",
        "1,234",
        "1.234",
        "1.234,5",
        "(2)",
        "2-",
        "12 %",
        "$3",
        "1.10",
        "1.1",
        "1E5",
        "red\u00a0",
        "RED",
        ".5",
        "1e3",
        "007",
        "9" * 19,
        " 2 ",
        "NA",
        "?",
        "-",
        "t",
        "f",
        "true",
        "2024-01-31",
        "2024-13-01",
        "é",
        "€",
        "x;y",
        "",
    ]
)


@pytest.mark.slow
@quick
@given(
    st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_what_is_detected_holds_for_all_that_was_looked_at(rows, delimiter, encoding):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([["a", "b", "c"], *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "toys.csv")
        path.write_bytes(text.getvalue().encode(encoding))
        found = look(path)
        assert (found.delimiter, found.encoding.replace("latin-1", "cp1252")) in {
            (delimiter, encoding.removesuffix("-sig")),
            (delimiter, "utf-8"),
        }
        [source] = check(
            "sources", Sources, yaml.safe_load(sources_yaml(found, path.as_posix(), []))
        ).sources.values()
        raw = read(ibis.duckdb.connect(), "toys", source)
        table = conform(raw.table, source).to_pandas()
    assert len(table) == len(rows)
    assert table[PROBLEM].isna().all()
    for column, cells in zip("abc", zip(*rows, strict=True), strict=True):
        words = found.missing_in.get(column, found.missing)
        assert table[column].isna().tolist() == [cell.strip() in words for cell in cells]
        if found.columns[column] == "text":
            assert table[column].dropna().tolist() == [
                cell.strip() for cell in cells if cell.strip() not in words
            ]


def written(value: float, decimals: int, notation: Notation) -> str:
    """Return `value` with so many decimals as `notation` writes it."""
    mark = notation.thousands or ""
    whole, _, fraction = f"{abs(value):,.{decimals}f}".partition(".")
    body = (
        notation.before
        + whole.replace(",", mark)
        + (notation.decimal + fraction if fraction else "")
        + notation.after
    )
    if value >= 0:
        return body
    return {"minus": f"-{body}", "parentheses": f"({body})", "trailing": f"{body}-"}[
        notation.negative
    ]


NOTATION = st.builds(
    Notation,
    st.sampled_from(".,"),
    st.sampled_from([None, ",", ".", " ", "'", "\u202f"]),
    st.sampled_from(["", "$", "€"]),
    st.sampled_from(["", "%", " kg", "€"]),
    st.sampled_from(["minus", "parentheses", "trailing"]),
).filter(lambda one: one.decimal != one.thousands)


@pytest.mark.slow
@quick
@given(
    st.lists(st.integers(-(10**7), 10**7), min_size=2, max_size=30, unique=True),
    st.integers(0, 3),
    NOTATION,
)
def test_a_number_is_read_as_it_was_written_or_asked_about(values, decimals, notation):
    numbers = [value / 10**decimals for value in values]
    cells = [written(number, decimals, notation) for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "toys.csv")
        path.write_text("size|label\n" + "".join(f"{cell}|a\n" for cell in cells), encoding="utf-8")
        found = look(path)
        if found.columns["size"] == "text":
            assert any(note.startswith("'size' holds ") for note in found.notes)
            return
        [source] = check(
            "sources", Sources, yaml.safe_load(sources_yaml(found, path.as_posix(), []))
        ).sources.values()
        table = (
            conform(read(ibis.duckdb.connect(), "toys", source).table, source)
            .order_by("__stage_record")
            .to_pandas()
        )
    assert table[PROBLEM].isna().all()
    assert table["size"].tolist() == numbers


@quick
@given(st.binary(max_size=80), st.sampled_from([".csv", ".csv.gz", ".zip"]))
def test_any_bytes_are_looked_at_or_refused(content, ending):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"toys{ending}")
        path.write_bytes(content)
        try:
            found = look(path)
        except UserError as refusal:
            assert str(path) in str(refusal)
            return
        assert len(found.columns) > 1


@pytest.mark.slow
@quick
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.sampled_from("xyz")),
        min_size=1,
        max_size=40,
    )
)
def test_rows_that_differ_stand_on_one_side_each(rows):
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    content = io.StringIO()
    table.to_csv(content, index=False, header=False)
    accounted(content.getvalue().encode(), "utf-8")


labelled = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12)), min_size=1, max_size=60)


@quick
@given(labelled, st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_each_row_is_scored_once_and_never_with_its_cluster_in_training(
    rows, n_splits, random_state
):
    y, clusters = (pd.Series(values) for values in zip(*rows, strict=True))
    try:
        folds = split.kfold(y, clusters, n_splits, random_state)
    except UserError:
        return
    assert sum(is_scored.astype(int) for _, is_scored in folds).eq(1).all()
    for is_training, is_scored in folds:
        assert (is_training ^ is_scored).all()
        assert not set(clusters[is_training]) & set(clusters[is_scored])
        assert set(y[is_training]) == set(y)


@quick
@given(labelled, st.floats(0.05, 0.95), st.integers(0, 2**32 - 1))
def test_each_cluster_stands_on_one_side_and_each_class_on_both(rows, test_size, random_state):
    y, clusters = (pd.Series(values) for values in zip(*rows, strict=True))
    try:
        test = split.test_clusters(y, clusters, test_size, random_state)
    except UserError:
        return
    assert test.is_unique
    assert set(test) < set(clusters)
    assert set(y[clusters.isin(test)]) == set(y[~clusters.isin(test)]) == set(y)
