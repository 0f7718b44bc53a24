"""List the gates of a run, by the stage that asks them, in order."""

import json
from pathlib import Path

GATES = {
    "prepare": ["sources"],
    "validate": ["prepared", "classes", "changes", "leakage", "proxies", "label_bias"],
    "augment": ["augmented", "synthetic"],
    "train": ["candidates", "features"],
    "evaluate": ["by_class", "by_group", "slices", "test_set"],
}
REPORTS = Path("reports")


def unconfirmed(folder: Path) -> str:
    """Return a sentence on how many bounds of the gates' reports in `folder` nobody confirmed;
    none where all are.
    """
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    bounds, confirmed = (sum(one.get(key, 0) for one in reports) for key in ("bounds", "confirmed"))
    if bounds == confirmed:
        return ""
    return (
        f"{confirmed:,} of {bounds:,} bounds are confirmed: a program proposed the others, and"
        " nobody has said that they are right; `uv run sluice confirm` shows them"
    )
