"""Variants, the runs of an experiment, and the whole of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError, model_validator

from semiproto.params.analysis import (
    EvaluateParams,
    FeaturesParams,
    ForecastParams,
    PatchesParams,
    PredictParams,
    PrototypesParams,
    SuggestParams,
    TsneParams,
)
from semiproto.params.compute import ComputeParams
from semiproto.params.data import FolderSource, Source, SplitsParams
from semiproto.params.model import ModelParams
from semiproto.params.section import Name, Section, Seed, first_problem
from semiproto.params.training import AugmentParams, OptimizerParams, PretrainParams, SemiParams

Method = Literal["supervised", "consistency", "prototype"]


class VariantParams(Section):
    """A method, and what it changes in `semi`."""

    method: Method = Field(
        description="supervised: labelled loss only; consistency: teacher, CutMix, linear head; prototype: the paper"
    )
    semi: dict[str, Any] = Field(description="values of semi that this variant replaces; {}: none")


class ExperimentParams(Section):
    """One block of runs: every variant with every seed on one split."""

    split: Annotated[int, Field(ge=1)] | Literal["all"] = Field(description="number of labelled images, or all")
    variants: list[Name] = Field(min_length=1, description="names of entries of variants")
    seeds: list[Seed] = Field(min_length=1, description="one run of each variant per seed")


class RunKey(NamedTuple):
    """What tells one run from the others."""

    split: str
    variant: str
    seed: int


class Params(Section):
    """The whole of params.yaml."""

    dataset: Source
    splits: SplitsParams
    model: ModelParams
    augment: AugmentParams
    optimizer: OptimizerParams
    pretrain: PretrainParams
    features: FeaturesParams
    prototypes: PrototypesParams
    forecast: ForecastParams
    semi: SemiParams
    variants: dict[Name, VariantParams]
    experiments: list[ExperimentParams] = Field(min_length=1)
    evaluate: EvaluateParams
    tsne: TsneParams
    patches: PatchesParams
    suggest: SuggestParams | None = Field(
        default=None, description="which images to label next (rule suggest); null: no images are suggested"
    )
    predict: PredictParams | None = Field(
        default=None, description="masks for a folder of new images (rule predict_folder); null: none are made"
    )
    compute: ComputeParams

    @model_validator(mode="after")
    def _consistent(self) -> Params:
        for name in self.variants:
            try:
                self.semi_of(name)
            except ValidationError as error:
                raise ValueError(f"variants.{name}.semi: {first_problem(error)}") from None
        named = {variant for experiment in self.experiments for variant in experiment.variants} | set(
            self.tsne.variants
        )
        named |= {used.variant for used in (self.suggest, self.predict) if used is not None}
        for name in sorted(named - set(self.variants)):
            raise ValueError(f"no variant is called {name!r}; variants has {', '.join(self.variants)}")
        return self

    @model_validator(mode="after")
    def _used_runs_are_there(self) -> Params:
        for key, used in (("suggest", self.suggest), ("predict", self.predict)):
            if used is not None and not any(variant == used.variant for _, variant, _ in self.runs()):
                raise ValueError(
                    f"{key}.variant: experiments has no run of {used.variant}; add one, or name another variant"
                )
        return self

    @model_validator(mode="after")
    def _suggested_by_what_the_variant_has(self) -> Params:
        if self.suggest is None:
            return self
        name, by = self.suggest.variant, self.suggest.by
        if by != "uncertainty" and self.variants[name].method != "prototype":
            raise ValueError(f"suggest.by: {by} needs prototypes, and {name} has none; set it to uncertainty")
        return self

    @model_validator(mode="after")
    def _for_the_bands_of_the_images(self) -> Params:
        bands = self.dataset.bands if isinstance(self.dataset, FolderSource) else 3
        given = self.model.encoder.normalisation
        if given is not None and len(given.mean) != bands:
            raise ValueError(
                f"model.encoder.normalisation: {len(given.mean)} values, and images have {bands} bands; give one"
                " for each, or null"
            )
        for name in self.variants if bands != 3 else ():
            for key, off in self.semi_of(name).strong_view.of_colours().items():
                raise ValueError(
                    f"semi.strong_view.{key}: changes red, green and blue, and images have {bands} bands (variant"
                    f" {name}); set it to {off}"
                )
        return self

    def runs(self) -> list[RunKey]:
        """The runs that `experiments` asks for, each once."""
        return sorted(
            {
                RunKey(str(experiment.split), variant, seed)
                for experiment in self.experiments
                for variant in experiment.variants
                for seed in experiment.seeds
            }
        )

    def semi_of(self, variant: str) -> SemiParams:
        """`semi` with the values that the variant replaces."""
        return SemiParams.model_validate(_merged(self.semi.model_dump(), self.variants[variant].semi))


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, nested dictionaries key by key."""
    both = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        both[key] = _merged(base[key], value) if nested else value
    return both
