"""Each expectation of the suites of commands turns red at the defect it exists for, and lets clean
tables pass. The suites of the pipeline have theirs in tests/test_suites.py.
"""

import json

import pandas as pd
import pytest

from sluice.commands.compare import compared
from sluice.gates.gate import gate
from tests.drills import assert_bites
from tests.pipeline_run import PROJECT

COMMANDED = [  # what no stage writes
    "challenger",
    "challengers",
    "compared",
    "drift",
    "model_age",
    "performance",
    "windows",
]
SUITES = {
    name: json.loads((PROJECT / f"expectations/{name}.json").read_text(encoding="utf-8"))
    for name in COMMANDED
}
EXPECTATIONS = [
    (name, nth, raw)
    for name, suite in SUITES.items()
    for nth, raw in enumerate(suite["expectations"], 1)
]


@pytest.fixture(scope="module")
def clean() -> dict[str, pd.DataFrame]:
    """The tables of the commands where all is well, as short as they can be."""
    by_class = pd.DataFrame({"class": ["a", "b"], "support": 100})
    by_class = by_class.assign(recall=0.8, recall_low=0.7, recall_high=0.9)
    age = {"periods": 2, "age": 2.0, "score": 0.8, "fresh": 0.81, "blocks": 1, "rows": 200}
    loss = {"loss": 0.01, "loss_low": -0.01, "loss_high": 0.03, "proven_loss": 0.0}
    tables = {
        "compared": compared(by_class, by_class, same_rows=True),
        "model_age": pd.DataFrame([age | loss]),
    }
    return tables | monitored() | retrained()


def monitored() -> dict[str, pd.DataFrame]:
    """The tables of a clean window of live rows, as short as they can be."""
    whats = ["feature", "score", "decision", "all"]
    shares = {"effect": 0.04, "q": 0.001, "proven_effect": 0.04}
    figures = pd.DataFrame(
        [
            ("auc", "all"),
            ("log_loss", "all"),
            ("recall", "all"),
            ("recall", "part"),
            ("class_share", "all"),
        ],
        columns=["metric", "column"],
    )
    figures = figures.assign(
        group="all", **{"class": "rare"}, support=100, coverage=0.9, reference=0.8, value=0.79
    )
    line = {
        "window": "1",
        "newest": "yes",
        "batch": "pass",
        "drift": "warn",
        "performance": "pass",
        "rows": 500,
        "coverage": 0.9,
    }
    line |= {
        "batch_hits": 0,
        "rejected_share": 0.0,
        "performance_hits": 0,
        "unlabelled_for": 0.0,
        "drift_hits": 1,
        "overdue": 0.0,
        "classes_moved": 0,
        "repeated": 0,
        "older_by": 0.0,
        "after_today": 0,
    }
    return {
        "drift": pd.DataFrame({"what": whats, "name": whats}).assign(rows=500, **shares),
        "performance": figures.assign(loss_low=-0.01, proven_loss=0.0),
        "windows": pd.DataFrame([line | {"drift_judged": 1, "labels_judged": 1}]),
    }


def retrained() -> dict[str, pd.DataFrame]:
    """The tables of a challenger that may be promoted, as short as they can be."""
    lead = {"lead": [0.0, 0.02], "lead_low": [0.0, 0.01], "lead_high": [0.0, 0.03]}
    row = {
        "column": "all",
        "group": "all",
        "class": "rare",
        "status": "kept",
        "support": 100,
        "champion": 0.8,
        "challenger": 0.8,
    }
    return {
        "challengers": (
            pd.DataFrame(
                {
                    "candidate": ["champion", "all"],
                    "chosen": ["no", "yes"],
                    "score": [0.8, 0.82],
                    **lead,
                }
            ).assign(brier=0.1, proven_rise=0.0)
        ),
        "challenger": pd.DataFrame(
            [
                row
                | {
                    "difference": 0.0,
                    "low": -0.05,
                    "high": 0.05,
                    "proven_fall": 0.0,
                    "accepted": "no",
                }
            ]
        ),
    }


@pytest.mark.parametrize("name", SUITES)
def test_clean_table_passes(clean, name, tmp_path):
    verdict = gate(
        clean[name], PROJECT / "expectations" / f"{name}.json", tmp_path / f"{name}.json"
    )
    assert not verdict.blocks, verdict.sentences


@pytest.mark.parametrize(
    ("name", "nth", "raw"), EXPECTATIONS, ids=[f"{name}-{nth}" for name, nth, _ in EXPECTATIONS]
)
def test_expectation_bites_on_its_defect(clean, name, nth, raw, tmp_path):
    assert_bites(clean[name], SUITES[name], raw, tmp_path / f"{name}.json")
