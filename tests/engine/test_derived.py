"""Derived columns: the project's function may only add columns, row by row, without the target."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from sluice.core.command import UserError
from sluice.data import derived
from sluice.data.derived import add_features, check_row_wise, derive_file, derived_columns
from tests.engine.settings import roles

DATA = roles(forbidden={"paid": "set after the sale"})
ROWS = pd.DataFrame(
    {
        "price": [6.0, 2.0, None, 9.0],
        "units": [3, 1, 2, 3],
        "label": ["a", "b", "a", "b"],
        "__stage_row_id": ["1", "2", "3", "4"],
    }
)


@pytest.fixture
def derive(monkeypatch):
    """Let the project derive columns by the function that is given."""
    return lambda function: monkeypatch.setattr("stages.features.add_features", function)


def per_unit(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(per_unit=rows["price"] / rows["units"])


def test_a_derived_column_stands_after_the_others(derive):
    derive(per_unit)
    made = add_features(ROWS, DATA)
    assert list(made.columns) == [*ROWS.columns, "per_unit"]
    assert made["per_unit"].tolist()[:2] == [2.0, 2.0]
    assert made["per_unit"].isna().tolist() == [False, False, True, False]


def test_the_function_sees_neither_target_nor_forbidden_nor_own_columns(derive):
    seen = []
    derive(lambda rows: seen.extend(rows.columns) or rows)
    add_features(ROWS.assign(paid=1), DATA)
    assert seen == ["price", "units"]


def test_a_function_that_reads_the_target_is_told_so(derive):
    derive(lambda rows: rows.assign(leak=rows["label"] == "a"))
    with pytest.raises(
        UserError, match=r"stages/features.py: add_features fails .* KeyError: 'label'"
    ):
        add_features(ROWS, DATA)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda rows: rows.drop(columns="price"), "drops the column 'price'"),
        (lambda rows: rows.assign(price=1.0), "changes the column 'price'"),
        (lambda rows: rows.dropna(), "returns 3 rows for 4"),
        (lambda rows: rows.iloc[::-1], "must keep rows and their order"),
        (lambda rows: None, "returns a NoneType"),
        (lambda rows: rows.assign(x=rows["price"] / 0), "x is infinite in 3 rows"),
        (lambda rows: rows.assign(**{" x": 1}), "' x'"),
        (lambda rows: rows.assign(__stage_x=1), "__stage_"),
    ],
)
def test_a_function_that_does_more_than_add_columns_is_refused(derive, function, told):
    derive(function)
    with pytest.raises(UserError, match=told):
        add_features(ROWS, DATA)


def test_booleans_become_numbers_and_categories_text(derive):
    derive(lambda rows: rows.assign(big=rows["units"] > 2, kind=pd.Categorical(["x"] * len(rows))))
    made = add_features(ROWS, DATA)
    assert made["big"].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert made["kind"].dtype == "str"


@pytest.mark.parametrize(
    "function",
    [
        lambda rows: rows.assign(x=rows["price"] - rows["price"].mean()),
        lambda rows: rows.assign(x=rows["price"].rank()),
        lambda rows: rows.assign(x=rows["price"].shift()),
        lambda rows: rows.assign(x=range(len(rows))),
    ],
    ids=["mean", "rank", "shift", "position"],
)
def test_a_column_that_depends_on_other_rows_is_refused(derive, function):
    derive(function)
    with pytest.raises(UserError, match="gives other values of x when it sees half of the rows"):
        check_row_wise(ROWS, add_features(ROWS, DATA), DATA)


def test_a_column_of_its_own_row_alone_passes(derive):
    derive(per_unit)
    check_row_wise(ROWS, add_features(ROWS, DATA), DATA)


def test_derived_columns_are_named_from_the_declared_ones_alone(derive):
    derive(per_unit)
    columns = {"price": "number", "units": "integer", "label": "text", "day": "date"}
    assert derived_columns(columns, DATA) == {"per_unit": "number"}


def test_a_file_gets_the_columns_in_every_row_group(derive, tmp_path):
    ROWS.to_parquet(tmp_path / "rows.parquet", row_group_size=2)
    derive(per_unit)
    derive_file(tmp_path / "rows.parquet", DATA)
    assert pq.ParquetFile(tmp_path / "rows.parquet").num_row_groups == 2
    assert pd.read_parquet(tmp_path / "rows.parquet")["per_unit"].count() == 3


def test_a_file_stays_as_it_is_where_nothing_is_derived(derive, tmp_path):
    ROWS.to_parquet(tmp_path / "rows.parquet")
    before = (tmp_path / "rows.parquet").read_bytes()
    derive(lambda rows: rows)
    derive_file(tmp_path / "rows.parquet", DATA)
    assert (tmp_path / "rows.parquet").read_bytes() == before


def test_a_comment_changes_no_hash_and_code_does(monkeypatch, tmp_path):
    def hashed(code: str) -> str:
        (tmp_path / "features.py").write_text(code, encoding="utf-8")
        return derived.features_sha256()

    class Module:
        __file__ = str(Path(tmp_path) / "features.py")

    monkeypatch.setattr(derived, "import_module", lambda name: Module)
    plain = hashed("def add_features(rows):\n    return rows\n")
    assert hashed("def add_features(rows):  # as they are\n\n    return (rows)\n") == plain
    assert hashed("def add_features(rows):\n    return rows.assign(x=1)\n") != plain
