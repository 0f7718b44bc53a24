import re
from pathlib import Path

import pytest
import yaml

from sluice.commands.check import main
from sluice.core.command import UserError
from tests.pipeline_run import PROJECT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    Path("data").mkdir()
    Path("data/sources.yaml").touch()


def test_a_project_with_a_suite_may_run():
    Path("expectations").mkdir()
    Path("expectations/prepared.json").write_text("{}")
    main()


def test_a_project_without_suites_is_sent_to_make_scope():
    with pytest.raises(
        UserError,
        match=(
            r"expectations/ has no suite of these data; run `make scope` first \(without make: `uv"
            r" run sluice scope`\)"
        ),
    ):
        main()


def test_in_a_new_project_the_raw_file_is_looked_at_first():
    Path("data/sources.yaml").unlink()
    Path("data/raw").mkdir()
    Path("data/raw/toys.csv").write_text("size,kind\n1,a\n")
    with pytest.raises(UserError, match=r"params\.yaml: data\.target is 'dead', no column of the"):
        main()


@pytest.fixture
def whole(folder) -> None:
    """Every file that a stage reads, empty."""
    Path("dvc.yaml").write_bytes((PROJECT / "dvc.yaml").read_bytes())
    for stage in yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"].values():
        for path in map(Path, stage["deps"]):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    Path("models/model.skops").unlink()  # a stage makes it
    main()


@pytest.mark.parametrize(
    "path", ["expectations/by_class.json", "data/raw", "data/sources.yaml", "uv.lock"]
)
def test_file_that_is_gone_is_named_with_the_command_that_brings_it_back(whole, path):
    Path(path).unlink()
    with pytest.raises(
        UserError,
        match=(
            f"^{re.escape(path)} does not exist, and the stage [a-z]+ reads it; bring it back with"
            f" `git checkout -- {path}`"
        ),
    ):
        main()


def test_every_file_that_is_gone_is_named(whole):
    for name in ("by_class", "leakage"):
        Path(f"expectations/{name}.json").unlink()
    with pytest.raises(
        UserError, match=r"leakage\.json`, or with `make scope` if it was never committed"
    ) as refused:
        main()
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["stages: [", "[]", "stages: {a: {deps: 1}}", "stages: {a: b}"])
def test_broken_list_of_stages_is_left_to_dvc(whole, text):
    Path("dvc.yaml").write_text(text)
    main()
