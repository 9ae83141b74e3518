"""How a folder is laid out is found out: each tool's export, as the tool writes it, is recognised, `check-data` has no
error, and the prepared masks are the truth. The table at the head of docs/own-data.md has a row for each."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data.layout import LISTS, MASKS, read_classes, read_list, read_mask
from semiproto.data.own import check
from semiproto.data.own import prepare as folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
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


def test_what_else_is_there_and_the_format_that_is_forced(base, discovered):
    pytest.importorskip("pycocotools")
    shutil.copytree(base, base.parent / "copy")
    own_folder.outlined(base.parent / "copy")
    shutil.copytree(base.parent / "copy/annotations", base / "annotations")
    source, said = discovered(base)
    assert (
        source.format == "masks"
        and "also there, and not read: COCO in annotations/instances.json (--format coco)" in said
    )
    assert discover(base, "own", "coco")[0].masks == "annotations/instances.json"
    with pytest.raises(UserError, match="nothing of the format yolo found; leave --format out"):
        discover(base, "own", "yolo")


@pytest.mark.parametrize(("count", "bands"), [(1, 3), (3, 3), (5, 5)])
def test_the_number_of_bands_is_that_of_the_images(base, count, bands):
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    for path in sorted((base / "images").iterdir()):
        shape = {"width": 40, "height": 40, "count": count, "dtype": "uint8"}
        with rasterio.open(path.with_suffix(".tif"), "w", driver="GTiff", **shape) as file:
            file.write(np.zeros((count, 40, 40), np.uint8))
        path.unlink()
    source, assumed, _ = discover(base, "own")
    assert source.bands == bands and any("5 bands" in line for line in assumed) == (bands == 5)
    (base / "masks").rename(base / "a")  # a table's masks may come before the images
    rows = [f"photos of the day/{path.stem}.tif,a/{path.name}\n" for path in sorted((base / "a").iterdir())]
    (base / "pairs.csv").write_text("image,mask\n" + "".join(rows))
    (base / "images").rename(base / "photos of the day")
    assert discover(base, "own", "pairs")[0].bands == bands


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
