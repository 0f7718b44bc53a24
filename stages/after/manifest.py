"""List the files of a registered model by their SHA-256, sign the list where a key is configured, and hold the files against it."""

import base64
import json
import os
import shlex
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from stages.command import Refused
from stages.during.model import sha256
from stages.tables import whole, write_json

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
KEY = "SIGNING_KEY"  # the environment variable with the path of the private key


def write_manifest(folder: Path, said: dict[str, Any], public_key: str | None) -> None:
    """Write the manifest of `folder`: what is `said` of the model, and the hash of each file there; signed if there is a `public_key`.

    public_key: path of a PEM file; its private half is read from the PEM file that the environment variable SIGNING_KEY names.
    Raises Refused if that is missing, or no half of the other.
    """
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(said | {"files": files}, folder / MANIFEST)
    if public_key is not None:
        with whole(folder / SIGNATURE) as [part]:
            part.write_text(
                sign((folder / MANIFEST).read_bytes(), public_key) + "\n", encoding="ascii"
            )


def sign(content: bytes, public_key: str) -> str:
    """Return the signature of `content`, in base64; raises Refused where the private half of `public_key` is missing."""
    if not os.environ.get(KEY):
        raise Refused(
            f"params.yaml: registry.public_key is set, so that a model has to be signed; name the private key's file in {KEY}"
        )
    private = _key(Path(os.environ[KEY]), private=True)
    if private.public_key() != _key(Path(public_key)):
        raise Refused(
            f"the key that {KEY} names is not the other half of {public_key}; take the right one, or mend registry.public_key"
        )
    return base64.b64encode(private.sign(content)).decode()


def is_signed(content: bytes, signature: str, public_key: str) -> bool:
    """Return whether `signature` is one of `content`, by the other half of `public_key`."""
    key = _key(Path(public_key))
    try:
        key.verify(base64.b64decode(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_manifest(
    folder: Path, public_key: str | None, wanted_sha256: str | None = None, tag: str = ""
) -> dict[str, Any]:
    """Return the manifest of `folder` after holding it against its hash and signature, and each file against it.

    wanted_sha256, tag: what the registry says of the manifest and where, nothing where it says nothing yet. Raises Refused, all at
    once, for what is missing, differs, or was added.
    """
    path, back = folder / MANIFEST, _way_back(f"{folder.as_posix()}.dvc", tag)
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
        files = dict(manifest["files"])
    except FileNotFoundError:
        raise Refused(f"{path.as_posix()} does not exist; {back}") from None
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{path.as_posix()} is no manifest; {back}") from None
    problems = []
    if wanted_sha256 is not None and sha256(path) != wanted_sha256:
        problems.append(
            f"{path.as_posix()} is not the manifest that was registered (SHA-256 differs); {back}"
        )
    if public_key is not None:
        problems += _signature_problems(folder, content, public_key)
    there = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()} - {
        MANIFEST,
        SIGNATURE,
    }
    for name in sorted({*files, *there}):
        if name not in there:
            problems.append(f"{folder.as_posix()}/{name} does not exist; {back}")
        elif name not in files:
            problems.append(f"{folder.as_posix()}/{name} is not in the manifest; delete it")
        elif sha256(folder / name) != files[name]:
            problems.append(
                f"{folder.as_posix()}/{name} is not the file that the manifest describes (SHA-256 differs); {back}"
            )
    if problems:
        raise Refused("\n".join(problems))
    return manifest


def _signature_problems(folder: Path, content: bytes, public_key: str) -> list[str]:
    path = folder / SIGNATURE
    if not path.is_file():
        return [
            f"{path.as_posix()} does not exist, and registry.public_key asks for a signature; promote a signed model"
        ]
    if not is_signed(content, path.read_text(encoding="ascii", errors="replace"), public_key):
        return [
            f"{path.as_posix()} is no signature of the manifest by {public_key}; nobody knows who made this model: do not use it"
        ]
    return []


def _way_back(pointer: str, tag: str) -> str:
    """Return the commands that bring back the folder of which `pointer` is DVC's small file; a branch may lack it, its tag does not."""
    first = (
        f"`git restore --source={shlex.quote(tag)} {pointer}`, then "
        if tag and not Path(pointer).is_file()
        else ""
    )
    return f"run {first}`dvc checkout --force {pointer}`, after `dvc pull {pointer}` in a new clone"


def _key(path: Path, private: bool = False) -> Any:
    """Return the Ed25519 key in the PEM file at `path`; raises Refused where there is none."""
    try:
        key = (
            load_pem_private_key(path.read_bytes(), None)
            if private
            else load_pem_public_key(path.read_bytes())
        )
    except FileNotFoundError:
        raise Refused(
            f"the key {path} does not exist; `openssl genpkey -algorithm ed25519` makes one, docs: README"
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(f"{path} holds no key without a passphrase in PEM ({error})") from None
    if not isinstance(key, Ed25519PrivateKey if private else Ed25519PublicKey):
        raise Refused(f"{path} holds another kind of key, must be Ed25519")
    return key
