import pytest

from tests.pipeline_run import PROJECT, Run, copy_project
from tests.toys import PARAMS, project_of, toys


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run | None, str]:
    """A copy of the project after one `dvc repro`, and what stopped it, if anything did."""
    if not (PROJECT / "expectations" / "prepared.json").is_file():
        return None, "expectations/ has no suite of these data; run `make scope` first"
    run = copy_project(tmp_path_factory.mktemp("pipeline") / "project")
    result = run.repro()
    return run, (run.stopped_by() or result.stdout) if result.returncode else ""


@pytest.fixture(scope="session")
def pipeline(first_run: tuple[Run | None, str]) -> Run:
    """The pipeline after one run on the data of the project, shared by all tests that only read what it wrote."""
    run, why = first_run
    if run is None or why:
        pytest.skip("there is no whole run to look at: test_no_gate_stops_the_default_run says why")
    return run


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A project of toys after one run, the same in every project, shared by all tests that only read what it wrote or copy it."""
    run = project_of(toys(), PARAMS, tmp_path_factory.mktemp("toys") / "project")
    result = run.repro()
    assert result.returncode == 0, run.stopped_by() or result.stdout
    return run
