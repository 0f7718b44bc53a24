"""The ladder in real runs of DVC, on data where only repeated rows help the rare class."""

import numpy as np
import pandas as pd

from stages.during.model import MODEL
from stages.during.remedy import REMEDY, read_remedy
from stages.params import ORIGIN
from stages.tables import AUGMENTED
from tests.pipeline_run import settings
from tests.toys import project_of

PARAMS = settings(
    train={
        "model": "logistic_regression",
        "decision_weights": "balanced_accuracy",
        "ladder": True,
        "folds": 3,
    },
    augment={"floor_share": 0.5},
)


def coded() -> pd.DataFrame:
    """Return 1200 rows of a, 1200 of b, 120 of a rare class, which has codes that each occur about ten times.

    Logistic regression throws categories of fewer than ten rows together: in half of the rows it sees the codes of the rare class
    only where its rows are repeated. A weight makes no code more frequent.
    """
    rng = np.random.default_rng(0)
    label = np.repeat(["a", "b", "rare"], [1200, 1200, 120])
    size = rng.normal(size=len(label)) + np.select([label == "a", label == "b"], [-2, 2], 0)
    of_rare = np.char.add("c", (20 * rng.integers(0, 10, len(label))).astype(str))
    of_any = np.where(
        rng.random(len(label)) < 0.7,
        "common",
        np.char.add("c", rng.integers(0, 200, len(label)).astype(str)),
    )
    return pd.DataFrame(
        {"size": size, "code": np.where(label == "rare", of_rare, of_any), "label": label}
    )


def test_the_ladder_takes_two_runs(tmp_path):
    run = project_of(coded(), PARAMS, tmp_path / "project")
    first = run.repro()
    assert first.returncode != 0, first.stdout
    assert (
        "the ladder chose oversampling, for which other rows are needed: run `dvc repro` once more"
        in first.stdout
    )
    assert "Traceback" not in first.stdout
    assert read_remedy(run.folder / REMEDY) == "oversampling"
    assert set(run.table(AUGMENTED)[ORIGIN]) == {"real"}
    assert not (run.folder / MODEL).exists()

    second = run.repro()
    assert second.returncode == 0, run.stopped_by() or second.stdout
    assert read_remedy(run.folder / REMEDY) == "oversampling"
    assert set(run.table(AUGMENTED)[ORIGIN]) == {"real", "repeated"}
    why = run.table("reports/candidates.csv").set_index("candidate")["why"]
    assert why["model"].startswith("taken: a gain is proven over decision_weights")
    assert why["decision_weights"].startswith("not taken: oversampling gains over decision_weights")

    third = run.repro()
    assert third.returncode == 0, third.stdout
    assert "Running stage" not in third.stdout
