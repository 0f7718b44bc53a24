"""Fit the model on the augmented rows; whatever is chosen is chosen by cross-validation on the
real training rows.
"""

from threadpoolctl import threadpool_limits

from sluice.core.command import run
from sluice.core.params import load_params
from sluice.core.tables import TRAIN, read_table
from sluice.data.dataset import Dataset
from sluice.modeling.fitting import feature_importances
from sluice.modeling.importance import important_features
from sluice.modeling.models import build_model
from sluice.modeling.selection import choose_candidate
from sluice.modeling.training import fit, judged


def main() -> None:
    """Choose on folds, gate the comparison, then fit on all rows and save."""
    params = load_params()
    data = Dataset.of(read_table(TRAIN), params.data)
    build_model(params.train.model, data.X, params.random_state)  # refuses a misspelt name
    with threadpool_limits(params.train.threads):
        importance = feature_importances(data.rows, params)
        important = important_features(importance)
        selection = choose_candidate(data, params, important)
        judged(selection, importance)
        selects = selection.spec.sees == "important"
        dropped = [one for one in data.X if selects and one not in important]
        fit(selection, data, dropped, params)


if __name__ == "__main__":
    run(main)
