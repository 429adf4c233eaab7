"""Parts of a re-run are made once."""

from __future__ import annotations

import pytest

from equipoise.reproduce.kept import Kept, name_of


def _kept(folder, told=None) -> Kept[list[int]]:
    return Kept(folder, lambda part: {"part": part}, lambda state: state["part"], told)


def test_a_part_in_a_folder_is_not_made_again(tmp_path):
    assert _kept(tmp_path).get("a", "", lambda: [1]) == [1]
    again = _kept(tmp_path)
    assert again.get("a", "", lambda: pytest.fail("it was made again")) == [1]
    assert again.made == 0


def test_without_a_folder_a_part_is_kept_for_as_long_as_the_run():
    kept = _kept(None)
    assert kept.get("a", "", lambda: [1]) is kept.get("a", "", lambda: [2])
    assert kept.made == 1


def test_titles_are_told_of_parts_made_and_found():
    told: list[str] = []
    kept = _kept(None, told.append)
    for _ in range(2):
        kept.get("a", "the first", lambda: [1])
    assert told == ["the first", "the first"]


@pytest.mark.parametrize("content", ["", "[]", '{"other": 1}'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=r"a\.json is damaged; delete it"):
        _kept(tmp_path).get("a", "", lambda: [1])


def test_names_are_of_contents_and_not_of_their_order():
    assert name_of({"a": 1, "b": [2]}) == name_of({"b": [2], "a": 1})
    assert name_of({"a": 1}) != name_of({"a": 2})
