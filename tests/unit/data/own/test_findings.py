"""What a check found, in lines for people and in JSON for machines."""

import json
import os

import pytest

from semiproto.data.own.faults import Fault
from semiproto.data.own.findings import ClassShare, Findings

LOOKS = {
    "labelled": {
        "images": 1200,
        "megapixels_mean": 2.0714,
        "megapixels_sd": 0.25,
        "brightness_mean": 99.6,
        "brightness_sd": 12.0,
    },
    "unlabelled": {"images": 0},
}


@pytest.fixture
def findings():
    faults = [
        Fault("mask-size", "masks/a.png", "9x9 pixels", "draw it again"),
        Fault("mask-size", "masks/b.png", "9x9 pixels", "draw it again"),
        Fault("pairs", "pairs.csv", "no mask", "name one", 7),
        Fault("exif", "images/a.jpg", "turned", "save it as shown", warning=True),
    ]
    classes = [
        ClassShare("train", "background", 1200, 1_234_567, 0.875),
        ClassShare("train", "traffic_light", 3, 12, 0.00001),
        ClassShare("val", "background", 2, 99, 1.0),
    ]
    return Findings("photos", faults, {"train": 1200, "val": 2, "unlabeled": 0}, classes, LOOKS)


def test_every_fault_has_a_line_and_every_kind_a_number(findings):
    lines = list(findings.lines())
    assert lines[2:4] == [
        "error: pairs.csv, line 7: no mask; name one",
        "warning: images/a.jpg: turned; save it as shown",
    ]
    assert lines[-2:] == ["errors: mask-size 2, pairs 1", "warnings: exif 1"]
    assert findings.errors() == 3


def test_the_classes_are_a_table_for_each_part(findings):
    lines = list(findings.lines())
    train, val = (next(n for n, line in enumerate(lines) if line.endswith(part)) for part in ("training", "validation"))
    assert lines[train].split() == ["class", "images", "pixels", "share", "training"]
    assert lines[train + 1].split() == ["background", "1,200", "1,234,567", "87.50", "%"]
    assert lines[train + 2].split() == ["traffic_light", "3", "12", "0.00", "%"]
    assert lines[val + 1].split() == ["background", "2", "99", "100.00", "%"]
    assert len({len(line) for line in lines[train + 1 : train + 3]}) == 1  # columns are aligned


def test_how_images_look_is_said_where_there_are_any(findings):
    lines = list(findings.lines())
    (labelled,), (unlabelled,) = ([line for line in lines if line.startswith(kind)] for kind in LOOKS)
    assert labelled.endswith("1,200 images, 2.07 ± 0.25 megapixels, brightness 100 ± 12 of 255")
    assert unlabelled.endswith(" 0 images")


def test_nothing_found_is_no_line_of_faults():
    lines = list(Findings("photos", [], {}, [], {}).lines())
    assert not any(line.strip() for line in lines)


def test_a_name_that_is_no_text_can_be_printed():
    fault = Fault("exif", os.fsdecode(b"caf\xe9.jpg"), "turned", "save it", warning=True)
    (line,) = [line for line in Findings("photos", [fault], {}, [], {}).lines() if "turned" in line]
    line.encode("utf-8")
    assert "caf\\udce9.jpg" in line


def test_machines_read_the_same(findings):
    found = json.loads(json.dumps(findings.as_json()))
    assert (found["errors"], found["warnings"]) == (3, 1)
    assert found["kinds"] == {"mask-size": 2, "pairs": 1, "exif": 1}
    assert found["faults"][2] == {
        "severity": "error",
        "kind": "pairs",
        "file": "pairs.csv",
        "found": "no mask",
        "remedy": "name one",
        "line": 7,
    }
    assert found["faults"][3]["severity"] == "warning" and "warning" not in found["faults"][3]
    assert found["classes"][1]["name"] == "traffic_light" and found["looks"] == LOOKS
