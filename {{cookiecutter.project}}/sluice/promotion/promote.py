"""Put a model into service: the last run's, or a registered version, and only with gates that
passed and files that match their hashes.
"""

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core.command import UserError
from sluice.core.git import git
from sluice.core.params import load_params
from sluice.core.pipeline import frozen, read_stages
from sluice.core.tables import TEST, TRAIN, read_table, write_table
from sluice.core.text import say
from sluice.core.waivers import says_something
from sluice.gates.gate import gate, not_judged, stop
from sluice.gates.names import REPORTS, unconfirmed
from sluice.modeling.model import MODEL, load_model, sha256
from sluice.promotion.reevaluate import judged_again
from sluice.registry.champion import load_champion
from sluice.registry.promotion_evidence import (
    COMPARISON_GATE,
    EVALUATED,
    VERSION_PARTS,
    missing_proof,
    suites,
    verdicts,
)
from sluice.registry.registry import (
    CHAMPION,
    REGISTRY,
    RETIRED,
    alone,
    assign,
    events,
    identified,
    register,
    to_beat,
    verified,
)
from sluice.registry.repository import how_to_push, on_a_branch
from sluice.retraining.challenger import accept, exchanged, non_inferiority, seen

HELD = Path("expectations/challenger.json")
DESCRIBE = [
    "dvc.lock",
    "dvc.yaml",
    "params.yaml",
    "uv.lock",
    "stages",
    "expectations",
    "data/sources.yaml",
]


def version_files(proven: Iterable[str]) -> dict[str, Path]:
    """Return the files that make the last run's version: the model with card and reference, and
    what the gates `proven` said of it.
    """
    files = {name: Path(path) for name, path in VERSION_PARTS.items()}
    files |= {f"gates/{name}.json": REPORTS / "gates" / f"{name}.json" for name in proven}
    if lacking := [path.as_posix() for path in files.values() if not path.is_file()]:
        raise UserError(f"{', '.join(lacking)} does not exist; run `make repro`, which writes it")
    return files


def held_against_champion(
    uncompared: str | None, accepted: list[str]
) -> tuple[dict[str, Any], str]:
    """Hold the model of the last run against the one in service on the test rows, by class and
    group.

    Return what the gate said, and in words what is accepted. Where the champion was fitted on some
    of these rows it has the advantage, never the other. uncompared: why a model goes into service
    that cannot be compared, since the champion needs columns that are gone; it does not excuse one
    that was compared. accepted: classes that it is meant to find less often.
    """
    data, rows = load_params().data, read_table(TEST)
    report = REPORTS / "gates" / HELD.name
    try:
        served, reference = load_champion()
        both = (served, load_model(MODEL))
        old, new = (
            (model.classes, model.decide(model.predict_proba(seen(model, rows, data))))
            for model in both
        )
    except UserError as refused:
        if uncompared is None:
            raise UserError(
                f"{refused}\nthe two models cannot be compared; if this one is to serve all the"
                " same, say why: --uncompared REASON"
            ) from None
        not_judged(HELD, report, f"not compared with the champion: {uncompared}")
        return verdicts(report.parent)[HELD.stem], ""
    table = accept(non_inferiority(rows, old, new, read_table(TRAIN), data, 0.95), accepted)
    write_table(table, REPORTS / HELD.with_suffix(".csv").name)
    try:
        stop([gate(table, HELD, report)])
    except UserError as refused:
        raise UserError(
            "\n".join([str(refused), *_ways_on(table, reference["test_sha256"] == sha256(TEST))])
        ) from None
    return verdicts(report.parent)[HELD.stem], exchanged(table)


def _ways_on(table: pd.DataFrame, same_rows: bool) -> list[str]:
    """Return what may be done about a model that the champion is better than."""
    ways = []
    if falls := list(
        table.loc[(table["proven_fall"] > 0) & (table["accepted"] == "no"), "class"].unique()
    ):
        ways.append(
            f"if it is meant that {', '.join(falls)} is found less often, say so for each class,"
            " and in --why what it is worth; the tag keeps both:"
            f" `uv run sluice promote --accept {shlex.quote(falls[0])} --why ...`"
        )
    if not same_rows:
        ways.append(
            "the champion was judged by other rows, and may have been fitted on these: then it"
            " knows them by heart; add newer rows, and judge by them"
        )
    return ways


def of_last_run(why: str, is_signed: bool, uncompared: str | None, accepted: list[str]) -> str:
    """Register the model of the last run and return its version; raises UserError where a file
    differs from dvc.lock, or a gate blocks.
    """
    on_a_branch()
    proven = {name: one for name, one in verdicts(REPORTS / "gates").items() if name in EVALUATED}
    if problems := [*not_as_recorded(), *missing_proof(proven, EVALUATED)]:
        way_on = "run `make repro`, or restore what was changed from git and with `dvc checkout`"
        raise UserError("\n".join([*problems, way_on]))
    past = events()
    now = to_beat(past)
    if now is not None:
        served = verified(now, past, is_signed)["files"]
        if all(
            sha256(VERSION_PARTS[name]) == served[name] for name in ("model.skops", "model.json")
        ):
            raise UserError(f"{now} is the model of the last run, and in service already")
    say("promote: judges the last run again, as it stands")
    with tempfile.TemporaryDirectory(prefix="promote") as folder:
        if problems := judged_again(Path(folder), proven):
            way_on = (
                "the reports are not those of this model: run what they say, and commit the run"
            )
            raise UserError("\n".join([*problems, way_on]))
    exchange = ""
    if now is not None:
        proven[COMPARISON_GATE], exchange = held_against_champion(uncompared, accepted)
    said = {
        "verdicts": proven,
        "suites": suites(),
        "lock_sha256": sha256("dvc.lock"),
        "compared_with": now,
        "accepted": exchange,
    }
    return register(version_files(proven), said, f"{why} {exchange}".strip(), is_signed)


def not_as_recorded() -> list[str]:
    """Return a sentence for each thing by which the last run is not what DVC and git recorded."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8")
    if ended.returncode:
        raise UserError(f"`dvc status` refused: {' '.join(ended.stderr.split())}")
    changed = differing(json.loads(ended.stdout or "{}"))
    above = git("rev-parse", "--show-prefix").rstrip("\n")  # git names files as seen from the root
    listed = git("status", "--porcelain", "--untracked-files=no", "--", *DESCRIBE).splitlines()
    return [
        *(f"{what}; a model is promoted as it was judged" for what in changed),
        *frozen(read_stages("dvc.yaml")),
        *(
            f"{line[3:].removeprefix(above)} is not committed, and the version's commit has to say "
            "what made it; commit the run first"
            for line in listed
        ),
    ]


def differing(status: dict[str, Any]) -> list[str]:
    """Return a sentence for each thing that `dvc status --json` found to differ from what DVC
    recorded.
    """
    stages: dict[str, list[str]] = {}
    for stage, changes in status.items():
        for change in changes:
            sides = list(change.values()) if isinstance(change, dict) else []
            for said in [
                one for side in sides for path, what in side.items() for one in _differs(path, what)
            ] or [str(change)]:
                stages.setdefault(said, []).append(stage)
    return [f"{said} since {', '.join(names)} ran" for said, names in stages.items()]


def _differs(path: str, what: str | dict[str, str]) -> list[str]:
    """Return in words how a file differs; of parameters DVC tells each that does."""
    return (
        [f"{path} is {what}"]
        if isinstance(what, str)
        else [f"{name} in {path} is {how}" for name, how in what.items()]
    )


def promote(
    version: str | None,
    why: str,
    is_signed: bool,
    uncompared: str | None = None,
    accepted: list[str] | None = None,
) -> str:
    """Make `version`, or the model of the last run, the champion, and return a line on it."""
    version = version or of_last_run(why, is_signed, uncompared, accepted or [])
    said = events()
    manifest = verified(version, said, is_signed)
    before = to_beat(said)
    if version == before:
        raise UserError(f"{version} is in service already")
    if problems := _objections(version, manifest, before):
        raise UserError("\n".join(problems))
    load_model(
        REGISTRY / version / "model.skops"
    )  # what cannot be loaded must not take another's place
    why = f"{why} {manifest.get('accepted', '')}".strip()
    assign(version, CHAMPION, why, is_signed)
    if before is not None:
        assign(before, RETIRED, f"{version} took its place: {why}", is_signed)
    return (
        f"{version} is in service"
        + (f", {before} is retired" if before else "")
        + f"; git has the tags: push them with {how_to_push()}"
        + (f"; {proposed}" if (proposed := unconfirmed(REGISTRY / version / "gates")) else "")
    )


def _objections(version: str, manifest: dict[str, Any], before: str | None) -> list[str]:
    """Return why a version may not serve: a proof is missing, or is of another champion or
    suite.
    """
    needed = EVALUATED if before is None else [*EVALUATED, COMPARISON_GATE]
    problems = missing_proof(manifest["verdicts"], needed)
    if before is not None and manifest.get("compared_with") != before:
        other = manifest.get("compared_with") or "no model"
        problems.append(
            f"{version} was held against {other}, and {before} is in service; `uv run sluice"
            " retrain` holds one against it, `uv run sluice rollback` goes back"
        )
    today = suites()
    return problems + [
        f"{path} is not the suite that {version} was judged by (SHA-256 differs, or it is gone); "
        "restore it from git, or judge anew"
        for path, digest in manifest["suites"].items()
        if today.get(path) != digest
    ]


def main(version: str | None, why: str, uncompared: str | None, accept: list[str]) -> None:
    """Promote, and say so; raises UserError, all reasons at once, where a proof is missing."""
    if not says_something(why):
        raise UserError("--why is empty: say why this model goes into service, the tag keeps it")
    identified()
    if version and accept:
        raise UserError(
            f"{version} was held against the champion when it was registered; --accept is for the"
            " model of the last run"
        )
    with alone():
        say(
            promote(
                version,
                why.strip(),
                load_params().registry.signed,
                uncompared,
                accept,
            )
        )
