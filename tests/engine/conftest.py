import os

import pytest

from tests.engine.settings import NEUTRAL
from tests.engine.toys import PARAMS, project_of, toys
from tests.pipeline_run import PROJECT, Run, once


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A project of toys after one run, the same in every project, shared by all tests that only
    read what it wrote or copy it.
    """
    rows = toys()
    run, why = once(tmp_path_factory, "toys", lambda folder: project_of(rows, PARAMS, folder))
    assert not why, why
    return run


@pytest.fixture(autouse=True, scope="session")
def no_derived_columns(tmp_path_factory: pytest.TempPathFactory):
    """Keep the features of the bundled data out of tests of other data."""
    neutral = tmp_path_factory.mktemp("neutral") / "features.py"
    neutral.write_text(NEUTRAL, encoding="utf-8")  # as in the projects that tests make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.features.__file__", str(neutral))
        patch.setattr("stages.features.add_features", lambda rows: rows)
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
        )
        yield
