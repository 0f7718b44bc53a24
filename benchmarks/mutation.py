"""Print which mutants of the core its tests let live: `uv run --with mutmut==3.8.1 python -m
benchmarks.mutation [module ...]`.

mutmut changes one thing in a function (an operator, a number, a string, an argument) and runs the
tests that bear on it; a mutant that they let pass is a survivor. A timeout counts as killed, a
mutant that no test reaches as a survivor. Exit code 1 if a survivor has no reason in
docs/mutants.md, or a reason there is about no survivor. Constants of a module and properties are
not mutated.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

PROJECT = Path(__file__).resolve().parent.parent
REASONS = PROJECT / "docs" / "mutants.md"
TESTS = {
    "intervals": ["test_intervals.py"],
    "split": [
        "test_split.py",
        "test_properties.py::test_each_row_is_scored_once_and_never_with_its_cluster_in_training",
        "test_properties.py::test_each_cluster_stands_on_one_side_and_each_class_on_both",
    ],
    "augment": ["test_augment.py"],
    "gate": ["test_gate.py"],
    "suite": ["test_suite.py"],
}
# a fork of a process that has run the tests hangs in the threads of their libraries: fork one that
# has only imported them;
# the plugin collects garbage at the end of each run, which takes longer than the tests of a mutant
SETTINGS = """[mutmut]
source_paths = stages
only_mutate = {path}
process_isolation = forkserver
pytest_add_cli_args =
    -p
    no:unraisableexception
pytest_add_cli_args_test_selection =
    {tests}
"""


def mutmut(folder: Path, *arguments: str) -> str:
    """Return what mutmut says in `folder`; exits with its words where it could not run, as when
    a test fails without a mutant.
    """
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    if done.returncode:
        sys.exit(f"mutation: {' '.join(command)} failed\n{done.stdout[-5000:]}")
    return done.stdout


def statuses(module: str, folder: Path) -> dict[str, str]:
    """Return killed, survived, timeout or no tests, for each mutant of a module by mutmut's name
    for it; runs in `folder`.
    """
    for name in ("stages", "tests"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    [path] = (path.relative_to(PROJECT) for path in (PROJECT / "stages").rglob(f"{module}.py"))
    tests = "\n    ".join(f"tests/{test}" for test in TESTS[module])
    (folder / "setup.cfg").write_text(
        SETTINGS.format(path=path.as_posix(), tests=tests), encoding="utf-8"
    )
    mutmut(folder, "run", "--max-children", "1")
    lines = (
        line.strip().rpartition(": ")
        for line in mutmut(folder, "results", "--all", "true").splitlines()
    )
    return {name: status for name, _, status in lines if f".{module}.x_" in name}


def key(name: str, diff: str) -> str:
    """Return a mutant as docs/mutants.md names it: the function and its line as mutated, or the
    line that is gone, after a minus.
    """
    module, _, function = name.rpartition("__mutmut_")[0].rpartition(".x_")
    function = f"{module.rpartition('.')[2]}.{function}"
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    added, removed = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "+-"
    )
    return f"{function}: {added or f'- {removed}'}"


def main() -> None:
    """Mutate the modules named on the command line, or all; print the counts and each survivor
    with its diff.
    """
    unknown = set(sys.argv[1:]) - set(TESTS)
    if unknown:
        sys.exit(f"mutation: no module {', '.join(sorted(unknown))}, take from {', '.join(TESTS)}")
    modules = sys.argv[1:] or list(TESTS)
    explained = {
        line.strip()
        for line in REASONS.read_text(encoding="utf-8").splitlines()
        if line.startswith("    ")
    }
    rows, survivors = [], {}
    for module in tqdm(modules, disable=not sys.stderr.isatty()):
        with tempfile.TemporaryDirectory() as name:
            found = statuses(module, Path(name))
            alive = [
                mutant for mutant, status in found.items() if status not in ("killed", "timeout")
            ]
            diffs = [mutmut(Path(name), "show", mutant) for mutant in alive]
        survivors |= {key(mutant, diff): diff for mutant, diff in zip(alive, diffs, strict=True)}
        rows.append(f"| {module} | {len(found)} | {len(found) - len(alive)} | {len(alive)} |")
    for survivor, diff in survivors.items():
        print(f"{'explained' if survivor in explained else 'NOT EXPLAINED'}: {survivor}\n{diff}")
    idle = [
        reason for reason in sorted(explained - set(survivors)) if reason.split(".")[0] in modules
    ]
    print(
        "".join(f"no survivor, take it out of docs/mutants.md: {reason}\n" for reason in idle),
        end="",
    )
    print("\n".join(["| module | mutants | killed | survived |\n|---|---|---|---|", *rows]))
    sys.exit(bool(idle or set(survivors) - explained))


if __name__ == "__main__":
    main()
