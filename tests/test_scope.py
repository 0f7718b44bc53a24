"""Scope: reads raw data before anything has run, says what it found, and refuses what it cannot look at."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import scope
from stages.command import Refused
from stages.summary import GATES
from tests.test_effort import params

SPLIT = {"by": "random", "test_from": None, "test_size": 0.2}


def toys(n: int = 600) -> pd.DataFrame:
    """Return a table with a number that tells the label, a trait, an identifier, a copy of the label and a name out of HTML."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=n).round(3)
    label = np.where(size + rng.normal(size=n) > 1, "rare", "most")
    return pd.DataFrame(
        {
            "id": [f"t{nth}" for nth in range(n)],
            "size": size,
            "sex": rng.choice(["m", "f"], n),
            "copy": np.where(label == "rare", "yes", "no"),
            "<script>": rng.choice(["<b>", "&"], n),
            "label": label,
        }
    )


TYPES = {"id": "text", "size": "number", "sex": "text", "copy": "text", "<script>": "text", "label": "text"}


def project(folder: Path, table: pd.DataFrame, types=TYPES, criteria=None, split=None, **data) -> None:
    """Write a project of one file and its settings into `folder`."""
    (folder / "data").mkdir()
    table.to_csv(folder / "data" / "toys.csv", index=False)
    source = {"path": "data/toys.csv", "format": "csv", "missing": [""], "key": [], "columns": types}
    (folder / "data" / "sources.yaml").write_text(yaml.safe_dump({"sources": {"toys": source}}, sort_keys=False))
    content = params().model_dump()
    content["data"] |= data
    content["scope"] |= criteria or {}
    content["prepare"]["split"] = SPLIT | (split or {})
    (folder / "params.yaml").write_text(yaml.safe_dump(content))


@pytest.fixture(scope="module")
def scoped(tmp_path_factory) -> Path:
    """A folder in which scope ran once on toys."""
    folder = tmp_path_factory.mktemp("scope")
    project(folder, pd.concat([toys(), toys().head(3)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        scope.main()
    return folder


@pytest.fixture
def content(scoped) -> dict:
    return json.loads((scoped / "reports" / "scope.json").read_text())


def about(content, column) -> list[str]:
    return [f"{finding['weight']}: {finding['what']}" for finding in content["findings"] if finding["about"] == column]


def test_scope_counts_records_and_rows(content):
    assert (content["records"], content["n_rows"], content["rejected"], content["identical"]) == (603, 600, {"duplicate": 3}, 3)


def test_scope_describes_each_column(content):
    assert [(column["name"], column["type"], column["rows"]) for column in content["columns"]] == [(*item, 603) for item in TYPES.items()]


def test_scope_finds_what_was_put_there(content):
    assert any("gives the target away" in line for line in about(content, "copy"))
    assert any("names the row" in line for line in about(content, "id"))
    assert any("sex or gender" in line for line in about(content, "sex"))
    assert about(content, "size") == []


def test_scope_puts_the_heaviest_findings_first(content):
    weights = [finding["weight"] for finding in content["findings"]]
    assert weights == sorted(weights, key=["stop", "look", "note"].index)


def test_scope_says_what_each_class_can_prove(content):
    most, rare = content["classes"]
    n = (toys()["label"] == "rare").sum()
    assert (rare["label"], rare["rows"], rare["test"], rare["verdict"]) == ("rare", n, round(n * 0.2), "proven")
    assert most["rows"] == 600 - n


def test_the_learning_curve_does_without_columns_that_give_the_target_away(content):
    assert content["curve"]["figures"]["balanced_accuracy"][-1] < 0.95


def test_scope_writes_the_same_bytes_twice(scoped, tmp_path, monkeypatch):
    project(tmp_path, pd.concat([toys(), toys().head(3)]))
    monkeypatch.chdir(tmp_path)
    scope.main()
    for name, time in (("scope.json", r'"training": ".*"'), ("scope.html", '<span id="time">.*</span>')):
        one, two = ((folder / "reports" / name).read_text() for folder in (scoped, tmp_path))
        assert re.sub(time, "", one) == re.sub(time, "", two)


def test_the_page_escapes_what_stands_in_the_data(scoped):
    page = (scoped / "reports" / "scope.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;" in page


def test_the_page_needs_no_network(scoped):
    page = (scoped / "reports" / "scope.html").read_text()
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", page)


def test_scope_proposes_the_suites(scoped):
    proposed = {path.stem for path in (scoped / "expectations").iterdir()}
    assert proposed == {gate for gates in GATES.values() for gate in gates}


def test_proposed_suites_are_listed(scoped):
    lines = (scoped / "reports" / "proposals.txt").read_text().splitlines()
    assert len(lines) == sum(map(len, GATES.values()))
    assert lines[0].startswith("prepared: proposed, ")


def test_the_screen_shows_classes_findings_and_where_the_reports_lie(tmp_path, monkeypatch, capsys):
    project(tmp_path, toys(200))
    monkeypatch.chdir(tmp_path)
    scope.main()
    screen = capsys.readouterr().out
    assert screen.startswith("toys: 200 records, 6 columns; 200 rows kept\n")
    assert "stop  copy: it alone gives the target away" in screen
    assert "reports/scope.html, reports/scope.json" in screen
    assert len(screen.splitlines()) < 50


def test_a_split_by_time_counts_its_test_rows(tmp_path, monkeypatch):
    table = toys(300).assign(year=[2000] * 200 + [2001] * 100)
    project(tmp_path, table, TYPES | {"year": "integer"}, split={"by": "time", "test_from": 2001}, time="year")
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    assert sum(one["test"] for one in found["classes"]) == 100
    assert found["sampled"] == 200


def test_a_class_of_one_row_is_said_to_be_beyond_judging(tmp_path, monkeypatch):
    table = toys(200)
    table.loc[0, "label"] = "single"
    project(tmp_path, table)
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    sentence = "stop: cannot be judged: 1 training rows (needs 30) and 0 test rows (needs 20)"
    assert about(found, "class single") == [sentence]
    assert found["curve"]["left_out"] == ["single"]


def refusal(monkeypatch, folder) -> str:
    monkeypatch.chdir(folder)
    with pytest.raises(Refused) as refused:
        scope.main()
    assert not Path("reports").exists()
    return str(refused.value)


def test_problems_of_both_files_are_told_at_once(tmp_path, monkeypatch):
    project(tmp_path, toys(20), criteria={"largest_gap": 2.0}, types={"size": "numbre"})
    sentences = refusal(monkeypatch, tmp_path).splitlines()
    assert sentences[0] == "params.yaml: scope.largest_gap is 2.0, must be less than 1"
    assert sentences[1].startswith("data/sources.yaml: sources.toys.columns.size is 'numbre', must be")


def test_a_target_that_is_no_column_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(20), target="lable")
    assert "params.yaml: data.target is 'lable', no column of data/toys.csv" in refusal(monkeypatch, tmp_path)


def test_a_file_with_only_a_header_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(0))
    assert (
        refusal(monkeypatch, tmp_path) == "sources.toys: its file (path in data/sources.yaml) has no row, only a header; put the data there"
    )


def test_a_file_of_one_row_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(1))
    assert "'label' is 'most' in every row; a classifier needs two classes or more" in refusal(monkeypatch, tmp_path)


def test_a_file_of_very_many_columns_is_refused_in_a_line(tmp_path, monkeypatch):
    names = [f"c{nth}" for nth in range(10000)]
    project(tmp_path, toys(5), dict.fromkeys([*names, "label"], "text"))
    sentence = refusal(monkeypatch, tmp_path)
    assert sentence.startswith("data/sources.yaml: sources.toys.columns is {'c0': 'text', 'c1': 'text', ")
    assert sentence.endswith("..., must have at most 1000 items after validation, not more")
    assert len(sentence) < 400


def test_a_type_that_holds_nowhere_is_named_with_its_remedy(tmp_path, monkeypatch):
    project(tmp_path, toys(50), TYPES | {"sex": "integer"})
    sentences = refusal(monkeypatch, tmp_path)
    assert "no row of sources.toys is left of 50" in sentences
    assert "sex: 50 of 50 values are no integer of 64 bits, written as" in sentences
    assert "mend its type in data/sources.yaml (now integer)" in sentences


def test_a_continuous_target_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(600), TYPES | {"size": "text"}, target="size")
    assert "it is continuous or an identifier, not a class" in refusal(monkeypatch, tmp_path)


def test_accuracy_is_refused_for_a_rare_class(tmp_path, monkeypatch):
    table = toys(600)
    project(tmp_path, table[(table["label"] == "most") | (table.index < 200)], criteria={"metric": "accuracy"})
    assert "never finding the former would hardly lower it" in refusal(monkeypatch, tmp_path)
