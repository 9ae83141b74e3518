"""Parts that contradict each other."""

import pytest

from pipeline import own_folder
from semiproto.data.own.contents.folder import Folder
from semiproto.data.own.contents.found import Found


@pytest.mark.parametrize(
    ("known", "part", "wrong"),
    [("val", "train", True), ("train", "test", True), ("train", "unlabeled", False), ("val", "val", False)],
)
def test_only_what_could_train_on_a_held_out_image_contradicts(base, known, part, wrong):
    found = Found(Folder(own_folder.source(base), base))
    image = base / "images/photo0.png"
    found.parts[image] = known
    assert found.contradicts(image, part, base / "list.txt", 3) == wrong
    assert [(fault.kind, fault.file, fault.line) for fault in found.faults] == (
        [("held-out", str(base / "list.txt"), 3)] if wrong else []
    )
