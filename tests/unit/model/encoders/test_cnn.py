"""timm's encoders: map sizes and dilations."""

import os
import subprocess
import sys

import pytest
import timm
import torch
from torch.nn import functional as F

from semiproto.errors import UserError
from semiproto.model.encoders.cnn import build
from semiproto.params import EncoderParams


def params(name, weights=None, output_stride=8, multi_grid=None, **others):
    return EncoderParams(name=name, weights=weights, output_stride=output_stride, multi_grid=multi_grid, **others)


@pytest.mark.parametrize(("stride", "middle", "high"), [(8, 13, 13), (16, 7, 7), (32, 7, 4)])
def test_timm_encoders_keep_their_output_stride(stride, middle, high):
    body = build(params("resnet18", output_stride=stride), download=False).eval()
    with torch.no_grad():
        maps = body(torch.rand(1, 3, 97, 97))
    shapes = [(1, 64, 25, 25), (1, 128, 13, 13), (1, 256, middle, middle), (1, 512, high, high)]
    assert [tuple(m.shape) for m in maps] == shapes
    assert body.channels == (64, 128, 256, 512)


def test_crop_513_gives_maps_of_129_and_65():
    body = build(params("resnet18"), download=False).eval()
    with torch.no_grad():
        low, *_, high = body(torch.rand(1, 3, 513, 33))
    assert (low.shape[2], high.shape[2]) == (129, 65)


def test_multi_grid_sets_the_dilations_of_layer4():
    body = build(params("resnet50", multi_grid=[4, 8, 16]), download=False).body
    convolutions = [block.conv2 for block in body.net.layer4]
    assert [c.dilation for c in convolutions] == [(4, 4), (8, 8), (16, 16)]
    assert [c.padding for c in convolutions] == [(4, 4), (8, 8), (16, 16)]
    assert all(c.kernel_size == (3, 3) and c.stride == (1, 1) for c in convolutions)
    assert {c.conv2.dilation for c in body.net.layer3[1:]} == {(2, 2)}


def test_multi_grid_leaves_the_map_sizes():
    body = build(params("resnet18", multi_grid=[4, 8]), download=False).eval()
    with torch.no_grad():
        assert body(torch.rand(1, 3, 65, 65))[-1].shape[-2:] == (9, 9)


@pytest.mark.parametrize(("name", "dilations"), [("resnet18", [4, 8, 16]), ("mobilenetv3_small_050", [4, 8])])
def test_multi_grid_that_does_not_fit(one_line, name, dilations):
    with pytest.raises(UserError) as error:
        build(params(name, multi_grid=dilations), download=False)
    one_line(error, "model.encoder.multi_grid", dilations)


@pytest.mark.parametrize(
    ("name", "stride", "readable", "nearest"),
    [
        ("resnet18", 8, (1, 1), {(5, 7): (5, 7), (129, 200): (129, 200)}),
        ("convnext_atto", 32, (1, 32), {(33, 20): (33, 32), (129, 200): (129, 200)}),
        (
            "dla46_c",
            32,
            (32, 32),
            {(129, 129): (128, 128), (200, 333): (192, 320), (5, 7): (32, 32), (64, 96): (64, 96)},
        ),
    ],
)
def test_images_that_a_network_does_not_read_are_resized_to_the_nearest_that_it_does(name, stride, readable, nearest):
    encoder = build(params(name, output_stride=stride), download=False)
    assert encoder.body.readable == readable and encoder.training
    encoder.eval()
    with torch.no_grad():
        for size, expected in nearest.items():
            images = torch.rand(1, 3, *size)
            resized = (
                images if size == expected else F.interpolate(images, expected, mode="bilinear", align_corners=True)
            )
            for mine, theirs in zip(encoder(images), encoder.body.net(resized)[encoder.body.finest :], strict=True):
                torch.testing.assert_close(mine, theirs)


def test_trying_sizes_leaves_statistics_and_draws_alone():
    torch.manual_seed(0)
    mine = build(params("resnet18"), download=False)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    theirs = timm.create_model("resnet18", features_only=True, output_stride=8)
    assert torch.equal(drawn, torch.rand(1))
    theirs = theirs.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in mine.net.state_dict().items())


def test_a_network_for_images_of_one_size_is_refused(one_line):
    with pytest.raises(UserError) as error:
        build(params("botnet26t_256", output_stride=32), download=False)
    one_line(error, "model.encoder.name", "botnet26t_256", "take another")


def test_an_unknown_encoder_is_named(one_line):
    with pytest.raises(UserError) as error:
        build(params("resnet1o1"), download=False)
    one_line(error, "model.encoder.name", "resnet1o1")


def test_it_has_no_patches(one_line):
    with pytest.raises(UserError) as error:
        build(params("resnet18", patch_size=8), download=False)
    one_line(error, "model.encoder.patch_size", 8, "resnet18")


@pytest.mark.parametrize("bands", [1, 4, 6])
def test_timm_widens_the_first_convolution(bands):
    body = build(params("resnet18"), download=False, bands=bands).eval()
    with torch.no_grad():
        assert body(torch.rand(1, bands, 33, 33))[0].shape[1] == 64
    assert body.net.conv1.weight.shape[1] == bands


def test_offline_weights_that_are_not_there_are_one_line_and_no_connection(tmp_path):
    code = (
        "from semiproto.errors import UserError\n"
        "from semiproto.model.encoders.cnn import build\n"
        "from semiproto.params import EncoderParams\n"
        "params = EncoderParams(name='resnet18.a1_in1k', weights='timm', output_stride=16, multi_grid=None)\n"
        "try: build(params, download=True)\n"
        "except UserError as error: print(error)\n"
    )
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert "compute.offline" in result.stdout and "name a file of weights, set it to null" in result.stdout
    assert result.stdout.count("\n") == 1 and "thrown while requesting" not in result.stderr
