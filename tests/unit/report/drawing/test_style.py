"""Variants and classes can be told apart, with and without colour."""

from semiproto.report.drawing import style


def test_a_variant_has_the_colour_of_its_base_unless_that_is_taken():
    colours = style.variant_colours(["supervised-long", "prototype-long", "supervised-equal-compute", "other"])
    assert colours["prototype-long"] == colours["prototype"] and colours["supervised-long"] == colours["supervised"]
    colours = style.variant_colours(["prototype", "prototype-long", "consistency-a", "consistency-b", "other"])
    drawn = [colours[v] for v in ("prototype", "prototype-long", "consistency-a", "consistency-b", "other")]
    assert len(set(drawn)) == 5 and set(drawn[1:4]) == set(style.OTHER_COLOURS)


def test_many_variants_are_told_apart():
    variants = [*style.VARIANT_COLOURS, *(f"prototype-tau-0.{number}" for number in range(15)), "firm", "soft"]
    colours = style.variant_colours(variants)
    assert len({colours[variant] for variant in variants}) == len(variants)


def test_classes_are_told_apart_without_colour():
    """No two of VOC's 21 classes share a colour, and neighbours of one hue have another marker."""
    colours = [style.class_colour(index) for index in range(22)]
    assert len(set(colours)) == 22
    looks = {(style.class_colour(index), style.class_marker(index)) for index in range(200)}
    assert len(looks) == 200
