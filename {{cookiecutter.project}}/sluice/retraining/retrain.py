"""Fit challengers on the newest matured rows, hold the best against the model in service, and
keep it where every gate lets it pass.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from threadpoolctl import threadpool_limits

from sluice.audits.changes import PROFILE, of_other_rows, read_profile
from sluice.audits.test_set import JUDGED_MODELS, remember, test_rows_sha256
from sluice.core.command import FAILED, TRACEBACKS, UserError
from sluice.core.params import ORIGIN, ROW_ID, Params, load_params
from sluice.core.pipeline import refusals, run_stage
from sluice.core.tables import (
    AUGMENTED,
    TEST,
    TRAIN,
    read_table,
    write_json,
    write_table,
    write_text,
)
from sluice.core.text import say
from sluice.data.cleaning import shares
from sluice.data.derived import derived_columns
from sluice.data.roles import features
from sluice.data.sources import Source, load_sources
from sluice.gates.gate import Verdict, gate, stop
from sluice.gates.suite import read_suite
from sluice.modeling.fitting import weights_of
from sluice.modeling.model import MODEL, Model, load_model, save_model, sha256
from sluice.modeling.warm_start import check_same, continued
from sluice.monitoring.live import LIVE, lines, live_files
from sluice.registry.champion import champion as in_service
from sluice.registry.champion import load_champion
from sluice.registry.champion import version as served
from sluice.registry.promotion_evidence import VERSION_PARTS, suites, verdicts
from sluice.registry.registry import CHALLENGER as STAGE
from sluice.registry.registry import assign, identified, register
from sluice.registry.repository import on_a_branch
from sluice.retraining.challenger import (
    Candidate,
    challengers,
    check_classes,
    non_inferiority,
    seen,
)
from sluice.retraining.pool import OWN, Pool, gather, recent, span

CHALLENGER_FOLDER, RETRAINING_REPORTS = Path("models/challenger"), Path("reports/retraining")
PREPARED, SOURCES, COMPARED, HELD = (
    Path(f"expectations/{name}.json")
    for name in ("prepared", "sources", "challengers", "challenger")
)
STAGES_BEFORE = (
    "validate",
    "augment",
    "train",
)  # the stages that make a challenger; evaluate then judges the best
COPIED = ("expectations", "params.yaml", "data/sources.yaml", JUDGED_MODELS)
SHOWN_REPORTS = (
    "metrics.json",
    "by_class.csv",
    "by_group.csv",
)  # of its reports, beside those of its gates


def clear() -> None:
    """Take away what the last retraining left; a challenger goes at once, so that none stands
    beside reports of another.
    """
    for folder in (CHALLENGER_FOLDER, RETRAINING_REPORTS):
        away, part = (folder.with_name(f".{folder.name}.{state}.part") for state in ("gone", "new"))
        shutil.rmtree(away, ignore_errors=True)
        shutil.rmtree(part, ignore_errors=True)
        if folder.is_dir():
            folder.rename(away)
            shutil.rmtree(away)


def scratch(folder: Path, train: pd.DataFrame, pool: Pool, params: Params) -> list[str]:
    """Fill `folder` with what the stages read, `train` and the newest cohort as prepared tables,
    and return what differs from here.
    """
    for name in COPIED:
        source, target = Path(name), folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy(source, target)
    if known := read_profile():
        write_json(of_other_rows(known), folder / PROFILE)
    write_text(
        yaml.safe_dump(params.model_dump(), sort_keys=False, allow_unicode=True),
        folder / "params.yaml",
    )
    (folder / TRAIN).parent.mkdir(parents=True)
    schema = pa.schema([field.with_nullable(True) for field in pq.read_schema(TRAIN)])
    for name, rows in ((TRAIN, train), (TEST, pool.test)):
        pq.write_table(
            pa.Table.from_pandas(rows, schema=schema, preserve_index=False), folder / name
        )
    return later(folder / PREPARED, pd.concat([train, pool.test]), params.data.time)


def later(suite: Path, rows: pd.DataFrame, time: str | None) -> list[str]:
    """Let the suite of prepared tables at `suite` allow the latest `time` of `rows`, and return a
    sentence for each bound that moved.

    Time goes on: the newest rows are after the latest that the suite has seen. No other bound
    moves. A suite that is broken stays as it is, for the gate to say so.
    """
    if not time or read_suite(suite).problems:
        return []
    raw, told = json.loads(suite.read_text(encoding="utf-8")), []
    for one in raw["expectations"]:
        kwargs = one["kwargs"]
        if (
            kwargs.get("column") == time
            and one["type"] == "expect_column_values_to_be_between"
            and "max_value" in kwargs
        ):
            latest = rows[time].max()
            if latest > (
                pd.Timestamp(kwargs["max_value"])
                if isinstance(kwargs["max_value"], str)
                else kwargs["max_value"]
            ):
                moved = latest.isoformat() if isinstance(latest, pd.Timestamp) else latest.item()
                told.append(
                    f"{PREPARED.as_posix()} ends {time} at {kwargs['max_value']}; time goes on,"
                    f" here to {moved}"
                )
                kwargs["max_value"] = moved
    write_json(raw, suite)
    return told


def staged(folder: Path, name: str, names: tuple[str, ...]) -> str:
    """Run stages in `folder`, each in a process of its own, until one is stopped; return why it
    was, nothing if none was.

    Raises RuntimeError where a stage failed by itself: that says nothing of its candidate.
    """
    for stage in names:
        start = time.monotonic()
        ended = run_stage(stage, folder)
        say(f"retrain: {name}: {stage}, {time.monotonic() - start:.0f} s")
        say(*(f"  {line}" for line in ended.stdout.splitlines()))
        if ended.returncode == FAILED:
            kept = Path(TRACEBACKS.format(stage))
            if (folder / kept).is_file():
                kept.parent.mkdir(exist_ok=True)
                shutil.copy(folder / kept, kept)
            say(*ended.stderr.splitlines())
            raise RuntimeError(f"the stage {stage} failed for the candidate {name}")
        if ended.returncode:
            said = "; ".join(refusals(stage, ended))
            return said.replace("reports/gates/", f"{RETRAINING_REPORTS.as_posix()}/gates/")
    return ""


def make_candidate(
    name: str, temporary: Path, pool: Pool, params: Params, champion: Model
) -> Candidate:
    """Return the candidate `name`, made in a folder of this name in `temporary` by the stages.

    One that cannot be made says why.
    """
    try:
        train, params = rows_and_settings(name, pool.train, params)
    except UserError as refused:
        return Candidate(name, why=f"not tried: {refused}")
    try:
        if name == "warm":
            X, y = features(train, params.data), train[params.data.target]
            check_same(champion, X, y, params.train.select)
        if why := fit_in(temporary / name, train, pool, params):
            return Candidate(name, len(train), why=why)
        if name == "warm":
            warm(temporary / name, params, champion)
        return Candidate(name, len(train), load_model(temporary / name / MODEL))
    except UserError as refused:
        return Candidate(name, len(train), why=f"not tried: {refused}")


def rows_and_settings(
    name: str, train: pd.DataFrame, params: Params
) -> tuple[pd.DataFrame, Params]:
    """Return the rows of `train` that a candidate is fitted on, and the settings by which it is.

    Raises UserError where no row is newer than another, for candidates that need it.
    """
    if name not in ("recent", "weighted"):
        return train, params
    time = params.data.time
    if time is None:
        raise UserError("data.time in params.yaml is null, so that no row is newer than another")
    if not span(train, time):
        raise UserError(f"all rows are of the same {time}")
    if name == "recent":
        return recent(train, time, params.retrain.recent), params
    half_life = params.retrain.half_life or span(train, time) / 2
    say(f"retrain: {name}: train.half_life is {half_life:g}")
    weighted = params.train.model_copy(update={"half_life": half_life})
    return train, params.model_copy(update={"train": weighted})


def fit_in(folder: Path, train: pd.DataFrame, pool: Pool, params: Params) -> str:
    """Run the stages that make a candidate in `folder`; return why one was stopped, else nothing.

    What stages made of all rows for the candidate `all` is not made again.
    """
    name, made = folder.name, folder.parent / "all"
    is_made = name in ("weighted", "warm") and (made / MODEL).is_file()
    told = scratch(folder, train, pool, params)
    if is_made:
        for part in ("data", "models", "reports"):
            shutil.copytree(made / part, folder / part, dirs_exist_ok=True)
        needed: tuple[str, ...] = ("train",) if name == "weighted" else ()
    else:
        say(*(f"retrain: {name}: {line}" for line in told))
        needed = STAGES_BEFORE
    return staged(folder, name, needed)


def warm(folder: Path, params: Params, champion: Model) -> None:
    """Replace the model that was fitted in `folder` by the champion, continued on the rows that
    it was fitted on.
    """
    rows = read_table(folder / AUGMENTED)
    X, y = features(rows.drop(columns=ORIGIN), params.data), rows[params.data.target]
    weights = weights_of(
        rows, params, params.train.sample_weight, params.train.mitigation == "reweighing"
    )
    model = continued(champion, X, y, weights, params.retrain.warm_iterations)
    path = folder / "models/model.skops"
    old, cold = (
        json.loads(one.read_text(encoding="utf-8"))
        for one in (in_service() / "model.json", path.with_suffix(".json"))
    )
    provenance = {
        "model": old["model"],
        "settings": old["settings"],
        "warm_start_of": old["model_sha256"],
    }
    provenance |= {key: cold[key] for key in ("data_sha256", "code_sha256")}
    save_model(
        replace(model, data=params.data),
        path,
        provenance | {"warm_iterations": params.retrain.warm_iterations},
    )


def sources(pool: Pool) -> pd.DataFrame:
    """Return the table of sources, as prepare has it, of all that was read: one row."""
    went = {
        **dict.fromkeys(
            ("malformed", "bad_value", "unlabelled", "duplicate", "key_conflict", "before_cutoff"),
            0,
        ),
        **pool.went,
    }
    records = went.pop("records")
    row: dict[str, Any] = {
        "source": "retrain",
        "path": pool.cohort.as_posix(),
        "records": records,
    } | went
    row["unaccounted"] = records - sum(went.values())
    unusable = went["malformed"] + went["bad_value"]
    return pd.DataFrame(
        [row | {"unusable_share": unusable / records} | shares(row, pool.of_classes)]
    )


def judge(
    name: str, folder: Path, pool: Pool, params: Params, champion: Model, n_candidates: int
) -> tuple[str, Verdict]:
    """Evaluate the challenger `name` in `folder`, and hold it against the champion class by class.

    Return why evaluate was stopped, nothing if it was not, and the verdict on the classes.
    """
    why = staged(folder, name, ("evaluate",))
    both, rows = (champion, load_model(folder / "models/model.skops")), pool.test
    old, new = (
        (model.classes, model.decide(model.predict_proba(seen(model, rows, params.data))))
        for model in both
    )
    table = non_inferiority(pool.test, old, new, pool.train, params.data, 1 - 0.05 / n_candidates)
    write_table(table, RETRAINING_REPORTS / "challenger.csv")
    return why, gate(table, HELD, RETRAINING_REPORTS / "gates" / "challenger.json")


def keep(folder: Path, name: str, fitted_on: dict[str, str], judged_by: dict[str, str]) -> None:
    """Put the challenger in `folder` where it can be promoted from, whole or not at all.

    Its reference then says which candidate it is, and the SHA-256 of the live files that it was
    fitted on and judged by, by path.
    """
    part = CHALLENGER_FOLDER.with_name(f".{CHALLENGER_FOLDER.name}.new.part")
    part.mkdir(parents=True)
    for file, source in VERSION_PARTS.items():
        shutil.copy(folder / source, part / file)
    reference = json.loads((part / "reference.json").read_text(encoding="utf-8"))
    write_json(
        reference | {"candidate": name, "fitted_on": fitted_on, "judged_by": judged_by},
        part / "reference.json",
    )
    shutil.copytree(RETRAINING_REPORTS / "gates", part / "gates")
    part.rename(CHALLENGER_FOLDER)


def show(folder: Path) -> None:
    """Copy what the gates of a run in `folder` said, and some of its reports."""
    for path in sorted((folder / "reports/gates").glob("*.json")):
        shutil.copy(path, RETRAINING_REPORTS / "gates" / path.name)
    for name in SHOWN_REPORTS:
        if (folder / "reports" / name).is_file():
            shutil.copy(folder / "reports" / name, RETRAINING_REPORTS / name)


def check_run(prepared: pd.DataFrame, params: Params, source: Source) -> None:
    """Raise UserError unless the `prepared` rows have the columns that are declared, in the
    roles that params.yaml gives them.
    """
    card = Path(MODEL).with_suffix(".json")
    trained = load_model(MODEL).data
    changed = [f"data.{role}" for role, was in trained or [] if was != getattr(params.data, role)]
    changed += [
        f"the column {column}"
        for column in prepared.columns
        if column not in (ROW_ID, *source.columns, *derived_columns(source.columns, params.data))
    ]
    if trained is None or changed:
        what = (
            f"params.yaml or data/sources.yaml has changed {', '.join(changed)} since the last run"
            if changed
            else f"{card} is too old"
        )
        raise UserError(f"{what}, and challengers are made of its rows; run `make repro` first")


def retrain(paths: list[Path], labels: list[Path | None], params: Params, source: Source) -> str:
    """Write reports/retraining/, and models/challenger/ where all gates let the best candidate
    pass.

    Return its name. Raises UserError, when all is written, for a challenger that a gate stops.
    """
    champion, reference = load_champion()
    prepared = pd.concat([read_table(TRAIN), read_table(TEST)], ignore_index=True)
    check_run(prepared, params, source)
    pool = gather(paths, labels, prepared, params, source)
    before, judged_by = reference.get("fitted_on", {}), sha256_of([pool.cohort])
    if set(judged_by.values()) & set(before.values()):
        raise UserError(
            f"the model in service was fitted on {pool.cohort.as_posix()}, so that it cannot be "
            "judged by it; name a newer file"
        )
    clear()
    say_sizes(pool)
    check_classes(pool.test[params.data.target], pool.train[params.data.target], champion.classes)
    write_table(sources(pool), RETRAINING_REPORTS / "sources.csv")
    read = gate(sources(pool), SOURCES, RETRAINING_REPORTS / "gates" / "sources.json")
    stop([read])
    with (
        tempfile.TemporaryDirectory(prefix="retrain") as temporary,
        threadpool_limits(params.train.threads),
    ):
        folder, names = Path(temporary), sorted(set(params.retrain.candidates))  # all comes first
        made = []
        for nth, candidate in enumerate(names, 1):
            say(f"retrain: candidate {nth} of {len(names)}: {candidate}")
            made.append(make_candidate(candidate, folder, pool, params, champion))
        name, compared = choose_challenger(made, folder, pool, params, champion)
        n_fitted = count_looks(made, folder, name, test_rows_sha256(pool.test, params.data.target))
        why, held = judge(name, folder / name, pool, params, champion, n_fitted)
        show(folder / name)
        check_passed(name, why, [read, compared, held])
        fitted_on = sha256_of(pool.fitted_on) | (before if name == "warm" else {})
        keep(folder / name, name, fitted_on, judged_by)
    return name


def sha256_of(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path."""
    return {path.as_posix(): sha256(path) for path in paths}


def say_sizes(pool: Pool) -> None:
    """Say how many rows there are to fit on and to judge by, and how many were left out."""
    left_out = [
        f"{n:,} {kind}"
        for kind, n in pool.went.items()
        if n and kind not in ("records", "train", "test")
    ]
    say(
        f"retrain: {len(pool.train):,} rows to fit on, {len(pool.test):,} of "
        f"{pool.cohort.as_posix()} to judge by; left out: {', '.join(left_out) or 'none'}"
    )


def choose_challenger(
    made: list[Candidate], folder: Path, pool: Pool, params: Params, champion: Model
) -> tuple[str, Verdict]:
    """Return the name of the best candidate, and what the gate says of the comparison.

    Raises UserError, with the reports of one that was stopped, where none could be made.
    """
    table, chosen = challengers(champion, made, pool.test, params)
    write_table(table, RETRAINING_REPORTS / "challengers.csv")
    if chosen is None:
        show(folder / next((one.name for one in made if one.fitted_on), made[0].name))
        raise UserError("\n".join(f"no challenger: {one.name}: {one.why}" for one in made))
    return chosen.name, gate(table, COMPARED, RETRAINING_REPORTS / "gates" / "challengers.json")


def count_looks(made: list[Candidate], folder: Path, chosen: str, rows_sha256: str) -> int:
    """Remember each fitted candidate as one look at the test rows, and return how many there
    are.
    """
    fitted = [one.name for one in made if one.model is not None]
    for name in fitted:
        for history in (JUDGED_MODELS, folder / chosen / JUDGED_MODELS):
            remember(rows_sha256, sha256(folder / name / MODEL), history)
    return len(fitted)


def check_passed(name: str, why: str, verdicts: list[Verdict]) -> None:
    """Raise UserError where evaluate was stopped (`why`), or one of the gates blocks."""
    stopped = [f"{name}: {why}"] if why else []
    try:
        stop(verdicts)
    except UserError as refused:
        stopped += str(refused).splitlines()
    if stopped:
        refusal = f"the challenger ({name}) is refused: the model in service stays"
        raise UserError("\n".join([*stopped, refusal]))


def registered(why: str, is_signed: bool) -> str:
    """Put models/challenger/ into the registry, as a challenger, and return its version."""
    files = {
        path.relative_to(CHALLENGER_FOLDER).as_posix(): path
        for path in sorted(CHALLENGER_FOLDER.rglob("*"))
        if path.is_file()
    }
    version = register(
        files,
        {
            "verdicts": verdicts(CHALLENGER_FOLDER / "gates"),
            "suites": suites(),
            "compared_with": served(),
        },
        why,
        is_signed,
    )
    assign(version, STAGE, why, is_signed)
    return version


def files_and_labels(named: list[str], told: list[str]) -> tuple[list[Path], list[Path | None]]:
    """Return the live files, and the labels of each: None where its rows carry theirs."""
    files, of_each = live_files(named), lines(told)
    if not files:
        raise UserError(
            f"{LIVE.as_posix()}/ has no file; name files of live rows: `uv run sluice retrain FILE`"
        )
    if of_each and len(of_each) != len(files):
        raise UserError(
            f"--labels is given {len(of_each)} times for {len(files)} files: once for each, {OWN} "
            "where the rows carry theirs; several go one a line"
        )
    return files, [None if one == OWN else Path(one) for one in of_each] or [None] * len(files)


def main(files: list[str], labels: list[str]) -> None:
    """Retrain on the files, register a challenger that may be promoted, and say which it is."""
    paths, given = files_and_labels(files, labels)
    [source] = load_sources().sources.values()
    identified()
    on_a_branch()
    params = load_params()
    name = retrain(paths, given, params, source)
    version = registered(
        f"a challenger ({name}) of {', '.join(map(str, paths))}", params.registry.signed
    )
    say(
        f"retrain: {version} ({name}) passed all gates; `uv run sluice promote {version} --why ...`"
        " puts it into service, nothing else does"
    )
    say(
        f"retrain: commit {JUDGED_MODELS}, which counts who was judged by these rows, and"
        f" {RETRAINING_REPORTS.as_posix()}/"
    )
