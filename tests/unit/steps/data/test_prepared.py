"""What a prepared set's receipt says of it."""

from semiproto.data.layout import FILES
from semiproto.steps.data.prepared import written


def test_the_facts_are_counted_from_the_files(digits_root, tmp_path):
    (tmp_path / FILES).symlink_to(digits_root)
    found = written(tmp_path, {"fingerprint": "f"})
    assert found.outputs == [FILES]
    assert found.facts["images"] == {"train": 8, "unlabeled": 10, "val": 3}
    assert len(found.facts["classes"]) == 7 and found.facts["fingerprint"] == "f"
