"""Each expectation of each suite of the pipeline turns red at the defect it exists for, and lets
clean tables pass.
"""

import json

import pandas as pd
import pytest

from sluice.core.params import Params
from sluice.core.schema import load
from sluice.core.tables import AUGMENTED, TEST, TRAIN
from sluice.gates.gate import gate
from sluice.gates.names import GATES
from tests.drills import assert_bites
from tests.pipeline_run import PROJECT

FOLDER = PROJECT / "expectations"
OF_GROUPS = {"by_group", "proxies", "label_bias"}  # judge nothing where no column is sensitive
NAMES = [name for names in GATES.values() for name in names]
if not load(PROJECT / "params.yaml", Params).data.sensitive:
    NAMES = [name for name in NAMES if name not in OF_GROUPS]
SUITES = {
    name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for name in NAMES
    if (FOLDER / f"{name}.json").is_file()
}
EXPECTATIONS = [
    pytest.param(name, raw, id=f"{name}-{nth}")
    for name, suite in SUITES.items()
    for nth, raw in enumerate(suite["expectations"], 1)
]


@pytest.fixture(scope="module")
def clean(table) -> dict[str, pd.DataFrame]:
    """The tables that the gates judged in a clean run."""
    tables = {
        name: table(f"reports/{name}.csv")
        for name in SUITES
        if name not in ("prepared", "augmented")
    }
    both = pd.concat([table(TRAIN), table(TEST)], ignore_index=True)
    return tables | {"prepared": both, "augmented": table(AUGMENTED)}


@pytest.mark.parametrize("name", SUITES)
def test_clean_table_passes(clean, name, tmp_path):
    verdict = gate(clean[name], FOLDER / f"{name}.json", tmp_path / f"{name}.json")
    assert not verdict.blocks, verdict.sentences


@pytest.mark.parametrize(("name", "raw"), EXPECTATIONS)
def test_expectation_bites_on_its_defect(clean, name, raw, tmp_path):
    assert_bites(clean[name], SUITES[name], raw, tmp_path / f"{name}.json")
