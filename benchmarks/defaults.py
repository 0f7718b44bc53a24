"""Print the out-of-fold figures behind the defaults of params.yaml: `uv run python -m
benchmarks.defaults`, about 4 minutes.

Needs data/prepared/train.parquet, so run `dvc repro prepare` first. The test rows are not read.
"""

import sys
import time

from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    recall_score,
)
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sluice.core.params import Params, load_params
from sluice.core.tables import TRAIN, read_table
from sluice.data.dataset import Dataset
from sluice.modeling.candidates import tune_decision
from sluice.modeling.fitting import from_params, out_of_fold
from sluice.modeling.models import model_names

BASE = {
    "model": "vote",
    "strategy": "none",
    "sample_weight": "none",
    "calibration": "none",
    "decision_weights": "balanced_accuracy",
}
VARIANTS = [
    *({"model": model} for model in model_names()),
    *({"decision_weights": weights} for weights in ("none", "macro_f1")),
    *({"sample_weight": weights} for weights in ("sqrt_balanced", "balanced")),
    *({"strategy": strategy} for strategy in ("oversample", "smote")),
    {"calibration": "sigmoid"},
    {"strategy": "oversample", "calibration": "sigmoid"},
    {"sample_weight": "balanced", "calibration": "sigmoid"},
]
COLUMNS = "balanced accuracy | macro F1 | recall, rarest | average precision, rarest | Brier | log loss | CPU s"


def figures(recipe: dict[str, str], params: Params) -> str:
    """Return a row of the table: the recipe and its out-of-fold figures on the training rows."""
    augment = params.augment.model_copy(update={"strategy": recipe["strategy"]})
    train = params.train.model_copy(
        update={key: value for key, value in recipe.items() if key != "strategy"}
    )
    params = params.model_copy(update={"augment": augment, "train": train})
    rows = read_table(TRAIN)
    y, start = rows[params.data.target], time.process_time()
    scores, scored = out_of_fold(
        Dataset.of(rows, params.data), params, {"model": from_params(params)}
    )
    y = y[scored]
    chosen = tune_decision("model", y, scores["model"], train.calibration, train.decision_weights)
    seconds = time.process_time() - start
    rarest = y.value_counts().idxmin()
    nth = sorted(y.unique()).index(rarest)
    numbers = [
        f"{balanced_accuracy_score(y, chosen.y_pred):.3f}",
        f"{f1_score(y, chosen.y_pred, average='macro'):.3f}",
        f"{recall_score(y == rarest, chosen.y_pred == rarest):.3f}",
        f"{average_precision_score(y == rarest, chosen.y_score[:, nth]):.3f}",
        f"{brier_score_loss(y, chosen.y_score):.4f}",
        f"{log_loss(y, chosen.y_score):.4f}",
        f"{seconds:.1f}",
    ]
    return f"| {' | '.join([*recipe.values(), *numbers])} |"


def main() -> None:
    """Print the table in Markdown."""
    params = load_params()
    print(f"| model | augment | sample weight | calibration | decision weights | {COLUMNS} |")
    print("|" + "---|" * (len(BASE) + COLUMNS.count("|") + 1))
    with threadpool_limits(params.train.threads):
        for variant in tqdm(VARIANTS, disable=not sys.stderr.isatty()):
            print(figures(BASE | variant, params), flush=True)


if __name__ == "__main__":
    main()
