import re
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from sluice.core.command import UserError
from sluice.core.params import Params, load_params
from sluice.core.schema import load
from sluice.data.sources import Sources

PARAMS = """
random_state: 1
data: {target: label, time: year, cluster: [pack], sensitive: [colour],
  allowed: {}, cut_points: {}, favourable: null, forbidden: {price: set after the sale}}
scope: {metric: macro_f1, recall_floor: 0.5, recall_floors: {rare: 0.3}, largest_gap: 0.1}
prepare: {split: {by: time, test_from: 2001, test_size: 0.2}}
augment: {strategy: none, floor_share: 0.2, k_neighbors: 5, smote_max_rows: 100}
train: {model: any, sample_weight: none, half_life: null, decision_weights: none, calibration: none,
  search: 0, select: false, mitigation: none, folds: 2, threads: 1}
evaluate: {slices: [], costs: {}, refer_below: null}
monitor: {label_delay: null}
retrain: {candidates: [all], recent: 0.5, half_life: null, warm_iterations: 50}
registry: {signed: false}
"""
SOURCES = {
    "toys": {
        "path": "toys.csv",
        "format": "csv",
        "missing": [""],
        "key": ["id"],
        "columns": {"id": "text"},
    }
}


def refusal(tmp_path, content, schema=Params):
    """Return the sentences with which a file of this content is refused."""
    path = tmp_path / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as refused:
        load(path, schema)
    return [
        sentence.removeprefix(f"{path}").removeprefix(": ").strip()
        for sentence in str(refused.value).splitlines()
    ]


def changed(**values):
    """Return PARAMS as YAML with `section__key=value` set."""
    content = yaml.safe_load(PARAMS)
    for where, value in values.items():
        *steps, last = where.split("__")
        section = content
        for step in steps:
            section = section[step]
        section[last] = value
    return yaml.safe_dump(content)


def test_values_are_read_as_they_stand(tmp_path):
    (tmp_path / "params.yaml").write_text(PARAMS)
    params = load(tmp_path / "params.yaml", Params)
    assert (params.data.target, params.prepare.split.test_from, params.train.folds) == (
        "label",
        2001,
        2,
    )


def test_params_of_the_repository_are_accepted(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert load_params().data.target not in load_params().data.cluster


def test_sources_of_the_repository_are_accepted():
    assert len(load(Path(__file__).parents[2] / "data" / "sources.yaml", Sources).sources) == 1


def test_no_role_but_feature_is_seen_by_a_model(tmp_path):
    (tmp_path / "params.yaml").write_text(changed(data__cluster=["pack", "year"]))
    assert load(tmp_path / "params.yaml", Params).data.not_features() == [
        "__stage_row_id",
        "label",
        "year",
        "pack",
        "colour",
        "price",
    ]


def test_a_sensitive_column_is_seen_only_where_a_reason_allows_it(tmp_path):
    (tmp_path / "params.yaml").write_text(changed(data__allowed={"colour": "the law asks for it"}))
    assert "colour" not in load(tmp_path / "params.yaml", Params).data.not_features()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (2001, 2001),
        ("2001-02-03", datetime(2001, 2, 3)),
        ("2001-02-03 04:05", datetime(2001, 2, 3, 4, 5)),
        ("2001-02-03T04:05:06.7Z", datetime(2001, 2, 3, 4, 5, 6, 700_000)),
    ],
)
def test_a_first_test_value_stays_as_it_is_written_and_is_known_as_what_it_means(
    tmp_path, given, meant
):
    (tmp_path / "params.yaml").write_text(changed(prepare__split__test_from=given))
    split = load(tmp_path / "params.yaml", Params).prepare.split
    assert (split.test_from, split.cutoff) == (given, meant)


@pytest.mark.parametrize(
    "values, sentence",
    [
        (
            {"tran": {}},
            (
                "tran is unknown, allowed here: random_state, data, scope, prepare, augment, train,"
                " evaluate, monitor, retrain, registry; did you mean train?"
            ),
        ),
        (
            {"prepare__split__tst_size": 0.2},
            (
                "prepare.split.tst_size is unknown, allowed here: by, test_from, test_size,"
                " keep_clusters_whole; did you mean test_size?"
            ),
        ),
        (
            {"prepare__split__by": "random", "prepare__split__keep_clusters_whole": False},
            (
                "prepare.split: keep_clusters_whole is false, which is allowed with by: time alone;"
                " at random the earlier and later rows of a cluster would be mixed, so set it to"
                " true"
            ),
        ),
        (
            {"prepare__split__zzz": 0.2},
            (
                "prepare.split.zzz is unknown, allowed here: by, test_from, test_size,"
                " keep_clusters_whole"
            ),
        ),
        ({"random_state": "1"}, "random_state is '1', must be a valid integer"),
        ({"random_state": True}, "random_state is True, must be a valid integer"),
        ({"random_state": -1}, "random_state is -1, must be greater than or equal to 0"),
        ({"random_state": 2**32}, "random_state is 4294967296, must be less than 4294967296"),
        ({"train__folds": 2.0}, "train.folds is 2.0, must be a valid integer"),
        ({"train__folds": 1}, "train.folds is 1, must be greater than or equal to 2"),
        ({"train__threads": 0}, "train.threads is 0, must be greater than 0"),
        ({"prepare__split__test_size": 1.2}, "prepare.split.test_size is 1.2, must be less than 1"),
        ({"prepare__split__test_size": 0}, "prepare.split.test_size is 0, must be greater than 0"),
        (
            {"augment__strategy": "smoote"},
            "augment.strategy is 'smoote', must be 'none', 'oversample' or 'smote'",
        ),
        ({"data__cluster": "pack"}, "data.cluster is 'pack', must be a valid list"),
        ({"data__cluster": [1]}, "data.cluster.0 is 1, must be text: write it in quotes"),
        (
            {"data__forbidden": {"price": None}},
            (
                "data.forbidden.price is empty or null, must be text; if that is the word null,"
                " write it in quotes"
            ),
        ),
        (
            {"data__time": "label"},
            "data: data.time names the target 'label'; give each column one role",
        ),
        (
            {"data__cluster": ["label"], "data__sensitive": ["label"]},
            (
                "data: data.cluster names the target 'label'; data.sensitive names the target"
                " 'label'; give each column one role"
            ),
        ),
        (
            {"data__forbidden": {"label": "x", "pack": "y"}},
            (
                "data: data.forbidden names 'label', which data.target uses; "
                "data.forbidden names 'pack', which data.cluster uses; give each column one role"
            ),
        ),
        (
            {"data__allowed": {"pack": "law"}},
            "data: data.allowed names 'pack', which data.sensitive does not; name it there, too",
        ),
        ({"data__allowed": {"colour": " "}}, "data: data.allowed.colour is empty, must say why"),
        (
            {"data__allowed": {"colour": "\u200b"}},
            "data: data.allowed.colour is empty, must say why",
        ),
        (
            {"data__no_sensitive": "none"},
            (
                "data: data.no_sensitive says why no column is sensitive, but data.sensitive names"
                " colour; set no_sensitive: null"
            ),
        ),
        (
            {"data__sensitive": [], "data__no_sensitive": " "},
            "data: data.no_sensitive is empty, must say why no column is sensitive, or be null",
        ),
        (
            {"data__cut_points": {"colour": [2, 1]}},
            "data: data.cut_points.colour is [2.0, 1.0], must rise",
        ),
        (
            {"data__time": None},
            (
                "prepare.split.by is 'time', but data.time is None and prepare.split.test_from is"
                " 2001; name the time column and its first test value, or set prepare.split.by:"
                " random"
            ),
        ),
        (
            {"prepare__split__test_from": None},
            (
                "prepare.split.by is 'time', but data.time is 'year' and prepare.split.test_from is"
                " None; name the time column and its first test value, or set prepare.split.by:"
                " random"
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(tmp_path, values, sentence):
    assert refusal(tmp_path, changed(**values)) == [sentence]


@pytest.mark.parametrize(
    "given", ["2001", "2001-02-30", "03.02.2001", "2001-02-03\n", 2001.5, True, [2001]]
)
def test_a_first_test_value_that_is_no_time_is_told_what_it_must_be(tmp_path, given):
    [sentence] = refusal(tmp_path, changed(prepare__split__test_from=given))
    assert (
        sentence
        == f"prepare.split.test_from: it is {given!r}, must be an integer, a date or time stamp"
        ' such as "2024-01-31", or null'
    )


def test_an_integer_that_no_column_can_hold_is_refused(tmp_path):
    [sentence] = refusal(tmp_path, changed(prepare__split__test_from=2**63))
    assert (
        sentence
        == "prepare.split.test_from: it is 9223372036854775808, must be between -2^63 and 2^63"
    )


NOT_FOR_DVC = [
    (
        "test_from: 2001",
        "test_from: 2001-02-03",
        "prepare.split.test_from: 2001-02-03 stands there without quotes, as which DVC does not",
    ),
    (
        "test_from: 2001",
        "test_from: 2001-02-03 04:05:06",
        "prepare.split.test_from: 2001-02-03 04:05:06 stands there without quotes",
    ),
    (
        "target: label",
        "target: 2001-02-03",
        "data.target is 2001-02-03, must be text: write it in quotes",
    ),
    ("cluster: [pack]", "cluster: !!set {pack}", "data.cluster is {'pack'}, must be a valid list"),
    (
        "target: label",
        "target: !!binary aGVsbG8=",
        "data.target is b'hello', must be a valid string",
    ),
    (
        "target: label",
        "target: yes",
        "data.target is yes, which YAML reads as True, must be text: write it in quotes",
    ),
    (
        "recall_floors: {rare: 0.3}",
        "recall_floors: {100: 0.6}",
        "a key of scope.recall_floors is 100, must be text: write it in quotes",
    ),
    (
        "recall_floors: {rare: 0.3}",
        "recall_floors: {off: 0.6}",
        "a key of scope.recall_floors is off, which YAML reads as False, must be",
    ),
    (
        "favourable: null",
        "favourable: No",
        "data.favourable is No, which YAML reads as False, must be text: write it in quotes",
    ),
    (
        "favourable: null",
        "favourable: true",
        "data.favourable is True, must be text: write it in quotes",
    ),
    (
        "target: label",
        "target: 0x1F",
        "data.target is 0x1F, which YAML reads as 31, must be text: write it in quotes",
    ),
    (
        "target: label",
        "target: 1:30",
        "data.target is 1:30, which YAML reads as 90, must be text: write it in quotes",
    ),
    (
        "cluster: [pack]",
        "cluster: [on, off]",
        "data.cluster.0 is on, which YAML reads as True, must be text: write it in quotes",
    ),
    (
        "recall_floors: {rare: 0.3}",
        "recall_floors: {2001-02-03: 0.6}",
        "a key of scope.recall_floors is 2001-02-03, must be text",
    ),
    ("costs: {}", "costs: {a: {b: .inf}}", "evaluate.costs.a.b is inf, must be a finite number"),
    ("costs: {}", "costs: {a: {b: .nan}}", "evaluate.costs.a.b is nan, must be a finite number"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), NOT_FOR_DVC)
def test_what_dvc_does_not_take_is_told_before_it_is_asked(tmp_path, old, new, sentence):
    assert old in PARAMS
    told = refusal(tmp_path, PARAMS.replace(old, new))[0]
    assert told.startswith(sentence)


def test_an_alias_is_refused_before_its_values_multiply(tmp_path):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{nth}: &a{nth} [{', '.join([f'*a{nth - 1}'] * 9)}]\n" for nth in range(1, 30)
    )
    [sentence] = refusal(tmp_path, bomb + PARAMS)
    assert sentence.startswith("is not YAML: *a0 is an alias; write the value out in ")


def test_lists_too_deep_in_each_other_are_refused(tmp_path):
    assert refusal(tmp_path, f"data: {'[' * 5000}{']' * 5000}") == [
        "is not YAML that can be read: its lists or mappings stand too deep in each other"
    ]


def test_a_missing_key_is_refused(tmp_path):
    assert refusal(tmp_path, PARAMS.replace("random_state: 1", "").replace("by: time, ", "")) == [
        "random_state is missing; add it",
        "prepare.split.by is missing; add it",
    ]


def test_problems_in_several_sections_are_told_at_once(tmp_path):
    assert refusal(tmp_path, changed(random_state="x", data__target=1, train__modle="y")) == [
        "random_state is 'x', must be a valid integer",
        "data.target is 1, must be text: write it in quotes",
        (
            "train.modle is unknown, allowed here: model, sample_weight, half_life,"
            " decision_weights, calibration, search, select, mitigation, folds, threads; did you"
            " mean model?"
        ),
    ]


def test_a_split_at_random_needs_no_time(tmp_path):
    (tmp_path / "params.yaml").write_text(
        changed(data__time=None, prepare__split__by="random", prepare__split__test_from=None)
    )
    assert load(tmp_path / "params.yaml", Params).data.time is None


@pytest.mark.parametrize(
    "content", ["data: [", "a: b: c", "!!python/object:os.system {}", "day: 2001-13-45"]
)
def test_a_file_that_is_not_yaml_is_refused(tmp_path, content):
    [sentence] = refusal(tmp_path, content)
    assert sentence.startswith("is not YAML: ")


def test_a_key_that_stands_twice_is_refused(tmp_path):
    [sentence] = refusal(tmp_path, PARAMS + "random_state: 2\n")
    assert "random_state" in sentence


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    assert refusal(tmp_path, b"data: \xff") == ["is not UTF-8 (byte 6); save it as UTF-8"]


@pytest.mark.parametrize("content, kind", [("", "NoneType"), ("- data", "list")])
def test_a_file_without_sections_is_refused(tmp_path, content, kind):
    assert refusal(tmp_path, content) == [
        f"holds {kind}, must hold the sections random_state, data, scope, prepare, augment, train,"
        " evaluate, monitor, retrain, registry"
    ]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"params\.yaml does not exist; restore it from git or write it anew"
    ):
        load(tmp_path / "params.yaml", Params)


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"key": ["name"]}, "sources.toys: key names 'name', which columns does not declare"),
        (
            {"no_content": ["name"]},
            "sources.toys: no_content names 'name', which columns does not declare",
        ),
        (
            {"key": ["id"], "no_content": ["id"]},
            (
                "sources.toys: no_content names 'id', which key names: what tells rows apart is"
                " content"
            ),
        ),
        (
            {"equal_rows": "delete"},
            "sources.toys.equal_rows is 'delete', must be 'together', 'separate' or 'drop'",
        ),
        (
            {"columns": {"id": "txt"}},
            (
                "sources.toys.columns.id is 'txt', must be 'text', 'integer', 'number', 'boolean'"
                " or 'date'"
            ),
        ),
        (
            {"columns": {"id": "text", "__stage_id": "text"}},
            (
                "sources.toys: a column is named '__stage_id', but names that begin with __stage_"
                " are for columns that the stages add; rename it in the file"
            ),
        ),
        (
            {"encoding": "utf8"},
            "sources.toys.encoding is 'utf8', must be 'utf-8', 'utf-16', 'cp1252' or 'latin-1'",
        ),
        (
            {"missing": [None]},
            (
                "sources.toys.missing.0 is empty or null, must be text; if that is the word null,"
                " write it in quotes"
            ),
        ),
        (
            {"delimter": ";"},
            (
                "sources.toys.delimter is unknown, allowed here: path, format, delimiter, encoding,"
                " decimal, missing, missing_in, records, number_formats, one_spelling, ignore_case,"
                " date_formats, key, equal_rows, no_content, columns; did you mean delimiter?"
            ),
        ),
    ],
)
def test_a_wrong_source_is_refused_in_one_sentence(tmp_path, change, sentence):
    assert refusal(
        tmp_path, yaml.safe_dump({"sources": {"toys": SOURCES["toys"] | change}}), Sources
    ) == [sentence]


@pytest.mark.parametrize(
    "sources",
    [
        {},
        SOURCES
        | {"games": {**SOURCES["toys"], "key": [], "missing": [], "columns": {"id": "text"}}},
    ],
)
def test_there_is_one_source(tmp_path, sources):
    [sentence] = refusal(tmp_path, yaml.safe_dump({"sources": sources}), Sources)
    assert sentence.startswith("sources is {")


@pytest.mark.parametrize(
    "change", [{"delimiter": ";;"}, {"delimiter": ""}, {"columns": {}, "key": []}]
)
def test_a_length_out_of_range_reads_as_a_sentence(tmp_path, change):
    [sentence] = refusal(
        tmp_path, yaml.safe_dump({"sources": {"toys": SOURCES["toys"] | change}}), Sources
    )
    assert re.search(r", must [a-z]", sentence)
