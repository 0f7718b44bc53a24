"""Put a model into service: the last run's, or a registered version, and only with gates that passed and files that match their hashes."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stages.after.champion import FOLDER as MODELS
from stages.after.registry import CHAMPION, RETIRED, assign, events, in_service, register, verified
from stages.command import Refused, run
from stages.during.model import sha256
from stages.params import load_params
from stages.summary import GATES, REPORTS

EVALUATED = [name for names in GATES.values() for name in names]
COMPARED = "challenger"  # the gate of the comparison with the champion


def verdicts(gates: Path) -> dict[str, dict[str, Any]]:
    """Return what each report in the folder `gates` said, whether it blocks, and its SHA-256; raises Refused for one that is broken."""
    found = {}
    for path in sorted(gates.glob("*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem] = {"verdict": report["verdict"], "blocks": report["blocks"], "sha256": sha256(path)}
        except (ValueError, KeyError, TypeError):
            raise Refused(f"{path.as_posix()} is not what a gate writes; run `make repro`, which writes it anew") from None
    return found


def missing_proof(proven: dict[str, dict[str, Any]], needed: Iterable[str]) -> list[str]:
    """Return a sentence for each gate of `needed` that did not judge, or that blocks."""
    problems = []
    for name in needed:
        if name not in proven:
            problems.append(f"the gate {name} did not judge this model, and nothing passes a gate that is unproven; run `make repro`")
        elif proven[name]["blocks"]:
            problems.append(f"the gate {name} said {proven[name]['verdict']}; a model that it stops is not promoted")
    return problems


def version_files(models: Path, reports: Path) -> dict[str, Path]:
    """Return the files that make a version: the model with card and reference, and what was proven of it."""
    files = {name: models / name for name in ("model.skops", "model.json", "reference.json")}
    files |= {
        "features.csv": reports / "features.csv",
        "metrics.json": reports / "metrics.json",
        "prepared.json": Path("expectations/prepared.json"),
    }
    files |= {f"gates/{path.name}": path for path in sorted((reports / "gates").glob("*.json"))}
    if lacking := [path.as_posix() for path in files.values() if not path.is_file()]:
        raise Refused(f"{', '.join(lacking)} does not exist; run `make repro`, which writes it")
    return files


def of_last_run(why: str, public_key: str | None) -> str:
    """Register the model of the last run and return its version; raises Refused where a file differs from dvc.lock, or a gate blocks."""
    ended = subprocess.run([sys.executable, "-m", "dvc", "status", "--json"], capture_output=True, encoding="utf-8")
    if ended.returncode:
        raise Refused(f"`dvc status` refused: {' '.join(ended.stderr.split())}")
    changed = json.loads(ended.stdout or "{}")
    problems = [f"{what}; a model is promoted as it was judged" for what in differing(changed)]
    proven = {name: one for name, one in verdicts(REPORTS / "gates").items() if name in EVALUATED}
    problems += missing_proof(proven, EVALUATED)
    if problems:
        raise Refused("\n".join([*problems, "run `make repro`, or restore what was changed from git and with `dvc checkout`"]))
    files = {name: path for name, path in version_files(MODELS, REPORTS).items() if not name.startswith("gates/") or path.stem in EVALUATED}
    return register(files, {"verdicts": proven, "suites": suites(), "lock_sha256": sha256("dvc.lock")}, why, public_key)


def differing(status: dict[str, Any]) -> list[str]:
    """Return a sentence for each thing that `dvc status --json` found to differ from what DVC recorded."""
    stages: dict[str, list[str]] = {}
    for stage, changes in status.items():
        for change in changes:
            sides = list(change.values()) if isinstance(change, dict) else []
            for said in [f"{path} is {what}" for side in sides for path, what in side.items()] or [str(change)]:
                stages.setdefault(said, []).append(stage)
    return [f"{said} since {', '.join(names)} ran" for said, names in stages.items()]


def suites() -> dict[str, str]:
    """Return the SHA-256 of every suite."""
    return {path.as_posix(): sha256(path) for path in sorted(Path("expectations").glob("*.json"))}


def promote(version: str | None, why: str, public_key: str | None) -> str:
    """Make `version`, or the model of the last run, the champion, and return a line on it."""
    version = version or of_last_run(why, public_key)
    said = events()
    manifest = verified(version, said, public_key)
    before = in_service(said)
    if version == before:
        raise Refused(f"{version} is in service already")
    problems = missing_proof(manifest["verdicts"], EVALUATED)
    suite = {path: digest for path, digest in manifest["suites"].items() if path in suites() and suites()[path] != digest}
    problems += [
        f"{path} is not the suite that {version} was judged by (SHA-256 differs); restore it from git, or judge anew" for path in suite
    ]
    if problems:
        raise Refused("\n".join(problems))
    assign(version, CHAMPION, why)
    if before is not None:
        assign(before, RETIRED, f"{version} took its place: {why}")
    return (
        f"{version} is in service"
        + (f", {before} is retired" if before else "")
        + "; git has the tags: push them with `git push --follow-tags`"
    )


def main() -> None:
    """Promote, and say so; raises Refused, all reasons at once, where a proof is missing."""
    parser = argparse.ArgumentParser(prog="promote", description=__doc__)
    parser.add_argument("version", nargs="?", help="a registered version, such as v2.0.0; without it, the model of the last run")
    parser.add_argument("--why", required=True, help="the reason, which the tag keeps")
    given = parser.parse_args()
    if not given.why.strip():
        raise Refused("--why is empty: say why this model goes into service, the tag keeps it")
    print(promote(given.version, given.why.strip(), load_params().registry.public_key))


if __name__ == "__main__":
    run(main)
