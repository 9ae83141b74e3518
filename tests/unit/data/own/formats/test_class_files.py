"""Files that name the classes, as tools and people write them."""

import json

import pytest

from pipeline import own_folder
from semiproto.data.own.formats import class_files
from semiproto.errors import UserError


def read(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return class_files.read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text", "names", "values"),
    [
        ("classes.txt", "background\ntraffic light\n", ["background", "traffic_light"], None),
        ("classes.txt", "0 background\n1 cat\n2 dog\n", ["background", "cat", "dog"], [0, 1, 2]),
        ("classes.txt", "0: background\n100: cat\n", ["background", "cat"], [0, 100]),
        ("classes.txt", "\ufeffbackground\r\ncat\r\n", ["background", "cat"], None),
        ("_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n", ["background", "cat"], [0, 1]),
        ("class_names.txt", "__ignore__\n_background_\ncat\n", ["background", "cat"], None),
        ("class_dict.csv", "index,name\n0,background\n7,cat\n", ["background", "cat"], [0, 7]),
        ("classes.csv", "id;name\n0;background\n10;cat\n", ["background", "cat"], [0, 10]),
        ("labels.csv", "Label,Value\nbackground,0\ncat,3\n", ["background", "cat"], [0, 3]),
        ("id2label.json", json.dumps({"0": "background", "1": "cat"}), ["background", "cat"], [0, 1]),
        ("label2id.json", json.dumps({"cat": 1, "background": 0}), ["background", "cat"], [0, 1]),
        ("config.json", json.dumps({"id2label": {"0": "background", "1": "cat"}}), ["background", "cat"], [0, 1]),
        ("classes.json", json.dumps(["background", "cat"]), ["background", "cat"], None),
        ("dataset.json", json.dumps({"labels": {"background": 0, "cat": 1}}), ["background", "cat"], [0, 1]),
        ("dataset.json", json.dumps({"labels": {"0": "background", "1": "cat"}}), ["background", "cat"], [0, 1]),
    ],
)
def test_names_and_values(tmp_path, name, text, names, values):
    table = read(tmp_path, name, text)
    assert (table.names, table.values) == (names, values) and not table.drawn()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "background 0 0 0\ncat 250 50 83\n"),
        ("class_dict.csv", "name,r,g,b\nbackground,0,0,0\ncat,250,50,83\n"),
        ("classes.csv", "id,name,red,green,blue\n0,background,0,0,0\n1,cat,250,50,83\n"),
        ("label_colors.txt", "0 0 0\tbackground\n250 50 83\tcat\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:250,50,83:head,tail:run\n"),
    ],
)
def test_colours(tmp_path, name, text):
    table = read(tmp_path, name, text)
    assert table.names == ["background", "cat"] and table.colours == [(0, 0, 0), (250, 50, 83)] and table.drawn()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("dataset.json", text) for text in ("{}", "[1]", "no JSON", '{"labels": {"regions": [1, 2]}}')),
        *(("classes.json", text) for text in ("{}", "[]", '[{"id": 7, "name": "cat"}]', '{"0": 1}')),
        ("labels.csv", "image,label\n1.jpg,cat\n"),
        ("labels.csv", "id,label\n1.jpg,cat\n"),
        ("classes.csv", ""),
    ],
)
def test_a_file_of_something_else_names_no_classes(tmp_path, name, text):
    assert read(tmp_path, name, text) is None
    assert class_files.find([tmp_path]) is None and not class_files.is_one(tmp_path / name)


def nnunet(tmp_path, **labels):
    return read(tmp_path, "dataset.json", json.dumps({"labels": labels, "numTraining": 3}))


@pytest.mark.parametrize(
    ("labels", "names", "outer"),
    [
        (
            {"background": 0, "whole tumor": [1, 2, 3], "core": [2, 3], "enhancing": 3},
            ["background", "whole_tumor", "core", "enhancing"],
            "whole tumor, core",
        ),
        ({"background": 0, "limb": [1, 2], "head": [3]}, ["background", "limb", "limb", "head"], None),
        ({"nerve": [2], "tooth": [1, 2], "background": 0}, ["background", "tooth", "nerve"], "tooth"),
    ],
)
def test_a_mask_value_is_of_the_smallest_of_nnunets_regions(tmp_path, labels, names, outer):
    table = nnunet(tmp_path, **labels)
    assert (table.names, table.values) == (names, list(range(len(names))))
    assert (f"; {outer}: what no inner one covers" in table.note) if outer else "no inner" not in table.note


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"a": [1, 2], "b": [2, 3]}, "'a' and 'b' overlap"),
        ({"a": [1, "x"], "b": 2}, "'a' is neither"),
        ({"a": [1, 2], "b": [1], "c": [2]}, "'a' has no mask value of its own"),
    ],
)
def test_regions_that_give_no_class_to_a_value_are_one_line_with_a_remedy_that_works(tmp_path, one_line, labels, words):
    with pytest.raises(UserError) as error:
        nnunet(tmp_path, **labels)
    one_line(error, tmp_path / "dataset.json", words, "classes.txt")
    (tmp_path / "classes.txt").write_text("0 background\n1 whole\n2 rest\n")
    assert class_files.find([tmp_path]).names == ["background", "whole", "rest"]


def in_folders(tmp_path, name, *texts):
    for number, text in enumerate(texts):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / name).write_text(text)
    return [tmp_path / str(number) for number in range(len(texts))]


HEADER = "Pixel Value, Class\n"


@pytest.mark.parametrize(
    ("name", "first", "second", "words"),
    [
        (
            "_classes.csv",
            HEADER + "0, bg\n1, cat\n2, dog\n",
            HEADER + "0, bg\n1, dog\n2, cat\n",
            "1 is 'dog', and 'cat'",
        ),
        ("_classes.csv", HEADER + "0, bg\n1, cat\n", HEADER + "0, bg\n2, cat\n", "'cat' is 2, and 1"),
        ("classes.txt", "bg\ncat\n", "bg\ndog\n", "1 is 'dog', and 'cat'"),
        ("labelmap.txt", "cat:1,2,3::\n", "cat:3,2,1::\n", "'cat' is (3, 2, 1), and (1, 2, 3)"),
    ],
)
def test_files_that_contradict_each_other_are_one_line_that_names_both(tmp_path, one_line, name, first, second, words):
    folders = in_folders(tmp_path, name, first, second)
    with pytest.raises(UserError) as error:
        class_files.find(folders)
    one_line(error, folders[0] / name, folders[1] / name, words)
    (folders[1] / name).write_text(first)
    assert class_files.find(folders) is not None


@pytest.mark.parametrize(
    ("name", "texts", "names", "values"),
    [
        ("_classes.csv", (HEADER + "0, bg\n2, dog\n", HEADER + "0, bg\n1, cat\n"), ["bg", "cat", "dog"], [0, 1, 2]),
        ("classes.txt", ("bg\ncat\n", "bg\ncat\ndog\n"), ["bg", "cat", "dog"], None),
        ("labelmap.txt", ("bg:0,0,0::\n", "cat:1,2,3::\nbg:0,0,0::\n"), ["bg", "cat"], None),
    ],
)
def test_files_that_agree_have_the_classes_of_all(tmp_path, name, texts, names, values):
    found = class_files.find(in_folders(tmp_path, name, *texts))
    assert (found.names, found.values) == (names, values)


def test_a_file_of_the_users_own_comes_before_those_of_a_tool(tmp_path):
    folders = in_folders(tmp_path, "_classes.csv", HEADER + "0, bg\n1, cat\n", HEADER + "0, bg\n1, cat\n")
    (tmp_path / "classes.txt").write_text("nothing\nanimal\n")
    assert class_files.find([tmp_path, *folders]).names == ["nothing", "animal"]


BY_INDEX = {"classes": ["background", "cat", "dog"]}
FROM_ONE = {"classes": ["cat", "dog"], "values": {"0": "void", "1": "cat", "2": "dog"}}
MERGED = {"classes": ["background", "animal"], "values": {"0": "background", "1-2": "animal"}}
DRAWN = {"classes": ["background", "cat"], "colours": [[0, 0, 0], [9, 9, 9]], "ignore": None}


@pytest.mark.parametrize(
    ("parameters", "text", "difference", "unknown"),
    [
        (BY_INDEX, "background\ncat\ndog\n", None, []),
        (BY_INDEX, "background\ncat\ndog\nbird\n", None, ["bird"]),
        (BY_INDEX, "background\ncat\nwolf\nvoid\n", None, ["wolf"]),
        (BY_INDEX, "background\ndog\ncat\n", "'dog' is 1, and 2", []),
        (BY_INDEX, "background\ndog\n", "'dog' is 1, and 2", []),
        (BY_INDEX, "0 background\n2 cat\n1 dog\n", "'cat' is 2, and 1", []),
        (FROM_ONE, "cat\ndog\n", None, []),
        (FROM_ONE, "dog\ncat\n", "the order is dog, cat, and cat, dog", []),
        (FROM_ONE, "1 cat\n2 dog\n", None, []),
        (FROM_ONE, "1 dog\n2 cat\n", "'dog' is 1, and 2", []),
        (MERGED, "0 background\n2 animal\n", None, []),
        (MERGED, "1 background\n0 animal\n", "'background' is 1, and 0", []),
        (MERGED, "background\ncat\ndog\n", None, ["cat", "dog"]),
        (DRAWN, "cat 9 9 9\nbackground 0 0 0\n", None, []),
        (DRAWN, "cat 0 0 0\nbackground 9 9 9\n", "'cat' is (0, 0, 0), and (9, 9, 9)", []),
        (DRAWN, "cat\nbackground\n", None, []),
    ],
)
def test_a_table_that_contradicts_the_parameters(tmp_path, parameters, text, difference, unknown):
    source = own_folder.source(tmp_path, **parameters)
    table = read(tmp_path, "classes.txt", text)
    assert class_files.contradiction(table, source) == difference
    assert class_files.unknown(table, source) == unknown


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "background\nbig dog\nbig_dog\n"),
        ("classes.txt", "0 big dog\n1 big_dog\n"),
        ("labelmap.txt", "big dog:0,0,0::\nbig_dog:1,1,1::\n"),
        ("dataset.json", json.dumps({"labels": {"big dog": 1, "big_dog": 2}})),
    ],
)
def test_names_that_would_be_one_class_are_named(tmp_path, name, text, one_line):
    with pytest.raises(UserError) as error:
        read(tmp_path, name, text)
    one_line(error, tmp_path / name, "'big dog' and 'big_dog'", "rename one")


def test_the_tables_that_published_sets_and_tools_ship(tmp_path):
    ade = tmp_path / "objectInfo150.txt"
    ade.write_text(
        "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.15\t11664\t1172\t1\twall\n2\t0.1\t6046\t612\t1\tbuilding, edifice\n"
    )
    assert class_files.read(ade).meanings() == {1: "wall", 2: "building"}
    labels = [
        {"name": "object--vehicle--car", "readable": "Car", "color": [0, 0, 142], "evaluate": True},
        {"name": "void--unlabeled", "readable": "Unlabeled", "color": [0, 0, 0], "evaluate": False},
    ]
    mapillary = tmp_path / "config_v1.2.json"
    mapillary.write_text(json.dumps({"version": 1.2, "labels": labels}))
    assert class_files.read(mapillary).meanings() == {0: "Car", 1: "void"}
    tool = tmp_path / "config.json"
    tool.write_text(
        json.dumps({"labels": {"cat": {"id": 2, "color": [1, 2, 3]}, "dog": {"id": 1, "color": [0, 0, 0]}}})
    )
    assert class_files.read(tool).meanings() == {1: "dog", 2: "cat"}
    for other in ({"labels": ["cat"]}, {"labels": {"cat": 1.5}}, ["cat"], {"model_type": "vit"}):
        tool.write_text(json.dumps(other))
        assert class_files.read(tool) is None


def test_a_text_that_is_too_long_to_be_names_is_one_line(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        read(tmp_path, "classes.txt", "a\n" * 2**20)
    one_line(error, tmp_path / "classes.txt", "longer than 1 MiB, no file of class names")
