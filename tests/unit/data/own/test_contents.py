"""Which images, masks and parts a folder has, whatever its lists and tables say."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import exports, own_folder
from semiproto.data import layout
from semiproto.data.own import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.data.own.names import part_of
from semiproto.errors import UserError
from semiproto.params import FolderSource

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


def source_of(base, **changes):
    return FolderSource.model_validate(own_folder.section(base, **changes))


def test_names_that_differ_have_ids_that_differ():
    stems = ["a b", "a_b", "a  b", "a-b", "a.b", "ä", "á", "-a", "--a", " a"]
    assert len({contents.safe_id(stem) for stem in stems}) == len(stems)
    assert contents.safe_id("a b") == contents.safe_id("a b")
    assert contents.safe_id("2007_000032") == "2007_000032"


HOSTILE = [
    "../../etc/passwd",
    "a/b",
    "-rf",
    "",
    "x" * 300,
    "phоto1",
    "/etc/passwd",
    "images/../../secret",
    "C:\\x",
    "..",
]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_a_list_cannot_name_what_is_not_in_the_folder(base, name, one_line):
    (base.parent / "secret.png").write_bytes((base / "images/photo0.png").read_bytes())
    (base / "train.txt").write_text(f"photo0\n{name}\n")
    found = contents.read(source_of(base, train_list="train.txt"))
    assert [item.image.stem for item in found.of("train")] == ["photo0"]
    (fault,) = found.faults
    assert str(fault).startswith(f"{base / 'train.txt'}, line 2: ") and name[:50] in str(fault).replace("\\\\", "\\")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("column", ["image", "mask"])
def test_a_csv_cannot_name_what_is_not_in_the_folder(base, name, column):
    secret = base.parent / "secret.png"
    secret.write_bytes((base / "images/photo0.png").read_bytes())
    rows = {"image": "images/photo1.png", "mask": "masks/photo1.png", column: name}
    (base / "pairs.csv").write_text(f"image,mask\nimages/photo0.png,masks/photo0.png\n{rows['image']},{rows['mask']}\n")
    found = contents.read(source_of(base, masks="pairs.csv"))
    assert [item.image.stem for item in found.of("train")] == ["photo0"]
    if column == "mask" and not name:
        assert not found.faults  # a row without a mask is an unlabelled image
    else:
        (fault,) = found.faults
        assert fault.line == 3 and name[:50] in str(fault).replace("\\\\", "\\")
    assert all(item.image.is_relative_to(base) and ".." not in item.image.parts for item in found.items)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_coco_file_cannot_name_what_is_not_in_the_folder(base, name):
    pytest.importorskip("pycocotools")
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = name
    file.write_text(json.dumps(content))
    found = contents.read(source_of(base, masks="annotations/instances.json"))
    assert [item.image.stem for item in found.of("train")] == [f"photo{n}" for n in range(1, 6)]
    (fault,) = found.faults
    assert fault.file == str(file) and name[:50] in str(fault).replace("\\\\", "\\")


def test_rows_of_a_csv_may_say_the_part_or_leave_it(base):
    (base / "pairs.csv").write_text(
        "part,mask,image\ntrain,masks/photo0.png,images/photo0.png\n,masks/photo1.png,images/photo1.png\n"
        "unlabeled,masks/photo2.png,images/photo2.png\nval,masks/photo3.png,./images/photo3.png\n,,images/photo4.png\n"
    )
    found = contents.read(source_of(base, masks="pairs.csv"))
    assert not found.faults
    ids = {part: [item.id for item in found.of(part)] for part in contents.PARTS}
    assert ids["train"] == ["photo0", "photo1"] and ids["val"] == ["photo3"]
    assert ids["unlabeled"] == [
        "photo2",
        "photo4",
        *(f"photo{n}" for n in range(6, 10)),
    ]  # photo5 has a mask, and no row
    assert all(item.mask is None for item in found.of("unlabeled"))


def test_a_csv_that_names_an_image_outside_its_folder_brings_it_in(base):
    """Rows may name images of any folder below the set's own; they are of the set as those in `images` are."""
    (base / "more").mkdir()
    (base / "images/photo9.png").rename(base / "more/photo9.png")
    (base / "pairs.csv").write_text(
        "image,mask\nimages/photo0.png,masks/photo0.png\nmore/photo9.png,masks/photo1.png\n"
    )
    found = contents.read(source_of(base, masks="pairs.csv"))
    assert not found.faults
    assert [item.image for item in found.of("train")] == [base / "images/photo0.png", base / "more/photo9.png"]


def test_the_order_is_that_of_the_lists(base):
    (base / "train.txt").write_text("photo3\nphoto0\n")
    (base / "val.txt").write_text("photo5\nphoto1\n")
    found = contents.read(source_of(base, train_list="train.txt", validation_list="val.txt"))
    assert [item.id for item in found.of("train")] == ["photo3", "photo0"]
    assert [item.id for item in found.of("val")] == ["photo5", "photo1"]
    assert found.counts()["train"] == found.counts()["val"] == 2


def test_an_image_in_two_lists_is_of_the_first(base):
    for name in ("train", "val"):
        (base / f"{name}.txt").write_text("photo0\n")
    found = contents.read(source_of(base, train_list="train.txt", validation_list="val.txt"))
    assert [item.id for item in found.of("train")] == ["photo0"] and found.of("val") == []
    assert "list-overlap" in [fault.kind for fault in found.faults]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"path": "nowhere"}, "no such folder"), ({"images": "none"}, "images"), ({"masks": "none"}, "masks")],
)
def test_a_folder_that_is_not_there_is_one_line(base, one_line, changes, words):
    with pytest.raises(UserError) as error:
        contents.read(source_of(base, **changes))
    one_line(error, words, "correct dataset.")


def test_hidden_files_are_no_images(base):
    (base / "images/._photo1.png").write_bytes(b"what a Mac leaves behind")
    found = contents.read(source_of(base))
    assert not found.faults and len(found.items) == 10


def test_no_suffix_is_both_read_and_passed_over(base):
    assert not set(contents.UNREAD_SUFFIXES) & set(layout.IMAGE_SUFFIXES)
    for suffix in (*layout.IMAGE_SUFFIXES, *contents.UNREAD_SUFFIXES):
        (base / f"images/new{suffix[1:]}{suffix}").touch()
    read = contents.read(source_of(base))
    assert {item.image.suffix for item in read.items} == set(layout.IMAGE_SUFFIXES)
    told = {fault.file.rsplit(".", 1)[1] for fault in read.faults if fault.kind == "image-suffix"}
    assert {f".{suffix}" for suffix in told} == set(contents.UNREAD_SUFFIXES)


# ------------------------------------------------------------------------------- validation and test images


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


def test_test_images_in_a_list_of_another_part_are_an_error(base):
    (base / "test.txt").write_text("photo8\n")
    (base / "unlabeled.txt").write_text("photo8\nphoto9\n")
    (fault,) = contents.read(source_of(base, test_list="test.txt", unlabeled_list="unlabeled.txt")).faults
    assert fault.kind == "held-out" and "photo8" in fault.found and not fault.warning


@pytest.mark.parametrize("folder", ["test", "Testing", "val", "validation"])
def test_images_of_a_folder_that_is_held_out_are_never_trained_on(base, folder):
    (base / "images" / folder).mkdir()
    for number in (5, 9):  # one with a mask and one without
        (base / f"images/photo{number}.png").rename(base / f"images/{folder}/photo{number}.png")
    found = contents.read(source_of(base))
    trained = {item.id for part in ("train", "unlabeled") for item in found.of(part)}
    assert not {"photo5", "photo9"} & trained and not found.faults
    assert [item.id for item in found.of("val")] == ["photo5"] * folder.startswith("val")
    assert sum(count for use, count in uses(found).items() if use.startswith("passed over")) >= 1


def test_a_mask_of_another_part_than_its_image_is_an_error(base):
    for folder, name in (("images", "train"), ("masks", "val")):
        (base / folder / name).mkdir()
        (base / folder / "photo5.png").rename(base / folder / name / "photo5.png")
    (fault,) = contents.read(source_of(base)).faults
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
    parts = {part: [item.id for item in found.of(part)] for part in contents.PARTS}
    assert parts == {"train": list(exports.TRAIN[1:]), "val": list(exports.VAL), "unlabeled": list(exports.BARE)}
    assert uses(found)["annotations (coco)"] == 3


def test_every_file_is_accounted_for(base):
    for name in ("images/a.jp2", "masks/photo0.npy", "notes.pdf", "more/b.jpg", "images/.hidden", "masks/stray.png"):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_bytes(b"x")
    found = contents.read(source_of(base))
    assert sum(row.count for row in found.files) == sum(path.is_file() for path in base.rglob("*"))
    assert {
        row.use.removeprefix("passed over: "): row.example for row in found.files if row.use.startswith("passed")
    } == {
        ".jp2 files, which are not read as images": "images/a.jp2",
        ".npy masks of images that have a .png mask": "masks/photo0.npy",
        "other files (.pdf)": "notes.pdf",
        "pictures in more/, which is neither in dataset.images nor in dataset.masks": "more/b.jpg",
        "hidden files and those of the system": "images/.hidden",
        "masks without an image": "masks/stray.png",
    }


def test_lists_of_pairs_name_image_and_mask_and_names_may_hold_blanks(base):
    for folder in ("images", "masks"):
        (base / folder / "photo0.png").rename(base / folder / "my photo.png")
    (base / "masks/photo1.png").rename(base / "masks/other.png")
    (base / "train.txt").write_text("images/my photo.png masks/my photo.png\nimages/photo1.png masks/other.png\n")
    found = contents.read(source_of(base, train_list="train.txt"))
    assert [item.mask.name for item in found.of("train")] == ["my photo.png", "other.png"]
    assert [fault.kind for fault in found.faults] == []


def test_images_of_one_name_in_two_folders_have_ids_of_their_own(base):
    for folder in ("images", "masks"):
        (base / folder / "camB").mkdir()
        (base / folder / "photo5.png").rename(base / folder / "camB/photo1.png")
    found = contents.read(source_of(base))
    ids = [item.id for item in found.of("train")]
    assert len(set(ids)) == 6 and not found.faults
    assert all(
        item.image.relative_to(base / "images") == item.mask.relative_to(base / "masks") for item in found.of("train")
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test.csv", "image\nphoto8.jpg\n"),
        ("test.csv", "id;file name\n0;images/photo8.jpg\n"),
        ("Testing.tsv", "filename\tlabel\nphoto8.jpg\t1\n"),
        ("test.csv", "images/photo8.jpg,masks/photo8.png\n"),
        ("image_info_test2017.json", '{"images": [{"id": 1, "file_name": "photo8.jpg"}]}'),
        ("test.json", '["photo8.jpg"]'),
        ("ImageSets/Main/test.txt", "photo8\n"),
        ("test.lst", "photo8\n"),
        ("Validation", "photo8\n"),
    ],
)
def test_test_images_in_a_list_of_any_form_are_an_error_if_trained_on(base, name, text):
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_text(text)
    found = contents.read(source_of(base))
    (fault,) = [fault for fault in found.faults if not fault.warning]
    assert (fault.kind, fault.file) == ("held-out", str(base / name))
    assert "names 1 images" in fault.found and "photo8" in fault.found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Auswahl.txt", "photo4\nphoto5\n"),
        ("lists/b.lst", "images/photo4.png\nimages/photo5.png\n"),
        ("images/fold2.csv", "image\nphoto4.png\nphoto5.png\n"),
        ("b.json", '["photo4.png", "photo5.png"]'),
        ("pairs.txt", "images/photo4.png masks/photo4.png\nimages/photo5.png masks/photo5.png\n"),
        ("todo.txt", "photo8\nphoto9\n"),
    ],
)
def test_a_list_whose_name_says_no_part_is_an_error(base, name, text):
    (base / name).parent.mkdir(exist_ok=True)
    (base / name).write_text(text)
    (fault,) = contents.read(discover(base, "own")[0]).faults
    assert (fault.kind, fault.file, fault.warning) == ("list-unknown", str(base / name), False)
    suffix = Path(name).suffix.replace(".json", ".txt")
    assert "names 2 images, such as photo" in fault.found and f"val{suffix}, test{suffix}" in fault.remedy


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("split.csv", "image,split\nphoto0,trian\nphoto1,trian\nphoto4,tset\nphoto5,val\n", "'trian' (2), 'tset' (1)"),
        ("meta.csv", "sep=;\nimage;subset\nphoto4.png;0\nphoto5.png;1\n", "'0' (1), '1' (1)"),
        ("meta.csv", "image,set\nphoto1,train\nphoto4,benchmark\n", "'benchmark' (1)"),
        ("split.json", '{"train": ["photo0", "photo1"], "val": ["photo2"], "exam": ["photo4"]}', "'exam' (1)"),
        ("split.json", '{"photo0": "train", "photo2": "val", "photo4": "exam"}', "'exam' (1)"),
    ],
)
def test_a_word_that_is_no_part_where_one_should_stand_is_an_error(base, name, text, words):
    (base / name).write_text(text)
    (fault,) = [fault for fault in contents.read(discover(base, "own")[0]).faults if not fault.warning]
    assert (fault.kind, fault.file) == ("part-unknown", str(base / name))
    assert fault.found.endswith(f"there is not: {words}") and "train, val, unlabeled or test" in fault.remedy


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train_valid.csv", "fname,is_valid\nphoto4.png,True\nphoto5.png,False\n"),
        ("folds.csv", "sep=;\nname;fold\nphoto4;0\nphoto5;1\n"),
        ("pairs.csv", "image,mask,fold\nimages/photo4.png,masks/photo4.png,0\nimages/photo5.png,masks/photo5.png,1\n"),
    ],
)
def test_a_column_that_may_tell_images_apart_and_is_not_read_is_an_error(base, name, text):
    (base / name).write_text(text)
    (fault,) = [fault for fault in contents.read(discover(base, "own")[0]).faults if not fault.warning]
    assert (fault.kind, fault.file) == ("list-unknown", str(base / name))
    assert "2 images of it would be trained on, such as photo4.png" in fault.found and "split" in fault.remedy


def test_the_one_pair_of_lists_in_a_folder_below_is_read(base):
    write_pair(base / "splits/pascal/1_8", "photo0\nphoto1\n", "photo2\nphoto4\n")
    (base / "splits/pascal/val.txt").write_text("photo5\n")
    found = contents.read(discover(base, "own")[0])
    assert not found.faults and found.counts() == {"train": 2, "val": 1, "unlabeled": 2}


def write_pair(folder, labeled, unlabeled):
    folder.mkdir(parents=True)
    (folder / "labeled.txt").write_text(labeled)
    (folder / "unlabeled.txt").write_text(unlabeled)


def test_of_several_pairs_of_lists_the_user_has_to_choose(base):
    write_pair(base / "splits/1_4", "photo0\nphoto1\n", "photo2\nphoto4\n")
    write_pair(base / "splits/1_8", "photo0\n", "photo1\nphoto2\nphoto4\n")
    source = discover(base, "own")[0]
    (fault,) = contents.read(source).faults
    assert (fault.kind, fault.file) == ("list-unread", str(base / "splits/1_4/unlabeled.txt"))
    assert "so do splits/1_8/unlabeled.txt" in fault.found
    assert "train_list to splits/1_4/labeled.txt and dataset.unlabeled_list to splits/1_4/unl" in fault.remedy
    lists_of = {"train_list": "splits/1_4/labeled.txt", "unlabeled_list": "splits/1_4/unlabeled.txt"}
    found = contents.read(source.model_copy(update=lists_of))
    assert not found.faults and found.counts() == {"train": 2, "val": 0, "unlabeled": 2}


def test_images_that_a_test_list_names_are_counted_as_test_images(base):
    (base / "train.txt").write_text("photo0\nphoto1\n")
    (base / "test.txt").write_text("photo4\nphoto5\n")
    rows = {row.use: row.count for row in contents.read(discover(base, "own")[0]).files}
    assert rows["passed over: test images, left out of everything"] == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("all.txt", "".join(f"photo{n}\n" for n in range(6))),
        ("notes.txt", "photo1 is dark\nthe rest is fine\nask Ann\n"),
        ("labels.json", '{"photo1.png": {"labels": []}}'),
        ("weather.csv", "image,sun\nphoto1.png,1\n"),
        ("images/photo1.txt", "photo1\n"),
        ("ImageSets/Main/cat.txt", "photo1 -1\n"),
    ],
)
def test_other_texts_are_no_lists(base, name, text):
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_text(text)
    found = contents.read(discover(base, "own")[0])
    assert not found.faults and len(found.of("train")) == 6


def test_where_a_list_says_what_is_trained_on_other_lists_are_only_said(base):
    (base / "train.txt").write_text("photo0\nphoto1\nphoto2\n")
    (base / "dark.txt").write_text("photo1\n")
    assert not contents.read(discover(base, "own")[0]).faults


def test_of_several_lists_of_a_part_each_counts(base):
    (base / "a.txt").write_text("photo0\nphoto1\n")
    (base / "b.txt").write_text("photo1\nphoto2\n")
    found = contents.read(source_of(base, validation_list=["a.txt", "b.txt"]))
    assert [item.id for item in found.of("val")] == ["photo0", "photo1", "photo2"] and not found.faults


def test_a_name_in_a_list_that_two_folders_of_images_have_is_ambiguous(base):
    (base / "more").mkdir()
    (base / "more/photo8.png").write_bytes((base / "images/photo9.png").read_bytes())
    (base / "unlabeled.txt").write_text("photo8.png\n")
    found = contents.read(source_of(base, images=["images", "more"], unlabeled_list="unlabeled.txt"))
    assert [fault.kind for fault in found.faults] == ["ambiguous-name"]


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
    found = contents.read(source_of(base, **changes))
    assert not found.faults and found.counts() == {"train": 3, "val": 0, "unlabeled": 4}
    assert {item.image.stem for item in found.of("unlabeled")} == {f"photo{n}" for n in range(6, 10)}
    table = uses(found)
    assert table["unlabelled images, which no list, table or annotation file names"] == 4
    assert table["passed over: images with masks that no list or table names"] == 3
    assert table["passed over: masks of images that are not used as labelled"] == 3


def test_an_image_that_a_table_names_without_a_mask_is_unlabelled_even_if_a_mask_is_there(base):
    (base / "train.csv").write_text("image,mask\nimages/photo0.png,masks/photo0.png\nimages/photo1.png,\n")
    found = contents.read(source_of(base, masks="train.csv"))
    assert "photo1" in {item.image.stem for item in found.of("unlabeled")}
    assert uses(found)["unlabelled images"] == 1


def test_masks_of_a_table_are_no_images_where_the_folder_itself_is_one(base):
    (base / "masks").rename(base / "anno")
    for path in (base / "images").iterdir():
        path.rename(base / path.name)
    (base / "t.csv").write_text("image,mask\n" + "".join(f"photo{n}.png,anno/photo{n}.png\n" for n in range(3)))
    found = contents.read(source_of(base, images=".", masks="t.csv"))
    assert not found.faults and found.counts() == {"train": 3, "val": 0, "unlabeled": 4}
    assert all(item.image.parent == base for item in found.items)


def test_masks_of_a_table_that_lie_beside_the_images_are_no_images(base):
    for path in (base / "masks").iterdir():
        path.rename(base / f"images/{path.stem}_gt.png")
    rows = "".join(f"images/photo{n}.png,images/photo{n}_gt.png\n" for n in range(3))
    (base / "train.csv").write_text("image,mask\n" + rows)
    found = contents.read(source_of(base, masks="train.csv"))
    assert not found.faults and found.counts() == {"train": 3, "val": 0, "unlabeled": 4}


def as_jpeg(base, *numbers, folder="masks", ending=""):
    for number in numbers:
        path = base / f"masks/photo{number}.png"
        with Image.open(path) as mask:
            target = base / folder / f"photo{number}{ending}.jpg"
            Image.fromarray(255 * np.array(mask)).resize((41, 41)).save(target, quality=50)
        path.unlink()


def test_jpeg_masks_are_one_line_that_says_what_they_lost(base):
    as_jpeg(base, 0, 1, 2)
    found = contents.read(source_of(base))
    (fault,) = found.faults
    assert fault.kind == "mask-suffix" and "(and so for 2 more files)" in fault.found
    assert "different ones lie around 0" in fault.found and "export the masks again as PNG" in fault.remedy
    assert uses(found)["passed over: .jpg files where a mask should be"] == 3


def test_jpeg_masks_in_folders_of_parts_and_beside_their_images_are_no_images(base):
    for folder in ("images", "masks"):
        for part in ("train", "val"):
            (base / folder / part).mkdir()
            Image.new("L", (40, 40)).save(base / folder / part / ("x.png" if folder == "images" else "x.jpg"))
    assert [fault.kind for fault in contents.read(source_of(base)).faults] == ["mask-suffix"]

    as_jpeg(base, 0, folder="images", ending="_mask")
    for path in sorted((base / "masks").glob("*.png")):
        path.rename(base / f"images/{path.stem}_mask.png")
    found = contents.read(source_of(base, masks="images"))
    assert [(fault.kind, "photo0_mask.jpg" in fault.file) for fault in found.faults] == [("mask-suffix", True)]
    assert not [item for item in found.items if "mask" in item.image.stem]


def test_a_jpeg_mask_of_a_table_is_refused_and_no_other_file_taken_for_it(base):
    (base / "old").mkdir()
    (base / "masks/photo0.png").rename(base / "old/photo0.png")
    Image.new("L", (40, 40)).save(base / "masks/photo0.jpg")
    (base / "pairs.csv").write_text(
        "image,mask\nimages/photo0.png,masks/photo0.jpg\nimages/photo1.png,masks/photo1.png\n"
    )
    (fault,) = contents.read(source_of(base, masks="pairs.csv")).faults
    assert fault.kind == "mask-suffix" and fault.line == 2 and "from the tool that drew them" in fault.remedy


def test_masks_in_two_forms_are_not_mixed(tmp_path):
    base = exports.cityscapes(tmp_path / "streets")
    for path in sorted((base / "gtFine/train/ulm").glob("*_labelIds.png"))[:-1]:
        exports.save_mask(path.with_name(path.name.replace("labelIds", "labelTrainIds")), exports.truth(path.name[:6]))
    source = discover(base, "own").source
    found = contents.read(source)
    assert not found.faults and found.counts()["train"] == 4  # label ids are those of most
    assert uses(found)["passed over: masks in another form than labelids"] == 3
    last = sorted((base / "gtFine/train/ulm").glob("*_labelIds.png"))[-1]
    last.rename(last.with_name(last.name.replace("labelIds", "labelTrainIds")))
    (fault,) = contents.read(source).faults
    assert (fault.kind, Path(fault.file).name) == ("mask-form", last.name.replace("labelIds", "labelTrainIds"))


def test_names_with_blanks_are_read_in_quotes(base):
    (base / "images/photo0.png").rename(base / "images/my photo.png")
    (base / "masks/photo0.png").rename(base / "masks/my photo.png")
    (base / "train.txt").write_text('"my photo"\nphoto1\n')
    found = contents.read(source_of(base, train_list="train.txt"))
    assert found.counts()["train"] == 2 and not found.faults


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


def test_class_files_of_folders_that_contradict_each_other_are_an_error_with_old_parameters_too(tmp_path):
    base = exports.roboflow_masks(tmp_path / "set")
    source = discover(base, "own").source
    exports.write(base / "valid/_classes.csv", "Pixel Value, Class\n0, background\n1, dog\n2, cat\n")
    (fault,) = contents.read(source).faults
    assert fault.kind == "class-files" and fault.file == str(base / "valid/_classes.csv")
    with pytest.raises(UserError, match="1 is 'dog', and 'cat'"):
        discover(base, "own")


def test_class_names_written_after_the_parameters_are_looked_at(base):
    source = discover(base, "own").source
    assert contents.read(source).faults == []
    for text, words in (("square\nbackground\n", "'square' is 0, and 1 by dataset.classes"), ("", "")):
        (base / "classes.txt").write_text(text)
        assert [fault.found for fault in contents.read(source).faults if not fault.warning] == [words] * bool(words)
    (base / "classes.txt").unlink()
    (base / "masks/classes.txt").write_text("background\nbox\n")
    (fault,) = contents.read(source).faults
    assert (
        fault.warning and fault.file == str(base / "masks/classes.txt") and "box, which dataset.classes" in fault.found
    )


@pytest.mark.parametrize("listed", [False, True])
def test_a_part_that_is_said_inside_of_labels_is_an_error_unless_lists_say_it(tmp_path, listed):
    base = exports.labelme_json(tmp_path / "own")
    file = sorted(base.rglob("*.json"))[0]
    file.write_text(json.dumps(json.loads(file.read_text()) | {"flags": {"val": True}}))
    for name in exports.VAL if listed else []:
        with (base / "val.txt").open("a") as list_file:
            list_file.write(f"{name}\n")
    source = discover(base, "own").source
    kinds = [fault.kind for fault in contents.read(source).faults]
    assert kinds.count("part-unread") == (0 if listed else 1)
