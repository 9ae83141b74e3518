"""Where images come from: the kind of source, and the classes and colours of a user's folder."""

import pytest
from pydantic import ValidationError

from semiproto.params import FolderSource

FOLDER = {
    "source": "folder",
    "name": "mine",
    "path": "photos",
    "images": "images",
    "masks": "masks",
    "classes": ["background", "leaf"],
    "colours": None,
    "ignore": 255,
    "train_list": None,
    "validation_list": None,
    "unlabeled_list": None,
}
COLOURS = [[0, 0, 0], [0, 255, 0]]


def test_an_unknown_source(edited, refused):
    refused(edited({"dataset.source": "cloud"}), "dataset", "cloud")


def test_an_unknown_published_set(edited, refused):
    refused(edited({"dataset": {"source": "published", "name": "x", "set": "coco"}}), "dataset.set", "'coco'")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ["leaf", "leaf"]}, ["class 'leaf' is named twice"]),
        ({"ignore": [1, 2, 3]}, ["ignore is the colour [1, 2, 3]"]),
        ({"colours": COLOURS}, ["ignore is the value 255"]),
        ({"colours": COLOURS[:1], "ignore": None}, ["1 colours for 2 classes"]),
        ({"colours": COLOURS, "ignore": COLOURS[1]}, ["colour [0, 255, 0] is given twice"]),
        ({"colours": [[0, 0, 0], [0, 256, 0]], "ignore": None}, ["dataset.colours.1.1", "256"]),
    ],
)
def test_classes_and_colours_that_do_not_fit(edited, refused, changes, words):
    refused(edited({"dataset": FOLDER | changes}), *words)


@pytest.mark.parametrize("share", [0, 1])
def test_a_validation_share_keeps_images_for_both_parts(edited, refused, share):
    refused(edited({"splits.validation": share}), "splits.validation", str(share))


def test_more_classes_than_a_mask_has_values_are_refused_with_the_reason():
    assert FolderSource(**FOLDER | {"classes": [f"c{n}" for n in range(254)]}).bands == 3
    with pytest.raises(ValidationError, match="255 of them, and a mask has 8 bits: 254 classes and 255 for void"):
        FolderSource(**FOLDER | {"classes": [f"c{n}" for n in range(255)]})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"values": {0: "void", 1: "tree"}}, ["'tree' is no class", "background, leaf"]),
        ({"values": {0: "background", "0-9": "leaf"}}, ["0-9", "overlaps"]),
        ({"values": {"9-3": "leaf"}}, ["9-3 is empty"]),
        ({"values": {"x": "leaf"}}, ["dataset.values", "x"]),
        ({"values": {0: "leaf"}, "colours": COLOURS, "ignore": None}, ["values and colours are both given"]),
        ({"classes": ["background", "big leaf"]}, ["'big leaf' cannot be a class name", "no blanks"]),
        ({"classes": ["background", "a,b"]}, ["'a,b' cannot be a class name"]),
        ({"classes": ["background", "x" * 65]}, ["cannot be a class name", "at most 64"]),
        ({"classes": ["background", False]}, ["dataset.classes.1", "write it in quotes"]),
        ({"format": "magic"}, ["dataset.format", "magic"]),
    ],
)
def test_values_names_and_formats_that_cannot_be(edited, refused, changes, words):
    refused(edited({"dataset": FOLDER | changes}), *words)


def test_values_may_be_numbers_ranges_and_void_in_any_case(edited):
    from semiproto import params

    changes = {"values": {0: "VOID", "1-127": "background", 255: "leaf"}, "classes": ["background", "leaf"]}
    source = params.validate(edited({"dataset": FOLDER | changes}), "here").dataset
    assert source.values == {"0": "VOID", "1-127": "background", "255": "leaf"}
    assert params.parse(source.model_dump_json(), params.FolderSource) == source


@pytest.mark.parametrize("name", ["猫", "été", "cat/kitten", "day+night", "it's", "(other)", "a&b", "नमस्ते"])
def test_class_names_are_letters_of_any_script(edited, name):
    from semiproto import params

    source = params.validate(edited({"dataset": FOLDER | {"classes": ["background", name]}}), "here").dataset
    assert source.classes[1] == name
