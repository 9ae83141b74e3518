"""Which pictures are images."""

import pytest

from pipeline import own_folder
from semiproto.data import layout
from semiproto.data.own.contents import contents, images

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_hidden_files_are_no_images(base):
    (base / "images/._photo1.png").write_bytes(b"what a Mac leaves behind")
    found = contents.read(own_folder.source(base))
    assert not found.faults and len(found.items) == 10


def test_no_suffix_is_both_read_and_passed_over(base):
    assert not set(images.UNREAD_SUFFIXES) & set(layout.IMAGE_SUFFIXES)
    for suffix in (*layout.IMAGE_SUFFIXES, *images.UNREAD_SUFFIXES):
        (base / f"images/new{suffix[1:]}{suffix}").touch()
    read = contents.read(own_folder.source(base))
    assert {item.image.suffix for item in read.items} == set(layout.IMAGE_SUFFIXES)
    told = {fault.file.rsplit(".", 1)[1] for fault in read.faults if fault.kind == "image-suffix"}
    assert {f".{suffix}" for suffix in told} == set(images.UNREAD_SUFFIXES)
