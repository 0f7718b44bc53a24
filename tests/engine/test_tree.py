"""The tree: two rooms, imports in one direction, and stages that depend on just what they
import.
"""

import ast
import json
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from tests.pipeline_run import PROJECT, Run

AREAS = [
    "core",
    "gates",
    "data",
    "metrics",
    "fairness",
    "modeling",
    "drift",
    "audits",
    "reports",
    "registry",
    "monitoring",
    "retraining",
    "promotion",
    "scoping",
    "commands",
]
ENGINE = sorted((PROJECT / "sluice").rglob("*.py"))
DVC = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
SEAMS = {
    "sluice/data/derived.py": "stages/features.py",
    "sluice/modeling/models.py": "stages/models.py",
}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def file_of(module: str) -> str | None:
    """Return the file of a module of ours, as seen from the project."""
    path = PROJECT.joinpath(*module.split("."))
    found = [one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()]
    return found[0].relative_to(PROJECT).as_posix() if found else None


def imports(path: Path) -> set[str]:
    """Return the files of ours that the file at `path` imports."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "sluice",
            "stages",
        ):
            found |= {
                file_of(f"{node.module}.{a.name}") or file_of(node.module) for a in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {file_of(a.name) for a in node.names}
    return {one for one in found if one}


def all_imports(stage: str) -> set[str]:
    """Return the files that a stage imports, directly or not; a seam imports the project's file."""
    found: set[str] = set()
    todo = [f"stages/{stage}.py"]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [*imports(PROJECT / name), *([SEAMS[name]] if name in SEAMS else [])]
    return found


@pytest.mark.parametrize("stage", DVC)
def test_stage_depends_on_the_folders_that_it_imports(stage):
    folders = {str(Path(*Path(one).parts[:2]).as_posix()) for one in all_imports(stage)}
    listed = {dep for dep in DVC[stage]["deps"] if dep.startswith(("sluice", "stages"))}
    assert listed == folders | {"sluice/__init__.py"}


def changed(run: Run) -> set[str]:
    """Return the stages that `dvc repro` would run again."""
    said = run.call("dvc", "status", "--json").stdout
    return set(json.loads(said.splitlines()[-1]))


def test_an_edit_reruns_just_the_stages_that_it_can_change(toy_run, tmp_path):
    run = Run(shutil.copytree(toy_run.folder, tmp_path / "project"))
    for name in ("monitoring/monitor", "commands/summary", "core/__pycache__/x.cpython-311"):
        path = run.folder / f"sluice/{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("# edited\n", encoding="utf-8")
    assert changed(run) == set()
    (run.folder / "sluice/reports/evaluation_page.py").write_text("# edited\n", encoding="utf-8")
    assert "train" not in changed(run)
    assert "evaluate" in changed(run)
    (run.folder / "sluice/core/text.py").write_text("# edited\n", encoding="utf-8")
    assert changed(run) == set(DVC)


@pytest.mark.parametrize("stage", ["prepare", "validate", "augment", "train"])
def test_editing_a_page_or_the_monitor_leaves_a_stage_before_the_evaluation_alone(stage):
    assert not {"sluice/reports", "sluice/monitoring"} & set(DVC[stage]["deps"])
    assert "sluice/core" in DVC[stage]["deps"]


def test_imports_point_one_way():
    order = {area: nth for nth, area in enumerate(AREAS)}
    wrong = [
        f"{path.relative_to(PROJECT)} imports {one}"
        for path in ENGINE
        if path.parent.name in order
        for one in imports(path)
        if one.startswith("sluice/") and len(Path(one).parts) > 2
        if order[Path(one).parts[1]] > order[path.parent.name]
    ]
    assert not wrong


def test_the_engine_imports_no_stage():
    assert not [path for path in ENGINE if any(one.startswith("stages/") for one in imports(path))]


def test_areas_form_no_cycle_of_modules():
    within = {path.relative_to(PROJECT).as_posix(): imports(path) for path in ENGINE}

    def reach(name: str, seen: set[str]) -> set[str]:
        for one in within.get(name, set()) - seen:
            seen.add(one)
            reach(one, seen)
        return seen

    assert not [name for name in within if name in reach(name, set())]


def test_a_constant_has_one_meaning():
    values = defaultdict(set)
    for path in ENGINE:
        for node in tree_of(path).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Name) and target.id.isupper():
                values[target.id].add(ast.unparse(node.value))
    assert not {name: found for name, found in values.items() if len(found) > 1}


def test_the_stages_are_short():
    lines = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (PROJECT / "stages").glob("*.py")
    }
    assert set(lines) == {f"{stage}.py" for stage in [*DVC, "features", "models"]}
    assert sum(lines.values()) <= 500
    assert all(lines[f"{stage}.py"] <= 70 for stage in DVC)


def test_dvc_yaml_fits_in_130_lines():
    assert len((PROJECT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 130


def test_no_function_is_longer_than_40_lines():
    long = [
        f"{path.relative_to(PROJECT)}: {node.name}"
        for path in [*ENGINE, *(PROJECT / "stages").glob("*.py")]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 40
    ]
    assert not long
