"""Which models were registered, and which one is in service: GTO's tags in git, each with who, when, why, and hashes of what was proven."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.after.manifest import MANIFEST, read_manifest, write_manifest
from stages.command import Refused
from stages.during.model import sha256
from stages.git import ask, git

FOLDER = Path("registry")
NAME = "model"  # of the artifact, as GTO has it
CHAMPION, CHALLENGER, RETIRED = "champion", "challenger", "retired"
TAG = re.compile(rf"{NAME}(?:@(?P<version>v\d+\.\d+\.\d+)|#(?P<stage>\w+)#(?P<nth>\d+))")
FORMAT = "%00".join(
    ["%(refname:short)", "%(*objectname)", "%(taggername) %(taggeremail)", "%(taggerdate:iso-strict)", "%(contents)", "%01"]
)


@dataclass(frozen=True)
class Event:
    """A tag: `version` registered (stage None) or given a stage, `nth` of all such, by whom, when, and the message."""

    version: str
    stage: str | None
    nth: int
    who: str
    when: str
    message: str

    @property
    def manifest_sha256(self) -> str | None:
        """The hash of the version's manifest, as the message has it."""
        found = re.search(r"^manifest ([0-9a-f]{64})$", self.message, re.MULTILINE)
        return found[1] if found else None


def identified() -> None:
    """Raise Refused unless git finds a repository and knows who is working in it: the tags say who it was."""
    if ask("rev-parse", "--git-dir") is None:
        raise Refused("git finds no repository here, and a model is registered in git; run `git init`, and commit the run")
    if ask("var", "GIT_COMMITTER_IDENT") is None:
        raise Refused("git does not know who you are, and the tags say who registered a model; set `git config user.name` and user.email")


def events() -> list[Event]:
    """Return what the tags say, registrations first, then the stages in the order in which they were given; none without git."""
    read = []
    for entry in (ask("for-each-ref", "--sort=creatordate", f"--format={FORMAT}", "refs/tags") or "").split("\0\1"):
        name, *rest = entry.strip("\n").split("\0")
        if found := TAG.fullmatch(name):
            read.append((found, rest))
    version_of = {rest[0]: found["version"] for found, rest in read if found["version"]}
    made = [
        Event(found["version"] or version_of[commit], found["stage"], int(found["nth"] or 0), who.strip(), when, message)
        for found, (commit, who, when, message) in read
        if found["version"] or commit in version_of
    ]
    return sorted(made, key=lambda event: event.nth)


def champions(said: list[Event]) -> list[str]:
    """Return the versions that were ever in service, in the order of their first promotion; the one in service now may be any."""
    return list(dict.fromkeys(event.version for event in said if event.stage == CHAMPION))


def lineage(said: list[Event]) -> list[str]:
    """Return the version in service, last, and those before it, each in service when the next took its place and not taken back since."""
    line: list[str] = []
    for event in said:
        if event.stage == CHAMPION:
            line = [*line[: line.index(event.version)], event.version] if event.version in line else [*line, event.version]
    return line


def in_service(said: list[Event]) -> str | None:
    """Return the version in service: the last that was made champion; None before the first promotion."""
    return next((event.version for event in reversed(said) if event.stage == CHAMPION), None)


def registered(version: str, said: list[Event]) -> Event:
    """Return the registration of `version`; raises Refused where there is none."""
    known = {event.version: event for event in said if event.stage is None}
    if version not in known:
        raise Refused(f"{version!r} is no registered version; there are {', '.join(known) or 'none'}")
    return known[version]


def verified(version: str, said: list[Event], public_key: str | None) -> dict[str, Any]:
    """Return the manifest of a registered version whose files all match it (see `read_manifest`)."""
    event = registered(version, said)
    if event.manifest_sha256 is None:
        raise Refused(f"the tag {NAME}@{version} names no manifest, so that nothing can be verified; register the model again")
    return read_manifest(FOLDER / version, public_key, event.manifest_sha256)


def register(files: dict[str, Path], said: dict[str, Any], why: str, public_key: str | None) -> str:
    """Put `files` (path within the version's folder: where they are) into the registry and return the version.

    The folder is DVC's, its small .dvc file is committed, and that commit tagged, with `why` and hashes in the message. Until the
    tag is there the version is not: what a kill leaves behind is taken up, or replaced, by the next call. Equal files are the
    same version.
    """
    past = events()
    wanted = {name: sha256(path) for name, path in files.items()}
    for event in past:
        path = FOLDER / event.version / MANIFEST
        is_registered = event.stage is None and path.is_file() and sha256(path) == event.manifest_sha256
        if is_registered and json.loads(path.read_text(encoding="utf-8"))["files"] == wanted:
            verified(event.version, past, public_key)
            return event.version
    version = f"v{1 + max((int(event.version[1:].split('.')[0]) for event in past), default=0)}.0.0"
    folder = FOLDER / version
    part = FOLDER / f".{version}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        for name, path in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, part / name)
        write_manifest(part, {"version": version} | said, public_key)
        shutil.rmtree(folder, ignore_errors=True)  # one that never got its tag
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    added = subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", folder.as_posix()], capture_output=True, encoding="utf-8")
    if added.returncode:
        raise Refused(f"`dvc add {folder.as_posix()}` refused: {' '.join(added.stderr.split())}")
    pointer = f"{folder.as_posix()}.dvc"
    git("add", "--force", pointer)
    git("commit", "--quiet", "--no-verify", "--allow-empty", "--message", f"Register model {version}: {why}", "--only", "--", pointer)
    import gto.api  # here, since its import takes longer than reading tags, which needs git alone

    gto.api.register(".", NAME, "HEAD", version=version, message=_message(why, folder))
    return version


def assign(version: str, stage: str, why: str) -> None:
    """Give `version` a stage: champion, challenger or retired. The hashes are those of its registration: its files may be elsewhere."""
    import gto.api

    hashes = registered(version, events()).message.rpartition("\nmanifest ")[2]
    gto.api.assign(".", NAME, stage, version=version, message=f"{why}\n\nmanifest {hashes.rstrip()}", force=True)


def _message(why: str, folder: Path) -> str:
    manifest = read_manifest(folder, None)
    verdicts = [f"{name} {one['verdict']} {one['sha256']}" for name, one in manifest["verdicts"].items()]
    return "\n".join([why, "", f"manifest {sha256(folder / MANIFEST)}", *verdicts])
