"""Scope: reads raw data before anything has run, says what it found, and refuses what it cannot
look at.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sluice.core.command import UserError
from sluice.gates.names import GATES
from sluice.scoping import scope
from sluice.scoping.columns import written
from stages import augment, evaluate, prepare, train, validate
from tests.engine.test_effort import params

SPLIT = {"by": "random", "test_from": None, "test_size": 0.2}


def toys(n: int = 600) -> pd.DataFrame:
    """Return a table with a number that tells the label, a trait, an identifier, a copy of the
    label and a name out of HTML.
    """
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


TYPES = {
    "id": "text",
    "size": "number",
    "sex": "text",
    "copy": "text",
    "<script>": "text",
    "label": "text",
}


def project(
    folder: Path, table: pd.DataFrame, types=TYPES, criteria=None, split=None, **data
) -> None:
    """Write a project of one file and its settings into `folder`."""
    (folder / "data").mkdir()
    table.to_csv(folder / "data" / "toys.csv", index=False)
    source = {
        "path": "data/toys.csv",
        "format": "csv",
        "missing": [""],
        "key": [],
        "columns": types,
    }
    (folder / "data" / "sources.yaml").write_text(
        yaml.safe_dump({"sources": {"toys": source}}, sort_keys=False)
    )
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
    return [
        f"{finding['weight']}: {finding['what']}"
        for finding in content["findings"]
        if finding["about"] == column
    ]


@pytest.mark.slow
def test_scope_counts_records_and_rows(content):
    assert (content["records"], content["n_rows"], content["rejected"], content["identical"]) == (
        603,
        603,
        {},
        3,
    )


def test_scope_describes_each_column(content):
    assert [(column["name"], column["type"], column["rows"]) for column in content["columns"]] == [
        (*item, 603) for item in TYPES.items()
    ]


def test_scope_shows_no_value_of_a_single_row(scoped, content):
    [size] = [column for column in content["columns"] if column["name"] == "size"]
    assert not {"low", "high"} & size.keys()
    html = (scoped / "reports" / "scope.html").read_text()
    assert " to ".join(size["usual"]) in html
    assert not [
        end
        for end in (toys()["size"].min(), toys()["size"].max())
        if f"{written(end)}<" in html or f"{written(end)} to" in html
    ]


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
    n = (pd.concat([toys(), toys().head(3)])["label"] == "rare").sum()
    assert (rare["label"], rare["rows"], rare["test"], rare["verdict"]) == (
        "rare",
        n,
        round(n * 0.2),
        "expected",
    )
    assert most["rows"] == 603 - n


def test_the_learning_curve_does_without_columns_that_give_the_target_away(content):
    assert content["curve"]["figures"]["balanced_accuracy"][-1] < 0.95


@pytest.mark.slow
def test_scope_writes_the_same_bytes_twice(scoped, tmp_path, monkeypatch):
    project(tmp_path, pd.concat([toys(), toys().head(3)]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOW_VALUES", "1")  # changes no report
    scope.main()
    sizes = toys()["size"]
    assert (
        f"size: {written(sizes.min())} to {written(sizes.max())}"
        in (tmp_path / "private/scope.txt").read_text()
    )
    for name, time in (
        ("scope.json", r'"training": ".*"'),
        ("scope.html", '<span id="time">.*</span>'),
    ):
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


@pytest.mark.slow
def test_the_screen_shows_classes_findings_and_where_the_reports_lie(tmp_path, monkeypatch, capsys):
    project(tmp_path, toys(200))
    monkeypatch.chdir(tmp_path)
    scope.main()
    screen = capsys.readouterr().out
    assert screen.startswith("toys: 200 records, 6 columns; 200 rows kept\n")
    assert "stop  copy: it alone gives the target away" in screen
    assert "reports/scope.html, reports/scope.json" in screen
    assert "\nNot yet: 2 things to mend before a model is trained.\n" in screen
    assert len(screen.splitlines()) < 50


@pytest.mark.slow
def test_a_split_by_time_counts_its_test_rows(tmp_path, monkeypatch):
    table = toys(300).assign(year=[2000] * 200 + [2001] * 100, days=range(0, 600, 2))
    project(
        tmp_path,
        table,
        TYPES | {"year": "integer", "days": "integer"},
        split={"by": "time", "test_from": 2001},
        time="year",
    )
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    assert sum(one["test"] for one in found["classes"]) == 100
    assert found["sampled"] == 200
    assert (
        "look: grows with time: a model must extrapolate, and no upper bound is proposed"
        in about(found, "days")
    )
    assert "max_value" not in {key for one in bounds("prepared", "days") for key in one}


def bounds(suite: str, column: str) -> list[dict]:
    """Return the options of the ranges that were proposed for a column."""
    expectations = json.loads(Path(f"expectations/{suite}.json").read_text())["expectations"]
    return [
        one["kwargs"]
        for one in expectations
        if one["type"].endswith("values_to_be_between") and one["kwargs"]["column"] == column
    ]


def test_a_class_of_one_row_is_said_to_be_beyond_judging(tmp_path, monkeypatch):
    table = toys(200)
    table.loc[0, "label"] = "single"
    project(tmp_path, table, criteria={"recall_floor": None})
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    sentence = "stop: cannot be judged: 1 training rows (needs 30) and 0 test rows (needs 20)"
    assert about(found, "class single") == [sentence]
    assert found["curve"]["left_out"] == ["single"]
    floors = {one["label"]: one["floor"] for one in found["classes"]}
    assert floors["single"] == 0.33  # by guessing one of three: no model was tried on it
    assert {
        one["row_condition"]["parameter"]: one["min_value"]
        for one in bounds("by_class", "recall_high")
    } == floors


@pytest.mark.slow
def test_a_group_that_stops_the_next_run_is_named_until_it_is_waived(tmp_path, monkeypatch, capsys):
    project(
        tmp_path,
        toys(1200).drop(columns="copy"),
        {name: kind for name, kind in TYPES.items() if name != "copy"},
        sensitive=["sex"],
    )
    monkeypatch.chdir(tmp_path)
    scope.main()
    page = Path("reports/scope.html").read_text()
    assert "Not yet: 2 things to mend before a model is trained." in page
    found = json.loads(Path("reports/scope.json").read_text())
    assert [
        line.endswith(": the gate by_group will stop the run") for line in about(found, "sex f")
    ] == [True]

    path = Path("expectations/by_group.json")
    suite = json.loads(path.read_text())
    for one in suite["expectations"]:
        if one["meta"].get("verdict") == "insufficient" and one["severity"] == "critical":
            one["meta"]["waived"] = [
                {"where": {"column": "sex", "group": group}, "reason": "A pilot."}
                for group in ("f", "m")
            ]
    path.write_text(json.dumps(suite))
    scope.main()
    page = Path("reports/scope.html").read_text()
    assert (
        "every class is expected to reach its floor. Too few rows, which the suites let pass: sex"
        " f, sex m." in page
    )


def test_a_field_that_is_filled_in_with_the_outcome_is_named(tmp_path, monkeypatch, capsys):
    table = toys(800).drop(columns="copy")
    sold = (table["label"] == "most") & (np.random.default_rng(1).random(800) < 0.5)
    project(
        tmp_path,
        table.assign(buyer=np.where(sold, "bank", "")),
        {**{k: v for k, v in TYPES.items() if k != "copy"}, "buyer": "text"},
    )
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    n = sold.sum()
    assert any(
        line.startswith(f"look: it is filled in: {n} of {n} rows have class most")
        for line in about(found, "buyer")
    )
    [task] = [
        task
        for task in found["tasks"]
        if task["question"] == "What is known only after the target?"
    ]
    assert (task["state"], "buyer" in task["says"]) == ("open", True)


def test_a_class_that_was_not_measured_gets_no_recall(tmp_path, monkeypatch, capsys):
    table = toys(1200).drop(columns=["copy", "id"])
    table.loc[:15, "label"] = "single"
    project(tmp_path, table, {"size": "number", "sex": "text", "<script>": "text", "label": "text"})
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    [single] = [one for one in found["classes"] if one["label"] == "single"]
    assert (single["expected"], single["verdict"]) == (None, "not judged")
    assert "recall of single" not in found["gains"]
    assert "not known: not judged" in capsys.readouterr().out


def test_records_that_cannot_be_used_stop_the_run(tmp_path, monkeypatch, capsys):
    table = toys(300).drop(columns="copy").assign(size=["many"] * 6 + ["1.5"] * 294)
    project(tmp_path, table, {name: kind for name, kind in TYPES.items() if name != "copy"})
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    assert about(found, "toys") == [
        "stop: 6 of 300 records cannot be used: the gate sources will stop the run"
    ]


def test_a_confirmed_expectation_that_these_rows_break_is_foreseen(tmp_path, monkeypatch, capsys):
    project(tmp_path, toys(300))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "expectations").mkdir()
    meta = {"notes": "Sizes are above zero.", "bound": "confirmed"}
    above = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "size", "min_value": 0},
        "severity": "critical",
        "meta": meta,
    }
    Path("expectations/prepared.json").write_text(
        json.dumps({"name": "prepared", "expectations": [above]})
    )
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    [line] = about(found, "expectations/prepared.json")
    assert line.startswith("stop: the gate prepared will stop the run: size: ")


def test_a_sensitive_column_of_one_group_is_foreseen(tmp_path, monkeypatch, capsys):
    project(tmp_path, toys(300).assign(sex="f"), sensitive=["sex"])
    monkeypatch.chdir(tmp_path)
    scope.main()
    found = json.loads(Path("reports/scope.json").read_text())
    assert any("the gate proxies will stop the run" in line for line in about(found, "sex"))


def panel() -> pd.DataFrame:
    """Return 60 customers in each of 12 months: nobody is twice in one month, and ever fewer
    buy.
    """
    rng = np.random.default_rng(1)
    rows = pd.MultiIndex.from_product(
        [pd.date_range("2020-01-01", periods=12, freq="MS"), [f"c{nth}" for nth in range(60)]]
    )
    table = rows.to_frame(index=False, name=["month", "customer"]).assign(
        size=rng.normal(size=720).round(3)
    )
    likely = np.linspace(-0.2, -1.2, 720)
    return table.assign(
        label=np.where(table["size"] + rng.normal(size=720) / 2 + likely > 0, "buys", "not")
    )


PANEL = {"month": "date", "customer": "text", "size": "number", "label": "text"}


def scoped_panel(folder: Path, monkeypatch, **settings) -> dict:
    """Run scope on a panel with these settings, and return what it said."""
    folder.mkdir(exist_ok=True)
    project(folder, panel(), PANEL, **settings)
    monkeypatch.chdir(folder)
    scope.main()
    return json.loads(Path("reports/scope.json").read_text())


@pytest.mark.slow
def test_the_hints_for_a_panel_lead_to_a_run_that_ends(tmp_path, monkeypatch):
    found = scoped_panel(tmp_path / "first", monkeypatch)
    hints = {
        finding["do"]
        for finding in found["findings"]
        if "data.time" in finding["do"] and finding["about"] != "the order in the file"
    }
    [hint] = hints  # the single ones, for a time and for a cluster, would clash
    assert any("the share of buys falls" in line for line in about(found, "month"))
    asked = dict(re.findall(r"((?:data|prepare\.split)\.\w+): ([^ ,]+)", hint))
    assert asked["data.cluster"] == "[customer]"
    split = {
        "by": asked["prepare.split.by"],
        "test_from": asked["prepare.split.test_from"].strip('"'),
    }
    split["keep_clusters_whole"] = asked["prepare.split.keep_clusters_whole"] == "true"

    found = scoped_panel(
        tmp_path / "second", monkeypatch, split=split, time=asked["data.time"], cluster=["customer"]
    )
    assert not [
        one
        for one in found["findings"]
        if one["weight"] == "stop" or "keep_clusters_whole" in one["do"]
    ]
    for stage in (prepare, validate, augment, train, evaluate):
        stage.main()
    assert len(pd.read_parquet("data/prepared/train.parquet")) == 540
    assert pd.read_csv("reports/by_class.csv")["support"].sum() == 180


def test_whole_clusters_that_a_cut_off_loses_stop_scope_and_prepare(tmp_path, monkeypatch):
    split = {"by": "time", "test_from": "2020-10-01"}
    found = scoped_panel(tmp_path, monkeypatch, split=split, time="month", cluster=["customer"])
    assert found["rejected"] == {"before_cutoff": 540}
    assert about(found, "rows before the cut-off")[0].startswith(
        "stop: 540 rows are left out. Their classes are "
    )
    assert "set prepare.split.keep_clusters_whole: false in params.yaml. Then" in str(
        found["findings"]
    )  # the rest is set
    with pytest.raises(UserError, match=r"stopped by the gate sources \(fail\)"):
        prepare.main()


def refusal(monkeypatch, folder) -> str:
    monkeypatch.chdir(folder)
    with pytest.raises(UserError) as refused:
        scope.main()
    assert not Path("reports").exists()
    return str(refused.value)


def test_problems_of_both_files_are_told_at_once(tmp_path, monkeypatch):
    project(tmp_path, toys(20), criteria={"largest_gap": 2.0}, types={"size": "numbre"})
    sentences = refusal(monkeypatch, tmp_path).splitlines()
    assert sentences[0] == "params.yaml: scope.largest_gap is 2.0, must be less than 1"
    assert sentences[1].startswith(
        "data/sources.yaml: sources.toys.columns.size is 'numbre', must be"
    )


def test_a_target_that_is_no_column_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(20), target="lable")
    assert "params.yaml: data.target is 'lable', no column of data/toys.csv" in refusal(
        monkeypatch, tmp_path
    )


def test_a_file_with_only_a_header_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(0))
    assert (
        refusal(monkeypatch, tmp_path)
        == "sources.toys: its file (path in data/sources.yaml) has no row, only a header; put the"
        " data there"
    )


def test_a_file_of_one_row_is_refused(tmp_path, monkeypatch):
    project(tmp_path, toys(1))
    assert "'label' is 'most' in every row; a classifier needs two classes or more" in refusal(
        monkeypatch, tmp_path
    )


def test_a_file_of_very_many_columns_is_refused_in_a_line(tmp_path, monkeypatch):
    names = [f"c{nth}" for nth in range(10000)]
    project(tmp_path, toys(5), dict.fromkeys([*names, "label"], "text"))
    sentence = refusal(monkeypatch, tmp_path)
    assert sentence.startswith(
        "data/sources.yaml: sources.toys.columns is {'c0': 'text', 'c1': 'text', "
    )
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
    project(
        tmp_path,
        table[(table["label"] == "most") | (table.index < 200)],
        criteria={"metric": "accuracy"},
    )
    assert "never finding the former would hardly lower it" in refusal(monkeypatch, tmp_path)


def test_a_date_after_today_is_foreseen(tmp_path, monkeypatch, capsys):
    table = toys(300).drop(columns="copy").assign(seen=["3023-09-20", *["2023-09-20"] * 299])
    project(
        tmp_path,
        table,
        {**{name: kind for name, kind in TYPES.items() if name != "copy"}, "seen": "date"},
    )
    monkeypatch.chdir(tmp_path)
    scope.main()
    [line] = about(json.loads(Path("reports/scope.json").read_text()), "expectations/changes.json")
    assert line.startswith(
        "stop: the gate changes will stop the run: value where check is future: check future, column seen"
    )


def test_the_screen_counts_what_was_proposed():
    lines = ["a: proposed, 7 expectations", "b: proposed, 2 expectations"]
    assert scope.in_short(lines) == [
        "Proposed: 2 suites with 9 bounds. `uv run sluice confirm` shows and confirms them."
    ]


def test_the_screen_counts_what_a_person_decided():
    lines = ["a: changed: x; proposed now: y", "a: added: z", "b: changed: x; proposed now: y"]
    assert scope.in_short([*lines, "b: edited, so kept: x; proposed now: y"]) == [
        "Bounds: 2 changed, 1 added, 1 kept as you edited them. reports/proposals.txt lists them."
    ]


def test_a_proposal_that_changes_nothing_is_said_to():
    assert scope.in_short([]) == ["Suites: nothing is proposed that expectations/ does not hold."]
