"""The evaluation page: what it says first, what it leaves out, and that nothing in the data can
break it.
"""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sluice.gates.messages import Finding
from sluice.reports.evaluation_page import (
    YOURS,
    about,
    curves,
    findings,
    floors,
    headline,
    judge,
    once,
    page,
    read,
    result,
    strip,
    widest,
    write,
)
from sluice.reports.page import percent, two

GATES = {"prepare": ["sources"], "train": ["candidates"], "evaluate": ["by_class"]}
METRICS = {"balanced_accuracy": 0.75, "macro_f1": 0.7, "brier": 0.1, "accuracy": 0.9}
BY_CLASS = (
    "class,support,recall,recall_low,recall_high,precision,average_precision,alarms_per_1000\n"
)


def reported(folder: Path, **verdicts: str) -> Path:
    """Write a report for each gate, with a sentence where its verdict is not pass; those that
    fail block.
    """
    (folder / "gates").mkdir(parents=True)
    for gate, verdict in verdicts.items():
        off = Finding("off", verdict, verdict == "fail", gate, ["is off"]).fields()
        findings = [] if verdict == "pass" else [off]
        report = {"verdict": verdict, "blocks": verdict == "fail", "findings": findings}
        report |= {"confirmed": 0, "bounds": 3}
        (folder / "gates" / f"{gate}.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


def evaluated(folder: Path, rows: str, classes: dict) -> Path:
    """Write what evaluate writes of `classes`, and `rows` of by_class.csv."""
    baselines = [{"model": "majority_class", "classes": classes}]
    (folder / "metrics.json").write_text(
        json.dumps(METRICS | {"classes": classes, "baselines": baselines}), encoding="utf-8"
    )
    (folder / "by_class.csv").write_text(BY_CLASS + rows, encoding="utf-8")
    return folder


def text_of(html: str) -> str:
    """Return the page's text; raises where a tag is left open."""
    return " ".join(
        " ".join(
            ElementTree.fromstring(html[html.index("<main>") : html.index("</body>")]).itertext()
        ).split()
    )


def test_the_first_sentence_says_that_a_model_may_be_used(tmp_path):
    judged = judge(reported(tmp_path, sources="pass", candidates="pass", by_class="pass"), GATES)
    assert headline(judged) == ("pass", f"All 3 gates pass. {YOURS}")


def test_the_first_sentence_names_warnings(tmp_path):
    judged = judge(reported(tmp_path, sources="pass", candidates="warn", by_class="pass"), GATES)
    assert headline(judged) == (
        "warn",
        f"No gate stops this model; one warning: see candidates below. {YOURS}",
    )


def test_the_first_sentence_says_what_stopped_the_run(tmp_path):
    judged = judge(reported(tmp_path, sources="pass", candidates="fail", by_class="pass"), GATES)
    assert headline(judged) == (
        "fail",
        "Do not use this model: train was stopped by candidates (fail).",
    )
    assert [one.verdict for one in judged] == ["pass", "fail", "did not run"]


def test_a_gate_without_a_report_is_no_pass(tmp_path):
    judged = judge(reported(tmp_path, sources="pass", candidates="pass"), GATES)
    assert headline(judged) == (
        "insufficient",
        "Not judged yet: by_class has no verdict. Run `dvc repro` again.",
    )


def test_a_stage_that_ended_before_its_gate_has_no_verdict_and_those_after_it_did_not_run(tmp_path):
    judged = judge(reported(tmp_path, candidates="pass", by_class="pass"), GATES)
    assert [one.verdict for one in judged] == ["no verdict", "did not run", "did not run"]


def test_what_did_not_run_says_so_in_place_of_an_older_verdict(tmp_path):
    folder = evaluated(
        reported(tmp_path, sources="pass", candidates="fail", by_class="pass"),
        "a,9,0.5,0.3,0.7,1,1,4\n",
        {"a": {"recall": 0.5}},
    )
    shown = text_of(page(folder, GATES, ran=["prepare"]))
    assert [one.verdict for one in judge(folder, GATES, ran=["prepare"])] == [
        "pass",
        "did not run",
        "did not run",
    ]
    assert shown.count("did not run") == 2
    assert "candidates is off" not in shown
    assert "How many of each class" not in shown


def test_old_figures_are_not_shown_after_a_stop(tmp_path):
    folder = evaluated(
        reported(tmp_path, sources="fail", by_class="pass"),
        "a,9,0.5,0.3,0.7,1,1,4\n",
        {"a": {"recall": 0.5}},
    )
    shown = text_of(page(folder, GATES))
    assert "fail sources prepare, stops the run, 1 finding, 0 of 3 bounds confirmed" in shown
    assert "How many of each class" not in shown
    assert "0.750" not in shown


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "NA", "a & b", "1"])
def test_any_name_of_a_class_is_shown_as_it_is(tmp_path, monkeypatch, label):
    monkeypatch.chdir(tmp_path)
    folder = reported(tmp_path / "reports", sources="pass", candidates="pass", by_class="pass")
    html = page(
        evaluated(folder, f'"{label}",9,0.5,0.3,0.7,1,1,4\n', {label: {"recall": 0.25}}), GATES
    )
    assert f"{label} 9 rows this model 50 % 30 % to 70 %" in text_of(html)
    assert "<script" not in html


def test_a_class_without_test_rows_is_shown_without_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = reported(tmp_path / "reports", sources="pass", candidates="pass", by_class="pass")
    assert "rare 0 rows this model – 0 % to 100 %" in text_of(
        page(evaluated(folder, "rare,0,,0,1,0,,0\n", {"rare": {"recall": None}}), GATES)
    )


def shown(folder: Path, monkeypatch, **more: object) -> str:
    """Return the text of the page of a run of one class, rare, with `more` in its metrics."""
    monkeypatch.chdir(folder)
    reports = evaluated(
        reported(folder / "reports", sources="pass", candidates="pass", by_class="pass"),
        "rare,9,0.5,0.3,0.7,1,1,4\n",
        {"rare": {"recall": 0.5}},
    )
    metrics = json.loads((reports / "metrics.json").read_text(encoding="utf-8")) | more
    (reports / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return text_of(page(reports, GATES))


def test_what_is_not_given_is_not_shown(tmp_path, monkeypatch):
    text = shown(tmp_path, monkeypatch, costs=None, referral=None)
    for title in (
        "Overall figures beside the baselines",
        "What the errors cost",
        "What is referred to a person",
    ):
        assert title not in text


@pytest.mark.parametrize(
    ("declared", "is_shown"), [("", False), ("place,x,rare,9,0.5,0.25,0.75\n", True)]
)
def test_slices_are_shown_where_some_are_declared(tmp_path, monkeypatch, declared, is_shown):
    (tmp_path / "reports").mkdir()
    header = "slice,value,class,support,recall,recall_low,recall_high\n"
    (tmp_path / "reports" / "slices.csv").write_text(
        f"{header}all,all,rare,9,0.5,0.3,0.7\n{declared}", encoding="utf-8"
    )
    text = shown(tmp_path, monkeypatch)
    assert (
        "place x rare 9 50 % 25 % to 75 %" in text,
        "all all rare 9 50 % 30 % to 70 %" in text,
    ) == (is_shown, is_shown)


def test_overall_figures_are_shown_with_their_intervals_beside_the_baselines(tmp_path, monkeypatch):
    intervals = {"accuracy": [0.85, 0.95], "brier": [0.05, 0.15]}
    rival = {
        "model": "majority_class",
        "classes": {"rare": {"recall": 0.5}},
        "accuracy": 0.4,
        "brier": 0.3,
        "intervals": {"accuracy": [0.35, 0.45], "brier": [0.25, 0.35]},
    }
    text = shown(tmp_path, monkeypatch, intervals=intervals, baselines=[rival])
    assert "by accuracy brier this model 0.90 0.85 to 0.95 0.10 0.050 to 0.15" in text
    assert "majority class 0.40 0.35 to 0.45 0.30 0.25 to 0.35" in text


def test_costs_are_shown_with_what_each_decision_costs_above_the_model(tmp_path, monkeypatch):
    costs = {
        "model": {
            "mean": 0.5,
            "low": 0.4,
            "high": 0.6,
            "more": 0.0,
            "more_low": 0.0,
            "more_high": 0.0,
        },
        "implied": {
            "mean": 0.25,
            "low": 0.2,
            "high": 0.3,
            "more": -0.25,
            "more_low": -0.35,
            "more_high": -0.15,
        },
        "majority_class": {
            "mean": 1.0,
            "low": 0.9,
            "high": 1.1,
            "more": 0.5,
            "more_low": 0.4,
            "more_high": 0.6,
        },
    }
    text = shown(tmp_path, monkeypatch, costs=costs)
    assert "this model 0.50 0.40 to 0.60 –" in text
    assert "what the costs imply 0.25 0.20 to 0.30 -0.25 -0.35 to -0.15" in text
    assert "majority class 1.0 0.90 to 1.1 +0.50 +0.40 to +0.60" in text


def test_referral_is_shown_by_class_beside_the_recall_of_all_rows(tmp_path, monkeypatch):
    rare = {"support": 4, "referred": 0.6, "recall": 0.75, "recall_low": 0.3, "recall_high": 0.99}
    given = {
        "refer_below": 0.6,
        "coverage": 0.875,
        "coverage_low": 0.85,
        "coverage_high": 0.9,
        "classes": {"rare": rare},
    }
    text = shown(tmp_path, monkeypatch, referral=given)
    assert "The model decides 88 % of the rows itself (85 % to 90 %)" in text
    assert "whose confidence is below 0.6" in text
    assert "rare 60 % 4 75 % 30 % to 99 %" in text


def test_a_class_of_which_all_rows_are_referred_has_no_recall(tmp_path, monkeypatch):
    rare = {"support": 0, "referred": 1.0, "recall": None, "recall_low": 0.0, "recall_high": 1.0}
    given = {
        "refer_below": 0.6,
        "coverage": 0.5,
        "coverage_low": 0.4,
        "coverage_high": 0.6,
        "classes": {"rare": rare},
    }
    assert "rare 100 % 0 – 0 % to 100 %" in shown(tmp_path, monkeypatch, referral=given)


def test_the_page_is_written_whole_beside_the_reports(tmp_path):
    write(reported(tmp_path, sources="fail"), GATES)
    assert {path.name for path in tmp_path.iterdir()} == {"gates", "evaluation.html"}
    first = (tmp_path / "evaluation.html").read_bytes()
    write(tmp_path, GATES)
    assert (tmp_path / "evaluation.html").read_bytes() == first


def test_floors_are_those_of_the_suite(tmp_path):
    where = {
        "type": "comparison",
        "column": {"name": "class"},
        "operator": "==",
        "parameter": "rare",
    }
    kwargs = [
        {"column": "recall_high", "min_value": 0.5},
        {"column": "recall_high", "min_value": 0.2, "row_condition": where},
    ]
    (tmp_path / "suite.json").write_text(
        json.dumps({"expectations": [{"kwargs": one} for one in [*kwargs, {"column": "support"}]]})
    )
    assert floors(tmp_path / "suite.json") == {"": 0.5, "rare": 0.2}
    assert floors(tmp_path / "none.json") == {}


def test_names_are_read_as_text_figures_as_numbers(tmp_path):
    (tmp_path / "proxies.csv").write_text("column,value,auc\n1,0.5,\nNone,0.25,0.75\n")
    assert read(tmp_path / "proxies.csv") == [
        {"column": "1", "value": 0.5, "auc": None},
        {"column": "None", "value": 0.25, "auc": 0.75},
    ]


def test_an_interval_is_drawn_within_its_strip():
    assert strip(0.25, 0.5, 1.5) == {"l": 50.0, "v": 100.0, "h": 200.0}
    assert strip(-0.1, 0.0, 0.05, (-0.1, 0.1)) == {"l": 0.0, "v": 100.0, "h": 150.0}
    assert strip(None, 0.5, 1.0) is None


def test_the_reach_of_gaps_is_even_around_no_gap():
    assert widest([{"gap": -0.3, "high": None}, {"gap": 0.1}], "gap", "high") == (-0.3, 0.3)
    assert widest([{"gap": 0.0}], "gap") == (-1, 1)


def test_curves_keep_their_corners():
    [curve] = curves(
        [
            {"class": "a", "x": 0.0, "y": 0.0},
            {"class": "a", "x": 1.0, "y": 1.0},
            {"class": "a", "x": None, "y": 1.0},
        ],
        "class",
        "x",
        "y",
    )
    assert curve == {"name": "a", "points": [(44.0, 296.0), (296.0, 44.0)]}


def class_row(label: str, support: int, recall: float | None) -> dict:
    return {"class": label, "support": support, "recall": recall, "precision": 0.144} | {
        "alarms_per_1000": 245.7
    }


def test_the_result_is_said_in_words_beside_a_plain_baseline():
    plain = {"classes": {"dead": {"recall": 0.058}}}
    weighted = {"classes": {"dead": {"recall": 0.82, "alarms_per_1000": 208.9}}}
    said = result(
        [class_row("dead", 172, 0.849), class_row("alive", 3943, 0.78)],
        {
            "baselines": [
                {"model": "logistic_regression"} | plain,
                {"model": "logistic_regression_weighted"} | weighted,
            ]
        },
    )
    assert (
        " ".join(" ".join(said).split())
        == "The model finds 85 % of the 172 test rows labelled \u201cdead\u201d; plain logistic "
        "regression finds 5.8 %, with decision weights 82 %. It raises 246 alarms per 1,000 rows "
        "(logistic regression with decision weights: 209), and 14 % of them are right."
    )


def test_of_several_classes_the_rarest_are_said_first():
    rows = [class_row(label, n, 0.5) for n, label in enumerate("vwxyz")]
    said = result(rows, {"baselines": {}})
    assert [sentence.split("\u201c")[1][0] for sentence in said] == ["w", "x", "y"]


def group_row(group: str, label: str, against: str = "all others") -> dict:
    return {"column": "sex", "group": group, "class": label, "against": against}


def test_two_groups_and_two_classes_are_shown_once():
    rows = [group_row(group, label) for group in "fm" for label in ("alive", "dead")]
    assert once(rows, {"dead"}) == [group_row("f", "dead")]


def test_of_three_groups_each_is_shown():
    rows = [group_row(group, "dead") for group in "fmx"] + [group_row("m", "dead", "f")]
    assert once(rows, {"dead"}) == rows


def test_findings_are_read_with_their_parts():
    parts = {"checked": "recall", "found": ["0.04", "0.05"], "required": "", "fix": "add rows"}
    assert findings({"findings": [{"verdict": "fail", "code": "x", "blocks": True} | parts]}) == [
        {"verdict": "fail", "checked": "recall", "found": "0.04; 0.05", "fix": "add rows"}
    ]


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.847, "85"),
        (0.0584, "5.8"),
        (0.00041, "0.041"),
        (0.99612, "99.6"),
        (1.0, "100"),
        (0.0996, "10"),
        (float("nan"), "–"),
    ],
)
def test_shares_have_two_significant_digits(share, shown):
    assert percent(share) == (shown if shown == "–" else f"{shown}\u00a0%")


def test_numbers_have_two_significant_digits():
    assert [two(x) for x in (245.687, 1234.0, 0.00058, -0.0348, 0.0996)] == [
        "250",
        "1,200",
        "0.00058",
        "-0.035",
        "0.10",
    ]
    assert two(0.25, "+") == "+0.25"


def test_the_page_says_first_what_it_is_about(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("data: {target: grade, time: null}\n", encoding="utf-8")
    Path("data").mkdir()
    sources = "sources: {visits: {path: data/raw/visits.csv}}\n"
    Path("data/sources.yaml").write_text(sources, encoding="utf-8")
    found = about([class_row("a", 4, 0.5), class_row("b", 5000, 0.5)])
    assert found == {
        "Target": "grade",
        "One row": "one record of visits, data/raw/visits.csv",
        "Tested on": "5,004 rows",
    }
