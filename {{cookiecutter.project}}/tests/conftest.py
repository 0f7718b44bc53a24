import pytest

from tests.pipeline_run import Run, copy_project


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The pipeline after one run on the bundled data, shared by all tests that only read what it wrote."""
    run = copy_project(tmp_path_factory.mktemp("pipeline") / "project")
    result = run.repro()
    assert result.returncode == 0, result.stdout
    return run
