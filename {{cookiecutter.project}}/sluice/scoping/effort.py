"""What more rows would bring and what training costs: a learning curve on samples of the
training rows, and its extrapolation.
"""

import sys
import time
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

from sluice.core.params import Params
from sluice.core.params import Scope as Criteria
from sluice.data.roles import clusters, features
from sluice.data.split import kfold, strata
from sluice.metrics.decision import decide
from sluice.metrics.intervals import confusion_metric
from sluice.modeling.models import build_model
from sluice.scoping.finding import Finding, finding

FOLDS = 3
MAX_EFFORT_ROWS, MAX_WORK = (
    4_500,
    1_500_000,
)  # of the largest sample: rows, and rows x features x classes
CURVE_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of a fold's training rows
MIN_CURVE_ROWS = 40
DRAWS = 1000
EXPONENTS = np.linspace(0.1, 1.5, 15)
GAIN = 0.02  # less is no reason to collect rows
AIMS = {"accuracy": "none", "balanced_accuracy": "balanced_accuracy", "macro_f1": "macro_f1"}


@dataclass(frozen=True)
class Curve:
    """Scores of `model` on held-out rows by the number of rows that it was fitted on.

    confusions: (n_sizes, n_folds, n_classes, n_classes) counts, true classes in rows, decided with
    weights of the inverse class shares unless params.yaml decides by the greatest probability.
    Classes in fewer than FOLDS clusters are `left_out`. seconds: CPU time of a fit by size; it
    differs from run to run, all else does not.
    """

    model: str
    classes: list[str]
    sizes: list[int]
    confusions: np.ndarray
    left_out: list[str]
    seconds: list[float]

    def figures(self, metric: str) -> dict[str, np.ndarray]:
        """Return (n_sizes,) values of the metric and of each class's recall."""
        return _figures(self.confusions.sum(axis=1), self.classes, metric)

    def found(self, support: float) -> dict[str, tuple[int, int]]:
        """Return of each class with `support` held-out rows or more how many of them were found
        on the largest sample, and all of them.
        """
        last = self.confusions[-1].sum(axis=0)
        counts = {
            label: (int(last[nth, nth]), int(last[nth].sum()))
            for nth, label in enumerate(self.classes)
        }
        return {label: (hits, n) for label, (hits, n) in counts.items() if n >= support}

    def recalls(self, support: float) -> dict[str, float]:
        """Return the recall of each class that `found` counts."""
        return {label: hits / n for label, (hits, n) in self.found(support).items()}


@dataclass(frozen=True)
class Gain:
    """What twice the rows would add to one figure, with a two-sided 90 % interval; `now` is its
    value on the largest sample.
    """

    now: float
    at_all: float
    gain: float
    low: float
    high: float


def _figures(confusions: np.ndarray, classes: list[str], metric: str) -> dict[str, np.ndarray]:
    recalls = np.einsum("dkk->dk", confusions) / np.maximum(confusions.sum(axis=2), 1)
    return {metric: confusion_metric(confusions, AIMS[metric])} | {
        f"recall of {label}": recalls[:, nth] for nth, label in enumerate(classes)
    }


def learn(rows: pd.DataFrame, params: Params) -> Curve | None:
    """Return the learning curve on `rows`, or None where fewer than two classes stand in FOLDS
    clusters or no feature varies.

    Clusters stay whole, and the smaller samples are parts of the larger. More rows than the limits
    above are cut off, so give them in an order of chance.
    """
    y, ids, X = (
        rows[params.data.target],
        clusters(rows, params.data.cluster),
        features(rows, params.data),
    )
    n_clusters = ids.groupby(y).nunique()
    enough = sorted(n_clusters.index[n_clusters >= FOLDS])
    left_out = sorted(set(y) - set(enough))
    if len(enough) < 2 or (X.nunique(dropna=False) < 2).all():
        return None
    most = min(MAX_EFFORT_ROWS, max(int(MAX_WORK / (X.shape[1] * len(enough))), 500))
    kept = _first(y, ids, y.isin(enough), most)
    X, y, ids = (one[kept].reset_index(drop=True) for one in (X, y, ids))
    least = MIN_CURVE_ROWS * len(enough) * FOLDS / (FOLDS - 1)
    steps = [share for share in CURVE_SHARES if share == 1 or share * len(y) >= least]
    confusions = np.zeros((len(steps), FOLDS, len(enough), len(enough)), dtype=int)
    seconds, sizes = np.zeros(len(steps)), np.zeros(len(steps))
    fits = product(enumerate(kfold(y, ids, FOLDS, params.random_state)), enumerate(steps))
    progress = {"total": FOLDS * len(steps), "disable": not sys.stderr.isatty()}
    for (fold, (is_training, is_scored)), (nth, share) in tqdm(
        fits, desc="scope: learning curve", **progress
    ):
        part = is_training & _part(y, ids, is_training, share, params.random_state)
        y_pred, spent = _try(X, y, part, is_scored, enough, params)
        confusions[nth, fold] = confusion_matrix(y[is_scored], y_pred, labels=enough)
        seconds[nth] += spent / FOLDS
        sizes[nth] += part.sum() / FOLDS
    rounded = [round(size) for size in sizes]
    return Curve(params.train.model, enough, rounded, confusions, left_out, seconds.tolist())


def _first(y: pd.Series, ids: pd.Series, allowed: pd.Series, most: int) -> np.ndarray:
    """Return a mask of about `most` allowed rows: whole clusters, in the order in which they
    come, FOLDS of each class at least.
    """
    nth = pd.Series(pd.factorize(ids.where(allowed))[0], index=ids.index)  # -1: not allowed
    upto = np.bincount(nth[nth >= 0]).cumsum()
    chosen = set(range(max(int(np.searchsorted(upto, most, side="right")), 1)))
    for _label, mine in nth[allowed].groupby(y[allowed]):
        chosen |= set(mine.drop_duplicates().head(FOLDS))
    return nth.isin(chosen).to_numpy()


def _part(
    y: pd.Series, ids: pd.Series, is_training: pd.Series, share: float, random_state: int
) -> pd.Series:
    """Return a mask of the training rows of a stratified share of the clusters, at least one of
    each stratum.
    """
    by = strata(y[is_training], ids[is_training], 2)
    chosen = (
        by.sample(frac=1, random_state=random_state)
        .groupby(by, sort=True)
        .apply(lambda one: one.iloc[: int(np.ceil(share * len(one)))])
    )
    return ids.isin(chosen.index.get_level_values(-1))


def _try(
    X: pd.DataFrame,
    y: pd.Series,
    part: pd.Series,
    is_scored: pd.Series,
    classes: list[str],
    params: Params,
) -> tuple[np.ndarray, float]:
    """Return the decisions of a model fitted on `part` for the rows to score, and the CPU
    seconds that the fit took.
    """
    model = build_model(params.train.model, X[part], params.random_state)
    with parallel_config(backend="threading", n_jobs=params.train.threads):
        began = time.process_time()
        model.fit(X[part], y[part])
        spent = time.process_time() - began
    y_score = (
        pd.DataFrame(model.predict_proba(X[is_scored]), columns=model.classes_)
        .reindex(columns=classes, fill_value=0.0)
        .to_numpy()
    )
    shares = y[part].value_counts(normalize=True)
    even = params.train.decision_weights == "none"
    weights = {label: 1.0 if even else 1 / shares.get(label, 1.0) for label in classes}
    return decide(y_score, classes, weights), spent


def extrapolate(sizes: list[int], values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return (n_draws, len(at)) values at the sizes `at` of curves a - b * n ** -c, fitted by least
    squares to each row of `values`.

    values: (n_draws, n_sizes), shares in 0 to 1. c is the best of EXPONENTS; fewer than three sizes
    give the last value. Source of the law: Hestness et al. (2017), arXiv 1712.00409.
    """
    if len(sizes) < 3:
        return np.repeat(values[:, -1:], len(at), axis=1)
    best = np.full(len(values), np.inf)
    predicted = np.zeros((len(values), len(at)))
    base = values.mean(axis=1)[:, None]
    for exponent in EXPONENTS:
        x, x_at = (np.asarray(one, dtype=float) ** -exponent for one in (sizes, at))
        centred = x - x.mean()
        slope = (values @ centred / (centred @ centred))[:, None]
        error = ((values - base - slope * centred) ** 2).sum(axis=1)
        better = error < best
        best[better] = error[better]
        predicted[better] = base[better] + slope[better] * (x_at - x.mean())
    return predicted.clip(0, 1)


def gains(curve: Curve, n_train: int, metric: str, random_state: int) -> dict[str, Gain]:
    """Return for the metric and each class's recall what doubling `n_train` training rows would
    add.

    The interval is from DRAWS bootstrap draws of the held-out rows at each size, widened where
    folds differ by more than their rows explain, as they do where another draw of the training rows
    changes the model. No curve need go on as it began.
    """
    at = np.array([n_train, 2 * n_train])
    drawn = [
        _figures(draw, curve.classes, metric)
        for draw in _draws(curve.confusions.sum(axis=1), random_state)
    ]
    apart = [_figures(of_size, curve.classes, metric) for of_size in curve.confusions]
    found = {}
    for name, values in curve.figures(metric).items():
        now, twice = extrapolate(curve.sizes, values[None], at)[0]
        draws = np.stack([of_size[name] for of_size in drawn], axis=1)
        by_fold = np.stack([of_size[name] for of_size in apart])
        ends = extrapolate(curve.sizes, values + (draws - values) * _wider(by_fold, draws), at)
        low, high = np.quantile(ends[:, 1] - ends[:, 0], [0.05, 0.95])
        found[name] = Gain(
            float(values[-1]), float(now), float(twice - now), float(low), float(high)
        )
    return found


def _draws(confusions: np.ndarray, random_state: int) -> np.ndarray:
    """Return (n_sizes, DRAWS, n_classes, n_classes) tables: each draws as many rows of each true
    class as stand in `confusions`.
    """
    rng = np.random.default_rng(random_state)
    n = confusions.sum(axis=2)
    shares = confusions / np.maximum(n, 1)[:, :, None]
    return np.stack(
        [
            np.stack([rng.multinomial(*row, size=DRAWS) for row in zip(*one, strict=True)], axis=1)
            for one in zip(n, shares, strict=True)
        ]
    )


def _wider(by_fold: np.ndarray, draws: np.ndarray) -> float:
    """Return by how much the mean of folds varies beyond `draws`, as a ratio of standard
    deviations, 1 at least.

    by_fold: (n_sizes, n_folds), draws: (n_draws, n_sizes). The sizes are taken together: three
    folds alone tell little.
    """
    n_folds = by_fold.shape[1]
    chance = draws.var(axis=0).mean()
    if n_folds < 2 or chance == 0:
        return 1.0
    return float(np.sqrt(max(by_fold.var(axis=1, ddof=1).mean() / n_folds / chance, 1.0)))


def training_time(curve: Curve, n_train: int, folds: int) -> str:
    """Return how long the stage train will take on one core, as coarsely as it can be known: its
    `folds` + 1 fits, twice over.

    The power of the rows with which time grows is fitted to the largest samples, between 1 and 2.
    """
    sizes, seconds = np.array(curve.sizes, dtype=float), np.maximum(curve.seconds, 1e-3)
    power = 1.0
    if len(sizes) > 1:
        slope = np.polyfit(np.log(sizes[-3:]), np.log(seconds[-3:]), 1)[0]
        power = float(np.clip(slope, 1, 2))
    total = 2 * (folds + 1) * seconds[-1] * (n_train / sizes[-1]) ** power
    limits = {60: "a minute", 600: "ten minutes", 3600: "an hour", 36000: "ten hours"}
    below = [words for limit, words in limits.items() if total < limit]
    return f"under {below[0]}" if below else "over ten hours"


def effort_findings(
    gained: dict[str, Gain], criteria: Criteria, too_weak: list[str]
) -> list[Finding]:
    """Return for the metric, and each class that the model tried is too weak for, whether more rows
    would help.

    Of a class with few rows the curve tells nothing: a model that never names it has a recall of 0
    at all sizes.
    """
    found = []
    for name, gain in gained.items():
        if name != criteria.metric and name.removeprefix("recall of ") not in too_weak:
            continue
        if gain.high < GAIN:
            do = "more rows of this kind will not help: better features, or cleaner labels"
        elif gain.low > 0:
            do = "more rows would help: weigh that against their cost"
        else:
            do = "the gain cannot be told from zero: try better features first"
        found.append(finding("more_rows", name, **asdict(gain), name=name, do=do))
    return found


def time_gap(rows: pd.DataFrame, order: pd.Series, params: Params) -> tuple[float, float] | None:
    """Return the recall, mean of the classes, of logistic regression on the latest fifth of `rows`,
    and on a fifth drawn at random.

    None where some class is not in all four parts. A test by chance that is easier than the future
    shows as a gap.
    """
    y, X, n = rows[params.data.target], features(rows, params.data), len(rows)
    late = order.rank(method="first", pct=True) > 0.8
    shuffled = np.random.default_rng(params.random_state).permutation(n)
    drawn = pd.Series(shuffled >= 0.8 * n, index=rows.index)
    if any(set(y[part]) != set(y) for is_test in (late, drawn) for part in (is_test, ~is_test)):
        return None
    classes, settings = (
        sorted(set(y)),
        {"model": "logistic_regression", "decision_weights": "macro_f1"},
    )
    plain = params.model_copy(update={"train": params.train.model_copy(update=settings)})

    def recall(is_test: pd.Series) -> float:
        y_pred, _spent = _try(X, y, ~is_test, is_test, classes, plain)
        table = confusion_matrix(y[is_test], y_pred, labels=classes)
        return float((np.diag(table) / table.sum(axis=1)).mean())

    return recall(late), recall(drawn)
