"""The engine knows its version, and whether somebody edited its files."""

import shutil
from importlib.resources import files

import pytest

import sluice
from sluice.core import version
from sluice.core.version import FINGERPRINT, engine, fingerprint
from sluice.registry.manifest import MANIFEST, read_manifest, sha256, write_manifest
from tests.pipeline_run import PROJECT


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the engine with its fingerprint, as the one that is in use."""
    folder = tmp_path / "sluice"
    shutil.copytree(PROJECT / "sluice", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / FINGERPRINT).write_text(f"{fingerprint(folder)}\n", encoding="utf-8")
    monkeypatch.setattr(version, "files", lambda name: tmp_path / name)
    return folder


def test_an_engine_as_it_was_made_is_not_edited(package):
    (package / "core/__pycache__").mkdir()
    (package / "core/__pycache__/git.pyc").write_bytes(b"compiled")
    assert engine() == {"version": sluice.__version__, "edited": False}


@pytest.mark.parametrize(
    "name", ["core/git.py", "scoping/new.py", "reports/pages/page.css", "reports/pages/page.j2"]
)
def test_an_edited_or_added_file_is_seen(package, name):
    path = package / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("edited\n", encoding="utf-8")
    assert engine()["edited"]


def test_a_file_that_is_gone_or_renamed_is_seen(package):
    (package / "core/git.py").rename(package / "core/git2.py")
    assert engine()["edited"]


def test_line_ends_of_windows_are_no_edit(package):
    path = package / "core/git.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert not engine()["edited"]


def test_an_engine_without_a_fingerprint_counts_as_edited(package):
    (package / FINGERPRINT).unlink()
    assert engine()["edited"]


def test_the_fingerprint_of_this_engine_is_that_of_its_files():
    written = (PROJECT / "sluice" / FINGERPRINT).read_text(encoding="utf-8").strip()
    assert written == fingerprint(PROJECT / "sluice"), "run python tools/sync_template.py"
    assert files("sluice").joinpath(FINGERPRINT).is_file()


def test_the_manifest_of_a_registered_model_names_the_engine(package, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    write_manifest(folder, {"version": "v1.0.0"})
    manifest = read_manifest(folder, sha256(folder / MANIFEST))
    assert manifest["engine"] == {"version": sluice.__version__, "edited": False}
    (package / "cli.py").unlink()
    (folder / MANIFEST).unlink()
    write_manifest(folder, {"version": "v1.0.0"})
    assert read_manifest(folder, sha256(folder / MANIFEST))["engine"]["edited"]
