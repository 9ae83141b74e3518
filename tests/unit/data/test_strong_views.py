"""Strong views of a pseudo-labelled batch."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter
from processes import in_two_processes

from semiproto.data.augment import cutmix, cutmix_boxes
from semiproto.data.strong_views import (
    PseudoLabeled,
    blurred,
    greyed,
    jittered,
    mixed,
    mixed_each,
    own_images,
    strong_views,
    unlabeled_batch,
)
from semiproto.params import BlurParams, CutMixParams, JitterParams, SemiParams

SIZE = 16


def batch(count=4):
    draw = torch.Generator().manual_seed(1)
    images = torch.randint(256, (count, 3, SIZE, SIZE), generator=draw).to(torch.uint8)
    labels = torch.randint(7, (count, SIZE, SIZE), generator=draw)
    return PseudoLabeled(images, labels, torch.rand(count, SIZE, SIZE, generator=draw))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_cutmix_mixes_images_labels_and_confidences_alike():
    draw = generator()
    torch.rand(1, generator=draw)  # whether to mix
    boxes = cutmix_boxes(4, SIZE, draw)
    for found, weak in zip(mixed(batch(), generator(), 1.0), batch(), strict=True):
        assert torch.equal(found, cutmix(weak, boxes)) and not torch.equal(found, weak)


def test_a_probability_of_0_leaves_the_batch_and_draws_once():
    draw, reference = generator(), generator()
    assert all(torch.equal(*pair) for pair in zip(mixed(batch(), draw, 0.0), batch(), strict=True))
    torch.rand(1, generator=reference)
    assert torch.equal(torch.rand(1, generator=draw), torch.rand(1, generator=reference))


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_parameters_choose_the_views(tiny, probability):
    (view,) = strong_views(tiny.semi.model_copy(update={"cutmix_probability": probability}))
    assert torch.equal(view(batch(), generator()).images, batch().images) == (probability == 0)


def test_two_processes_mix_as_one_does(tmp_path):
    """Each holds half of the batch; the last image of the first is mixed with the first of the second."""
    whole = mixed(batch(), generator(), 1.0)

    def half():
        mine = slice(2 * torch.distributed.get_rank(), 2 * torch.distributed.get_rank() + 2)
        return tuple(mixed(PseudoLabeled(*(x[mine] for x in batch())), generator(), 1.0))

    for expected, *halves in zip(whole, *in_two_processes(tmp_path, half), strict=True):
        assert torch.equal(torch.cat(halves), expected)


# ------------------------------------------------------------------------------------------------- colours

JITTER = JitterParams(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.25, probability=0.8)
BLUR = BlurParams(sigma=(0.1, 2.0), probability=0.5)
COLOURS = {
    "jitter": lambda batch, draw: jittered(batch, draw, JITTER),
    "grey": lambda batch, draw: greyed(batch, draw, 0.2),
    "blur": lambda batch, draw: blurred(batch, draw, BLUR),
}


def changed(view, images=400, seed=0):
    """The share of images that a view changes."""
    weak = batch(images)
    strong = view(weak, generator(seed))
    return (strong.images != weak.images).flatten(1).any(1).float().mean().item()


@pytest.mark.parametrize(("name", "share"), [("jitter", 0.8), ("grey", 0.2), ("blur", 0.5)])
def test_colours_change_some_images_and_nothing_else(name, share):
    weak = batch()
    strong = COLOURS[name](weak, generator())
    assert strong.images.dtype == torch.uint8 and strong.images.shape == weak.images.shape
    assert strong.labels is weak.labels and strong.confidence is weak.confidence
    # A blur of less than 0.25 pixels leaves the bytes as they are: 8 % of U(0.1, 2).
    assert changed(COLOURS[name]) == pytest.approx(share, abs=0.08)


@pytest.mark.parametrize("name", COLOURS)
def test_the_same_generator_gives_the_same_bytes(name):
    first, again, other = (COLOURS[name](batch(12), generator(seed)).images for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def photograph():
    """A smooth image, [1, 3, 64, 64]: on it the ways in which libraries blur and round hardly differ."""
    coarse = torch.rand(1, 3, 5, 5, generator=generator(3))
    return (255 * torch.nn.functional.interpolate(coarse, (64, 64), mode="bicubic").clamp(0, 1)).to(torch.uint8)


def as_pillow(images):
    return Image.fromarray(images[0].permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    ("amounts", "enhance"),
    [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color)],
)
def test_jitter_is_pillows_of_the_same_factor(amounts, enhance):
    nothing = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0)
    params = JitterParams(**nothing | {amounts: 0.5, "probability": 1})
    weak = PseudoLabeled(photograph(), torch.zeros(1, 64, 64), torch.zeros(1, 64, 64))
    for seed in range(5):
        numbers = torch.rand(1, 9, generator=generator(seed))[0].tolist()[1:]
        factor = 1 + 0.5 * (2 * numbers[list(nothing).index(amounts)] - 1)
        expected = np.asarray(enhance(as_pillow(weak.images)).enhance(factor)).astype(int)
        found = jittered(weak, generator(seed), params).images[0].permute(1, 2, 0).numpy().astype(int)
        assert 0.5 <= factor <= 1.5 and np.abs(found - expected).max() <= 2


def test_blur_is_that_of_its_width():
    weak = PseudoLabeled(photograph(), torch.zeros(1, 64, 64), torch.zeros(1, 64, 64))
    for sigma in (0.5, 1.0, 2.0):
        found = blurred(weak, generator(), BlurParams(sigma=(sigma, sigma), probability=1.0)).images
        expected = np.asarray(as_pillow(weak.images).filter(ImageFilter.GaussianBlur(sigma))).astype(int)
        inner = np.abs(found[0].permute(1, 2, 0).numpy() - expected)[8:-8, 8:-8]
        assert inner.max() <= 4 and not torch.equal(found, weak.images)


def test_grey_has_three_equal_channels():
    strong = greyed(batch(), generator(), 1.0).images
    assert torch.equal(strong[:, 0], strong[:, 1]) and torch.equal(strong[:, 0], strong[:, 2])


def test_the_order_of_the_jitters_is_each_images_own():
    """With full contrast first, brightness acts on other pixels than before it."""
    params = JitterParams(brightness=0.5, contrast=0.5, saturation=0, hue=0, probability=1)
    weak = PseudoLabeled(photograph().expand(40, -1, -1, -1), torch.zeros(40, 64, 64), torch.zeros(40, 64, 64))
    draws, strong = torch.rand(40, 9, generator=generator()), jittered(weak, generator(), params).images
    first = {True: 0, False: 0}
    for image, (_, light, sharp, _, _, *order) in zip(strong, draws.tolist(), strict=True):
        factors = [("Brightness", 0.5 + light), ("Contrast", 0.5 + sharp)]
        expected = as_pillow(photograph())
        for name, factor in factors if order[0] < order[1] else factors[::-1]:
            expected = getattr(ImageEnhance, name)(expected).enhance(factor)
        assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - np.asarray(expected)).max() <= 3
        first[order[0] < order[1]] += 1
    assert min(first.values()) > 10


# ----------------------------------------------------------------------------------- CutMix of each image


def cutmix_params(partner):
    return CutMixParams(area=(0.02, 0.4), aspect=(0.3, 3.3), partner=partner)


def partner_of(kind, image, count):
    return {"next": (image + 1) % count, "reversed": count - 1 - image}[kind]


@pytest.mark.parametrize("kind", ["next", "reversed"])
def test_each_image_has_a_box_of_its_own_from_its_partner(kind):
    weak, strong = batch(40), mixed_each(batch(40), generator(), cutmix_params(kind), 0.5)
    whole, boxes = 0, set()
    for n in range(40):
        other = partner_of(kind, n, 40)
        box = (strong.confidence[n] != weak.confidence[n]).nonzero()
        if not len(box):
            whole += 1
            assert torch.equal(strong.images[n], weak.images[n])
            continue
        boxes.add(tuple(box.flatten().tolist()))
        for x, y in zip(strong, weak, strict=True):
            expected = y[n].clone()
            for row, column in box.tolist():
                expected[..., row, column] = y[other][..., row, column]
            assert torch.equal(x[n], expected)
    assert 10 < whole < 30 and len(boxes) == 40 - whole


def test_another_batch_is_mixed_into_the_batch():
    """Of each pair of images the first is learned from, and the second is only mixed in."""
    weak, strong = batch(20), mixed_each(batch(20), generator(), cutmix_params("another"), 1.0)
    assert len(strong.images) == 10
    for n in range(10):
        own, other = (strong.confidence[n] == weak.confidence[2 * n + k] for k in (0, 1))
        assert torch.equal(own, ~other) and 0.01 < other.float().mean() < 0.45
        assert torch.equal(strong.images[n], torch.where(other, weak.images[2 * n + 1], weak.images[2 * n]))


@pytest.mark.parametrize(("partner", "images", "own"), [(None, 2, 4), ("reversed", 2, 4), ("another", 4, 2)])
def test_as_many_images_as_a_step_needs(tiny, partner, images, own):
    cutmix_of = None if partner is None else cutmix_params(partner)
    view = tiny.semi.strong_view.model_copy(update={"cutmix": cutmix_of})
    semi = tiny.semi.model_copy(update={"strong_view": view})
    assert unlabeled_batch(semi) == images and semi.batch == 2
    assert [len(x) for x in own_images(batch(), semi)] == [own] * 3


ALL = {
    "jitter": JITTER.model_dump(),
    "grey_probability": 0.2,
    "blur": BLUR.model_dump(),
}


@pytest.mark.parametrize("partner", ["next", "reversed", "another"])
def test_two_processes_make_the_views_that_one_makes(tmp_path, tiny, partner):
    section = {"strong_view": ALL | {"cutmix": cutmix_params(partner).model_dump()}}
    semi = SemiParams.model_validate(tiny.semi.model_dump() | section)

    def view(weak):
        draw = generator()
        for one in strong_views(semi):
            weak = one(weak, draw)
        return tuple(weak)

    def half():
        mine = slice(4 * torch.distributed.get_rank(), 4 * torch.distributed.get_rank() + 4)
        return view(PseudoLabeled(*(x[mine] for x in batch(8))))

    for expected, *halves in zip(view(batch(8)), *in_two_processes(tmp_path, half), strict=True):
        assert torch.equal(torch.cat(halves), expected)
