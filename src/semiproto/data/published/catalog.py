"""What can be downloaded: files with sources and checksums, the sets made of them, and the published label lists.

Sizes and checksums are those that the publishers state, or that several public projects record for the same file; a
file without a checksum cannot be entered, because nothing is kept that was not verified. Where only an MD5 sum is
published, that is what is checked: it finds damage, though not a deliberate forgery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from semiproto.data import layout

_CHECKSUM = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Remote:
    """A file of known content, wherever it comes from.

    name: path below the download folder and below a mirror. checksum: `sha256:<hex>` or `md5:<hex>`. size: bytes, None
    where no figure was found. sources: URLs in the order in which they are tried. obtain: how to get the file where it
    has no source, because it needs an account.
    """

    name: str
    checksum: str
    size: int | None
    sources: tuple[str, ...] = ()
    obtain: str = ""

    def __post_init__(self) -> None:
        if not _CHECKSUM.fullmatch(self.checksum):
            raise ValueError(
                f"{self.name}: {self.checksum!r} is no checksum; give sha256:<64 digits> or md5:<32 digits>"
            )


@dataclass(frozen=True)
class Split:
    """A published pair of lists: which images are labelled, and which of the others are used without labels."""

    family: str
    labels: int
    labeled: Remote
    unlabeled: Remote


@dataclass(frozen=True)
class Dataset:
    """A set that files of the catalogue are made into.

    classes: names in the order of mask values. colours: RGB of each class. void: RGB of value 255. files: what is
    needed, images first. counts: images by list, as published. splits, validation: the published lists.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    void: tuple[int, int, int]
    files: tuple[Remote, ...]
    counts: Mapping[str, int]
    splits: tuple[Split, ...]
    validation: Remote
    homepage: str
    licence: str
    citation: str

    def lists(self) -> list[Remote]:
        """The files of all published lists: validation, then labelled and unlabelled of each split."""
        return [self.validation, *(remote for split in self.splits for remote in (split.labeled, split.unlabeled))]


# ------------------------------------------------------------------------------------------- published lists

_U2PL = "https://raw.githubusercontent.com/Haochen-Wang409/U2PL"
_REVISIONS = ("cc103abf45e5ec8089ba5cbb38acac50c3936ba9", "71bb527d1f9f61423d870a3cf8167b99c0cf5d57")
"""Each corrected one of Cityscapes' two lists of 372; the later of them has every list as below. The checksum tells."""

_FOLDERS = {"voc": "pascal", "cityscapes": "cityscapes"}
_LISTS = {
    "voc/92/labeled": (1103, "7feeb5314d99485739e79c385d3b70145d44dc60190acb4d5df63165c630ef6a"),
    "voc/92/unlabeled": (125879, "9ae9c7726c7e06f8ef40cddfea55911128157c5a21c3c5195074e4e45e48031f"),
    "voc/183/labeled": (2195, "5dac0b72efebf63344c90c3700537e6d667c80bfa4c17205d96d459e655ec976"),
    "voc/183/unlabeled": (124787, "4a3f4c77c01bae73b342439dbb3eb9f09b102e5ca5680fcfd941785bafd0cc98"),
    "voc/366/labeled": (4391, "97abd8fe7d52346b2663e6faed73e89560a171788ea0a12c012bff26c74a25d4"),
    "voc/366/unlabeled": (122591, "2cb6fe3645fa20e66653209b003e9d8b059e18bc664341515ea352eac2ef273c"),
    "voc/732/labeled": (8783, "b2973f8d47b780e0bc53f598a51fb651c21c7485f4d02111296452abb931ce44"),
    "voc/732/unlabeled": (118199, "077f8aab596629403bb38177c3c678a17a30eb7132a38f4952237763b311a170"),
    "voc/1464/labeled": (17567, "129f1fe991729b1862115b77738c938c149c1f167baa02b4b3186aea9f0d6a84"),
    "voc/1464/unlabeled": (109415, "ba34ae09804b56761fbb46667ed6eb962a498205c068521b1105a0944f08ac40"),
    "voc/662/labeled": (7943, "e9bb5d18af8041799389ad0c2274f043161a912837416c2c6403d9d901dee4c1"),
    "voc/662/unlabeled": (119039, "a9a7e39271779ccaacced31633d32d55a0dc27f61a451ac5e3a7a1403cdfb5af"),
    "voc/1323/labeled": (15875, "112dcea11e1a1d211e03db87c743989ffb29c16f90ce30da7c118b3c28f8d697"),
    "voc/1323/unlabeled": (111107, "669ca8dc16acaf33a9db723d40e914f93d8d4ab5edab121148fbf30861128694"),
    "voc/2646/labeled": (31751, "4cc769f75d69c74e4eabdb1dff7cb93ac22a4c30a9b759a7cedec3e3c6b7ed28"),
    "voc/2646/unlabeled": (95231, "4fd8e0bc7304c99ac884c6876a8f5d23ce6d9468fa55601334982ad4fa631f4f"),
    "voc/5291/labeled": (63491, "989051b20c885ee09c37b5e5d005c067a6cd1bbcf40b06df6eb4af9e41992296"),
    "voc/5291/unlabeled": (63491, "7594c243192ee8decac87d733eb977fea16ede88f9b0cf7759c73251e7f0a82c"),
    "voc/val": (17387, "6f8edc37993764f6e212237d39546fb595246244147e8a050813c520aac0ade1"),
    "cityscapes/186/labeled": (12150, "b325a363ec870628cbf3265bf48f9d9bf3e6e87a6e5c004ca989cda6279a0fd4"),
    "cityscapes/186/unlabeled": (181290, "0adcdcf9cf5db4276dfcdba1c207b2e5439ee465102d923eff3eec61573c5393"),
    "cityscapes/372/labeled": (24321, "a7fa9c926a15c3983a6b2b884dc455bcfaf59ddc2cbe63f895e1d067d5a7f9b4"),
    "cityscapes/372/unlabeled": (169117, "de6eeec7ec6d43403138d840e91e671af0033dc09a09cbcd14a7b872963b034f"),
    "cityscapes/744/labeled": (48208, "489d49d7dde31150a862dbd0aabfa8e787b9278ee51978d7d3d2c8e67d666c66"),
    "cityscapes/744/unlabeled": (145232, "e7b30bf5cee9103f546818e61fd8e26eb63c3a763fdd2a45343744bb6d96618a"),
    "cityscapes/1488/labeled": (96715, "1c345bd7ed630b201bc3c3cde2604dce0d65df35c142bbf35ffea8a699485488"),
    "cityscapes/1488/unlabeled": (96723, "be9e936decc74da8575cd57974e3b0ed4a669317873a5748125330b7d10409dc"),
    "cityscapes/val": (31949, "8115b5b627fe0b24001c541804788b8c2bb16076b78ad036a9905d471abd11fd"),
}


def _list(name: str) -> Remote:
    dataset, rest = name.split("/", 1)
    size, digest = _LISTS[name]
    sources = tuple(f"{_U2PL}/{revision}/data/splits/{_FOLDERS[dataset]}/{rest}.txt" for revision in _REVISIONS)
    return Remote(f"splits/{name}.txt", f"sha256:{digest}", size, sources)


def _splits(dataset: str, family: str, *labels: int) -> tuple[Split, ...]:
    return tuple(Split(family, n, _list(f"{dataset}/{n}/labeled"), _list(f"{dataset}/{n}/unlabeled")) for n in labels)


# ---------------------------------------------------------------------------------------------- PASCAL VOC

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
        *_splits("voc", "classic", 92, 183, 366, 732, 1464),
        *_splits("voc", "blended", 662, 1323, 2646, 5291),
    ),
    validation=_list("voc/val"),
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
)

# ---------------------------------------------------------------------------------------------- Cityscapes

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
    splits=_splits("cityscapes", "cityscapes", 186, 372, 744, 1488),
    validation=_list("cityscapes/val"),
    homepage="https://www.cityscapes-dataset.com/",
    licence="Cityscapes' own: non-commercial use, no redistribution, an account is needed; lists Apache-2.0 (U2PL)",
    citation="Cordts et al., The Cityscapes Dataset for Semantic Urban Scene Understanding, CVPR 2016; Wang et al.,"
    " U2PL, CVPR 2022 (lists)",
)  # fmt: skip

DATASETS = {dataset.name: dataset for dataset in (VOC_SBD, VOC_CLASS_AUG, VOC, CITYSCAPES)}


def splits_of(family: str) -> list[Split]:
    """The published splits of a family, by number of labels."""
    return [split for dataset in (VOC_SBD, CITYSCAPES) for split in dataset.splits if split.family == family]


def describe() -> Iterator[str]:
    """The catalogue as lines to print: each set's counts, files, where they come from, licence and citation."""
    for dataset in DATASETS.values():
        yield f"{dataset.name}: {dataset.title}"
        yield "  images: " + ", ".join(f"{count:,} {part}" for part, count in dataset.counts.items())
        for family in dict.fromkeys(split.family for split in dataset.splits):
            yield f"  lists, {family}: " + ", ".join(str(s.labels) for s in dataset.splits if s.family == family)
        for file in dataset.files:
            size = f"{file.size:,} bytes" if file.size else "size not published"
            yield f"  {file.name}: {size}, {file.checksum}"
            yield from (f"    {source}" for source in file.sources or (file.obtain,))
        yield f"  {dataset.homepage}"
        yield f"  licence: {dataset.licence}"
        yield f"  cite: {dataset.citation}"
    yield "published lists, for one set or several:"
    for file in dict.fromkeys(file for dataset in DATASETS.values() for file in dataset.lists()):
        yield f"  {file.name}: {file.size:,} bytes, {file.checksum}"
        yield from (f"    {source}" for source in file.sources)
