import pytest

from sluice.scoping import suites


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Return what a suite of this JSON becomes with these values."""
    (tmp_path / "suites").mkdir()
    monkeypatch.setattr(suites, "files", lambda package: tmp_path)

    def suite(text: str, **values):
        (tmp_path / "suites/toys.json").write_text(text)
        return suites.suite("toys", **values)

    return suite


def test_a_placeholder_alone_keeps_its_type(suite):
    assert suite('{"a": "${x}", "b": "at ${x}"}', x=0.5) == {"a": 0.5, "b": "at 0.5"}


def test_a_name_that_looks_like_a_placeholder_is_kept(suite):
    assert suite('["${x}", "of ${x}"]', x="${y} $5") == ["${y} $5", "of ${y} $5"]


def test_an_option_without_a_value_is_left_out(suite):
    assert suite('{"a": "${x}", "b": 0}', x=None) == {"b": 0}


def test_an_expectation_is_left_out_where_its_condition_is_false(suite):
    text = '[{"if": "x", "a": 1}, {"if": "y", "a": 2}]'
    assert suite(text, x=None, y="day") == [{"a": 2}]


def test_an_expectation_comes_once_for_each_item(suite):
    assert suite('[{"for_each": "x", "a": "${y}"}]', x=[{"y": 1}, {"y": 2}]) == [{"a": 1}, {"a": 2}]


def test_a_group_comes_together(suite):
    text = '[{"for_each": "x", "group": [{"for_each": "y", "a": "${z}"}, {"b": "${w}"}]}]'
    items = [{"w": 1, "y": [{"z": 2}, {"z": 3}]}, {"w": 4, "y": []}]
    assert suite(text, x=items) == [{"a": 2}, {"a": 3}, {"b": 1}, {"b": 4}]


def test_a_placeholder_that_nobody_fills_is_an_error(suite):
    with pytest.raises(KeyError, match="x"):
        suite('["${x}"]')
