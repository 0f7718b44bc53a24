import pytest

from tests.engine.toys import PARAMS, project_of, toys
from tests.pipeline_run import Run


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A project of toys after one run, the same in every project, shared by all tests that only
    read what it wrote or copy it.
    """
    run = project_of(toys(), PARAMS, tmp_path_factory.mktemp("toys") / "project")
    result = run.repro()
    assert result.returncode == 0, run.stopped_by() or result.stdout
    return run
