"""Tasks for Label Studio, decoded bit by bit as its own converter does."""

import json
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from hard_masks import CLASSES, NAMES, masks

from semiproto.deploy.exchange import labelstudio


def decoded(values, height, width):
    """The alpha of run lengths."""
    bits = "".join(f"{value:08b}" for value in values)
    taken = 0

    def take(count):
        nonlocal taken
        taken += count
        assert taken <= len(bits)
        return int(bits[taken - count : taken], 2)

    total, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    found = []
    while len(found) < total:
        repeated = take(1)
        length = take(sizes[take(2)]) + 1
        found += [take(word)] * length if repeated else [take(word) for _ in range(length)]
    assert len(found) == total == 4 * height * width and len(bits) - taken < 8
    return np.array(found).reshape(height, width, 4)[..., 3]


def test_brushes_give_the_same_masks(predictions, save):
    out = save(labelstudio.labelstudio(predictions))
    tasks = json.loads((out / "tasks.json").read_text("utf-8"))
    assert [unquote(task["data"]["image"]) for task in tasks] == [f"/data/local-files/?d=photos/{n}" for n in NAMES]
    for task, mask in zip(tasks, masks(), strict=True):
        found = np.zeros_like(mask)
        for region in task["predictions"][0]["result"]:
            assert (region["original_height"], region["original_width"]) == mask.shape
            covered = decoded(region["value"]["rle"], *mask.shape)
            assert set(np.unique(covered)) <= {0, 255} and not found[covered > 0].any()
            found[covered > 0] = CLASSES.index(region["value"]["brushlabels"][0])
        np.testing.assert_array_equal(found, mask)


def test_the_configuration_has_the_names_that_the_tasks_refer_to(predictions, save):
    out = save(labelstudio.labelstudio(predictions))
    view = ElementTree.parse(out / "label_config.xml").getroot()
    region = json.loads((out / "tasks.json").read_text())[0]["predictions"][0]["result"][0]
    brushes, image = view.find("BrushLabels"), view.find("Image")
    assert brushes.get("name") == region["from_name"] and image.get("name") == region["to_name"]
    assert brushes.get("toName") == image.get("name") and image.get("value") == "$image"
    assert [label.get("value") for label in brushes] == CLASSES[1:]
    assert [label.get("background") for label in brushes] == ["#800000", "#008000", "#808000"]


@pytest.mark.parametrize("length", [1, 2, 64, 65, 16384, 16385, 40000])
def test_runs_of_every_length_come_back(length):
    covered = np.zeros((1, length + 3), bool)
    covered[0, 2 : 2 + length] = True
    np.testing.assert_array_equal(decoded(labelstudio.run_lengths(covered), *covered.shape) > 0, covered)
