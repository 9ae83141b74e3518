"""Lists, tables and names that are not read and may keep images for validation or test."""

import json
from pathlib import Path

import pytest

from pipeline import exports, own_folder
from semiproto.data.own.contents import contents
from semiproto.data.own.formats.pairs import MOST_LINES
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test.csv", "image\nphoto8.jpg\n"),
        ("test.csv", "id;file name\n0;images/photo8.jpg\n"),
        ("Testing.tsv", "filename\tlabel\nphoto8.jpg\t1\n"),
        ("test.csv", "images/photo8.jpg,masks/photo8.png\n"),
        ("image_info_test2017.json", '{"images": [{"id": 1, "file_name": "photo8.jpg"}]}'),
        ("test.json", '["photo8.jpg"]'),
        ("test.json", '{"names": ["photo8"]}'),
        ("test.yaml", "- photo8\n"),
        ("val.yml", "names: [photo8]\n"),
        ("test.jsonl", '{"file": "photo8"}\n'),
        ("ImageSets/Main/test.txt", "photo8\n"),
        ("test.lst", "photo8\n"),
        ("Validation", "photo8\n"),
    ],
)
def test_test_images_in_a_list_of_any_form_are_an_error_if_trained_on(base, name, text):
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_text(text)
    found = contents.read(own_folder.source(base))
    (fault,) = [fault for fault in found.faults if not fault.warning]
    assert (fault.kind, fault.file) == ("held-out", str(base / name))
    assert "names 1 images" in fault.found and "photo8" in fault.found


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("lists/a/test.txt", b"caf\xe9\n", "in UTF-8"),
        ("test.json", b'["photo8"', "not valid JSON"),
        ("val.yaml", b"a:\n" + b"- b\n" * 2**20, "longer than 4 MiB"),
        ("a/val.csv", b"a\n" * (MOST_LINES + 1), "more than 2,000,000 lines"),
    ],
)
def test_a_list_for_validation_or_test_that_cannot_be_read_is_an_error(base, name, text, why):
    (base / name).parent.mkdir(parents=True, exist_ok=True)
    (base / name).write_bytes(text)
    (fault,) = contents.read(own_folder.source(base)).faults
    assert (fault.kind, fault.file, fault.warning) == ("list-unreadable", str(base / name), False)
    assert why in fault.found and "move it out of the folder" in fault.remedy


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


def write_pair(folder, labeled, unlabeled):
    folder.mkdir(parents=True)
    (folder / "labeled.txt").write_text(labeled)
    (folder / "unlabeled.txt").write_text(unlabeled)


def test_the_one_pair_of_lists_in_a_folder_below_is_read(base):
    write_pair(base / "splits/pascal/1_8", "photo0\nphoto1\n", "photo2\nphoto4\n")
    (base / "splits/pascal/val.txt").write_text("photo5\n")
    found = contents.read(discover(base, "own")[0])
    assert not found.faults and found.counts() == {"train": 2, "val": 1, "unlabeled": 2}


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
