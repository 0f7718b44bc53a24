"""Advice is tried before it is given: each piece of it, done to the case that drew it, takes the
complaint away, and loses no row.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from ibis import _

from sluice.core.params import ROW_ID
from sluice.data.assigning import IS_TEST
from sluice.data.cleaning import fates
from sluice.data.rejecting import KIND
from sluice.data.role_checks import check_roles
from sluice.data.shares import lost_and_equal
from sluice.data.sources import RECORD, Source, read
from sluice.scoping.column_findings import findings, missing_findings
from sluice.scoping.finding import Finding
from sluice.scoping.repeats import equal_findings, panel, panel_findings
from sluice.scoping.rows import judge, parted, sample
from sluice.scoping.suspicious import cluster_findings, date_findings, order_findings, orders
from tests.engine.settings import settings

N = 240


@dataclass(frozen=True)
class Case:
    """A table with the settings that a user would change, and how: `rows` beside `x` and
    `label`.
    """

    rows: dict[str, Any]
    types: dict[str, str]
    source: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)

    def types_as(self, **types: str) -> "Case":
        return Case(self.rows, self.types | types, self.source, self.data, self.split)

    def with_source(self, **given: Any) -> "Case":
        return Case(self.rows, self.types, self.source | given, self.data, self.split)

    def with_data(self, **given: Any) -> "Case":
        return Case(self.rows, self.types, self.source, self.data | given, self.split)

    def split_by(self, **given: Any) -> "Case":
        return Case(self.rows, self.types, self.source, self.data, self.split | given)


def said(case: Case, folder: Path) -> tuple[list[Finding], int]:
    """Return what scope finds in a table without trying a model, and how many rows it keeps."""
    label = case.rows.get("label", np.where(np.arange(N) % 2 == 0, "a", "b"))
    table = pd.DataFrame({"x": np.arange(N) % 97 / 10, **case.rows, "label": label})
    table.to_csv(folder / "rows.csv", index=False)
    types = {"x": "number", **case.types, "label": "text"}
    source = Source(
        **{
            "path": str(folder / "rows.csv"),
            "format": "csv",
            "missing": [""],
            "key": [],
            "columns": types,
        }
        | case.source
    )
    split = {
        "by": "random",
        "test_from": None,
        "test_size": 0.2,
        "keep_clusters_whole": True,
    } | case.split
    params = settings(data=case.data, prepare={"split": split})
    check_roles(params, source)
    judged, columns = judge(read(ibis.duckdb.connect(), "rows", source), "rows", source, params)
    n_rows = int(judged.filter(_[KIND].isnull()).count().to_pandas())
    sides, data = parted(judged, params), params.data
    told = lost_and_equal(fates(judged, sides, data.target))
    rows = sample(sides, source, params)
    n_rows = int(rows[KIND].isna().sum())
    times = orders(rows, data, rows[RECORD])
    y = rows[data.target]
    of_times = order_findings(times, y, data, params.prepare.split.by)
    of_panel = panel(rows.drop(columns=RECORD), data, params.prepare.split, times)
    found = [
        *findings(columns, data, source),
        *missing_findings(columns, data),
        *of_times,
        *date_findings(times, y, data, of_times),
        *cluster_findings(rows.drop(columns=[RECORD, KIND]), data),
        *equal_findings(
            told, n_rows, source, rows.drop(columns=[data.target, ROW_ID, RECORD, KIND, IS_TEST])
        ),
        *panel_findings(of_panel, data, params.prepare.split),
    ]
    return found, n_rows


def days(how: str, step: int = 1, most: int = N) -> list[str]:
    return [
        day.strftime(how)
        for day in pd.date_range("2023-01-01", periods=N, freq="D")[: most // step].repeat(step)
    ]


MOVING = np.where(
    np.arange(N) % np.where(np.arange(N) < N / 2, 6, 2) == 0, "b", "a"
)  # b doubles and more
LATE = np.where(
    np.where(np.arange(N) < 200, np.arange(N) % 6 == 0, np.arange(N) % 3 > 0), "b", "a"
)  # four fifths are of the first year
OFFSET = [f"{day}T00:00:00+02:00" for day in days("%Y-%m-%d")]
CASES: dict[str, tuple[Case, str, str, Callable[[Case, str], Case]]] = {
    "day first or month first": (
        Case(
            {"when": [f"{1 + n % 12:02}/{1 + n % 11:02}/2023" for n in range(N)]}, {"when": "text"}
        ),
        "when",
        "written as dates",
        lambda case, do: case.types_as(when="date").with_source(
            date_formats={"when": re.findall(r'\{when: "(.+?)"\}', do)[0]}
        ),
    ),
    "day first": (
        Case({"when": days("%d.%m.%Y")}, {"when": "text"}),
        "when",
        "written as dates",
        lambda case, do: case.types_as(when="date").with_source(
            date_formats={"when": re.search(r'\{when: "(.+?)"\}', do)[1]}
        ),
    ),
    "digits alone": (
        Case({"when": days("%Y%m%d")}, {"when": "integer"}),
        "when",
        "written as dates",
        lambda case, do: case.types_as(when="date").with_source(
            date_formats={"when": re.search(r'\{when: "(.+?)"\}', do)[1]}
        ),
    ),
    "ISO": (
        Case({"when": days("%Y-%m-%d")}, {"when": "text"}),
        "when",
        "written as dates",
        lambda case, do: case.types_as(when="date"),
    ),
    "ISO with an offset": (
        Case({"when": OFFSET}, {"when": "text"}),
        "when",
        "written as dates",
        lambda case, do: case.types_as(when="date"),
    ),
    "a type that does not hold": (
        Case({"size": ["1", "2", "unknown", "3"] * (N // 4)}, {"size": "integer"}),
        "size",
        "their rows are rejected",
        lambda case, do: case.with_source(missing=["", "unknown"]),
    ),
    "a word for missing": (
        Case({"size": ["p", "q", "n/a", "r"] * (N // 4)}, {"size": "text"}),
        "size",
        "may mean a missing value",
        lambda case, do: case.with_source(missing=["", "n/a"]),
    ),
    "a date for open": (
        Case({"end": [*days("%Y-%m-%d")[:-20], *["9999-12-31"] * 20]}, {"end": "date"}),
        "end",
        "may stand for open",
        lambda case, do: case.with_source(missing=["", re.search(r"add '(.+?)'", do)[1]]),
    ),
    "an empty column": (
        Case({"nothing": [None] * N}, {"nothing": "text"}),
        "nothing",
        "it is empty",
        lambda case, do: case.with_data(forbidden={"nothing": "empty"}),
    ),
    "an identifier": (
        Case({"id": [f"t{n}" for n in range(N)]}, {"id": "text"}),
        "id",
        "it names the row",
        lambda case, do: case.with_data(forbidden={"id": "a name"}),
    ),
    "a name of a thing": (
        Case({"customer_id": [f"c{n // 3}" for n in range(N)]}, {"customer_id": "text"}),
        "customer_id",
        "names something that stands in several rows",
        lambda case, do: case.with_data(cluster=["customer_id"]),
    ),
    "a trait": (
        Case({"sex": ["m", "f", "f", "m"] * (N // 4)}, {"sex": "text"}),
        "sex",
        "sex or gender",
        lambda case, do: case.with_data(sensitive=["sex"]),
    ),
    "a date that nobody named": (
        Case({"when": days("%Y-%m-%d")}, {"when": "date"}),
        "when",
        "may order the rows in time",
        lambda case, do: case.with_data(time="when").split_by(by="time", test_from="2023-07-01"),
    ),
    "a year along which shares move": (
        Case({"year": np.arange(N) // 48 + 2001, "label": MOVING}, {"year": "integer"}),
        "year",
        "a random split hides that",
        lambda case, do: case.with_data(time="year").split_by(
            by="time", test_from=int(re.search(r"test_from: (\d+)", do)[1])
        ),
    ),
    "two years along which shares move": (
        Case(
            {"year": np.where(np.arange(N) < 200, 2001, 2002), "label": LATE}, {"year": "integer"}
        ),
        "year",
        "a random split hides that",
        lambda case, do: case.with_data(time="year").split_by(
            by="time", test_from=int(re.search(r"test_from: (\d+)", do)[1])
        ),
    ),
    "equal rows": (
        Case({"x": np.arange(N) % 40 / 10}, {}),
        "equal rows",
        "repeat an earlier one",
        lambda case, do: case.with_source(equal_rows="separate"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_advice_takes_away_the_complaint_that_drew_it(tmp_path, name):
    case, about, complaint, follow = CASES[name]
    before, n_before = said(case, tmp_path)
    [drawn] = [one for one in before if one.about == about and complaint in one.what]
    after, n_after = said(follow(case, drawn.do), tmp_path)
    assert [one.what for one in after if one.about == about and complaint in one.what] == []
    assert [one.what for one in after if one.weight == "stop"] == []
    assert n_after >= n_before


@pytest.mark.parametrize(
    "when", [["01/02/2023", "31/12/2022", "2023-01-31"], ["31.12.22", "01.02.23", "03.04.23"]]
)
def test_a_declaration_that_would_lose_rows_is_not_advised(tmp_path, when):
    found, _n_rows = said(Case({"when": when * (N // 3)}, {"when": "text"}), tmp_path)
    [drawn] = [one for one in found if one.about == "when" and "written as dates" in one.what]
    assert drawn.do.startswith("to use it as a date, write all its values in one format")


def test_one_odd_date_beyond_the_commonest_is_seen(tmp_path):
    """Of 240 different dates the 200 commonest are looked at one by one; the format is tried on
    all.
    """
    found, _n_rows = said(
        Case({"when": [*days("%d.%m.%Y")[:-1], "31.02.2023"]}, {"when": "text"}), tmp_path
    )
    [drawn] = [one for one in found if one.about == "when" and "written as dates" in one.what]
    assert "date_formats" not in drawn.do


def test_a_year_that_is_the_same_in_all_rows_is_no_time_to_split_by(tmp_path):
    found, _n_rows = said(
        Case({"year": [2023] * N, "label": MOVING}, {"year": "integer"}), tmp_path
    )
    assert [one.do for one in found if one.about == "year" and "time" in one.do] == []
