"""The version of the engine, and whether somebody edited its files."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import sluice

FINGERPRINT = "FINGERPRINT"  # a file of the package, written where the template is made
HASHED = (".py", ".j2", ".css", ".json")


def engine() -> dict[str, Any]:
    """Return the `version` of the engine, and whether its files were `edited` since it was made.

    An engine without a fingerprint counts as edited: nobody can say what it is.
    """
    package = files("sluice")
    known = package / FINGERPRINT
    made = known.read_text(encoding="utf-8").strip() if known.is_file() else ""
    return {"version": sluice.__version__, "edited": fingerprint(package) != made}


def fingerprint(package: Traversable) -> str:
    """Return one SHA-256 of the names and contents of a package's files of code and pages.

    Line ends count as the same on every system.
    """
    digest = hashlib.sha256()
    for name, file in sorted(_hashed(package, "").items()):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _hashed(folder: Traversable, prefix: str) -> dict[str, Traversable]:
    """Return the files below `folder` that the fingerprint is made of, by their names in it."""
    found: dict[str, Traversable] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= _hashed(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(HASHED):
            found[f"{prefix}{entry.name}"] = entry
    return found
