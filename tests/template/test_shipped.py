"""The tests that a project ships with are green on its owner's data, after the edits that the
README names.
"""

import random
from pathlib import Path

import pytest
from test_answers import git, run
from test_template import ODD, ROOT, generate

pytestmark = pytest.mark.slow

EXTRA_TREES = '''

def extra_trees(X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the mean of 100 trees that are split at random."""
    trees = ExtraTreesClassifier(n_estimators=100, min_samples_leaf=2, random_state=random_state)
    return pipeline(category_codes(X, impute=True), trees)


def vote('''


def edit(path: Path, *pairs: tuple[str, str]) -> None:
    """Replace in a file what has to stand there once."""
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, f"{path.name}: {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def parcels(path: Path) -> Path:
    """Write a table of numbers alone, without time, persons or anything else that the bundled
    crashes have.
    """
    chance = random.Random(0)
    lines = ["distance,weight,pieces,late"]
    for nth in range(600):
        late = int(nth % 3 == 0)
        distance, weight = 100 + 60 * late + chance.gauss(0, 40), chance.lognormvariate(0, 1)
        lines.append(f"{distance:.1f},{weight:.2f},{chance.randint(1, 5)},{late}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def add_a_feature_then_a_model(folder: Path) -> None:
    """Follow the README: write a function that returns the model, and a line that derives."""
    edit(
        folder / "stages/models.py",
        ("\n\ndef vote(", EXTRA_TREES),
        ("    HistGradient", "    ExtraTreesClassifier,\n    HistGradient"),
    )
    edit(
        folder / "stages/features.py",
        ("return rows  #", 'return rows.assign(per_piece=rows["weight"] / rows["pieces"])  #'),
    )
    edit(folder / "params.yaml", ("  model: vote ", "  model: extra_trees "))


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project of the parcels after these edits, `sluice scope` and `dvc repro`, committed."""
    above = tmp_path_factory.mktemp("shipped")
    data = str(parcels(above / "parcels.csv"))
    folder = generate(ROOT, above, project=ODD, data=data, target="late")
    git(folder, "init", "--quiet")
    add_a_feature_then_a_model(folder)
    for command in (["sluice", "scope"], ["dvc", "repro"]):
        result = run(folder, *command)
        assert result.returncode == 0, result.stdout
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first run")
    return folder


def test_all_tests_of_a_project_of_own_data_pass(project):
    result = run(project, "pytest", "-n", "2", "--dist", "loadfile", "--durations=20")
    assert result.returncode == 0, result.stdout[-10000:]
    assert "extra_trees" in run(project, "pytest", "--co", "tests/test_models.py").stdout
    assert git(project, "status", "--porcelain") == "", "tests leave the project as it is"
