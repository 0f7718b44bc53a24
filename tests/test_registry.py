import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stages import promote, rollback
from stages.after.manifest import KEY, MANIFEST, SIGNATURE, read_manifest, write_manifest
from stages.after.proof import COMPARED, EVALUATED, missing_proof, verdicts
from stages.after.registry import CHAMPION, RETIRED, Event, assign, champions, events, in_service, register, verified
from stages.command import Refused
from tests.pipeline_run import WHO

PROVEN = {"by_class": {"verdict": "pass", "blocks": False, "sha256": "c" * 64}}


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, encoding="utf-8").stdout


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty repository of git and DVC, and a model to register."""
    monkeypatch.chdir(tmp_path)
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    git("init", "--quiet")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n", encoding="utf-8")
    Path(".dvc/.gitignore").write_text("/cache\n/tmp\n/config.local\n", encoding="utf-8")
    Path(".gitignore").write_text("/registry/v*/\n/made\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "--quiet", "--message", "start")
    Path("made").mkdir()
    return tmp_path


def one(content: str, public_key: str | None = None, why: str = "better") -> str:
    """Register a model whose only file is `content`."""
    Path("made/model").write_text(content, encoding="utf-8")
    return register({"model": Path("made/model")}, {"verdicts": PROVEN, "suites": {}}, why, public_key)


@pytest.fixture
def keys(project) -> str:
    """The path of a public key; SIGNING_KEY names its private half."""
    key = Ed25519PrivateKey.generate()
    Path("made/private.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    Path("made/public.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return "made/public.pem"


def test_version_is_tagged_with_who_when_why_and_hashes(project):
    assert one("a", why="first") == "v1.0.0"
    [event] = events()
    assert (event.version, event.stage, event.who) == ("v1.0.0", None, "Ada <ada@example.org>")
    assert event.when.startswith("20")
    assert event.message.startswith("first\n")
    assert "by_class pass " + "c" * 64 in event.message
    assert git("status", "--porcelain") == ""
    assert verified("v1.0.0", events(), None)["verdicts"] == PROVEN


def test_equal_files_are_the_same_version_and_others_the_next(project):
    assert [one("a"), one("a"), one("b"), one("a")] == ["v1.0.0", "v1.0.0", "v2.0.0", "v1.0.0"]


def test_champion_is_the_last_that_was_made_one(project):
    assert in_service(events()) is None
    for version in (one("a"), one("b"), "v1.0.0", "v2.0.0", "v1.0.0"):
        assign(version, CHAMPION, "why")
        assert in_service(events()) == version
    assign("v2.0.0", RETIRED, "bad")
    assert in_service(events()) == "v1.0.0"
    assert champions(events()) == ["v1.0.0", "v2.0.0"]


def test_version_without_a_tag_is_none_and_is_replaced(project):
    left = project / "registry/v1.0.0"
    left.mkdir(parents=True)
    (left / "half").write_text("of a run that was killed", encoding="utf-8")
    assert events() == []
    assert one("a") == "v1.0.0"
    assert not (left / "half").exists()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "model").write_text("b"), r"registry/v1\.0\.0/model is not the file that the manifest describes"),
        (
            lambda folder: (folder / "model").unlink(),
            r"registry/v1\.0\.0/model does not exist; run `dvc checkout --force registry/v1\.0\.0\.dvc`",
        ),
        (lambda folder: (folder / "more").touch(), r"registry/v1\.0\.0/more is not in the manifest; delete it"),
        (lambda folder: (folder / MANIFEST).unlink(), "does not exist; run `dvc checkout"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "is no manifest; run `dvc checkout"),
        (lambda folder: (folder / MANIFEST).write_text('{"files": {}}'), "is not the manifest that was registered"),
    ],
)
def test_tampered_version_is_refused(project, harm, said):
    harm(project / "registry" / one("a"))
    with pytest.raises(Refused, match=said):
        verified("v1.0.0", events(), None)


def test_tampered_version_is_restored_as_the_sentence_says(project):
    folder = project / "registry" / one("a")
    (folder / "model").write_text("b", encoding="utf-8")
    subprocess.run(["dvc", "checkout", "--quiet", "--force", "registry/v1.0.0.dvc"], check=True)
    assert verified("v1.0.0", events(), None)


def test_signed_version_is_verified_by_the_public_key(project, keys, monkeypatch):
    monkeypatch.setenv(KEY, "made/private.pem")
    one("a", keys)
    assert verified("v1.0.0", events(), keys)


def test_version_without_a_signature_is_refused_where_a_key_is_configured(project, keys):
    one("a")
    with pytest.raises(Refused, match=r"manifest\.sig does not exist, and registry\.public_key asks for a signature"):
        verified("v1.0.0", events(), keys)


def test_forged_manifest_is_refused_though_all_hashes_match(project, keys, monkeypatch):
    monkeypatch.setenv(KEY, "made/private.pem")
    folder = Path("made/forged")
    folder.mkdir()
    (folder / "model").write_text("a", encoding="utf-8")
    write_manifest(folder, {}, keys)
    signature = (folder / SIGNATURE).read_bytes()
    (folder / "model").write_text("b", encoding="utf-8")
    for name in (SIGNATURE, MANIFEST):
        (folder / name).unlink()
    write_manifest(folder, {}, None)
    (folder / SIGNATURE).write_bytes(signature)
    assert read_manifest(folder, None)
    with pytest.raises(Refused, match="is no signature of the manifest by"):
        read_manifest(folder, keys)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (None, "name the private key's file in SIGNING_KEY"),
        ("made/none.pem", r"the key made/none\.pem does not exist"),
        ("made/public.pem", "holds no key without a passphrase in PEM"),
        ("made/other.pem", r"is not the other half of made/public\.pem"),
    ],
)
def test_key_that_is_wrong_is_refused_before_anything_is_registered(project, keys, monkeypatch, named, said):
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path("made/other.pem").write_bytes(other)
    monkeypatch.delenv(KEY, raising=False)
    if named:
        monkeypatch.setenv(KEY, named)
    with pytest.raises(Refused, match=said):
        one("a", keys)
    assert events() == []
    assert not list(Path("registry").glob("*"))


def served(*versions: str) -> list[Event]:
    """What the tags say where these versions were in service, one after the other."""
    return [Event(version, CHAMPION, nth, "Ada", "today", "") for nth, version in enumerate(versions)]


@pytest.mark.parametrize(
    ("version", "versions", "wanted"),
    [
        (None, ["v1", "v2", "v3"], "v2"),
        (None, ["v1", "v2", "v3", "v2"], "v1"),
        (None, ["v1", "v2", "v1", "v3"], "v1"),  # v2 was rolled back
        ("v1", ["v1", "v2", "v3"], "v1"),
        ("v3", ["v1", "v3", "v1"], "v3"),
    ],
)
def test_rollback_goes_to_the_version_before(version, versions, wanted):
    assert rollback.target(version, served(*versions)) == wanted


@pytest.mark.parametrize(
    ("version", "versions", "said"),
    [
        (None, [], "no model was ever promoted"),
        (None, ["v1"], "no model was in service before v1 that was not rolled back$"),
        (None, ["v1", "v2", "v1"], r"not rolled back; VERSION= may name v2, which was"),
        ("v2", ["v1", "v2"], "v2 is in service already"),
        ("v9", ["v1", "v2"], "'v9' was never in service; roll back to v1, or use"),
    ],
)
def test_rollback_to_nowhere_is_refused(version, versions, said):
    with pytest.raises(Refused, match=said):
        rollback.target(version, served(*versions))


def test_stage_is_given_though_the_files_are_elsewhere(project):
    for version in (one("a"), one("b")):
        assign(version, CHAMPION, "why")
    shutil.rmtree("registry/v1.0.0")
    assign("v1.0.0", RETIRED, "worse")
    assert events()[-1].message.startswith("worse\n\nmanifest ")
    assert events()[-1].manifest_sha256 == events()[0].manifest_sha256


def test_dvc_knows_the_registry_without_being_told_its_name(project):
    one("a")
    subprocess.run(["dvc", "checkout", "--quiet", "--force"], check=True)
    assert Path("registry/v1.0.0/model").is_file(), "DVC takes away what it does not see"
    Path("registry/v1.0.0/model").unlink()
    subprocess.run(["dvc", "checkout", "--quiet"], check=True)
    assert Path("registry/v1.0.0/model").is_file()


def test_gate_that_did_not_judge_or_blocks_is_no_proof():
    blocked = {"by_class": {"verdict": "insufficient", "blocks": True, "sha256": ""}}
    assert missing_proof(PROVEN, ["by_class"]) == []
    assert missing_proof(blocked, ["by_class"]) == ["the gate by_class said insufficient; a model that it stops is not promoted"]
    [said] = missing_proof({}, ["by_class"])
    assert said.startswith("the gate by_class did not judge this model")


def test_challenger_that_was_held_against_another_champion_is_not_promoted(project, monkeypatch):
    monkeypatch.setattr(promote, "load_model", lambda path: None)
    proven = dict.fromkeys([*EVALUATED, COMPARED], PROVEN["by_class"])
    versions = []
    for content, compared_with in (("a", None), ("b", "v1.0.0"), ("c", "v1.0.0")):
        Path("made/model").write_text(content, encoding="utf-8")
        said = {"verdicts": proven, "suites": {}, "compared_with": compared_with}
        versions.append(register({"model": Path("made/model")}, said, "why", None))
    for version in versions[:2]:
        promote.promote(version, "why", None)
    with pytest.raises(
        Refused, match=r"v3\.0\.0 was held against v1\.0\.0, and v2\.0\.0 is in service; `make retrain` holds one against it"
    ):
        promote.promote(versions[2], "why", None)
    assert in_service(events()) == "v2.0.0"


def test_version_that_cannot_be_loaded_or_lost_a_suite_is_not_promoted(project):
    proven = dict.fromkeys(EVALUATED, PROVEN["by_class"])
    for content, judged_by, why in (("a", {}, "model.skops does not exist"), ("b", {"expectations/gone.json": "0"}, "or it is gone")):
        Path("made/model").write_text(content, encoding="utf-8")
        version = register({"model": Path("made/model")}, {"verdicts": proven, "suites": judged_by}, "why", None)
        with pytest.raises(Refused, match=why):
            promote.promote(version, "why", None)
    assert in_service(events()) is None


def test_report_that_no_gate_wrote_is_refused(tmp_path):
    (tmp_path / "by_class.json").write_text(json.dumps({"verdict": "pass"}), encoding="utf-8")
    with pytest.raises(Refused, match="is not what a gate writes"):
        verdicts(tmp_path)


def test_what_differs_is_told_once_for_all_stages():
    status = {"a": [{"changed deps": {"x": "modified"}}], "b": [{"changed deps": {"x": "modified"}}, "changed command"]}
    assert promote.differing(status) == ["x is modified since a, b ran", "changed command since b ran"]
