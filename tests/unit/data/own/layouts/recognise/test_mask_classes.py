"""The classes of mask files, by their values, by their colours, and by files that name them."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data.layout import MASKS, read_mask
from semiproto.data.own import check
from semiproto.data.own import prepare as folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.mark.parametrize("palette", [False, True])
def test_masks_drawn_in_colours(base, palette, discovered):
    source, said = discovered(own_folder.drawn_in_colours(base, palette))
    assert source.classes == ["background", "square"]
    assert source.colours == [[0, 0, 0], [200, 30, 90]] and source.ignore == [224, 224, 192]
    assert "masks are drawn in colours" in said and "colour [224, 224, 192] is void" in said


def test_masks_drawn_in_colours_with_alpha_are_known_for_that(base):
    for path in (own_folder.drawn_in_colours(base) / "masks").iterdir():
        Image.open(path).convert("RGBA").save(path)
    source = discover(base, "own")[0]
    assert source.colours == [[0, 0, 0], [200, 30, 90]]
    found = check.check(source, contents.read(source))
    assert "mode RGBA is not a mask of class colours" in found.faults[0].found
    assert found.faults[0].remedy == "save it as an 8-bit RGB or palette PNG without alpha"


def test_palette_masks_whose_colours_are_not_those_of_the_classes_hold_indices(base, discovered):
    (base / "classes.txt").write_text("background 1 2 3\nsquare 4 5 6\n")
    for path in (base / "masks").iterdir():
        mask = Image.open(path)
        mask.putpalette([9, 9, 9, 7, 7, 7])
        mask.save(path)
    source, _ = discovered(base)
    assert source.classes == ["background", "square"] and source.colours is None and source.ignore == 255


@pytest.mark.parametrize("lines", [None, "background\nsquare\n", "background 0 0 0\nsquare\n"])
def test_colours_without_a_table_are_one_line_that_lists_them(base, lines, one_line):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").unlink()
    if lines:
        (base / "classes.txt").write_text(lines)
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "classes.txt", "photo0.png", "name red green blue", "(200, 30, 90)")


def test_the_highest_value_but_void_gives_the_number_of_classes(base, discovered):
    (base / "classes.txt").unlink()
    mask = np.array(Image.open(base / "masks/photo3.png"))
    mask[0, :2] = 4, 255
    Image.fromarray(mask).save(base / "masks/photo3.png")
    assert discovered(base)[0].classes == ["background", "class1", "class2", "class3", "class4"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(("factor", "meaning"), [(1, None), (255, {"0": "background", "255": "cat"})])
def test_grey_masks_of_several_channels_are_grey(base, mode, factor, meaning, discovered):
    """As OpenCV and drawing programs save them."""
    (base / "classes.txt").write_text("background\ncat\n")
    for path in (base / "masks").iterdir():
        Image.fromarray(factor * (np.array(Image.open(path)) > 0).astype(np.uint8)).convert(mode).save(path)
    source, _ = discovered(base)
    assert (source.classes, source.colours, source.values) == (["background", "cat"], None, meaning)
    found = check.check(source, contents.read(source))
    assert found.errors() == 0 and all(share.pixels for share in found.classes)


def test_values_that_are_not_cityscapes_keep_their_numbers(tmp_path, discovered):
    base = exports.cityscapes(tmp_path / "streets")
    for path in base.rglob("*_labelIds.png"):
        Image.fromarray(np.array(Image.open(path)) + 50).save(path)
    source, said = discovered(base)
    assert source.classes == ["class57", "class58", "class61"] and "of which none is 0" in said


def test_nnunets_regions_are_told(tmp_path, discovered):
    base = exports.nnunet(tmp_path / "set")
    text = (base / "dataset.json").read_text()
    (base / "dataset.json").write_text(text.replace('"cat": 1', '"animal": [1, 2]'))
    source, said = discovered(base)
    assert source.classes == ["background", "animal", "dog"] and "animal: what no inner one covers" in said
    assert check.check(source, contents.read(source)).errors() == 0


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


@pytest.mark.parametrize("agree", [True, False])
def test_two_exports_of_cvat_side_by_side(tmp_path, agree, one_line, discovered):
    for part in ("train", "val"):
        exports.cvat_masks(tmp_path / "both" / part)
        shutil.rmtree(tmp_path / "both" / part / "ImageSets")
    second = tmp_path / "both/val/labelmap.txt"
    if agree:
        assert discovered(tmp_path / "both")[0].classes == list(exports.CLASSES)
        return
    second.write_text(second.read_text().replace("cat:", "bird:"))
    with pytest.raises(UserError) as error:
        discover(tmp_path / "both", "own")
    one_line(error, tmp_path / "both/train/labelmap.txt", second, "(250, 50, 83) is")


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
    assert source.classes == list(exports.CLASSES)
    assert check.check(source, contents.read(source)).errors() == 0
    assert any(line.endswith("with labels of them run init again: bird") for line in said)
    folder.prepare(tmp_path / "raw", source)
    for path in (tmp_path / "raw" / MASKS).iterdir():
        np.testing.assert_array_equal(read_mask(path), exports.truth(exports.stem_of(path.stem)))
