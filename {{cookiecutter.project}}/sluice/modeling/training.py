"""Fit the model on the augmented rows; whatever is chosen is chosen by cross-validation on the
real training rows.
"""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import ClassifierMixin

import sluice
from sluice.core.params import Data, Params
from sluice.core.tables import AUGMENTED, TRAIN, read_table, write_table
from sluice.data.dataset import Dataset
from sluice.gates.gate import gate, stop
from sluice.modeling.candidates import OutOfFold, compare
from sluice.modeling.fitting import (
    PLAIN,
    CandidateSpec,
    fit_candidate,
    without,
)
from sluice.modeling.model import BASELINE, MODEL, Model, save_model, sha256
from sluice.modeling.selection import Selection


def judged(selection: Selection, importance: pd.DataFrame) -> None:
    """Write the tables of candidates and features, and stop where a gate blocks."""
    candidates = compare(selection.model, selection.rivals, selection.judge)
    tables = {"candidates": candidates, "features": importance}
    for name, table in tables.items():
        write_table(table, f"reports/{name}.csv")
    stop(
        [
            gate(table, f"expectations/{name}.json", f"reports/gates/{name}.json")
            for name, table in tables.items()
        ]
    )


def model_of(estimator: ClassifierMixin, chosen: OutOfFold, X: pd.DataFrame, data: Data) -> Model:
    """Return the fitted `estimator` for features like `X`, with what was chosen out of fold."""
    columns = {column: str(dtype) for column, dtype in X.dtypes.items()}
    classes = [str(label) for label in estimator.classes_]
    chosen_with = (chosen.calibration, chosen.decision_weights)
    return Model(estimator, classes, columns, *chosen_with, data=data)


def provenance(spec: CandidateSpec) -> dict[str, Any]:
    """Return what a model was made of, for its card."""
    code = sorted(name for name in sys.modules if name.startswith(("sluice.", "stages.")))
    return {
        "model": spec.model,
        "engine": sluice.__version__,
        "settings": dict(spec.settings),
        "data_sha256": {path: sha256(path) for path in (TRAIN, AUGMENTED)},
        "code_sha256": {name: sha256(Path(str(sys.modules[name].__file__))) for name in code},
    }


def fit(selection: Selection, data: Dataset, dropped: list[str], params: Params) -> None:
    """Fit the chosen candidate on the augmented rows and the baseline on the real ones, and save
    both.
    """
    spec = selection.spec
    fitted = fit_candidate(spec, *without(dropped, read_table(AUGMENTED), params))
    plain = fitted if spec.fits_like(PLAIN) else fit_candidate(PLAIN, data.rows, params)
    model = model_of(fitted, selection.model, data.X.drop(columns=dropped), params.data)
    save_model(model, MODEL, provenance(spec))
    baseline = model_of(plain, selection.baseline, data.X, params.data)
    save_model(baseline, BASELINE, provenance(PLAIN))
