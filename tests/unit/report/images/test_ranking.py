"""Which runs are shown against each other, and how images are ranked."""

import pytest

from semiproto.report.evaluations import read_evaluations
from semiproto.report.images.ranking import compared, first_seeds, image_errors, image_scores, ranked

HEADER = "image,class,pixels,intersection,union,boundary_intersection,boundary_union\n"


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        (["prototype", "consistency", "supervised"], ["supervised", "prototype"]),
        (["supervised", "consistency", "unimatch", "supervised-equal-compute"], ["supervised", "consistency"]),
        (["supervised", "unimatch", "unimatch-prototype"], ["supervised", "unimatch-prototype"]),
        (["supervised", "supervised-equal-compute"], ["supervised", "supervised-equal-compute"]),
        (["supervised"], ["supervised"]),
        (["prototype"], ["prototype"]),
    ],
)
def test_labelled_images_alone_are_compared_with_the_full_method(results, variants, expected):
    runs = read_evaluations(results.grid({variant: [50.0, 51.0] for variant in variants}))
    firsts = first_seeds(runs)
    assert sorted(run.variant for run in firsts) == sorted(variants) and {run.seed for run in firsts} == {0}
    found = compared(runs)
    assert [run.variant for run in found] == expected and {run.seed for run in found} == {0}


def test_images_are_ranked_by_the_gain_in_their_own_classes(results):
    folders = [results.run(variant, 0, 50.0) for variant in ("supervised", "prototype")]
    for folder, right in zip(folders, ({"x": 10, "y": 60}, {"x": 50, "y": 40}), strict=True):
        rows = [f"{image},cat,100,{count},100,0,0\n{image},dog,0,0,50,0,0\n" for image, count in right.items()]
        (folder / "images.csv").write_text(HEADER + "".join(rows))
    supervised, prototype = runs = read_evaluations(folders)
    scores, rule = ranked(runs)
    assert scores.to_dict() == {"x": 40, "y": -20} and list(scores.index) == ["x", "y"]
    assert rule == "by the gain of prototype over supervised in the mIoU of the image's own classes, points"
    scores, rule = ranked([supervised])
    assert list(scores.index) == ["y", "x"] and rule.startswith(
        "by the mIoU of the image's own classes with supervised"
    )
    assert image_scores(prototype).to_dict() == {"x": 50, "y": 40}
    assert image_errors(prototype).to_dict() == {"x": 50, "y": 60}
