"""Parameters of what is measured of a trained network."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from semiproto.params.section import Name, Section, Seed


class FeaturesParams(Section):
    pixels_per_class: int = Field(
        ge=1, le=1_000_000, description="maximum number of pixels per class, spread over the images; 20,000 (chosen)"
    )
    seed: Seed = Field(description="seed of the draw of pixels")


class PrototypesParams(Section):
    per_class: int = Field(ge=1, le=64, description="prototypes per class, K; 4 VOC, 3 Cityscapes [config]")
    n_init: int = Field(ge=1, le=100, description="restarts of k-means; the best result is kept; 10 (chosen)")
    seed: Seed = Field(description="seed of k-means")


MeasuredImages = Literal["labeled", "validation"]


class ForecastParams(Section):
    """The quality of the pretrained model's pseudo-labels, measured before the long run."""

    images: MeasuredImages = Field(
        description="labeled: each labelled image is measured with a model pretrained on the other folds (chosen; costs"
        " one pretraining per fold, once per split); validation: the validation images are measured with the pretrained"
        " model; no more training, but settings chosen by it are scored on the images they were chosen on"
    )
    folds: int = Field(
        ge=2,
        le=20,
        description="parts of the labelled images; each model is trained without one of them. 3 (chosen): each model"
        " sees two thirds of the labels; with more folds it sees more, at a higher cost",
    )


class WindowParams(Section):
    size: int = Field(ge=16, description="side of the sliding window, pixels; 769 Cityscapes [config]")
    stride: int = Field(ge=1, description="pixels between windows; 513 Cityscapes [config]")

    @model_validator(mode="after")
    def _no_gaps(self) -> WindowParams:
        if self.stride > self.size:
            raise ValueError(
                f"stride {self.stride} leaves gaps between windows of {self.size}; make it at most the size"
            )
        return self


class EvaluateParams(Section):
    window: WindowParams | None = Field(
        description="sliding windows with averaged logits; null: the whole image at once (VOC)"
    )


class TsneParams(Section):
    variants: list[Name] = Field(min_length=1, description="variants to draw, one panel each")
    images: int = Field(
        ge=1,
        le=100_000,
        description="maximum number of validation images used; 200 (chosen): all would cost as much as an evaluation",
    )
    pixels_per_class: int = Field(
        ge=2, le=5000, description="pixels drawn per class from those images, the same in each panel"
    )
    perplexity: float = Field(gt=1, le=200, description="effective number of neighbours; 30 is scikit-learn's default")
    seed: Seed = Field(description="seed of the draw and of t-SNE")


class PatchesParams(Section):
    """What each prototype represents: the places in the training images whose features are nearest to it."""

    images: int = Field(
        ge=1,
        le=100_000,
        description="maximum number of images searched in each of the two lists; 200 (chosen), as for t-SNE",
    )
    per_prototype: int = Field(
        ge=1, le=16, description="patches per list, each from a different image; 4 (chosen) show whether they agree"
    )
    size: int = Field(
        ge=8, le=512, description="side of a patch, pixels; about 1/4 of the crop (chosen): a part, not the scene"
    )
    seed: Seed = Field(description="seed of the draw of images")


AcquisitionKind = Literal["uncertainty", "disagreement", "coverage"]


class SuggestParams(Section):
    """Which of the unlabelled images to label next, from a finished run."""

    variant: Name = Field(description="the variant whose models choose, on each split that has it, with its first seed")
    by: AcquisitionKind = Field(
        description="uncertainty: of the linear head; disagreement: of the two heads; coverage: by the prototypes; the"
        " last two need a variant with prototypes (docs/suggest.md)"
    )
    count: int = Field(ge=1, le=10_000, description="number of images; 50 (chosen), an evening's work")


class PredictParams(Section):
    """Masks for a folder of new images by a finished run, in parts that run side by side."""

    variant: Name = Field(description="the variant that predicts, on each split that has it, with its first seed")
    folder: str = Field(min_length=1, description="the folder of new images; it is read, never changed")
    shards: int = Field(
        ge=1,
        le=1000,
        description="parts of the folder, each a job of its own: on a cluster as many as may run side by side; masks do"
        " not depend on it",
    )
    window: int = Field(ge=64, description="side of the sliding window for larger images, pixels; predict's is 1024")
