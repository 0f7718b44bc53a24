from pathlib import Path

import pytest

from stages.command import Refused
from stages.params import main
from tests.pipeline_run import PROJECT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())


def test_a_project_with_a_suite_may_run():
    Path("expectations").mkdir()
    Path("expectations/prepared.json").write_text("{}")
    main()


def test_a_project_without_suites_is_sent_to_make_scope():
    with pytest.raises(Refused, match=r"expectations/ has no suite of these data; run `make scope` first \(without make: `uv run python"):
        main()
