"""List the gates of a run, by the stage that asks them, in order."""

from pathlib import Path

GATES = {
    "prepare": ["sources"],
    "validate": ["prepared", "classes", "changes", "leakage", "proxies", "label_bias"],
    "augment": ["augmented", "synthetic"],
    "train": ["candidates", "features"],
    "evaluate": ["by_class", "by_group", "slices", "test_set"],
}
REPORTS = Path("reports")
