"""Names as people and tools write them: which part of the set a name means, and which file.

A name is looked up among the files that are there, never opened as it stands, so none of them leaves the folder.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath

PARTS, TEST = ("train", "val", "unlabeled"), "test"
"""The parts that a prepared set has, and the one that is left out of it."""
WORDS = {
    "train": (
        *("train", "training", "trn", "labeled", "labelled"),
        *("entrenamiento", "entrainement", "apprentissage", "addestramento", "treino"),
    ),
    "val": (
        *("val", "valid", "validation", "dev", "eval", "evaluation"),
        *("validierung", "validacion", "validazione", "validacao"),
    ),
    TEST: ("test", "tests", "testing", "tst", "holdout", "prueba", "pruebas", "teste"),
    "unlabeled": ("unlabeled", "unlabelled"),
}
"""The words for each part of a set, without accents. Case, digits behind them (val2017) and other words beside them do
not matter."""
UNLABELED = re.compile(r"(?i)\b(?:un|non?|not|without)[-_ ]?label?l?(?:ed|s)?(?![a-z])")
HOLDOUT = re.compile(r"(?i)(?<![a-z])h[eo]ld[-_ ]?out(?![a-z])")
NNUNET = re.compile(r"(?<=images)(Tr|Ts)$|(?<=labels)(Tr|Ts)$")
JOINED = re.compile(
    rf"(?i)(?<![a-z])({'|'.join(sorted((word for known in WORDS.values() for word in known), key=len, reverse=True))})"
    r"s?(?=(?:annot|masks?|masken|labels?|images?|imgs?|bilder|sets?|satz|splits?|lists?|liste|ids?|names?|files?|data|daten)"
    r"(?![a-z]))"
)
"""A word for a part, and what it is of without a sign between: valset, trainmasks, Trainingsdaten."""

MASK_WORDS = (
    "watershed_mask|color_mask|simple segmentation|cp_masks|label_ground-truth_semantic"
    "|masks?|labels?|seg|segmentation|gt|annotation|l"
)
"""What stands behind the name of an image in that of its mask, of ilastik, Cellpose, Pixel Annotation Tool and
Segments.ai too."""
MASK_ENDING = re.compile(rf"(?<=.)[-_. ](?:{MASK_WORDS}|masks?[-_ ]?\d{{1,3}})$")
"""The number is that of one of several masks of an image."""
IMAGE_WORDS = "images?|img|im|photo|sat|rgb"
"""What stands behind or before the name that an image and its mask share in that of the image; lower case."""
IMAGE_ENDING = re.compile(rf"(?<=.)[-_. ](?:{IMAGE_WORDS})$")
AFFIXES = re.compile(
    r"^[0-9a-f]{8}-(?=.)"  # Label Studio puts eight digits before the name of an uploaded file
    rf"|^(?:masks?|labels?|gt|seg|{IMAGE_WORDS})[-_. ](?=.)"  # napari calls what it saves Labels_...
    rf"|(?<=.)[-_. ](?:{MASK_WORDS}|masks?[-_ ]?\d{{1,3}}|{IMAGE_WORDS})$"
    r"|(?<=.)[-_. ](?:p|0000|leftimg8bit|(?:gt(?:fine|coarse)_)?label[a-z0-9]*ids)$"
    r"|(?<=.)\.(?:jpe?g|jfif|png|tiff?|bmp|gif|webp|avif|ppm|pgm)$"
    r"|(?<=.)_(?:jpe?g|jfif|png|tiff?|bmp|webp|avif)\.rf\.[0-9a-f]{20,40}$"  # Roboflow's
)
"""What tools put before and behind the stem of an image's name; lower case."""
NUMBERED = re.compile(rf"^(?:masks?|labels?|gt|seg|{IMAGE_WORDS})(?=\d)")
"""A word for a mask or an image right before its number; lower case."""


ENCODING = re.compile(r"(?i)[-_.](label[a-z0-9]*ids|watershed_mask|label_ground-truth_semantic)$")
"""What the stem of a mask ends in where an image has several of different meanings: Cityscapes' labelIds and the like,
what Pixel Annotation Tool made of the strokes in `_mask`, and the classes of Segments.ai's objects."""
ENCODINGS = ("labeltrainids", "labelids")
"""The usual ones, the one that is preferred first."""
FURTHER_PICTURES = re.compile(
    r"(?i)[-_.](?:(?:gt(?:fine|coarse)_)?(?:color(?:_mask)?|instance[a-z0-9]*ids)"
    r"|label_ground-truth(?:_instance|_instance_colored|_semantic_colored)?)$"
)
"""What else Cityscapes, Pixel Annotation Tool and Segments.ai have for an image beside its masks: colours, and
objects."""


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case and without accents: `train_masks`, `trainMasks` and `trainmasks` have two."""
    name = "".join(sign for sign in unicodedata.normalize("NFD", name) if not unicodedata.combining(sign))
    name = NNUNET.sub(lambda match: {"Tr": " train", "Ts": " test"}[match[0]], name)
    plain = HOLDOUT.sub(" holdout ", UNLABELED.sub(" unlabeled ", JOINED.sub(r"\1 ", name).replace("_", " ")))
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", plain)]


def part_of(name: str) -> str | None:
    """The part of the set that a name means: train, val, test, unlabeled, or None where it names none or several.

    test-dev is one for test, as COCO calls it.
    """
    words = set(words_of(name))
    found = {part for part, known in WORDS.items() if words & set(known)}
    if "unlabeled" in found:
        found.discard("train")
    if found == {"val", TEST}:
        return TEST
    return found.pop() if len(found) == 1 else None


def part_of_folders(path: PurePath) -> str | None:
    """The part that the folders of a relative path mean; of several the one that is trained on least."""
    found = {part_of(folder) for folder in path.parent.parts}
    return next((part for part in (TEST, "val", "unlabeled", "train") if part in found), None)


def part_of_file(path: PurePath) -> str | None:
    """The part that the name of a file means, or else that of its folders; path: relative."""
    return part_of(path.stem) or part_of_folders(path)


def part_that_begins(stem: str) -> str | None:
    """The part that the first word of a name means: test_6."""
    first = re.match(r"[^\W\d_]+", stem)
    return part_of(first[0]) if first else None


def renumbered(path: Path, one: Path, other: Path) -> Path | None:
    """A path with the numbers of `other` in place of those of `one`; None where these two differ in more."""
    numbers, new = (re.findall(r"\d+", str(name)) for name in (one, other))
    if re.split(r"\d+", str(one)) != re.split(r"\d+", str(other)) or re.findall(r"\d+", str(path)) != numbers:
        return None
    return Path(re.sub(r"\d+", lambda _: new.pop(0), str(path)))


def fold(text: str) -> str:
    """The text without case, in NFC: a Mac writes é as e and an accent."""
    return unicodedata.normalize("NFC", text).casefold()


def but_for_case(names: Iterable[str]) -> list[list[str]]:
    """The names that differ only in case, together."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[fold(name)].append(name)
    return [alike for alike in found.values() if len(alike) > 1]


def bare(stem: str) -> str:
    """The stem, folded, without what tools put before and behind it."""
    text = fold(stem)
    while (shorter := AFFIXES.sub("", text)) != text:
        text = shorter
    return text


def numbered(stem: str) -> str:
    """`bare`, and label7 and image7 are 7."""
    return NUMBERED.sub("", bare(stem))


def uploaded(stem: str) -> str:
    """What Label Studio makes of a stem: blanks become underscores, and only letters, digits, `_`, `-`, `.` remain."""
    return bare(re.sub(r"[^-\w.]", "", fold(stem).strip().replace(" ", "_")) or stem)


def encoding_of(stem: str) -> str | None:
    """What the values of a mask are where its name says so, lower case; None for other masks."""
    match = ENCODING.search(stem)
    return match[1].lower() if match else None


def main_encoding(stems: Iterable[str]) -> str | None:
    """The encoding that most masks of a set have, since values of two mean different classes."""
    counts = Counter(found for stem in stems if (found := encoding_of(stem)))
    usual = {name: len(ENCODINGS) - place for place, name in enumerate(ENCODINGS)}
    return max(sorted(counts), key=lambda name: (counts[name], usual.get(name, 0)), default=None)


def unmasked(stem: str) -> str:
    """The stem of a mask's image: folded, without one of the words for a mask."""
    return MASK_ENDING.sub("", fold(stem))


def unimaged(stem: str) -> str:
    """The stem, folded, without one of the words for an image: what x_sat.jpg shares with x_mask.png."""
    return IMAGE_ENDING.sub("", fold(stem))


def shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def parts_of(text: str) -> PurePosixPath:
    """A path as any system writes it, without drive, root and `..`."""
    parts = re.sub(r"^[A-Za-z]:", "", text.strip().replace("\\", "/")).split("/")
    return PurePosixPath(*(part for part in parts if part not in ("", ".", "..")))


@dataclass(frozen=True)
class Ambiguous:
    """A name that several files have equally well."""

    candidates: list[Path]

    def __str__(self) -> str:
        return " and ".join(str(path) for path in self.candidates[:2])


def _stem(path: PurePath) -> str:
    return path.stem


WAYS: tuple[tuple[str, Callable[[PurePath], str], Callable[[PurePath], str]], ...] = (
    ("by file name", lambda path: path.name, lambda path: path.name),
    ("without case", lambda path: fold(path.name), lambda path: fold(path.name)),
    ("by stem", _stem, lambda path: path.name),
    ("by stem", _stem, _stem),
    ("by stem without case", lambda path: fold(path.stem), lambda path: fold(path.name)),
    ("by stem without case", lambda path: fold(path.stem), lambda path: fold(path.stem)),
    ("without known suffix or prefix", lambda path: fold(path.stem), lambda path: unmasked(path.stem)),
    ("without known suffix or prefix", lambda path: uploaded(path.stem), lambda path: bare(path.name)),
    ("without known suffix or prefix", lambda path: bare(path.stem), lambda path: bare(path.name)),
    ("by number", lambda path: numbered(path.stem), lambda path: numbered(path.name)),
)
"""How a name is looked up, one way after the other: in words, the key of a file, and the key of the name."""
BY_STEM = 2
"""The first of WAYS that leaves the suffix out."""
BY_NUMBER = len(WAYS) - 1
"""The one for masks alone: a number in a table may be that of its row."""


@dataclass
class Names:
    """The files that names may mean. `how` counts by which way they were found."""

    base: Path
    files: list[Path]
    how: Counter[str] = field(default_factory=Counter)
    _indices: dict[int, dict[str, list[Path]]] = field(default_factory=dict)

    def find(self, text: str, folders: Iterable[Path] = ()) -> Path | Ambiguous | None:
        """The file that a name means: as it is written below one of `folders` or the base, then by each of WAYS.

        Of several candidates the one with the most folders in common with the name is meant.
        """
        wanted = parts_of(text)
        literal = self._index(BY_STEM).get(text) or self._index(0).get(text)  # a name that looks like a path of Windows
        if literal and len(literal) == 1:
            self.how["as written"] += 1
            return literal[0]
        if not wanted.parts:
            return None
        for folder in (*folders, self.base):
            if (folder / wanted).as_posix() in self._written:
                self.how["as written"] += 1
                return folder / wanted
        return self._by_ways(wanted, 0)

    def namesake(self, path: PurePosixPath) -> Path | Ambiguous | None:
        """The file that another one is named after: the image of a mask, whose suffix is its own."""
        return self._by_ways(path, BY_STEM, mirrored=True)

    def _by_ways(self, wanted: PurePosixPath, first: int, mirrored: bool = False) -> Path | Ambiguous | None:
        for number in range(first, len(WAYS) if mirrored else BY_NUMBER):
            words, _, key = WAYS[number]
            if found := self._index(number).get(key(wanted)):
                best = _nearest(found, wanted, self.base, mirrored)
                if len(best) > 1:
                    return Ambiguous(best)
                self.how[words] += 1
                return best[0]
        return None

    @cached_property
    def _written(self) -> set[str]:
        return {path.as_posix() for path in self.files}

    def _index(self, number: int) -> dict[str, list[Path]]:
        if number not in self._indices:
            index: dict[str, list[Path]] = defaultdict(list)
            for path in self.files:
                index[WAYS[number][1](path)].append(path)
            self._indices[number] = dict(index)
        return self._indices[number]

    def lines(self, what: str) -> list[str]:
        """How many names were found in which way, unless all are as written."""
        if set(self.how) <= {"as written"}:
            return []
        return [f"{what} found {', '.join(f'{words}: {count}' for words, count in self.how.most_common())}"]


def _nearest(candidates: list[Path], wanted: PurePosixPath, base: Path, mirrored: bool) -> list[Path]:
    """Those of the candidates that have the most folders in common with the name.

    mirrored: the name's folders are those of a tree like the candidates', so that of these the ones with the fewest
    other folders are meant.
    """
    if len(candidates) == 1:
        return candidates
    folders = Counter(map(fold, wanted.parent.parts))
    scores = []
    for path in candidates:
        own = Counter(map(fold, path.relative_to(base).parent.parts))
        common = (folders & own).total()
        scores.append((common, common - own.total() if mirrored else 0))
    return [path for path, score in zip(candidates, scores, strict=True) if score == max(scores)]
