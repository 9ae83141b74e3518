"""The parameters: params.yaml as typed, bounded models, and the part of them that each step may read.

There are no defaults here: an experiment's file is complete, so that what ran can be read in one place. The
experiments in experiments/ hold the paper's values and the embedded ones. Sources named in the descriptions are the
paper (Xu et al., NeurIPS 2022), its released configurations ("config"), the code base they build on ("base", U2PL),
or "chosen" where those are silent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from semiproto.errors import UserError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
RGB = Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]


class Section(BaseModel):
    """Base of all sections: unknown keys and non-finite numbers are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# ---------------------------------------------------------------------------------------------------- data


class DigitsSource(Section):
    """The embedded set: scikit-learn's handwritten digits as stickers on coloured backgrounds."""

    source: Literal["digits"] = Field(description="digits: the set is made, no file is needed")
    name: Name = Field(description="folder name of the set under data/, models/ and results/")
    image_size: int = Field(ge=32, le=512, description="side of an image, pixels; 64 trains in minutes on a CPU")
    labeled: int = Field(ge=1, description="training images that get a mask file")
    unlabeled: int = Field(ge=0, description="training images without a mask file")
    validation: int = Field(ge=1, description="validation images, from digits no training image shows")
    seed: Seed = Field(description="same seed, same images")
    held_back: bool = Field(
        description="draw the validation images from a held-back part of the training digits instead: settings are"
        " tuned with true, results are reported with false, so that no setting was chosen on the validation digits"
    )


class FolderSource(Section):
    """A user's own folder of images, masks for some of them; `semiproto init` writes this section."""

    source: Literal["folder"] = Field(description="folder: images and masks of one's own")
    name: Name = Field(description="folder name of the set under data/, models/ and results/")
    path: str = Field(min_length=1, description="the folder; it is read, never changed")
    images: str = Field(description="sub-folder with the images, e.g. images or JPEGImages")
    masks: str = Field(
        description="sub-folder with the masks (PNG, same stem as the image), or a .csv file of pairs (columns image,"
        " mask and, optionally, part), or a .json file of COCO instances"
    )
    classes: list[Name] = Field(min_length=2, max_length=254, description="class names in the order of mask values")
    colours: list[RGB] | None = Field(
        description="red, green, blue of each class, for masks drawn in colours; null: mask values are class indices"
    )
    ignore: Annotated[int, Field(ge=0, le=255)] | RGB | None = Field(
        description="mask value (with colours: colour) of pixels that count for nothing; 255 by convention; null: none"
    )
    train_list: str | None = Field(description="file with the training ids that have masks; null: all that have one")
    validation_list: str | None = Field(description="file with the validation ids; null: drawn by splits.validation")
    unlabeled_list: str | None = Field(description="file with the unlabelled ids; null: every image without a mask")

    @model_validator(mode="after")
    def _distinct_classes(self) -> FolderSource:
        if twice := [name for name in self.classes if self.classes.count(name) > 1]:
            raise ValueError(f"class {twice[0]!r} is named twice; give each class a name of its own")
        return self

    @model_validator(mode="after")
    def _a_colour_for_each_class(self) -> FolderSource:
        if self.colours is None:
            if isinstance(self.ignore, list):
                raise ValueError(f"ignore is the colour {self.ignore}, and there are no colours; give a mask value")
            return self
        if isinstance(self.ignore, int):
            raise ValueError(f"ignore is the value {self.ignore}, and masks have colours; give a colour, or null")
        if len(self.colours) != len(self.classes):
            raise ValueError(f"{len(self.colours)} colours for {len(self.classes)} classes; give one for each")
        used = self.colours if self.ignore is None else [*self.colours, self.ignore]
        if twice := [colour for colour in used if used.count(colour) > 1]:
            raise ValueError(f"colour {twice[0]} is given twice; give each class a colour of its own")
        return self


class PublishedSource(Section):
    """A published set, downloaded and converted; `semiproto data --list` has sources, licences and counts."""

    source: Literal["published"] = Field(description="published: downloaded from its publishers or a mirror")
    name: Name = Field(description="folder name of the set under data/, models/ and results/")
    set: Literal["voc-sbd", "voc-class-aug", "voc", "cityscapes"] = Field(
        description="voc-sbd: 10,582 training images, masks of VOC and SBD, as in the paper; voc-class-aug: the same"
        " with the widely shared PNG masks; voc: VOC's own 1,464 masks; cityscapes: from your account's archives"
    )


Source = Annotated[DigitsSource | FolderSource | PublishedSource, Field(discriminator="source")]


class SplitsParams(Section):
    family: Literal["generated", "classic", "blended", "cityscapes"] = Field(
        description="generated: drawn by the rule of data/splits.py; the others: the published lists of VOC (classic:"
        " 92 to 1464 labels, VOC's masks; blended: 662 to 5291, from 2646 on SBD's too) and Cityscapes (186 to 1488)"
    )
    seed: Seed = Field(description="seed of the generated family's stratified draw; the same lists on any machine")
    validation: float = Field(
        gt=0,
        lt=1,
        description="share of the images with masks kept for validation where the set has no list of its own",
    )


# --------------------------------------------------------------------------------------------------- model


class EncoderParams(Section):
    name: Name = Field(description="a timm name, or small: three stages for 64-pixel images (chosen, embedded set)")
    weights: str | None = Field(description="timm (its published weights), a file, or null for random weights")
    output_stride: Literal[8, 16, 32] = Field(description="input pixels per cell of the last map; paper 8 [config]")
    multi_grid: list[Annotated[int, Field(ge=1)]] | None = Field(
        description="dilations of the blocks of a ResNet's layer4: 4, 8, 16 at output stride 8 [config]; null: timm's"
    )


class DecoderParams(Section):
    planes: int = Field(
        ge=4, le=1024, description="channels of each decoder convolution; z has twice as many; 256 [config]"
    )
    rates: list[Annotated[int, Field(ge=1)]] = Field(min_length=1, description="ASPP dilations; 12, 24, 36 [config]")
    dropout: float = Field(ge=0, lt=1, description="probability of dropping a channel (Dropout2d); 0.1 [config]")


class ModelParams(Section):
    encoder: EncoderParams
    decoder: DecoderParams
    auxiliary_weight: float = Field(
        ge=0,
        le=10,
        description="weight of a second head's loss, on the encoder's map before the last (layer3); 0.4 Cityscapes"
        " [config]; 0: no such head, VOC [config]",
    )


# ------------------------------------------------------------------------------------------------ training


class AugmentParams(Section):
    """The weak view, the same for labelled and unlabelled images."""

    crop: int = Field(ge=16, le=2048, description="side of the crop, pixels; 513 VOC, 769 Cityscapes [config]")
    scale: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=1, le=8)]] = Field(
        description="zoom: U(low, 1) or U(1, high) with equal odds; 0.5, 2 [base]"
    )
    shift: int = Field(ge=0, le=512, description="pixels that the crop may reach beyond the image; 0 in the paper")
    rotation: float = Field(ge=0, le=45, description="degrees either way, uniform; 0 in the paper")
    flip: float = Field(ge=0, le=1, description="probability of a horizontal flip; 0.5 [base], 0 for digits")
    padding_label: Literal[0, 255] = Field(
        description="label of pixels outside a labelled image; 255 leaves them out (chosen), 0 trains padding as"
        " background as the base code does and as was in the published numbers"
    )

    @model_validator(mode="after")
    def _image_in_sight(self) -> AugmentParams:
        if self.shift > self.crop // 2:
            raise ValueError(f"shift {self.shift} is more than half of crop {self.crop}; make it smaller")
        return self


class OptimizerParams(Section):
    """SGD with a poly schedule, restarted in each phase."""

    lr: float = Field(gt=0, le=10, description="learning rate of the encoder; 1e-3 VOC, 1e-2 Cityscapes [config]")
    head_lr_factor: float = Field(
        gt=0, le=1000, description="the decoder's and heads' rate over lr; 10 VOC, 1 Cityscapes"
    )
    momentum: float = Field(ge=0, lt=1, description="0.9 [config]")
    weight_decay: float = Field(ge=0, lt=1, description="1e-4 VOC, 5e-4 Cityscapes [config]")
    power: float = Field(gt=0, le=4, description="of the poly decay (1 - step / steps) ** power; 0.9 [base]")
    warmup_steps: int = Field(ge=0, description="steps of linear warm-up; 0 in the paper")
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        description="of convolutions and matrix products; weights, losses and prototypes stay float32. float32"
        " (chosen); bfloat16 halves time and memory where the device has the instructions and changes gradients by"
        " several percent; auto: bfloat16 where it has them, so that the machine decides"
    )


class LabeledLossParams(Section):
    kind: Literal["cross_entropy", "ohem"] = Field(description="ohem [config] or plain cross-entropy [base for VOC]")
    ohem_threshold: float = Field(ge=0, le=1, description="pixels of a true-class probability above it are easy; 0.7")
    ohem_min_kept_per_image: int = Field(ge=1, description="pixels kept at least; 100,000 for 2 images [config]")


class ScheduleParams(Section):
    steps: int | None = Field(ge=1, description="optimiser steps; null: epochs says how long")
    epochs: int | None = Field(ge=1, description="passes over the longer image list; null: steps says how long")
    batch: int = Field(
        ge=2,
        le=4096,
        description="labelled images a step over all processes (and as many unlabelled); 2 at least, for batch norm",
    )
    validations: int = Field(
        ge=1, le=1000, description="times the validation score is taken on the way, the last at the end"
    )
    checkpoint_every: int = Field(ge=1, description="steps between two resume checkpoints")
    labeled_loss: LabeledLossParams

    @model_validator(mode="after")
    def _one_length(self) -> ScheduleParams:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give exactly one of steps and epochs, the other null")
        return self

    def total_steps(self, images: int) -> int:
        """Optimiser steps for a list of `images` images.

        An epoch is ceil(2 images / batch) // 2 steps: the released step counts come from 8 processes that each take
        ceil(images / 8) images in pairs and drop an odd one [config].
        """
        if self.steps is not None:
            return self.steps
        return (self.epochs or 0) * max(1, math.ceil(2 * images / self.batch) // 2)


class PretrainParams(ScheduleParams):
    """Supervised training on the labelled images: where the prototypes come from."""


class TeacherParams(Section):
    decay: float = Field(ge=0, lt=1, description="ceiling of the decay min(1 - 1/(i+1), decay); 0.99 [config]")
    batch_norm: Literal["average", "forward"] = Field(
        description="average the student's statistics like its weights (chosen), or run the teacher once more in"
        " training mode on the student's batch, at over twice the cost [base]"
    )


class PrototypeHeadParams(Section):
    momentum: float = Field(ge=0, lt=1, description="alpha of the update; 0.99 [paper]")
    temperature: float = Field(gt=0, le=10, description="cosine scores are divided by it; 0.1 [paper]")
    update: bool = Field(description="false keeps the prototypes where k-means put them, an ablation [config]")


class LossWeightsParams(Section):
    """Weights of the four losses; all 1 [paper]."""

    labeled_linear: float = Field(ge=0, description="labelled images, linear head; 1 [paper]")
    labeled_prototype: float = Field(ge=0, description="labelled images, prototype head; 1 [paper]")
    unlabeled_linear: float = Field(ge=0, description="pseudo-labels, linear head; 1 [paper]")
    unlabeled_prototype: float = Field(ge=0, description="pseudo-labels, prototype head; 1 [paper]")


class SemiParams(ScheduleParams):
    """The student-teacher phase, for every variant (the supervised one uses its labelled loss alone)."""

    warm_start: bool = Field(description="start from the pretrained model; false: from the encoder's weights [config]")
    supervised_epochs: int = Field(ge=0, description="epochs before the teacher is made; 1 [base], 0 with warm_start")
    tau: float = Field(
        ge=0, le=1, description="a pixel counts where the teacher's probability exceeds it; 0.8 VOC, 0.65"
    )
    normalise: Literal["all", "confident"] = Field(
        description="the unlabelled loss is divided by all pixels (chosen) or by the confident ones"
    )
    cutmix_probability: float = Field(ge=0, le=1, description="of mixing a step's unlabelled batch; 0.5 [base]")
    loss_scale: float = Field(gt=0, le=100, description="factor of the whole loss; 1, a control sets 2")
    loss_weights: LossWeightsParams
    teacher: TeacherParams
    prototype_head: PrototypeHeadParams


Method = Literal["supervised", "consistency", "prototype"]


class VariantParams(Section):
    """A method and what it changes in `semi`."""

    method: Method = Field(
        description="supervised: labelled loss only; consistency: teacher, CutMix, linear head; prototype: the paper"
    )
    semi: dict[str, Any] = Field(description="keys of semi that this variant sets otherwise; {} for none")


class ExperimentParams(Section):
    """One block of runs: every variant with every seed on one split."""

    split: Annotated[int, Field(ge=1)] | Literal["all"] = Field(description="number of labelled images, or all")
    variants: list[Name] = Field(min_length=1, description="names of entries of variants")
    seeds: list[Seed] = Field(min_length=1, description="one run of each variant per seed")


class RunKey(NamedTuple):
    """One run of the experiments."""

    split: str
    variant: str
    seed: int


# ------------------------------------------------------------------------------------------------ analysis


class FeaturesParams(Section):
    pixels_per_class: int = Field(ge=1, le=1_000_000, description="at most, spread over the images; 20,000 (chosen)")
    seed: Seed = Field(description="seed of the draw of pixels")


class PrototypesParams(Section):
    per_class: int = Field(ge=1, le=64, description="K; 4 VOC, 3 Cityscapes [config]")
    n_init: int = Field(ge=1, le=100, description="restarts of k-means, the best is kept; 10 (chosen)")
    seed: Seed = Field(description="seed of k-means")


MeasuredImages = Literal["labeled", "validation"]


class ForecastParams(Section):
    """What the pretrained model's pseudo-labels are worth, measured before the long run."""

    images: MeasuredImages = Field(
        description="labeled: every labelled image by a model pretrained without it, on the other folds (chosen; costs"
        " as many pretrainings as folds, once a split); validation: the validation images by the pretrained model; no"
        " more training, but what is then chosen was chosen on the images that score it"
    )
    folds: int = Field(
        ge=2,
        le=20,
        description="parts of the labelled images; each model sees all but one. 3 (chosen): models of two thirds of the"
        " labels; more see more and cost more",
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
    window: WindowParams | None = Field(description="sliding windows with averaged logits; null: the whole image (VOC)")


class TsneParams(Section):
    variants: list[Name] = Field(min_length=1, description="one panel each")
    images: int = Field(
        ge=1,
        le=100_000,
        description="validation images drawn at most; 200 (chosen): all would cost as much as an evaluation",
    )
    pixels_per_class: int = Field(
        ge=2, le=5000, description="pixels of those images drawn per class, the same in each panel"
    )
    perplexity: float = Field(gt=1, le=200, description="effective number of neighbours; 30 is scikit-learn's default")
    seed: Seed = Field(description="seed of the draw and of t-SNE")


class PatchesParams(Section):
    """What each prototype stands for: the places in the training images whose features are nearest to it."""

    images: int = Field(
        ge=1,
        le=100_000,
        description="images drawn at most of the labelled and of the unlabelled list; 200 (chosen), as for t-SNE",
    )
    per_prototype: int = Field(
        ge=1, le=16, description="patches of each list, each of another image; 4 (chosen) show whether they agree"
    )
    size: int = Field(
        ge=8, le=512, description="side of a patch, pixels; about 1/4 of the crop (chosen): a part, not the scene"
    )
    seed: Seed = Field(description="seed of the draw of images")


class ComputeParams(Section):
    """This machine. No result depends on it, beyond rounding, and changing it reruns nothing."""

    gpus: Literal["auto"] | Annotated[int, Field(ge=0, le=64)] = Field(
        description="GPUs of a training run, one process each, which share the batch; 0: the CPU, auto: as many as"
        " there are and as divide the batch"
    )
    processes: int = Field(
        ge=1, le=64, description="processes of a training run or an evaluation on the CPU, which share the images; 1"
    )
    threads: int = Field(ge=1, le=256, description="CPU threads of a process; with 1, as many runs at once as cores")
    workers: int = Field(
        ge=0, le=64, description="loader processes per list and training process; 0 loads in the training process"
    )
    compile: bool = Field(description="torch.compile for student and teacher: minutes at the start, for faster steps")
    downloads: str = Field(min_length=1, description="folder for downloaded archives, kept and used again")
    mirror: str | None = Field(description="URL or folder that is asked first for every file; null: the publishers")
    offline: bool = Field(description="true: nothing is downloaded, what is missing is listed with where to put it")
    tensorboard: str | None = Field(
        description="folder for TensorBoard's files (pip install 'semiproto[tensorboard]'), or null"
    )


# --------------------------------------------------------------------------------------------------- whole


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
        for name in sorted(named - set(self.variants)):
            raise ValueError(f"no variant is called {name!r}; variants has {', '.join(self.variants)}")
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
        """`semi` with what the variant sets otherwise."""
        return SemiParams.model_validate(_merged(self.semi.model_dump(), self.variants[variant].semi))


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


def train_config(params: Params, variant: str) -> TrainConfig:
    """What `semiproto train` is handed for one variant."""
    sections = {name: getattr(params, name) for name in ("model", "augment", "optimizer")}
    return TrainConfig(**sections, semi=params.semi_of(variant), method=params.variants[variant].method)


def forecast_config(params: Params) -> ForecastConfig:
    """What `semiproto forecast` is handed: which images are measured, and the threshold in use."""
    return ForecastConfig(images=params.forecast.images, tau=params.semi.tau)


def step_config(params: Params, config: type[Section]) -> Section:
    """The sections of `params` that a step's config class names, and no other."""
    return config(**{name: getattr(params, name) for name in config.model_fields})


def canonical(config: Section) -> str:
    """One JSON text for equal configs, so that a changed leaf, and only that, changes a rule's params."""
    import json

    return json.dumps(config.model_dump(mode="json"), sort_keys=True)


def load(path: Path) -> Params:
    """Reads and checks a parameter file; UserError names the file, the key, the value and what is allowed."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; copy one from experiments/, or write one with `semiproto init`"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())
        raise UserError(f"{path}: not valid YAML ({what}); correct it there; indents are spaces, not tabs") from None
    return validate(raw, str(path))


def validate(raw: object, where: str) -> Params:
    """Checks parsed parameters; `where` is the file's name for the message."""
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{where}: {first_problem(error)}") from None


def parse(text: str, config: type[Section], where: str = "--config") -> Any:
    """A step's config from the JSON that its rule hands over."""
    try:
        return config.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{where}: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """The first fault as `key: what is wrong (got value); remedy`, and how many more there are."""
    faults = error.errors(include_url=False)
    # A misspelt key is missing under its right name too: the misspelling is what to show.
    fault = min(faults, key=lambda one: one["type"] != "extra_forbidden")
    parts = [str(part) for part in fault["loc"] if not str(part).startswith(("constrained-", "literal["))]
    if parts[:1] == ["dataset"]:
        del parts[1:2]  # which kind of source pydantic took it for, no key of the file
    key = ".".join(parts) or "the file"
    if fault["type"] == "extra_forbidden":
        text = f"{key}: unknown parameter; remove it or correct its name{_similar(fault['loc'])}"
    elif fault["type"] == "missing":
        text = f"{key}: missing; every parameter must be given, see experiments/ for an example"
    elif fault["type"] == "value_error":
        text = f"{key}: {fault['ctx']['error']}" if fault["loc"] else str(fault["ctx"]["error"])
    else:
        text = f"{key}: {fault['input']!r} is not allowed: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return text + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _similar(loc: tuple[int | str, ...]) -> str:
    """A hint `, did you mean x?` from the names of all parameters."""
    from difflib import get_close_matches

    names = {name for section in Section.__subclasses__() for name in section.model_fields}
    names |= {name for section in ScheduleParams.__subclasses__() for name in section.model_fields}
    close = get_close_matches(str(loc[-1]), sorted(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, nested dictionaries key by key."""
    both = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(base.get(key), dict)
        both[key] = _merged(base[key], value) if nested else value
    return both


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice; plain YAML keeps the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.YAMLError(f"key {key!r} is given twice, line {key_node.start_mark.line + 1}")
            seen.add(key)
        return super().construct_mapping(node, deep)


def explain() -> list[str]:
    """Every parameter as a line `section.key: type and bounds; description`."""
    return list(_explain(Params, ""))


def _explain(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = _sections(field.annotation)
        if inner and not field.description:
            for one in inner:
                yield from _explain(one, f"{prefix}{name}.")
        else:
            signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
            bounds = [
                f", {sign} {getattr(m, key)}" for m in field.metadata for key, sign in signs.items() if hasattr(m, key)
            ]
            yield f"{prefix}{name}: {_type_name(field.annotation)}{''.join(bounds)}; {field.description}"


def _type_name(annotation: Any) -> str:
    """A type in words, e.g. `float`, `int | null`, `8 | 16 | 32` or `list of str`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin in (list, tuple, dict):
        return f"{origin.__name__} of {', '.join(map(_type_name, arguments))}"
    if arguments:
        return " | ".join(map(_type_name, arguments))
    return {type(None): "null", Any: "anything"}.get(annotation) or str(annotation.__name__)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The section types in an annotation such as `Decoder`, `list[Experiment]` or `DigitsSource | FolderSource`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
