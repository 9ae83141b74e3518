"""Masks that are files, each called like its image: in a folder of their own, or beside the images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import masks
from semiproto.data.own.contents.images import NO_IMAGES
from semiproto.data.own.formats import coco
from semiproto.data.own.formats.tools import unread
from semiproto.data.own.layouts.folder_names import FILES, IMAGE_HINTS, MASK_FOLDERS, MASK_HINTS, folded, role
from semiproto.data.own.layouts.layout import Layout
from semiproto.data.own.layouts.recognise.class_masks import beside_images, classes_by_folder, classes_by_name
from semiproto.data.own.layouts.recognise.mask_classes import mode, with_classes
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import fold, unmasked, words_of


def mask_folders(tree: Tree) -> Layout | None:
    """Masks in folders that are called like those of masks, beside their images, or in folders of any name."""
    roots = _roots(tree)
    if not roots:
        return _beside_images(tree) or _apart(tree)
    order = folded(MASK_FOLDERS)
    likeliest = min((role(root.name) for root in roots), key=order.index)
    kept = [root for root in roots if role(root.name) == likeliest]
    images = tree.image_folders(kept)
    if not images or classes_by_folder(tree, kept) or classes_by_name(tree, kept):
        return None
    left = [root.as_posix() for root in roots if root not in kept]
    notes = [f"not read: masks in {', '.join(left)}; those in {kept[0].as_posix()} are"] if left else []
    return with_classes(tree, _layout(tree, images, [root.as_posix() for root in kept], notes))


def by_words(tree: Tree) -> Layout | None:
    """Folders with words for images and masks in their names, or one called like masks that holds none: it may be that
    none of them can be read, which `check-data` says."""
    if _roots(tree) or beside_images(tree):
        return None
    roots = [Path(name) for name in MASK_FOLDERS if (tree.base / name).is_dir()][:1]
    if unread.remedy(tree.base / path for path in tree.below(roots, ".json")) is not None:
        return None
    if (worded := _by_words(tree)) is not None:
        return with_classes(tree, worded)
    images = tree.image_folders(roots) if roots else []
    return with_classes(tree, _layout(tree, images, [root.as_posix() for root in roots])) if images else None


def _layout(tree: Tree, images: list[str], labels: list[str], notes: Sequence[str] = ()) -> Layout:
    return Layout(_tool_of(tree, "folder of masks"), "masks", images, labels, notes=list(notes))


def _roots(tree: Tree) -> list[Path]:
    """The folders of masks by their names, but those of COCO's panoptic segments."""
    panoptic = {name for path in tree.json_of("coco") for name in coco.folders_of(path)}
    counts = Counter({
        folder: count for folder, count in tree.mask_files.items()
        if not _holds_no_masks(folder) and folder.name not in panoptic
    })  # fmt: skip
    return tree.mask_roots(counts)


def _holds_no_masks(folder: Path) -> bool:
    return any(part.lower() in NO_IMAGES and part.lower() != "segmentationclass" for part in folder.parts)


def _tool_of(tree: Tree, otherwise: str) -> str:
    """The tool whose marks lie in the folder."""
    names = {path.name for path in tree.files}
    if "labelmap.txt" in names:
        return "CVAT segmentation mask"
    if "_classes.csv" in names:
        return "Roboflow semantic segmentation masks"
    if "class_names.txt" in names:
        return "labelme2voc"
    if any(root.name == "imagesTr" for root in tree.image_roots):
        return "nnU-Net"
    return "PASCAL VOC" if any(root.name == "JPEGImages" for root in tree.image_roots) else otherwise


def _beside_images(tree: Tree) -> Layout | None:
    folders = beside_images(tree)
    if not folders or classes_by_name(tree, folders):
        return None
    images = [folder.as_posix() for folder in folders]
    return with_classes(tree, Layout(_tool_of(tree, "masks beside images"), "masks", images, images))


def _apart(tree: Tree) -> Layout | None:
    """Folders of any name, such as CamVid's, in which all pictures are called like the masks of images elsewhere."""
    stems: dict[Path, set[str]] = {}
    for path in tree.suffixed(*layout.IMAGE_SUFFIXES):
        stems.setdefault(path.parent, set()).add(fold(path.stem))
    plain = {folder: {unmasked(stem) for stem in found} for folder, found in stems.items()}
    labels = [
        folder
        for folder, found in sorted(stems.items())
        if tree.mask_files[folder] and not plain[folder] & found
        and any(plain[folder] & others for other, others in stems.items() if other != folder)
    ] or [folder for folder in sorted(stems) if any(_is_of_masks(folder, other) for other in stems)]  # fmt: skip
    wanted = set().union(*(plain[folder] for folder in labels))
    images = [folder for folder, found in sorted(stems.items()) if folder not in labels and found & wanted]
    if not images:
        return None
    extra = tree.split_folders([*images, *labels])
    places, masked = ([folder.as_posix() for folder in found] for found in ([*images, *extra], labels))
    return with_classes(tree, Layout("folder of masks", "masks", places, masked))


def _by_words(tree: Tree) -> Layout | None:
    """Folders with words for images and for masks in their names, and stems in common; of masks those of values come
    before those in colours."""
    stems = {folder: {unmasked(path.stem) for path in tree.inside(folder, *FILES)} for folder in sorted(tree.pictures)}
    words = {folder: set(words_of(folder.name)) for folder in stems}
    labels = [folder for folder in words if words[folder] & MASK_HINTS and tree.mask_files[folder]]
    images = [folder for folder in words if words[folder] & IMAGE_HINTS and folder not in labels]
    labels = [folder for folder in labels if any(stems[folder] & stems[other] for other in images)]
    first = {folder: tree.base / tree.inside(folder, *masks.MASK_SUFFIXES)[0] for folder in labels}
    labels = [folder for folder in labels if mode(first[folder]) not in ("RGB", "RGBA")] or labels
    wanted = set().union(*(stems[folder] for folder in labels))
    places, masked = ([folder.as_posix() for folder in found if stems[folder] & wanted] for found in (images, labels))
    return Layout("folder of masks", "masks", places, masked) if places else None


def _is_of_masks(folder: Path, images: Path) -> bool:
    """Whether the folder beside one of images is called like it, and like masks: defaultannot, as CVAT's CamVid."""
    rest = folder.name.removeprefix(images.name)
    return folder.parent == images.parent and rest != folder.name and role(rest.strip("-_. ")) in folded(MASK_FOLDERS)
