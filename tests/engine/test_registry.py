import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sluice.core.command import UserError
from sluice.modeling.model import sha256
from sluice.promotion import promote
from sluice.registry import champion, history, registry, rollback
from sluice.registry.manifest import MANIFEST
from sluice.registry.promotion_evidence import COMPARISON_GATE, EVALUATED, missing_proof, verdicts
from sluice.registry.registry import (
    CHAMPION,
    RETIRED,
    Event,
    champions,
    events,
    identified,
    in_service,
    promoted,
    register,
    verified,
)
from sluice.registry.repository import how_to_push
from tests.engine.settings import SETTINGS, WHO
from tests.pipeline_run import PROJECT

DOCS = PROJECT / "docs/registry.md"
PROVEN = {"by_class": {"verdict": "pass", "blocks": False, "sha256": "c" * 64}}


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], check=True, capture_output=True, encoding="utf-8"
    ).stdout


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty repository of git and DVC, and a model to register."""
    monkeypatch.chdir(tmp_path)
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    git("init", "--quiet")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text(
        "[core]\n    analytics = false\n    check_update = false\n", encoding="utf-8"
    )
    Path(".dvc/.gitignore").write_text("/cache\n/tmp\n/config.local\n", encoding="utf-8")
    Path(".gitignore").write_text("/registry/v*/\n/made\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "--quiet", "--message", "start")
    Path("made").mkdir()
    return tmp_path


def one(content: str, is_signed: bool = False, why: str = "better") -> str:
    """Register a model whose only file is `content`."""
    Path("made/model").write_text(content, encoding="utf-8")
    return register(
        {"model": Path("made/model")}, {"verdicts": PROVEN, "suites": {}}, why, is_signed
    )


def assign(version: str, stage: str, why: str, is_signed: bool = False) -> None:
    """Give a version a stage; few of these tests are about signatures."""
    registry.assign(version, stage, why, is_signed)


def key_of(name: str) -> None:
    """Make an SSH key without a passphrase, with which git signs from now on."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", f"made/{name}"],
        check=True,
    )
    git("config", "user.signingkey", str(Path(f"made/{name}.pub").absolute()))


@pytest.fixture
def signer(project) -> None:
    """Ada signs with an SSH key, and hers is the only one that git trusts."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    key_of("ada")
    public = Path("made/ada.pub").read_text(encoding="utf-8")
    Path("made/allowed_signers").write_text(f"ada@example.org {public}", encoding="utf-8")
    git("config", "gpg.format", "ssh")
    git("config", "gpg.ssh.allowedSignersFile", str(Path("made/allowed_signers").absolute()))


def test_version_is_tagged_with_who_when_why_and_hashes(project):
    assert one("a", why="first") == "v1.0.0"
    [event] = events()
    assert (event.version, event.stage, event.who) == ("v1.0.0", None, "Ada <ada@example.org>")
    assert event.when.startswith("20")
    assert event.message.startswith("first\n")
    assert "by_class pass " + "c" * 64 in event.message
    assert git("status", "--porcelain") == ""
    assert verified("v1.0.0", events(), False)["verdicts"] == PROVEN


def test_history_shows_a_version_in_three_lines(quick, capsys):
    one("a", why="first")
    history.main()
    first, why, proven, last = capsys.readouterr().out.splitlines()
    assert first.endswith("  v1.0.0  registered  Ada <ada@example.org>")
    digest = str(events()[0].manifest_sha256)
    assert (why, proven) == ("    first", f"    manifest {digest[:12]}, 1 gates: 1 pass")
    assert last == "in service: the last run, none was promoted yet"


@pytest.mark.slow
def test_equal_files_are_the_same_version_and_others_the_next(project):
    assert [one("a"), one("a"), one("b"), one("a")] == ["v1.0.0", "v1.0.0", "v2.0.0", "v1.0.0"]


@pytest.mark.slow
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
        (
            lambda folder: (folder / "model").write_text("b"),
            r"registry/v1\.0\.0/model is not the file that the manifest describes",
        ),
        (
            lambda folder: (folder / "model").unlink(),
            (
                r"registry/v1\.0\.0/model does not exist; run `dvc checkout --force"
                r" registry/v1\.0\.0\.dvc`"
            ),
        ),
        (
            lambda folder: (folder / "more").touch(),
            r"registry/v1\.0\.0/more is not in the manifest; delete it",
        ),
        (lambda folder: (folder / MANIFEST).unlink(), "does not exist; run `dvc checkout"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "is no manifest; run `dvc checkout"),
        (
            lambda folder: (folder / MANIFEST).write_text('{"files": {}}'),
            "is not the manifest that was registered",
        ),
    ],
)
def test_tampered_version_is_refused(project, harm, said):
    harm(project / "registry" / one("a"))
    with pytest.raises(UserError, match=said):
        verified("v1.0.0", events(), False)


def test_tampered_version_is_restored_as_the_sentence_says(project):
    folder = project / "registry" / one("a")
    (folder / "model").write_text("b", encoding="utf-8")
    subprocess.run(["dvc", "checkout", "--quiet", "--force", "registry/v1.0.0.dvc"], check=True)
    assert verified("v1.0.0", events(), False)


def test_signed_version_is_verified_and_reads_as_any_other(project, signer, capsys):
    assign(one("a", True), CHAMPION, "why", True)
    assert promoted("v1.0.0", events(), True) == promoted("v1.0.0", events(), False)
    assert "SIGNATURE" in git("cat-file", "tag", "model#champion#1")
    assert not any("SIGNATURE" in event.message for event in events())
    assert "champion" in gto("show", "model")
    history.main()
    assert "SIGNATURE" not in capsys.readouterr().out


def test_version_without_a_signature_is_refused_where_tags_are_signed(quick, signer):
    assign(one("a"), CHAMPION, "why", True)
    with pytest.raises(
        UserError,
        match=(
            r"the tag model@v1\.0\.0 has no signature that git trusts here, and registry\.signed"
            r" .*\n"
            r"if you know who made it, let git trust that key .*`git tag --delete model@v1\.0\.0`"
        ),
    ):
        verified("v1.0.0", events(), True)


def test_promotion_without_a_signature_is_refused_where_tags_are_signed(quick, signer):
    assign(one("a", True), CHAMPION, "why")
    for loaded in (champion.load_champion, lambda: rollback.roll_back("v1.0.0", "back", True)):
        one("b", True)
        Path("params.yaml").write_text(yaml.safe_dump(SETTINGS | {"registry": {"signed": True}}))
        with pytest.raises(
            UserError, match="the tag model#champion#1 has no signature that git trusts"
        ):
            loaded()
        assign("v2.0.0", CHAMPION, "another", True)  # so that a rollback has somewhere to go


def test_signature_of_a_key_that_git_does_not_trust_is_refused(quick, signer):
    assign(one("a", True), CHAMPION, "why", True)
    key_of("eve")
    tag("model#champion#2", "model@v1.0.0", f"mine\n\n{hashes('v1.0.0')}", "--sign")
    with pytest.raises(
        UserError, match="the tag model#champion#2 has no signature that git trusts"
    ):
        promoted("v1.0.0", events(), True)


def test_tag_whose_text_was_changed_after_it_was_signed_is_refused(quick, signer):
    assign(one("a", True), CHAMPION, "why", True)
    forged = git("cat-file", "tag", "model#champion#1").replace("why", "not my words")
    Path("made/tag").write_text(forged, encoding="utf-8")
    git(
        "update-ref",
        "refs/tags/model#champion#1",
        git("hash-object", "-t", "tag", "-w", "made/tag").strip(),
    )
    with pytest.raises(
        UserError, match="the tag model#champion#1 has no signature that git trusts"
    ):
        promoted("v1.0.0", events(), True)


def test_signed_tag_under_another_name_is_refused(quick, signer):
    assign(one("a", True), CHAMPION, "why", True)
    assign(one("b", True), CHAMPION, "why", True)
    git("update-ref", "refs/tags/model#champion#9", "refs/tags/model#champion#1")
    with pytest.raises(UserError, match="model#champion#9 is no annotated tag of its own"):
        events()


@pytest.mark.parametrize(
    "harm",
    [
        lambda: git("config", "user.signingkey", str(Path("made/none.pub").absolute())),
        lambda: key_of("eve"),  # it signs, and git does not trust it
        lambda: git("config", "--unset", "gpg.ssh.allowedSignersFile"),
    ],
    ids=["no key", "key that is not trusted", "nobody is trusted"],
)
def test_git_that_cannot_sign_is_refused_before_anything_is_registered(project, signer, harm):
    harm()
    with pytest.raises(
        UserError,
        match=(
            r"registry.signed in params.yaml is true, and git cannot sign, or does not trust its"
            r" own (.|\n)*"
            "set user.signingkey and gpg.format with `git config`"
        ),
    ):
        one("a", True)
    assert events() == []
    assert not list(Path("registry").glob("*"))


def test_tags_from_before_signatures_are_signed_as_the_docs_say(quick, signer):
    for version in (one("a"), one("b"), "v1.0.0"):
        assign(version, CHAMPION, "why")
    before = events()
    [loop] = re.findall(
        r"^    (for tag in .*?done)$", DOCS.read_text(encoding="utf-8"), re.M | re.S
    )
    subprocess.run(["bash", "-c", loop], check=True, capture_output=True)
    assert events() == before
    assert promoted("v1.0.0", events(), True)


def served(*versions: str) -> list[Event]:
    """What the tags say where these versions were in service, one after the other."""
    registered = [
        Event(version, None, 0, "Ada", "today", "") for version in dict.fromkeys(versions)
    ]
    return registered + [
        Event(version, CHAMPION, nth, "Ada", "today", "") for nth, version in enumerate(versions)
    ]


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
        (None, ["v1", "v2", "v1"], r"not rolled back; VERSION may be v2, which was"),
        ("v2", ["v1", "v2"], "v2 is in service already"),
        ("v9", ["v1", "v2"], "'v9' was never in service; roll back to v1, or use"),
    ],
)
def test_rollback_to_nowhere_is_refused(version, versions, said):
    with pytest.raises(UserError, match=said):
        rollback.target(version, served(*versions))


@pytest.mark.slow
def test_stage_is_given_though_the_files_are_elsewhere(project):
    for version in (one("a"), one("b")):
        assign(version, CHAMPION, "why")
    shutil.rmtree("registry/v1.0.0")
    assign("v1.0.0", RETIRED, "worse")
    assert events()[-1].message.startswith("worse\n\nmanifest ")
    assert events()[-1].manifest_sha256 == events()[0].manifest_sha256


@pytest.mark.slow
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
    assert missing_proof(blocked, ["by_class"]) == [
        "the gate by_class stopped this model (insufficient): it neither serves nor is promoted"
    ]
    [said] = missing_proof({}, ["by_class"])
    assert said.startswith("the gate by_class did not judge this model")


@pytest.mark.slow
def test_challenger_that_was_held_against_another_champion_is_not_promoted(project, monkeypatch):
    monkeypatch.setattr(promote, "load_model", lambda path: None)
    proven = dict.fromkeys([*EVALUATED, COMPARISON_GATE], PROVEN["by_class"])
    versions = []
    for content, compared_with in (("a", None), ("b", "v1.0.0"), ("c", "v1.0.0")):
        Path("made/model").write_text(content, encoding="utf-8")
        said = {"verdicts": proven, "suites": {}, "compared_with": compared_with}
        versions.append(register({"model": Path("made/model")}, said, "why", False))
    for version in versions[:2]:
        promote.promote(version, "why", False)
    with pytest.raises(
        UserError,
        match=(
            r"v3\.0\.0 was held against v1\.0\.0, and v2\.0\.0 is in service; `uv run sluice retrain` holds"
            r" one against it"
        ),
    ):
        promote.promote(versions[2], "why", False)
    assert in_service(events()) == "v2.0.0"


def test_version_that_cannot_be_loaded_or_lost_a_suite_is_not_promoted(project):
    proven = dict.fromkeys(EVALUATED, PROVEN["by_class"])
    for content, judged_by, why in (
        ("a", {}, "model.skops does not exist"),
        ("b", {"expectations/gone.json": "0"}, "or it is gone"),
    ):
        Path("made/model").write_text(content, encoding="utf-8")
        version = register(
            {"model": Path("made/model")}, {"verdicts": proven, "suites": judged_by}, "why", False
        )
        with pytest.raises(UserError, match=why):
            promote.promote(version, "why", False)
    assert in_service(events()) is None


def test_report_that_no_gate_wrote_is_refused(tmp_path):
    (tmp_path / "by_class.json").write_text(json.dumps({"verdict": "pass"}), encoding="utf-8")
    with pytest.raises(UserError, match="is not what a gate writes"):
        verdicts(tmp_path)


def test_what_differs_is_told_once_for_all_stages():
    status = {
        "a": [{"changed deps": {"x": "modified"}}],
        "b": [{"changed deps": {"x": "modified"}}, "changed command"],
    }
    assert promote.differing(status) == [
        "x is modified since a, b ran",
        "changed command since b ran",
    ]
    changed = {"a": [{"changed deps": {"params.yaml": {"data": "modified", "train.model": "new"}}}]}
    assert promote.differing(changed) == [
        "data in params.yaml is modified since a ran",
        "train.model in params.yaml is new since a ran",
    ]


@pytest.fixture
def quick(project, monkeypatch) -> Path:
    """The same project, where git alone keeps the versions: what tags say does not depend on
    DVC.
    """

    def commit(folder: Path, message: str) -> None:
        Path(f"{folder}.dvc").touch()
        git("add", "--force", f"{folder}.dvc")
        git("commit", "--quiet", "--allow-empty", "--message", message)

    monkeypatch.setattr(registry, "_commit", commit)
    return project


def tag(name: str, at: str, message: str = "", how: str = "--no-sign") -> None:
    git("tag", "--annotate", how, "--message", message or name, name, f"{at}^{{commit}}")


def hashes(version: str) -> str:
    """The line of the manifest that the tag of a registration has."""
    return "manifest " + str(
        next(event.manifest_sha256 for event in events() if event.version == version)
    )


def gto(*arguments: str) -> str:
    return subprocess.run(
        ["gto", *arguments], check=True, capture_output=True, encoding="utf-8"
    ).stdout


BROKEN = {
    "tag of zero bytes": lambda: Path(".git/refs/tags/model#champion#1").write_bytes(b""),
    "tag that is no hash": lambda: Path(".git/refs/tags/model#champion#1").write_text("hello\n"),
    "tag of an object that is gone": (
        lambda: Path(".git/refs/tags/model#champion#1").write_text("1" * 40 + "\n")
    ),
    "another tag of zero bytes": lambda: Path(".git/refs/tags/other").write_bytes(b""),
    "broken file of packed tags": lambda: Path(".git/packed-refs").write_text("bad\n"),
    "broken index": lambda: Path(".git/index").write_bytes(b"bad"),
    "no repository": lambda: shutil.rmtree(".git"),
    "no git": lambda: os.environ.update(PATH=""),
    "checkout of another user": lambda: os.environ.update(GIT_TEST_ASSUME_DIFFERENT_OWNER="1"),
}


@pytest.mark.parametrize("harm", BROKEN)
def test_registry_that_cannot_be_read_is_not_an_empty_one(quick, monkeypatch, harm):
    assign(one("a"), CHAMPION, "why")
    for name in ("PATH", "GIT_TEST_ASSUME_DIFFERENT_OWNER"):
        monkeypatch.setenv(name, os.environ.get(name, "0"))  # put back afterwards
    BROKEN[harm]()
    with pytest.raises(
        UserError,
        match=(
            "the registry cannot be read, so that nobody knows which model is in service; mend this"
            " first: "
        ),
    ):
        events()


def test_repository_in_which_nothing_was_registered_says_so(project):
    assert in_service(events()) is None
    shutil.rmtree(".git")
    git("init", "--quiet")  # without a single commit
    assert in_service(events()) is None


def test_copy_within_another_repository_is_refused(quick, monkeypatch):
    assign(one("a"), CHAMPION, "why")
    shutil.rmtree(".git")
    (quick / "other").mkdir()
    shutil.move("registry", "other")
    git("init", "--quiet")
    monkeypatch.chdir("other")
    with pytest.raises(UserError, match=r"registry/v1\.0\.0\.dvc is there, and not the tag"):
        events()


def obey(sentence: object, keep: int | None = None) -> None:
    """Run the commands that a sentence gives."""
    commands = re.findall("`([^`]*)`", str(sentence))
    assert commands
    for command in commands[:keep]:
        subprocess.run(["bash", "-c", command], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("how", "fetch"),
    [("--no-tags", "git fetch --tags"), ("--depth=1", "git fetch --tags --unshallow")],
)
def test_clone_without_the_tags_is_refused_until_they_are_fetched(quick, how, fetch, monkeypatch):
    for version in (one("a"), one("b"), "v1.0.0"):
        assign(version, CHAMPION, "why")
    git("clone", "--quiet", how, quick.as_uri(), "made/clone")
    monkeypatch.chdir("made/clone")
    with pytest.raises(
        UserError,
        match=r"registry/v1\.0\.0\.dvc is there, and not the tag model@v1\.0\.0 that registers it",
    ) as refused:
        events()
    assert f"run `{fetch}" in str(refused.value)
    obey(str(refused.value).splitlines()[0])
    assert in_service(events()) == "v1.0.0"


@pytest.mark.parametrize("how", ["--no-tags", "--depth=1"])
def test_clone_that_may_lack_tags_is_refused_though_its_tree_tells_nothing(quick, how, monkeypatch):
    assign(one("a"), CHAMPION, "why")
    git("rm", "--quiet", "--cached", "registry/v1.0.0.dvc")
    git("commit", "--quiet", "--message", "of another branch")
    git("clone", "--quiet", how, quick.as_uri(), "made/clone")
    monkeypatch.chdir("made/clone")
    with pytest.raises(
        UserError,
        match="this clone may lack the tags that say which model is in service; run `git ",
    ) as refused:
        events()
    obey(refused.value)
    assert in_service(events()) == "v1.0.0"


@pytest.mark.parametrize("how", ["--no-tags", "--depth=1"])
def test_clone_of_a_repository_without_versions_serves_once_it_was_looked(quick, how, monkeypatch):
    git("clone", "--quiet", how, quick.as_uri(), "made/clone")
    monkeypatch.chdir("made/clone")
    with pytest.raises(UserError, match="this clone may lack the tags") as refused:
        events()
    obey(refused.value)
    assert in_service(events()) is None


def test_clone_of_one_branch_does_not_serve_the_model_that_another_replaced(quick, monkeypatch):
    branch = git("branch", "--show-current").strip()
    assign(one("a"), CHAMPION, "why")
    git("switch", "--quiet", "--create", "other")
    assign(one("b"), CHAMPION, "why")
    assign("v1.0.0", RETIRED, "v2.0.0 took its place")
    git("clone", "--quiet", "--single-branch", "--branch", branch, quick.as_uri(), "made/clone")
    monkeypatch.chdir("made/clone")
    with pytest.raises(
        UserError, match="model#retired#3 says that another model took the place of v1"
    ) as no:
        in_service(events())
    history.main()
    obey(no.value, keep=1)
    assert in_service(events()) == "v2.0.0"


def test_model_that_was_retired_by_mistake_serves_once_that_is_taken_back(quick):
    assign(one("a"), CHAMPION, "why")
    assign("v1.0.0", RETIRED, "why")
    with pytest.raises(
        UserError, match="the tag model#retired#2 says that another model took the place"
    ):
        in_service(events())
    gto("deprecate", "model", "v1.0.0", "retired")
    assert in_service(events()) == "v1.0.0"


def test_registration_that_was_killed_hinders_nobody(quick, monkeypatch):
    assign(one("a"), CHAMPION, "why")

    def killed(*_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(registry, "_tag", killed)
        one("b")
    assert "registry/v2.0.0.dvc" in git("ls-files")
    assert in_service(events()) == "v1.0.0"
    assert one("c") == "v2.0.0"
    assert not list(Path("registry").glob(".*"))
    assert verified("v2.0.0", events(), False)["files"] == {"model": sha256("made/model")}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: git("tag", "model#champion#9", "model@v2.0.0^{commit}"),
            "the tag model#champion#9 is no annotated tag of its own",
        ),
        (lambda: git("tag", "model@v9.0.0"), "the tag model@v9.0.0 is no annotated tag of its own"),
        (
            lambda: git("update-ref", "refs/tags/model#champion#9", "model#challenger#2"),
            "model#champion#9 is no annotated tag of its own",
        ),
        (
            lambda: git("tag", "--delete", "model@v1.0.0"),
            "the tag model#champion#1 gives a stage to a commit that no tag registers",
        ),
        (
            lambda: tag("model#champion#9", "HEAD~2"),
            "the tag model#champion#9 gives a stage to a commit that no tag registers",
        ),
        (
            lambda: tag("model#champion#9", "model@v2.0.0"),
            "the tag model#champion#9 does not come from `uv run sluice promote`",
        ),
        (
            lambda: tag("model#champion", "model@v2.0.0"),
            "the tag model#champion does not come from `uv run sluice promote`",
        ),
        (
            lambda: tag("model#champion#9", "model@v2.0.0", f"x\n\n{hashes('v1.0.0')}"),
            "it does not name the manifest of v2.0.0",
        ),
        (
            lambda: gto("assign", "model", "--version", "v2.0.0", "--stage", "champion"),
            "the tag model#champion#3 does not come from",
        ),
    ],
)
def test_tag_that_proves_nothing_is_refused(quick, make, said):
    assign(one("a"), CHAMPION, "why")
    assign(one("b"), "challenger", "why")
    assert in_service(events()) == "v1.0.0"
    make()
    with pytest.raises(UserError, match=f"{said}(.|\n)*git tag --delete '?model"):
        events()


def test_order_is_that_of_the_moments_not_of_their_text(quick, monkeypatch, capsys):
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-01T06:00:00+0000")
    first, second = one("a"), one("b")
    for version, when in (
        (first, "2026-01-01T12:00:00+0200"),
        (second, "2026-01-01T11:00:00+0000"),
    ):
        monkeypatch.setenv("GIT_COMMITTER_DATE", when)
        assign(version, CHAMPION, "why")
    assert in_service(events()) == second
    history.main()
    assert capsys.readouterr().out.endswith("in service: v2.0.0\n")
    assert second in gto("show", "model#champion")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-01T11:30:00+0100")
    with pytest.raises(
        UserError,
        match=(
            r"the tag model#champion#2 is of 2026-01-01T11:00:00\+00:00, which is later than the"
            r" clock here"
        ),
    ):
        assign(first, CHAMPION, "back")


@pytest.mark.parametrize(
    ("arguments", "left", "told"),
    [
        (["v2.0.0", "champion"], ["v1.0.0", "v2.0.0"], "v2.0.0  no longer champion"),
        (["v2.0.0"], ["v1.0.0"], "v2.0.0  withdrawn"),
        ([], [], "all versions  withdrawn"),
    ],
)
def test_withdrawal_by_gto_takes_the_model_out_of_service(quick, arguments, left, told, capsys):
    for version in (one("a"), one("b")):
        assign(version, CHAMPION, "why")
    gto("deprecate", "model", *arguments)
    ways = (
        rf"`uv run sluice rollback VERSION --why \.\.\.` puts one back that was in service: {', '.join(left)}$"
        if left
        else "none that was in service is"
    )
    with pytest.raises(
        UserError, match=f"was withdrawn with `gto deprecate`, so that no model is; {ways}"
    ):
        in_service(events())
    assert list(registry.registrations(events())) == left
    history.main()
    shown = capsys.readouterr().out
    assert told in shown
    assert "in service: none: the model in service was withdrawn" in shown


def test_withdrawn_model_is_followed_by_the_one_before(quick):
    for version in (one("a"), one("b")):
        assign(version, CHAMPION, "why")
    gto("deprecate", "model", "v2.0.0")
    assert "v1.0.0 is in service again; git has the tags" in rollback.roll_back(
        None, "v2 is no more", False
    )
    assert in_service(events()) == "v1.0.0"
    with pytest.raises(UserError, match=r"'v2\.0\.0' is no registered version; there are v1\.0\.0"):
        rollback.roll_back("v2.0.0", "why", False)
    assert one("b") == "v3.0.0"


def test_registry_that_was_emptied_holds_the_next_model_against_none(quick):
    assign(one("a"), CHAMPION, "why")
    assert registry.to_beat(events()) == "v1.0.0"
    gto("deprecate", "model", "v1.0.0")
    with pytest.raises(
        UserError,
        match=r"no model was in service before the one withdrawn that was not rolled back$",
    ):
        rollback.target(None, events())
    assert registry.to_beat(events()) is None
    assign(one("b"), CHAMPION, "why")
    assert in_service(events()) == "v2.0.0"


def test_withdrawn_champion_is_put_back_before_another_is_held_against_it(quick):
    assign(one("a"), CHAMPION, "why")
    gto("deprecate", "model", "v1.0.0", "champion")
    with pytest.raises(UserError, match=r"puts one back that was in service: v1\.0\.0$"):
        registry.to_beat(events())


def test_one_that_was_rolled_back_does_not_return_by_a_withdrawal(quick):
    for version in (one("a"), one("b"), "v1.0.0"):
        assign(version, CHAMPION, "why")
    gto("deprecate", "model", "v1.0.0", "champion")
    with pytest.raises(
        UserError,
        match=(
            "no model was in service before the one withdrawn that was not rolled back; VERSION"
            " may be"
        ),
    ):
        rollback.target(None, events())
    assert rollback.target("v1.0.0", events()) == "v1.0.0"


def test_folder_under_another_version_is_refused(quick):
    shutil.copytree(quick / "registry" / one("a"), quick / "registry/v3.0.0")
    known = hashes("v1.0.0")
    registry._commit(Path("registry/v3.0.0"), "replay")
    tag("model@v3.0.0", "HEAD", f"better\n\n{known}")
    with pytest.raises(
        UserError,
        match=(
            r"registry/v3\.0\.0/manifest\.json is the manifest of v1\.0\.0, and the tag"
            r" model@v3\.0\.0 names it"
        ),
    ):
        verified("v3.0.0", events(), False)
    assert verified("v1.0.0", events(), False)


def test_file_that_changes_while_it_is_registered_is_refused(quick, monkeypatch):
    copy = shutil.copy

    def other(path: Path, target: Path) -> None:
        Path(path).write_text("another run's", encoding="utf-8")
        copy(path, target)

    with (
        monkeypatch.context() as patch,
        pytest.raises(UserError, match="made/model changed while the model was registered"),
    ):
        patch.setattr(shutil, "copy", other)
        one("a")
    assert events() == []
    assert not list(Path("registry").glob("*"))


REGISTER = """
import sys
from pathlib import Path
from sluice.registry.registry import register
Path(f"made/{sys.argv[1]}").write_text(sys.argv[1])
print(register({"model": Path(f"made/{sys.argv[1]}")}, {"verdicts": {}, "suites": {}}, sys.argv[1], False))
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        [sys.executable, "-c", *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.mark.slow
def test_registrations_at_once_are_versions_of_their_own(project):
    running = {name: start(REGISTER, name) for name in ("a1", "b1")}
    versions = {name: process.communicate()[0].strip() for name, process in running.items()}
    assert sorted(versions.values()) == ["v1.0.0", "v2.0.0"]
    for event in events():
        name = event.message.splitlines()[0]
        assert versions[name] == event.version
        assert (project / "registry" / event.version / "model").read_text() == name
        assert verified(event.version, events(), False)["files"] == {
            "model": sha256(f"made/{name}")
        }


def test_lock_that_another_process_holds_is_waited_for_and_then_refused(quick, monkeypatch):
    holder = start(
        "from sluice.registry.registry import alone\nwith alone():\n    print('held', flush=True)\n"
        "    input()"
    )
    assert holder.stdout.readline() == "held\n"
    with (
        monkeypatch.context() as patch,
        pytest.raises(UserError, match="another process has been registering or promoting a model"),
    ):
        patch.setattr(registry, "SECONDS", 0.1)
        one("a")
    holder.kill()
    holder.wait()
    assert one("a") == "v1.0.0", "a lock dies with its process"


def test_version_whose_pointer_is_on_another_branch_comes_back_as_the_sentences_say(
    project, monkeypatch
):
    branch = git("branch", "--show-current").strip()
    git("switch", "--quiet", "--create", "other")
    assign(one("a"), CHAMPION, "why")
    git("switch", "--quiet", branch)
    git("init", "--quiet", "--bare", "made/origin")
    git("remote", "add", "origin", "made/origin")
    obey(how_to_push())
    git("clone", "--quiet", "made/origin", "made/clone")
    shutil.copytree(".dvc/cache", "made/clone/.dvc/cache")  # as `dvc pull` would bring it
    monkeypatch.chdir("made/clone")
    with pytest.raises(UserError) as refused:
        verified(str(in_service(events())), events(), False)
    commands = re.findall("`(.*?)`", str(refused.value))
    assert [command.split()[1] for command in commands] == ["restore", "checkout", "pull"]
    obey(refused.value, keep=2)
    assert verified("v1.0.0", events(), False)


def test_detached_head_registers_nothing_and_may_still_go_back(quick):
    for version in (one("a"), one("b")):
        assign(version, CHAMPION, "why")
    branch = git("branch", "--show-current").strip()
    git("switch", "--quiet", "--detach")
    with pytest.raises(
        UserError,
        match=(
            "HEAD is detached, so that no branch would hold the commit that registers the model;"
            " run `git switch"
        ),
    ):
        one("c")
    with pytest.raises(UserError, match="HEAD is detached"):
        promote.promote(None, "why", False)
    assert rollback.roll_back(None, "worse", False).endswith(
        "push them with `git push origin 'refs/tags/model*'`"
    )
    git("switch", "--quiet", branch)
    assert in_service(events()) == "v1.0.0"
    assert one("c") == "v3.0.0"


def folder_of_project(name: str) -> Path:
    """Return a folder of the repository with a project of its own in it."""
    folder = Path(name).absolute()
    folder.mkdir(parents=True)
    shutil.copytree(".dvc", folder / ".dvc")
    shutil.copy(".gitignore", folder / ".gitignore")
    (folder / "made").mkdir()
    git("add", "-A")
    git("commit", "--quiet", "--message", name)
    return folder


@pytest.mark.slow
def test_projects_in_one_repository_have_versions_of_their_own(project, monkeypatch):
    folders = [folder_of_project(name) for name in ("first", "teams/second")]
    for folder, content in zip(folders, "ab", strict=True):
        monkeypatch.chdir(folder)
        assert events() == []
        assign(one(content), CHAMPION, "why")
    assert (in_service(events()), len(events())) == ("v1.0.0", 2)
    assert git("show", "--name-only", "--format=", "HEAD") == "teams/second/registry/v1.0.0.dvc\n"
    assign(one("c"), CHAMPION, "why")
    assert "teams/second:model" in gto("show", "teams/second:model#champion")
    monkeypatch.chdir(folders[0])
    assert verified(str(in_service(events())), events(), False)["files"] == {
        "model": sha256("made/model")
    }
    assert how_to_push() == "`git push origin HEAD 'refs/tags/first=model*'`"
    monkeypatch.chdir(project)
    assert events() == []
    assert git("status", "--porcelain") == ""
    assert one("a") == "v1.0.0", "a project at the root is called as GTO calls it there"
    assert "model@v1.0.0" in git("tag").splitlines()


def test_folder_that_git_allows_no_tag_of_is_refused_before_anything_is_made(project, monkeypatch):
    monkeypatch.chdir(folder_of_project("two words"))
    assert events() == []
    with pytest.raises(
        UserError,
        match=r"git allows no tag 'two words=model@v1\.0\.0', as it would be called in this folder",
    ):
        identified()


def test_tags_of_a_folder_that_was_moved_get_their_names_as_the_sentence_says(quick, monkeypatch):
    first = folder_of_project("first")
    for folder in (quick, first):  # the root's stay the root's
        monkeypatch.chdir(folder)
        for content in "ab":
            assign(one(content), CHAMPION, f"tag {content}\ntag first=model")
    before = events()
    monkeypatch.chdir(quick)
    git("mv", "first", "second")
    git("commit", "--quiet", "--message", "moved")
    monkeypatch.chdir("second")
    with pytest.raises(
        UserError,
        match=(
            r"v1\.0\.0\.dvc is there, and the tag that registers it is called first=model@v1\.0\.0;"
            r" tags"
        ),
    ) as refused:
        events()
    obey(str(refused.value).splitlines()[1])
    assert [(event.tag, event.message, event.when, event.who) for event in events()] == [
        (event.tag.replace("first", "second"), event.message, event.when, event.who)
        for event in before
    ]
    assert in_service(events()) == "v2.0.0"


def test_tags_from_before_they_named_folders_get_their_names_as_the_sentence_says(
    quick, monkeypatch
):
    folder = folder_of_project("first")
    monkeypatch.chdir(folder)
    with monkeypatch.context() as patch:
        patch.setattr(registry, "artifact", lambda: "model")
        assign(one("a"), CHAMPION, "why")
    with pytest.raises(
        UserError,
        match=(
            r"the tag that registers it is called model@v1\.0\.0; tags of the project in this"
            r" folder"
        ),
    ) as refused:
        events()
    obey(str(refused.value).splitlines()[1])
    assert in_service(events()) == "v1.0.0"


def test_signed_model_of_another_project_does_not_serve(quick, signer, monkeypatch):
    first, second = (folder_of_project(name) for name in ("first", "second"))
    monkeypatch.chdir(first)
    made = quick / "first/made"
    made.mkdir(exist_ok=True)
    assign(one("a", True), CHAMPION, "why", True)
    shutil.copytree(first / "registry", second / "registry")
    monkeypatch.chdir(second)
    registry._commit(Path("registry/v1.0.0"), "replay")
    for name in ("model@v1.0.0", "model#champion#1"):
        git("update-ref", f"refs/tags/second={name}", f"refs/tags/first={name}")
    with pytest.raises(UserError, match=r"second=model#champion#1 is no annotated tag of its own"):
        events()
