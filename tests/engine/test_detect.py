import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sluice.core.command import UserError
from sluice.data.sources import load_sources
from sluice.scoping import detect
from sluice.scoping.detect import ensure_sources, main, problems, sources_yaml, take_in
from sluice.scoping.sample import Found, look
from tests.engine.settings import SETTINGS

COLUMNS = {"colour": "text", "size": "number", "label": "text"}


def found(label=("a", "b"), kind="text", whole=True):
    """A file of three columns that was looked at, with these values in `label`."""
    return Found(
        columns=COLUMNS | {"label": kind},
        values={"colour": {"red"}, "size": {"1.5"}, "label": set(label)},
        whole=whole,
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project without data, whose target is `label`."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path


def test_answers_that_fit_the_file_are_no_problem():
    assert problems(found(), "label", ["colour"]) == []


def test_every_wrong_answer_is_told_at_once_with_what_the_header_offers():
    assert problems(found(), "labl", ["Colour", "weight"]) == [
        "target is 'labl', no column of the file; it has colour, size, label; did you mean label?",
        (
            "sensitive is 'Colour', no column of the file; it has colour, size, label; did you mean"
            " colour?"
        ),
        "sensitive is 'weight', no column of the file; it has colour, size, label",
    ]


def test_an_empty_target_is_told_what_the_header_offers():
    assert problems(found(), "", []) == [
        "target is empty, must be the column to predict: colour, size, label"
    ]


def test_of_many_columns_fifty_are_offered():
    [sentence] = problems(Found(columns={f"c{n}": "text" for n in range(60)}), "", [])
    assert sentence.endswith("c48, c49 and 10 more")


def test_the_target_cannot_be_sensitive():
    assert problems(found(), "label", ["label"]) == [
        "sensitive names the target 'label'; give each column one role"
    ]


@pytest.mark.parametrize("kind", ["number", "date"])
def test_a_sensitive_column_has_groups(kind):
    many = {f"{n}.5" for n in range(21)}
    table = Found(columns=COLUMNS | {"size": kind}, values={"size": many, "label": {"a", "b"}})
    later = (
        "; name a number in params.yaml afterwards, with its cut points" if kind == "number" else ""
    )
    assert problems(table, "label", ["size"]) == [
        f"sensitive is 'size', a {kind}; groups need a text, integer or boolean{later}"
    ]


def test_a_feature_has_to_be_left():
    assert problems(Found(columns={"label": "text", "sex": "text"}), "label", ["sex"]) == [
        "no column is left to predict from: each one is the target or sensitive"
    ]


@pytest.mark.parametrize(
    ("label", "kind", "said"),
    [
        (
            {f"{n}.5" for n in range(21)},
            "number",
            "which is continuous (numbers such as 0.5, 1.5, 10.5); ",
        ),
        (
            {str(n) for n in range(201)},
            "integer",
            "which is continuous (integers such as 0, 1, 10); ",
        ),
        (
            {"2001-02-03", "2001-02-04"},
            "date",
            "which is continuous (dates such as 2001-02-03, 2001-02-04); ",
        ),
        (
            {f"id{n}" for n in range(201)},
            "text",
            (
                "which has over 200 different values such as id0, id1, id10: a name or free text,"
                " not a class; "
            ),
        ),
        ({"['a', 'b']", "a"}, "text", "which holds lists such as \"['a', 'b']\"; "),
        ((), "text", "which has no value at all; "),
        ({"a"}, "text", "which is 'a' in every row; "),
    ],
)
def test_a_target_that_is_no_label_is_refused_with_what_this_is_for(label, kind, said):
    [sentence] = problems(found(label, kind), "label", [])
    assert sentence.startswith(f"target is 'label', {said}")
    assert (
        "this pipeline sorts the rows of a table into classes, by one label a row, two classes or"
        " more" in sentence
    )


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ({str(n) for n in range(200)}, "integer"),
        ({"0.5", "1.5"}, "number"),
        ({"true", "false"}, "boolean"),
    ],
)
def test_labels_may_be_numbers_or_truths(label, kind):
    assert problems(found(label, kind), "label", []) == []


def test_a_class_alone_in_the_first_rows_of_a_large_file_is_no_problem():
    assert problems(found({"a"}, whole=False), "label", []) == []


@pytest.mark.parametrize(
    ("label", "kind"), [({"true", "false"}, "boolean"), ({"0.5", "1.5"}, "number")]
)
def test_labels_are_declared_as_the_words_that_they_are(label, kind):
    [source] = yaml.safe_load(sources_yaml(found(label, kind), "data/raw/toys.csv", ["label"]))[
        "sources"
    ].values()
    assert source["columns"] == COLUMNS


NAMES = [
    "yes",
    "1",
    "a: b",
    "#x",
    "größe",
    "it's",
    'say "x"',
    "null",
    "~",
    "- a",
    "a\\b",
    "\x85",
    "\u2028",
    "🙂",
    "a,b",
    "[a]",
    "{a: b}",
    "on",
]


def test_any_name_of_a_column_or_a_file_comes_back_from_the_yaml():
    text = sources_yaml(
        Found(columns=dict.fromkeys(NAMES, "text"), delimiter="\t", missing=("", "?")),
        "data/raw/my: data.csv",
        [],
    )
    [(name, source)] = yaml.safe_load(text)["sources"].items()
    assert (name, list(source["columns"]), source["path"], source["delimiter"]) == (
        "my_data",
        NAMES,
        "data/raw/my: data.csv",
        "\t",
    )


def test_written_sources_name_every_setting(project):
    Path("data/sources.yaml").write_text(
        sources_yaml(found(), "data/raw/toys.csv", []), encoding="utf-8"
    )
    [source] = load_sources().sources.values()
    assert source.model_fields_set == set(type(source).model_fields)


def test_a_file_is_copied_and_described(project):
    Path("toys.csv").write_text("size;label\n1,5;a\n2,5;b\n")
    assert take_in(Path("toys.csv"), look(Path("toys.csv")), ["label"]) == []
    [source] = load_sources().sources.values()
    assert (source.delimiter, source.decimal, source.columns) == (
        ";",
        ",",
        {"size": "number", "label": "text"},
    )
    assert Path(source.path).read_bytes() == Path("toys.csv").read_bytes()


def test_a_file_too_large_for_git_is_left_to_a_command(project, monkeypatch):
    monkeypatch.setattr(detect, "LARGEST", 10)
    Path("my toys.csv").write_text("size,label\n1,a\n2,b\n")
    assert take_in(Path("my toys.csv"), look(Path("my toys.csv")), ["label"]) == [
        "uv run dvc add --out 'data/raw/my toys.csv' 'my toys.csv'"
    ]
    assert load_sources()
    assert list(Path("data/raw").iterdir()) == []


def test_command_takes_a_file_in(project, monkeypatch, capsys):
    Path("toys.csv").write_text("day,label\n1/2/01,a\n2/2/01,b\n")
    monkeypatch.setattr(sys, "argv", ["detect", "toys.csv"])
    main()
    assert Path("data/raw/toys.csv").is_file()
    screen = capsys.readouterr().out
    assert screen.startswith(
        "data/sources.yaml is written: 2 columns separated by commas, utf-8, decimal point, "
        "missing values ''; correct it there\n"
    )
    assert "'day' looks like dates" in screen


def test_the_one_file_that_is_there_is_taken(project):
    Path("data/raw").mkdir()
    pq.write_table(pa.table({"size": [1.5, 2.5], "label": [0.0, 1.0]}), "data/raw/toys.parquet")
    Path("data/raw/.gitignore").write_text("/toys.parquet\n")
    ensure_sources()
    [source] = load_sources().sources.values()
    assert (source.format, source.columns) == ("parquet", {"size": "number", "label": "integer"})


@pytest.mark.parametrize(
    "content", [b"size,label\n", b"PAR1", b"PAR1" + b"\x29" * 8 + b"\x08\0\0\0PAR1", b""]
)
def test_what_is_no_parquet_file_is_refused(project, content):
    Path("toys.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"toys\.parquet is not a Parquet file, as its name says"):
        ensure_sources(Path("toys.parquet"))
    assert not Path("data/sources.yaml").exists()


def test_a_file_that_is_not_there_is_refused(project):
    with pytest.raises(UserError, match=r"there is no file 'toys\.parquet'"):
        ensure_sources(Path("toys.parquet"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x00\x01", "NUL byte"),
        (b"label,label\n1,2\n", "two columns are named 'label'"),
        (b"size,label\n1,a\n2,a\n", "data.target is 'label', which is 'a' in every row"),
        (b"size,label\n1,a\r\n2,b\n", "some lines end in a line feed, some in a carriage"),
        (b'size,label\n1,a\n2,"b\n', "the row that begins on line 3 has a quote that is never"),
        (b"size,label\n1,a\n2,b\n3", "ends in the middle of its last row, on line 4"),
        (b"size,label\n1,['x']\n2,['y']\n", "which holds lists such as"),
        (b'"size","label"\n"1",1,"a"\n"2",2,"b"\n', "one field more than its header, as R"),
    ],
)
def test_what_only_the_rows_show_is_told_by_the_first_command(project, content, said):
    Path("data/raw").mkdir()
    Path("data/raw/toys.csv").write_bytes(content)
    with pytest.raises(UserError, match=re.escape(said)):
        ensure_sources()
    assert not Path("data/sources.yaml").exists()


def test_what_is_declared_already_is_not_looked_at_again(project):
    Path("data/sources.yaml").write_text("anything")
    ensure_sources()
    assert Path("data/sources.yaml").read_text() == "anything"


def test_what_is_declared_already_is_not_overwritten(project):
    Path("data/sources.yaml").write_text("anything")
    with pytest.raises(
        UserError,
        match=(
            r"data/sources\.yaml says already what the raw file is; correct it there, or delete it"
            r" and run this"
        ),
    ):
        ensure_sources(Path("toys.csv"))


@pytest.mark.parametrize("files", [[], ["a.csv", "b.csv"]])
def test_which_file_is_meant_has_to_be_plain(project, files):
    Path("data/raw").mkdir()
    for file in files:
        Path("data/raw", file).write_text("")
    with pytest.raises(
        UserError,
        match=(
            rf"data/raw has {len(files)} files, and no data/sources\.yaml says which; run `python"
            r" -m sluice\.scoping\.detect FILE`"
        ),
    ):
        ensure_sources()


def test_labels_that_the_file_does_not_have_are_refused(project):
    Path("toys.csv").write_text("size,colour\n1,red\n2,blue\n")
    with pytest.raises(
        UserError,
        match=r"params\.yaml: data\.target is 'label', no column of the file; it has size, colour",
    ):
        ensure_sources(Path("toys.csv"))
    assert not Path("data/sources.yaml").exists()
