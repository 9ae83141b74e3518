"""Each remedy that a message gives is applied here as it is written, and then the fault is gone."""

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
from semiproto.data.own import check, contents, init
from semiproto.data.own.discover import discover
from semiproto.errors import UserError
from semiproto.params import FolderSource

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
SMALL = ["forecast.images=validation"]
TEMPLATE = Path(__file__).parents[4] / "experiments/my-data.yaml"


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


def faults(base, warnings=False, **changes):
    source = FolderSource.model_validate(own_folder.section(base, **changes))
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
    assert source.validation_list == "val.txt" and faults(base, validation_list="val.txt") == []


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
