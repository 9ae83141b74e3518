"""Cityscapes' fine annotations, from the two archives that a registered user downloads.

An id is what the names of an image and its mask share, e.g. hamburg_000000_080169. Of the 34 kinds of object, label ids
0 to 33, 19 are the classes of the benchmark; the others are void.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from semiproto.data import layout
from semiproto.data.published import u2pl
from semiproto.data.published.entry import Converter, Dataset, Example, Parts, Protocol, Published, Remote
from semiproto.errors import UserError

IMAGE_END, MASK_END = "_leftImg8bit.png", "_gtFine_labelIds.png"
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The label id of each class, in the order of the classes (the "trainId" of cityscapesScripts)."""

_CLASS = np.full(256, layout.IGNORE_INDEX, dtype=np.uint8)
_CLASS[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
_KNOWN = np.arange(256) <= 33


def wanted(name: str) -> bool:
    """Whether a member of one of the archives is needed: images and label ids of the training and validation parts."""
    return name.endswith((IMAGE_END, MASK_END)) and name.split("/")[1:2] in (["train"], ["val"])


def examples(folders: Sequence[Path], published: Published) -> Parts:
    """The images and masks of the training and validation parts, below the folders leftImg8bit and gtFine."""
    images, masks = folders
    parts = {part: _of_part(images / "leftImg8bit" / part, masks / "gtFine" / part) for part in ("train", "val")}
    return parts | {"unlabeled": {}}


def _of_part(images: Path, masks: Path) -> dict[str, Example]:
    found = {}
    for path in sorted(images.glob(f"*/*{IMAGE_END}")):
        image_id = layout.check_id(path.name.removesuffix(IMAGE_END), str(path))
        found[image_id] = Example(path, masks / path.parent.name / f"{image_id}{MASK_END}")
    return found


def read_mask(path: Path) -> np.ndarray:
    """Class indices uint8 [height, width], void 255, of a mask of label ids."""
    label_ids = layout.read_mask(path)
    layout.require_known(path, label_ids, _KNOWN, "label ids are 0 to 33; 255 occurs in masks of train ids only")
    classes: np.ndarray = _CLASS[label_ids]
    return classes


def read_list(path: Path) -> list[str]:
    """The ids of a published list, whose lines are paths of images; UserError on a bad or repeated line."""
    ids: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        image_id = id_of(line.strip(), f"{path}, line {number}")
        if image_id in ids:
            raise UserError(f"{path}, line {number}: image {image_id!r} is also on line {ids[image_id]}; remove one")
        ids[image_id] = number
    return list(ids)


def id_of(line: str, where: str) -> str:
    """The id in `leftImg8bit/<part>/<city>/<id>_leftImg8bit.png`; UserError names `where` any other line stands."""
    parts = PurePosixPath(line).parts
    if len(parts) != 4 or parts[0] != "leftImg8bit" or parts[1] not in ("train", "val"):
        raise UserError(f"{where}: {line[:100]!r} is not leftImg8bit/<train or val>/<city>/<image>; correct the line")
    image_id = layout.check_id(parts[3].removesuffix(IMAGE_END), where)
    if not (parts[3].endswith(IMAGE_END) and image_id.startswith(f"{parts[2]}_")):
        raise UserError(f"{where}: {line[:100]!r} does not end in <city>_..{IMAGE_END}; correct the line")
    return image_id


# ---------------------------------------------------------------------------------------------------- entry

_LISTS = u2pl.lists(
    "cityscapes",
    "cityscapes",
    {
        "186/labeled": (12150, "b325a363ec870628cbf3265bf48f9d9bf3e6e87a6e5c004ca989cda6279a0fd4"),
        "186/unlabeled": (181290, "0adcdcf9cf5db4276dfcdba1c207b2e5439ee465102d923eff3eec61573c5393"),
        "372/labeled": (24321, "a7fa9c926a15c3983a6b2b884dc455bcfaf59ddc2cbe63f895e1d067d5a7f9b4"),
        "372/unlabeled": (169117, "de6eeec7ec6d43403138d840e91e671af0033dc09a09cbcd14a7b872963b034f"),
        "744/labeled": (48208, "489d49d7dde31150a862dbd0aabfa8e787b9278ee51978d7d3d2c8e67d666c66"),
        "744/unlabeled": (145232, "e7b30bf5cee9103f546818e61fd8e26eb63c3a763fdd2a45343744bb6d96618a"),
        "1488/labeled": (96715, "1c345bd7ed630b201bc3c3cde2604dce0d65df35c142bbf35ffea8a699485488"),
        "1488/unlabeled": (96723, "be9e936decc74da8575cd57974e3b0ed4a669317873a5748125330b7d10409dc"),
        "val": (31949, "8115b5b627fe0b24001c541804788b8c2bb16076b78ad036a9905d471abd11fd"),
    },
)
_ACCOUNT = "register at https://www.cityscapes-dataset.com/register/ and download them from its downloads page"

CITYSCAPES = Dataset(
    name="cityscapes",
    title="Cityscapes, fine annotations",
    classes=(
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic_light", "traffic_sign", "vegetation",
        "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
    ),
    colours=(
        (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153),
        (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0),
        (0, 0, 142), (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
    ),
    void=(0, 0, 0),
    files=(
        Remote(
            "leftImg8bit_trainvaltest.zip", "md5:0a6e97e94b616a514066c9e2adb0c97f", 11_592_327_197, obtain=_ACCOUNT
        ),
        Remote("gtFine_trainvaltest.zip", "md5:4237c19de34c8a376e9ba46b495d6f66", 252_567_705, obtain=_ACCOUNT),
    ),
    counts={"train": 2_975, "val": 500, "unlabeled": 0},
    splits=u2pl.splits("cityscapes", _LISTS, 186, 372, 744, 1488),
    validation=_LISTS["val"],
    protocols={"cityscapes": Protocol("cityscapes", {"size": 769, "stride": 513})},
    converter=Converter(wanted, examples, read_mask, read_list),
    homepage="https://www.cityscapes-dataset.com/",
    licence="Cityscapes' own: non-commercial use, no redistribution, an account is needed; lists Apache-2.0 (U2PL)",
    citation="Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016; Wang et al.,"
    " U2PL, CVPR 2022 (lists)",
)  # fmt: skip

DATASETS = (CITYSCAPES,)
