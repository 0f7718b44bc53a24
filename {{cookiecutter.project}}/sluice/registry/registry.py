"""Which models were registered, and which one is in service: GTO's tags in git, each with who,
when, why, and hashes of what was proven.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sluice.core.command import UserError
from sluice.core.git import ask, git, read_all
from sluice.modeling.model import sha256
from sluice.registry.manifest import MANIFEST, read_manifest, write_manifest
from sluice.registry.repository import artifact, how_to_fetch, not_fetched, on_a_branch, without_tag

REGISTRY = Path("registry")
CHAMPION, CHALLENGER, RETIRED = "champion", "challenger", "retired"
# after the name of the artifact
TAG = re.compile(
    r"(?:(?P<all>@deprecated)|(?:@(?P<version>v\d+\.\d+\.\d+)|#(?P<stage>[^!#]+))(?P<off>!?))(?:#(?P<nth>\d+))?"
)
FORMAT = "%00".join(
    [
        "%(refname:strip=2)",
        "%(tag)",
        "%(*objectname)",
        "%(taggername) %(taggeremail)",
        "%(taggerdate:iso-strict)",
        "%(contents)",
        "%(contents:signature)",
        "%(taggerdate:unix)",
        "%01",
    ]
)
SECONDS = 300  # to wait for another registration or promotion: it copies files, and may judge them


@dataclass(frozen=True)
class Event:
    """A tag: `version` registered (stage None) or given a stage, `nth` of all such, by whom, when,
    and the message.

    is_withdrawal: GTO's `!`, which takes back what the tag names; without a stage the version and
    all its stages, without a version every version there was.
    """

    version: str
    stage: str | None
    nth: int
    who: str
    when: str
    message: str
    seconds: int = 0
    is_withdrawal: bool = False
    tag: str = ""

    @property
    def manifest_sha256(self) -> str | None:
        """The hash of the version's manifest, as the message has it, below the reason."""
        found = re.findall(r"^manifest ([0-9a-f]{64})$", self.message, re.MULTILINE)
        return found[-1] if found else None

    @property
    def what(self) -> str:
        """What the tag does, in words."""
        return (
            (f"no longer {self.stage}" if self.stage else "withdrawn")
            if self.is_withdrawal
            else self.stage or "registered"
        )

    def takes_back(self, earlier: "Event") -> bool:
        """Return whether this withdraws `earlier`, a registration or a stage."""
        return (
            self.is_withdrawal
            and self.version in ("", earlier.version)
            and self.stage in (None, earlier.stage)
        )


def identified() -> None:
    """Raise UserError unless git finds a repository, can name tags after this folder, and knows
    who is working: the tags say who.
    """
    try:
        tag = f"{artifact()}@v1.0.0"
    except UserError as refusal:
        raise UserError(
            f"{refusal}\na model is registered in git: where there is no repository, run `git"
            " init`, and commit the run"
        ) from None
    if ask("check-ref-format", f"refs/tags/{tag}") is None:
        raise UserError(
            f"git allows no tag {tag!r}, as it would be called in this folder; rename the folder,"
            " without spaces or signs"
        )
    if ask("var", "GIT_COMMITTER_IDENT") is None:
        raise UserError(
            "git does not know who you are, and the tags say who registered a model; set `git"
            " config user.name` and user.email"
        )


@contextmanager
def alone() -> Iterator[None]:
    """Keep every other process from registering or promoting in this repository until the block
    ends; a lock within a lock is fine.

    The system lets the lock go where the process is killed. Raises UserError where another holds it
    for SECONDS.
    """
    path = Path(git("rev-parse", "--git-common-dir").strip()).resolve() / "registry-lock"
    try:
        with FileLock(path, timeout=SECONDS, is_singleton=True):
            yield
    except Timeout:
        raise UserError(
            f"another process has been registering or promoting a model for {SECONDS} seconds"
            f" ({path}); wait for it"
        ) from None


def events() -> list[Event]:
    """Return what the tags say in the order in which they were made; none where none was ever made.

    Raises UserError where git cannot read the repository or one of its tags, and for tags that are
    no proof or that lack others: what cannot be read may be the promotion of another model.
    """
    try:
        name, listed = artifact(), read_all("for-each-ref", f"--format={FORMAT}", "refs/tags")
        pointers = read_all("ls-files", "-z", "--", f":(glob){REGISTRY.as_posix()}/v*.dvc").split(
            "\0"
        )
    except UserError as refusal:
        raise UserError(
            "the registry cannot be read, so that nobody knows which model is in service; mend"
            f" this first: {refusal}"
        ) from None
    tags = [entry.strip("\n").split("\0") for entry in listed.split("\0\1")]
    said, problems = _understood(tags, name)
    known = {event.version for event in said if event.stage is None}
    problems += [
        without_tag(pointer, [tag for tag, *_ in tags])
        for pointer in sorted({*map(Path, filter(None, pointers)), *REGISTRY.glob("v*.dvc")})
        if pointer.stem not in known and not _interrupted(pointer.stem)
    ]
    if not said and not problems and (fetch := not_fetched()):
        problems.append(
            f"this clone may lack the tags that say which model is in service; run {fetch}"
        )
    if problems:
        raise UserError("\n".join(problems))
    return said


def _understood(tags: list[list[str]], artifact: str) -> tuple[list[Event], list[str]]:
    """Return the events that the tags of `artifact` tell of, in order, and why some prove nothing.

    tags: as FORMAT has them.
    """
    found = {
        name: match
        for name, *_ in tags
        if name.startswith(artifact) and (match := TAG.fullmatch(name, len(artifact)))
    }
    tags = [tag for tag in tags if tag[0] in found]
    own = [tag for tag in tags if tag[0] == tag[1]]
    commits = {
        commit: found[name]["version"]
        for name, _, commit, *_ in own
        if found[name]["version"] and not found[name]["off"]
    }
    told = {tag[0]: _event(tag, found[tag[0]], commits) for tag in own}
    # GTO goes by seconds; it numbers what it makes, but not always what it withdraws
    said = sorted(
        (event for event in told.values() if event),
        key=lambda event: (event.seconds, event.is_withdrawal and not event.nth, event.nth),
    )
    copies = [
        f"the tag {name} is no annotated tag of its own, so that it says neither who made it nor "
        f"why; take it away with {_delete(name)}"
        for name, inner, *_ in tags
        if name != inner
    ]
    without_version = [
        f"the tag {name} gives a stage to a commit that no tag registers as a version; run "
        f"{how_to_fetch()}, which brings what is missing here, or take it away with {_delete(name)}"
        for name, event in told.items()
        if event is None
    ]
    return said, copies + without_version + _of_others(said)


def _event(tag: list[str], match: re.Match[str], commits: dict[str, str]) -> Event | None:
    """Return what an annotated tag tells of; None where its commit is that of no version."""
    name, _, commit, who, when, message, signature, seconds = tag
    version = "" if match["all"] else match["version"] or commits.get(commit)
    if version is None:
        return None
    is_off, nth = bool(match["all"] or match["off"]), match["nth"]
    text = message.removesuffix(signature)
    return Event(
        version, match["stage"], int(nth or 0), who.strip(), when, text, int(seconds), is_off, name
    )


def _of_others(said: list[Event]) -> list[str]:
    """Return a sentence for each promotion that was not made here: it names no manifest."""
    manifests = {
        event.version: event.manifest_sha256
        for event in said
        if event.stage is None and not event.is_withdrawal
    }
    return [
        f"the tag {event.tag} does not come from `uv run sluice promote` or `uv run sluice"
        f" rollback`, since it does not name the manifest of {event.version}; take it away with"
        f" {_delete(event.tag)}, and promote the version"
        for event in said
        if event.stage == CHAMPION
        and not event.is_withdrawal
        and event.manifest_sha256 != manifests[event.version]
    ]


def _delete(tag: str) -> str:
    return f"`git tag --delete {shlex.quote(tag)}`"


def _interrupted(version: str) -> bool:
    """Return whether a registration of `version` goes on, or was killed: then there is no such
    version yet.
    """
    return any(REGISTRY.glob(f".{version}.*.part"))


def champions(said: list[Event]) -> list[str]:
    """Return the versions that were ever in service, in the order of their first promotion; the
    one in service now may be any.
    """
    return list(
        dict.fromkeys(
            event.version for event in said if event.stage == CHAMPION and not event.is_withdrawal
        )
    )


def lineage(said: list[Event]) -> list[str]:
    """Return the version in service, last, and those before it, each in service when the next took
    its place and not taken back since.

    One that was withdrawn is left out; where that was the version in service, none is (see
    `in_service`).
    """
    line: list[str] = []
    for event in said:
        if event.is_withdrawal:
            line = [
                version
                for version in line
                if not event.takes_back(Event(version, CHAMPION, 0, "", "", ""))
            ]
        elif event.stage == CHAMPION:
            line = (
                [*line[: line.index(event.version)], event.version]
                if event.version in line
                else [*line, event.version]
            )
    return line


def serving(said: list[Event]) -> str | None:
    """Return the version that was made champion last; None before the first promotion, and where
    that one was withdrawn since.
    """
    last = next(
        (
            event.version
            for event in reversed(said)
            if event.stage == CHAMPION and not event.is_withdrawal
        ),
        None,
    )
    return last if last in lineage(said)[-1:] else None


def in_service(said: list[Event]) -> str | None:
    """Return the version in service; None before the first promotion. Everything that asks which
    model decides asks here.

    Raises UserError where the version in service was withdrawn: which one is to serve then, a
    person says.
    """
    now = serving(said)
    if now is None and champions(said):
        ways = (
            "`uv run sluice rollback VERSION --why ...` puts one back that was in service: "
            + ", ".join(returnable(said))
        )
        if not returnable(said):
            ways = (
                "none that was in service is registered any more; `uv run sluice promote --why ...`"
                " puts the last run's into service"
            )
        raise UserError(
            f"the model in service was withdrawn with `gto deprecate`, so that no model is; {ways}"
        )
    if now is not None and (retired := _retired(now, said)):
        raise UserError(
            f"the tag {retired.tag} says that another model took the place of {now}, and no tag"
            f" says which; run {how_to_fetch()}, which brings what is missing here, or take it away"
            f" with {_delete(retired.tag)} if {now} is to serve"
        )
    return now


def returnable(said: list[Event]) -> list[str]:
    """Return the versions that were ever in service and are registered still: a rollback may put
    any of them back.
    """
    known = registrations(said)
    return [version for version in champions(said) if version in known]


def to_beat(said: list[Event]) -> str | None:
    """Return the version that a model is held against before it may serve: the one in service (see
    `in_service`).

    None also where every model that ever served was taken out of the registry: nothing is left to
    hold it against or to go back to.
    """
    return in_service(said) if returnable(said) else None


def _retired(version: str, said: list[Event]) -> Event | None:
    """Return the event that retired `version` since it was put into service; None where that was
    not, or was taken back.
    """
    last = None
    for event in said:
        if event.is_withdrawal:
            last = None if last and event.takes_back(last) else last
        elif event.version == version and event.stage in (CHAMPION, RETIRED):
            last = event if event.stage == RETIRED else None
    return last


def registrations(said: list[Event]) -> dict[str, Event]:
    """Return the registration of each version that was not withdrawn since."""
    known: dict[str, Event] = {}
    for event in said:
        if event.is_withdrawal:
            known = {version: one for version, one in known.items() if not event.takes_back(one)}
        elif event.stage is None:
            known[event.version] = event
    return known


def registered(version: str, said: list[Event]) -> Event:
    """Return the registration of `version`; raises UserError where there is none, or none any
    more.
    """
    known = registrations(said)
    if version not in known:
        raise UserError(
            f"{version!r} is no registered version; there are {', '.join(known) or 'none'}"
        )
    return known[version]


def verified(version: str, said: list[Event], is_signed: bool) -> dict[str, Any]:
    """Return the manifest of a registered version whose files all match it (see `read_manifest`).

    is_signed: whether git has to vouch for the tag that registers it, too.
    """
    event = registered(version, said)
    if event.manifest_sha256 is None:
        raise UserError(
            f"the tag {event.tag} names no manifest, so that nothing can be verified; "
            "register the model again"
        )
    if is_signed:
        _verify_tag(event.tag)
    manifest = read_manifest(REGISTRY / version, event.manifest_sha256, event.tag)
    if manifest.get("version") != version:
        raise UserError(
            f"{(REGISTRY / version / MANIFEST).as_posix()} is the manifest of "
            f"{manifest.get('version')}, and the tag {event.tag} names it as that of {version}: "
            f"a copy under another name proves nothing; take the tag away with {_delete(event.tag)}"
        )
    return manifest


def promoted(version: str, said: list[Event], is_signed: bool) -> dict[str, Any]:
    """Return the manifest of a version that was in service (see `verified`).

    is_signed: whether git has to vouch for the tag of its last promotion, too.
    """
    manifest = verified(version, said, is_signed)
    if is_signed:
        _verify_tag(
            next(
                event.tag
                for event in reversed(said)
                if event.version == version and event.stage == CHAMPION and not event.is_withdrawal
            )
        )
    return manifest


def _verify_tag(tag: str) -> None:
    """Raise UserError unless the tag has a signature that git verifies, of a key that it trusts."""
    try:
        git("verify-tag", f"refs/tags/{tag}")
    except UserError as refused:
        raise UserError(
            f"the tag {tag} has no signature that git trusts here, and registry.signed in "
            f"params.yaml is true. {refused}\n"
            "if you know who made it, let git trust that key (docs/registry.md says how); "
            f"if not, take the tag away with {_delete(tag)}, and promote the version again"
        ) from None


def register(files: dict[str, Path], said: dict[str, Any], why: str, is_signed: bool) -> str:
    """Put `files` (path within the version's folder: where they are) into the registry and return
    the version.

    The folder is DVC's, its small .dvc file is committed, and that commit tagged, with `why` and
    hashes in the message. Until the tag is there the version is not: what a kill leaves behind is
    replaced by the next call. Equal files are the same version.
    """
    with alone():
        past = events()
        wanted = {name: sha256(path) for name, path in files.items()}
        for version, event in registrations(past).items():
            path = REGISTRY / version / MANIFEST
            is_here = path.is_file() and sha256(path) == event.manifest_sha256
            if is_here and json.loads(path.read_text(encoding="utf-8"))["files"] == wanted:
                verified(version, past, is_signed)
                return version
        on_a_branch()
        _may_tag(past, is_signed)
        numbers = [int(event.version[1:].split(".")[0]) for event in past if event.version]
        version = f"v{1 + max(numbers, default=0)}.0.0"
        for left in REGISTRY.glob(
            ".*.part"
        ):  # of a process that was killed: no other holds the lock
            shutil.rmtree(left)
        REGISTRY.mkdir(exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{version}.", suffix=".part", dir=REGISTRY))
        try:
            manifest_sha256 = _fill(part / "files", files, wanted, {"version": version} | said)
        except BaseException:
            shutil.rmtree(part)
            raise
        folder = REGISTRY / version
        shutil.rmtree(folder, ignore_errors=True)  # one that never got its tag
        (part / "files").replace(folder)
        _commit(folder, f"Register model {version}: {why}")
        message = _message(why, folder, manifest_sha256)
        _tag(f"{artifact()}@{version}", "HEAD", message, is_signed)
        shutil.rmtree(part)  # until now it says that the version is not there yet
    return version


def _fill(
    folder: Path,
    files: dict[str, Path],
    wanted: dict[str, str],
    said: dict[str, Any],
) -> str:
    """Copy `files` to `folder`, write their manifest, and return its hash; raises UserError
    where one is no longer as `wanted`.
    """
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    write_manifest(folder, said)
    manifest_sha256 = sha256(folder / MANIFEST)
    copied = read_manifest(folder, manifest_sha256)["files"]
    if changed := [files[name].as_posix() for name in files if copied[name] != wanted[name]]:
        raise UserError(
            f"{', '.join(changed)} changed while the model was registered; wait for what writes it,"
            " then register again"
        )
    return manifest_sha256


def _commit(folder: Path, message: str) -> None:
    """Hand `folder` to DVC, and commit its small .dvc file and nothing else."""
    added = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "--quiet", folder.as_posix()],
        capture_output=True,
        encoding="utf-8",
    )
    if added.returncode:
        raise UserError(f"`dvc add {folder.as_posix()}` refused: {' '.join(added.stderr.split())}")
    pointer = f"{folder.as_posix()}.dvc"
    git("add", "--force", pointer)
    git(
        "commit",
        "--quiet",
        "--no-verify",
        "--allow-empty",
        "--message",
        message,
        "--only",
        "--",
        pointer,
    )


def assign(version: str, stage: str, why: str, is_signed: bool) -> None:
    """Give `version` a stage: champion, challenger or retired.

    The hashes are those of its registration: its files may be elsewhere.
    """
    with alone():
        said = events()
        _may_tag(said, is_signed)
        event = registered(version, said)
        hashes = event.message.rpartition("\nmanifest ")[2].rstrip()
        tag = f"{artifact()}#{stage}#{1 + max(one.nth for one in said)}"
        _tag(tag, f"{event.tag}^{{commit}}", f"{why}\n\nmanifest {hashes}", is_signed)


def _may_tag(said: list[Event], is_signed: bool) -> None:
    """Raise UserError where a tag made now would count for nothing.

    The order of the tags is that of their times, for GTO and here, so that the clock must not be
    behind the last one. Where tags are signed, git has to trust the signatures that it makes.
    """
    if said and int(git("var", "GIT_COMMITTER_IDENT").split()[-2]) < said[-1].seconds:
        raise UserError(
            f"the tag {said[-1].tag} is of {said[-1].when}, which is later than the clock here; "
            "set the clock, or wait until then"
        )
    if is_signed:
        try:
            tried = git("commit-tree", "-S", "-m", "can git sign?", "HEAD^{tree}").strip()
            git("verify-commit", tried)  # no branch has it: git takes it away in time
        except UserError as refused:
            raise UserError(
                "registry.signed in params.yaml is true, and git cannot sign, or does not trust "
                f"its own signature. {refused}\n"
                "set user.signingkey and gpg.format with `git config`, for an SSH key "
                "gpg.ssh.allowedSignersFile as well (docs/registry.md)"
            ) from None


def _tag(name: str, commit: str, message: str, is_signed: bool) -> None:
    """Make the tag as GTO does, and sign it as git is told to."""
    how = "--sign" if is_signed else "--no-sign"
    text = f"{message}\n"  # git finds a signature only on a line of its own
    git("tag", "--annotate", how, "--cleanup=verbatim", "--message", text, name, commit)


def _message(why: str, folder: Path, manifest_sha256: str) -> str:
    manifest = read_manifest(folder, manifest_sha256)
    verdicts = [
        f"{name} {one['verdict']} {one['sha256']}" for name, one in manifest["verdicts"].items()
    ]
    return "\n".join([why, "", f"manifest {manifest_sha256}", *verdicts])
