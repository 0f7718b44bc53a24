"""Ask git."""

import subprocess

from stages.command import Refused


def ask(*arguments: str) -> str | None:
    """Return what git prints, None where it refuses."""
    ended = _call(*arguments)
    return None if ended.returncode else ended.stdout


def git(*arguments: str) -> str:
    """Return what git prints; raises Refused with its own words where it refuses."""
    ended = _call(*arguments)
    if ended.returncode:
        raise Refused(f"`git {arguments[0]}` refused: {' '.join(ended.stderr.split())}")
    return ended.stdout


def read_all(*arguments: str) -> str:
    """Return what git prints; raises Refused also where git only warns: it leaves out what it cannot read, a broken tag for one."""
    ended = _call(*arguments)
    if ended.returncode or ended.stderr.strip():
        raise Refused(f"`git {arguments[0]}` says: {' '.join(ended.stderr.split())}")
    return ended.stdout


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments], capture_output=True, encoding="utf-8", errors="replace"
        )
    except FileNotFoundError:
        raise Refused("git is not installed, or not on the PATH; install it") from None
