"""How many models these very test rows have judged: each look at them makes them less of a test."""

import csv
import hashlib
from pathlib import Path

import pandas as pd

from sluice.core.command import UserError
from sluice.core.params import ROW_ID
from sluice.core.tables import write_text

JUDGED_MODELS = "data/judged.csv"  # kept by git, not by DVC, which deletes a stage's outputs
TEST_SET_COLUMNS = ["test_sha256", "model_sha256"]
Judged = list[tuple[str, str]]


def test_rows_sha256(test: pd.DataFrame, target: str) -> str:
    """Return the SHA-256 of which rows, with which labels, `test` holds, whatever their order
    and their other columns.
    """
    rows = sorted(
        f"{row_id}\t{label}" for row_id, label in zip(test[ROW_ID], test[target], strict=True)
    )
    return hashlib.sha256("\n".join(rows).encode("utf-8")).hexdigest()


def read_history(path: str | Path) -> Judged:
    """Return each pair of test rows and model once, in order; none where there is no file.
    Raises UserError if it is broken.
    """
    try:
        lines = list(csv.reader(Path(path).read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        lines = [[f"byte {error.start} is not UTF-8"]]
    for nth, line in enumerate(lines or [[]], 1):
        if line != TEST_SET_COLUMNS if nth == 1 else [len(one) for one in line] != [64, 64]:
            raise UserError(
                f"{path} is broken: line {nth} is {','.join(line)!r}, must be"
                f" {'the header ' if nth == 1 else ''}{','.join(TEST_SET_COLUMNS)}; it counts how"
                " many models these test rows judged: restore it from git, or delete it to count"
                " anew"
            )
    return list(dict.fromkeys((test, model) for test, model in lines[1:]))


def remember(test_sha256: str, model_sha256: str, path: str | Path = JUDGED_MODELS) -> Judged:
    """Return the history at `path` with this pair in it; the file changes only if the pair is
    new.
    """
    history = read_history(path)
    if (test_sha256, model_sha256) not in history:
        history.append((test_sha256, model_sha256))
        write_text("".join(f"{a},{b}\n" for a, b in [tuple(TEST_SET_COLUMNS), *history]), path)
    return history


def uses(history: Judged, test_sha256: str) -> pd.DataFrame:
    """Return one row: the test rows, and how many models they judged so far, this one among
    them.
    """
    return pd.DataFrame(
        {"test_sha256": [test_sha256], "models": [sum(test == test_sha256 for test, _ in history)]}
    )
