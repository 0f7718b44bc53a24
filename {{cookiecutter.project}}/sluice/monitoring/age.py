"""Measure how a model ages: fit on the past, score the future, and say after how long a fresh
one would be proven to be better.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sluice.core.command import UserError
from sluice.core.params import Params, load_params
from sluice.core.tables import TRAIN, read_table, write_table
from sluice.core.text import say
from sluice.data.roles import as_number, features
from sluice.gates.gate import gate, stop
from sluice.gates.suite import read_suite
from sluice.metrics.decision import decide
from sluice.metrics.intervals import DRAWS, confusion_metric
from sluice.modeling.fitting import CandidateSpec, fit_candidate

AGE_SUITE = "expectations/model_age.json"
AGES = "reports/model_age.csv"
AGE_BLOCKS = 8  # of rows in order of time, where the time column has more values


@dataclass(frozen=True)
class Block:
    """Rows that are next to one another in time: `middle` is their median time, `last` their
    latest, in days or in units of the column.
    """

    rows: pd.DataFrame
    middle: float
    last: float


def blocks(rows: pd.DataFrame, time: str) -> list[Block]:
    """Return the rows in up to AGE_BLOCKS blocks, in order of time; a value of the column, a year
    say, is never cut in two.

    Raises UserError where there are fewer than three: nothing could age.
    """
    at = as_number(rows[time])
    edges = (
        np.unique(np.quantile(at, np.linspace(0, 1, AGE_BLOCKS + 1)[1:-1], method="lower"))
        if at.nunique() > AGE_BLOCKS
        else np.unique(at)[:-1]
    )
    nth = np.searchsorted(edges, at, side="left")
    found = [
        Block(rows[nth == n], float(at[nth == n].median()), float(at[nth == n].max()))
        for n in np.unique(nth)
    ]
    if len(found) < 3:
        raise UserError(
            f"data.time is {time!r}, which parts the training rows in {len(found)} periods; a"
            " model's age needs three at least"
        )
    return found


def backtest(parts: list[Block], params: Params) -> dict[tuple[int, int], np.ndarray]:
    """Return the decisions for each block `scored` of a model fitted on all blocks up to `fitted`,
    by (fitted, scored).

    The model is params.train.model, decided by the inverse class shares of its training part unless
    the decision is not weighed.
    """
    target, decided = params.data.target, {}
    classes = sorted({label for part in parts for label in part.rows[target].unique()})
    origins = [n for n in range(len(parts) - 1) if parts[0].rows[target].nunique() > 1 or n > 0]
    for fitted in tqdm(origins, desc="age: fits on the past", disable=None):
        past = pd.concat([part.rows for part in parts[: fitted + 1]])
        if past[target].nunique() < 2:
            continue
        spec = CandidateSpec(
            params.train.model,
            sample_weight=params.train.sample_weight,
            reweigh=params.train.mitigation == "reweighing",
        )
        model = fit_candidate(spec, past, params)
        shares = past[target].value_counts(normalize=True)
        weights = {
            label: 1.0 if params.train.decision_weights == "none" else 1 / shares.get(label, 1.0)
            for label in classes
        }
        for scored in range(fitted + 1, len(parts)):
            y_score = pd.DataFrame(
                model.predict_proba(features(parts[scored].rows, params.data)),
                columns=model.classes_,
            )
            decided[fitted, scored] = decide(
                y_score.reindex(columns=classes, fill_value=0.0).to_numpy(), classes, weights
            )
    return decided


def ageing(
    parts: list[Block],
    decided: dict[tuple[int, int], np.ndarray],
    target: str,
    objective: str,
    random_state: int,
) -> pd.DataFrame:
    """Return one row per age: what a model fitted up to just before has over one so much older, on
    the same rows.

    `score` is that of the older, `fresh` that of the fresh one, in the objective of the decision,
    and `loss` is between them: means over all such blocks. `periods` counts blocks, `age`
    is the mean time from the older model's last row to the middle of the block it decides. loss_low
    and loss_high are one-sided 95 % bounds, Bonferroni-corrected for the number of ages, of a
    paired bootstrap over rows; `proven_loss` is the loss where loss_low is above 0.
    """
    steps = sorted({scored - fitted for fitted, scored in decided} - {1})
    rng = np.random.default_rng(random_state)
    rows = []
    for step in steps:
        pairs = [
            (old, scored)
            for old, scored in decided
            if scored - old == step and (scored - 1, scored) in decided
        ]
        lost = [
            _loss(
                parts[scored].rows[target],
                decided[scored - 1, scored],
                decided[old, scored],
                objective,
                rng,
            )
            for old, scored in pairs
        ]
        both = [(parts[old], parts[scored]) for old, scored in pairs]
        rows.append({"periods": step} | _aged(both, lost, 0.05 / len(steps)))
    return pd.DataFrame(rows)


def _aged(
    pairs: list[tuple[Block, Block]], lost: list[tuple[float, np.ndarray]], alpha: float
) -> dict[str, float]:
    """Return the row of one age: the last block of each older model, the one that it scores, and
    what it `lost` there (see `_loss`).
    """
    loss, *draws = np.mean([leads for _, leads in lost], axis=0)
    low, high = np.quantile(draws, [alpha, 1 - alpha])
    score = float(np.mean([score for score, _ in lost]))
    return {
        "age": float(np.mean([scored.middle - old.last for old, scored in pairs])),
        "blocks": len(pairs),
        "rows": sum(len(scored.rows) for _, scored in pairs),
        "score": score,
        "fresh": float(score + loss),
        "loss": float(loss),
        "loss_low": float(low),
        "loss_high": float(high),
        "proven_loss": max(float(loss), 0.0) if low > 0 else 0.0,
    }


def _loss(
    y_true: pd.Series, fresh: np.ndarray, old: np.ndarray, objective: str, rng: np.random.Generator
) -> tuple[float, np.ndarray]:
    """Return the objective of the decisions `old`, and (1 + DRAWS,) what `fresh` has over it: as it
    is, then drawn by bootstrap.
    """
    classes = sorted(set(y_true) | set(fresh) | set(old))
    k = len(classes)
    true, first, second = (
        pd.Categorical(labels, categories=classes).codes.astype(int)
        for labels in (y_true, fresh, old)
    )
    cells, counts = np.unique((true * k + first) * k + second, return_counts=True)
    draws = np.vstack([counts, rng.multinomial(len(y_true), counts / counts.sum(), size=DRAWS)])
    scores = []
    for decided in (cells // k % k, cells % k):
        confusion = np.zeros((len(draws), k * k))
        for cell, column in zip(cells // k**2 * k + decided, draws.T, strict=True):
            confusion[:, cell] += column
        present = np.unique(true)
        table = confusion.reshape(-1, k, k)
        scores.append(
            confusion_metric(table, objective)
            * (k / len(present) if objective == "balanced_accuracy" else 1)
        )
    return float(scores[1][0]), scores[0] - scores[1]


def longest_age(table: pd.DataFrame, most: float) -> float | None:
    """Return the greatest age before the first at which the proven loss is above `most`, 0 if
    that is the first; None if there is none.
    """
    worse = table["proven_loss"].to_numpy() > most
    if not worse.any():
        return None
    first = int(worse.argmax())
    return float(table["age"].iloc[first - 1]) if first else 0.0


def allowed_loss(suite: str = AGE_SUITE) -> float:
    """Return the loss that the suite of ages allows; raises UserError where it bounds none."""
    bounds = [
        e.raw["kwargs"].get("max_value")
        for e in read_suite(suite).expected
        if e.columns == ["proven_loss"]
    ]
    if not bounds or bounds[0] is None:
        raise UserError(
            f"{suite} bounds no proven_loss, so that no age is too great; give it a max_value"
        )
    return float(bounds[0])


def main() -> None:
    """Write the table of ages and hold it against its suite; raises UserError where the rows
    have no order in time.
    """
    params = load_params()
    if params.data.time is None:
        raise UserError(
            "data.time in params.yaml is null: without a time column nobody can say how a model"
            " ages; name one"
        )
    parts = blocks(read_table(TRAIN), params.data.time)
    with threadpool_limits(params.train.threads):
        decided = backtest(parts, params)
    objective = params.train.decision_weights
    table = ageing(parts, decided, params.data.target, objective, params.random_state)
    if table.empty:
        raise UserError(
            f"too few periods of {params.data.time!r} hold two classes, so that no two models can"
            " be compared; add rows"
        )
    write_table(table, AGES)
    verdict = gate(table, AGE_SUITE, "reports/gates/model_age.json")
    longest = longest_age(table, allowed_loss())
    unit = (
        "days"
        if is_datetime64_any_dtype(parts[0].rows[params.data.time])
        else f"units of {params.data.time}"
    )
    tried = f"{table['age'].max():.4g} {unit}"
    say(
        f"a model of {tried}, the oldest tried, is not proven to have aged"
        if longest is None
        else f"retrain after {longest:.4g} {unit}"
    )
    stop([verdict])
