"""Small pictures as data URIs: they decode to what went in."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from semiproto.report.drawing.style import ERRORS, VOID, class_colour
from semiproto.report.images.encoding import errors_uri, figure_uri, mask_uri, picture_uri


def decoded(source, kind):
    head, data = source.split(",", 1)
    assert head == f"data:image/{kind};base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_mask_has_the_classes_colours_and_no_others():
    mask = np.array([[0, 199, 30], [255, 2, 2]], np.uint8)
    image = decoded(mask_uri(mask, 200), "png")
    assert len(image.getpalette()) <= 3 * 8  # five colours: three bits, of which PNG makes four
    expected = [[class_colour(0), class_colour(199), class_colour(30)], [VOID, class_colour(2), class_colour(2)]]
    np.testing.assert_allclose(np.asarray(image.convert("RGB")) / 255, expected, atol=0.5 / 255)


@pytest.mark.parametrize("errors", [[[0, 1, 2]], [[1, 2, 2]], [[0, 0, 0]]])
def test_what_is_right_is_transparent(errors):
    found = np.asarray(decoded(errors_uri(np.array(errors, np.uint8)), "png").convert("RGBA"))
    np.testing.assert_array_equal(found[..., 3] > 0, np.array(errors) > 0)
    wrong = np.array(errors) == 1
    np.testing.assert_allclose(found[wrong][:, :3] / 255, np.broadcast_to(ERRORS[1], (wrong.sum(), 3)), atol=0.5 / 255)


def test_pictures_are_photographs_and_figures_are_exact(tmp_path):
    picture = np.full((9, 7, 3), (200, 40, 90), np.uint8)
    found = np.asarray(decoded(picture_uri(picture), "webp").convert("RGB"))
    assert found.shape == picture.shape and np.abs(found.astype(int) - picture).max() < 12
    Image.fromarray(picture).save(tmp_path / "gain.png")
    source, width, height = figure_uri(tmp_path / "gain.png")
    np.testing.assert_array_equal(np.asarray(decoded(source, "png")), picture)
    assert (width, height) == (7, 9)
