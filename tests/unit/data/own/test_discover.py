"""How a folder is laid out is found out, and what was assumed is said."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data.own import check, contents, masks
from semiproto.data.own.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


def discovered(base):
    """The dataset section that would read the folder, and what was assumed."""
    source, said, _ = discover(base, "own")
    return source, "\n".join(said)


def test_vocs_layout(base):
    source, said = discovered(own_folder.in_voc_layout(base))
    assert (source.images, source.masks) == ("JPEGImages", "SegmentationClass")
    assert source.validation_list == "ImageSets/Segmentation/val.txt"
    assert "2 validation images, from ImageSets/Segmentation/val.txt" in said


@pytest.mark.parametrize("palette", [False, True])
def test_masks_drawn_in_colours(base, palette):
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


def test_palette_masks_whose_colours_are_not_those_of_the_classes_hold_indices(base):
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


@pytest.mark.parametrize("void", ["void", "Ignore"])
def test_names_with_blanks_and_the_void_line_are_understood(base, void):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").write_text(f"back ground 0 0 0\nmy big square  200 30  90\n{void} 224 224 192\n")
    source = discover(base, "own")[0]
    assert source.classes == ["back_ground", "my_big_square"] and source.ignore == [224, 224, 192]


def test_without_void_every_pixel_counts(base):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").write_text("background 0 0 0\nsquare 200 30 90\nborder 224 224 192\n")
    source, said = discovered(base)
    assert source.ignore is None and len(source.classes) == 3
    assert "no mask value is void" in said


@pytest.mark.parametrize("line", ["square 300 0 0", "square 0 0 0"])
def test_a_colour_that_cannot_be_is_one_line(base, line, one_line):
    own_folder.drawn_in_colours(base)
    (base / "classes.txt").write_text(f"background 0 0 0\n{line}\n")
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "classes.txt", "colour")


def test_pairs(base):
    source, said = discovered(own_folder.paired(base))
    assert source.masks == "pairs.csv" and source.images == "images"
    assert "pairs of images and masks from pairs.csv" in said
    assert "2 validation images, from pairs.csv" in said and "4 images with masks to train with, from pairs.csv" in said


def test_a_csv_of_something_else_is_no_table_of_pairs(base):
    (base / "notes.csv").write_text("file,remark\na,b\n")
    assert discovered(base)[0].masks == "masks"


def test_coco(base):
    pytest.importorskip("pycocotools")
    source, said = discovered(own_folder.outlined(base))
    assert source.masks == "annotations/instances.json" and source.classes == ["background", "square"]
    assert "COCO outlines from annotations/instances.json" in said and "2 classes from the categories" in said


def test_coco_beside_its_images(base):
    pytest.importorskip("pycocotools")
    own_folder.outlined(base)
    (base / "annotations/instances.json").rename(base / "images/_annotations.coco.json")
    (base / "annotations").rmdir()
    assert discovered(base)[0].masks == "images/_annotations.coco.json"
    (base / "images").rename(base / "train")
    shutil.move(base / "train", base.parent / "train")
    source, _ = discovered(base.parent / "train")
    assert (source.images, source.masks) == (".", "_annotations.coco.json")


def test_another_json_file_is_no_coco_file(base):
    (base / "settings.json").write_text('{"images": 3}')
    assert discovered(base)[0].masks == "masks"


def test_odd_names_are_told_with_the_ids_they_get(base):
    (base / "images/photo9.png").rename(base / "images/my photo.png")
    _, said = discovered(base)
    assert "images whose id is made from their name: 1, such as my_photo-" in said and "for my photo.png" in said


def test_faults_do_not_stop_init_and_are_pointed_at(base):
    (base / "masks/photo0.png").write_bytes(b"")
    (base / "masks/stray.png").write_bytes((base / "masks/photo1.png").read_bytes())
    (base / "classes.txt").unlink()
    source, said = discovered(base)
    assert source.classes == ["background", "class1"]
    assert "faults in names and lists: 1; `semiproto check-data` names them" in said


def test_the_highest_value_but_void_gives_the_number_of_classes(base):
    (base / "classes.txt").unlink()
    mask = np.array(Image.open(base / "masks/photo3.png"))
    mask[0, :2] = 4, 255
    Image.fromarray(mask).save(base / "masks/photo3.png")
    assert discovered(base)[0].classes == ["background", "class1", "class2", "class3", "class4"]


@pytest.mark.parametrize(("remove", "words"), [("images", "no folder of images"), ("masks", "no folder of masks")])
def test_what_is_not_there_is_asked_for(base, remove, words, one_line):
    shutil.rmtree(base / remove)
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base, words)


def test_folders_with_words_for_images_and_masks_in_their_names(base):
    """As Kaggle's semantic drone data set; masks of values come before those in colours."""
    (base / "images").rename(base / "original_images")
    for path in (base / "masks").iterdir():
        coloured = np.array([(0, 0, 0), (9, 8, 7), (5, 0, 0)], np.uint8)[np.array(Image.open(path)).clip(max=2)]
        (base / "RGB_color_image_masks").mkdir(exist_ok=True)
        Image.fromarray(coloured).save(base / "RGB_color_image_masks" / path.name)
    (base / "masks").rename(base / "label_images_semantic")
    source, _ = discovered(base)
    assert (source.images, source.masks) == ("original_images", "label_images_semantic")
    assert check.check(source, contents.read(source)).errors() == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(("factor", "meaning"), [(1, None), (255, {"0": "background", "255": "cat"})])
def test_grey_masks_of_several_channels_are_grey(base, mode, factor, meaning):
    """As OpenCV and drawing programs save them."""
    (base / "classes.txt").write_text("background\ncat\n")
    for path in (base / "masks").iterdir():
        Image.fromarray(factor * (np.array(Image.open(path)) > 0).astype(np.uint8)).convert(mode).save(path)
    source, _ = discovered(base)
    assert (source.classes, source.colours, source.values) == (["background", "cat"], None, meaning)
    found = check.check(source, contents.read(source))
    assert found.errors() == 0 and all(share.pixels for share in found.classes)


def test_the_only_folder_of_an_archive_is_looked_into(base, tmp_path):
    (tmp_path / "download").mkdir()
    base.rename(tmp_path / "download/photos-1")
    assert discovered(tmp_path / "download")[0].path == str(tmp_path / "download/photos-1")


def test_what_else_is_there_and_the_format_that_is_forced(base):
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


@pytest.mark.parametrize(
    ("images", "masks"),
    [("train/images", "train/masks"), ("img_dir/train", "ann_dir/train"), ("Images", "Masks"), ("train", "trainannot")],
)
def test_other_names_of_folders(base, images, masks):
    for old, new in (("images", images), ("masks", masks)):
        (base / new).parent.mkdir(exist_ok=True)
        (base / old).rename(base / f"moved-{old}")
        (base / f"moved-{old}").rename(base / new)
    source, _ = discovered(base)
    found = contents.read(source)
    assert found.counts() == {"train": 6, "val": 0, "unlabeled": 4} and not found.faults


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


def test_the_folder_that_one_is_in_is_read_like_any_other(base, monkeypatch):
    (base / ".hidden.png").touch()
    named = discover(base, "own")[0]
    monkeypatch.chdir(base)
    here = discover(Path(), "own").source
    assert here == named.model_copy(update={"path": "."})


def test_folders_of_any_name_are_known_by_the_names_of_their_masks(base):
    (base / "images").rename(base / "rushes")
    (base / "masks").rename(base / "approved")
    for path in (base / "approved").iterdir():
        path.rename(path.with_name(f"{path.stem}_L.png"))
    source, _ = discovered(base)
    assert (source.images, source.masks) == ("rushes", "approved")
    assert contents.read(source).counts() == {"train": 6, "val": 0, "unlabeled": 4}


def test_masks_by_class_in_the_folder_of_each_part(base):
    numbers = {"training": (0, 1, 2), "validation": (3, 4), "Test": (5,)}
    for part, those in numbers.items():
        for number in those:
            mask = np.array(Image.open(base / f"masks/photo{number}.png"))
            (base / part / "img").mkdir(parents=True, exist_ok=True)
            (base / f"images/photo{number}.png").rename(base / part / f"img/{number}.png")
            for name, covered in (("square", mask == 1), ("corner", np.arange(mask.size).reshape(mask.shape) < 50)):
                (base / part / "label" / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(255 * covered.astype(np.uint8)).save(base / part / f"label/{name}/{number}.png")
    for name in ("images", "masks"):
        shutil.rmtree(base / name)
    (base / "classes.txt").unlink()
    source, _ = discovered(base)
    assert (source.format, source.classes) == ("per-class", ["background", "corner", "square"])
    found = contents.read(source)
    assert found.counts() == {"train": 3, "val": 2, "unlabeled": 0} and not found.faults
    assert all(len(item.mask.layers) == 2 for item in found.items)


def test_masks_that_are_all_jpegs_stop_init(base, one_line):
    for path in (base / "masks").iterdir():
        Image.fromarray(255 * np.array(Image.open(path))).save(path.with_suffix(".jpg"))
        path.unlink()
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "masks/photo0.jpg", "more files", "export the masks again as PNG")


def test_of_several_forms_of_a_via_project_one_is_read_and_the_others_are_named(tmp_path):
    pytest.importorskip("pycocotools")
    base = exports.via(tmp_path / "set")
    regions = (base / "val/via_region_data.json").read_text()
    (base / "val/via_project.json").write_text(f'{{"_via_img_metadata": {regions}}}')
    source, said = discovered(base)
    assert source.masks == ["train/via_region_data.json", "val/via_project.json"]
    assert "labels are the attribute 'class'" in said and ": val/via_region_data.json" in said


def test_a_project_of_via_3_is_one_line(base, one_line):
    shutil.rmtree(base / "masks")
    (base / "via.json").write_text(
        '{"project": {}, "config": {}, "attribute": {}, "file": {}, "metadata": {}, "view": {}}'
    )
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "via.json", "VIA 3", "COCO")


def test_values_that_are_not_cityscapes_keep_their_numbers(tmp_path):
    base = exports.cityscapes(tmp_path / "streets")
    for path in base.rglob("*_labelIds.png"):
        Image.fromarray(np.array(Image.open(path)) + 50).save(path)
    source, said = discovered(base)
    assert source.classes == ["class57", "class58", "class61"] and "of which none is 0" in said


def test_nnunets_regions_are_told(tmp_path):
    base = exports.nnunet(tmp_path / "set")
    text = (base / "dataset.json").read_text()
    (base / "dataset.json").write_text(text.replace('"cat": 1', '"animal": [1, 2]'))
    source, said = discovered(base)
    assert source.classes == ["background", "animal", "dog"] and "animal: what no inner one covers" in said
    assert check.check(source, contents.read(source)).errors() == 0


def test_folders_of_any_name_are_known_by_a_table(base):
    (base / "images").rename(base / "pics")
    (base / "masks").rename(base / "anno")
    (base / "all.csv").write_text("image,mask\npics/photo0.png,anno/photo0.png\npics/photo1.png,anno/photo1.png\n")
    source, _ = discovered(base)
    assert (source.images, source.masks) == ("pics", "all.csv")
    assert contents.read(source).counts() == {"train": 2, "val": 0, "unlabeled": 4}


@pytest.mark.parametrize("agree", [True, False])
def test_two_exports_of_cvat_side_by_side(tmp_path, agree, one_line):
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


def test_masks_by_class_of_images_that_each_show_one_class(base):
    (base / "classes.txt").unlink()
    for number in range(6):
        folder = base / "masks" / ("round" if number % 2 else "square")
        folder.mkdir(exist_ok=True)
        (base / f"masks/photo{number}.png").rename(folder / f"photo{number}.png")
    assert discovered(base)[0].classes == ["background", "round", "square"]
    for number in range(6):  # folders that the images lie in too are no classes
        folder = base / "images" / ("round" if number % 2 else "square")
        folder.mkdir(exist_ok=True)
        (base / f"images/photo{number}.png").rename(folder / f"photo{number}.png")
    assert discovered(base)[0].classes == ["background", "class1"]


def test_pictures_of_masks_beside_superviselys_are_no_images(tmp_path):
    pytest.importorskip("pycocotools")
    base = exports.supervisely(tmp_path / "set")
    for stem in exports.TRAIN:
        exports.save_mask(base / f"train/masks_machine/{stem}.png", exports.truth(stem))
    exports.save_images(base / "unlabelled", ["photo9"])
    source, _ = discovered(base)
    assert source.images == ["train/img", "val/img", "unlabelled"]


SPLITS = {
    "split.json": {"train": ["photo0", "photo1"], "val": ["photo2"], "test": ["photo3", "photo4"]},
    "splits_final.json": [{"train": ["photo0", "photo1"], "val": ["photo2"], "test": ["photo3", "photo4"]}, {}],
    "parts.json": {"photo0": "train", "photo1": "train", "photo2": "valid", "photo3": "test", "photo4": "test"},
    "metadata.csv": "id,split,image\n1,train,photo0.jpg\n2,Train,photo1.jpg\n3,val,photo2.jpg\n"
    "4,test,photo3.jpg\n5,test,photo4.jpg\n",
}


@pytest.mark.parametrize("name", SPLITS)
def test_a_file_that_gives_each_image_its_part_is_read(name, tmp_path):
    base = exports.voc(tmp_path / "set")
    shutil.rmtree(base / "ImageSets")
    (base / name).write_text(SPLITS[name] if isinstance(SPLITS[name], str) else json.dumps(SPLITS[name]))
    source, said, _ = discover(base, "set")
    assert source.train_list == source.validation_list == source.test_list == name
    assert ("parts from the first of 2 folds in splits_final.json" in said) == (name == "splits_final.json")
    found = contents.read(source)
    parts = {part: [item.id for item in found.of(part)] for part in ("train", "val")}
    assert parts == {"train": ["photo0", "photo1"], "val": ["photo2"]}
    assert not found.faults and not {"photo3", "photo4"} & {item.id for item in found.items}

    elsewhere = base / "notes" / name
    elsewhere.parent.mkdir()
    (base / name).rename(elsewhere)
    faults = [fault for fault in contents.read(discover(base, "set")[0]).faults if not fault.warning]
    assert {fault.kind for fault in faults} == {"held-out"} and len(faults) == 2
    mended = {"validation_list": f"notes/{name}", "test_list": f"notes/{name}"}
    assert all(f"set dataset.{key} to notes/{name}" in " ".join(map(str, faults)) for key in mended)
    assert not contents.read(discover(base, "set")[0].model_copy(update=mended)).faults


@pytest.mark.parametrize("folder", ["ImageSets/2017", "ImageSets/480p", "splits"])
def test_a_list_may_name_the_folders_of_its_images(folder, tmp_path):
    base = tmp_path / "videos"
    for number, stem in enumerate(exports.TRAIN + exports.VAL):
        video = ("bear", "boat", "cow")[number // 2]
        exports.save_image(base / f"JPEGImages/480p/{video}", stem, f"{number % 2:05}.jpg")
        exports.save_mask(base / f"Annotations/480p/{video}/{number % 2:05}.png", exports.truth(stem))
    exports.save_image(base / "JPEGImages/480p/cow", exports.BARE[0], "00009.jpg")
    (base / folder).mkdir(parents=True)
    (base / folder / "train.txt").write_text("bear\nboat\n")
    (base / folder / "val.txt").write_text("cow\n")
    found = contents.read(discover(base, "set")[0])
    videos = {part: {item.image.parent.name for item in found.of(part)} for part in contents.PARTS}
    assert videos == {"train": {"bear", "boat"}, "val": {"cow"}, "unlabeled": set()}
    assert found.counts()["train"] == 4 and not found.faults


def test_a_validation_image_without_a_mask_in_a_table_of_the_set_is_left_out(tmp_path):
    base = exports.voc(tmp_path / "set")
    shutil.rmtree(base / "ImageSets")
    rows = [f"{stem},{'train' if stem in exports.TRAIN else 'val'}" for stem in exports.TRAIN + exports.VAL]
    (base / "metadata.csv").write_text("\n".join(["image,split", *rows, "photo6,val", "photo7,train"]))
    found = contents.read(discover(base, "set")[0])
    assert not found.faults and found.counts() == {"train": 4, "val": 2, "unlabeled": 1}
    assert any("validation images without a mask" in row.use for row in found.files)


def _numbered(base, image, mask):
    """Images 0 and 1 in a folder of each part, and their masks, with these names."""
    for number, stem in enumerate(exports.TRAIN):
        place = {"part": ("train", "val")[number // 2], "n": number % 2}
        path = base / image.format(**place)
        exports.save_image(path.parent, stem, path.name)
        exports.save_mask(base / mask.format(**place), exports.truth(stem))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{part}/{n}_sat.png", "{part}/{n}_mask.png"),
        ("{part}/images/image_{n}.png", "{part}/masks/mask_{n}.png"),
        ("{part}/images/img-{n}.png", "{part}/masks/{n}.png"),
        ("{part}/images_png/{n}.png", "{part}/masks_png/{n}.png"),
        ("images/10k/{part}/{n}.png", "labels/sem_seg/masks/{part}/{n}.png"),
    ],
)
def test_images_and_masks_are_called_as_people_call_them(image, mask, tmp_path):
    _numbered(tmp_path, image, mask)
    if "sem_seg" in mask:  # BDD100K has the masks in colours too
        shutil.copytree(tmp_path / "labels/sem_seg/masks", tmp_path / "labels/sem_seg/colormaps")
    found = contents.read(discover(tmp_path, "set")[0])
    assert found.counts() == {"train": 2, "val": 2, "unlabeled": 0} and not found.faults
    stems = iter(exports.TRAIN)
    assert all((np.array(Image.open(item.mask)) == exports.truth(next(stems))).all() for item in found.items)


@pytest.mark.parametrize("folder", ["depth", "v1.2/panoptic"])
def test_what_lies_beside_the_images_of_a_part_is_no_image(folder, tmp_path):
    base = tmp_path / "set"
    _numbered(base, "{part}/images/{n}.png", "{part}/masks/{n}.png")
    for part in ("train", "val"):
        shutil.copytree(base / part / "images", base / part / folder)
    exports.save_image(base / "unlabeled/day1", exports.BARE[0])
    found = contents.read(discover(base, "set")[0])
    assert found.counts() == {"train": 2, "val": 2, "unlabeled": 1}
    assert [row.count for row in found.files if "neither in dataset.images" in row.use] == [2, 2]


def test_a_further_mask_of_an_image_is_no_image_and_an_error_until_it_is_joined(tmp_path):
    base = tmp_path / "set" / "benign"
    for stem in exports.TRAIN:
        exports.save_image(base, stem, f"{stem} (1).png")
        exports.save_mask(base / f"{stem} (1)_mask.png", exports.truth(stem))
    further = base / "photo0 (1)_mask_1.png"
    exports.save_mask(further, exports.truth("photo0"))
    found = contents.read(discover(base.parent, "set")[0])
    assert found.counts() == {"train": 4, "val": 0, "unlabeled": 0}
    assert [fault.kind for fault in found.faults] == ["same-stem"] and "join them into one file" in str(found.faults[0])
    further.unlink()
    assert not contents.read(discover(base.parent, "set")[0]).faults


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


def numbered(base, counts, save=exports.save_mask):
    """Masks of 1 to n objects, each one column."""
    for stem, count in zip(exports.TRAIN, counts, strict=True):
        exports.save_image(base / "images", stem)
        mask = np.zeros((exports.HEIGHT, exports.WIDTH), np.uint8)
        mask[4:20, 1 : 2 * count : 2] = np.arange(1, count + 1)
        save(base / f"masks/{stem}.png", mask)
    return base


def test_values_that_may_number_objects_are_said_and_two_names_make_them_one_class(tmp_path):
    base = numbered(tmp_path / "set", (2, 2, 3, 2))
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "class1", "class2", "class3"]
    assert any("1 to 2, ... and 1 to 3" in line and "write classes.txt" in line for line in said)
    (base / "classes.txt").write_text("background\nobject\n")
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "object"] and check.check(source, contents.read(source)).errors() == 0
    assert any("which are all object" in line for line in said)


def test_many_objects_are_one_class_until_each_value_has_a_name(tmp_path):
    base = numbered(tmp_path / "set", (1, 2, 3, 4))
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "object"] and any("write classes.txt" in line for line in said)
    (base / "classes.txt").write_text("background\na\nb\nc\nd\n")
    source, said, _ = discover(base, "set")
    assert source.classes == ["background", "a", "b", "c", "d"] and source.values is None
    assert not any("objects" in line for line in said)


def test_hundreds_of_objects_in_label_images_of_16_and_32_bits_are_one_class(tmp_path):
    for kind in (np.uint16, np.int32):
        base = tmp_path / kind.__name__
        for step, stem in enumerate(exports.TRAIN, start=2):
            exports.save_image(base / "images", stem)
            mask = np.zeros((exports.HEIGHT, exports.WIDTH), kind)
            inside = mask[::step, ::step]
            inside[:] = np.arange(1, inside.size + 1).reshape(inside.shape)
            (base / "masks").mkdir(exist_ok=True)
            Image.fromarray(mask).save(base / f"masks/{stem}.tif")
        source = discover(base, "set").source
        assert source.values == {"0": "background", "1-65535": "object"} and source.ignore is None
        assert check.check(source, contents.read(source)).errors() == 0


def test_void_around_objects_stays_void(tmp_path):
    def bordered(path, mask):
        mask[0] = 255
        exports.save_mask(path, mask)

    source = discover(numbered(tmp_path / "set", (1, 2, 3, 4), bordered), "set").source
    assert (source.values, source.ignore) == ({"0": "background", "1-254": "object"}, 255)


@pytest.mark.parametrize(
    "shown", [((1, 2), (2,), (1, 3), (3,)), ((1,), (1, 2), (4,), (2, 3)), ((1, 2, 3),) * 4, ((1,),) * 4]
)
def test_masks_that_show_some_of_the_classes_number_no_objects(shown, tmp_path):
    def of_classes(path, mask):
        mask[mask > 0] = np.array(shown[int(path.stem[-1])])[mask[mask > 0] - 1]
        exports.save_mask(path, mask)

    base = numbered(tmp_path / "set", [len(values) for values in shown], of_classes)
    source, said, _ = discover(base, "set")
    assert len(source.classes) == 1 + max(max(values) for values in shown) and source.values is None
    assert not any("object" in line for line in said)


def test_classes_in_several_regions_number_no_objects(tmp_path):
    def twice(path, mask):
        exports.save_mask(path, np.roll(mask, 24, axis=1) + mask)

    source, said, _ = discover(numbered(tmp_path / "set", (1, 2, 3, 4), twice), "set")
    assert len(source.classes) == 5 and not any("object" in line for line in said)


def test_lists_beside_the_masks_are_read(tmp_path):
    base = tmp_path / "pets"
    for stem in exports.TRAIN:
        exports.save_image(base / "images", stem)
        exports.save_mask(base / f"annotations/trimaps/{stem}.png", exports.truth(stem))
    exports.write(base / "annotations/trainval.txt", "".join(f"{stem} 1 1 1\n" for stem in exports.TRAIN[:3]))
    exports.write(base / "annotations/test.txt", f"{exports.TRAIN[3]} 1 1 1\n")
    found = contents.read(discover(base, "set")[0])
    assert found.counts() == {"train": 3, "val": 0, "unlabeled": 0} and not found.faults


def test_folders_of_classes_may_lie_beside_that_of_the_images(tmp_path):
    base = tmp_path / "set"
    for part, stems in (("train", exports.TRAIN), ("val", exports.VAL)):
        exports.save_images(base / part / "images", stems)
        for stem in stems:
            for index, name in enumerate(exports.CLASSES[1:], start=1):
                exports.save_mask(base / part / f"{name}/{stem}.png", (exports.truth(stem) == index) * np.uint8(255))
    source, said, _ = discover(base, "set")
    found = contents.read(source)
    assert said[0].startswith("layout: a folder of masks per class;") and source.classes == list(exports.CLASSES)
    assert found.counts() == {"train": 4, "val": 2, "unlabeled": 0} and not found.faults
    rules = masks.rules(source)
    for item in found.items:
        drawn = masks.read(item.mask, (exports.WIDTH, exports.HEIGHT), rules)
        np.testing.assert_array_equal(drawn, exports.truth(item.image.stem))


def test_masks_by_class_in_folders_of_any_name(tmp_path):
    base = tmp_path / "set"
    for stem in exports.TRAIN:
        exports.save_image(base / "1. Originals/a. Training Set", stem)
        for index, name in enumerate(("MA", "EX"), start=1):
            mask = (exports.truth(stem) == index) * np.uint8(255)
            exports.save_mask(base / f"2. Truths/a. Training Set/{index}. {name.lower()}/{stem}_{name}.tif", mask)
    source = discover(base, "set").source
    found = contents.read(source)
    assert source.classes == ["background", "EX", "MA"] and found.counts()["train"] == 4 and not found.faults


def test_a_folder_beside_the_images_called_like_them_and_like_masks(tmp_path):
    base = tmp_path / "camvid"
    exports.save_images(base / "default")
    for stem in exports.TRAIN:
        exports.save_mask(base / f"defaultannot/{stem}.png", np.array(exports.COLOURS, np.uint8)[exports.truth(stem)])
    lines = (
        f"{' '.join(map(str, colour))} {name}" for colour, name in zip(exports.COLOURS, exports.CLASSES, strict=True)
    )
    exports.write(base / "label_colors.txt", "\n".join(lines))
    source = discover(base, "set").source
    assert source.classes == list(exports.CLASSES) and source.colours == [list(one) for one in exports.COLOURS]
    assert contents.read(source).counts() == {"train": 4, "val": 0, "unlabeled": 4}


@pytest.mark.parametrize("ending", ["_Simple Segmentation", "_cp_masks", "-labels"])
def test_masks_of_programs_for_microscopes_beside_their_images(ending, tmp_path):
    for stem in exports.TRAIN:
        exports.save_image(tmp_path / "set", stem, f"{stem}.png")
        exports.save_mask(tmp_path / f"set/{stem}{ending}.png", exports.truth(stem))
    assert contents.read(discover(tmp_path / "set", "set")[0]).counts() == {"train": 4, "val": 0, "unlabeled": 0}
