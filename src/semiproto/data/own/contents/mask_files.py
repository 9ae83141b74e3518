"""Masks that are files, each called like its image."""

from __future__ import annotations

from pathlib import Path

from semiproto.data import layout
from semiproto.data.own.account import PASSED_OVER
from semiproto.data.own.contents.found import MANY, Found
from semiproto.data.own.contents.images import UNREAD_SUFFIXES
from semiproto.data.own.faults import Fault, fault_of, first_of_many
from semiproto.data.own.formats import class_files
from semiproto.data.own.masks import LOSSY, LOSSY_REMEDY, MASK_SUFFIXES, near_values
from semiproto.data.own.names import FURTHER_PICTURES, Ambiguous, encoding_of, main_encoding
from semiproto.errors import UserError

LOSSY_KIND = "mask-suffix"
"""The fault of masks that do not keep values."""


def require_one_meaning(found: Found) -> None:
    """Files of class names, one in each folder as Roboflow writes them, must contradict neither each other nor the
    parameters, which `init` made of them: files and folders change afterwards."""
    folder, source = found.folder, found.folder.source
    try:
        others = class_files.folders(folder.folders)
        table = class_files.find(class_files.places(folder.base, folder.labels, folder.roots, others))
    except UserError as error:
        place = Path(str(error).partition(": ")[0])
        found.faults.append(fault_of("class-files", place, error))
        return
    if table is None:
        return
    if difference := class_files.contradiction(table, source):
        remedy = "correct dataset.classes, or this file; the pixels of a class have the name of another by one of them"
        found.error("class-files", table.file, f"{difference} by dataset.classes", remedy)
    elif strangers := class_files.unknown(table, source):
        words = f"names {', '.join(strangers[:5])}, which dataset.classes does not have"
        remedy = "rename them there or in this file, or run `semiproto init` again once an image shows them"
        found.warning("class-files", table.file, words, remedy)


def read(found: Found) -> None:
    """Notes the mask of each image, and the part that the mask's folders say."""
    files = [path for path in found.folder.below_labels() if path not in found.images and path not in found.uses]
    masks = [path for path in files if path.suffix.lower() in MASK_SUFFIXES]
    encoding = main_encoding(path.stem for path in masks)
    others = [path for path in masks if encoding is not None and encoding_of(path.stem) != encoding]
    for path in masks if encoding is None else [path for path in masks if encoding_of(path.stem) == encoding]:
        image = found.lookup.image_of(path)
        if isinstance(image, Ambiguous):
            found.error("ambiguous-name", path, f"the mask may be of {image}", "put both in folders of one name")
        elif image is None:
            found.strangers.append(path)
        else:
            _pair(found, image, path)
    _pass_over_encodings(found, others, encoding)
    _refuse_lossy(found, [path for path in files if path.suffix.lower() not in MASK_SUFFIXES])


def _pair(found: Found, image: Path, mask: Path) -> None:
    first = found.masks.setdefault(image, mask)
    part = found.folder.part_of(mask)
    if part is not None and not found.contradicts(image, part, mask):
        found.parts.setdefault(image, part)
    if first == mask or not isinstance(first, Path):
        return
    if first.suffix.lower() == mask.suffix.lower():
        found.error("same-stem", mask, *_two_masks(first, mask))
        return
    best, worse = sorted((first, mask), key=lambda path: MASK_SUFFIXES.index(path.suffix.lower()))
    found.masks[image] = best
    found.uses[worse] = f"{PASSED_OVER}{worse.suffix} masks of images that have a {best.suffix} mask"


def _two_masks(first: Path, second: Path) -> tuple[str, str]:
    """What is wrong with two masks of one image, and the remedy."""
    if first.stem == second.stem:
        return f"another mask has the same id {second.stem!r}", "rename one"
    return f"{first} is a mask of the same image", "join them into one file, with a value for each class, or keep one"


def _pass_over_encodings(found: Found, others: list[Path], encoding: str | None) -> None:
    """Further pictures of an image, and masks whose values mean something else than those of the other masks."""
    for path in others:
        if FURTHER_PICTURES.search(path.stem):
            found.uses[path] = f"{PASSED_OVER}masks in colours or of objects, beside those of classes"
            continue
        found.uses[path] = f"{PASSED_OVER}masks in another form than {encoding}"
        image = found.lookup.image_of(path)
        if isinstance(image, Path) and image not in found.masks:
            words = f"its image has no mask in the form {encoding} of the other masks, and values differ in meaning"
            found.error("mask-form", path, words, f"add the mask in the form {encoding}, or delete this one")


def _refuse_lossy(found: Found, others: list[Path]) -> None:
    """JPEGs and the like where a mask should be, all in one line."""
    pictures = (*layout.IMAGE_SUFFIXES, *UNREAD_SUFFIXES)
    faults = []
    for path in others:
        image = found.lookup.image_of(path) if path.suffix.lower() in pictures else None
        if image is None or image in found.masks:
            continue
        words, remedy = f"a mask cannot be a {path.suffix} file", "save it as PNG"
        if path.suffix.lower() in LOSSY:
            words, remedy = f"{words}: its values are changed where it is compressed{near_values(path)}", LOSSY_REMEDY
        found.uses[path] = f"{PASSED_OVER}{path.suffix} files where a mask should be"
        faults.append(Fault(LOSSY_KIND, str(path), words, remedy))
    found.faults += first_of_many(faults, 1)


def refuse_channel_files(found: Found) -> None:
    """nnU-Net's images of several channels: the files x_0000, x_0001 and so on are one image, whose mask is x."""
    first = [(image, mask) for image, mask in found.masks.items() if image.stem.endswith("_0000")]
    for image, mask in first:
        second = image.with_name(f"{image.stem[:-1]}1{image.suffix}")
        if isinstance(mask, Path) and image.stem == f"{mask.stem}_0000" and second in found.images:
            words = f"{image.name} and {second.name} are channels of one image, each in a file of its own"
            found.error("channel-files", image, words, "save the channels of each image as the bands of one TIFF")
            return


def warn_of_strangers(found: Found) -> None:
    """Masks that are named like no image, and that no list or table names either."""
    faults = []
    named = {mask for mask in found.masks.values() if isinstance(mask, Path)}
    for path in found.strangers:
        if path in named:
            continue
        found.uses[path] = f"{PASSED_OVER}masks without an image"
        words = f"no image has the stem {path.stem!r}"
        remedy = "add the image, name the mask like it, or delete the mask"
        faults.append(Fault("mask-without-image", str(path), words, remedy, warning=True))
    found.faults += first_of_many(faults, MANY)
