"""The decoder of DeepLabV3+."""

import pytest
import torch

from semiproto.model.decoders.deeplab import ASPP, DeepLabDecoder
from semiproto.params import DecoderParams


@pytest.mark.parametrize("middle", [[], [24, 40]])
def test_it_reads_the_first_and_the_last_map(middle):
    """Whatever lies between them: encoders have different numbers of maps."""
    decoder = DeepLabDecoder([16, *middle, 64], DecoderParams(planes=4, rates=[1, 2], dropout=0.0)).eval()
    between = [torch.full((2, channels, 5, 6), torch.nan) for channels in middle]
    z = decoder([torch.rand(2, 16, 9, 11), *between, torch.rand(2, 64, 5, 6)])
    assert z.shape == (2, decoder.channels, 9, 11) and decoder.channels == 8
    assert z.min() >= 0


def test_the_low_level_half_comes_first(make_net):
    net = make_net().eval()
    images = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    before = net(images).representation
    net.decoder.aspp.project[0][1].bias.data.add_(5)
    after = net(images).representation
    assert torch.equal(after[:, :4], before[:, :4])
    assert (after[:, 4:] != before[:, 4:]).all()


def test_aspp_has_a_branch_for_the_image_for_1x1_and_for_each_rate():
    aspp = ASPP(6, 4, [2, 3, 5], 0.0).eval()
    assert [branch[0].dilation[0] for branch in aspp.branches] == [1, 2, 3, 5]
    assert aspp.project[0][0].in_channels == 5 * 4
    assert aspp(torch.rand(1, 6, 8, 8)).shape == (1, 4, 8, 8)
