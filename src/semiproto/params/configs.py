"""What each step may read of the parameters: its config, handed over as JSON.

A rule depends on the text of its config, so a changed parameter reruns exactly the steps whose configs hold it.
"""

from __future__ import annotations

import json

from semiproto.params.analysis import (
    EvaluateParams,
    FeaturesParams,
    ForecastParams,
    MeasuredImages,
    PatchesParams,
    PredictParams,
    PrototypesParams,
    SuggestParams,
    TsneParams,
)
from semiproto.params.data import Source, SplitsParams
from semiproto.params.experiment import Method, Params
from semiproto.params.model import ModelParams
from semiproto.params.section import Section
from semiproto.params.training import AugmentParams, OptimizerParams, PretrainParams, SemiParams


class DataConfig(Section):
    dataset: Source


class SplitConfig(Section):
    splits: SplitsParams


class PretrainConfig(Section):
    model: ModelParams
    augment: AugmentParams
    optimizer: OptimizerParams
    pretrain: PretrainParams


class FeaturesConfig(Section):
    features: FeaturesParams


class PrototypesConfig(Section):
    prototypes: PrototypesParams


class FoldsConfig(Section):
    splits: SplitsParams
    forecast: ForecastParams


class ForecastConfig(Section):
    images: MeasuredImages
    tau: float


class TrainConfig(Section):
    model: ModelParams
    augment: AugmentParams
    optimizer: OptimizerParams
    semi: SemiParams
    method: Method


class EvaluateConfig(Section):
    evaluate: EvaluateParams


class TsneConfig(Section):
    tsne: TsneParams


class PatchesConfig(Section):
    patches: PatchesParams


class PredictConfig(Section):
    predict: PredictParams


class SuggestConfig(Section):
    suggest: SuggestParams


def train_config(params: Params, variant: str) -> TrainConfig:
    """The config of `semiproto train` for one variant."""
    sections = {name: getattr(params, name) for name in ("model", "augment", "optimizer")}
    return TrainConfig(**sections, semi=params.semi_of(variant), method=params.variants[variant].method)


def forecast_config(params: Params) -> ForecastConfig:
    """The config of `semiproto forecast`: which images are measured, and the threshold in use."""
    return ForecastConfig(images=params.forecast.images, tau=params.semi.tau)


def step_config(params: Params, config: type[Section]) -> Section:
    """The sections of `params` that a step's config class names, and no others."""
    return config(**{name: getattr(params, name) for name in config.model_fields})


def canonical(config: Section) -> str:
    """JSON text that is the same for equal configs, so that only a changed value changes a rule's params."""
    return json.dumps(config.tree(), sort_keys=True)
