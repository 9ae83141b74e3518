"""What prototypes stand for, against a search of every pixel of z by plain loops."""

import numpy as np
import pytest
import torch
from PIL import Image

from semiproto.data.dataset import Images
from semiproto.measure.patches import crop, look

CPU = torch.device("cpu")
SIZE = 16


def test_pixels_places_and_precision_are_those_of_a_plain_search(make_net, bank, digits_root, ids):
    net, images = make_net().eval(), Images(digits_root, ids["train"][:3])
    found = look(net, bank, images, "labeled", CPU)
    prototypes = bank.prototypes.flatten(0, 1).numpy()
    prototypes = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
    pixels, right, best = np.zeros(14, int), np.zeros(14, int), {}
    for position in range(3):
        image, mask = images[position]
        with torch.no_grad():
            z = net(image[None]).representation[0].numpy()
        for i in range(z.shape[1]):
            for j in range(z.shape[2]):
                cosines = prototypes @ (z[:, i, j] / np.linalg.norm(z[:, i, j]))
                winner = int(cosines.argmax())
                row, column = (round(k * 63 / (n - 1)) for k, n in ((i, z.shape[1]), (j, z.shape[2])))
                pixels[winner] += 1
                right[winner] += int(mask[row, column]) == winner // 2
                best[winner, position] = max(best.get((winner, position), (-2,)), (float(cosines[winner]), row, column))
    assert found.pixels.tolist() == found.known.tolist() == pixels.tolist()
    assert found.right.tolist() == right.tolist()
    places = {(p, place.position): place for p, own in enumerate(found.places) for place in own}
    assert places.keys() == best.keys()
    for key, place in places.items():
        assert place.similarity == pytest.approx(best[key][0], abs=1e-5)
        assert (place.row, place.column) == best[key][1:]


@pytest.mark.parametrize(("row", "column", "corner"), [(0, 0, (0, 0)), (15, 20, (7, 12)), (29, 39, (14, 24))])
def test_crops_lie_inside_the_image(row, column, corner):
    image = np.arange(30 * 40 * 3).reshape(30, 40, 3)
    np.testing.assert_array_equal(crop(image, row, column, 16), image[corner[0] :, corner[1] :][:16, :16])


def test_a_small_image_is_its_own_patch():
    image = np.asarray(Image.new("RGB", (10, 40), "teal"))
    assert crop(image, 5, 5, 16).shape == (16, 10, 3)
