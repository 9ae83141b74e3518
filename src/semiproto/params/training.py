"""Parameters of training: the views of an image, the optimiser, the losses, and the two phases."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from semiproto.params.analysis import WindowParams
from semiproto.params.section import Section, require_range


class AugmentParams(Section):
    """The weak view, the same for labelled and unlabelled images."""

    crop: int = Field(ge=16, le=2048, description="side of the crop, pixels; 513 VOC, 769 Cityscapes [config]")
    scale: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=1, le=8)]] = Field(
        description="zoom factor: U(low, 1) or U(1, high) with equal odds; 0.5, 2 [base]"
    )
    shift: int = Field(ge=0, le=512, description="pixels by which the crop may leave the image; 0 in the paper")
    rotation: float = Field(ge=0, le=45, description="largest angle either way, degrees, uniform; 0 in the paper")
    flip: float = Field(ge=0, le=1, description="probability of a horizontal flip; 0.5 [base], 0 for digits")
    padding_label: Literal[0, 255] = Field(
        description="label of pixels outside a labelled image; 255 leaves them out (chosen); 0 trains padding as"
        " background, as in the base code and the published numbers"
    )

    @model_validator(mode="after")
    def _image_in_sight(self) -> AugmentParams:
        if self.shift > self.crop // 2:
            raise ValueError(f"shift {self.shift} is more than half of crop {self.crop}; make it smaller")
        return self


class OptimizerParams(Section):
    """SGD or AdamW with a poly schedule, restarted in each phase."""

    kind: Literal["sgd", "adamw"] = Field(
        default="sgd",
        description="sgd [config]; adamw: for ViTs [V2]; its decay leaves out biases, norms, class tokens and"
        " position embeddings",
    )
    lr: float = Field(
        gt=0,
        le=10,
        description="learning rate of the encoder; 1e-3 VOC, 1e-2 Cityscapes [config]; 5e-6 with adamw [V2]",
    )
    head_lr_factor: float = Field(
        gt=0,
        le=1000,
        description="learning rate of the decoder and the heads, divided by lr; 10 VOC, 1 Cityscapes; 40 with adamw"
        " [V2]",
    )
    momentum: float = Field(ge=0, lt=1, description="momentum of SGD; 0.9 [config]")
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = Field(
        default=(0.9, 0.999), description="decays of AdamW's two averages; 0.9, 0.999 [V2]"
    )
    weight_decay: float = Field(
        ge=0,
        lt=1,
        description="L2 penalty of sgd, 1e-4 VOC, 5e-4 Cityscapes [config]; decay of adamw, 0.01 [V2]",
    )
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="adamw: the rate of a ViT's block, divided by that of the block above it; 1: one rate for all [V2]",
    )
    power: float = Field(gt=0, le=4, description="exponent of the poly decay (1 - step / steps) ** power; 0.9 [base]")
    warmup_steps: int = Field(ge=0, description="steps of linear warm-up; 0 in the paper")
    precision: Literal["float32", "tf32", "bfloat16", "auto"] = Field(
        description="number format of convolutions and matrix products; weights, losses and prototypes stay float32."
        " float32 (chosen); tf32: on a GPU, products of 10 bits, which torch takes for float32 unless told otherwise;"
        " on a CPU the same as float32; bfloat16: half the time and memory where the device has the instructions, but"
        " gradients change by several percent; auto: bfloat16 where the device has the instructions, so that results"
        " depend on the machine"
    )

    @model_validator(mode="after")
    def _layers_of_adamw(self) -> OptimizerParams:
        if self.kind == "sgd" and self.layer_decay != 1:
            raise ValueError(f"layer_decay {self.layer_decay} is for kind adamw, and kind is sgd; set it to 1")
        return self


class LabeledLossParams(Section):
    kind: Literal["cross_entropy", "ohem"] = Field(description="ohem [config] or plain cross-entropy [base for VOC]")
    ohem_threshold: float = Field(
        ge=0, le=1, description="pixels whose true class has a higher probability are easy; 0.7"
    )
    ohem_min_kept_per_image: int = Field(
        ge=1, description="minimum number of pixels kept; 100,000 for 2 images [config]"
    )
    class_weights: Literal["none", "median_frequency"] = Field(
        default="none",
        description="none [paper]; median_frequency: a pixel of class c weighs median(freq) / freq(c), with freq(c) the"
        " share of c in the labelled images that show it (Eigen & Fergus, ICCV 2015); of all heads",
    )
    largest_class_weight: float = Field(
        default=10.0, ge=1, le=1000, description="class weights lie between 1 / x and x; 10 (chosen)"
    )
    dice_weight: float = Field(
        default=0.0,
        ge=0,
        le=100,
        description="weight of a soft Dice loss of the classes that a batch shows (Milletari et al., 3DV 2016), beside"
        " cross-entropy, of all heads; 0: none [paper], 1 [nnU-Net]",
    )


class ScheduleParams(Section):
    """Length and batch of a phase."""

    steps: int | None = Field(ge=1, description="optimiser steps; null: epochs gives the length")
    epochs: int | None = Field(ge=1, description="passes over the longer image list; null: steps gives the length")
    batch: int = Field(
        ge=2,
        le=4096,
        description="labelled images per step over all processes, and as many unlabelled ones; at least 2, for batch"
        " norm",
    )
    micro_batch: int | None = Field(
        default=None,
        ge=2,
        le=4096,
        description="labelled images of a step that go through the network together over all processes, and as many of"
        " each list beside them; a divisor of batch. Less memory for a second forward pass; losses, prototypes and the"
        " optimiser's step are those of the whole batch, but batch norm sees fewer images: with it, this is another"
        " experiment. null: the whole batch [paper]",
    )
    validations: int = Field(ge=1, le=1000, description="number of validations during the phase, the last at its end")
    window: WindowParams | None = Field(
        default=None,
        description="of these validations, as evaluate.window is of the evaluation; null: whole images, VOC [config]",
    )
    checkpoint_every: int = Field(ge=1, description="steps between two resume checkpoints")
    labeled_loss: LabeledLossParams
    repeat_threshold: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="labelled images that show a class are drawn sqrt(x / f) times as often where the share f of the"
        " labelled images that show it is below x (repeat factor sampling; Gupta et al., CVPR 2019); 0: all equally"
        " often [paper]",
    )

    @model_validator(mode="after")
    def _one_length(self) -> ScheduleParams:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give exactly one of steps and epochs, and null for the other")
        return self

    @model_validator(mode="after")
    def _whole_parts(self) -> ScheduleParams:
        if self.batch % (self.micro_batch or self.batch):
            raise ValueError(f"micro_batch {self.micro_batch} does not divide batch {self.batch}; take a divisor of it")
        return self

    @property
    def at_once(self) -> int:
        """Images of a list that go through the network together, of which each process takes as many."""
        return self.micro_batch or self.batch

    @property
    def parts(self) -> int:
        """In how many parts a step goes through the network."""
        return self.batch // self.at_once

    def total_steps(self, images: int) -> int:
        """Optimiser steps for a list of `images` images.

        An epoch is ceil(2 images / batch) // 2 steps: the released step counts come from 8 processes that each take
        ceil(images / 8) images in pairs and drop an odd one [config].
        """
        if self.steps is not None:
            return self.steps
        return (self.epochs or 0) * max(1, math.ceil(2 * images / self.batch) // 2)


class PretrainParams(ScheduleParams):
    """Supervised training on the labelled images. The first prototypes come from the features of this model."""


class JitterParams(Section):
    """Brightness, contrast, saturation and hue, changed in random order."""

    brightness: float = Field(ge=0, le=1, description="factor U(1 - x, 1 + x); 0.5 [V1]")
    contrast: float = Field(ge=0, le=1, description="factor U(1 - x, 1 + x); 0.5 [V1]")
    saturation: float = Field(ge=0, le=1, description="factor U(1 - x, 1 + x); 0.5 [V1]")
    hue: float = Field(ge=0, le=0.5, description="shift U(-x, x), turns of the colour circle; 0.25 [V1]")
    probability: float = Field(ge=0, le=1, description="of changing an image; 0.8 [V1]")


class BlurParams(Section):
    sigma: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=50)]] = Field(
        description="width of the Gaussian, pixels: U(low, high); 0.1, 2 [V1]"
    )
    probability: float = Field(ge=0, le=1, description="of blurring an image; 0.5 [V1]")

    @model_validator(mode="after")
    def _low_to_high(self) -> BlurParams:
        return require_range(self, "sigma")


class CutMixParams(Section):
    """A box of its own for each image, with semi.cutmix_probability."""

    area: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=0.5)]] = Field(
        description="share of the crop: U(low, high); 0.02, 0.4 [V1]"
    )
    aspect: tuple[Annotated[float, Field(ge=0.1, le=1)], Annotated[float, Field(ge=1, le=10)]] = Field(
        description="height over width: U(low, high) among the boxes that fit; 0.3, 3.3 [V1]"
    )
    partner: Literal["next", "reversed", "another"] = Field(
        description="what the box shows: the next image of the batch; the image at its place in the batch in reverse"
        " order [V2]; or an image of another batch, which is loaded and labelled for it [V1]"
    )

    @model_validator(mode="after")
    def _low_to_high(self) -> CutMixParams:
        return require_range(self, "area")


class StrongViewParams(Section):
    """What the student sees of an unlabelled image. By default the paper's: one view with CutMix alone."""

    views: Literal[1, 2] = Field(default=1, description="strong views of each image, drawn apart; 1 [paper], 2 [V1]")
    jitter: JitterParams | None = Field(default=None, description="colour jitter; null: none [paper]")
    grey_probability: float = Field(default=0, ge=0, le=1, description="of greying an image; 0 [paper], 0.2 [V1]")
    blur: BlurParams | None = Field(default=None, description="Gaussian blur; null: none [paper]")
    cutmix: CutMixParams | None = Field(
        default=None,
        description="boxes of CutMix. null: the paper's: all images of a step or none are mixed, and half of the crop's"
        " area comes from the next image [base]",
    )

    def of_colours(self) -> dict[str, str]:
        """The switches that are on and change red, green and blue, and how each is turned off."""
        jitter = {} if self.jitter is None else {"jitter": "null"}
        return jitter | ({"grey_probability": "0"} if self.grey_probability > 0 else {})


class PerturbationParams(Section):
    """What is done to channels of the encoder's maps before the decoder reads them."""

    kind: Literal["none", "dropout", "complementary"] = Field(
        default="none",
        description="none [paper]; dropout: the student also reads the weak view with channels left out, which has a"
        " loss of its own [V1]; complementary: each channel is left out of one of the two strong views and doubled in"
        " the other [V2]",
    )
    dropout: float = Field(
        default=0.5, gt=0, lt=1, description="probability of leaving a channel out (Dropout2d); 0.5 [V1]"
    )
    exempt: float = Field(
        default=0.5, ge=0, lt=1, description="share of the images that keep all channels in both views; 0.5 [V2]"
    )


class TeacherParams(Section):
    labels: Literal["average", "student"] = Field(
        default="average",
        description="who labels the weak view: the averaged network [paper, V2], or the student itself [V1], in eval"
        " mode. The average is what is evaluated either way",
    )
    decay: float = Field(
        ge=0, lt=1, description="upper bound of the decay min(1 - 1/(i+1), decay); 0.99 [config], 0.996 [V2]"
    )
    batch_norm: Literal["average", "forward"] = Field(
        description="average: the student's statistics are averaged like its weights (chosen); forward: the teacher"
        " also runs in training mode on the student's batch, at over twice the cost [base]"
    )


class PrototypeHeadParams(Section):
    momentum: float = Field(ge=0, lt=1, description="momentum alpha of the update; 0.99 [paper]")
    temperature: float = Field(gt=0, le=10, description="cosine scores are divided by it; 0.1 [paper]")
    update: bool = Field(description="false: prototypes stay where k-means put them, an ablation [config]")


class AdaptiveTauParams(Section):
    """A threshold of each class from the labelling network's own probabilities, as in FreeMatch (Wang et al., ICLR
    2023): their running mean of the highest one, times the class's running mean over that of the likeliest class."""

    momentum: float = Field(ge=0, lt=1, description="of the running means, per step; 0.999 [FreeMatch]")
    lowest: float = Field(
        ge=0,
        le=1,
        description="lower bound of all thresholds; tau is the upper one. 0: none [FreeMatch], which counts nearly all"
        " pixels of classes that are small beside the background",
    )


class LossWeightsParams(Section):
    """Weights of the losses; all 1 [paper]. A loss of two strong views is the sum of theirs."""

    labeled_linear: float = Field(ge=0, description="labelled images, linear head; 1 [paper]")
    labeled_prototype: float = Field(ge=0, description="labelled images, prototype head; 1 [paper]")
    unlabeled_linear: float = Field(ge=0, description="pseudo-labels, linear head; 1 [paper]")
    unlabeled_prototype: float = Field(ge=0, description="pseudo-labels, prototype head; 1 [paper]")
    perturbed_linear: float = Field(
        default=1, ge=0, description="weak view with channels left out (semi.perturbation), linear head; 0.5 [V1]"
    )
    perturbed_prototype: float = Field(default=1, ge=0, description="the same, prototype head; as linear (chosen)")


class SemiParams(ScheduleParams):
    """The student-teacher phase of every variant; the supervised variant uses its labelled loss only."""

    warm_start: bool = Field(
        description="true: start from the pretrained model; false: from the encoder's weights [config]"
    )
    supervised_epochs: int = Field(ge=0, description="epochs before the teacher is made; 1 [base], 0 with warm_start")
    tau: float = Field(
        ge=0, le=1, description="a pixel counts where the teacher's probability exceeds it; 0.8 VOC, 0.65 Cityscapes"
    )
    confident: Literal["above", "at_least"] = Field(
        default="above", description="a pixel counts with a probability above tau [paper], or of at least tau [V1, V2]"
    )
    adaptive_tau: AdaptiveTauParams | None = Field(
        default=None, description="a threshold of each class, between a lower bound and tau; null: tau itself [paper]"
    )
    normalise: Literal["all", "confident", "inside"] = Field(
        description="the unlabelled loss is divided by the number of all pixels (chosen), of the confident ones, or of"
        " those inside the image, without padding [V1, V2]"
    )
    strong_view: StrongViewParams = StrongViewParams()
    perturbation: PerturbationParams = PerturbationParams()
    cutmix_probability: float = Field(
        ge=0,
        le=1,
        description="probability of mixing a step's unlabelled batch; 0.5 [base]. With semi.strong_view.cutmix, of each"
        " image; 0.5 [V1]",
    )
    loss_scale: float = Field(gt=0, le=100, description="factor of the whole loss; 1, or 2 in a control experiment")
    loss_weights: LossWeightsParams
    teacher: TeacherParams
    prototype_head: PrototypeHeadParams

    @model_validator(mode="after")
    def _tau_is_the_upper_bound(self) -> SemiParams:
        if self.adaptive_tau is not None and self.adaptive_tau.lowest > self.tau:
            raise ValueError(f"adaptive_tau.lowest {self.adaptive_tau.lowest} is above tau {self.tau}; lower it")
        return self

    @model_validator(mode="after")
    def _two_views_share_the_channels(self) -> SemiParams:
        if self.perturbation.kind == "complementary" and self.strong_view.views != 2:
            raise ValueError("perturbation complementary needs two strong views; set strong_view.views to 2")
        return self
