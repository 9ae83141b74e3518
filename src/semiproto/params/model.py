"""Parameters of the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from semiproto.params.section import Name, Section


class NormalisationParams(Section):
    """How the network shifts and scales images, from 0 to 1: minus `mean`, over `std`."""

    mean: list[Annotated[float, Field(ge=0, le=1)]] = Field(
        min_length=1, description="of each band, such as red, green and blue; padding has this colour"
    )
    std: list[Annotated[float, Field(gt=0)]] = Field(min_length=1, description="of each band")

    @model_validator(mode="after")
    def _of_the_same_bands(self) -> NormalisationParams:
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} values and std {len(self.std)}; give one of each for a band")
        return self


class EncoderParams(Section):
    name: Name = Field(description="a timm name, or small: three stages for 64-pixel images (chosen, embedded set)")
    weights: str | None = Field(description="timm (its published weights), a file, or null for random weights")
    output_stride: Literal[8, 16, 32] = Field(
        description="input pixels per cell of a CNN's last feature map; 8 [config]; a ViT's are its patch"
    )
    multi_grid: list[Annotated[int, Field(ge=1)]] | None = Field(
        description="dilations of the blocks of a ResNet's layer4; 4, 8, 16 at output stride 8 [config]; null: timm's"
    )
    normalisation: NormalisationParams | None = Field(
        default=None,
        description="as the encoder's weights were trained. null: what timm says of the weights that it publishes under"
        " this name, also where they come from a file; without weights, ImageNet's; for other than three bands, what is"
        " measured over the training images",
    )
    patch_size: int | None = Field(
        default=None,
        ge=2,
        le=64,
        description="side of a ViT's patch, pixels; null: as in its name; another size is for small images, and timm"
        " resamples the weights to it (chosen)",
    )
    trainable: Literal["none", "norms", "all"] = Field(
        default="all",
        description="weights of the encoder that train: all [config]; norms; none: a third of the time and the memory,"
        " and better than all with DINOv2-S and 92 labels [V2]",
    )


class DecoderParams(Section):
    kind: Literal["deeplab", "dpt"] = Field(
        default="deeplab",
        description="deeplab: DeepLabV3+ [paper], on any encoder; dpt: for ViTs, its planes by the ViT's width, without"
        " dropout [V2]; planes, rates and dropout are deeplab's and the auxiliary head's",
    )
    planes: int = Field(
        ge=4,
        le=1024,
        description="channels of each decoder convolution; the features z have twice as many; 256 [config]",
    )
    rates: list[Annotated[int, Field(ge=1)]] = Field(
        min_length=1, max_length=16, description="ASPP dilations; 12, 24, 36 [config]"
    )
    dropout: float = Field(ge=0, lt=1, description="probability of dropping a channel (Dropout2d); 0.1 [config]")


class ModelParams(Section):
    encoder: EncoderParams
    decoder: DecoderParams
    auxiliary_weight: float = Field(
        ge=0,
        le=10,
        description="weight of the loss of a second head, on the encoder's last map but one (layer3); 0.4 Cityscapes"
        " [config]; 0: no such head, VOC [config]",
    )
