"""The items of a folder: their ids, and names that lead nowhere."""

import json

import pytest

from pipeline import own_folder
from semiproto.data.own.contents import contents
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_names_that_differ_have_ids_that_differ():
    stems = ["a b", "a_b", "a  b", "a-b", "a.b", "ä", "á", "-a", "--a", " a"]
    assert len({contents.safe_id(stem) for stem in stems}) == len(stems)
    assert contents.safe_id("a b") == contents.safe_id("a b")
    assert contents.safe_id("2007_000032") == "2007_000032"


def test_images_of_one_name_in_two_folders_have_ids_of_their_own(base):
    for folder in ("images", "masks"):
        (base / folder / "camB").mkdir()
        (base / folder / "photo5.png").rename(base / folder / "camB/photo1.png")
    found = contents.read(own_folder.source(base))
    ids = [item.id for item in found.of("train")]
    assert len(set(ids)) == 6 and not found.faults
    assert all(
        item.image.relative_to(base / "images") == item.mask.relative_to(base / "masks") for item in found.of("train")
    )


HOSTILE = [
    "../../etc/passwd",
    "a/b",
    "-rf",
    "",
    "x" * 300,
    "phоto1",
    "/etc/passwd",
    "images/../../secret",
    "C:\\x",
    "..",
]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_a_list_cannot_name_what_is_not_in_the_folder(base, name, one_line):
    (base.parent / "secret.png").write_bytes((base / "images/photo0.png").read_bytes())
    (base / "train.txt").write_text(f"photo0\n{name}\n")
    found = contents.read(own_folder.source(base, train_list="train.txt"))
    assert [item.image.stem for item in found.of("train")] == ["photo0"]
    (fault,) = found.faults
    assert str(fault).startswith(f"{base / 'train.txt'}, line 2: ") and name[:50] in str(fault).replace("\\\\", "\\")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("column", ["image", "mask"])
def test_a_csv_cannot_name_what_is_not_in_the_folder(base, name, column):
    secret = base.parent / "secret.png"
    secret.write_bytes((base / "images/photo0.png").read_bytes())
    rows = {"image": "images/photo1.png", "mask": "masks/photo1.png", column: name}
    (base / "pairs.csv").write_text(f"image,mask\nimages/photo0.png,masks/photo0.png\n{rows['image']},{rows['mask']}\n")
    found = contents.read(own_folder.source(base, masks="pairs.csv"))
    assert [item.image.stem for item in found.of("train")] == ["photo0"]
    if column == "mask" and not name:
        assert not found.faults  # a row without a mask is an unlabelled image
    else:
        (fault,) = found.faults
        assert fault.line == 3 and name[:50] in str(fault).replace("\\\\", "\\")
    assert all(item.image.is_relative_to(base) and ".." not in item.image.parts for item in found.items)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_coco_file_cannot_name_what_is_not_in_the_folder(base, name):
    pytest.importorskip("pycocotools")
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = name
    file.write_text(json.dumps(content))
    found = contents.read(own_folder.source(base, masks="annotations/instances.json"))
    assert [item.image.stem for item in found.of("train")] == [f"photo{n}" for n in range(1, 6)]
    (fault,) = found.faults
    assert fault.file == str(file) and name[:50] in str(fault).replace("\\\\", "\\")


def test_the_order_is_that_of_the_lists(base):
    (base / "train.txt").write_text("photo3\nphoto0\n")
    (base / "val.txt").write_text("photo5\nphoto1\n")
    found = contents.read(own_folder.source(base, train_list="train.txt", validation_list="val.txt"))
    assert [item.id for item in found.of("train")] == ["photo3", "photo0"]
    assert [item.id for item in found.of("val")] == ["photo5", "photo1"]
    assert found.counts()["train"] == found.counts()["val"] == 2


def test_an_image_in_two_lists_is_of_the_first(base):
    for name in ("train", "val"):
        (base / f"{name}.txt").write_text("photo0\n")
    found = contents.read(own_folder.source(base, train_list="train.txt", validation_list="val.txt"))
    assert [item.id for item in found.of("train")] == ["photo0"] and found.of("val") == []
    assert "list-overlap" in [fault.kind for fault in found.faults]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"path": "nowhere"}, "no such folder"), ({"images": "none"}, "images"), ({"masks": "none"}, "masks")],
)
def test_a_folder_that_is_not_there_is_one_line(base, one_line, changes, words):
    with pytest.raises(UserError) as error:
        contents.read(own_folder.source(base, **changes))
    one_line(error, words, "correct dataset.")
