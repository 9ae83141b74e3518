"""Lists of images and their parts, in the forms that people keep them."""

import json

import pytest

from semiproto.data.own.formats import lists
from semiproto.data.own.formats.pairs import MOST_LINES
from semiproto.errors import UserError


def test_a_text_has_a_name_on_each_line(tmp_path):
    (tmp_path / "train.txt").write_text("a\n\n b \n")
    assert lists.entries(tmp_path / "train.txt", "train") == [(1, "a"), (3, "b")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps({"training": ["x"], "valid_ids": ["y"], "classes": ["z"]})),
        ("a.json", json.dumps([{"train": ["x"], "val": ["y"]}, {"train": ["y"], "val": ["x"]}])),
        ("a.json", json.dumps({"x": "train", "y": "val", "z": "none"})),
        ("a.json", json.dumps([{"image": "x", "split": "train"}, {"image": "y", "split": "val"}])),
        ("a.jsonl", '{"set": "train", "name": "x", "year": 7}\n{"set": "val", "name": "y", "year": 8}\n'),
        ("a.yaml", "train: [x]\nval:\n- y\n"),
        ("a.csv", "name;subset\nx;Training\ny;Validation\n"),
        ("a.tsv", "split\tname\ntrain\tx\nval\ty\n"),
        ("a.csv", "image_id,patient,fold_type\nx,1,train\ny,2,val\n"),
        ("a.csv", "sep=;\r\nname;subset\r\nx;train\r\ny;val\r\n"),
        ("a.csv", '"sep=|"\nname|set\nx|train\ny|val\n'),
    ],
)
def test_a_json_or_table_gives_each_name_its_part(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert lists.read(tmp_path / name).assigned == {"train": ["x"], "val": ["y"]}
    assert lists.entries(tmp_path / name, "val") == [(None, "y")]
    assert lists.entries(tmp_path / name, "test") == []


@pytest.mark.parametrize(
    ("name", "text"), [("val.json", '["x", "y"]'), ("val.yaml", "- x\n- y\n"), ("val.csv", "x\ny\n")]
)
def test_a_file_of_nothing_but_names_lists_them(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert [name for _, name in lists.entries(tmp_path / name, "val")] == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("val.yaml", "names:\n- a\n", "lists no images; write their names, one a line, into val.txt"),
        ("val.yaml", "- a\n" * (2**20 + 1), "longer than 4 MiB"),
        ("val.json", "[", "not valid JSON"),
        ("val.txt", "a\n" * (MOST_LINES + 1), "more than 2,000,000 lines"),
    ],
)
def test_a_file_that_cannot_be_a_list_is_one_line(name, text, why, tmp_path, one_line):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as error:
        lists.entries(tmp_path / name, "val")
    one_line(error, tmp_path / name, why)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{"),
        ("a.json", "3"),
        ("a.json", "[]"),
        ("a.json", '{"images": []}'),
        ("a.jsonl", '{"split": "val", "image": "x"}\n{'),
        ("a.yaml", "val: [x"),
        ("data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n"),
        ("a.jsonl", '{"file_name": "x.png", "text": "a cat"}'),
        ("a.csv", ""),
        ("a.csv", "a,b\n"),
    ],
)
def test_other_files_give_none(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert not lists.read(tmp_path / name).assigned


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no such file of images and their parts"):
        lists.entries(tmp_path / "a.json", "train")


@pytest.mark.parametrize(
    ("name", "text", "unknown"),
    [
        ("a.json", {"train": ["x"], "benchmark": ["y"]}, {"benchmark": ["y"]}),
        ("a.json", {"x": "train", "y": "tset", "z": "tset"}, {"tset": ["y", "z"]}),
        ("a.json", {"x": "sunny", "y": "rain"}, {}),
        ("a.csv", "image,split\nx,trian\ny,val\nz,\n", {"trian": ["x"]}),
        ("a.csv", "image,subset\nx,0\ny,1\n", {"0": ["x"], "1": ["y"]}),
        ("a.csv", "image,weather\nx,sunny\ny,rain\n", {}),
    ],
)
def test_words_that_are_no_part(name, text, unknown, tmp_path):
    (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text))
    assert lists.read(tmp_path / name).unknown == unknown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fname,is_valid\nx.jpg,True\ny.jpg,False\n", ("is_valid", ["x.jpg", "y.jpg"])),
        ("Fold;id;image\n0;7;x.jpg\n1;8;y.jpg\n", ("fold", ["x.jpg", "y.jpg"])),
        ("image,fold\nx,1\ny,1\n", ("", [])),
        ("image,fold,split\nx,1,train\ny,2,val\n", ("", [])),
        ("image,sun\nx,1\ny,2\n", ("", [])),
        ("", ("", [])),
    ],
)
def test_a_column_that_may_tell_images_apart(text, found, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    assert lists.read(tmp_path / "a.csv").telling == found


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"images": [{"file_name": "a.jpg"}, {"file_name": "b.jpg", "split": "val"}]}, "val"),
        ({"tags": [{"name": "Validation"}], "objects": []}, "Validation"),
        ({"flags": {"test": True}, "shapes": []}, "test"),
        ({"flags": {"test": False}, "shapes": [{"label": "test"}]}, None),
        ({"tags": [], "categories": [{"name": "test"}]}, None),
        ({"images": [{"file_name": "val.jpg", "split": "train"}]}, None),
    ],
)
def test_a_file_of_labels_may_call_an_image_one_for_validation(content, word, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert lists.part_inside(tmp_path / "a.json") == word


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("a.txt", "x\n\n y \n", ["x", "y"]),
        ("a.csv", "File_Name\nx\ny\n", ["x", "y"]),
        ("a.csv", "x\ny\n", ["x", "y"]),
        ("a.csv", "sep=;\r\nimage\r\nx\r\ny\r\n", ["x", "y"]),
        ("a.json", '["x", "y"]', ["x", "y"]),
        ("a.csv", "image,mask\nx,y\n", []),
        ("a.json", '{"x": "y"}', []),
        ("a.json", "[1, 2]", []),
        ("a.json", "[", []),
    ],
)
def test_a_plain_list_has_nothing_but_names(name, text, names, tmp_path):
    (tmp_path / name).write_text(text)
    assert lists.read(tmp_path / name).plain == names
