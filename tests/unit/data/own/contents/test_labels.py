"""Tables and annotation files: which images and masks their names mean."""

import json

import pytest
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def uses(found):
    return {row.use: row.count for row in found.files}


def test_a_csv_that_names_an_image_outside_its_folder_brings_it_in(base):
    """Rows may name images of any folder below the set's own; they are of the set as those in `images` are."""
    (base / "more").mkdir()
    (base / "images/photo9.png").rename(base / "more/photo9.png")
    (base / "pairs.csv").write_text(
        "image,mask\nimages/photo0.png,masks/photo0.png\nmore/photo9.png,masks/photo1.png\n"
    )
    found = contents.read(own_folder.source(base, masks="pairs.csv"))
    assert not found.faults
    assert [item.image for item in found.of("train")] == [base / "images/photo0.png", base / "more/photo9.png"]


def test_an_image_that_a_table_names_without_a_mask_is_unlabelled_even_if_a_mask_is_there(base):
    (base / "train.csv").write_text("image,mask\nimages/photo0.png,masks/photo0.png\nimages/photo1.png,\n")
    found = contents.read(own_folder.source(base, masks="train.csv"))
    assert "photo1" in {item.image.stem for item in found.of("unlabeled")}
    assert uses(found)["unlabelled images"] == 1


def test_masks_beside_the_images_of_an_annotation_file_are_no_images(tmp_path):
    pytest.importorskip("pycocotools")
    base = exports.cvat_coco_default(tmp_path / "set")
    before = contents.read(discover(base, "own")[0]).counts()
    images = sorted(base.rglob("*.jpg"))  # Segments.ai writes the numbers of objects beside its COCO file
    for image, ending in zip(images, ("_mask", "_label_ground-truth", "_label_ground-truth_instance"), strict=False):
        exports.save_mask(image.with_name(f"{image.stem}{ending}.png"), exports.truth(image.stem))
    found = contents.read(discover(base, "own")[0])
    assert found.counts() == before and not found.faults
    assert uses(found)["passed over: pictures that are called like masks of the images beside them"] == 3


def test_one_outline_of_two_classes_is_said(tmp_path):
    pytest.importorskip("pycocotools")
    base = exports.cvat_coco_default(tmp_path / "set")
    file = base / "annotations/instances_default.json"
    content = json.loads(file.read_text())
    first = content["annotations"][0]
    other = next(one["id"] for one in content["categories"] if one["id"] != first["category_id"])
    content["annotations"] += [first | {"id": 901}, first | {"id": 902, "category_id": other}]
    file.write_text(json.dumps(content))
    (fault,) = contents.read(discover(base, "own")[0]).faults
    assert (fault.kind, fault.warning, fault.file) == ("drawn-twice", True, str(file))
    assert f"{first['id']} (cat) and 902 (dog) of photo0.jpg" in fault.found and "(2 such pairs)" in fault.found


def test_masks_of_a_table_are_no_images_where_the_folder_itself_is_one(base):
    (base / "masks").rename(base / "anno")
    for path in (base / "images").iterdir():
        path.rename(base / path.name)
    (base / "t.csv").write_text("image,mask\n" + "".join(f"photo{n}.png,anno/photo{n}.png\n" for n in range(3)))
    found = contents.read(own_folder.source(base, images=".", masks="t.csv"))
    assert not found.faults and found.counts() == {"train": 3, "val": 0, "unlabeled": 4}
    assert all(item.image.parent == base for item in found.items)


def test_masks_of_a_table_that_lie_beside_the_images_are_no_images(base):
    for path in (base / "masks").iterdir():
        path.rename(base / f"images/{path.stem}_gt.png")
    rows = "".join(f"images/photo{n}.png,images/photo{n}_gt.png\n" for n in range(3))
    (base / "train.csv").write_text("image,mask\n" + rows)
    found = contents.read(own_folder.source(base, masks="train.csv"))
    assert not found.faults and found.counts() == {"train": 3, "val": 0, "unlabeled": 4}


def test_a_jpeg_mask_of_a_table_is_refused_and_no_other_file_taken_for_it(base):
    (base / "old").mkdir()
    (base / "masks/photo0.png").rename(base / "old/photo0.png")
    Image.new("L", (40, 40)).save(base / "masks/photo0.jpg")
    (base / "pairs.csv").write_text(
        "image,mask\nimages/photo0.png,masks/photo0.jpg\nimages/photo1.png,masks/photo1.png\n"
    )
    (fault,) = contents.read(own_folder.source(base, masks="pairs.csv")).faults
    assert fault.kind == "mask-suffix" and fault.line == 2 and "from the tool that drew them" in fault.remedy


@pytest.mark.parametrize(
    ("make", "image", "file"),
    [
        (exports.labelme_json, "photo1.jpg", "photo1.json"),
        (exports.supervisely, "train/img/photo1.jpg", "train/ann/photo1.jpg.json"),
        (exports.yolo, "images/train/photo1.jpg", "labels/train/photo1.txt"),
    ],
)
def test_an_image_that_is_missing_is_named_with_its_annotation(tmp_path, make, image, file):
    base = make(tmp_path / "set")
    (base / image).unlink()
    (fault,) = [fault for fault in contents.read(discover(base, "own")[0]).faults if not fault.warning]
    assert (fault.kind, fault.file) == ("missing-file", str(base / file))
    assert "photo1" in fault.found and str(base) in fault.found and "delete this file" in fault.remedy


def yolo(base, described, folders="abc"):
    """A YOLO set whose images lie in folders that say nothing, three of two images each."""
    for number, stem in enumerate(exports.TRAIN + exports.VAL):
        folder = folders[number // 2]
        exports.save_image(base / "images" / folder, stem)
        label = base / "labels" / folder / f"{stem}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.1 0.1 0.6 0.1 0.6 0.6\n")
    (base / "data.yaml").write_text(f"{described}\nnames: [cat]\n")
    return base


@pytest.mark.parametrize(
    ("described", "counts"),
    [
        ("train: images/a\nval: images/b\ntest: images/c", (2, 2)),
        ("path: /home/x/set\ntrain: ../a/images\nval: /data/set/images/b\ntest: [C:\\set\\images\\c]", (2, 2)),
        ("train: images\nval: images/b\ntest: images/c", (2, 2)),
        ("train: images/a\nval: images/b\ntest: c.txt", (2, 2)),
        ("train: images/a\nval: images/b\ntest: images/b", (4, 2)),
        ("train: images/a\nval: images/a", (6, 0)),
        ("train: images/a\nval: images/b\ntest:", (4, 2)),
    ],
)
def test_data_yaml_says_the_parts_of_a_yolo_set(tmp_path, described, counts):
    base = yolo(tmp_path / "set", described)
    if "c.txt" in described:
        (base / "c.txt").write_text("./images/c/photo4.jpg\n/other/machine/images/c/photo5.jpg\n")
    source = discover(base, "own").source
    found = contents.read(source)
    assert source.format == "yolo" and not [fault for fault in found.faults if not fault.warning]
    assert (found.counts()["train"], found.counts()["val"], found.counts()["unlabeled"]) == (*counts, 0)


def test_a_folder_called_train_that_data_yaml_tests_on_is_an_error(tmp_path):
    base = yolo(tmp_path / "set", "train: images/a\ntest: images/train", ("a", "b", "train"))
    found = contents.read(discover(base, "own")[0])
    assert {fault.kind for fault in found.faults if not fault.warning} == {"held-out"}
