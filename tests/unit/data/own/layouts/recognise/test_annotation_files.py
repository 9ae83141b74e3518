"""Files of labelling tools, several of them too, and what else they hold."""

import json
import shutil

import pytest

from pipeline import exports, own_folder
from semiproto.data.own import check
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_coco(base, discovered):
    pytest.importorskip("pycocotools")
    source, said = discovered(own_folder.outlined(base))
    assert source.masks == "annotations/instances.json" and source.classes == ["background", "square"]
    assert "COCO outlines from annotations/instances.json" in said and "2 classes from the categories" in said


def test_coco_beside_its_images(base, discovered):
    pytest.importorskip("pycocotools")
    own_folder.outlined(base)
    (base / "annotations/instances.json").rename(base / "images/_annotations.coco.json")
    (base / "annotations").rmdir()
    assert discovered(base)[0].masks == "images/_annotations.coco.json"
    (base / "images").rename(base / "train")
    shutil.move(base / "train", base.parent / "train")
    source, _ = discovered(base.parent / "train")
    assert (source.images, source.masks) == (".", "_annotations.coco.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("make", [exports.cvat_coco, exports.labelme_json, exports.kaggle, exports.pairs, exports.via])
def test_files_that_begin_with_a_byte_order_mark_are_read(tmp_path, make, encoding):
    pytest.importorskip("pycocotools")
    base = make(tmp_path / "set")
    before = discover(base, "own").contents.counts()
    for path in [path for path in base.rglob("*") if path.suffix in (".json", ".csv")]:
        path.write_text(path.read_text(), encoding=encoding)
    assert discover(base, "own").contents.counts() == before and not errors_of(base)


def errors_of(base):
    source = discover(base, "own").source
    return [fault for fault in check.check(source, contents.read(source)).faults if not fault.warning]


def coco_of(base, name, stems, prefix=""):
    exports.write(base / f"annotations/{name}.json", json.dumps(exports.coco_content(stems, prefix)))


def stems_of(found, part):
    return {item.image.stem for item in found.of(part)}


def test_a_default_subset_beside_named_ones_is_trained_on_and_a_copy_of_all_is_not_read(tmp_path):
    base = tmp_path / "set"
    exports.save_images(base / "images")
    for name, stems in (("Train", exports.TRAIN[:2]), ("Validation", exports.VAL), ("default", exports.TRAIN[2:])):
        coco_of(base, f"instances_{name}", stems)
    source, said, _ = discover(base, "own")
    found = contents.read(source)
    assert stems_of(found, "train") == set(exports.TRAIN) and stems_of(found, "val") == set(exports.VAL)
    assert "to train with, since its name says no part: annotations/instances_default.json" in said
    coco_of(base, "instances_default", exports.TRAIN[:2] + exports.VAL)
    source, said, _ = discover(base, "own")
    assert source.masks == ["annotations/instances_Train.json", "annotations/instances_Validation.json"]
    assert any("not read" in line and "instances_default.json" in line for line in said)


@pytest.mark.parametrize("top", ["images/", ""])
def test_files_that_are_called_after_folders_mean_the_images_in_them(tmp_path, top):
    base = tmp_path / "set"
    for camera, stems in (("Kamera A", exports.TRAIN[:2]), ("Kamera B", exports.TRAIN[2:])):
        for number, stem in enumerate(stems):
            exports.save_image(base / f"{top}{camera}", stem, f"photo{number}.jpg")
        coco_of(base, f"instances_{camera}", exports.TRAIN[:2])
    found = contents.read(discover(base, "own")[0])
    assert not found.faults and len(found.of("train")) == 4
    assert all(item.image.parent.name in item.mask.file.name for item in found.of("train"))


def test_an_image_that_is_only_in_the_folder_of_another_file_is_missing(tmp_path):
    base = tmp_path / "set"
    for camera, stem in (("A", "photo0"), ("B", "photo1")):
        exports.save_image(base / camera, stem)
        coco_of(base, f"instances_{camera}", [stem])
    coco_of(base, "instances_B", ["photo1", "photo2"])
    exports.save_image(base / "A", "photo2")
    found = contents.read(discover(base, "own")[0])
    (fault,) = found.faults
    assert fault.kind == "missing-file" and "'photo2.jpg' is only in" in fault.found and "called after" in fault.found
    exports.save_image(base / "B", "photo2")
    assert not contents.read(discover(base, "own")[0]).faults


def test_images_of_one_name_belong_to_the_annotations_in_their_folder(tmp_path):
    for task in ("task_1", "task_2"):
        exports.cvat_xml(tmp_path / task)
    found = contents.read(discover(tmp_path, "set")[0])
    assert not found.faults and found.counts() == {"train": 8, "val": 4, "unlabeled": 4}
    assert all(item.mask.file.parent in item.image.parents for item in found.items if item.mask)


@pytest.mark.parametrize("folder", ["images/{}", "{}2017"])
def test_images_of_one_name_belong_to_the_annotations_of_their_part(folder, tmp_path):
    for part, stem in (("train", "photo0"), ("val", "photo4")):
        exports.save_image(tmp_path / folder.format(part), stem, "0001.jpg")
        text = json.dumps(exports.coco_content([stem])).replace(f"{stem}.jpg", "0001.jpg")
        exports.write(tmp_path / f"annotations/instances_{part}.json", text)
    found = contents.read(discover(tmp_path, "set")[0])
    assert not found.faults and len(found.items) == 2
    assert all(item.part in item.image.parent.name and item.part in item.mask.file.name for item in found.items)

    for path in (tmp_path / "annotations").iterdir():
        path.rename(path.with_name(f"{'ab'['val' in path.name]}.json"))
    faults = contents.read(discover(tmp_path, "set")[0]).faults
    assert {fault.kind for fault in faults if not fault.warning} >= {"ambiguous-name"}


def test_keypoints_and_captions_are_passed_over_and_said(tmp_path, one_line):
    base = exports.panoptic(tmp_path / "set")
    for part, stems in (("train", exports.TRAIN), ("val", exports.VAL)):
        content = exports.coco_content(stems)
        points = {"id": 9, "image_id": 1, "category_id": 1, "keypoints": [5, 5, 2], "num_keypoints": 1}
        content |= {"annotations": [points]}
        (base / f"annotations/person_keypoints_{part}2017.json").write_text(json.dumps(content))
        content = {"images": content["images"], "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}
        (base / f"annotations/captions_{part}2017.json").write_text(json.dumps(content))
    source, said, _ = discover(base, "own")
    found = check.check(source, contents.read(source))
    assert found.errors() == 0 and source.classes == list(exports.CLASSES)
    uses = {row.use: row.count for row in found.files}
    for task in ("keypoints", "captions"):
        assert uses[f"passed over: COCO's {task}, which are no masks"] == 2
    assert any("person_keypoints_train2017.json (holds keypoints, no masks)" in line for line in said)
    for path in [*base.glob("annotations/panoptic*.json")]:
        path.unlink()
    for path in [*base.glob("annotations/*/*.png")]:
        path.unlink()
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, "captions_train2017.json", "no masks", "export the instances")


def test_labels_of_tags_are_no_classes(tmp_path):
    base = exports.cvat_xml(tmp_path / "set")
    text = (base / "annotations.xml").read_text()
    text = text.replace("</labels>", "<label><name>blurred</name><type>tag</type></label></labels>")
    (base / "annotations.xml").write_text(text.replace("</image>", '<tag label="blurred"></tag></image>'))
    source, said, _ = discover(base, "own")
    assert source.classes == list(exports.CLASSES) and not errors_of(base)
    assert "labels without an area (tags, points, lines), left out of the classes: blurred" in said


def test_of_several_forms_of_a_via_project_one_is_read_and_the_others_are_named(tmp_path, discovered):
    pytest.importorskip("pycocotools")
    base = exports.via(tmp_path / "set")
    regions = (base / "val/via_region_data.json").read_text()
    (base / "val/via_project.json").write_text(f'{{"_via_img_metadata": {regions}}}')
    source, said = discovered(base)
    assert source.masks == ["train/via_region_data.json", "val/via_project.json"]
    assert "labels are the attribute 'class'" in said and ": val/via_region_data.json" in said


def test_pictures_of_masks_beside_superviselys_are_no_images(tmp_path, discovered):
    pytest.importorskip("pycocotools")
    base = exports.supervisely(tmp_path / "set")
    for stem in exports.TRAIN:
        exports.save_mask(base / f"train/masks_machine/{stem}.png", exports.truth(stem))
    exports.save_images(base / "unlabelled", ["photo9"])
    source, _ = discovered(base)
    assert source.images == ["train/img", "val/img", "unlabelled"]


@pytest.mark.parametrize(("factor", "words"), [(48, "coordinate 4.00"), (float("nan"), "coordinate nan")])
def test_coordinates_of_yolo_that_are_no_shares_are_one_line(tmp_path, factor, words):
    base = exports.yolo(tmp_path / "set")
    for path in base.glob("labels/*/*.txt"):
        rows = [row.split() for row in path.read_text().splitlines()]
        path.write_text("\n".join(" ".join([row[0], *(f"{float(x) * factor:.2f}" for x in row[1:])]) for row in rows))
    found = [fault for fault in errors_of(base) if fault.kind == "yolo-coordinate"]
    (fault,) = found
    assert fault.file.endswith("labels/train/photo0.txt") and fault.line == 1
    assert fault.found.startswith(words) and "0 to 1 (and so for 5 more files)" in fault.found
