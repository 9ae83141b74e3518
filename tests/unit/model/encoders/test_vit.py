"""timm's vision transformers: their taps, any image size, and files of weights."""

import pytest
import timm
import torch
from torch.nn import functional as F

from semiproto.errors import UserError
from semiproto.model import encoders
from semiproto.model.encoders.vit import build, knows, taps_of
from semiproto.params import EncoderParams

TINY = "test_vit"  # 6 blocks, a class token; patches of 16
NAMES = [
    TINY,
    "test_vit2",  # a register, no class token; its last norm comes after the mean of the tokens
    "test_vit3",  # attention pooling
    "test_vit4",  # rms norm
    "vit_tiny_patch16_dinov3_qkvb",  # of another class of timm's: rotary positions, registers
    "vit_tiny_patch16_siglip" if "vit_tiny_patch16_siglip" in timm.list_models() else "deit_tiny_distilled_patch16_224",
]


def params(name=TINY, **changes):
    fields = {"name": name, "weights": None, "output_stride": 8, "multi_grid": None}
    return EncoderParams(**fields | changes)


def noise(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("depth", "taps"),
    [
        (12, (2, 5, 8, 11)),
        (24, (4, 11, 17, 23)),
        (40, (9, 19, 29, 39)),
        (4, (0, 1, 2, 3)),
        (6, (0, 2, 3, 5)),
        (27, (5, 12, 19, 26)),
    ],
)
def test_the_taps_by_depth(depth, taps):
    assert taps_of(depth) == taps


def test_a_network_with_fewer_blocks_than_taps(one_line):
    with pytest.raises(UserError) as error:
        taps_of(3)
    one_line(error, "model.encoder.name", 3)


@pytest.mark.parametrize(("name", "mine"), [("vit_base_patch14_dinov2.lvd142m", True), ("resnet18", False)])
def test_which_names_are_of_this_family(name, mine):
    assert knows(name) is mine


@pytest.mark.parametrize("name", NAMES)
def test_the_maps_are_timms_intermediates_through_the_last_norm(name):
    torch.manual_seed(0)
    encoder = build(params(name), download=False).eval()
    for weight in encoder.parameters():  # norms that do something
        torch.nn.init.normal_(weight, std=0.2)
    whole = timm.create_model(name, num_classes=0, dynamic_img_size=True).eval()
    missing, unexpected = whole.load_state_dict(encoder.net.state_dict(), strict=False)
    assert not unexpected and all(name.startswith("attn_pool") for name in missing)
    images, patch = noise(2, 3, 48, 80), encoder.body.patch
    with torch.no_grad():
        found = encoder(images)
        expected = whole.forward_intermediates(
            images, indices=list(taps_of(len(whole.blocks))), norm=True, intermediates_only=True
        )
        if isinstance(whole.norm, torch.nn.Identity):
            expected = [whole.fc_norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) for x in expected]
    assert [tuple(x.shape) for x in found] == [(2, encoder.channels[0], 48 // patch, 80 // patch)] * 4
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)
    normed = whole.fc_norm if isinstance(whole.norm, torch.nn.Identity) else whole.norm
    assert not isinstance(normed, torch.nn.Identity)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_gets_a_gradient(name):
    """One that does not would stop several processes, which wait for all of them."""
    encoder = build(params(name), download=False)
    sum(x.square().sum() for x in encoder(noise(1, 3, 32, 32))).backward()
    assert not [name for name, weight in encoder.named_parameters() if weight.grad is None]


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((200, 333), (208, 336)),
        ((16, 16), (16, 16)),
        ((5, 7), (16, 16)),
        ((24, 23), (32, 16)),
        ((161, 175), (160, 176)),
    ],
)
def test_sides_that_are_no_multiple_of_the_patch_are_resized_to_the_nearest(size, nearest):
    encoder, images = build(params(), download=False).eval(), noise(1, 3, *size)
    with torch.no_grad():
        found = encoder(images)
        expected = encoder(F.interpolate(images, size=nearest, mode="bilinear", align_corners=True))
    torch.testing.assert_close(found, expected)
    assert found[0].shape[-2:] == (nearest[0] // 16, nearest[1] // 16)


@pytest.mark.parametrize("name", [TINY, "vit_tiny_patch16_dinov3_qkvb"])
def test_another_size_of_patch(name):
    encoder = build(params(name, patch_size=4), download=False).eval()
    with torch.no_grad():
        assert encoder(noise(1, 3, 64, 64))[0].shape[-2:] == (16, 16)


def test_it_has_no_multi_grid(one_line):
    with pytest.raises(UserError) as error:
        build(params(multi_grid=[4, 8]), download=False)
    one_line(error, "model.encoder.multi_grid", [4, 8], "null")


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_the_stride_is_the_patch(stride):
    assert build(params(output_stride=stride), download=False).body.patch == 16


def test_weights_of_a_file_with_another_grid_and_patch_are_brought_to_the_nets(tmp_path, capsys):
    """As DINOv2's files are: a mask token, which nothing reads here, and positions of the size it was trained at."""
    published = timm.create_model(TINY, num_classes=10, img_size=96, patch_size=8)
    for weight in published.parameters():
        torch.nn.init.constant_(weight, 0.25)
    path = tmp_path / "weights.pth"
    torch.save(published.state_dict() | {"mask_token": torch.zeros(1, 64)}, path)
    net = encoders.build(params(weights=str(path)), pretrained=True).net
    assert net.pos_embed.shape == (1, 101, 64)
    torch.testing.assert_close(net.pos_embed, torch.full_like(net.pos_embed, 0.25))
    assert bool((net.blocks[5].mlp.fc1.weight == 0.25).all()) and net.patch_embed.proj.weight.shape[-1] == 16
    own = len(net.state_dict())
    assert f"{own} of the encoder's {own} tensors loaded" in capsys.readouterr().out


def test_a_file_of_another_network_is_refused(tmp_path, one_line):
    path = tmp_path / "resnet.pth"
    torch.save(timm.create_model("test_resnet").state_dict(), path)
    with pytest.raises(UserError) as error:
        encoders.build(params(weights=str(path)), pretrained=True)
    one_line(error, path, "model.encoder.name")


@pytest.mark.parametrize("bands", [1, 4, 6])
def test_weights_of_three_bands_are_widened_for_any_number(tmp_path, bands, capsys):
    """As timm does; also where the patches get another size on the way."""
    three = build(params(), download=False)
    torch.save(three.net.state_dict(), tmp_path / "vit.pth")
    for size in (None, 8):
        wanted = params(weights=str(tmp_path / "vit.pth"), patch_size=size)
        wide = encoders.build(wanted, pretrained=True, bands=bands).eval()
        assert "left random" not in capsys.readouterr().out
        assert wide.net.patch_embed.proj.weight.shape[1] == bands
        assert wide(noise(1, bands, 48, 48))[-1].shape[1] == wide.channels[-1]
