"""A row of patches for each prototype, with its shares."""

import numpy as np

from semiproto.report.figures import patches


def test_patches_have_a_row_for_each_prototype(results_of, results, texts_of):
    figure = patches.draw(results_of({"prototype": [60.0]}, patches=results.patches(size=4)))
    assert len(figure.axes) == 3 * 3  # words, labelled and unlabelled for each class
    assert [axes.get_title() for axes in figure.axes[1:3]] == ["labelled images", "unlabelled images"]
    strips = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    assert {strip.shape for strip in strips} == {(8, 12, 3)}
    assert [strip[0, 0].tolist() for strip in strips[:2]] == [[255, 0, 0], [0, 0, 255]]
    assert texts_of(figure)[:3] == [
        "background",
        "labelled: 75 %, right: 50 %\nunlabelled: no pixel",
        "labelled: 25 %, right: no pixel\nunlabelled: no pixel",
    ]


def test_patches_that_were_not_looked_for_are_said(results_of, texts_of):
    assert texts_of(patches.draw(results_of({"supervised": [60.0]}))) == ["No variant with prototypes was run."]


def test_of_many_prototypes_those_with_the_most_pixels_are_shown(results_of, results, texts_of, monkeypatch):
    monkeypatch.setattr(patches, "MOST", len(results.classes))
    figure = patches.draw(results_of({"prototype": [60.0]}, patches=results.patches(size=4)))
    strips = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    assert {strip.shape for strip in strips} == {(4, 12, 3)}
    assert texts_of(figure)[:2] == ["background", "labelled: 75 %, right: 50 %\nunlabelled: no pixel"]
    assert figure.axes[0].get_title(loc="right").endswith("1 of 2 prototypes")
