"""Which images are trained on, whatever lists, tables and folders say."""

import json

import pytest

from pipeline import exports, own_folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.data.own.names import PARTS, part_of

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def uses(found):
    return {row.use: row.count for row in found.files}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("train.txt", "val.txt", "test.txt"), ("train.txt", "val.txt", "test.txt", None)),
        (("Training.txt", "VALID.txt", "Testing.txt"), ("Training.txt", "VALID.txt", "Testing.txt", None)),
        (
            ("labelled.txt", "validation.txt", "unlabelled.txt"),
            ("labelled.txt", "validation.txt", None, "unlabelled.txt"),
        ),
        (("splits/train.txt", "splits/val.txt"), ("splits/train.txt", "splits/val.txt", None, None)),
    ],
)
def test_lists_are_known_in_any_spelling(base, names, expected):
    ids = {"train": "photo0\nphoto1\n", "val": "photo2\n", "test": "photo8\nphoto9\n", "unlabeled": "photo6\n"}
    for name in names:
        part = part_of(name.rpartition("/")[2].removesuffix(".txt"))
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_text(ids[part])
    source = discover(base, "own").source
    assert (source.train_list, source.validation_list, source.test_list, source.unlabeled_list) == expected
    found = contents.read(source)
    assert [item.id for item in found.of("val")] == ["photo2"] and not found.faults
    if expected[2]:
        assert not {"photo8", "photo9"} & {item.id for item in found.items}
        assert uses(found)["passed over: test images, left out of everything"] == 2


def test_rows_of_a_csv_may_say_the_part_or_leave_it(base):
    (base / "pairs.csv").write_text(
        "part,mask,image\ntrain,masks/photo0.png,images/photo0.png\n,masks/photo1.png,images/photo1.png\n"
        "unlabeled,masks/photo2.png,images/photo2.png\nval,masks/photo3.png,./images/photo3.png\n,,images/photo4.png\n"
    )
    found = contents.read(own_folder.source(base, masks="pairs.csv"))
    assert not found.faults
    ids = {part: [item.id for item in found.of(part)] for part in PARTS}
    assert ids["train"] == ["photo0", "photo1"] and ids["val"] == ["photo3"]
    assert ids["unlabeled"] == [
        "photo2",
        "photo4",
        *(f"photo{n}" for n in range(6, 10)),
    ]  # photo5 has a mask, and no row
    assert all(item.mask is None for item in found.of("unlabeled"))


def test_of_several_lists_of_a_part_each_counts(base):
    (base / "a.txt").write_text("photo0\nphoto1\n")
    (base / "b.txt").write_text("photo1\nphoto2\n")
    found = contents.read(own_folder.source(base, validation_list=["a.txt", "b.txt"]))
    assert [item.id for item in found.of("val")] == ["photo0", "photo1", "photo2"] and not found.faults


def test_test_images_in_a_list_of_another_part_are_an_error(base):
    (base / "test.txt").write_text("photo8\n")
    (base / "unlabeled.txt").write_text("photo8\nphoto9\n")
    (fault,) = contents.read(own_folder.source(base, test_list="test.txt", unlabeled_list="unlabeled.txt")).faults
    assert fault.kind == "held-out" and "photo8" in fault.found and not fault.warning


@pytest.mark.parametrize("folder", ["test", "Testing", "val", "validation"])
def test_images_of_a_folder_that_is_held_out_are_never_trained_on(base, folder):
    (base / "images" / folder).mkdir()
    for number in (5, 9):  # one with a mask and one without
        (base / f"images/photo{number}.png").rename(base / f"images/{folder}/photo{number}.png")
    found = contents.read(own_folder.source(base))
    trained = {item.id for part in ("train", "unlabeled") for item in found.of(part)}
    assert not {"photo5", "photo9"} & trained and not found.faults
    assert [item.id for item in found.of("val")] == ["photo5"] * folder.startswith("val")
    assert sum(count for use, count in uses(found).items() if use.startswith("passed over")) >= 1


def test_a_mask_of_another_part_than_its_image_is_an_error(base):
    for folder, name in (("images", "train"), ("masks", "val")):
        (base / folder / name).mkdir()
        (base / folder / "photo5.png").rename(base / folder / name / "photo5.png")
    (fault,) = contents.read(own_folder.source(base)).faults
    assert fault.kind == "held-out" and "train" in fault.found and "val" in fault.found


@pytest.mark.parametrize(
    "names", [("instances_Test", "instances_Train", "instances_Validation"), ("a_test", "b_train", "c_val")]
)
def test_coco_files_are_told_apart_by_their_names_whatever_comes_first(tmp_path, names):
    pytest.importorskip("pycocotools")
    exports.save_images(tmp_path / "images")
    for name, stems in zip(names, (exports.TRAIN[:1], exports.TRAIN[1:], exports.VAL), strict=True):
        exports.write(tmp_path / f"annotations/{name}.json", json.dumps(exports.coco_content(stems)))
    found = contents.read(discover(tmp_path, "own")[0])
    parts = {part: [item.id for item in found.of(part)] for part in PARTS}
    assert parts == {"train": list(exports.TRAIN[1:]), "val": list(exports.VAL), "unlabeled": list(exports.BARE)}
    assert uses(found)["annotations (coco)"] == 3


@pytest.mark.parametrize("form", ["list", "table"])
def test_what_no_list_or_table_names_is_unlabelled_without_a_mask_and_left_out_with_one(base, form):
    """Six of ten images have masks; three are named."""
    if form == "list":
        (base / "train.txt").write_text("photo0\nphoto1\nphoto2\n")
        changes = {"train_list": "train.txt"}
    else:
        rows = "".join(f"images/photo{n}.png,masks/photo{n}.png\n" for n in range(3))
        (base / "train.csv").write_text("image,mask\n" + rows)
        changes = {"masks": "train.csv"}
    found = contents.read(own_folder.source(base, **changes))
    assert not found.faults and found.counts() == {"train": 3, "val": 0, "unlabeled": 4}
    assert {item.image.stem for item in found.of("unlabeled")} == {f"photo{n}" for n in range(6, 10)}
    table = uses(found)
    assert table["unlabelled images, which no list, table or annotation file names"] == 4
    assert table["passed over: images with masks that no list or table names"] == 3
    assert table["passed over: masks of images that are not used as labelled"] == 3
