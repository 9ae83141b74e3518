"""Every fault that a user's data may have is found, under its file's name, in one pass."""

import json
import os

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from pipeline import own_folder
from semiproto.data.own import check
from semiproto.data.own.contents import contents
from semiproto.errors import UserError
from semiproto.process import pool
from semiproto.provenance.integrity import Kept

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def findings_of(base, **changes):
    source = own_folder.source(base, **changes)
    return check.check(source, contents.read(source))


def write(path, *lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def save_mask(base, array, name="photo1"):
    Image.fromarray(array).save(base / f"masks/{name}.png")


def mask_of(base, name="photo1"):
    return np.array(Image.open(base / f"masks/{name}.png"))


def picture(seed=5, size=(40, 40)):
    """A smooth coloured picture that a hash can tell from others."""
    coarse = np.random.default_rng(seed).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def turn(base, orientation, size=(40, 40)):
    image = picture(size=size)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(base / "images/photo1.jpg", exif=exif)


def repaint(base, part, change):
    for item in part:
        path = base / f"images/photo{item}.jpg"
        change(Image.open(path).convert("RGB")).save(path, quality=95)


# Each fault: what plants it, the changes to the section, its kind, its file, and words of its line.
TRAIN = {"train_list": "train.txt"}
BOTH = {"train_list": "train.txt", "validation_list": "val.txt"}
PAIRS = {"masks": "pairs.csv"}
HEADER, ROW = "image,mask,part", "images/photo0.jpg,masks/photo0.png,train"
ERRORS = {
    "truncated JPEG": (
        lambda b: (b / "images/photo6.jpg").write_bytes((b / "images/photo6.jpg").read_bytes()[:900]),
        {}, "image-unreadable", "images/photo6.jpg", ["cannot be read", "replace"]),
    "text named .jpg": (
        lambda b: write(b / "images/photo6.jpg", "not a picture"),
        {}, "image-unreadable", "images/photo6.jpg", ["cannot be read"]),
    "image of no bytes": (
        lambda b: (b / "images/photo6.jpg").write_bytes(b""),
        {}, "image-unreadable", "images/photo6.jpg", ["cannot be read"]),
    "truncated mask": (
        lambda b: (b / "masks/photo1.png").write_bytes((b / "masks/photo1.png").read_bytes()[:50]),
        {}, "mask-unreadable", "masks/photo1.png", ["cannot be read as a mask"]),
    "mask of another size": (
        lambda b: save_mask(b, np.zeros((30, 20), np.uint8)),
        {}, "mask-size", "masks/photo1.png", ["20x30", "40x40", "make the mask again"]),
    "RGB mask where indices are expected": (
        lambda b: save_mask(b, np.full((40, 40, 3), (0, 0, 9), np.uint8)),
        {}, "mask-unreadable", "masks/photo1.png", ["mode RGB", "palette or 8-bit grey PNG"]),
    "mask with alpha": (
        lambda b: save_mask(b, np.zeros((40, 40, 4), np.uint8)),
        {}, "mask-unreadable", "masks/photo1.png", ["mode RGBA"]),
    "16-bit mask": (
        lambda b: save_mask(b, np.full((40, 40), 300, np.uint16)),
        {}, "mask-value", "masks/photo1.png", ["value 300", "300: void", "8 bits", "merge rare classes"]),
    "value out of range": (
        lambda b: save_mask(b, np.where(mask_of(b) == 1, np.uint8(1), np.uint8(7))),
        {}, "mask-value", "masks/photo1.png", ["value 7 is not a class", "row 0, column 0", "0 to 1", "255"]),
    "void value that was not declared": (
        lambda b: save_mask(b, np.full((40, 40), 255, np.uint8)),
        {"ignore": None}, "mask-value", "masks/photo1.png", ["value 255", "1600 such pixels"]),
    "mask saved as JPEG": (
        lambda b: (Image.open(b / "masks/photo1.png").save(b / "masks/photo1.jpg"), (b / "masks/photo1.png").unlink()),
        {}, "mask-suffix", "masks/photo1.jpg", ["cannot be a .jpg", "PNG"]),
    "mask not turned like its image": (
        lambda b: (turn(b, 6, (40, 30)), save_mask(b, np.zeros((30, 40), np.uint8))),
        {}, "mask-turned", "masks/photo1.png", ["40x30", "30x40", "EXIF orientation is 6", "turn the mask"]),
    "no mask at all": (
        lambda b: [path.unlink() for path in (b / "masks").iterdir()],
        {}, "no-labels", "masks", ["no labelled image", "give masks"]),
    "two images of one stem": (
        lambda b: picture().save(b / "images/photo1.png"),
        {}, "same-stem", "images/photo1.png", ["photo1.jpg", "same id 'photo1'", "rename"]),
    "two masks of one stem": (
        lambda b: Image.open(b / "masks/photo1.png").save(b / "masks/photo1.PNG", format="PNG"),
        {}, "same-stem", "masks/photo1.png", ["same id 'photo1'"]),
    "missing mask": (
        lambda b: write(b / "train.txt", "photo0", "photo9"),
        TRAIN, "list-mask", "train.txt", ["line 2", "'photo9' has no mask"]),
    "missing image": (
        lambda b: write(b / "train.txt", "photo0", "photo99"),
        TRAIN, "list-image", "train.txt", ["line 2", "'photo99' has no image"]),
    "id twice in a list": (
        lambda b: write(b / "train.txt", "photo0", "photo1", "photo0"),
        TRAIN, "list-twice", "train.txt", ["line 3", "'photo0'", "line 1"]),
    "id in two lists": (
        lambda b: (write(b / "train.txt", "photo0", "photo1"), write(b / "val.txt", "photo1")),
        BOTH, "list-overlap", "val.txt", ["names 1 images that", "such as photo1"]),
    "empty training list": (
        lambda b: write(b / "train.txt"), TRAIN, "list-empty", "train.txt", ["names no id"]),
    "empty validation list": (
        lambda b: (write(b / "train.txt", "photo0"), write(b / "val.txt")),
        BOTH, "list-empty", "val.txt", ["names no id"]),
    "list of a path that leads out": (
        lambda b: write(b / "train.txt", "photo0", "../photo1.jpg"),
        TRAIN, "list-path", "train.txt", ["line 2", "../photo1.jpg", "write photo1"]),
    "hostile id": (
        lambda b: write(b / "train.txt", "photo0", "../../etc/passwd"),
        TRAIN, "list-id", "train.txt", ["line 2", "'../../etc/passwd' cannot be an id"]),
    "list that is not text": (
        lambda b: (b / "train.txt").write_bytes(b"photo0\n\xff\xfe\xfa"),
        TRAIN, "list-unreadable", "train.txt", ["not a text file of ids"]),
    "list that is not there": (
        lambda b: None, TRAIN, "list-unreadable", "train.txt", ["no such file"]),
    "list that is a folder": (
        lambda b: (b / "train.txt").mkdir(), TRAIN, "list-unreadable", "train.txt", ["not a regular file"]),
    "class without pixels": (
        lambda b: None, {"classes": ["background", "square", "circle"]},
        "class-without-pixels", "masks", ["no labelled pixel of class circle", "label an image"]),
    "same file in training and validation": (
        lambda b: ((b / "images/photo1.jpg").write_bytes((b / "images/photo0.jpg").read_bytes()),
                   write(b / "train.txt", "photo0", "photo2"), write(b / "val.txt", "photo1", "photo3")),
        BOTH, "duplicate", "images/photo1.jpg", ["photo0.jpg", "train and val", "remove one"]),
    "CSV that names a missing image": (
        lambda b: write(b / "pairs.csv", HEADER, ROW, "images/none.jpg,masks/photo1.png,train"),
        PAIRS, "missing-file", "pairs.csv", ["line 3", "image 'images/none.jpg'"]),
    "CSV that names a missing mask": (
        lambda b: write(b / "pairs.csv", HEADER, ROW, "images/photo1.jpg,masks/none.png,train"),
        PAIRS, "missing-file", "pairs.csv", ["line 3", "mask 'masks/none.png'"]),
    "CSV with a training image without mask": (
        lambda b: write(b / "pairs.csv", HEADER, ROW, "images/photo1.jpg,,train"),
        PAIRS, "pairs", "pairs.csv", ["line 3", "no mask", "'images/photo1.jpg'"]),
    "CSV with an unknown part": (
        lambda b: write(b / "pairs.csv", HEADER, ROW, "images/photo1.jpg,masks/photo1.png,third"),
        PAIRS, "pairs", "pairs.csv", ["line 3", "'third'", "train, val, unlabeled"]),
    "CSV with an image twice": (
        lambda b: write(b / "pairs.csv", HEADER, ROW, ROW), PAIRS, "pairs", "pairs.csv", ["line 3", "twice"]),
    "CSV with an image of another kind": (
        lambda b: (write(b / "notes.txt"), write(b / "pairs.csv", HEADER, ROW, "notes.txt,masks/photo1.png,train")),
        PAIRS, "suffix", "pairs.csv", ["line 3", "'notes.txt'", ".png", "convert"]),
}  # fmt: skip


@pytest.mark.parametrize(("plant", "changes", "kind", "file", "words"), ERRORS.values(), ids=ERRORS)
def test_each_error_is_found_under_its_files_name_and_nothing_else_is(base, plant, changes, kind, file, words):
    plant(base)
    found = findings_of(base, **changes)
    errors = [fault for fault in found.faults if not fault.warning]
    assert [(fault.kind, fault.file) for fault in errors] == [(kind, str(base / file))], found.faults
    assert found.errors() == 1
    for word in words:
        assert word in str(errors[0])
    assert "\n" not in str(errors[0])


WARNINGS = {
    "mask without an image": (
        lambda b: save_mask(b, mask_of(b), "stray"), {}, "mask-without-image", "masks/stray.png", ["'stray'"]),
    "mask of void alone": (
        lambda b: save_mask(b, np.full((40, 40), 255, np.uint8)), {}, "mask-void", "masks/photo1.png", ["photo1.jpg"]),
    "image upside down by its EXIF tag": (
        lambda b: turn(b, 3), {}, "exif", "images/photo1.jpg", ["orientation is 3", "as shown"]),
    "rare class": (
        lambda b: save_mask(b, np.where(np.arange(1600).reshape(40, 40) == 0, 2, mask_of(b)).astype(np.uint8)),
        {"classes": ["background", "square", "dot"]}, "class-rare", "masks", ["class dot has 1 labelled pixels"]),
    "class that validation lacks": (
        lambda b: (save_mask(b, np.zeros((40, 40), np.uint8)), write(b / "val.txt", "photo1")),
        {"validation_list": "val.txt"}, "class-unvalidated", "masks", ["class square"]),
    "image in a format that is passed over": (
        lambda b: picture().save(b / "images/scan.gif"), {}, "image-suffix", "images/scan.gif", [".gif"]),
    "same file twice": (
        lambda b: (b / "images/photo7.jpg").write_bytes((b / "images/photo6.jpg").read_bytes()),
        {}, "duplicate", "images/photo7.jpg", ["photo6.jpg", "unlabeled"]),
    "near duplicate in validation": (
        lambda b: (picture().save(b / "images/photo0.jpg"), write(b / "val.txt", "photo1"),
                   ImageEnhance.Brightness(picture()).enhance(0.9).save(b / "images/photo1.jpg", quality=60)),
        {"validation_list": "val.txt"}, "near-duplicate", "images/photo1.jpg", ["photo0.jpg", "of 64 bits"]),
    "near duplicate where validation is yet to be drawn": (
        lambda b: (picture().save(b / "images/photo0.jpg"), picture().save(b / "images/photo1.jpg", quality=50)),
        {}, "near-duplicate", "images/photo1.jpg", ["photo0.jpg", "some will validate"]),
    "empty list of unlabelled images": (
        lambda b: write(b / "none.txt"), {"unlabeled_list": "none.txt"}, "list-empty", "none.txt", ["names no id"]),
}  # fmt: skip


@pytest.mark.parametrize(("plant", "changes", "kind", "file", "words"), WARNINGS.values(), ids=WARNINGS)
def test_each_warning_is_given_and_is_no_error(base, plant, changes, kind, file, words):
    before = {(fault.kind, fault.file) for fault in findings_of(base).faults}
    plant(base)
    found = findings_of(base, **changes)
    new = [fault for fault in found.faults if (fault.kind, fault.file) not in before]
    assert [(fault.kind, fault.file) for fault in new] == [(kind, str(base / file))]
    assert found.errors() == 0
    for word in words:
        assert word in str(new[0])


def test_a_clean_folder_has_no_fault(base):
    found = findings_of(base)
    assert found.faults == []
    assert found.images == {"train": 6, "val": 0, "unlabeled": 4}


def test_masks_of_0_and_255_are_told_with_a_remedy_that_works(base):
    for number in range(6):
        save_mask(base, 255 * mask_of(base, f"photo{number}"), f"photo{number}")
    (fault,) = findings_of(base).faults
    assert fault.kind == "class-without-pixels" and "no labelled pixel of class square" in fault.found
    assert "12 % of the pixels are 255" in fault.found and "\n" not in str(fault)
    assert "set dataset.values to {0: background, 255: square}" in fault.remedy
    assert findings_of(base, values={0: "background", 255: "square"}).faults == []


@pytest.mark.parametrize(
    ("orientation", "size", "warned"), [(6, (30, 40), False), (3, (40, 30), True), (6, (40, 40), True)]
)
def test_a_turned_image_is_worth_a_warning_unless_its_mask_can_only_be_of_it_as_shown(base, orientation, size, warned):
    turn(base, orientation, size)
    save_mask(base, np.zeros((30, 40) if size != (40, 40) else size, np.uint8))
    assert [fault.kind for fault in findings_of(base).faults] == ["exif"] * warned


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission_is_named(base):
    (base / "images/photo6.jpg").chmod(0)
    (fault,) = findings_of(base).faults
    assert fault.kind == "image-unreadable" and "Permission" in fault.found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"picture,mask\n", ["no column 'image'", "picture, mask"]),
        (b"image;truth\n", ["no column 'mask'", "image, truth"]),
        (b"", ["no column 'image'", "none"]),
        (b"image,mask\n\xff\xfe", ["UTF-8"]),
    ],
)
def test_a_csv_that_cannot_be_understood_is_one_line(base, one_line, content, words):
    (base / "pairs.csv").write_bytes(content)
    with pytest.raises(UserError) as error:
        findings_of(base, masks="pairs.csv")
    one_line(error, base / "pairs.csv", *words)


def test_a_csv_with_a_cell_of_any_length_is_read(base):
    (base / "pairs.csv").write_bytes(b"image,mask\n" + b"x" * 200_000)
    (fault, *_) = findings_of(base, masks="pairs.csv").faults
    assert fault.kind == "missing-file" and len(str(fault)) < 300


# --------------------------------------------------------------------------------------------- colours, COCO


# ------------------------------------------------------------------------------------- what is counted and said


def test_the_class_balance_is_that_of_the_masks(base):
    (base / "val.txt").write_text("photo4\nphoto5\n")
    found = findings_of(base, validation_list="val.txt")
    masks = {f"photo{n}": mask_of(base, f"photo{n}") for n in range(6)}
    masks["photo0"][0] = 255
    save_mask(base, masks["photo0"], "photo0")
    found = findings_of(base, validation_list="val.txt")
    for part, names in (("train", ["photo0", "photo1", "photo2", "photo3"]), ("val", ["photo4", "photo5"])):
        values = np.concatenate([masks[name].ravel() for name in names])
        for index, name in enumerate(["background", "square"]):
            (share,) = (one for one in found.classes if (one.part, one.name) == (part, name))
            assert share.pixels == (values == index).sum()
            assert share.images == sum((masks[i] == index).any() for i in names)
            assert share.share == pytest.approx((values == index).sum() / (values != 255).sum())


@pytest.mark.parametrize(
    ("change", "word"),
    [(lambda image: ImageEnhance.Brightness(image).enhance(2.5), "grey levels"),
     (lambda image: image.resize((90, 80)), "megapixels")],
)  # fmt: skip
def test_unlabelled_images_that_look_different_are_worth_a_warning(tmp_path, change, word):
    base = own_folder.make(tmp_path / "own", 6, 6)
    assert findings_of(base).faults == []
    for number in range(6, 12):
        path = base / f"images/photo{number}.png"
        change(Image.open(path)).save(path)
    (fault,) = findings_of(base).faults
    assert (fault.kind, fault.warning) == ("looks", True) and word in fault.found


def test_how_images_look_is_measured(tmp_path):
    base = own_folder.make(tmp_path / "own")
    grey = {number: np.asarray(Image.open(base / f"images/photo{number}.png").convert("L")) for number in range(10)}
    looks = findings_of(base).looks
    assert looks["labelled"]["images"] == 6 and looks["unlabelled"]["images"] == 4
    assert looks["labelled"]["megapixels_mean"] == pytest.approx(0.0016)
    expected = np.mean([grey[number].mean() for number in range(6)])
    assert looks["labelled"]["brightness_mean"] == pytest.approx(expected, abs=1.5)


def test_errors_come_before_warnings_and_frequent_kinds_first(base):
    save_mask(base, np.full((40, 40), 9, np.uint8), "photo1")
    for name in ("photo2", "photo3"):
        save_mask(base, np.zeros((4, 4), np.uint8), name)
    save_mask(base, np.zeros((40, 40), np.uint8), "stray")
    found = findings_of(base)
    kinds = [fault.kind for fault in found.faults]
    assert kinds == ["mask-size", "mask-size", "mask-value", "mask-without-image"]
    lines = list(found.lines())
    assert [line.split(":")[0] for line in lines[:4]] == ["error"] * 3 + ["warning"]
    assert lines[-2:] == ["errors: mask-size 2, mask-value 1", "warnings: mask-without-image 1"]


def test_processes_and_the_order_of_files_change_nothing(base, monkeypatch):
    save_mask(base, np.full((40, 40), 9, np.uint8), "photo3")
    (base / "images/photo7.jpg").write_bytes(b"")
    alone = findings_of(base).as_json()
    monkeypatch.setattr(pool, "WORTH_PROCESSES", 1)
    real = os.walk

    def backwards(*args, **kwargs):
        for top, inner, files in real(*args, **kwargs):
            yield top, inner, sorted(files, reverse=True)

    monkeypatch.setattr(os, "walk", backwards)
    together = findings_of(base).as_json()
    assert together == alone and together["errors"] == 2
    json.dumps(together, allow_nan=False)


def test_a_hash_is_near_for_copies_and_far_for_others():
    def hashed(image):
        small = image.convert("L").resize((9, 8), Image.Resampling.BILINEAR)
        return check.difference_hash(np.asarray(small, dtype=np.int16))

    def distance(first, second):
        return (hashed(first) ^ hashed(second)).bit_count()

    first = picture(1, (320, 240))
    for copy in (first.resize((160, 120)), ImageEnhance.Brightness(first).enhance(0.8), first.crop((3, 3, 320, 240))):
        assert distance(first, copy) <= check.NEAR
    assert min(distance(first, picture(seed, (320, 240))) for seed in range(2, 30)) > check.NEAR
    assert hashed(Image.new("RGB", (50, 50), (90, 90, 90))) is None


# ---------------------------------------------------------------------------------------------------- depth


def deepen(base, scale=4, kind=np.uint16):
    """Every image of the folder as grey of more than 8 bits, in TIFF."""
    for path in sorted((base / "images").iterdir()):
        grey = np.asarray(Image.open(path).convert("L")).astype(kind) * kind(scale)
        Image.fromarray(grey).save(path.with_suffix(".tif"))
        path.unlink()


def test_the_range_of_deep_images_is_measured_and_told(base):
    deepen(base)
    found = findings_of(base)
    (fault,) = (fault for fault in found.faults if fault.kind == "image-range")
    low, high = found.pixels.low[0], found.pixels.high[0]
    assert fault.warning and f"{low:g} to {high:g}" in fault.found and 0 <= low < 40 and 800 < high <= 1020
    assert not found.errors()
    assert 20 < found.looks["labelled"]["brightness_mean"] < 120  # of 255, by the range


def test_the_range_is_that_of_the_training_images_alone(base):
    deepen(base)
    write(base / "val.txt", "photo1")
    inside = findings_of(base, validation_list="val.txt").pixels
    Image.fromarray(np.full((40, 40), 60000, np.uint16)).save(base / "images/photo1.tif")
    assert findings_of(base, validation_list="val.txt").pixels == inside
    assert findings_of(base).pixels != inside


@pytest.mark.parametrize(("other", "kind"), [(np.uint8, "8-bit"), (np.float32, "float")])
def test_images_of_another_depth_than_most_are_errors(base, other, kind):
    deepen(base)
    Image.fromarray(np.full((40, 40), 7, other)).save(base / "images/photo3.tif")
    errors = [fault for fault in findings_of(base).faults if not fault.warning]
    assert [(fault.kind, fault.file) for fault in errors] == [("image-depth", str(base / "images/photo3.tif"))]
    assert f"its samples are {kind}, those of most images integer" in errors[0].found


def test_alpha_that_is_left_out_is_told_once(base):
    for name in ("photo2", "photo4"):
        image = Image.open(base / f"images/{name}.jpg").convert("RGBA")
        image.putpixel((3, 3), (9, 9, 9, 0))
        image.save(base / f"images/{name}.png")
        (base / f"images/{name}.jpg").unlink()
    (fault,) = findings_of(base).faults
    assert fault.kind == "image-alpha" and fault.warning and "2 such images" in fault.found
    assert "set dataset.bands to 4" in fault.remedy


def test_the_bands_are_those_of_the_parameters(base):
    errors = [fault for fault in findings_of(base, bands=4).faults if not fault.warning]
    assert {fault.kind for fault in errors} >= {"image-unreadable"}
    assert "3 bands where 4 are expected" in next(f for f in errors if f.kind == "image-unreadable").found
    for path in sorted((base / "images").iterdir()):
        Image.open(path).convert("RGBA").save(path.with_suffix(".png"))
        path.unlink()
    assert findings_of(base, bands=4).errors() == 0


@pytest.mark.parametrize("palette", [False, True])
def test_what_is_remembered_is_what_was_found(base, tmp_path, palette, settled):
    """A memory changes no finding: of palettes, void, faults, deep images, alpha, duplicates, looks."""
    own_folder.drawn_in_colours(base, palette=True)
    colours = None if palette else [list(colour) for colour in own_folder.COLOURS.values()]
    (base / "images/photo3.jpg").unlink()
    Image.fromarray(np.full((40, 40), 60000, np.uint16)).save(base / "images/photo3.png")
    (base / "images/photo5.jpg").write_bytes((base / "images/photo4.jpg").read_bytes())
    (base / "images/photo0.jpg").unlink()
    Image.fromarray(np.full((40, 40, 4), 9, np.uint8)).save(base / "images/photo0.png")
    (base / "masks/photo2.png").write_bytes(b"")
    source = own_folder.source(base, colours=colours, ignore=None)
    found, memory = contents.read(source), tmp_path / "memory.json"
    fresh = check.check(source, found)
    assert fresh.errors()
    for _ in "12":
        assert check.check(source, found, kept=Kept(memory)) == fresh
    other = source.model_copy(update={"classes": [*source.classes, "third"]})
    assert check.check(other, found, kept=Kept(memory)).as_json() == check.check(other, found).as_json()


def test_nothing_is_recalled_where_everything_is_to_be_read(base, tmp_path, monkeypatch, settled):
    source = own_folder.source(base)
    found, memory, looked, real = contents.read(source), tmp_path / "memory.json", [], check.look
    monkeypatch.setattr(check, "look", lambda rules, bands, item: looked.append(item.id) or real(rules, bands, item))
    for anew, expected in ((False, 10), (False, 0), (True, 10), (False, 0)):
        looked.clear()
        check.check(source, found, kept=Kept(memory, anew=anew))
        assert len(looked) == expected


def test_an_interrupted_look_goes_on_where_it_stopped(base, tmp_path, monkeypatch, settled):
    source = own_folder.source(base)
    found, memory, looked, real = contents.read(source), tmp_path / "memory.json", [], check.look

    def interrupted(rules, bands, item):
        if len(looked) == 4:
            raise KeyboardInterrupt
        looked.append(item.id)
        return real(rules, bands, item)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(check, "look", interrupted)
        check.check(source, found, kept=Kept(memory))
    before = list(looked)
    monkeypatch.setattr(check, "look", lambda rules, bands, item: looked.append(item.id) or real(rules, bands, item))
    assert check.check(source, found, kept=Kept(memory)) == check.check(source, found)
    assert looked[:10] == [*before, *(item.id for item in found.items if item.id not in before)]
