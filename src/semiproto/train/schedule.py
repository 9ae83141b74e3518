"""The learning rate (method section 8)."""

from __future__ import annotations

from semiproto.params import OptimizerParams


def lr_factor(step: int, steps: int, params: OptimizerParams) -> float:
    """Linear warm-up times poly decay: (1 - step / steps) ** power, per step, step counted from 0."""
    warmup = min(1.0, (step + 1) / params.warmup_steps) if params.warmup_steps else 1.0
    return float(warmup * (1 - step / steps) ** params.power)
