"""What the tests look at: the tables of the last run, and one run of the pipeline in a copy of
the project.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sluice.core.tables import AUGMENTED
from tests.pipeline_run import PROJECT, Run, copy_project, once


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run | None, str]:
    """A copy of the project after one `dvc repro`, the same for all workers, and what stopped
    it, if anything did.
    """
    if not (PROJECT / "expectations" / "prepared.json").is_file():
        return None, "expectations/ has no suite of these data; run `make scope` first"
    return once(tmp_path_factory, "pipeline", copy_project)


@pytest.fixture(scope="session")
def pipeline(first_run: tuple[Run | None, str]) -> Run:
    """The pipeline after one run, shared by all tests that only read what it wrote."""
    run, why = first_run
    if run is None or why:
        pytest.skip("there is no whole run to look at: test_no_gate_stops_the_default_run says why")
    return run


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Callable[[str | Path], pd.DataFrame]:
    """A function that returns a table of the project's last run, or where there is none, of a
    run in a copy.
    """
    if (PROJECT / "reports/metrics.json").is_file() and (PROJECT / AUGMENTED).is_file():
        return Run(PROJECT).table
    return request.getfixturevalue("pipeline").table
