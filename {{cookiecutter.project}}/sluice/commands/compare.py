"""Compare the last run with the one of another commit: parameters, metrics, gates, and whether a
class is found less often.
"""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core import text
from sluice.core.command import UserError
from sluice.core.git import ask
from sluice.core.progress import waiting
from sluice.core.tables import TEST, read_csv, write_table
from sluice.gates.gate import Verdict, gate, stop
from sluice.gates.messages import Finding
from sluice.gates.names import GATES, REPORTS
from sluice.metrics.intervals import newcombe

COMPARED_SUITE = "expectations/compared.json"
BRANCHES = ("main", "master", "origin/HEAD")  # where a branch of work may have begun
RECALL_COLUMNS = {"class": "str", "support": "int64", "recall": "float64", "recall_low": "float64"}


def compared(before: pd.DataFrame, now: pd.DataFrame, same_rows: bool) -> pd.DataFrame:
    """Return one row per class that has test rows in `before` or `now`, two tables by_class: what
    its recall lost.

    `status`: kept, new, or gone (no test row now). `fall`: recall before less recall now. `margin`:
    the fall that chance may explain; `proven_fall` is the fall where it is larger, else 0. On the
    same test rows the margin is the distance of the recall before from its one-sided 95 %
    Clopper-Pearson bound. On other rows both recalls err, and that rule would accuse an unchanged
    model of a fall in up to 12 % of comparisons: there it is that of Newcombe's interval of the
    fall (5 %).
    """
    sides = [side[side["support"] > 0] for side in (before, now)]
    table = sides[0].merge(
        sides[1], on="class", how="outer", suffixes=("_before", "_now"), indicator="status"
    )
    table["status"] = (
        table["status"]
        .map({"both": "kept", "left_only": "gone", "right_only": "new"})
        .astype("str")
    )
    table = table.fillna({"support_before": 0, "support_now": 0}).astype(
        {"support_before": "int64", "support_now": "int64"}
    )
    kept = table["status"] == "kept"
    table["fall"] = (table["recall_before"] - table["recall_now"]).where(kept, 0.0)
    table["margin"] = [_margin(row, same_rows) for row in table.to_dict("records")]
    table["proven_fall"] = table["fall"].where(table["fall"] > table["margin"], 0.0)
    return table[
        [
            "class",
            "status",
            "support_before",
            "support_now",
            "recall_before",
            "recall_now",
            "fall",
            "margin",
            "proven_fall",
        ]
    ]


def _margin(row: dict[str, Any], same_rows: bool) -> float:
    """Return how far the recall of a class may fall by chance; 1 for a class that has no rows on
    one side.
    """
    if row["status"] != "kept":
        return 1.0
    if same_rows:
        return row["recall_before"] - row["recall_low_before"]
    hits = [round(row[f"recall_{side}"] * row[f"support_{side}"]) for side in ("before", "now")]
    return (
        row["fall"]
        - newcombe(hits[0], row["support_before"], hits[1], row["support_now"], level=0.9)[0]
    )


def verdicts(reports: Path) -> list[Verdict]:
    """Return what the gates of the last run said, up to the stage that was stopped; raises
    UserError where a report is missing.
    """
    found: list[Verdict] = []
    for stage, names in GATES.items():
        for path in (reports / "gates" / f"{name}.json" for name in names):
            try:
                report = json.loads(path.read_text(encoding="utf-8"))
                said = [Finding(**one) for one in report["findings"]]
                parts = {key: report[key] for key in ("gate", "verdict", "blocks")}
                found.append(Verdict(**parts, report=path.as_posix(), findings=said))
            except FileNotFoundError:
                raise UserError(
                    f"{path.as_posix()} does not exist, so {stage} did not end; run `make repro`"
                    " first"
                ) from None
            except (ValueError, KeyError, TypeError):
                raise UserError(
                    f"{path.as_posix()} is not what a gate writes; run `make repro`, which writes"
                    " it anew"
                ) from None
        if any(verdict.blocks for verdict in found):
            break
    return found


def markdown(header: list[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table in Markdown, numbers with three decimals; text in a cell stays text."""
    cells = [
        [f"{cell:.3f}" if isinstance(cell, float) else text.markdown(str(cell)) for cell in row]
        for row in [header, *rows]
    ]
    return "\n".join(
        f"| {' | '.join(line)} |" for line in [cells[0], ["---"] * len(header), *cells[1:]]
    )


def commit_of(rev: str | None) -> str:
    """Return the commit that `rev` names, without `rev` the one at which this branch left the
    main one.
    """
    if ask("rev-parse", "--git-dir") is None:
        raise UserError(
            "git finds no repository here, `git status` says why; run `git init`, and commit a run"
            " to compare with"
        )
    if rev is None:
        there = [branch for branch in BRANCHES if ask("rev-parse", "--verify", "--quiet", branch)]
        if not there:
            raise UserError(
                f"there is no branch {', '.join(BRANCHES)}; name the commit to compare with:"
                " `uv run sluice compare REV`"
            )
        rev = (ask("merge-base", "HEAD", there[0]) or "").strip()
        if not rev:
            raise UserError(
                f"HEAD and {there[0]} have no commit in common here; fetch the rest (`git fetch"
                " --unshallow`), or name a commit"
            )
    is_option = rev.startswith("-")  # to git
    commit = None if is_option else ask("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
    if commit is None:
        raise UserError(
            f"{rev!r} is no commit that this clone has; `git fetch --unshallow` fetches all, `git"
            " log --oneline --all` lists them"
        )
    return commit.strip()


def read_by_class(content: str, where: str) -> pd.DataFrame:
    """Return a by_class table from its CSV; a class may be named NA. Raises UserError if it is
    none.
    """
    try:
        return read_csv(
            io.StringIO(content),
            usecols=list(RECALL_COLUMNS),
            dtype=RECALL_COLUMNS,
            keep_default_na=False,
            na_values={"recall": [""]},
        )
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{where} is not what evaluate writes ({reason}); run `make repro`, or restore it"
            " from git"
        ) from None


def _hash_of_test(lock: str | None) -> str | None:
    """Return the hash of the test rows that a dvc.lock lists, None where it lists none."""
    listed = re.search(rf"path: {re.escape(TEST)}\n(?: +hash: md5\n)? +md5: (\w+)", lock or "")
    return listed[1] if listed else None


def _dvc_diff(what: str, commit: str) -> str:
    """Return a table of what DVC finds to differ in `what` (metrics or params), a sentence where
    nothing does.
    """
    command = [sys.executable, "-m", "dvc", what, "diff", "--json", commit[:10]]
    utf8 = {**os.environ, "PYTHONUTF8": "1"}  # Windows would not
    with waiting(f"compare: asks DVC which {what} differ"):
        ended = subprocess.run(command, env=utf8, capture_output=True, encoding="utf-8")
    if ended.returncode:
        raise UserError(f"`dvc {what} diff` failed: {' '.join(ended.stderr.split())}")
    found = [
        (path, name, one)
        for path, names in sorted(json.loads(ended.stdout or "{}").items())
        for name, one in sorted(names.items())
    ]
    rows = [
        (path, name, *("-" if one.get(key) is None else one[key] for key in ("old", "new", "diff")))
        for path, name, one in found
    ]
    return (
        markdown(["file", "name", commit[:10], "this run", "change"], rows)
        if rows
        else "No difference."
    )


def _recall(old: str, commit: str) -> tuple[str, Verdict]:
    """Return what is to be said of the recalls beside those of by_class.csv at `commit`, `old`,
    and the verdict of their gate.
    """
    path = REPORTS / "by_class.csv"
    if not path.is_file():
        raise UserError(f"{path.as_posix()} does not exist; run `make repro` first")
    lock = Path("dvc.lock").read_text(encoding="utf-8") if Path("dvc.lock").is_file() else None
    hashes = {_hash_of_test(lock), _hash_of_test(ask("show", f"{commit}:./dvc.lock"))}
    same_rows = len(hashes) == 1 and None not in hashes
    before = read_by_class(old, f"reports/by_class.csv of {commit[:10]}")
    table = compared(
        before,
        read_by_class(path.read_text(encoding="utf-8", errors="replace"), path.as_posix()),
        same_rows,
    )
    write_table(table, REPORTS / "compared.csv")
    with redirect_stdout(sys.stderr):  # stdout is the page
        verdict = gate(table, COMPARED_SUITE, REPORTS / "gates" / "compared.json")
    said = (
        "The test rows are the same."
        if same_rows
        else "The test rows are not known to be the same, so that both recalls err."
    )
    return said + "\n\n" + markdown(list(table.columns), table.itertuples(index=False)), verdict


def main(rev: str | None) -> None:
    """Print a page of Markdown, and write reports/compared.csv; raises UserError if a gate
    blocks, the comparison's or one before.
    """
    commit = commit_of(rev)
    found = verdicts(REPORTS)
    if len(found) < sum(map(len, GATES.values())):
        metrics = recall = (
            "Not measured: the run was stopped by the gate"
            f" {next(v.gate for v in found if v.blocks)}."
        )
    elif (old := ask("show", f"{commit}:./reports/by_class.csv")) is None:
        metrics = recall = f"Nothing to compare with: {commit[:10]} has no reports/by_class.csv."
    else:
        recall, verdict = _recall(old, commit)
        metrics = _dvc_diff("metrics", commit)
        found.append(verdict)
    gates = markdown(
        ["gate", "verdict", "says"], ((v.gate, v.verdict, " ".join(v.sentences)) for v in found)
    )
    parts = {
        "Gates": gates,
        "Recall by class": recall,
        "Metrics": metrics,
        "Parameters": _dvc_diff("params", commit),
    }
    is_head = commit == (ask("rev-parse", "HEAD") or "").strip()
    only = (
        "It is the last commit: what differs is not committed yet. Another: `sluice compare"
        " REV`.\n\n"
        if is_head
        else ""
    )
    page = f"## This run and {commit[:10]}\n\n{only}" + "\n\n".join(
        f"### {title}\n\n{part}" for title, part in parts.items()
    )
    text.say(*page.split("\n"))
    stop(found)
