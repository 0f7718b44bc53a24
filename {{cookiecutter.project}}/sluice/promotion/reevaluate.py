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
from sluice.core.pipeline import md5, outputs, read_stages, run_stage
from sluice.core.tables import AUGMENTED, TEST, TRAIN, LazyParquet
from sluice.data.groups import not_audited
from sluice.gates.gate import gate
from sluice.gates.names import GATES, REPORTS
from sluice.gates.suite import read_suite
from sluice.modeling.model import BASELINE, MODEL
from sluice.registry.promotion_evidence import EVALUATED, verdicts

CARDS = [str(Path(model).with_suffix(".json").as_posix()) for model in (MODEL, BASELINE)]
READ = [
    "params.yaml",
    "data/sources.yaml",
    JUDGED_MODELS,
    TRAIN,
    TEST,
    MODEL,
    BASELINE,
    *CARDS,
]  # by evaluate, beside the suites
STORED = {"prepared": (TRAIN, TEST), "augmented": (AUGMENTED,)}  # tables that are no reports
OF_GROUPS = ("proxies", "label_bias")  # not asked where no column is sensitive


def judged_again(folder: Path, said: dict[str, dict[str, Any]]) -> list[str]:
    """Return a sentence for each report that is not what the gates and evaluate say today; writes
    into the empty `folder` alone.

    said: the verdicts of the reports (see `verdicts`). The stages before evaluate take longer: of
    them the tables are judged again as they were written, and `uv run sluice verify` makes them anew.
    """
    data = load_params().data
    unasked = [] if data.sensitive else list(OF_GROUPS)
    tables = {
        name: _written(name)
        for stage, names in GATES.items()
        if stage != "evaluate"
        for name in names
        if name not in unasked
    }
    for name in filter(lambda one: Path(one).is_file(), READ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, folder / name)
    shutil.copytree("expectations", folder / "expectations")
    wanted = outputs({"evaluate": read_stages("dvc.lock").get("evaluate", {})})
    with contextlib.chdir(folder):
        for name in unasked:
            not_audited(name, data, UNSEEN)
        for name, table in tables.items():
            gate(table, f"expectations/{name}.json", REPORTS / "gates" / f"{name}.json")
        ended = run_stage("evaluate", Path())
        stopped = ended.stderr.splitlines() if ended.returncode else []
        differing = [
            path
            for path, digest in wanted.items()
            if not Path(path).is_file() or md5(Path(path)) != digest
        ]
        now = verdicts(REPORTS / "gates")
    problems = [
        f"reports/gates/{name}.json says {_words(said[name])}, the gate, asked again today, says"
        f" {_words(now[name])}"
        for name in EVALUATED
        if name in now and _words(now[name]) != _words(said[name])
    ]
    if differing and not stopped:
        problems.append(
            f"{', '.join(differing)}: not what {MODEL} gives on {TEST}; run `dvc repro --force"
            " --single-item evaluate`"
        )
    return [*stopped, *problems]


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
