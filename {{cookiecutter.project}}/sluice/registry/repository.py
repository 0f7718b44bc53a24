"""Where the project lies in its git repository: what its tags are called, how they are pushed,
and which of them this clone lacks.
"""

import re
import shlex
from pathlib import Path

from sluice.core.command import UserError
from sluice.core.git import ask, git

ARTIFACT = "model"  # of the artifact, as GTO has it
SHELL_SAFE = re.compile(r"[\w./=-]+")  # a name that a shell and sed take as it is


def artifact() -> str:
    """Return what the project's tags begin with: `model`, and in a folder of its repository
    `the/folder=model`, as GTO writes it.

    So each of several projects in one repository has versions of its own.
    """
    folder = git("rev-parse", "--show-prefix").rstrip("\n").rstrip("/")
    return f"{folder}={ARTIFACT}" if folder else ARTIFACT


def has_branch() -> bool:
    """Return whether HEAD is on a branch, where commits go."""
    return ask("symbolic-ref", "--quiet", "HEAD") is not None


def on_a_branch() -> None:
    """Raise UserError where HEAD is detached: no branch would hold the commit that registers a
    version, nor `dvc push` see its files.
    """
    if not has_branch():
        raise UserError(
            "HEAD is detached, so that no branch would hold the commit that registers the model;"
            " run `git switch BRANCH`, or `git switch --create BRANCH` for a new branch that begins"
            " here"
        )


def how_to_push() -> str:
    """Return the command that pushes the branch and all tags of the project, those of commits
    that are on no branch, too.
    """
    return (
        "`git push origin"
        f" {'HEAD ' if has_branch() else ''}{shlex.quote(f'refs/tags/{artifact()}*')}`"
    )


def how_to_fetch() -> str:
    """Return the command that brings all tags."""
    is_shallow = (ask("rev-parse", "--is-shallow-repository") or "").strip() == "true"
    return f"`git fetch --tags{' --unshallow' if is_shallow else ''}`"


def not_fetched() -> str:
    """Return the commands that bring the tags of a clone that may have been made without them;
    empty for any other clone.
    """
    settings = (ask("config", "--get-regexp", r"^remote\..*\.tagopt$") or "").splitlines()
    kept_out = [
        setting.removesuffix(" --no-tags") for setting in settings if setting.endswith(" --no-tags")
    ]
    fetch = how_to_fetch()
    return (
        ", then ".join([*(f"`git config --unset-all {key}`" for key in kept_out), fetch])
        if kept_out or "shallow" in fetch
        else ""
    )


def without_tag(pointer: Path, tags: list[str]) -> str:
    """Return a sentence on a version whose small file is here and whose tag is not; tags: the
    names of all that there are.
    """
    path, name = pointer.as_posix(), artifact()
    old = next((tag for tag in tags if _registers(tag, pointer)), None)
    if old is None:
        return (
            f"{path} is there, and not the tag {name}@{pointer.stem} that registers it; run"
            f" {how_to_fetch()}, which brings it, or take the file away if the version is none any"
            " more"
        )
    return (
        f"{path} is there, and the tag that registers it is called {old}; tags of the project in"
        f" this folder begin with {name}\nif the project was moved, or comes from before tags named"
        f" folders, {_rename(old.partition('@')[0], name)}\nif it is a copy of that project, take"
        " the file away"
    )


def _registers(tag: str, pointer: Path) -> bool:
    """Return whether `tag` registers the version of the small file `pointer` for a project in
    another folder, or in this one once.
    """
    match = re.fullmatch(rf"(?:(.+)=)?{ARTIFACT}@{re.escape(pointer.stem)}", tag)
    if match is None or not pointer.is_file():
        return False
    path = pointer.as_posix()
    found = [
        ask("show", f"{tag}:{place}")
        for place in (f"./{path}", f"{match[1]}/{path}" if match[1] else path)
    ]
    return pointer.read_text(encoding="utf-8") in found


def _rename(old: str, new: str) -> str:
    """Return a command that makes each tag of the artifact `old` one of `new` as well, with the
    same message, moment and person.
    """
    if not SHELL_SAFE.fullmatch(old + new):
        return f"make each tag of {old} again as one of {new}, with the same message"
    made = f"git cat-file tag \"$tag\" | sed '3s|^tag {old}|tag {new}|' | git mktag"
    loop = (
        f"for tag in $(git tag --list '{old}[@#]*'); do git update-ref"
        f' "refs/tags/{new}${{tag#{old}}}" "$({made})"; done'
    )
    return f"give its tags their names: `{loop}`"
