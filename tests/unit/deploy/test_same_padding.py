"""One operator against timm's layer, in torch and in onnxruntime, and the files of networks that have such layers."""

import copy
import io

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from semiproto.deploy import same_padding
from semiproto.deploy.export import session

pytest.importorskip("onnxruntime", reason="needs the extra export")
pytest.importorskip("onnxscript", reason="needs the extra export")

LAYERS = {
    "plain": {"kernel_size": 3, "stride": 2},
    "each plane for itself, without bias": {"kernel_size": 5, "stride": 2, "groups": 4, "bias": False},
    "wider than high": {"kernel_size": (3, 6), "stride": (3, 2)},
    "dilated": {"kernel_size": 3, "stride": 2, "dilation": 2},
}


@pytest.fixture(scope="module")
def network():
    """Scores of the four layers side by side, each after another that makes its size a formula."""
    torch.manual_seed(0)
    rows = [nn.Sequential(Conv2dSame(4, 4, 3, stride=2), Conv2dSame(4, 4, **options)) for options in LAYERS.values()]
    return nn.ModuleList(rows).eval()


class Side(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def forward(self, images):
        return tuple(row(images) for row in self.rows)


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(16, 16), (15, 33), (1, 1), (2, 7), (40, 25)])
def test_the_copy_gives_what_timm_gives(network, height, width):
    images = torch.randn(2, 4, height, width)
    before = copy.deepcopy(network)
    for mine, theirs in zip(Side(same_padding.in_one_operator(network))(images), Side(network)(images), strict=True):
        assert torch.equal(mine, theirs)
    assert repr(network) == repr(before)


def test_layers_without_a_dilation_are_one_operator(network):
    copied = same_padding.in_one_operator(network)
    kinds = [type(row[1]) for row in copied]
    assert kinds == [same_padding.Convolution] * 3 + [Conv2dSame]


@torch.no_grad()
def test_a_file_gives_it_at_any_size(network):
    program = torch.onnx.export(
        same_padding.in_one_operator(Side(network).eval()),
        (torch.randn(2, 4, 31, 37),),
        input_names=["images"],
        dynamic_shapes={"images": {0: "batch", 2: "height", 3: "width"}},
        custom_translation_table=same_padding.translations(),
        dynamo=True,
        verbose=False,
    )
    kept = io.BytesIO()
    program.save(kept)
    runtime = session(kept.getvalue())
    for batch, height, width in ((1, 16, 16), (3, 15, 33), (1, 2, 7), (2, 40, 25)):
        images = torch.randn(batch, 4, height, width)
        for theirs, mine in zip(runtime.run(None, {"images": images.numpy()}), Side(network)(images), strict=True):
            torch.testing.assert_close(torch.from_numpy(theirs), mine, rtol=1e-5, atol=1e-5)
