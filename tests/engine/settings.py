"""Settings of tests: a params.yaml that a test may change, and suites for any data."""

import shutil
from pathlib import Path

from sluice.core.params import Data, Params
from sluice.core.schema import check
from tests.pipeline_run import PROJECT

NEUTRAL = "def add_features(rows):\n    return rows\n"
SUITES = PROJECT / "expectations"
OF_ANY_DATA = [  # suites that hold whatever the data are
    "candidates",
    "challenger",
    "challengers",
    "changes",
    "compared",
    "drift",
    "features",
    "model_age",
    "performance",
    "windows",
]


SETTINGS = {  # a params.yaml that a test may change
    "random_state": 0,
    "data": {
        "target": "label",
        "time": None,
        "cluster": [],
        "sensitive": [],
        "allowed": {},
        "cut_points": {},
        "favourable": None,
        "forbidden": {},
    },
    "scope": {
        "metric": "balanced_accuracy",
        "recall_floor": 0.5,
        "recall_floors": {},
        "largest_gap": 0.1,
    },
    "prepare": {"split": {"by": "random", "test_from": None, "test_size": 0.5}},
    "augment": {"strategy": "none", "floor_share": 0.2, "k_neighbors": 5, "smote_max_rows": 10},
    "evaluate": {"slices": [], "costs": {}, "refer_below": None},
    "monitor": {"label_delay": None},
    "retrain": {
        "candidates": ["all", "recent", "weighted", "warm"],
        "recent": 0.5,
        "half_life": None,
        "warm_iterations": 50,
    },
    "registry": {"signed": False},
    "train": {
        "model": "any",
        "sample_weight": "none",
        "half_life": None,
        "decision_weights": "none",
        "calibration": "none",
        "search": 0,
        "select": False,
        "mitigation": "none",
        "folds": 2,
        "threads": 1,
    },
}


WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}
ROWS = {  # the columns that name a row of each judged table
    "sources": ["source"],
    "classes": ["class"],
    "changes": ["check", "column"],
    "leakage": ["check", "column"],
    "synthetic": ["check", "column"],
    "proxies": ["column"],
    "label_bias": ["column", "group", "class"],
    "candidates": ["candidate"],
    "features": ["feature"],
    "by_class": ["class"],
    "by_group": ["column", "group", "against", "class", "rate"],
    "slices": ["slice", "value", "class"],
    "test_set": ["test_sha256"],
}


def settings(**sections: dict) -> Params:
    """Return SETTINGS with what `sections` changes in each of theirs."""
    return check(
        "params.yaml",
        Params,
        {
            key: value | sections.get(key, {}) if isinstance(value, dict) else value
            for key, value in SETTINGS.items()
        },
    )


def roles(**given: object) -> Data:
    """Return the section data of SETTINGS with what is given."""
    return settings(data=given).data


def copy_suites(folder: str | Path) -> None:
    """Copy the suites OF_ANY_DATA to a new `folder`."""
    Path(folder).mkdir(parents=True)
    for name in OF_ANY_DATA:
        shutil.copy(SUITES / f"{name}.json", folder)


def write_neutral_features(folder: Path) -> None:
    """Write a stages/features.py to the project in `folder` that derives no column."""
    (folder / "stages" / "features.py").write_text(NEUTRAL, encoding="utf-8")


def copy_stages(folder: Path) -> None:
    """Copy the stages to the project in `folder`, without derived columns."""
    shutil.copytree(PROJECT / "stages", folder / "stages", dirs_exist_ok=True)
    write_neutral_features(folder)
