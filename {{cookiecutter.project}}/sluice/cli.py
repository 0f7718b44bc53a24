"""The command `sluice`: everything a user runs before, during and after training.

A command imports what it needs only when it is called, so that `sluice --help` answers at once.
"""

import gc
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from sluice import __version__
from sluice.core.command import run

COMMANDS = {
    "Before training": ["scope", "confirm"],
    "Training": ["repro", "summary", "compare", "compare-remedies", "age", "verify"],
    "In service": ["score", "monitor", "retrain"],
    "Registry": ["promote", "rollback", "history"],
}
REFUSED = {"monitor": 2}  # 1, the exit code of the others, is its verdict "warn"
FILE = click.Path(path_type=Path)


class ByPhase(click.Group):
    """A group that lists its commands in the order of a model's life."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, the first phase first."""
        return [name for names in COMMANDS.values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section of the help for each phase."""
        for phase, names in COMMANDS.items():
            with formatter.section(phase):
                formatter.write_dl([(name, _first_sentence(name)) for name in names])


def _first_sentence(name: str) -> str:
    """Return what the command does, whole, however wide the terminal is."""
    return sluice.commands[name].get_short_help_str(sys.maxsize)


def _call(module: str, *given: Any) -> None:
    """Call `main` of a module of the engine."""
    gc.disable()  # see `run`
    main = import_module(f"sluice.{module}").main
    gc.enable()
    main(*given)


@click.group(cls=ByPhase, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def sluice() -> None:
    """Check every table, every model and every live batch of this project.

    Exit codes: 0 for success, 1 for a gate that blocks or input that has to be changed, 2 for a
    wrong option, 70 for an error in sluice itself. `monitor` has its own, see `sluice monitor
    --help`.
    """


@sluice.command()
def scope() -> None:
    """Show what the data hold, what they can prove and what a model will cost; propose suites."""
    _call("scoping.scope")


@sluice.command()
@click.argument("suite", required=False)
@click.option("--column", help="Only the bounds of this column.")
def confirm(suite: str | None, column: str | None) -> None:
    """Show the proposed bounds of SUITE beside the data, and mark them as confirmed by you."""
    _call("commands.confirm", suite, column)


@sluice.command()
def repro() -> None:
    """Run every stage that changed, then show the result, also where a gate stopped the run."""
    _call("commands.repro")


@sluice.command()
def summary() -> None:
    """Show the last run: each gate with its verdict, each class beside the baselines."""
    _call("commands.summary")


@sluice.command()
@click.argument("rev", required=False)
def compare(rev: str | None) -> None:
    """Compare this run with the commit REV, by default the one where this branch left main."""
    _call("commands.compare", rev)


@sluice.command()
def compare_remedies() -> None:
    """Estimate by cross-validation which remedy for rare classes would gain what."""
    _call("commands.compare_remedies")


@sluice.command()
def age() -> None:
    """Measure how long a model lasts: fit on the past, score the future."""
    _call("monitoring.age")


@sluice.command()
@click.option(
    "--reports",
    is_flag=True,
    help="Compare only the reports that git keeps, for inputs as they are.",
)
def verify(reports: bool) -> None:
    """Run everything again in a scratch copy, and compare the hashes with dvc.lock."""
    _call("commands.verify", reports)


@sluice.command()
@click.argument("file", type=FILE)
@click.option(
    "--out", type=FILE, help="The file to write, .csv or .parquet; by default in scored/."
)
def score(file: Path, out: Path | None) -> None:
    """Decide each row of FILE with the model in service.

    Rows that do not conform are set aside, with their reasons, in OUT.rejects.csv. Exit code 1: the
    file as a whole is refused, and nothing is written.
    """
    _call("monitoring.score", file, out)


@sluice.command()
@click.argument("batch", required=False)
@click.option(
    "--labels", type=FILE, help="Labels that came later: the key (else `line`) and the target."
)
@click.option(
    "--window", help="Name of the window; by default the span of its time, else the file's name."
)
@click.option(
    "--sample", type=click.IntRange(min=0), default=0, help="Draw so many rows to label next."
)
def monitor(batch: str | None, labels: Path | None, window: str | None, sample: int) -> None:
    """Judge live rows, and with labels the decisions, by what the model was tested on.

    BATCH is a file or a pattern; by default the last file of data/live. Exit codes: 0 pass, 1 warn,
    2 fail, 3 insufficient.
    """
    _call("monitoring.monitor", batch, labels, window, sample)


@sluice.command()
@click.argument("files", nargs=-1)
@click.option(
    "--labels", multiple=True, help="The labels of the nth file, or - where its rows hold them."
)
def retrain(files: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """Fit challengers on all labelled rows, FILES included, and register the best if every gate
    passes.

    Without FILES all of data/live is taken. Exit code 0: a challenger is registered, which
    `sluice promote` may put into service. Exit code 1: the model in service stays.
    """
    _call("retraining.retrain", list(files), list(labels))


@sluice.command()
@click.argument("version", required=False)
@click.option("--why", required=True, help="The reason, which the tag keeps.")
@click.option(
    "--uncompared", help="Why a model goes into service that cannot be compared with the champion."
)
@click.option(
    "--accept", multiple=True, help="A class that the new model is meant to find less often."
)
def promote(version: str | None, why: str, uncompared: str | None, accept: tuple[str, ...]) -> None:
    """Put the last run's model, or the registered VERSION, into service."""
    _call("promotion.promote", version, why, uncompared, list(accept))


@sluice.command()
@click.argument("version", required=False)
@click.option("--why", required=True, help="What was wrong, which the tag keeps.")
def rollback(version: str | None, why: str) -> None:
    """Put the model before, or VERSION, back into service."""
    _call("registry.rollback", version, why)


@sluice.command()
def history() -> None:
    """Show who registered, promoted and retired which model, when and why."""
    _call("registry.history")


def main() -> None:
    """Run the command that the command line names."""
    name = next((given for given in sys.argv[1:] if given in sluice.commands), "sluice")
    run(sluice, name, REFUSED.get(name, 1))
