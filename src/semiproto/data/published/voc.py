"""PASCAL VOC 2012 with the masks of SBD, or without them.

VOC's own lists have 1,464 training and 1,449 validation images with masks. SBD annotates more of VOC's images; those
that are not in VOC's validation list join the training images, 10,582 in all. Where both have a mask, VOC's is taken:
it is the finer one, and has the void border around objects that SBD's masks lack.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.published import u2pl
from semiproto.data.published.entry import Converter, Dataset, Example, Parts, Protocol, Published, Remote
from semiproto.errors import UserError

_DEVKIT = "VOCdevkit/VOC2012"
_MASK_FOLDERS = ("benchmark_RELEASE/dataset/cls", "SegmentationClassAug")
_WANTED = {
    f"{_DEVKIT}/{layout.IMAGES}": ".jpg",
    f"{_DEVKIT}/{layout.MASKS}": ".png",
    f"{_DEVKIT}/{layout.LISTS}": ".txt",
    _MASK_FOLDERS[0]: ".mat",
    _MASK_FOLDERS[1]: ".png",
}
_WHITE = (255, 255, 255)


def wanted(name: str) -> bool:
    """Whether a member of one of VOC's or SBD's archives is needed."""
    folder, _, file = name.rpartition("/")
    return folder in _WANTED and file.endswith(_WANTED[folder])


def examples(folders: Sequence[Path], published: Published) -> Parts:
    """The images and masks in the folder VOC2012, and in the folder of SBD's `<id>.mat` files or PNG masks.

    The further masks are used for the training images that the published lists name and VOC's own lists do not; without
    them those images are unlabelled.
    """
    voc = folders[0] / _DEVKIT
    masks = next((folder / name for folder in folders for name in _MASK_FOLDERS if (folder / name).is_dir()), None)
    for folder in (voc / layout.IMAGES, voc / layout.MASKS, voc / layout.LISTS):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; this is not an unpacked VOC2012; get the archive again")
    train, val = (layout.read_list(voc / layout.LISTS / f"{part}.txt") for part in ("train", "val"))
    of_training = {image_id: voc / layout.MASKS / f"{image_id}.png" for image_id in train}
    validation = {image_id: voc / layout.MASKS / f"{image_id}.png" for image_id in val}
    named = published.training()
    for path in sorted(masks.iterdir()) if masks else []:
        if path.stem in named:
            of_training.setdefault(path.stem, path)
    unlabeled = dict.fromkeys(sorted(named - set(of_training) - set(val)))
    images = layout.images_by_id(voc / layout.IMAGES)
    return {
        part: {image_id: Example(_image(images, image_id, voc), mask) for image_id, mask in files.items()}
        for part, files in (("train", of_training), ("val", validation), ("unlabeled", unlabeled))
    }


def _image(images: Mapping[str, Path], image_id: str, voc: Path) -> Path:
    if image_id not in images:
        raise UserError(f"{voc / layout.IMAGES}: no image {image_id!r}, which a list or a mask names; get it again")
    return images[image_id]


# ---------------------------------------------------------------------------------------------------- masks


def read_mask(path: Path) -> np.ndarray:
    """Class indices uint8 [height, width], void 255, of one of SBD's .mat files, or of a mask in indices or colours."""
    if path.suffix == ".mat":
        values = _read_sbd(path)
    else:
        colours = _colours(path)
        values = layout.read_mask(path) if colours is None else _by_colour(path, colours)
    known = np.zeros(256, dtype=bool)
    known[[*range(21), layout.IGNORE_INDEX]] = True
    layout.require_known(path, values, known, "VOC has classes 0 to 20, and 255 for void")
    return values


def _read_sbd(path: Path) -> np.ndarray:
    """The mask in a .mat file. It must come from a verified archive: scipy's reader can crash on forged files."""
    from scipy.io import loadmat, matlab  # here, because scipy takes a second to load

    damaged = (OSError, KeyError, IndexError, ValueError, TypeError, NotImplementedError, zlib.error)
    try:
        values = np.asarray(loadmat(path)["GTcls"][0, 0]["Segmentation"])
    except FileNotFoundError:
        raise UserError(f"{path}: no such mask; get the archive of masks again") from None
    except (*damaged, matlab.MatReadError) as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path}: not a mask of SBD ({why}); get the archive of masks again") from None
    if values.ndim != 2 or values.dtype != np.uint8:
        raise UserError(
            f"{path}: not a mask of SBD ({values.dtype} of {values.ndim} dimensions); get the archive of masks again"
        )
    return values


def _colours(path: Path) -> np.ndarray | None:
    """The colours uint8 [height, width, 3] of a mask drawn in colours; None for any other file."""
    with opening.opened(path, opening.LOSSLESS, "a mask") as file:
        return np.asarray(file.convert("RGB")) if file.mode in ("RGB", "RGBA") else None


def _by_colour(path: Path, colours: np.ndarray) -> np.ndarray:
    """The class that each of VOC's colours stands for; VOC's void and white are void."""
    palette = layout.voc_palette()
    meaning = {tuple(palette[index].tolist()): index for index in (*range(21), layout.IGNORE_INDEX)}
    meaning[_WHITE] = layout.IGNORE_INDEX
    packed = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    numbers, place = np.unique(packed, return_inverse=True)
    seen = [(int(n) >> 16, int(n) >> 8 & 255, int(n) & 255) for n in numbers]
    for number, colour in zip(numbers, seen, strict=True):
        if colour not in meaning:
            row, column = np.argwhere(packed == number)[0].tolist()
            raise UserError(
                f"{path}: colour {colour} at row {row}, column {column} is not one of VOC's; correct the mask"
            )
    return np.array([meaning[colour] for colour in seen], dtype=np.uint8)[place].reshape(packed.shape)


# ---------------------------------------------------------------------------------------------------- entry

_LISTS = u2pl.lists(
    "voc",
    "pascal",
    {
        "92/labeled": (1103, "7feeb5314d99485739e79c385d3b70145d44dc60190acb4d5df63165c630ef6a"),
        "92/unlabeled": (125879, "9ae9c7726c7e06f8ef40cddfea55911128157c5a21c3c5195074e4e45e48031f"),
        "183/labeled": (2195, "5dac0b72efebf63344c90c3700537e6d667c80bfa4c17205d96d459e655ec976"),
        "183/unlabeled": (124787, "4a3f4c77c01bae73b342439dbb3eb9f09b102e5ca5680fcfd941785bafd0cc98"),
        "366/labeled": (4391, "97abd8fe7d52346b2663e6faed73e89560a171788ea0a12c012bff26c74a25d4"),
        "366/unlabeled": (122591, "2cb6fe3645fa20e66653209b003e9d8b059e18bc664341515ea352eac2ef273c"),
        "732/labeled": (8783, "b2973f8d47b780e0bc53f598a51fb651c21c7485f4d02111296452abb931ce44"),
        "732/unlabeled": (118199, "077f8aab596629403bb38177c3c678a17a30eb7132a38f4952237763b311a170"),
        "1464/labeled": (17567, "129f1fe991729b1862115b77738c938c149c1f167baa02b4b3186aea9f0d6a84"),
        "1464/unlabeled": (109415, "ba34ae09804b56761fbb46667ed6eb962a498205c068521b1105a0944f08ac40"),
        "662/labeled": (7943, "e9bb5d18af8041799389ad0c2274f043161a912837416c2c6403d9d901dee4c1"),
        "662/unlabeled": (119039, "a9a7e39271779ccaacced31633d32d55a0dc27f61a451ac5e3a7a1403cdfb5af"),
        "1323/labeled": (15875, "112dcea11e1a1d211e03db87c743989ffb29c16f90ce30da7c118b3c28f8d697"),
        "1323/unlabeled": (111107, "669ca8dc16acaf33a9db723d40e914f93d8d4ab5edab121148fbf30861128694"),
        "2646/labeled": (31751, "4cc769f75d69c74e4eabdb1dff7cb93ac22a4c30a9b759a7cedec3e3c6b7ed28"),
        "2646/unlabeled": (95231, "4fd8e0bc7304c99ac884c6876a8f5d23ce6d9468fa55601334982ad4fa631f4f"),
        "5291/labeled": (63491, "989051b20c885ee09c37b5e5d005c067a6cd1bbcf40b06df6eb4af9e41992296"),
        "5291/unlabeled": (63491, "7594c243192ee8decac87d733eb977fea16ede88f9b0cf7759c73251e7f0a82c"),
        "val": (17387, "6f8edc37993764f6e212237d39546fb595246244147e8a050813c520aac0ade1"),
    },
)
_TRAINVAL = Remote(
    "VOCtrainval_11-May-2012.tar",
    "sha256:e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
    1_999_639_040,
    (
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        "https://data.pjreddie.com/files/VOCtrainval_11-May-2012.tar",
        "https://pjreddie.com/media/files/VOCtrainval_11-May-2012.tar",
    ),
)
_SBD = Remote(
    "benchmark.tgz",
    "sha256:6a5a2918d5c73ce032fdeba876574d150d9d04113ab87540a1304cbcc715be53",
    1_419_539_633,
    (
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
        "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
    ),
)
_CLASS_AUG = Remote(
    "SegmentationClassAug.zip",
    "sha256:63b2c2e40badf93e7c4a91e2c5e6dd2eb68ace6a639736f9a2447b446ec2a13d",
    None,
    ("https://www.dropbox.com/s/oeu149j8qtbs1x0/SegmentationClassAug.zip?dl=1",),
)

VOC_SBD = Dataset(
    name="voc-sbd",
    title="PASCAL VOC 2012 with the masks of SBD",
    classes=(
        "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
        "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
    ),
    colours=tuple((red, green, blue) for red, green, blue in layout.voc_palette()[:21].tolist()),
    void=(224, 224, 192),
    files=(_TRAINVAL, _SBD),
    counts={"train": 10_582, "val": 1_449, "unlabeled": 0},
    splits=(
        *u2pl.splits("classic", _LISTS, 92, 183, 366, 732, 1464),
        *u2pl.splits("blended", _LISTS, 662, 1323, 2646, 5291),
    ),
    validation=_LISTS["val"],
    protocols={"classic": Protocol("voc-classic"), "blended": Protocol("voc-blended")},
    converter=Converter(wanted, examples, read_mask),
    homepage="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
    licence="images from Flickr under Flickr's terms of use; SBD states no licence; lists Apache-2.0 (U2PL)",
    citation="Everingham et al., The PASCAL VOC Challenge, IJCV 2010; Hariharan et al., Semantic Contours from Inverse"
    " Detectors, ICCV 2011; Wang et al., U2PL, CVPR 2022 (lists)",
)  # fmt: skip
VOC_CLASS_AUG = replace(
    VOC_SBD,
    name="voc-class-aug",
    title="PASCAL VOC 2012 with the masks of SBD as SegmentationClassAug, PNG files that are widely shared",
    files=(_TRAINVAL, _CLASS_AUG),
)
VOC = replace(
    VOC_SBD,
    name="voc",
    title="PASCAL VOC 2012, the images of SBD without masks",
    files=(_TRAINVAL,),
    counts={"train": 1_464, "val": 1_449, "unlabeled": 9_118},
    splits=tuple(split for split in VOC_SBD.splits if split.labels <= 1464),  # the others label images of SBD
    protocols={},
)

DATASETS = (VOC_SBD, VOC_CLASS_AUG, VOC)
