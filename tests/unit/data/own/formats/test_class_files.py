"""Files that name the classes, as tools and people write them."""

import json

import pytest

from semiproto.data.own.formats import class_files


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
        ("label_colors.txt", "0 0 0\tbackground\n250 50 83\tcat\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:250,50,83:head,tail:run\n"),
    ],
)
def test_colours(tmp_path, name, text):
    table = read(tmp_path, name, text)
    assert table.names == ["background", "cat"] and table.colours == [(0, 0, 0), (250, 50, 83)] and table.drawn()


@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", '{"labels": {"regions": [1, 2]}}'])
def test_a_dataset_json_of_something_else_names_no_classes(tmp_path, text):
    assert read(tmp_path, "dataset.json", text) is None
    assert class_files.find([tmp_path]) is None
