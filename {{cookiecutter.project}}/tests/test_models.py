"""Each model of stages/models.py learns from the project's rows, and is the same once it was
saved.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from sluice.core.params import Params
from sluice.core.schema import load
from sluice.core.tables import TEST, TRAIN
from sluice.data.dataset import Dataset
from sluice.modeling.model import Model, load_model, save_model
from sluice.modeling.models import build_model, model_names
from stages.models import SEARCH_SPACES
from tests.pipeline_run import PROJECT

LARGEST = 300  # rows of a class: enough to learn something, few enough to fit in seconds
EVERY_MODEL = pytest.mark.parametrize("name", model_names())


@pytest.fixture(scope="module")
def parts(table) -> list[Dataset]:
    """Training rows and test rows, of each at most LARGEST of a class."""
    data = load(PROJECT / "params.yaml", Params).data
    mixed = [table(name).sample(frac=1, random_state=0) for name in (TRAIN, TEST)]
    return [Dataset.of(rows.groupby(data.target).head(LARGEST), data) for rows in mixed]


@pytest.fixture(scope="module")
def fitted(parts):
    """A function that returns the model of a name, fitted once."""
    models: dict[str, Model] = {}

    def fit(name: str) -> Model:
        if name not in models:
            X, y = parts[0].X, parts[0].y
            with threadpool_limits(1):
                estimator = build_model(name, X, 0).fit(X, y)
            columns = {column: str(dtype) for column, dtype in X.dtypes.items()}
            models[name] = Model(
                estimator, [str(one) for one in estimator.classes_], columns, {}, {}
            )
        return models[name]

    return fit


@EVERY_MODEL
def test_model_tells_classes_apart_better_than_the_majority_class(name, fitted, parts):
    model, test = fitted(name), parts[1]
    y_score = model.predict_proba(test.X)
    aucs = [
        roc_auc_score(test.y == label, y_score[:, nth])
        for nth, label in enumerate(model.classes)
        if (test.y == label).any()
    ]
    assert np.mean(aucs) > 0.5, (
        "the same probability for each row, as of the majority class, has 0.5"
    )


@EVERY_MODEL
def test_saved_model_gives_the_same_probabilities(name, fitted, parts, tmp_path):
    X = parts[1].X.head(100)
    save_model(fitted(name), tmp_path / "model.skops", {})
    loaded = load_model(tmp_path / "model.skops")
    assert_array_equal(loaded.predict_proba(X), fitted(name).predict_proba(X))


def test_each_search_space_is_that_of_a_model():
    assert set(SEARCH_SPACES) <= set(model_names())
