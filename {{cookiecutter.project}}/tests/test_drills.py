"""Seed the defect that each expectation of each suite exists for, and see the gate turn red; see the clean table pass."""

import json
from pathlib import Path

import pandas as pd
import pytest

from stages.gate import gate
from stages.params import Params
from stages.schema import load
from stages.tables import AUGMENTED, TEST, TRAIN
from tests.pipeline_run import PROJECT

PARAMS = load(PROJECT / "params.yaml", Params)
SUITES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((PROJECT / "expectations").glob("*.json"))}
if not PARAMS.data.sensitive:
    SUITES.pop("by_group", None)  # judges nothing where no column is sensitive
EXPECTATIONS = [(name, nth, raw) for name, suite in SUITES.items() for nth, raw in enumerate(suite["expectations"], 1)]


@pytest.fixture(scope="module")
def clean(pipeline) -> dict[str, pd.DataFrame]:
    """The tables that the gates judged in a clean run."""
    files = {name: f"reports/{name}.csv" for name in SUITES} | {"augmented": AUGMENTED}
    tables = {name: pipeline.table(file) for name, file in files.items() if name != "prepared"}
    return tables | {"prepared": pd.concat([pipeline.table(TRAIN), pipeline.table(TEST)], ignore_index=True)}


def broken(table: pd.DataFrame, raw: dict) -> list[tuple[str, pd.DataFrame]]:
    """Return tables with a defect that the expectation `raw` exists for, each with what its message has to name."""
    kwargs, column = raw["kwargs"], raw["kwargs"].get("column")
    at = [0]
    if condition := kwargs.get("row_condition"):
        at = [int(table.index[table[condition["column"]["name"]] == condition["parameter"]][0])]
    match raw["type"]:
        case "expect_column_values_to_be_between":
            step = 1 if pd.api.types.is_integer_dtype(table[column]) else 1e-6
            outside = [
                (kwargs["min_value"] - step if not kwargs.get("strict_min") else kwargs["min_value"]) if "min_value" in kwargs else None
            ]
            outside += [kwargs["max_value"] + step if "max_value" in kwargs else None]
            return [(column, put(table, at, column, value)) for value in outside if value is not None]
        case "expect_column_values_to_be_in_set":
            stranger = max(kwargs["value_set"]) + 1 if isinstance(kwargs["value_set"][0], int) else "stranger"
            return [(column, put(table, at, column, stranger))]
        case "expect_column_values_to_not_be_null":
            allowed = int(len(table) * (1 - kwargs.get("mostly", 1)))
            return [(column, put(table, list(range(allowed + 1)), column, None))]
        case "expect_column_values_to_match_regex":
            return [(column, put(table, at, column, "?"))]
        case "expect_column_values_to_be_unique" | "expect_compound_columns_to_be_unique":
            return [((kwargs.get("column_list") or [column])[0], pd.concat([table, table.head(1)], ignore_index=True))]
        case "expect_table_columns_to_match_set":
            return [("undeclared", table.assign(undeclared=1)), (kwargs["column_set"][-1], table.drop(columns=kwargs["column_set"][-1]))]
        case "expect_table_row_count_to_be_between":
            return [("rows", table.head(kwargs["min_value"] - 1))]
        case "expect_column_pair_values_to_be_in_set":
            a, b = kwargs["column_A"], kwargs["column_B"]
            pairs = kwargs["value_pairs_set"]
            wrong = next((x, y) for x, _ in pairs for _, y in pairs if [x, y] not in pairs)
            return [(b, put(put(table, at, a, wrong[0]), at, b, wrong[1]))]
        case "expect_column_distinct_values_to_equal_set":
            gone = [(str(value), table[table[column] != value]) for value in kwargs["value_set"]]
            return (
                [*gone, ("stranger", put(table, at, column, "stranger"))]
                if len(gone) > 1
                else [("stranger", put(table, at, column, "stranger"))]
            )
        case "expect_column_distinct_values_to_be_in_set":
            return [("stranger", put(table, at, column, "stranger"))]
        case "expect_column_distinct_values_to_contain_set":
            return [(value, put(table, table.index[table[column] == value].tolist(), column, "stranger")) for value in kwargs["value_set"]]
    pytest.fail(f"no drill for {raw['type']}: write one, so that this expectation is proven to bite")


def put(table: pd.DataFrame, at: list[int], column: str, value: object) -> pd.DataFrame:
    """Return `table` with `value` in `column` of the rows `at`."""
    table = table.copy()
    if value is None or isinstance(value, float):
        table[column] = table[column].astype("float64" if pd.api.types.is_numeric_dtype(table[column]) else "object")
    table.loc[at, column] = value
    return table


@pytest.mark.parametrize("name", SUITES)
def test_clean_table_passes(clean, name, tmp_path):
    verdict = gate(clean[name], PROJECT / "expectations" / f"{name}.json", tmp_path / f"{name}.json")
    assert not verdict.blocks, verdict.sentences


@pytest.mark.parametrize(("name", "nth", "raw"), EXPECTATIONS, ids=[f"{name}-{nth}" for name, nth, _ in EXPECTATIONS])
def test_expectation_bites_on_its_defect(clean, name, nth, raw, tmp_path):
    suite = {**SUITES[name], "expectations": [raw, ALWAYS]}
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(suite), encoding="utf-8")
    for named, table in broken(clean[name], raw):
        verdict = gate(table, path, tmp_path / "report.json")
        expected = raw["meta"].get("verdict", "fail") if raw["severity"] == "critical" or "verdict" in raw["meta"] else "warn"
        assert (verdict.verdict, verdict.blocks) == (expected, raw["severity"] == "critical"), verdict.sentences
        [sentence] = verdict.sentences
        assert named in sentence
        assert Path(path).name in sentence


# a critical expectation that holds for every table, so that a suite of a single warning is not refused
ALWAYS = {
    "type": "expect_table_column_count_to_be_between",
    "kwargs": {"min_value": 1},
    "severity": "critical",
    "meta": {"notes": "Holds.", "bound": "confirmed"},
}
