"""Hold challengers against the model in service, on rows that none of them was fitted on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sluice.core.command import UserError
from sluice.core.params import Data, Params
from sluice.core.private import show
from sluice.data.groups import groups
from sluice.data.roles import clusters, features
from sluice.metrics.bootstrap import effective_sample_size, mean_intervals
from sluice.metrics.decision import objective_score
from sluice.metrics.intervals import newcombe_paired, paired_lead
from sluice.modeling.model import Model
from sluice.monitoring.batch import EXAMPLES

ALL = "all"
CHAMPION = "champion"
CANDIDATE_COLUMNS = [
    "candidate",
    "chosen",
    "objective",
    "score",
    "lead",
    "lead_low",
    "lead_high",
    "brier",
    "brier_lead",
    "proven_rise",
    "fitted_on",
    "why",
]
CHALLENGER_COLUMNS = [
    "column",
    "group",
    "class",
    "status",
    "support",
    "champion",
    "challenger",
    "difference",
    "low",
    "high",
    "proven_fall",
    "accepted",
]


@dataclass(frozen=True)
class Candidate:
    """A challenger, or why there is none: what it decides on the cohort, and how many rows it
    was `fitted_on`.
    """

    name: str
    fitted_on: int = 0
    model: Model | None = None
    why: str = ""


def check_classes(cohort: pd.Series, pool: pd.Series, champion: list[str]) -> None:
    """Raise UserError unless `cohort` and `pool`, (n_samples,) labels, have the same classes,
    and those of the champion among them.
    """
    lacking, strange = sorted({*pool, *champion} - set(cohort)), sorted(set(cohort) - set(pool))
    problems = [
        f"no row of the newest cohort is {label!r}, so that nobody knows how often it is found now"
        for label in lacking
    ]
    if strange:
        show("labels", strange[:EXAMPLES])
        n = int(cohort.isin(strange).sum())
        problems.append(
            f"the newest cohort has labels that no row to fit on has (labels: {len(strange)}, rows:"
            f" {n:,})"
        )
    if problems:
        raise UserError("; ".join(problems) + ": wait for more labels, or name more files")


def challengers(
    champion: Model, candidates: list[Candidate], cohort: pd.DataFrame, params: Params
) -> tuple[pd.DataFrame, Candidate | None]:
    """Return one row for the champion and each candidate on the rows of `cohort`, and the candidate
    with the best score, the challenger.

    `score` is the objective of decisions, `lead` what a candidate has over the champion in it, with
    one-sided 95 % bounds for all candidates together (Bonferroni; see `paired_lead`). `brier_lead`
    is the champion's Brier score less the candidate's, and `proven_rise` what it rose by, as a
    share of the champion's, where that is beyond chance (one-sided 95 %, a paired bootstrap over
    clusters), else 0. A candidate that was not made has no metrics, bounds of -1 and 1, and `why`.
    """
    made = [one for one in candidates if one.model is not None]
    objective = params.train.decision_weights
    first = Candidate(CHAMPION, model=champion, why="the model in service")
    y_score = [
        one.model.predict_proba(seen(one.model, cohort, params.data))  # type: ignore[union-attr, arg-type]
        for one in [first, *made]
    ]
    leads = _leads([first, *made], y_score, cohort, params)
    best = max(made, key=lambda one: leads[one.name]["score"], default=None)
    unknown = {"lead_low": -1.0, "lead_high": 1.0, "proven_rise": 0.0}
    rows = [
        {
            "candidate": one.name,
            "chosen": "yes" if one is best else "no",
            "objective": "accuracy" if objective == "none" else objective,
            "fitted_on": one.fitted_on,
            "why": one.why or ("the best score" if one is best else "another scored better"),
            **leads.get(one.name, unknown),
        }
        for one in [first, *candidates]
    ]
    return pd.DataFrame(rows, columns=CANDIDATE_COLUMNS), best


def _leads(
    made: list[Candidate], y_score: list[np.ndarray], cohort: pd.DataFrame, params: Params
) -> dict[str, dict[str, float]]:
    """Return what each candidate has over the first, the champion, by their names.

    y_score: (n_samples, n_classes) probabilities of each.
    """
    y, together = cohort[params.data.target], clusters(cohort, params.data.cluster)
    objective, random_state = params.train.decision_weights, params.random_state
    models = [one.model for one in made if one.model is not None]
    y_pred = [model.decide(p) for model, p in zip(models, y_score, strict=True)]
    score = [objective_score(y, decided, objective) for decided in y_pred]
    squares = [_squares(y, p, one.classes) for one, p in zip(models, y_score, strict=True)]
    brier = [float(of_rows.mean()) for of_rows in squares]
    rises = np.column_stack([of_rows - squares[0] for of_rows in squares])
    is_worse = mean_intervals(rises, together, random_state)[0] > 0
    level = 1 - 0.05 / max(1, len(made) - 1)
    leads = {}
    for nth, one in enumerate(made):
        low, high = paired_lead(y, y_pred[nth], y_pred[0], objective, random_state, together, level)
        leads[one.name] = {
            "score": score[nth],
            "lead": score[nth] - score[0],
            "lead_low": low,
            "lead_high": high,
            "brier": brier[nth],
            "brier_lead": brier[0] - brier[nth],
            "proven_rise": brier[nth] / brier[0] - 1 if is_worse[nth] else 0.0,
        }
    return leads


def seen(model: Model, rows: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return the features of `rows` by the roles that `model` was trained with, those of `data`
    where it does not say.
    """
    return features(rows, model.data or data)


def _squares(y: pd.Series, y_score: np.ndarray, known: list[str]) -> np.ndarray:
    """Return what each row adds to the Brier score of probabilities of the `known` classes; any
    other has the probability 0.
    """
    every = sorted({*known, *y})
    full = pd.DataFrame(y_score, columns=known).reindex(columns=every, fill_value=0.0).to_numpy()
    return ((full - (y.to_numpy()[:, None] == np.array(every, dtype=object))) ** 2).sum(axis=1) / (
        2 if len(every) == 2 else 1
    )


def non_inferiority(
    cohort: pd.DataFrame,
    champion: tuple[list[str], np.ndarray],
    challenger: tuple[list[str], np.ndarray],
    known: pd.DataFrame,
    data: Data,
    level: float,
) -> pd.DataFrame:
    """Return one row per class, on all rows of `cohort` and on those of each group of each
    sensitive column: both recalls.

    champion, challenger: the classes that each knows, and (n_samples,) decisions. `known`: rows
    whose groups have to be there, too. `difference` is the challenger's recall less the champion's,
    with one-sided bounds that hold with `level` each: Newcombe's for pairs, clusters worth as many
    rows as they tell of the difference (see `effective_sample_size`). `proven_fall` is the fall
    where the bounds exclude 0, else 0. `status` of a class: kept, new (the champion does not know it), gone
    (the challenger does not, or no row is of it). A group of fewer rows has a wider interval; one
    without any has bounds of -1 and 1. `accepted`: see `accept`; here "no".
    """
    y = cohort[data.target].to_numpy(dtype=object)
    codes = pd.factorize(clusters(cohort, data.cluster))[0]
    old, new = (y == decided for _, decided in (champion, challenger))
    status = {
        label: "gone"
        if label not in challenger[0] or label not in y
        else "kept"
        if label in champion[0]
        else "new"
        for label in sorted({*champion[0], *challenger[0], *y})
    }
    rows = []
    for column, group, mine in _parts(cohort, known, data):
        for label, what in status.items():
            rows_of = mine & (y == label)
            row = {"column": column, "group": group, "class": label, "status": what}
            row["support"] = int(rows_of.sum())
            rows.append(row | _difference(old[rows_of], new[rows_of], codes[rows_of], level))
    return pd.DataFrame(rows, columns=CHALLENGER_COLUMNS).assign(accepted="no")


def _parts(
    cohort: pd.DataFrame, known: pd.DataFrame, data: Data
) -> list[tuple[str, str, np.ndarray]]:
    """Return all rows of `cohort`, and those of each group of each sensitive column, also of one
    that only `known` has.
    """
    parts = [(ALL, ALL, np.ones(len(cohort), dtype=bool))]
    for column in data.sensitive:
        of, before = (
            groups(rows[column], data.cut_points.get(column)).to_numpy(dtype=object)
            for rows in (cohort, known)
        )
        parts += [(column, group, of == group) for group in sorted({*of, *before})]
    return parts


def accept(table: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Return `table`, one of `non_inferiority`, with `accepted` yes for `classes`: a person means
    them to be found less often.

    Raises UserError for a class that the table does not have.
    """
    known = list(table["class"].unique())
    if strange := [label for label in classes if label not in known]:
        raise UserError(
            f"--accept names {', '.join(strange)}, which is no class; there are {', '.join(known)}"
        )
    return table.assign(accepted=table["class"].isin(classes).map({True: "yes", False: "no"}))


def exchanged(table: pd.DataFrame) -> str:
    """Return in words how often each accepted class of `table` is found, on all rows, and was;
    nothing where none is accepted.
    """
    taken = table[(table["accepted"] == "yes") & (table["column"] == ALL)]
    # a class is called as the data call it, and a line of its own in a tag would mean something
    rates = [
        f"{' '.join(row['class'].split())} in {row['challenger']:.3f} of its rows instead of"
        f" {row['champion']:.3f}"
        for row in taken.to_dict("records")
    ]
    return f"(accepted: finds {', '.join(rates)})" if rates else ""


def _difference(
    champion: np.ndarray, challenger: np.ndarray, codes: np.ndarray, level: float
) -> dict[str, float | None]:
    """Return both shares of hits and what the second has over the first."""
    n = len(champion)
    if not n:
        return {"low": -1.0, "high": 1.0, "proven_fall": 0.0}
    difference = float(challenger.mean() - champion.mean())
    worth = (
        effective_sample_size(
            challenger.astype("float64") - champion, np.unique(codes, return_inverse=True)[1], level
        )
        / n
    )
    cells = [
        (challenger & champion).sum(),
        (challenger & ~champion).sum(),
        (~challenger & champion).sum(),
    ]
    both, first, second = (float(cell) * worth for cell in cells)
    low, high = newcombe_paired(
        both, first, second, n * worth - both - first - second, 2 * level - 1
    )
    return {
        "champion": float(champion.mean()),
        "challenger": float(challenger.mean()),
        "difference": difference,
        "low": low,
        "high": high,
        "proven_fall": -difference if high < 0 else 0.0,
    }
