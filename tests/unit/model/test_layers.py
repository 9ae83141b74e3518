"""Layers of decoders and heads."""

import numpy as np
import pytest
import reference
import torch

from semiproto.model.layers import conv_bn_relu, resize


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (3, 12)])
def test_a_convolution_keeps_the_size_of_the_map(kernel, dilation):
    layers = conv_bn_relu(2, 5, kernel, dilation)
    assert layers(torch.rand(2, 2, 9, 14)).shape == (2, 5, 9, 14)
    assert layers[0].bias is None and layers[0].dilation == (dilation, dilation)


@pytest.mark.parametrize(("shape", "size"), [((1, 2, 3, 4), (7, 9)), ((2, 1, 5, 5), (5, 5)), ((1, 3, 1, 2), (4, 3))])
def test_resize_is_bilinear_with_aligned_corners(shape, size):
    x = torch.rand(shape, dtype=torch.float64)
    for image, expected in zip(resize(x, size), x, strict=True):
        np.testing.assert_allclose(image.numpy(), reference.upsampled(expected.numpy(), *size), rtol=1e-12)
