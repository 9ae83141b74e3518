"""Files of labelling tools, with outlines or run lengths: one for many images, or one beside each image."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from semiproto.data.own.formats import coco, outlines, yolo
from semiproto.data.own.formats.tools import cvat, datumaro, labelme, labelstudio, supervisely, via
from semiproto.data.own.layouts.layout import UNSEEN, Layout
from semiproto.data.own.layouts.tree import Tree
from semiproto.data.own.names import TEST, fold, part_of, part_of_file, part_of_folders

COCO_FOLDERS = ("annotations", "annotation")


def of_coco(tree: Tree) -> Layout | None:
    """COCO's JSON files: instances, and panoptic segments with their PNGs."""
    files = tree.json_of("coco")
    if not files:
        return None
    instances = [path for path in files if path.name.startswith("instances")]
    rest = [path for path in files if path not in instances]
    others = {path: task for path in rest if (task := coco.other_task(tree.base / path)) is not None}
    read = cache(lambda path: coco.read(tree.base / path))
    instances = instances or [path for path in files if path not in others]
    instances = instances or [path for path in files if any(one.segmentation for one in read(path).annotations)]
    if not instances:
        return None
    kept, notes = by_part(instances, lambda path: {one.file_name for one in read(path).images})
    if left := [path for path in files if path not in instances]:
        notes.append(f"not read: {', '.join(_said(path, others) for path in left)}")
    folders = [path.parent for path in kept if path.parent.name.lower() not in COCO_FOLDERS]
    segments = {name for path in files for name in coco.folders_of(path)}
    images = tree.image_folders(folders or [path.parent.parent / "none" for path in kept])
    images = [name for name in images if Path(name).name not in segments]
    trained = [path for path in kept if part_of_file(path) != TEST] or kept
    names = list(dict.fromkeys(name for path in trained for name in read(path).class_names(tree.base / path)))
    if unused := sorted({name for path in trained for name in read(path).unused()} - set(names)):
        notes.append(f"categories without an outline, left out of the classes: {', '.join(unused)}")
    notes.append(
        f"of two outlines that overlap the smaller is on top; pixels outside all are {(names or ['class 0'])[0]}"
    )
    labels = [path.as_posix() for path in kept]
    return Layout("COCO", "coco", images or ["."], labels, names, "from the categories", notes=notes)


def _said(path: Path, others: dict[Path, str]) -> str:
    return f"{path.as_posix()}{f' (holds {others[path]}, no masks)' if path in others else ''}"


def of_datumaro(tree: Tree) -> Layout | None:
    """Datumaro's JSON files."""
    files = tree.json_of("datumaro")
    if not files:
        return None
    note = "a later shape, and one of a higher z_order, is on top; pixels outside all are background"
    return annotated(tree, Layout("Datumaro", "datumaro", notes=[note]), files, datumaro.names)


def of_cvat(tree: Tree) -> Layout | None:
    """CVAT's XML files of images."""
    files = [path for path in tree.suffixed(".xml") if cvat.is_cvat(tree.base / path)]
    if not files:
        return None
    note = "a later shape, and one of a higher z_order, is on top; pixels outside all are background"
    found = annotated(tree, Layout("CVAT for images", "cvat", notes=[note]), files, cvat.names)
    tags = sorted({label for path in files for label in cvat.without_area(tree.base / path)})
    if tags := [label for label in tags if outlines.class_name(label) not in found.names]:
        found.notes.append(f"labels without an area (tags, points, lines), left out of the classes: {', '.join(tags)}")
    return found


def of_labelstudio(tree: Tree) -> Layout | None:
    """Label Studio's JSON files, or the PNGs of its brushes."""
    pngs = [path for path in tree.suffixed(".png") if labelstudio.PNG.fullmatch(path.name)]
    if pngs:
        folder = pngs[0].parent
        names = labelstudio.png_labels(pngs)
        images = tree.image_folders([folder]) or ["."]
        tool = "Label Studio brushes (PNG)"
        return Layout(tool, "labelstudio", images, [folder.as_posix()], names, "from the names of the PNGs")
    files = tree.json_of("labelstudio")
    if not files:
        return None
    notes = ["a later region is on top; pixels outside all are background"]
    if predicted := [path.as_posix() for path in files if labelstudio.is_predicted(tree.base / path)]:
        notes.append(f"predictions that nobody has corrected, taken for labels: {', '.join(predicted)}")
    return annotated(tree, Layout("Label Studio", "labelstudio", notes=notes), files, labelstudio.names)


def of_labelme(tree: Tree) -> Layout | None:
    """LabelMe's JSON files, one for each image."""
    files = tree.json_of("labelme")
    if not files:
        return None
    found = dict.fromkeys(path.parent for path in files)
    names = labelme.names([tree.base / path for path in files])
    images = tree.image_folders(list(found)) or ["."]
    images = [folder.as_posix() for folder in found if tree.pictures[folder]] or images
    note = "a later shape is on top; pixels outside all are background; an image with a JSON but no shape is background"
    labels = [folder.as_posix() for folder in found]
    extra = [folder.as_posix() for folder in tree.split_folders([Path(name) for name in images])]
    return Layout("LabelMe", "labelme", [*images, *extra], labels, names, "from the labels", notes=[note])


def of_supervisely(tree: Tree) -> Layout | None:
    """Supervisely's JSON files, one for each image, and its `meta.json`."""
    files = tree.json_of("supervisely")
    if not files:
        return None
    folders = list(dict.fromkeys(path.parent for path in files))
    meta = next((tree.base / path for path in tree.suffixed(".json") if path.name == supervisely.META), None)
    names = supervisely.names([tree.base / path for path in files], meta)
    pictures = [folder.parent / "img" for folder in folders if tree.pictures[folder.parent / "img"]]
    tops = {folder.parent for folder in folders}
    beside = [folder for folder in tree.pictures if folder.parent in tops]  # masks to look at
    images = [folder.as_posix() for folder in [*pictures, *tree.split_folders([*pictures, *beside])]] or ["."]
    note = "a later object is on top; pixels outside all are background; an image without an object is unlabelled"
    labels = [folder.as_posix() for folder in folders]
    return Layout("Supervisely", "supervisely", images, labels, names, "from the labels", notes=[note])


def of_via(tree: Tree) -> Layout | None:
    """Projects and tables of VGG Image Annotator."""
    tables = [path for path in tree.suffixed(".csv") if via.is_table(tree.base / path)]
    by_folder: dict[Path, list[Path]] = {}
    for path in [*tree.json_of("via"), *tables]:
        by_folder.setdefault(path.parent, []).append(path)
    if not by_folder:
        return None
    named = {folder: [path for path in found if part_of(path.stem)] for folder, found in by_folder.items()}
    kept = [path for folder, found in by_folder.items() for path in named[folder] or _of_other_images(tree, found)]
    notes = ["of two regions that overlap the smaller is on top; pixels outside all are background"]
    if left := [path.as_posix() for found in by_folder.values() for path in found if path not in kept]:
        notes.append(f"not read, since {kept[0].as_posix()} is: {', '.join(left)}")
    attributes = {one.attribute: one.others for one in (via.read(tree.base / path) for path in kept)}
    for name, others in attributes.items():
        notes.append(
            f"labels are the attribute {name!r}{'; not read: ' if others else ''}{', '.join(others)}" if name
            else f"regions have no attribute: all are of the class {via.OBJECT}"
        )  # fmt: skip
    return annotated(tree, Layout("VGG Image Annotator", "via", notes=notes), sorted(kept), via.names)


def _of_other_images(tree: Tree, files: list[Path]) -> list[Path]:
    """The files but those of images that an earlier one has: one project is often there in several forms."""
    kept, seen = [], set[str]()
    for path in files:
        images = {name for name, _ in via.read(tree.base / path).images}
        if not images & seen:
            kept.append(path)
            seen |= images
    return kept


def of_yolo(tree: Tree) -> Layout | None:
    """YOLO's text files in folders called `labels`, one for each image."""
    texts = [path for path in tree.suffixed(".txt") if any(fold(part) == "labels" for part in path.parts[:-1])]
    if not any(yolo.is_yolo(tree.base / path) for path in texts[:20]):
        return None
    roots = list(dict.fromkeys(_up_to(path.parent, "labels") for path in texts))
    images = tree.image_folders(roots) or ["."]
    names = yolo.names(tree.base)
    notes = ["of two polygons that overlap the smaller is on top; an image without a .txt is unlabelled"]
    drawn = yolo.drawn(tree.base, [tree.base / path for path in texts if part_of_folders(path) != TEST])
    if drawn and (unused := [name for name in names[1:] if name not in drawn]):
        names = [name for name in names if name not in unused]
        notes.append(f"{UNSEEN}: {', '.join(unused)}")
    labels = [root.as_posix() for root in roots]
    return Layout("YOLO segmentation", "yolo", images, labels, names, "from the names of the data set", notes=notes)


def _up_to(folder: Path, name: str) -> Path:
    depth = next(number for number, part in enumerate(folder.parts) if fold(part) == name)
    return Path(*folder.parts[: depth + 1])


def annotated(tree: Tree, found: Layout, files: list[Path], names: Callable[[Path], list[str]]) -> Layout:
    """The layout of a tool whose files say all. names: of the classes in one of them."""
    every: list[str] = []
    for path in files:
        with outlines.well_formed(tree.base / path):
            every += names(tree.base / path)
    found.names = list(dict.fromkeys(every))
    found.why = "from the labels"
    found.images = tree.image_folders([path.parent for path in files]) or ["."]
    found.masks = [path.as_posix() for path in files]
    return found


def by_part(files: list[Path], images: Callable[[Path], set[str]]) -> tuple[list[Path], list[str]]:
    """Of several files those that name a part, where some do, and of the others those of other images: CVAT's default
    subset is what is in no other. And in words which are not read, and which of them are trained on.

    images: the names of the images in a file.
    """
    named = [path for path in files if part_of_file(path) is not None]
    if not named or len(named) == len(files):
        return files, []
    known = set[str]().union(*map(images, named))
    more = [path for path in files if path not in named and images(path) - known]
    left = [path.as_posix() for path in files if path not in (*named, *more)]
    notes = [f"not read, since other files name the parts of its images: {', '.join(left)}"] if left else []
    if more:
        notes.append(f"to train with, since its name says no part: {', '.join(path.as_posix() for path in more)}")
    return [path for path in files if path in (*named, *more)], notes
