"""List the files of a registered model by their SHA-256, and hold the files against the list."""

import json
import shlex
from pathlib import Path
from typing import Any

from sluice.core.command import UserError
from sluice.core.tables import write_json
from sluice.core.version import engine
from sluice.modeling.model import sha256

MANIFEST = "manifest.json"
OLD_SIGNATURE = "manifest.sig"  # releases before git's own signatures left it beside the manifest


def write_manifest(folder: Path, said: dict[str, Any]) -> None:
    """Write the manifest of `folder`: what is `said` of the model, the engine that registers it and
    the hash of each file.
    """
    files = {name: sha256(folder / name) for name in sorted(_files(folder))}
    write_json(said | {"engine": engine(), "files": files}, folder / MANIFEST)


def read_manifest(folder: Path, wanted_sha256: str, tag: str = "") -> dict[str, Any]:
    """Return the manifest of `folder` after holding it against its hash, and each file against it.

    wanted_sha256, tag: what the registry says of the manifest, and where. Raises UserError, all at
    once, for what is missing, differs, or was added.
    """
    path, back = folder / MANIFEST, _way_back(f"{folder.as_posix()}.dvc", tag)
    try:
        manifest = json.loads(path.read_bytes())
        files = dict(manifest["files"])
    except FileNotFoundError:
        raise UserError(f"{path.as_posix()} does not exist; {back}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path.as_posix()} is no manifest; {back}") from None
    problems = []
    if sha256(path) != wanted_sha256:
        problems.append(
            f"{path.as_posix()} is not the manifest that was registered (SHA-256 differs); {back}"
        )
    there = _files(folder) - {MANIFEST, OLD_SIGNATURE}
    for name in sorted({*files, *there}):
        file = f"{folder.as_posix()}/{name}"
        if name not in there:
            problems.append(f"{file} does not exist; {back}")
        elif name not in files:
            problems.append(f"{file} is not in the manifest; delete it")
        elif sha256(file) != files[name]:
            problems.append(
                f"{file} is not the file that the manifest describes (SHA-256 differs); {back}"
            )
    if problems:
        raise UserError("\n".join(problems))
    return manifest


def _files(folder: Path) -> set[str]:
    """Return the paths of all files below `folder`, as seen from there."""
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}


def _way_back(pointer: str, tag: str) -> str:
    """Return the commands that bring back the folder of which `pointer` is DVC's small file; a
    branch may lack it, its tag does not.
    """
    first = (
        f"`git restore --source={shlex.quote(tag)} {pointer}`, then "
        if tag and not Path(pointer).is_file()
        else ""
    )
    return f"run {first}`dvc checkout --force {pointer}`, after `dvc pull {pointer}` in a new clone"
