"""What was proven of a model before it may go into service: the reports of the gates, and by
which suites they judged.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sluice.core.command import UserError
from sluice.gates.names import GATES
from sluice.modeling.model import sha256

EVALUATED = [name for names in GATES.values() for name in names]
VERSION_PARTS = {  # of a version, beside the reports of its gates: where a run leaves them
    "model.skops": "models/model.skops",
    "model.json": "models/model.json",
    "reference.json": "models/reference.json",
    "features.csv": "reports/features.csv",
    "metrics.json": "reports/metrics.json",
    "prepared.json": "expectations/prepared.json",
}
COMPARISON_GATE = "challenger"  # the gate that holds a model against the one in service


def verdicts(gates: Path) -> dict[str, dict[str, Any]]:
    """Return what each report in the folder `gates` said, whether it blocks, and its SHA-256;
    raises UserError for one that is broken.
    """
    found = {}
    for path in sorted(gates.glob("*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            found[path.stem] = {
                "verdict": report["verdict"],
                "blocks": report["blocks"],
                "sha256": sha256(path),
            }
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{path.as_posix()} is not what a gate writes; run `make repro`, which writes it"
                " anew"
            ) from None
    return found


def missing_proof(proven: dict[str, dict[str, Any]], needed: Iterable[str]) -> list[str]:
    """Return a sentence for each gate of `needed` that did not judge, or that blocks."""
    problems = []
    for name in needed:
        if name not in proven:
            problems.append(
                f"the gate {name} did not judge this model, and nothing passes a gate that is"
                " unproven; run `make repro`"
            )
        elif proven[name]["blocks"]:
            problems.append(
                f"the gate {name} stopped this model ({proven[name]['verdict']}): it neither serves"
                " nor is promoted"
            )
    return problems


def suites() -> dict[str, str]:
    """Return the SHA-256 of every suite."""
    return {path.as_posix(): sha256(path) for path in sorted(Path("expectations").glob("*.json"))}
