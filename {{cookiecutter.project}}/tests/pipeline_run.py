"""Run the pipeline in a copy of this project, with the network cut off and every attempt to use
it written down.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parent.parent
COPIED = [
    ".dvc/config",
    ".dvcignore",
    "data/profile.json",
    "data/sources.yaml",
    "data/raw",
    "dvc.yaml",
    "expectations",
    "params.yaml",
    "sluice",
    "stages",
    "uv.lock",
]
NAMES = dict.fromkeys(
    ["class", "group", "against", "column"], "str"
)  # of rows of judged tables, also where they look like numbers


# imported by every Python process that has this folder on its path, those that DVC starts too
CUT_OFF = """
import os, sys

def refuse(event, args):
    local = event == "socket.connect" and not isinstance(args[1], tuple)  # a file, not a host
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto") and not local:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{sys.argv[:2]} {event} {args[1:]}\\n")
        raise OSError("the network is cut off")

sys.addaudithook(refuse)
"""


@dataclass(frozen=True)
class Run:
    """A copy of the project in `folder`, and what came of the last `dvc repro` there."""

    folder: Path

    def repro(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call `dvc repro` in the copy and return its output, errors with it."""
        return self.call("dvc", "repro", *arguments, **environment)

    def call(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call a module of Python in the copy, without network, and return its output, errors
        with it.
        """
        cut_off = self.folder.parent / f"{self.folder.name}_cut_off"
        cut_off.mkdir(exist_ok=True)
        (cut_off / "sitecustomize.py").write_text(CUT_OFF, encoding="utf-8")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        extra = {
            "PYTHONPATH": str(cut_off),
            "NETWORK_LOG": str(self.network_log),
            "PATH": path,
            **environment,
        }
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **extra},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    @property
    def network_log(self) -> Path:
        """The file with a line per attempt to use the network."""
        return self.folder.parent / f"{self.folder.name}_network.log"

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace `old`, which has to be there, in a file of the copy."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def expect(self, suite: str, expectation: str, **kwargs: object) -> None:
        """Add a critical expectation to a suite of the copy, confirmed if the others are."""
        path = self.folder / "expectations" / f"{suite}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        meta = {"notes": "Added by a test.", "bound": content["expectations"][0]["meta"]["bound"]}
        content["expectations"].append(
            {"type": expectation, "kwargs": kwargs, "severity": "critical", "meta": meta}
        )
        path.write_text(json.dumps(content), encoding="utf-8")

    def stopped_by(self) -> str:
        """Return a sentence on the gates that stopped the last run; nothing if none did."""
        reports = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((self.folder / "reports/gates").glob("*.json"))
        ]
        blocking = [report for report in reports if report["blocks"]]
        said = [sentence for report in blocking for sentence in report["sentences"]]
        return (
            "\n".join(
                [
                    f"dvc repro is stopped by {', '.join(report['gate'] for report in blocking)}:",
                    *said,
                ]
            )
            if blocking
            else ""
        )

    def table(self, name: str) -> pd.DataFrame:
        """Return a table that the run wrote."""
        path = self.folder / name
        return pd.read_csv(path, dtype=NAMES) if path.suffix == ".csv" else pd.read_parquet(path)


def copy_project(folder: Path, without: tuple[str, ...] = (), outputs_of: Run | None = None) -> Run:
    """Return a fresh copy of this project in `folder`, as a DVC repository without git.

    without: what is left out. outputs_of: a run whose outputs the copy begins with.
    """
    for name in [name for name in COPIED if name not in without]:
        source, target = PROJECT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    if outputs_of:
        shutil.copytree(outputs_of.folder, folder, dirs_exist_ok=True)
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    return Run(folder)


def once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Run]
) -> tuple[Run, str]:
    """Return the project that `make` puts into a folder, after one `dvc repro`, and what stopped
    it, if anything did: the same for all workers of pytest-xdist.
    """
    base = factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / name
    shared.mkdir(exist_ok=True)
    run, stopped = Run(shared / "project"), shared / "stopped.txt"
    with FileLock(shared / "lock"):
        if not stopped.exists():
            ended = make(run.folder).repro()
            why = (run.stopped_by() or ended.stdout) if ended.returncode else ""
            stopped.write_text(why, encoding="utf-8")
    return run, stopped.read_text(encoding="utf-8")
