"""Parameters of the data: where the images come from, and which of them are labelled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from semiproto.params.section import RGB, ClassName, Name, Section, Seed

VOID = ("void", "ignore", "__ignore__")
"""Names that mean void, in any case, where a labelling tool or `dataset.values` gives pixels a name."""
MaskValues = Annotated[str, Field(pattern=r"^\d{1,5}(-\d{1,5})?$")]
"""A mask value, or a range of them: `7`, `128-255`."""


def _plain(values: object) -> object:
    """Keys as text: YAML and JSON disagree about numbers as keys."""
    return {str(key): name for key, name in values.items()} if isinstance(values, dict) else values


LabelFormat = Literal[
    "masks", "per-class", "instances", "pairs", "coco", "cvat", "datumaro", "labelme", "labelstudio", "rle",
    "rle-rows", "supervisely", "via", "yolo",
]  # fmt: skip

MOST_CLASSES = 254
"""Values 0 to 253; void is 255."""


class DigitsSource(Section):
    """The embedded set: scikit-learn's handwritten digits as stickers on coloured backgrounds."""

    source: Literal["digits"] = Field(description="digits: the set is generated; no file is needed")
    name: Name = Field(description="folder name of the set under data/, models/ and results/")
    image_size: int = Field(ge=32, le=512, description="side of an image, pixels; 64 trains in minutes on a CPU")
    labeled: int = Field(ge=1, description="training images with a mask file")
    unlabeled: int = Field(ge=0, description="training images without a mask file")
    validation: int = Field(ge=1, description="validation images; no training image shows any of their digits")
    seed: Seed = Field(description="the same seed gives the same images")
    held_back: bool = Field(
        description="true: the validation images show a held-back part of the training digits. Settings are tuned with"
        " true and results are reported with false, so that no setting is chosen on the validation digits"
    )
    rare_five: bool = Field(
        default=False,
        description="true: fives are small and seldom, 0.2 % of the pixels, and the labelled images are not chosen by"
        " their classes (experiments/rare-classes.yaml)",
    )


class FolderSource(Section):
    """A user's own folder of images, some of which have masks; `semiproto init` writes this section."""

    source: Literal["folder"] = Field(description="folder: your own images and masks")
    name: Name = Field(description="folder name of the set under data/, models/ and results/")
    path: str = Field(min_length=1, description="the folder; it is read, never changed")
    images: str | list[str] = Field(
        description="sub-folder with the images, e.g. images or JPEGImages, or a list of such; what lies in folders"
        " below it belongs to it"
    )
    masks: str | list[str] = Field(
        description="sub-folder with the masks (named like their images), or the file that the format asks for, or a"
        " list of such: a .csv file of pairs (columns image, mask and, optionally, part), a .json file of COCO"
        " instances, ..."
    )
    format: LabelFormat | None = Field(
        default=None,
        description="what the masks are; null: pairs for a .csv, coco for a .json, and masks for a folder."
        " docs/own-data.md has a table of all",
    )
    classes: list[ClassName] = Field(
        min_length=2, description="class names in the order of mask values; at most 254, as masks have 8 bits"
    )
    colours: list[RGB] | None = Field(
        description="red, green, blue of each class, for masks drawn in colours; null: mask values are class indices"
    )
    ignore: Annotated[int, Field(ge=0, le=255)] | RGB | None = Field(
        description="mask value (with colours: colour) of pixels that are neither trained on nor scored; 255 by"
        " convention; null: none"
    )
    values: Annotated[dict[MaskValues, str], BeforeValidator(_plain)] | None = Field(
        default=None,
        description="class name, or void, of each mask value or range of values, e.g. {0: void, 1: cat, 128-255: dog};"
        " null: mask values are class indices",
    )
    train_list: str | list[str] | None = Field(
        description="file with the ids of training images that have masks, or a list of such files; null: every image"
        " that has one"
    )
    validation_list: str | list[str] | None = Field(
        description="file or files with the validation ids; null: a share of the images with masks, see"
        " splits.validation"
    )
    unlabeled_list: str | list[str] | None = Field(
        description="file or files with the unlabelled ids; null: every image without a mask"
    )
    test_list: str | list[str] | None = Field(
        default=None, description="file or files with the ids of test images: they are neither trained on nor scored"
    )
    bands: int = Field(
        default=3,
        ge=1,
        le=64,
        description="bands of an image; 3: any picture as red, green and blue, without alpha; otherwise every channel"
        " is data, and mean and deviation are measured",
    )
    storage: Literal["copy", "link", "reference"] = Field(
        default="copy",
        description="copy: the prepared set has images of its own, and travels with DVC; link: hard links to yours"
        " where the file system allows, which take no space; reference: a manifest of their digests, and yours are"
        " read where they are: one that changed is named and not used. `init` writes reference for more than 10,000"
        " pictures or 10 GB",
    )

    @model_validator(mode="after")
    def _masks_have_eight_bits(self) -> FolderSource:
        if len(self.classes) > MOST_CLASSES:
            raise ValueError(
                f"classes: {len(self.classes)} of them, and a mask has 8 bits: {MOST_CLASSES} classes and 255 for void;"
                " merge rare ones"
            )
        return self

    @model_validator(mode="after")
    def _values_of_classes(self) -> FolderSource:
        if self.values and self.colours:
            raise ValueError("values and colours are both given; masks have either, set the other to null")
        for name in (self.values or {}).values():
            if name not in self.classes and name.lower() not in VOID:
                raise ValueError(f"values: {name!r} is no class; write void, or one of {', '.join(self.classes)}")
        taken: set[int] = set()
        for key, (first, last, _) in zip(self.values or {}, self.ranges(), strict=True):
            if first > last or taken & set(range(first, last + 1)):
                raise ValueError(f"values: {key} is empty or overlaps another; give each mask value once")
            taken |= set(range(first, last + 1))
        return self

    def ranges(self) -> list[tuple[int, int, str]]:
        """(first mask value, last mask value, class name or void) of each entry of `values`."""
        ends = ((key.partition("-"), name) for key, name in (self.values or {}).items())
        return [(int(first), int(last or first), name) for (first, _, last), name in ends]

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
        description="voc-sbd: 10,582 training images with the masks of VOC and SBD, as in the paper; voc-class-aug: the"
        " same images with the widely shared PNG masks; voc: VOC's own 1,464 masks only; cityscapes: from the archives"
        " that you download with your account"
    )


Source = Annotated[DigitsSource | FolderSource | PublishedSource, Field(discriminator="source")]


class SplitsParams(Section):
    family: Literal["generated", "classic", "blended", "cityscapes"] = Field(
        description="generated: drawn by the rule in data/splits.py. The others are published lists. classic: VOC, 92"
        " to 1464 labels, VOC's masks; blended: VOC, 662 to 5291 labels, from 2646 on with SBD's masks too; cityscapes:"
        " 186 to 1488 labels"
    )
    seed: Seed = Field(description="seed of the stratified draw (generated); it gives the same lists on any machine")
    validation: float = Field(
        gt=0,
        lt=1,
        description="share of the images with masks kept for validation where the set has no validation list",
    )
