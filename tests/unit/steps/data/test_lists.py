"""Lists of ids as the steps write them."""

from semiproto.data.layout import read_list
from semiproto.steps.data.lists import write_lists


def test_lists_are_read_back_in_their_order(tmp_path):
    lists = {"labeled": ["b", "a"], "unlabeled": [], "val": ["2007_000032"]}
    written = write_lists(tmp_path / "split", lists)
    assert {name: read_list(tmp_path / f"split/{name}.txt") for name in lists} == lists
    assert written.outputs == ["labeled.txt", "unlabeled.txt", "val.txt"]
    assert written.facts == {"labeled": 2, "unlabeled": 0, "val": 1}
