"""Score: every row is decided or set aside with its reason, however the file is cut, and a file
is written whole or not at all.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sluice.core.command import UserError, run
from sluice.core.params import load_params
from sluice.data.roles import features
from sluice.data.sources import Source, load_sources
from sluice.modeling.model import Model
from sluice.monitoring import chunks
from sluice.monitoring import score as command
from sluice.monitoring.batch import LINE, critical, read_batch
from sluice.monitoring.score import score
from sluice.registry.champion import load_champion
from tests.engine.settings import roles

DATA = roles(cluster=["id"], sensitive=["sex"], forbidden={"late": "known later"})
KINDS = {
    "id": "integer",
    "a": "number",
    "n": "integer",
    "text": "text",
    "day": "date",
    "sex": "text",
    "late": "text",
    "label": "text",
}
HEADER = "id,a,n,text,day,sex\n"


class Fixed:
    """A model of `a` alone."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = 1 / (1 + np.exp(-2 * X["a"].to_numpy()))
        return np.column_stack([1 - p, p])


FEATURES = {"a": "number", "n": "number", "text": "text", "day": "number"}
MODEL = Model(Fixed(), ["no", "yes"], FEATURES, {}, {"no": 1.0, "yes": 9.0})


def params(below: float | None = None, data=DATA) -> SimpleNamespace:
    return SimpleNamespace(
        data=data, train=SimpleNamespace(threads=1), evaluate=SimpleNamespace(refer_below=below)
    )


def source(key: str = "", **more: object) -> Source:
    return Source(
        **{
            "path": "x.csv",
            "format": "csv",
            "missing": ["", "NA"],
            "key": [key] if key else [],
            "columns": KINDS,
        }
        | more
    )


def expect(kind: str, severity: str = "critical", **kwargs: object) -> dict:
    meta = {"notes": "Said by a test.", "bound": "confirmed"}
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": meta}


BETWEEN = expect("column_values_to_be_between", column="n", min_value=0, max_value=9)
KNOWN = expect(
    "column_values_to_be_in_set", column="text", value_set=["p", "q", "one,\ntwo", 'said "so"']
)
COLUMNS = expect(
    "table_columns_to_match_set",
    column_set=["id", "a", "n", "text", "day", "sex", "label", "__stage_row_id"],
)


def holds(*expectations: dict) -> None:
    Path("expectations/prepared.json").write_text(
        json.dumps({"name": "prepared", "expectations": [*expectations]}), encoding="utf-8"
    )


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Path:
    """A folder with a suite, and MODEL in service."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    (tmp_path / "expectations").mkdir()
    holds(COLUMNS, BETWEEN, KNOWN)
    monkeypatch.setattr(command, "load_champion", lambda: (MODEL, {}))
    monkeypatch.setattr(
        command, "as_trained", lambda model, reference, params, source: (params, source)
    )
    monkeypatch.setattr(command, "version", lambda: "v2")
    return tmp_path


def draw(n: int = 100, seed: int = 0) -> pd.DataFrame:
    """Rows of which every fifth text holds a line feed, every fifth quotes."""
    rng = np.random.default_rng(seed)
    texts = ["p", "q", "one,\ntwo", 'said "so"', "p"]
    columns = {"id": np.arange(n) + 1_234_567, "a": rng.normal(size=n), "n": rng.integers(0, 10, n)}
    columns |= {
        "text": [texts[nth % 5] for nth in range(n)],
        "day": "2002-01-05",
        "sex": rng.choice(["f", "m"], n),
    }
    return pd.DataFrame(columns)


def scored(
    name: str,
    out: str = "out.csv",
    rows: int = chunks.CHUNK_ROWS,
    below: float | None = None,
    **more: object,
) -> pd.DataFrame:
    """Score the file `name` and return what was written."""
    score(Path(name), Path(out), params(below), source(**more), rows)
    return pd.read_parquet(out) if out.endswith(".parquet") else pd.read_csv(out)


def written(rows: pd.DataFrame, name: str = "in.csv", **options: object) -> str:
    rows.to_csv(name, index=False, **options)
    return name


def aside(out: str = "out.csv") -> pd.DataFrame:
    return pd.read_csv(f"{out}.rejects.csv")


def test_each_row_is_decided_as_the_model_does(capsys):
    rows = draw()
    found = scored(written(rows), below=0.8)
    y_score = MODEL.predict_proba(rows)
    assert list(found.columns) == [
        "line",
        "decision",
        "p_no",
        "p_yes",
        "confidence",
        "referred",
        "model_version",
    ]
    assert np.allclose(found[["p_no", "p_yes"]], y_score, rtol=0, atol=1e-12)
    assert found["decision"].tolist() == ["yes" if 9 * p > 1 - p else "no" for p in y_score[:, 1]]
    sure = [max(9 * p, 1 - p) / (9 * p + 1 - p) for p in y_score[:, 1]]
    assert np.allclose(found["confidence"], sure)
    assert found["referred"].tolist() == [share < 0.8 for share in sure]
    assert found["referred"].any()
    assert set(found["model_version"]) == {"v2"}
    assert found["line"].tolist() == [
        2 + nth + nth // 5 + (nth % 5 > 2) for nth in range(100)
    ]  # each third text has a line more
    counts = found["decision"].value_counts()
    assert (
        capsys.readouterr().out
        == f"score: 100 of 100 rows, model v2: out.csv\n  decided: no {counts['no']}, yes"
        f" {counts['yes']}\n"
    )
    assert aside().empty


def test_no_row_is_referred_where_nobody_asked():
    assert not scored(written(draw()))["referred"].any()


def test_rows_that_are_wrong_are_set_aside_with_their_reasons_and_the_rest_scored(capsys):
    rows = [
        "1,.5,3,p,2002-01-05,f",
        "2,.5,12,p,2002-01-05,f",
        "3,much,3,p,2002-01-05,f",
        "4,.5,3,p",
        '5,.5,-1,"new\none",2002-01-05,m',
    ]
    Path("in.csv").write_text(HEADER + "\n".join([*rows, "6,.5,,p,2002-01-05,m"]) + "\n")
    found = scored("in.csv", key="id")
    assert found["id"].tolist() == [1, 6]
    told = aside()
    assert told["line"].tolist() == [3, 4, 5, 6]
    assert told["kind"].tolist() == ["not_allowed", "bad_value", "malformed", "not_allowed"]
    between = "Required: 0 to 9. Said by a test."
    assert told["reason"][0] == f"n is not allowed. {between}"
    assert told["reason"][1] == "a is no finite number: written as a"
    assert told["reason"][3].startswith(
        f"n is not allowed. {between} text is not allowed. Required: one of "
    )
    assert (
        "WARN: 4 set aside, out.csv.rejects.csv says why: bad_value 1, malformed 1, not_allowed 2"
        in capsys.readouterr().out
    )


def test_no_key_is_decided_twice_however_the_file_is_cut(capsys):
    rows = draw(12).assign(
        id=[1, 2, 3, 4, 5, 6, 1, 2, 9, 1, 11, 12], day="2002-01-05", text="p", n=1, sex="f"
    )
    rows.loc[[6, 9], ["a"]] = rows.loc[0, "a"]  # the rows of 1 agree, those of 2 do not
    for most in (3, 50):
        found = scored(written(rows), rows=most, key="id")
        assert found["id"].tolist() == [1, 3, 4, 5, 6, 9, 11, 12]
        told = aside()[["line", "kind"]].to_numpy().tolist()
        assert told == [
            [3, "key_conflict"],
            [8, "duplicate"],
            [9, "key_conflict"],
            [11, "duplicate"],
        ]
        assert (
            "WARN: 4 set aside, out.csv.rejects.csv says why: duplicate 2, key_conflict 2"
            in capsys.readouterr().out
        )
    assert set(aside()["reason"]) == {
        "a row that was kept agrees in all columns",
        "other rows have the same key: id",
    }


def test_keys_that_are_missing_are_one_key():
    assert scored(written(draw(3).astype({"id": "Int64"}).assign(id=[None, 2, None])), key="id")[
        "id"
    ].tolist() == [2]
    assert aside()["kind"].tolist() == ["key_conflict"] * 2


def test_equal_rows_without_a_key_are_decided_each():
    assert len(scored(written(draw(1).loc[[0, 0, 0]]))) == 3


def test_pair_that_is_not_allowed_is_set_aside():
    pairs = expect(
        "column_pair_values_to_be_in_set",
        column_A="text",
        column_B="sex",
        value_pairs_set=[["p", "f"], ["q", "m"]],
    )
    holds({**pairs, "kwargs": pairs["kwargs"] | {"ignore_row_if": "both_values_are_missing"}})
    rows = draw(2).assign(text=["p", "q"], sex=["f", "f"])
    assert len(scored(written(rows))) == 1
    assert aside()["reason"][0].startswith("text is not allowed and sex is not allowed. Required: ")


def test_missing_value_meets_all_but_not_null():
    holds(BETWEEN, expect("column_values_to_not_be_null", column="a"))
    found = scored(
        written(draw(3).astype({"n": "Int64"}).assign(n=[None, 3, 4], a=[1.0, None, 2.0]))
    )
    assert len(found) == 2
    assert aside()["reason"].tolist() == [
        "a is missing. Required: no value is missing. Said by a test."
    ]


def test_exceptions_are_scored_unless_the_file_has_more_than_chance_brings(capsys):
    holds(expect("column_values_to_be_between", column="n", max_value=5, mostly=0.9))
    few = draw(20).assign(text="p", n=[9] * 3 + [0] * 17)
    many = few.assign(n=[9] * 10 + [0] * 10)
    for rows in (7, 50):
        assert (
            len(scored(written(few), rows=rows)) == 20
        )  # 3 of 20 where a tenth may: by chance in one file of three
        assert len(scored(written(many), rows=rows)) == 10  # in one of 140,000
        assert aside()["line"].tolist() == list(range(2, 12))
    assert (
        "n is not allowed. Required: at most 5, in at least 90 % of the rows."
        in aside()["reason"][0]
    )
    assert (
        "n: 3 of 20 rows differ, 10.00% may (expectations/prepared.json:1)"
        in capsys.readouterr().out
    )


AIRPORTS = expect(
    "column_pair_values_to_be_in_set",
    column_A="text",
    column_B="sex",
    value_pairs_set=[["p", "f"], ["q", "m"]],
    ignore_row_if="either_value_is_missing",
    mostly=0.99,
)


def inferred(one: dict) -> dict:
    return one | {"meta": one["meta"] | {"bound": "inferred"}}


def test_what_was_only_not_met_in_training_is_decided_and_told(capsys):
    holds(
        inferred(AIRPORTS),
        inferred(expect("column_values_to_be_between", column="a", max_value=36.9, mostly=0.99)),
    )
    rows = draw(20).assign(text=["p", "q"] * 10, sex="f", a=[37.0] * 4 + [20.0] * 16)
    for n in (7, 50):
        assert len(scored(written(rows), rows=n)) == 20
        assert aside().empty
        assert capsys.readouterr().out.splitlines()[2:] == [
            (
                "  WARN: more rows than in training hold what was rare or new there; they were"
                " decided."
            ),
            "    text and sex: 10 of 20 rows differ, 1.00% may (expectations/prepared.json:1)",
            "    a: 4 of 20 rows differ, 1.00% may (expectations/prepared.json:1)",
        ]


def test_what_cannot_be_is_set_aside_though_it_was_inferred():
    holds(inferred(expect("column_values_to_be_between", column="n", min_value=0)))
    assert len(scored(written(draw(20).assign(n=[-1] + [3] * 19)))) == 19


def test_rows_as_in_training_are_scored_without_a_word(capsys):
    holds(inferred(AIRPORTS))
    scored(written(draw(20).assign(text="p", sex="f")))
    assert "WARN" not in capsys.readouterr().out


def test_warning_sets_no_row_aside():
    holds(BETWEEN, expect("column_values_to_be_in_set", "warning", column="text", value_set=["z"]))
    assert len(scored(written(draw()))) == 100


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"lineterminator": "\r\n"}, {"compression": "gzip"}, {"encoding": "utf-16"}]
)
def test_wherever_the_file_is_cut_the_same_is_written(options, broken):
    name = "in.csv.gz" if "compression" in options else "in.csv"
    rows = draw(40)
    if broken:
        rows = rows.assign(a=rows["a"].astype("object"), n=rows["n"].astype("object"))
        rows.loc[::9, "n"], rows.loc[::11, "a"], rows.loc[::8, "n"], rows.loc[::10, "text"] = (
            10,
            "much",
            None,
            "gr\u00fcn\n\n",
        )
    encoding = {"encoding": options["encoding"]} if "encoding" in options else {}
    once = (
        scored(written(rows, name, **options), **encoding),
        Path("out.csv").read_bytes(),
        Path("out.csv.rejects.csv").read_bytes(),
    )
    wrong = {*range(0, 40, 9), *range(0, 40, 11), *range(0, 40, 10)}
    assert len(once[0]) == 40 - len(aside()) == 40 - (len(wrong) if broken else 0)
    for n in (7, 39):
        scored(name, rows=n, **encoding)
        assert (Path("out.csv").read_bytes(), Path("out.csv.rejects.csv").read_bytes()) == once[1:]


def test_csv_and_parquet_agree():
    rows = draw(20).assign(n=lambda t: t["n"].astype("Int64").where(t["n"] > 1))
    rows.loc[3, "n"] = 70
    rows.to_parquet("in.parquet", index=False)
    options = {"rows": 7, "key": "id"}
    for name, out in (
        ("in.parquet", "b.csv"),
        ("in.parquet", "c.parquet"),
        (written(rows), "d.parquet"),
    ):
        pd.testing.assert_frame_equal(
            scored(name, out, **options),
            scored("in.parquet", "a.csv", **options),
            check_dtype=False,
        )
    assert aside("c.parquet").drop(columns="line").equals(aside("d.parquet").drop(columns="line"))


def test_key_names_the_rows_whatever_its_role():
    hidden = roles(sensitive=["sex"], forbidden={"late": "known later", "id": "names a row"})
    holds(
        {
            **COLUMNS,
            "kwargs": {"column_set": ["a", "n", "text", "day", "sex", "label", "__stage_row_id"]},
        },
        BETWEEN,
    )
    rows = draw(3).astype({"id": "Int64"})
    rows.loc[1, "id"] = None
    score(Path(written(rows)), Path("out.csv"), params(data=hidden), source("id"))
    assert pd.read_csv("out.csv", dtype="str")["id"].fillna("").tolist() == [
        "1234567",
        "",
        "1234569",
    ]
    score(
        Path(written(rows.drop(columns="id"))), Path("out.csv"), params(data=hidden), source("id")
    )
    assert pd.read_csv("out.csv")["line"].tolist() == [2, 3, 4]


def test_target_may_be_there():
    rows = draw()
    assert scored(written(rows.assign(label="any", late="x"))).equals(scored(written(rows)))


def refused(said: str, name: str = "in.csv", out: str = "out.csv", **more: object) -> None:
    """Score, which has to be refused, and see that nothing is written."""
    before = sorted(Path().rglob("*"))
    with pytest.raises(UserError, match=said):
        scored(name, out, **more)
    assert sorted(Path().rglob("*")) == before


def test_file_without_a_feature_is_refused():
    refused(
        r"in\.csv has no column 'a', which data/sources\.yaml declares",
        written(draw().drop(columns="a")),
    )


def test_file_that_is_not_there_is_refused():
    refused(r"in\.csv does not exist")


@pytest.mark.parametrize("text", ["", HEADER])
def test_file_without_a_row_is_refused(text):
    Path("in.csv").write_text(text)
    refused(r"in\.csv has no row, so there is nothing to score" if text else r"in\.csv is empty")


def test_file_of_which_no_row_is_left_is_refused_with_the_first_reasons():
    refused(
        r"no row of in\.csv can be scored: all 8 would be set aside\nline 2: n is not allowed\."
        r" Required: ",
        written(draw(8).assign(n=10)),
    )
    holds(expect("column_values_to_be_between", column="n", max_value=5, mostly=0.9))
    refused(r"all 8 would be set aside\nline 2: n is not allowed\.", written(draw(8).assign(n=10)))


def test_what_fails_for_the_table_as_a_whole_refuses_the_file():
    holds(BETWEEN, expect("column_values_to_be_unique", column="id"))
    said = (
        r"in\.csv is refused as a whole\nFAIL: id: 2 of 100 rows"
        r" fail.*\(expectations.prepared\.json:1\)"
    )
    refused(
        said, written(draw().assign(id=lambda t: t["id"].replace(1_234_568, 1_234_567))), rows=30
    )


def test_column_that_the_suite_does_not_know_refuses_the_file():
    holds({**COLUMNS, "kwargs": {"column_set": ["a", "label"]}}, BETWEEN)
    refused("FAIL: the table: unexpected day, id, n, sex, text", written(draw()))


def test_expectation_on_a_column_that_is_not_there_refuses_the_file():
    holds(BETWEEN, expect("column_values_to_be_in_set", column="colour", value_set=["red"]))
    refused("FAIL: colour: the table has no column 'colour'", written(draw()))


def test_expectation_that_cannot_be_judged_refuses_the_file():
    holds(expect("column_values_to_be_between", column="text", max_value=3))
    refused(
        r"prepared\.json:\d+ \(expect_column_values_to_be_between of \w+\) could not be judged: ",
        written(draw()),
    )


def test_suite_that_stops_no_live_row_is_refused():
    holds(
        expect("column_values_to_not_be_null", column="label"), {**BETWEEN, "severity": "warning"}
    )
    with pytest.raises(UserError, match="has no critical expectation that holds for live rows"):
        critical(Path("expectations/prepared.json"), DATA)


def test_suite_with_an_error_is_refused():
    holds({**BETWEEN, "type": "expect_nothing"})
    refused("Great Expectations has no such type", written(draw()))


@pytest.mark.parametrize("rows", [2, 50])
@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (
            '8,.5,3,"p,2002-01-05,f\n',
            "the row that begins on line 6 has a quote that is never closed",
        ),
        ("8,.5,3,p\x00,2002-01-05,f\n", "line 6 holds a NUL byte"),
        ("8,.5,3,p\r,2002-01-05,f\n", "line 6 holds a carriage return"),
        ('8,.5,3,"p\r",2002-01-05,f\n', "line 6 holds a carriage return"),
        ("8,.5,3,p,2002-01-05,f\r\n", "some lines end in a line feed, some in"),
        ("8,.5", "ends in the middle of its last row, on line 6"),
    ],
)
def test_file_that_is_broken_is_refused_with_the_line(tail, said, rows):
    text = HEADER + "".join(f"{nth},.5,3,p,2002-01-05,f\n" for nth in range(4)) + tail
    Path("in.csv").write_bytes(text.encode())
    refused(rf"in\.csv.*{said}", rows=rows)


def test_row_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr(chunks, "BYTES", 100)
    Path("in.csv").write_text(HEADER + '1,.5,3,"p\n' + "long\n" * 50 + '",2002-01-05,f\n')
    refused("the row that begins on line 2 has a quote that is never closed")


def test_long_rows_make_short_chunks(monkeypatch):
    once = scored(written(draw(20)))
    monkeypatch.setattr(chunks, "BYTES", 100)
    assert max(len(batch.rows) for batch in chunks.batches(Path("in.csv"), source(), DATA)) < 5
    assert scored("in.csv").equals(once)


def test_parquet_file_does_not_stay_in_memory(monkeypatch):
    text = [np.random.default_rng(nth).bytes(10_000).hex() for nth in range(1000)]
    draw(1000).assign(text=text).to_parquet("in.parquet", row_group_size=100)
    holds(BETWEEN)
    before, held = pa.total_allocated_bytes(), []
    for module, name in ((chunks, "read_batch"), (command, "decisions")):
        real = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *given, real=real: (
                held.append(pa.total_allocated_bytes() - before) or real(*given)
            ),
        )
    assert len(scored("in.parquet", "out.parquet", rows=100)) == 1000
    assert len(held) == 20
    assert max(held) < Path("in.parquet").stat().st_size / 2


def test_stray_quote_costs_one_row_wherever_the_file_is_cut():
    rows = [
        "1,.5,3,p,2002-01-05,f",
        '2,.5,3,5" p,2002-01-05,f',
        "3,.5,3,q,2002-01-05,f",
        '4,.5,3,"p"x,2002-01-05,f',
        "5,.5,3,q,2002-01-05,f",
    ]
    Path("in.csv").write_text(HEADER + "\n".join(rows) + "\n")
    for n in (1, 2, 50):
        assert {1, 3, 5} <= set(scored("in.csv", rows=n, key="id")["id"])
        assert aside()["line"].tolist() == [3, 5]


@pytest.mark.parametrize(
    ("name", "content"),
    [("in.csv.gz", gzip.compress(HEADER.encode() * 99, mtime=0)[:-9]), ("in.parquet", b"PAR1")],
)
def test_file_that_is_cut_off_is_refused(name, content):
    Path(name).write_bytes(content)
    refused("in.* is ", name)


@pytest.mark.parametrize(
    ("out", "said"),
    [("out.txt", "must end in .csv or .parquet"), ("in.csv", "the file to score; name another")],
)
def test_output_that_cannot_be_is_refused(out, said):
    refused(said, written(draw()), out)


def test_name_that_is_taken_is_refused():
    refused(
        "the key decision has the name of a column that is written here",
        written(draw().assign(decision="no")),
        key="decision",
        columns=KINDS | {"decision": "text"},
    )


def test_second_run_writes_all_anew():
    scored(written(draw().assign(n=lambda t: t["n"].replace(3, 30))))
    assert len(aside())
    assert len(scored(written(draw(5)))) == 5
    assert aside().empty


def test_refused_file_leaves_what_was_there():
    scored(written(draw()))
    before = Path("out.csv").read_bytes()
    refused("in.csv has no column 'a'", written(draw().drop(columns="a")))
    assert Path("out.csv").read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("when", ["reads", "decides"])
def test_killed_run_leaves_no_output(monkeypatch, tmp_path, when):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written(draw())
    if not (child := os.fork()):
        done = []

        def counted(real):
            """Call `real`, but be killed when it is called for the third time."""
            return lambda *given: (
                done.append(1)
                or (real(*given) if len(done) < 3 else os.kill(os.getpid(), signal.SIGKILL))
            )

        if when == "reads":
            monkeypatch.setattr(chunks, "read_batch", counted(chunks.read_batch))
        else:
            monkeypatch.setattr(command, "decisions", counted(command.decisions))
        scored("in.csv", rows=7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not Path("out.csv").exists()
    assert not Path("out.csv.rejects.csv").exists()
    assert len(scored("in.csv")) == 100


@pytest.mark.parametrize("when", ["reads", "decides"])
def test_score_that_is_ended_leaves_no_row_behind(monkeypatch, tmp_path, when):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    written(draw())
    if not (child := os.fork()):
        module, name = {"reads": (chunks, "read_batch"), "decides": (command, "decisions")}[when]
        real = getattr(module, name)

        def ended(*given: object) -> object:
            assert list((tmp_path / "temporary").iterdir())  # rows are there
            os.kill(os.getpid(), signal.SIGTERM)
            return real(*given)

        monkeypatch.setattr(module, name, ended)
        try:
            run(lambda: scored("in.csv", rows=7))
        except SystemExit as exit_:
            os._exit(exit_.code)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
    assert not list((tmp_path / "temporary").iterdir())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]


def test_raw_file_of_the_model_is_scored_as_the_model_decides(toy_run, tmp_path, monkeypatch):
    monkeypatch.undo()  # the model in service is its own
    for name in (
        "data/sources.yaml",
        "data/raw",
        "expectations",
        "models",
        "params.yaml",
        "reports/gates",
    ):
        origin, target = toy_run.folder / name, tmp_path / "project" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(origin, target) if origin.is_dir() else shutil.copy(origin, target)
    monkeypatch.chdir(tmp_path / "project")
    [raw] = load_sources().sources.values()
    command.main(Path(raw.path), Path("out.parquet"))
    found, told = pd.read_parquet("out.parquet"), aside("out.parquet")
    batch, (model, _), given = (
        read_batch(Path(raw.path), raw, load_params().data),
        load_champion(),
        load_params(),
    )
    assert len(found) + len(told) == batch.records
    assert len(found) > 0.9 * batch.records
    rows = batch.rows[~batch.rows[LINE].isin(told["line"])]
    y_score = model.predict_proba(features(rows.drop(columns=LINE), given.data))
    assert np.allclose(found[[f"p_{label}" for label in model.classes]], y_score, rtol=0, atol=1e-9)
    assert found["decision"].tolist() == model.decide(y_score).tolist()
