"""A confidence threshold of each class, which follows the network that labels (semi.adaptive_tau).

FreeMatch and not FlexMatch: its state is one number for each class and one for all, where FlexMatch keeps the last
label of every unlabelled sample, and a pixel of random crops is no sample that comes again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semiproto.params import SemiParams
from semiproto.process import distributed


class AdaptiveThreshold(nn.Module):
    """FreeMatch's self-adaptive thresholds (Wang et al., ICLR 2023), kept between `lowest` and tau.

    With probabilities q of the pixels of a step: global <- m global + (1 - m) mean of max q, share(c) <- m share(c) +
    (1 - m) mean of q(c), both from 1 / C on; the threshold of class c is global * share(c) / largest share.
    """

    level: Tensor
    share: Tensor

    def __init__(self, params: SemiParams, classes: int) -> None:
        super().__init__()
        assert params.adaptive_tau is not None
        self.momentum, self.lowest, self.highest = params.adaptive_tau.momentum, params.adaptive_tau.lowest, params.tau
        self.at_least = params.confident == "at_least"
        self.register_buffer("level", torch.full((), 1 / classes))
        self.register_buffer("share", torch.full((classes,), 1 / classes))

    @torch.no_grad()
    def update(self, powers: Tensor, confidence: Tensor) -> None:
        """powers [B, C, H, W], confidence [B, H, W], 0 outside the image; their product is the softmax.

        Means are over the pixels inside the images of all processes.
        """
        of_class = (powers * confidence.unsqueeze(1)).sum(dim=(0, 2, 3))
        sums = torch.cat([of_class, torch.stack([confidence.sum(), (confidence > 0).sum().to(of_class.dtype)])])
        *_, pixels = sums = distributed.total(sums)
        means, follow = sums / pixels.clamp(min=1), (1 - self.momentum) * (pixels > 0)
        self.share.lerp_(means[:-2], follow)
        self.level.lerp_(means[-2], follow)

    def of_classes(self) -> Tensor:
        """The threshold of each class, [C]."""
        return (self.level * self.share / self.share.max()).clamp(self.lowest, self.highest)

    def limits(self, labels: Tensor) -> Tensor:
        """What the confidence of each pixel must exceed, by its label; as losses.threshold has it for tau."""
        limits = self.of_classes()
        if self.at_least:
            limits = limits.nextafter(torch.full_like(limits, -1)).clamp(min=0)
        return limits[labels]
