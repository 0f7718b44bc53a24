"""Ask git."""

import subprocess

from sluice.core.command import UserError


def ask(*arguments: str) -> str | None:
    """Return what git prints, None where it refuses."""
    ended = _call(*arguments)
    return None if ended.returncode else ended.stdout


def git(*arguments: str) -> str:
    """Return what git prints; raises UserError with its own words where it refuses."""
    ended = _call(*arguments)
    if ended.returncode:
        raise UserError(f"`git {arguments[0]}` refused: {' '.join(ended.stderr.split())}")
    return ended.stdout


def read_all(*arguments: str) -> str:
    """Return what git prints; raises UserError also where git only warns: it leaves out what it
    cannot read, a broken tag for one.
    """
    ended = _call(*arguments)
    if ended.returncode or ended.stderr.strip():
        raise UserError(f"`git {arguments[0]}` says: {' '.join(ended.stderr.split())}")
    return ended.stdout


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments], capture_output=True, encoding="utf-8", errors="replace"
        )
    except FileNotFoundError:
        raise UserError("git is not installed, or not on the PATH; install it") from None
