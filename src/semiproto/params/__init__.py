"""The parameters: params.yaml as typed, bounded models, and the part of them that each step may read.

There are no defaults, but for switches, which are off: an experiment's file is complete, so what ran can be read in one
place. The files in experiments/ hold the paper's values and those of the embedded set. The descriptions name the source
of a value: the paper (Xu et al., NeurIPS 2022), its released configurations ("config"), the code base they build on
("base", U2PL), UniMatch (Yang et al., CVPR 2023, "V1") and UniMatch V2 ("V2"), or "chosen" where none of these gives
one.
"""

from semiproto.params.analysis import (
    EvaluateParams,
    FeaturesParams,
    ForecastParams,
    MeasuredImages,
    PatchesParams,
    PrototypesParams,
    TsneParams,
    WindowParams,
)
from semiproto.params.compute import ComputeParams
from semiproto.params.configs import (
    DataConfig,
    EvaluateConfig,
    FeaturesConfig,
    FoldsConfig,
    ForecastConfig,
    PatchesConfig,
    PretrainConfig,
    PrototypesConfig,
    SplitConfig,
    TrainConfig,
    TsneConfig,
    canonical,
    forecast_config,
    step_config,
    train_config,
)
from semiproto.params.data import MOST_CLASSES, DigitsSource, FolderSource, PublishedSource, Source, SplitsParams
from semiproto.params.experiment import ExperimentParams, Method, Params, RunKey, VariantParams
from semiproto.params.explanation import explain
from semiproto.params.loading import load, parse, validate
from semiproto.params.model import DecoderParams, EncoderParams, ModelParams, NormalisationParams
from semiproto.params.section import RGB, Name, Section, Seed, first_problem
from semiproto.params.training import (
    AugmentParams,
    BlurParams,
    CutMixParams,
    JitterParams,
    LabeledLossParams,
    LossWeightsParams,
    OptimizerParams,
    PerturbationParams,
    PretrainParams,
    PrototypeHeadParams,
    ScheduleParams,
    SemiParams,
    StrongViewParams,
    TeacherParams,
)

__all__ = [
    "MOST_CLASSES",
    "RGB",
    "AugmentParams",
    "BlurParams",
    "ComputeParams",
    "CutMixParams",
    "DataConfig",
    "DecoderParams",
    "DigitsSource",
    "EncoderParams",
    "EvaluateConfig",
    "EvaluateParams",
    "ExperimentParams",
    "FeaturesConfig",
    "FeaturesParams",
    "FolderSource",
    "FoldsConfig",
    "ForecastConfig",
    "ForecastParams",
    "JitterParams",
    "LabeledLossParams",
    "LossWeightsParams",
    "MeasuredImages",
    "Method",
    "ModelParams",
    "Name",
    "NormalisationParams",
    "OptimizerParams",
    "Params",
    "PatchesConfig",
    "PatchesParams",
    "PerturbationParams",
    "PretrainConfig",
    "PretrainParams",
    "PrototypeHeadParams",
    "PrototypesConfig",
    "PrototypesParams",
    "PublishedSource",
    "RunKey",
    "ScheduleParams",
    "Section",
    "Seed",
    "SemiParams",
    "Source",
    "SplitConfig",
    "SplitsParams",
    "StrongViewParams",
    "TeacherParams",
    "TrainConfig",
    "TsneConfig",
    "TsneParams",
    "VariantParams",
    "WindowParams",
    "canonical",
    "explain",
    "first_problem",
    "forecast_config",
    "load",
    "parse",
    "step_config",
    "train_config",
    "validate",
]
