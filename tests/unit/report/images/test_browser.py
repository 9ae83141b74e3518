"""The images of the report: which they are, what the page gets of each, and how they fit."""

import json

import numpy as np
import pytest
from PIL import Image

from semiproto.data.layout import write_mask
from semiproto.report.evaluations import read_evaluations
from semiproto.report.images import browser as browsers
from semiproto.report.images.browser import evenly, images_by_group

HEADER = "image,class,pixels,intersection,union,boundary_intersection,boundary_union\n"


@pytest.fixture
def images_of(results):
    """Runs and as many images, with gains that fall from the first image to the last."""

    def make(variants, count):
        folders, data = results.grid({variant: [50.0] for variant in variants}), results.data()
        ids = [f"i{number:02}" for number in range(count)]
        for better, folder in enumerate(folders):
            counts = [f"{one},cat,100,{10 + better * (count - n)},100,0,0\n" for n, one in enumerate(ids)]
            (folder / "images.csv").write_text(HEADER + "".join(counts))
        random = np.random.default_rng(0)
        for one in ids:
            noise = random.integers(0, 256, (48, 64, 3), np.uint8)
            Image.fromarray(noise).save(data / f"JPEGImages/{one}.png")
            write_mask(data / f"SegmentationClass/{one}.png", noise[..., 0] // 100)
            for folder in folders:
                write_mask(folder / f"predictions/{one}.png", noise[..., 1] // 200)
        ((_, found),) = images_by_group(read_evaluations(folders), data).items()
        return found

    return make


def test_median_best_and_worst_stand_beside_the_verdict(images_of):
    found = images_of(["supervised", "consistency", "prototype"], 5)
    assert [(one.kind, one.image) for one in found.highlights] == [("median", "i02"), ("best", "i00"), ("worst", "i04")]
    assert found.names == ["supervised", "prototype"] and found.highlights[1].score == "+10.0 points"
    assert all(len(one.pictures) == 4 and one.pictures[1].startswith("data:image/png") for one in found.highlights)


@pytest.mark.parametrize(("count", "kinds"), [(0, []), (1, ["worst"]), (2, ["worst", "best"]), (3, None)])
def test_of_few_images_each_stands_there_once(images_of, count, kinds):
    found = images_of(["prototype"], count)
    shown = [one.image for one in found.highlights]
    assert len(set(shown)) == len(shown) == count
    assert (found.browser(10**6) is None) == (count == 0)


def test_the_browser_has_every_layer_of_every_image(images_of):
    found = images_of(["supervised", "prototype"], 3).browser(10**6)
    data = json.loads(found.data)
    assert found.rule.startswith("All 3 scored validation images, ranked by the gain of prototype over supervised")
    assert data["variants"] == ["supervised", "prototype"] and len(data["colours"]) == len(data["classes"])
    assert [one["id"] for one in data["images"]] == ["i00", "i01", "i02"]
    for image in data["images"]:
        assert (image["width"], image["height"]) == (64, 48)
        assert len(image["layers"]) == 3 and len(image["errors"]) == len(image["scores"]) == 2
        assert image["layers"][0]["shows"] == [0, 1, 2]
    assert data["images"][0]["rank"] == 3.0 and data["images"][0]["wrong"] == 87.0


def test_images_get_smaller_then_fewer_until_they_fit_and_that_is_said(images_of, monkeypatch):
    monkeypatch.setattr(browsers, "SIZES", ((64, 6), (16, 6), (16, 2)))
    found = images_of(["prototype"], 9)
    large = found.browser(10**6)
    assert large.rule.startswith("6 of 9 scored validation images, chosen evenly over the ranking, ranked by the mIoU")
    small = found.browser(len(large.data) - 1)
    assert small.rule.endswith("So that the page stays small, they have at most 16 pixels a side.")
    few = found.browser(len(small.data) - 1)
    assert [one["id"] for one in json.loads(few.data)["images"]] == ["i00", "i08"]
    assert few.rule.endswith("at most 16 pixels a side, and there are fewer than 6.")
    assert found.browser(len(few.data)).data == few.data and found.browser(len(few.data) - 1) is None


def test_a_class_cannot_end_the_script_that_holds_it(results, images_of):
    results.classes = ["</script><b>", "cat", "&"]
    data = images_of(["prototype"], 1).browser(10**6).data
    assert "<" not in data and json.loads(data)["classes"] == results.classes


def test_places_are_even_and_hold_both_ends():
    assert evenly(0, 3) == [] and evenly(1, 3) == [0] and evenly(3, 3) == [0, 1, 2]
    assert evenly(101, 3) == [0, 50, 100]
    assert all(len(evenly(count, 60)) == 60 for count in range(60, 300))
