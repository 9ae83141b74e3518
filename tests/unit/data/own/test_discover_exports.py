"""Each labelling tool's export, as the tool writes it: `init` recognises it, `check-data` has no error, and the
prepared masks are the truth. The table at the head of docs/own-data.md has a row for each."""

import json

import numpy as np
import pytest
from PIL import Image

from pipeline import exports
from semiproto.data.layout import LISTS, MASKS, read_classes, read_list, read_mask
from semiproto.data.own import check, contents
from semiproto.data.own import prepare as folder
from semiproto.data.own.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'

WITH_VAL = {"train": exports.TRAIN, "val": exports.VAL, "unlabeled": exports.BARE}
WITHOUT_VAL = {"train": exports.TRAIN + exports.VAL, "val": (), "unlabeled": exports.BARE}
NO_BARE = {"train": exports.TRAIN + exports.VAL, "val": (), "unlabeled": ()}
WITH_TEST = {"train": exports.TRAIN[:-1], "val": exports.VAL, "unlabeled": ()}

EXPORTS = {
    exports.cvat_masks: ("CVAT segmentation mask", WITH_VAL),
    exports.cvat_xml: ("CVAT for images", WITH_VAL),
    exports.cvat_coco: ("COCO", WITH_VAL),
    exports.cvat_coco_default: ("COCO", WITHOUT_VAL),
    exports.labelstudio_coco: ("COCO", WITHOUT_VAL),
    exports.labelstudio_json: ("Label Studio", WITHOUT_VAL),
    exports.labelstudio_brush: ("Label Studio brushes (PNG)", WITHOUT_VAL),
    exports.labelme_json: ("LabelMe", WITHOUT_VAL),
    exports.labelme_voc: ("labelme2voc", NO_BARE),
    exports.roboflow_masks: ("Roboflow semantic segmentation masks", WITH_TEST),
    exports.roboflow_coco: ("COCO", WITH_TEST),
    exports.yolo: ("YOLO segmentation", WITH_VAL),
    exports.voc: ("PASCAL VOC", WITH_VAL),
    exports.mmsegmentation: ("folder of masks", WITH_VAL),
    exports.nnunet: ("nnU-Net", NO_BARE),
    exports.per_class: ("a folder of masks per class", WITHOUT_VAL),
    exports.pairs: ("table of pairs", WITH_VAL),
    exports.unimatch: ("PASCAL VOC", WITH_VAL),
    exports.carvana: ("folder of masks", NO_BARE),
    exports.cityscapes: ("folder of masks", WITH_VAL | {"unlabeled": ()}),
    exports.camvid: ("folder of masks", NO_BARE),
    exports.via: ("VGG Image Annotator", WITH_VAL),
    exports.datumaro: ("Datumaro", WITH_VAL),
    exports.panoptic: ("COCO", WITH_VAL),
    exports.instances: ("a folder per image with masks of its objects", NO_BARE),
    exports.numbered: ("folder of masks", NO_BARE),
    exports.kaggle: ("table of run lengths", NO_BARE),
    exports.kaggle_rows: ("table of run lengths", NO_BARE),
    exports.mapillary: ("folder of masks", WITH_VAL | {"unlabeled": ()}),
    exports.loveda: ("folder of masks", WITH_VAL | {"unlabeled": ()}),
    exports.davis: ("PASCAL VOC", WITH_VAL | {"unlabeled": ()}),
    exports.several_masks: ("several masks of one image", WITHOUT_VAL),
    exports.labelbox: ("several masks of one image", WITHOUT_VAL),
    exports.pixel_annotation_tool: ("masks beside images", WITHOUT_VAL),
    exports.objects: ("several masks of one image", NO_BARE),
    exports.supervisely: ("Supervisely", WITH_VAL),
}
OTHER_CLASSES = {
    exports.carvana: ["background", "class1"],
    exports.instances: ["background", "object"],
    exports.numbered: ["background", "object"],
    exports.objects: ["background", "object"],
    exports.mapillary: ["background", "class1", "class2"],
    exports.loveda: ["background", "building", "road"],
    exports.davis: ["background", "class1", "class2"],
    exports.cityscapes: ["road", "sidewalk", "building"],
}


@pytest.mark.parametrize("make", EXPORTS, ids=lambda make: make.__name__)
def test_an_export_is_recognised_and_its_masks_are_the_truth(make, tmp_path):
    tool, parts = EXPORTS[make]
    base = make(tmp_path / "export")
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    source, said, _ = discover(base, "own")
    assert said[0].startswith(f"layout: {tool};"), said
    findings = check.check(source, contents.read(source))
    assert findings.errors() == 0, [str(fault) for fault in findings.faults]
    folder.prepare(tmp_path / "raw", source)
    found = {
        part: {exports.stem_of(one) for one in read_list(tmp_path / "raw" / LISTS / f"{part}.txt")} for part in parts
    }
    assert found == {part: set(stems) for part, stems in parts.items()}
    classes = read_classes(tmp_path / "raw")
    for path in (tmp_path / "raw" / MASKS).iterdir():
        truth = exports.truth(exports.stem_of(path.stem))
        np.testing.assert_array_equal(read_mask(path), truth > 0 if make.__name__ in exports.BINARY else truth)
    assert classes == OTHER_CLASSES.get(make, list(exports.CLASSES))
    assert sum(row.count for row in findings.files) == len(before)
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before


def test_channels_in_files_of_their_own_are_refused_until_they_are_bands(tmp_path):
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    base = exports.nnunet(tmp_path / "export")
    pictures = sorted((base / "imagesTr").iterdir())
    for path in pictures:
        Image.open(path).convert("L").save(path.with_name(path.name.replace("_0000", "_0001")))
    source = discover(base, "own").source
    faults = [fault for fault in contents.read(source).faults if not fault.warning]
    assert [fault.kind for fault in faults] == ["channel-files"] and "bands of one TIFF" in str(faults[0])

    for path in pictures:
        second = path.with_name(path.name.replace("_0000", "_0001"))
        bands = np.dstack([np.array(Image.open(path).convert("RGB")), np.array(Image.open(second))]).transpose(2, 0, 1)
        shape = {"width": bands.shape[2], "height": bands.shape[1], "count": 4, "dtype": "uint8"}
        with rasterio.open(path.with_suffix(".tif"), "w", driver="GTiff", photometric="MINISBLACK", **shape) as file:
            file.write(bands)
        path.unlink()
        second.unlink()
    source = discover(base, "own").source
    assert source.bands == 4 and check.check(source, contents.read(source)).errors() == 0


def test_numbered_frames_are_no_channels(tmp_path):
    base = tmp_path / "frames"
    for number in range(4):
        exports.save_image(base / "images", exports.TRAIN[number], f"clip_{number:04}.png")
        exports.save_mask(base / f"masks/clip_{number:04}.png", exports.truth(exports.TRAIN[number]))
    found = contents.read(discover(base, "own")[0])
    assert found.counts()["train"] == 4 and not [fault for fault in found.faults if not fault.warning]


def test_nnunets_label_ignore_is_void(tmp_path):
    base = exports.nnunet(tmp_path / "export")
    described = json.loads((base / "dataset.json").read_text())
    described["labels"]["ignore"] = len(exports.CLASSES)
    (base / "dataset.json").write_text(json.dumps(described))
    stem = exports.TRAIN[0]
    mask = exports.truth(stem)
    mask[:3] = len(exports.CLASSES)
    exports.save_mask(base / f"labelsTr/{stem}.png", mask)
    source = discover(base, "own").source
    assert source.classes == list(exports.CLASSES)
    assert check.check(source, contents.read(source)).errors() == 0
    folder.prepare(tmp_path / "raw", source)
    prepared = next((tmp_path / "raw" / MASKS).glob(f"{stem}*"))
    assert (read_mask(prepared) == np.where(mask == len(exports.CLASSES), 255, mask)).all()


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


def side_by_side(base):
    """Two tasks of CVAT, each with lists of its own, and with an image of a name that both have."""
    for task, train, val in (("one", exports.TRAIN[:2], exports.VAL[:1]), ("two", exports.TRAIN[2:], exports.VAL[1:])):
        export = exports.cvat_masks(base / task)
        for path in [*export.rglob("*.png"), *export.rglob("*.jpg")]:
            if path.stem not in train + val:
                path.unlink()
        for name, stems in (("Train", train), ("Validation", val)):
            (export / f"ImageSets/Segmentation/{name}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    for path in [*(base / "two").rglob("photo5.*")]:
        path.rename(path.with_stem("photo4"))
    (base / "two/ImageSets/Segmentation/Validation.txt").write_text("photo4\n")
    return base


def test_exports_side_by_side_keep_their_lists(tmp_path):
    base = side_by_side(tmp_path / "set")
    source = discover(base, "own").source
    assert source.validation_list == [f"{task}/ImageSets/Segmentation/Validation.txt" for task in ("one", "two")]
    found = contents.read(source)
    assert not found.faults and stems_of(found, "train") == set(exports.TRAIN)
    assert [item.image.relative_to(base).parts[0] for item in found.of("val")] == ["one", "two"]


def test_a_default_list_beside_others_is_trained_on(tmp_path):
    base = exports.cvat_masks(tmp_path / "set")
    lists = base / "ImageSets/Segmentation"
    (lists / "Train.txt").write_text("photo0\nphoto1\n")
    (lists / "default.txt").write_text("photo2\nphoto3\n")
    found = contents.read(discover(base, "own")[0])
    assert not found.faults and stems_of(found, "train") == set(exports.TRAIN)


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


def with_a_class_more(base, name):
    """Names a class that no image shows, as what a model predicts has it: yolo, cvat_masks, voc, nnunet."""
    if name == "yolo":
        (base / "data.yaml").write_text((base / "data.yaml").read_text() + "  2: bird\n")
    elif name == "cvat_masks":
        text = (base / "labelmap.txt").read_text()
        (base / "labelmap.txt").write_text(text.replace("dog:", "bird:9,9,9::\ndog:"))
    elif name == "nnunet":
        described = json.loads((base / "dataset.json").read_text())
        described["labels"]["bird"] = len(exports.CLASSES)
        (base / "dataset.json").write_text(json.dumps(described))
    else:  # its value lies between those of others
        for path in (base / "SegmentationClass").iterdir():
            mask = np.array(Image.open(path))
            exports.save_mask(path, np.where(mask == 2, 3, mask).astype(np.uint8))
        (base / "classes.txt").write_text("background\ncat\nbird\ndog\n")


@pytest.mark.parametrize("make", [exports.yolo, exports.cvat_masks, exports.voc, exports.nnunet])
def test_a_class_that_no_image_shows_is_left_out_and_said(make, tmp_path):
    base = make(tmp_path / "set")
    with_a_class_more(base, make.__name__)
    source, said, _ = discover(base, "own")
    assert source.classes == list(exports.CLASSES) and not errors_of(base)
    assert any(line.endswith("with labels of them run init again: bird") for line in said)
    folder.prepare(tmp_path / "raw", source)
    for path in (tmp_path / "raw" / MASKS).iterdir():
        np.testing.assert_array_equal(read_mask(path), exports.truth(exports.stem_of(path.stem)))


@pytest.mark.parametrize("names", [("Bilder", "Masken"), ("Bilder", "labels"), ("Fotos", "Maske")])
def test_folders_in_german(tmp_path, names):
    base = tmp_path / "set"
    exports.save_images(base / names[0])
    for stem, mask in exports.truths().items():
        exports.save_mask(base / names[1] / f"{stem}.png", mask)
    source = discover(base, "own").source
    assert (source.images, source.masks) == names and contents.read(source).counts()["train"] == 6
