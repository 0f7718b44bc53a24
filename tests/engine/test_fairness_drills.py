"""Drills: people treated otherwise for what they are do not get past the audit, and equal
treatment does.
"""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.params import Params
from sluice.core.tables import write_table
from sluice.data.dataset import Dataset
from sluice.data.roles import features
from sluice.fairness.gaps import ERRORS, by_group, without_small
from sluice.gates.gate import Verdict, gate
from sluice.gates.thresholds import fewest_of_a_group
from sluice.metrics.decision import choose_weights, decide
from sluice.modeling.candidates import compare
from sluice.modeling.fitting import CandidateSpec, fit_candidate
from sluice.modeling.selection import choose_candidate
from sluice.reports.evaluation_page import page
from sluice.scoping.propose_judged import by_group_suite
from tests.engine.settings import settings

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(condition_parser|row_condition):DeprecationWarning"
)  # Great Expectations warns itself
CLASSES = ["denied", "granted"]
AUDITED = {"sensitive": ["origin"], "favourable": "granted"}


def applicants(n: int, seed: int, held_back: float = 0.0, share: float = 0.5) -> pd.DataFrame:
    """Return rows of two origins with the same merit; of those that merit it, a share of y was
    `held_back` in the past.

    In nine rows of ten the district tells the origin.
    """
    rng = np.random.default_rng(seed)
    origin = np.where(rng.random(n) < share, "y", "x")
    merit = rng.normal(size=n)
    granted = (merit + rng.normal(scale=0.5, size=n) > 0) & ~(
        (origin == "y") & (rng.random(n) < held_back)
    )
    district = np.where(
        rng.random(n) < 0.9,
        np.where(origin == "y", "south", "north"),
        rng.choice(["north", "south"], n),
    )
    labels = np.where(granted, "granted", "denied")
    return pd.DataFrame(
        {
            "origin": origin,
            "merit": merit,
            "district": district,
            "label": labels,
            "__stage_row_id": [f"{seed}-{i}" for i in range(n)],
        }
    )


def audited(
    train: pd.DataFrame, test: pd.DataFrame, params: Params, folder: Path, weights: str = "none"
) -> tuple[pd.DataFrame, Verdict]:
    """Return the table by group of a logistic regression, and what the gate says of it."""
    data = params.data
    model = fit_candidate(CandidateSpec("logistic_regression"), train, params)
    y_score, classes = model.predict_proba(features(test, data)), sorted(train["label"].unique())
    chosen = choose_weights(
        train["label"], model.predict_proba(features(train, data)), classes, weights
    )
    table = by_group(
        test, decide(y_score, classes, chosen), y_score, classes, data, pd.Series(range(len(test)))
    )
    return table, judged(table, train, params, folder)


def judged(table: pd.DataFrame, train: pd.DataFrame, params: Params, folder: Path) -> Verdict:
    """Return what the gate says of a table by group, by the suite that is proposed for such
    rows, confirmed.
    """
    suite = by_group_suite(train, CLASSES, params.data, 0.1)
    for one in suite["expectations"]:
        one["meta"]["bound"] = "confirmed"
    (folder / "by_group.json").write_text(json.dumps(suite), encoding="utf-8")
    return gate(table, folder / "by_group.json", folder / "report.json")


def failed(verdict: Verdict) -> list[str]:
    return [sentence for sentence in verdict.sentences if sentence.startswith("FAIL")]


def test_fewer_grants_to_one_origin_at_equal_merit_are_stopped(tmp_path):
    params = settings(data=AUDITED | {"allowed": {"origin": "a drill"}})
    _, verdict = audited(
        applicants(4000, 1, held_back=0.4), applicants(4000, 2, held_back=0.4), params, tmp_path
    )
    assert verdict.blocks
    ratio = next(sentence for sentence in failed(verdict) if "proven_ratio" in sentence)
    assert ratio.startswith(
        "FAIL: proven_ratio: column origin, group x, against all others, class granted, rate"
        " selection_rate: proven_ratio 0."
    )
    assert (
        "granted is a benefit, and this group is given it less or more often than four fifths of"
        " the other's share" in ratio
    )


def test_deleting_the_column_and_leaving_the_district_in_is_stopped(tmp_path):
    _, verdict = audited(
        applicants(4000, 1, held_back=0.4),
        applicants(4000, 2, held_back=0.4),
        settings(data=AUDITED),
        tmp_path,
    )
    assert verdict.blocks
    recall = next(sentence for sentence in failed(verdict) if "rate recall" in sentence)
    assert "group y, against all others, class granted, rate recall: proven_gap 0." in recall
    assert (
        "This group is treated otherwise, by more than 0.1 and beyond chance: find out why"
        in recall
    )


def test_equal_merit_and_equal_grants_pass(tmp_path):
    _, verdict = audited(applicants(4000, 1), applicants(4000, 2), settings(data=AUDITED), tmp_path)
    assert verdict.verdict == "pass", verdict.sentences


def test_a_table_without_the_sensitive_column_is_refused(tmp_path):
    train, test = applicants(400, 1), applicants(400, 2).drop(columns="origin")
    with pytest.raises(
        UserError,
        match=(
            r"the test rows lack origin, which data.sensitive of params.yaml names: nobody can look"
        ),
    ):
        audited(train, test, settings(data=AUDITED), tmp_path)


@pytest.mark.slow
def test_of_twenty_pairs_of_equal_groups_at_most_one_is_stopped(tmp_path):
    params = settings(data=AUDITED)
    stopped = [
        audited(applicants(1500, seed), applicants(1500, 100 + seed), params, tmp_path)[1].blocks
        for seed in range(20)
    ]
    assert sum(stopped) <= 1


def test_a_group_of_forty_rows_is_not_judged(tmp_path):
    train, test = applicants(4000, 1), applicants(4000, 2)
    test = pd.concat(
        [test[test["origin"] == "x"], test[test["origin"] == "y"].head(40)], ignore_index=True
    )
    _, verdict = audited(train, test, settings(data=AUDITED), tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("insufficient", True)
    few = next(sentence for sentence in verdict.sentences if "rows 40" in sentence)
    assert few.startswith("INSUFFICIENT: rows where kind is group: column origin, group y, ")
    assert (
        "With fewer rows no gap can be told from chance: add rows, or waive the group with a"
        " reason." in few
    )


ODD = ["\"quoted\" 'names'", "a.b", "two\nlines", "<b>&</b>", "\U0001f600", "=1+1", "x, y", "[z]"]


def odd_groups() -> pd.DataFrame:
    """Return test rows of two usual groups of 2,000 rows, and of groups with odd names, of 40
    each.
    """
    names = ["usual", "also usual", *ODD]
    origin = pd.Series(np.repeat(names, [2000, 2000, *[40] * len(ODD)]))
    return pd.DataFrame(
        {"origin": origin, "label": np.where(np.arange(len(origin)) % 4 < 3, "granted", "denied")}
    )


def test_a_small_group_that_is_waived_is_not_stopped_for_a_gap_whatever_the_groups_are_called(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    params, rows = settings(data=AUDITED), odd_groups()
    decided = (
        rows["label"]
        .mask(rows["origin"].isin(ODD) & (np.arange(len(rows)) % 2 == 0), "denied")
        .to_numpy(dtype=object)
    )
    y_score = np.column_stack([decided == label for label in CLASSES]).astype(float)
    table = by_group(rows, decided, y_score, CLASSES, params.data, pd.Series(rows.index))
    assert table[table["group"].isin(ODD)].groupby("group")["proven_gap"].max().min() > 0.1
    suite = tmp_path / "by_group.json"
    assert judged(table, rows, params, tmp_path).blocks
    waived = [
        {"where": {"column": "origin", "group": name}, "reason": "a new office"} for name in ODD
    ]
    content = json.loads(suite.read_text(encoding="utf-8"))
    content["meta"]["waived"] = waived
    suite.write_text(json.dumps(content), encoding="utf-8")
    assert (
        gate(table, suite, tmp_path / "report.json").verdict == "fail"
    )  # a gap is proven: that cannot be waived
    small = without_small(table, *fewest_of_a_group(suite))
    verdict = gate(small, suite, tmp_path / "report.json")
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)
    content["meta"]["waived"] = waived[:-1]
    suite.write_text(json.dumps(content), encoding="utf-8")
    verdict = gate(small, suite, tmp_path / "report.json")
    assert verdict.blocks
    assert any('"group": "[z]"' in sentence for sentence in verdict.sentences)  # how to waive it
    assert all("\n" not in sentence for sentence in verdict.sentences)
    (tmp_path / "reports/gates").mkdir(parents=True)
    (tmp_path / "report.json").rename(tmp_path / "reports/gates/by_group.json")
    write_table(small, "reports/by_group.csv")
    shown = page(tmp_path / "reports", {"evaluate": ["by_group"]})
    root = ElementTree.fromstring(shown[shown.index("<main>") : shown.index("</body>")])
    cells = [
        " ".join("".join(cell.itertext()).split())
        for cell in root.iter()
        if cell.tag in ("th", "td")
    ]
    assert {" ".join(f"origin {name}".split()) for name in ODD} <= set(cells)
    assert "<b>&</b>" not in shown


def loans(n: int, seed: int) -> pd.DataFrame:
    """Return rows like those of the Home Mortgage Disclosure Act: x is granted a loan in 4 of 5
    cases, y in 2 of 5, at the same income.

    Savings raise the odds within each group, and y has more of them, so that over both groups they
    seem to tell little.
    """
    rng = np.random.default_rng(seed)
    is_y = rng.random(n) < 0.5
    income, savings = rng.normal(size=n), rng.normal(size=n) + np.where(is_y, 1.5, -1.5)
    merit = 3 + 2 * income + 0.75 * savings - 4.5 * is_y + rng.logistic(scale=0.5, size=n)
    table = {
        "ethnicity": np.where(is_y, "y", "x"),
        "income": income,
        "savings": savings,
        "label": np.where(merit > 0, "granted", "denied"),
    }
    return pd.DataFrame(table | {"__stage_row_id": [f"{seed}-{i}" for i in range(n)]})


def held(mitigation: str, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, Verdict]:
    """Return the tables of candidates and by group of a model of loans, and what the gate says
    of the latter.
    """
    chosen = {
        "model": "logistic_regression",
        "decision_weights": "balanced_accuracy",
        "mitigation": mitigation,
        "folds": 3,
    }
    params = settings(data={"sensitive": ["ethnicity"]}, train=chosen)
    train, test = loans(6000, 1), loans(6000, 2)
    selection = choose_candidate(Dataset.of(train, params.data), params, [])
    y_score = fit_candidate(selection.spec, train, params).predict_proba(
        features(test, params.data)
    )
    y_pred = decide(y_score, CLASSES, selection.model.decision_weights)
    table = by_group(test, y_pred, y_score, CLASSES, params.data, pd.Series(range(len(test))))
    return (
        compare(selection.model, selection.rivals, selection.judge).set_index("candidate"),
        table,
        judged(table, train, params, folder),
    )


def test_loans_without_weights_pass(tmp_path):
    candidates, table, verdict = held("none", tmp_path)
    assert not verdict.blocks, verdict.sentences
    assert table.loc[table["rate"].isin(ERRORS), "proven_gap"].max() < 0.1
    assert candidates.loc["model", "largest_gap"] < 0.1


def test_weights_that_widen_a_gap_are_stopped(tmp_path):
    candidates, table, verdict = held("reweighing", tmp_path)
    assert verdict.blocks
    recall = next(sentence for sentence in failed(verdict) if "rate recall" in sentence)
    assert (
        "column ethnicity, group x, against all others, class denied, rate recall: proven_gap 0.2"
        in recall
    )
    assert (
        "This group is treated otherwise, by more than 0.1 and beyond chance: find out why"
        in recall
    )
    assert table.loc[table["rate"].isin(ERRORS), "proven_gap"].max() > 0.15
    before, after = candidates.loc[["unmitigated", "model"], "largest_gap"]
    assert (before < 0.1, after > 0.15) == (True, True)
    assert candidates.loc["unmitigated", "kind"] == "mitigation"
    assert (
        f"reweighing widens the largest gap between groups, from {before:.3f} to {after:.3f}, for"
        " -0.0" in candidates["why"]["model"]
    )
