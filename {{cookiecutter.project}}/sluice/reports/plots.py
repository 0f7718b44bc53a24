"""Draw the plots of the evaluation as SVG, and write their points as CSV for `dvc plots`."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from sluice.core.tables import atomic_write, write_table
from sluice.core.text import svg
from sluice.fairness.gaps import ERRORS
from sluice.metrics.intervals import wilson

PLOTS = Path("reports/plots")
POINTS = 100  # of a precision-recall curve in its file
CALIBRATION_BINS = 10  # of the calibration, each with the same number of rows


def draw(
    y_true: pd.Series,
    y_score: np.ndarray,
    y_pred: np.ndarray,
    classes: list[str],
    by_class: pd.DataFrame,
    confusion: np.ndarray,
) -> None:
    """Write four plots: confusion matrix, precision and recall per class, calibration, recall per
    class with intervals.

    The points of the last stand in by_class.csv.
    """
    matplotlib.rcParams["text.parse_math"] = False  # a class may be named $10_$20
    matplotlib.rcParams["svg.hashsalt"] = "plots"  # else every file has other ids
    curves = precision_recall(y_true, y_score, classes)
    calibrated = calibration(y_true, y_score, classes)
    write_table(
        pd.DataFrame({"actual": y_true.to_numpy(), "predicted": y_pred}), PLOTS / "confusion.csv"
    )
    write_table(curves, PLOTS / "precision_recall.csv")
    write_table(calibrated, PLOTS / "calibration.csv")
    _draw_confusion(confusion, classes)
    _draw_precision_recall(curves, by_class)
    _draw_calibration(calibrated)
    _draw_recall(by_class)


def draw_candidates(candidates: pd.DataFrame) -> None:
    """Write a plot of what the model has over each candidate, with its interval."""
    matplotlib.rcParams["text.parse_math"] = False
    matplotlib.rcParams["svg.hashsalt"] = "plots"
    figure, axes = _figure(
        "What the model has over each candidate", "lead, with one-sided 99 % bounds", ""
    )
    rivals = candidates.iloc[:0:-1]
    reach = [rivals["lead"] - rivals["lead_low"], rivals["lead_high"] - rivals["lead"]]
    axes.axvline(0, color="grey", linestyle=":")
    axes.errorbar(
        rivals["lead"], rivals["candidate"].map(svg), xerr=np.maximum(reach, 0), fmt="o", capsize=4
    )
    _save(figure, "candidates")


def draw_features(table: pd.DataFrame) -> None:
    """Write the plot features: how important each feature of a table of `importances` is, and
    what shuffled ones seem to be.
    """
    matplotlib.rcParams["text.parse_math"] = False
    matplotlib.rcParams["svg.hashsalt"] = "plots"
    table = table.sort_values("importance", kind="stable")
    figure, axes = _figure(
        "What each feature is worth to the model",
        "log loss that shuffling it adds, with bounds that hold for all at once with 95 %",
        "",
    )
    reach = [table["importance"] - table["low"], table["high"] - table["importance"]]
    axes.errorbar(table["importance"], table["feature"].map(svg), xerr=reach, fmt="o", capsize=3)
    axes.axvline(
        table["shadow_high"].max(),
        color="grey",
        linestyle=":",
        label="most that a shuffled column seems to be worth",
    )
    axes.legend(loc="lower right")
    figure.set_figheight(max(4.5, 1 + 0.22 * len(table)))
    _save(figure, "features")


def precision_recall(y_true: pd.Series, y_score: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return up to POINTS points, spread over the recall, of the curve of each class that has
    test rows.
    """
    tables = []
    for nth, label in enumerate(classes):
        if (y_true == label).any():
            precision, recall, thresholds = precision_recall_curve(y_true == label, y_score[:, nth])
            at = np.unique(
                np.searchsorted(-recall[:-1], np.linspace(-1, -recall[-2], POINTS), side="right")
                - 1
            )  # the best precision of each
            tables.append(
                pd.DataFrame(
                    {
                        "class": label,
                        "threshold": thresholds[at],
                        "recall": recall[at],
                        "precision": precision[at],
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def calibration(y_true: pd.Series, y_score: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return for each class and each of up to CALIBRATION_BINS equally large bins: mean
    probability, observed share, its bounds, rows.

    low and high are a two-sided 90 % interval (Wilson 1927), of single rows: bins hardly keep
    clusters together.
    """
    rows = []
    for nth, label in enumerate(classes):
        p, is_label = y_score[:, nth], (y_true == label).to_numpy()
        bins = np.searchsorted(np.quantile(p, np.linspace(0, 1, CALIBRATION_BINS + 1))[1:-1], p)
        for one in np.unique(bins):
            observed, n = float(is_label[bins == one].mean()), int((bins == one).sum())
            low, high = wilson(observed, n, 0.9)
            rows.append(
                {
                    "class": label,
                    "predicted": p[bins == one].mean(),
                    "observed": observed,
                    "low": low,
                    "high": high,
                    "rows": n,
                }
            )
    return pd.DataFrame(rows)


def draw_referral(curve: pd.DataFrame, below: float | None) -> None:
    """Write the plot of coverage against recall, the points of `coverage_curve`, and where
    `below` lies if it is set.
    """
    write_table(curve, PLOTS / "referral.csv")
    figure, axes = _figure(
        "Recall where unsure rows are referred to a human",
        "share of rows that the model decides",
        "recall",
    )
    for label, points in curve.groupby("class", sort=False):
        axes.plot(points["coverage"], points["recall"], "o-", markersize=3, label=svg(label))
    decided = curve.loc[curve["refer_below"] >= (below or 0), "coverage"]
    if below is not None and len(decided):
        axes.axvline(
            decided.max(), color="grey", linestyle=":", label=f"evaluate.refer_below: {below:g}"
        )
    axes.set(xlim=(0, 1.02), ylim=(-0.02, 1.02))
    axes.legend()
    _save(figure, "referral")


def draw_groups(by_group: pd.DataFrame) -> None:
    """Write the plot groups: recall and false positive rate of each group of a table of `by_group`,
    with their intervals.

    Where no column is sensitive the picture says so.
    """
    matplotlib.rcParams["text.parse_math"] = False
    matplotlib.rcParams["svg.hashsalt"] = "plots"
    table = by_group[by_group["kind"] == "group"]
    names = [
        f"{column}: {group}"
        for column, group in table[["column", "group"]].drop_duplicates().itertuples(index=False)
    ][::-1]
    classes = list(table["class"].unique())
    figure = Figure(
        figsize=(9, max(3.0, 1.5 + 0.2 * len(names) * (1 + len(classes)))), layout="constrained"
    )
    if not names:
        figure.text(
            0.5,
            0.5,
            "data.sensitive in params.yaml names no column: there are no groups to draw",
            ha="center",
            va="center",
        )
    for nth, rate in enumerate(ERRORS if names else []):
        axes = figure.add_subplot(
            1,
            2,
            nth + 1,
            title=f"{rate.replace('_', ' ')} by group",
            xlabel="share, with one-sided 95 % bounds",
        )
        axes.title.set_fontsize("medium")
        for place, label in enumerate(classes):
            one = table[(table["rate"] == rate) & (table["class"] == label)]
            at = [
                names.index(f"{column}: {group}")
                for column, group in one[["column", "group"]].itertuples(index=False)
            ]
            away = np.array(at) + 0.7 * ((len(classes) - 1) / 2 - place) / len(classes)
            reach = [(one["value"] - one["low"]), (one["high"] - one["value"])]
            axes.errorbar(
                one["value"], away, xerr=np.maximum(reach, 0), fmt="o", capsize=3, label=svg(label)
            )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(names) - 0.4))
        axes.set_yticks(range(len(names)), [svg(name) if nth == 0 else "" for name in names])
    if names:
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="outside upper center",
            ncols=min(len(classes), 6),
        )
    _save(figure, "groups")


def _draw_confusion(confusion: np.ndarray, classes: list[str]) -> None:
    figure, axes = _figure("Confusion matrix of the test rows", "decided", "true")
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), [svg(label) for label in classes])
    axes.set_yticks(range(len(classes)), [svg(label) for label in classes])
    for (row, column), n in np.ndenumerate(confusion):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, f"{n:,}\n{shares[row, column]:.1%}", ha="center", va="center", color=color
        )
    _save(figure, "confusion")


def _draw_precision_recall(curves: pd.DataFrame, by_class: pd.DataFrame) -> None:
    figure, axes = _figure(
        "Precision and recall per class (dot: the decision)", "recall", "precision"
    )
    for label, curve in curves.groupby("class", sort=False):
        [line] = axes.plot(curve["recall"], curve["precision"], label=svg(label))
        point = by_class[by_class["class"] == label]
        axes.plot(point["recall"], point["precision"], "o", color=line.get_color())
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
    _save(figure, "precision_recall")


def _draw_calibration(calibrated: pd.DataFrame) -> None:
    figure, axes = _figure(
        "Calibration: what happened when the model said so",
        "mean probability given",
        "share observed",
    )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
    for label, curve in calibrated.groupby("class", sort=False):
        axes.plot(curve["predicted"], curve["observed"], "o-", label=svg(label))
    axes.legend()
    _save(figure, "calibration")


def _draw_recall(by_class: pd.DataFrame) -> None:
    figure, axes = _figure(
        "Recall per class",
        "recall, with one-sided 95 % bounds (the upper one: for all classes together)",
        "",
    )
    recall = by_class["recall"].astype("float64")
    reach = [recall - by_class["recall_low"], by_class["recall_high"] - recall]
    names = [
        f"{svg(label)} ({support:,} rows)"
        for label, support in zip(by_class["class"], by_class["support"], strict=True)
    ]
    axes.errorbar(recall, names, xerr=reach, fmt="o", capsize=4)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.5, len(names) - 0.5))
    _save(figure, "recall")


def _figure(title: str, x: str, y: str) -> tuple[Figure, matplotlib.axes.Axes]:
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
    axes.title.set_fontsize("medium")
    return figure, axes


def _save(figure: Figure, name: str) -> None:
    with atomic_write(PLOTS / f"{name}.svg") as [part]:
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})
