"""A project of other data: the code of this one and nothing else of it, so that what a test
finds is the same in every project.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from sluice.audits.changes import PROFILE, profile
from sluice.core.params import Params
from sluice.core.tables import write_json
from sluice.scoping.propose import propose, write
from tests.engine.settings import copy_suites, settings, write_neutral_features
from tests.pipeline_run import Run, copy_project

OTHER = (
    "data/profile.json",
    "data/sources.yaml",
    "data/raw",
    "expectations",
    "params.yaml",
)  # of the project's own data
KINDS = {"object": "text", "str": "text", "int64": "integer", "float64": "number"}
TODAY = pd.Timestamp("2024-01-01")
RAW = "data/raw/rows.csv"
PARAMS = settings(
    data={"time": "day"},
    prepare={"split": {"by": "time", "test_from": 400, "test_size": 0.5}},
    train={"model": "logistic_regression", "decision_weights": "balanced_accuracy"},
)


def toys() -> pd.DataFrame:
    """Return 1200 rows, two a day: one of six is rare, which size tells, weight and colour a
    little.
    """
    rng = np.random.default_rng(0)
    is_rare = rng.random(1200) < 1 / 6
    return pd.DataFrame(
        {
            "day": np.arange(1200) // 2,
            "size": np.round(2 * is_rare + rng.normal(size=1200), 3),
            "weight": np.round(is_rare + rng.normal(size=1200), 3),
            "colour": np.where(rng.random(1200) < 0.3 + 0.3 * is_rare, "red", "blue"),
            "label": np.where(is_rare, "rare", "common"),
        }
    )


def project_of(rows: pd.DataFrame, params: Params, folder: Path) -> Run:
    """Return a project in `folder` for `rows`, with the suites that are proposed for them,
    confirmed; nothing has run yet.
    """
    run = copy_project(folder, without=OTHER)
    (folder / RAW).parent.mkdir(parents=True)
    rows.to_csv(folder / RAW, index=False)
    columns = {name: KINDS[str(kind)] for name, kind in rows.dtypes.items()}
    source = {"path": RAW, "format": "csv", "missing": [""], "key": [], "columns": columns}
    (folder / "data/sources.yaml").write_text(
        yaml.safe_dump({"sources": {"rows": source}}, sort_keys=False), encoding="utf-8"
    )
    (folder / "params.yaml").write_text(
        yaml.safe_dump(params.model_dump(), sort_keys=False), encoding="utf-8"
    )
    write_neutral_features(folder)
    copy_suites(folder / "expectations")
    prepared = rows.assign(__stage_row_id=[f"r{nth}" for nth in range(len(rows))])
    known = profile(prepared, params.data, TODAY, params.random_state)
    write_json(known | {"rows": len(rows)}, folder / PROFILE)
    proposed = propose(prepared, params.data, params.scope, len(rows))
    for name in proposed:
        (folder / "expectations" / f"{name}.json").unlink(missing_ok=True)
    write(
        json.loads(json.dumps(proposed).replace('"inferred"', '"confirmed"')),
        folder / "expectations",
    )
    return run
