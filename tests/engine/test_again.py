"""Judging the last run again finds what a report, a table or a suite hides, and nothing in a
clean run.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.gates.gate import gate
from sluice.gates.names import REPORTS
from sluice.promotion import reevaluate as again
from sluice.promotion.reevaluate import judged_again
from sluice.registry.promotion_evidence import EVALUATED, verdicts


@pytest.fixture
def project(toy_run, tmp_path, monkeypatch) -> Path:
    """A copy of a finished run as the working folder."""
    shutil.copytree(toy_run.folder, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def problems(tmp_path: Path) -> list[str]:
    (tmp_path / "scratch").mkdir()
    return judged_again(tmp_path / "scratch", verdicts(REPORTS / "gates"))


@pytest.mark.slow
def test_clean_run_is_as_it_says(project, tmp_path):
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert problems(tmp_path) == []
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    assert set(verdicts(tmp_path / "scratch/reports/gates")) == set(EVALUATED)


def test_table_of_evaluate_that_was_edited_is_named(project, tmp_path):
    lock = Path("dvc.lock").read_text(encoding="utf-8")
    [digest] = re.findall(r"path: reports/by_class\.csv\n +hash: md5\n +md5: (\w+)", lock)
    Path("dvc.lock").write_text(lock.replace(digest, "0" * 32), encoding="utf-8")
    [said] = problems(tmp_path)
    assert said.startswith(
        "reports/by_class.csv: not what models/model.skops gives on data/prepared/test.parquet; run"
        " `dvc repro --force"
    )


# the stages before, without evaluate, whose work takes the time


@pytest.fixture
def before(project, monkeypatch) -> Path:
    nothing = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(again, "run_stage", lambda *_: nothing)
    monkeypatch.setattr(again, "read_stages", lambda path: {})
    return project


def test_table_that_fails_its_suite_is_named_whatever_its_report_says(before, tmp_path):
    table = pd.read_csv("reports/leakage.csv")
    table.loc[table["check"] == "rows_on_both_sides", "value"] = 7
    table.to_csv("reports/leakage.csv", index=False)
    [said] = problems(tmp_path)
    assert re.fullmatch(
        r"reports/gates/leakage\.json says \w+, the gate, asked again today, says fail, which stops"
        r" the run",
        said,
    )


def test_report_that_was_edited_is_named(before, tmp_path):
    path = Path("reports/gates/classes.json")
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"verdict": "insufficient"}),
        encoding="utf-8",
    )
    [said] = problems(tmp_path)
    assert said.startswith(
        "reports/gates/classes.json says insufficient, the gate, asked again today, says "
    )


def test_report_that_is_gone_is_refused(before, tmp_path):
    Path("reports/candidates.csv").unlink()
    with pytest.raises(
        UserError,
        match=(
            r"^reports/candidates\.csv cannot be judged again .*; run `make repro`, which"
            r" writes it$"
        ),
    ):
        problems(tmp_path)


def test_reports_on_groups_are_as_they_were_where_no_column_is_sensitive(project, tmp_path):
    Path("expectations/proxies.json").unlink()
    assert problems(tmp_path) == []
    for name in ("proxies", "label_bias", "by_group"):
        report = Path("reports/gates", f"{name}.json")
        assert (tmp_path / "scratch" / report).read_bytes() == report.read_bytes()


@pytest.mark.parametrize("name", ["1", "NA", "01", "1.50"])
def test_names_of_rows_stay_as_they_are(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for folder in ("expectations", "reports"):
        Path(folder).mkdir()
    same = {
        "type": "expect_column_distinct_values_to_equal_set",
        "kwargs": {"column": "class", "value_set": [name]},
    }
    same |= {"severity": "critical", "meta": {"notes": "All classes.", "bound": "confirmed"}}
    suite = {"name": "classes", "meta": {"row": ["class"]}, "expectations": [same]}
    Path("expectations/classes.json").write_text(json.dumps(suite), encoding="utf-8")
    pd.DataFrame({"class": [name], "train": [3]}).to_csv("reports/classes.csv", index=False)
    assert (
        gate(again._written("classes"), "expectations/classes.json", "report.json").verdict
        == "pass"
    )
