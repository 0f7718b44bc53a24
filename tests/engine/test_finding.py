import tomllib

import pytest

from sluice.scoping.finding import finding
from tests.pipeline_run import PROJECT

PATH = PROJECT / "sluice/scoping/findings.toml"
WORDS = tomllib.loads(PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", WORDS)
def test_a_finding_says_what_was_found_and_what_to_do(code):
    words = WORDS[code]
    assert words["weight"] in ("stop", "look", "note")
    assert words["what"] and words["do"]
    assert set(words) <= {"weight", "phase", "what", "do", "asks"}


def test_every_finding_of_the_file_is_used():
    code = "".join(path.read_text() for path in (PROJECT / "sluice/scoping").glob("*.py"))
    of_class = {name for name in WORDS if name.startswith("class_")}
    assert not [name for name in WORDS if f'"{name}"' not in code and name not in of_class]


def test_the_words_hold_no_jinja():
    assert "{{" not in PATH.read_text(encoding="utf-8")


def test_a_value_that_looks_like_a_placeholder_is_kept():
    found = finding("constant", "{x}", value="'{share}'", share=1)
    assert (found.about, found.what.split(" in ")[0]) == ("{x}", "'{share}'")


def test_a_weight_of_its_own_is_taken():
    assert finding("empty", "size").weight == "look"
    assert finding("empty", "size", "stop").weight == "stop"
