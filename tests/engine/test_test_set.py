"""The test set: how many models it judged is counted, and told when it is worn."""

import pandas as pd
import pytest

from sluice.audits.test_set import read_history, remember, uses
from sluice.audits.test_set import test_rows_sha256 as rows_sha256
from sluice.core.command import UserError
from sluice.core.tables import write_json
from sluice.gates.gate import gate
from sluice.scoping.suites import suite as proposed_suite

TEST, OTHER = "a" * 64, "b" * 64
ROWS = pd.DataFrame({"__stage_row_id": ["p", "q"], "label": ["x", "y"], "size": [1, 2]})


def models(n: int) -> list[str]:
    return [f"{nth:064d}" for nth in range(n)]


def test_each_model_counts_once(tmp_path):
    for model in [*models(3), *models(3)]:
        history = remember(TEST, model, tmp_path / "judged.csv")
    assert uses(history, TEST).to_dict("records") == [{"test_sha256": TEST, "models": 3}]


def test_model_that_was_judged_before_leaves_the_history_as_it_is(tmp_path):
    path = tmp_path / "judged.csv"
    for model in models(2):
        remember(TEST, model, path)
    before = path.read_bytes()
    assert before.decode().splitlines()[0] == "test_sha256,model_sha256"
    remember(TEST, models(1)[0], path)
    assert path.read_bytes() == before


def test_other_test_rows_count_anew(tmp_path):
    for model in models(3):
        remember(TEST, model, tmp_path / "judged.csv")
    assert uses(remember(OTHER, models(1)[0], tmp_path / "judged.csv"), OTHER)[
        "models"
    ].tolist() == [1]


def test_deleted_history_counts_anew(tmp_path):
    assert read_history(tmp_path / "judged.csv") == []


def test_rows_that_two_branches_wrote_count_once(tmp_path):
    (tmp_path / "judged.csv").write_text(
        f"test_sha256,model_sha256\n{TEST},{OTHER}\n{TEST},{OTHER}\n"
    )
    assert read_history(tmp_path / "judged.csv") == [(TEST, OTHER)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1 is '', must be the header test_sha256,model_sha256"),
        ("a,b\n", "line 1 is 'a,b', must be the header"),
        (
            "test_sha256,model_sha256\n<<<<<<< HEAD\n",
            "line 2 is '<<<<<<< HEAD', must be test_sha256,model_sha256",
        ),
        (f"test_sha256,model_sha256\n{TEST}\n", "line 2 is 'a+', must be"),
    ],
)
def test_broken_history_is_refused(tmp_path, text, said):
    (tmp_path / "judged.csv").write_text(text)
    with pytest.raises(
        UserError,
        match=rf"judged\.csv is broken: {said}.*restore it from git, or delete it to count anew",
    ):
        read_history(tmp_path / "judged.csv")


def test_history_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "judged.csv").write_bytes(b"\xff")
    with pytest.raises(UserError, match="byte 0 is not UTF-8"):
        read_history(tmp_path / "judged.csv")


def test_test_set_is_known_by_its_rows_and_labels():
    assert rows_sha256(ROWS, "label") == rows_sha256(ROWS.iloc[::-1].drop(columns="size"), "label")
    assert rows_sha256(ROWS, "label") != rows_sha256(ROWS.assign(label=["x", "x"]), "label")
    assert rows_sha256(ROWS, "label") != rows_sha256(ROWS.head(1), "label")


@pytest.mark.parametrize(("n", "verdict"), [(1, "pass"), (20, "pass"), (21, "warn")])
def test_test_set_that_judged_many_models_is_warned_of(tmp_path, n, verdict):
    suite = proposed_suite("test_set")
    suite["expectations"] = [
        one | {"meta": one["meta"] | {"bound": "confirmed"}} for one in suite["expectations"]
    ]
    write_json(suite, tmp_path / "test_set.json")
    found = gate(
        uses([(TEST, model) for model in models(n)], TEST),
        tmp_path / "test_set.json",
        tmp_path / "report.json",
    )
    assert (found.verdict, found.blocks) == (verdict, False)
    assert ("Take new test rows" in "".join(found.sentences)) == (verdict == "warn")
