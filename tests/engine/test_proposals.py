"""What is proposed for the bundled data is what people confirmed for it, word for word."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from sluice.core.params import load_params
from sluice.gates.names import GATES
from sluice.scoping.propose_judged import judged_suites

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CRASHES = pd.DataFrame({"dead": ["alive", "dead"], "sex": ["f", "m"]})
CRITERIA = SimpleNamespace(recall_floor=0.5, recall_floors={}, largest_gap=0.1)


@pytest.mark.parametrize(
    "name",
    [gate for gates in GATES.values() for gate in gates if gate not in ("prepared", "augmented")],
)
def test_a_proposed_suite_of_a_judged_table_is_the_confirmed_one(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    proposed = judged_suites(CRASHES, load_params().data, CRITERIA)[name]
    confirmed = json.loads((ROOT / "expectations" / f"{name}.json").read_text(encoding="utf-8"))
    for one in confirmed["expectations"]:
        one["meta"]["bound"] = "inferred"
    assert proposed == confirmed
