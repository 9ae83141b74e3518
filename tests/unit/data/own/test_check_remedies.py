"""Each remedy that a message gives is applied here as it is written, and then the fault is gone."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data.own import check, init
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError
from semiproto.params import FolderSource

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
SMALL = ["forecast.images=validation"]
TEMPLATE = Path(__file__).parents[4] / "experiments/my-data.yaml"


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


def faults(base, warnings=False, **changes):
    source = own_folder.source(base, **changes)
    found = check.check(source, contents.read(source)).faults
    return [fault for fault in found if warnings or not fault.warning]


def setting(fault, key):
    """The value that a remedy tells to set a parameter to."""
    text = re.search(rf"dataset\.{key} to (\[\[.*?\]\]|[\[{{].*?[\]}}](?= |$|,|;)|[^\s,]+)", fault.remedy)
    assert text, fault.remedy
    return yaml.safe_load(text[1])


def redraw(base, change):
    for path in (base / "masks").iterdir():
        Image.fromarray(change(np.array(Image.open(path)))).save(path)


def test_binary_masks_of_0_and_255(base):
    redraw(base, lambda mask: 255 * mask)
    (fault,) = faults(base)
    assert faults(base, values=setting(fault, "values")) == []


def test_a_value_that_is_no_class(base):
    redraw(base, lambda mask: np.where(mask == 0, 7, mask).astype(np.uint8))
    fault = faults(base)[0]
    line = re.search(r"`(\d+): void`", fault.remedy)
    values = {0: "background", 1: "square", int(line[1]): "void"}
    assert [one.kind for one in faults(base, values=values)] == ["class-without-pixels"]  # 7 was all of background
    assert faults(base, values={7: "background", 1: "square"}) == []


def test_a_class_that_no_mask_shows_in_the_middle_of_the_others(base):
    redraw(base, lambda mask: 2 * mask)
    (base / "classes.txt").unlink()  # it would contradict the classes below
    classes = ["background", "circle", "square"]
    (fault,) = faults(base, classes=classes)
    assert "remove it from dataset.classes and set dataset.values" in fault.remedy
    left = [name for name in classes if name not in fault.found]
    assert faults(base, classes=left, values=setting(fault, "values")) == []


def test_a_coco_category_that_no_outline_shows(base):
    pytest.importorskip("pycocotools")
    own_folder.outlined(base)
    changes = {"masks": "annotations/instances.json", "classes": ["background", "moon", "square"]}
    (fault,) = faults(base, **changes)
    assert fault.remedy == "label an image that shows it, or remove it from dataset.classes"
    assert faults(base, **changes | {"classes": ["background", "square"]}) == []


def test_palettes_that_differ(base):
    for number, path in enumerate(sorted((base / "masks").iterdir())):
        mask = Image.fromarray(np.array(Image.open(path)) if number % 2 else 1 - np.array(Image.open(path)))
        mask.putpalette([0, 0, 0, 200, 30, 90] if number % 2 else [200, 30, 90, 0, 0, 0])
        mask.save(path)
    (fault,) = faults(base)
    assert fault.kind == "palette" and "photo0.png" in fault.found and "photo1.png" in fault.file
    colours = setting(fault, "colours")
    assert sorted(colours) == [[0, 0, 0], [200, 30, 90]]
    assert faults(base, colours=sorted(colours), ignore=None, warnings=True) == []


@pytest.mark.parametrize(("name", "key"), [("test.txt", "test_list"), ("Validation.txt", "validation_list")])
def test_a_list_that_the_parameters_do_not_name(base, name, key):
    (base / name).write_text("photo4\nphoto5\n")
    (fault,) = faults(base)
    assert fault.kind == "held-out" and fault.file == str(base / name) and "2 images" in fault.found
    assert faults(base, **{key: setting(fault, key)}) == []


def test_lists_of_exports_side_by_side_that_the_parameters_do_not_name(base):
    names = []
    for number in (4, 5):
        names.append(f"task{number}/ImageSets/Segmentation/Validation.txt")
        exports.write(base / names[-1], f"photo{number}\n")
    found = faults(base)
    assert [Path(fault.file).relative_to(base).as_posix() for fault in found] == names
    assert setting(found[0], "validation_list") == setting(found[1], "validation_list") == names
    assert faults(base, validation_list=names) == []
    (one,) = faults(base, validation_list=names[0])
    assert setting(one, "validation_list") == names


@pytest.mark.parametrize("name", ["Auswahl.txt", "fold.csv"])
def test_a_list_whose_name_says_no_part(base, name):
    (base / name).write_text("photo4\nphoto5\n")
    (fault,) = faults(base)
    new = re.search(r"rename it to (\S+),", fault.remedy)[1]
    (base / name).rename(base / new)
    source = discover(base, "own")[0]
    assert source.validation_list == new and faults(base, validation_list=new) == []


def test_images_and_masks_of_one_name_in_one_folder(base):
    for path in (base / "images").iterdir():
        Image.open(path).save(base / f"{path.stem}.jpg")
    for path in (base / "masks").iterdir():
        path.rename(base / path.name)
    shutil.rmtree(base / "images")
    (base / "masks").rmdir()
    with pytest.raises(UserError) as error:
        discover(base, "own")
    first, second = re.search(r"(\S+\.jpg): (\S+\.png) beside it has the same name", str(error.value)).groups()
    assert Path(first).stem == Path(second).stem
    for folder, suffix in (("images", ".jpg"), ("masks", ".png")):
        (base / folder).mkdir()
        for path in [*base.glob(f"*{suffix}")]:
            path.rename(base / folder / path.name)
    assert contents.read(discover(base, "own")[0]).counts()["train"] == 6
    for path in (base / "masks").iterdir():  # the other remedy
        path.rename(base / "images" / f"{path.stem}_mask.png")
    assert contents.read(discover(base, "own")[0]).counts()["train"] == 6


def test_two_images_of_one_stem(base):
    Image.open(base / "images/photo9.png").save(base / "images/photo9.jpg")
    (fault,) = faults(base)
    assert fault.kind == "same-stem" and "rename one" in fault.remedy and "photo9_mask.png" in fault.remedy
    (base / "images/photo9.png").rename(base / "images/photo9_mask.png")
    assert faults(base) == []


def test_folders_of_which_neither_is_called_like_one_of_masks(base):
    (base / "images").rename(base / "Aufnahmen")
    (base / "masks").rename(base / "Beschriftungen")
    with pytest.raises(UserError) as error:
        discover(base, "own")
    assert "Aufnahmen and Beschriftungen have pictures of the same names" in str(error.value)
    (base / "Aufnahmen").rename(base / "images")
    (base / "Beschriftungen").rename(base / "masks")
    assert faults(base) == []


def test_coordinates_of_yolo_in_pixels(tmp_path):
    base = exports.yolo(tmp_path / "set")
    size = (exports.WIDTH, exports.HEIGHT)

    def scale(factors):
        for path in base.glob("labels/*/*.txt"):
            rows = [row.split() for row in path.read_text().splitlines()]
            scaled = [[row[0], *(str(float(x) * factors[n % 2]) for n, x in enumerate(row[1:]))] for row in rows]
            path.write_text("\n".join(map(" ".join, scaled)))

    scale(size)
    (fault,) = contents.read(discover(base, "own")[0]).faults
    assert fault.remedy.startswith("divide x by the width and y by the height")
    scale([1 / side for side in size])
    assert contents.read(discover(base, "own")[0]).faults == []


def test_labels_that_would_be_one_class(tmp_path):
    base = exports.cvat_coco_default(tmp_path / "set")
    file = base / "annotations/instances_default.json"
    text = file.read_text()
    file.write_text(text.replace('"cat"', '"big dog"').replace('"dog"', '"big_dog"'))
    with pytest.raises(
        UserError, match=r"'big dog' and 'big_dog' would both be class big_dog; rename one, or write both"
    ):
        discover(base, "own")
    file.write_text(text.replace('"cat"', '"big dog"'))
    assert discover(base, "own")[0].classes == ["background", "big_dog", "dog"]
    file.write_text(text.replace('"cat"', '"big dog"').replace('"dog"', '"big dog"'))
    assert discover(base, "own")[0].classes == ["background", "big_dog"]


def test_a_folder_that_says_test_among_the_training_images(base):
    (base / "images/test").mkdir()
    (base / "images/photo5.png").rename(base / "images/test/photo5.png")
    (base / "train.txt").write_text("photo1\nphoto5\n")
    (fault,) = faults(base, train_list="train.txt")
    assert fault.kind == "held-out" and "take it out of train.txt" in fault.remedy
    (base / "train.txt").write_text("photo1\n")
    assert faults(base, train_list="train.txt") == []


def test_two_images_that_a_name_may_mean(base):
    (base / "images/more").mkdir()
    shutil.copy(base / "images/photo9.png", base / "images/more/photo1.png")
    (base / "masks/photo1.png").unlink()
    (base / "unlabeled.txt").write_text("photo1\n")
    (fault,) = faults(base, unlabeled_list="unlabeled.txt")
    assert fault.kind == "ambiguous-name" and fault.remedy == "write its folder too"
    (base / "unlabeled.txt").write_text("more/photo1\n")
    assert faults(base, unlabeled_list="unlabeled.txt") == []


def test_an_image_of_a_kind_that_is_not_read(base):
    Image.open(base / "images/photo9.png").save(base / "images/extra.gif")
    (fault,) = faults(base, warnings=True)
    assert (fault.kind, fault.remedy) == ("image-suffix", "save it as JPEG or PNG")
    Image.open(base / "images/extra.gif").convert("RGB").rotate(90).save(base / "images/extra.png")
    (base / "images/extra.gif").unlink()
    assert faults(base, warnings=True) == []


def test_an_archive_in_place_of_a_folder(base, tmp_path):
    archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", base))
    with pytest.raises(UserError) as error:
        discover(archive, "own")
    command = shlex.split(re.search(r"`(.*)`", str(error.value))[1])
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True)
    assert discover(Path(re.search(r"then name (\S+)$", str(error.value))[1]), "own")[0].masks == "masks"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize("name", ["photos.tar", "photos.tar.gz"])
def test_an_archive_of_tar_in_place_of_a_folder(base, tmp_path, name):
    with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as archive:
        archive.add(base, arcname="photos")
    with pytest.raises(UserError) as error:
        discover(tmp_path / name, "own")
    command, folder = re.search(r"unpack it: `(.+)`, then name (\S+)", str(error.value)).groups()
    subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True)
    assert discover(Path(folder), "own")[0].classes == ["background", "square"]


def test_experiments_that_need_unlabelled_images_of_a_set_where_all_are_labelled(tmp_path):
    from semiproto import params

    base, out = exports.labelme_voc(tmp_path / "photos"), tmp_path / "params.yaml"
    init.write_params(base, init.Wishes(changes=SMALL), TEMPLATE, out)
    for _ in range(2):
        read = params.load(out)
        found = check.check(read.dataset, contents.read(read.dataset), read)
        stopping = [fault for fault in found.faults if not fault.warning]
        if not stopping:
            return
        assert {fault.kind for fault in stopping} == {"experiment"}
        folder, labels = re.search(r"`semiproto init (\S+) --force --labels (\d+)`", stopping[0].remedy).groups()
        assert folder == str(base)
        init.write_params(Path(folder), init.Wishes(labels=labels, changes=SMALL), TEMPLATE, out, force=True)
    raise AssertionError(stopping)


def test_an_archive_made_on_windows(base, tmp_path):
    crossed = tmp_path / "crossed it's"
    crossed.mkdir()
    for path in sorted(path for path in base.rglob("*") if path.is_file()):
        shutil.copy(path, crossed / str(path.relative_to(base)).replace("/", "\\"))
    with pytest.raises(UserError, match="has backslashes in its name") as error:
        discover(crossed, "own")
    subprocess.run(["bash", "-c", re.search(r"`(.*)`", str(error.value))[1]], check=True)
    assert sorted(path.relative_to(crossed) for path in crossed.rglob("*")) == sorted(
        path.relative_to(base) for path in base.rglob("*")
    )


def test_a_label_that_is_no_class(tmp_path):
    base = exports.labelme_json(tmp_path / "photos")
    source = discover(base, "own")[0].model_dump() | {"classes": ["background", "cat"]}
    found = contents.read(FolderSource.model_validate(source)).faults
    assert {str(fault.remedy) for fault in found} == {"add it to dataset.classes or delete the shape"}
    source["classes"].append("dog")
    assert contents.read(FolderSource.model_validate(source)).faults == []


def test_names_that_yaml_would_not_leave_as_they_are(base, tmp_path):
    """What init writes is read back as it was; what is written by hand is told to be put in quotes."""
    names = ["no", "yes", "null", "1.0", "on", "0x1", "2025-01-01"]
    (base / "classes.txt").write_text("\n".join(names) + "\n")
    redraw(base, lambda mask: np.resize(np.arange(len(names), dtype=np.uint8), mask.shape))
    out = tmp_path / "params.yaml"
    init.write_params(base, init.Wishes(), TEMPLATE, out)
    from semiproto import params

    assert params.load(out).dataset.classes == names
    out.write_text(out.read_text().replace('"no"', "no"))
    with pytest.raises(UserError, match=r"no is true or false to YAML, line .* put the word in quotes"):
        params.load(out)
    out.write_text(out.read_text().replace("[no,", "['no',"))
    assert params.load(out).dataset.classes == names


def folds(base, name):
    """Lists of three folds of the six images with masks; name: of a list, from number and part."""
    for number in range(3):
        kept = {2 * number, 2 * number + 1}
        exports.write(base / name(number, "val"), "".join(f"photo{n}\n" for n in sorted(kept)))
        exports.write(base / name(number, "train"), "".join(f"photo{n}\n" for n in range(6) if n not in kept))


def test_lists_of_folds_of_which_init_takes_one(base):
    folds(base, lambda number, part: f"splits/fold{number}_{part}.txt")
    source, _, read = discover(base, "own")
    assert (source.train_list, source.validation_list) == ("splits/fold0_train.txt", "splits/fold0_val.txt")
    assert read.faults == [] and (len(read.of("train")), len(read.of("val"))) == (4, 2)
    assert {row.use: row.count for row in read.files}["passed over: lists of other folds"] == 4
    for number in (1, 2):  # without training images of their own they are no folds
        (base / f"splits/fold{number}_train.txt").unlink()
    assert [fault.kind for fault in contents.read(source).faults] == ["held-out", "held-out"]


def test_lists_of_folds_in_folders_of_which_init_takes_none(base):
    folds(base, lambda number, part: f"splits/fold{number}/{part}.txt")
    found = faults(base)
    assert [fault.kind for fault in found] == ["held-out"] * 3
    lists = {key: setting(found[1], key) for key in ("train_list", "validation_list")}
    assert lists == {"train_list": "splits/fold1/train.txt", "validation_list": "splits/fold1/val.txt"}
    assert faults(base, **lists) == []


def test_folders_of_parts_of_which_neither_is_called_like_one_of_masks(base):
    for part, numbers in (("train", range(4)), ("val", (4, 5)), ("test", (6, 7))):
        for kind, folder in (("images", "X"), ("masks", "y")):
            for number in numbers:
                if (file := base / kind / f"photo{number}.png").exists():
                    (base / f"{folder}_{part}").mkdir(exist_ok=True)
                    file.rename(base / f"{folder}_{part}" / file.name)
    for folder in ("images", "masks"):
        shutil.rmtree(base / folder)
    with pytest.raises(UserError) as error:
        discover(base, "own")
    images, masks = re.search(r"with images to (.+), and those with masks to (.+)$", str(error.value)).groups()
    assert (images, masks) == ("images/test, images/train, images/val", "masks/train, masks/val")
    for letter, new in (("X", images), ("y", masks)):
        for place in new.split(", "):
            (base / place).parent.mkdir(exist_ok=True)
            (base / f"{letter}_{Path(place).name}").rename(base / place)
    read = discover(base, "own").contents
    assert read.counts() == {"train": 4, "val": 2, "unlabeled": 0} and read.faults == []


def test_a_list_of_unlabelled_images_that_have_masks(base):
    (base / "unlabeled.txt").write_text("photo3\nphoto4\nphoto5\n")
    read = discover(base, "own").contents
    assert read.faults == [] and read.counts() == {"train": 3, "val": 0, "unlabeled": 3}
    (base / "unlabeled.txt").write_text("".join(f"photo{n}\n" for n in range(6)))
    (fault,) = discover(base, "own").contents.faults
    assert fault.kind == "no-labels" and "6 images with masks" in fault.found
    (base / "unlabeled.txt").write_text("photo5\n")  # the others taken out
    assert discover(base, "own").contents.faults == []


def test_lists_that_have_images_in_common(base):
    (base / "train.txt").write_text("photo0\nphoto1\nphoto2\n")
    (base / "val.txt").write_text("photo1\nphoto2\nphoto3\n")
    lists = {"train_list": "train.txt", "validation_list": "val.txt"}
    (fault,) = faults(base, **lists)
    assert fault.found == f"names 2 images that {base / 'train.txt'} names for train, such as photo1.png"
    (base / "val.txt").write_text("photo3\n")
    assert faults(base, **lists) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.json", {"trian": ["photo0", "photo1"], "vla": ["photo2"]}),
        ("split.json", {"photo0": "A", "photo1.png": "B"}),
        ("data.csv", "image,split\nphoto0,trian\nphoto2,vla\n"),
    ],
)
def test_a_file_of_parts_of_which_no_word_is_known(base, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (base / name).write_text(text)
    (fault,) = faults(base)
    assert fault.kind == "part-unknown" and fault.remedy.endswith("and run `semiproto init` again")
    for wrong, right in (("trian", "train"), ("vla", "val"), ('"A"', '"train"'), ('"B"', '"val"')):
        text = text.replace(wrong, right)
    (base / name).write_text(text)
    source = discover(base, "own")[0]
    assert source.validation_list == name and contents.read(source).faults == []
    (base / name).unlink()  # the other remedy
    assert faults(base) == []


def test_labels_of_whole_images_are_no_parts(base):
    (base / "tags.json").write_text(json.dumps({"indoor": ["photo0", "photo1"], "night": ["photo1"]}))
    (base / "captions.json").write_text(json.dumps({"photo0": "cat", "photo1": "dog"}))
    assert faults(base) == []


def test_a_column_that_is_not_read(base):
    (base / "data.csv").write_text("image,fold\nphoto0,0\nphoto1,1\n")
    (fault,) = faults(base)
    assert fault.kind == "list-unknown" and "the column 'fold'" in fault.found
    (base / "data.csv").write_text("image,split\nphoto0,train\nphoto1,val\n")
    source = discover(base, "own")[0]
    assert source.validation_list == "data.csv" and contents.read(source).faults == []
    column = re.search(r"call it (\w+), and run", fault.remedy)[1]
    (base / "data.csv").write_text(f"image,{column}\nphoto0,0\nphoto1,1\n")
    assert faults(base) == []


def test_images_that_only_their_names_tell_apart(base):
    parts = ["train", "train", "train", "val", "test", "test", *["unlabeled"] * 4]
    for folder in ("images", "masks"):
        for path in sorted((base / folder).iterdir()):
            path.rename(path.with_name(f"{parts[int(path.stem[-1])]}_{path.stem[-1]}.png"))
    found = faults(base)
    assert [(fault.kind, Path(fault.file).name) for fault in found] == [
        ("held-out", "test_4.png"),
        ("held-out", "val_3.png"),
    ]
    for fault in found:
        file = Path(re.search(r"into (\S+\.txt),", fault.remedy)[1])
        assert file.parent == base
        file.write_text("".join(f"{path.name}\n" for path in (base / "images").glob(f"{file.stem}_*")))
    read = discover(base, "own").contents
    assert read.faults == [] and read.counts() == {"train": 3, "val": 1, "unlabeled": 4}


def test_classes_that_differ_only_in_case(base):
    (base / "classes.txt").write_text("background\nsquare\nSquare\n")
    redraw(base, lambda mask: np.where(np.arange(mask.shape[1]) % 3, mask, 2 * mask).astype(np.uint8))
    _, said, _ = discover(base, "own")
    assert any(line.startswith("classes that differ only in case: square, Square;") for line in said)
    (fault,) = faults(base, warnings=True, classes=["background", "square", "Square"])
    assert fault.kind == "class-case" and "square in 6 images, Square in 6 images" in fault.found
    changes = {key: setting(fault, key) for key in ("classes", "values")}
    assert changes["classes"] == ["background", "square"] and changes["values"][2] == "square"
    assert faults(base, warnings=True, **changes) == []


def test_labels_of_a_tool_that_differ_only_in_case(base):
    pytest.importorskip("pycocotools")
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["categories"].append({"id": 8, "name": "Square"})
    content["annotations"][0]["category_id"] = 8
    file.write_text(json.dumps(content))
    changes = {"masks": "annotations/instances.json"}
    assert faults(base, **changes) == []  # one class is meant by both
    found = faults(base, warnings=True, **changes, classes=["background", "square", "Square"])
    (fault,) = [fault for fault in found if fault.kind == "class-case"]
    assert "square in 5 images, Square in 1 images" in fault.found and "dataset.values" not in fault.remedy
    assert faults(base, warnings=True, **changes, classes=setting(fault, "classes")) == []


def test_a_class_that_only_validation_shows(base):
    (base / "classes.txt").unlink()
    classes = ["background", "square", "circle"]
    file = base / "masks/photo5.png"
    Image.fromarray(2 * np.array(Image.open(file))).save(file)
    (base / "val.txt").write_text("photo5\nphoto4\n")
    (fault,) = faults(base, classes=classes, validation_list="val.txt")
    assert "no labelled pixel of class circle to train on, and 1 validation images show it" in fault.found
    void = {"classes": classes[:2], "values": setting(fault, "values")}
    assert faults(base, **void, validation_list="val.txt") == []
    (base / "val.txt").write_text("photo4\n")  # the other remedy
    assert faults(base, classes=classes, validation_list="val.txt") == []


def test_outlines_that_leave_no_background(tmp_path):
    base = exports.labelme_json(tmp_path / "photos")
    for path in base.rglob("*.json"):
        content = json.loads(path.read_text())
        width, height = content["imageWidth"], content["imageHeight"]
        corners = [[0, 0], [width, 0], [width, height], [0, height]]
        content["shapes"].insert(0, {"label": "ground", "points": corners, "shape_type": "polygon"})
        path.write_text(json.dumps(content))
    source, _, read = discover(base, "own")
    stopping = [fault for fault in check.check(source, read).faults if not fault.warning]
    assert [fault.found for fault in stopping] == ["no labelled pixel of class background"]
    assert "remove it from dataset.classes" in stopping[0].remedy
    left = FolderSource.model_validate(source.model_dump() | {"classes": source.classes[1:]})
    assert [fault for fault in check.check(left, contents.read(left)).faults if not fault.warning] == []


def test_a_json_of_labelme_that_lies_beside_another_image(tmp_path):
    base = exports.labelme_json(tmp_path / "photos")
    first, second = sorted(base.rglob("*.json"))[:2]
    content = json.loads(first.read_text())
    own = content["imagePath"]
    content["imagePath"] = json.loads(second.read_text())["imagePath"]
    first.write_text(json.dumps(content))
    kinds = {fault.kind: fault for fault in discover(base, "own").contents.faults}
    assert "correct its imagePath" in kinds["coco-image"].remedy
    second.unlink()
    (fault,) = discover(base, "own").contents.faults
    assert fault.kind == "labels-of-another" and fault.warning and fault.file == str(first)
    first.write_text(json.dumps(content | {"imagePath": own}))
    assert discover(base, "own").contents.faults == []


def test_labels_of_yolo_beside_their_images(base):
    (base / "data.yaml").write_text("names: [square]\n")
    shutil.rmtree(base / "masks")
    (base / "classes.txt").unlink()
    for path in (base / "images").iterdir():
        path.with_suffix(".txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    (base / "images").rename(base / "obj_train_data")
    with pytest.raises(UserError) as error:
        discover(base, "own")
    assert "put the images into the folder images and the .txt into the folder labels" in str(error.value)
    for folder, suffix in (("images", ".png"), ("labels", ".txt")):
        (base / folder).mkdir()
        for path in [*(base / "obj_train_data").glob(f"*{suffix}")]:
            path.rename(base / folder / path.name)
    (base / "obj_train_data").rmdir()
    assert discover(base, "own").contents.counts()["train"] == 10


@pytest.mark.parametrize("count", [5, 12])
def test_the_number_of_labels_that_a_remedy_names_is_enough_for_the_folds(tmp_path, count):
    from semiproto import params

    base, out = own_folder.make(tmp_path / "photos", count, 0), tmp_path / "params.yaml"
    init.write_params(base, init.Wishes(), TEMPLATE, out)
    (fault,) = checked(params.load(out))
    labels = re.search(r"--force --labels (\d+)`", fault.remedy)[1]
    init.write_params(base, init.Wishes(labels=labels), TEMPLATE, out, force=True)
    assert checked(params.load(out)) == []
    init.write_params(base, init.Wishes(labels="2"), TEMPLATE, out, force=True)
    (fault,) = checked(params.load(out))
    number = re.search(r"forecast.folds: 2 labelled .*; set it to (\d+), label more", str(fault))[1]
    init.write_params(base, init.Wishes(labels="2", changes=[f"forecast.folds={number}"]), TEMPLATE, out, force=True)
    assert checked(params.load(out)) == []


def test_experiments_are_not_judged_by_masks_that_cannot_be_read(base, tmp_path):
    from semiproto import params

    out = tmp_path / "params.yaml"
    init.write_params(base, init.Wishes(), TEMPLATE, out)
    for path in (base / "masks").iterdir():
        path.write_bytes(b"no picture")
    assert {fault.kind for fault in checked(params.load(out))} == {"mask-unreadable"}


def checked(read):
    """The errors of a set and of what its experiments ask."""
    found = check.check(read.dataset, contents.read(read.dataset), read)
    return [fault for fault in found.faults if not fault.warning]
