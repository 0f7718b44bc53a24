import json
from pathlib import Path

import pytest

from stages.after import champion
from stages.command import Refused


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """A folder with a card and a reference that belong together."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(champion, "load_model", lambda path: "model")
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("model", "reference"):
        (folder / f"{name}.json").write_text(json.dumps({"model_sha256": "abc"}), encoding="utf-8")
    return folder


def test_champion_comes_with_its_reference(models):
    assert champion.load_champion() == ("model", {"model_sha256": "abc"})


def test_missing_reference_is_refused(models):
    (models / "reference.json").unlink()
    with pytest.raises(Refused, match=r"models/reference\.json does not exist; run `dvc repro`, which freezes it with the model"):
        champion.load_champion()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_broken_reference_is_refused(models, text):
    (models / "reference.json").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match="is not what evaluate writes; run `dvc checkout`"):
        champion.load_champion()


def test_reference_of_another_model_is_refused(models):
    (models / "reference.json").write_text(json.dumps({"model_sha256": "other"}), encoding="utf-8")
    with pytest.raises(Refused, match=r"was frozen with another model than model\.skops"):
        champion.load_champion()
