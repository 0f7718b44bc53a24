"""Judge the last run again, under today's suites: what evaluate measured is computed anew, the
tables before it are read.
"""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.audits.leakage import UNSEEN
from sluice.audits.test_set import JUDGED_MODELS
from sluice.core.command import UserError
from sluice.core.params import load_params
from sluice.core.pipeline import md5, outputs, read_stages, refusals, run_stage
from sluice.core.tables import AUGMENTED, TEST, TRAIN, LazyParquet
from sluice.data.groups import not_audited
from sluice.gates.gate import gate
from sluice.gates.names import GATES, REPORTS
from sluice.gates.suite import read_suite
from sluice.modeling.model import MODEL
from sluice.registry.promotion_evidence import EVALUATED, verdicts

STORED = {"prepared": (TRAIN, TEST), "augmented": (AUGMENTED,)}  # tables that are no reports
CODE = ("sluice/", "stages/")  # is not copied: the stage runs that of this project
OF_GROUPS = ("proxies", "label_bias")  # not asked where no column is sensitive


def judged_again(folder: Path, said: dict[str, dict[str, Any]]) -> list[str]:
    """Return a sentence for each report that is not what the gates and evaluate say today; writes
    into the empty `folder` alone.

    said: the verdicts of the reports (see `verdicts`). The stages before evaluate take longer: of
    them the tables are judged again as they were written; `uv run sluice verify` makes them anew.
    """
    _judge_tables(folder)
    before = verdicts(folder / REPORTS / "gates")
    _copy_inputs(folder)
    ended = run_stage("evaluate", folder)
    stopped = refusals("evaluate", ended) if ended.returncode else []
    now = verdicts(folder / REPORTS / "gates") | before
    problems = [
        f"reports/gates/{name}.json says {_words(said[name])}, the gate, asked again today, says"
        f" {_words(now[name])}"
        for name in EVALUATED
        if name in now and _words(now[name]) != _words(said[name])
    ]
    wanted = outputs({"evaluate": read_stages("dvc.lock").get("evaluate", {})})
    differing = [
        path
        for path, digest in wanted.items()
        if not (folder / path).is_file() or md5(folder / path) != digest
    ]
    if differing and not stopped:
        problems.append(
            f"{', '.join(differing)}: not what {MODEL} gives on {TEST}; run `dvc repro --force"
            " --single-item evaluate`"
        )
    return [*stopped, *problems]


def _judge_tables(folder: Path) -> None:
    """Judge in `folder` the tables of the stages before evaluate."""
    data = load_params().data
    unasked = [] if data.sensitive else list(OF_GROUPS)
    tables = {
        name: _written(name)
        for stage, names in GATES.items()
        if stage != "evaluate"
        for name in names
        if name not in unasked
    }
    shutil.copytree("expectations", folder / "expectations")
    with contextlib.chdir(folder):
        for name in unasked:
            not_audited(name, data, UNSEEN)
        for name, table in tables.items():
            gate(table, f"expectations/{name}.json", REPORTS / "gates" / f"{name}.json")


def _copy_inputs(folder: Path) -> None:
    """Copy what evaluate reads to `folder`, the gates' reports as they are among it."""
    shutil.copytree(REPORTS / "gates", folder / REPORTS / "gates", dirs_exist_ok=True)
    reads = read_stages("dvc.yaml").get("evaluate", {}).get("deps", [])
    for name in ["params.yaml", JUDGED_MODELS, *reads]:
        if Path(name).is_file() and not name.startswith(CODE):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, folder / name)


def _written(name: str) -> pd.DataFrame | LazyParquet:
    """Return the table that the gate `name` judged; what names its rows is text, also where it
    looks like a number.
    """
    if name in STORED:
        return LazyParquet(*(Path(path).resolve() for path in STORED[name]))
    path, text = REPORTS / f"{name}.csv", read_suite(f"expectations/{name}.json").row
    try:
        header = pd.read_csv(path, nrows=0).columns
        types, missing = (
            dict.fromkeys(text, "str"),
            {column: [""] for column in header if column not in text},
        )
        return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=missing)
    except (FileNotFoundError, ValueError) as error:
        raise UserError(
            f"{path.as_posix()} cannot be judged again ({error}); run `make repro`, which writes it"
        ) from None


def _words(verdict: dict[str, Any]) -> str:
    return verdict["verdict"] + (", which stops the run" if verdict["blocks"] else "")
