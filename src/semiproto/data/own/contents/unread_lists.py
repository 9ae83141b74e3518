"""Lists, tables and names that may keep images for validation or test and are not read: whoever wrote them did not want
these images to be trained on."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from semiproto.data.own.account import PASSED_OVER
from semiproto.data.own.contents.folder import below
from semiproto.data.own.contents.found import HELD_OUT, MANY, Found
from semiproto.data.own.contents.uses import LISTS, OTHER_FOLDS, PAIRS, may_list
from semiproto.data.own.faults import fault_of
from semiproto.data.own.formats import lists, readers
from semiproto.data.own.formats.outlines import Outlines
from semiproto.data.own.names import PARTS, TEST, fold, part_of, part_that_begins, renumbered, shown
from semiproto.errors import UserError

OR_MOVE = "or if it is for no parts move it out of the folder, and run `semiproto init` again"
"""What else may be done with a file that is not understood."""


def refuse(found: Found, parts: Mapping[str, list[Path]], listed: Mapping[str, list[Path]]) -> None:
    """Notes each such file as an error. parts: the images of each part. listed: those that lists of a part name."""
    _held_out_by_lists(found, parts, set(listed.get("train", [])))
    doubtful = _doubtful(found, parts, listed)
    _names_that_begin_with_parts(found, doubtful)
    _lists_of_no_part(found, parts, doubtful)
    _lists_of_unlabeled(found, doubtful & set(parts["train"]))
    _unknown_words(found, doubtful)
    _columns_that_tell(found, doubtful)
    if not parts["val"] and not found.test:
        _parts_inside_of_labels(found)


def _trained(parts: Mapping[str, list[Path]]) -> set[Path]:
    return {*parts["train"], *parts["unlabeled"]}


def _doubtful(found: Found, parts: Mapping[str, list[Path]], listed: Mapping[str, list[Path]]) -> set[Path]:
    """The images that would be trained on although no list, table or folder calls them training images."""
    said = {path for part in ("train", "unlabeled") for path in listed.get(part, [])}
    said |= {path for path in found.images if found.parts.get(path) in ("train", "unlabeled")}
    return _trained(parts) - said


# ------------------------------------------------------------------------------------ lists for validation and test


def _held_out_by_lists(found: Found, parts: Mapping[str, list[Path]], listed: set[Path]) -> None:
    """Lists, tables and annotations that keep images for test or validation, and that the parameters do not name.

    A file says so by its own name, or by what it says of each image. listed: the images that lists of training images
    name: a list that is called like those but for a number may be of another fold.
    """
    trained = _trained(parts)
    unread: dict[str, dict[Path, list[Path]]] = {part: {} for part in HELD_OUT}
    for file, part, images in _for_held_out(found):
        hit = [path for path in dict.fromkeys(images) if path in trained]
        if hit and listed.issuperset(hit) and _is_of_another_fold(found, file, part):
            found.uses[file] = OTHER_FOLDS
        elif hit:
            unread[part][file] = hit
    for part, files in unread.items():
        for file, hit in files.items():
            what = f"names {len(hit)} images" if part == part_of(file.stem) else f"keeps {len(hit)} images for {part}"
            remedy = f"{_remedy(found, file, part, files)}, or if it is not for that move it out of the folder"
            found.error("held-out", file, f"{what} that would be trained on, such as {hit[0].name}", remedy)


def _named(found: Found, file: Path) -> list[Path]:
    """The images that a file names in whatever form; none, and an error, where it cannot be read."""
    try:
        return list(found.lookup.all_of(file, readers.names_in(file)))
    except UserError as error:
        fault = fault_of("list-unreadable", file, error)
        fault = replace(fault, remedy=f"{fault.remedy}, {OR_MOVE}")
        found.faults += [fault] if fault not in found.faults else []
        return []


def _for_held_out(found: Found) -> Iterator[tuple[Path, str, Iterable[Path]]]:
    """Such files with the part and the images that they name."""
    for path in found.folder.files:
        if path in found.uses or not may_list(path):
            continue
        folder, part = path.parent.relative_to(found.folder.base), part_of(path.stem)
        if part in HELD_OUT:
            # VOC's other tasks validate on images that segmentation trains on; what one tests on, all test on.
            if part == TEST or not lists.is_of_another_task(folder):
                yield path, part, _named(found, path)
        elif part is None:
            said = found.folder.said(path).assigned
            held_out = ((held, names) for held, names in said.items() if held in HELD_OUT)
            yield from ((path, held, found.lookup.all_of(path, names)) for held, names in held_out)


def _is_of_another_fold(found: Found, file: Path, part: str) -> bool:
    """Whether the lists in use are called fold0_train.txt and fold0_val.txt, say, and this one fold1_val.txt with a
    fold1_train.txt beside it."""
    folder = found.folder
    used, trained = (folder.paths(getattr(folder.source, lists.PARAMETERS[one])) for one in (part, "train"))
    twins = (renumbered(train, one, file) for one in used for train in trained)
    there = [twin for twin in twins if twin is not None and twin in folder.folders.get(twin.parent, ())]
    found.uses |= {twin: OTHER_FOLDS for twin in there if twin not in found.uses}
    return bool(there)


def _remedy(found: Found, file: Path, part: str, unread: Mapping[Path, list[Path]]) -> str:
    """unread: the lists of the part that are not read, with their images; the parameter must name them all, besides
    those it has, but of several folds one."""
    folder, key = found.folder, lists.PARAMETERS[part]
    name, said = folder.relative(file).as_posix(), folder.said(file)
    if file.suffix in lists.LINES or said.assigned or said.plain:
        if (train := _trained_on_beside(found, file, unread)) is not None:
            return f"set dataset.train_list to {folder.relative(train)} and dataset.{key} to {name}"
        known = getattr(folder.source, key) or []
        more = [folder.relative(one).as_posix() for one in unread]
        names = list(dict.fromkeys([*([known] if isinstance(known, str) else known), *more]))
        several = yaml.safe_dump(names, default_flow_style=True, width=10**6).strip()
        return f"set dataset.{key} to {name if len(names) == 1 else several}"
    if readers.is_table(file):
        return f"add {name} to dataset.masks"
    return f"write its names into {part}.txt, one a line, and set dataset.{key} to that"


def _trained_on_beside(found: Found, file: Path, unread: Mapping[Path, list[Path]]) -> Path | None:
    """The list of training images of the same fold, which names what lists of other folds keep; None without."""
    kept = {path for other, images in unread.items() if other != file for path in images}
    for path in found.folder.folders[file.parent]:
        alike = path.suffix == file.suffix and re.findall(r"\d+", path.stem) == re.findall(r"\d+", file.stem)
        named = _named(found, path) if alike and part_of(path.stem) == "train" else ()
        if kept & set(named):
            return path
    return None


# ------------------------------------------------------------------------------------- what does not say its part


def _names_that_begin_with_parts(found: Found, doubtful: set[Path]) -> None:
    """Images that only the first words of their names tell apart: test_6.jpg beside train_0.jpg."""
    begins: dict[str, list[Path]] = defaultdict(list)
    for path in doubtful:
        if (part := part_that_begins(path.stem)) is None:
            return
        begins[part].append(path)
    for part in HELD_OUT if len(begins) > 1 else ():
        if images := begins.get(part):
            words = f"the names of {len(images)} images that would be trained on begin with a word for {part}"
            remedy = f"write them, one a line, into {found.folder.base / part}.txt, and run `semiproto init` again"
            found.error("held-out", min(images), words, f"{remedy}, or if they are not for that rename them")


def _lists_of_no_part(found: Found, parts: Mapping[str, list[Path]], doubtful: set[Path]) -> None:
    """Lists of some of the images that would be trained on, whose names say no part: they may be for validation.

    One that names all labelled images around it tells none apart.
    """
    for file in _possible_lists(found) if doubtful else ():
        images = _plainly_listed(found, file)
        if not images & doubtful:
            continue
        place = next(place for place in file.parents if any(path.is_relative_to(place) for path in images))
        if images >= {*(below(parts["train"], place) or doubtful)}:
            found.uses[file] = f"{PASSED_OVER}lists of all labelled images"
            continue
        words = f"names {len(images)} images, such as {min(images).name}, and its name does not say of which part"
        how, suffix = "rename it to", file.suffix
        if suffix.lower() in lists.JSON:
            how, suffix = "write its names, one a line, into", ".txt"
        names = f"val{suffix}, test{suffix}, train{suffix} or unlabeled{suffix}"
        found.error("list-unknown", file, words, f"{how} {names}, {OR_MOVE}")


def _possible_lists(found: Found) -> Iterator[Path]:
    """Files that may be lists of images but do not say of which part; one called like an image is of that image."""
    stems = {fold(path.stem) for path in found.images}
    for file in found.folder.files:
        if file in found.uses or file.suffix.lower() not in lists.SUFFIXES or part_of(file.stem) is not None:
            continue
        if not lists.is_of_another_task(file.parent.relative_to(found.folder.base)) and fold(file.stem) not in stems:
            yield file


def _plainly_listed(found: Found, file: Path) -> set[Path]:
    """The images that a file lists; empty where most of it is no image's name, alone or before that of a mask."""
    names = [name for name in found.folder.said(file).plain if name not in found.folder.source.classes]
    images: set[Path] = set()
    known = 0
    for name in names:
        image, mask = found.lookup.image_and_mask(name, file)
        if isinstance(image, Path) and (isinstance(mask, Path) or isinstance(found.lookup.listed(name, file), Path)):
            images.add(image)
            known += 1
        elif image is None and (inside := found.lookup.inside(name)):
            images.update(inside)
            known += 1
    return images if 2 * known > len(names) else set()


def _lists_of_unlabeled(found: Found, trained: set[Path]) -> None:
    """Lists of unlabelled images that no parameter names, of which some would be trained on with their masks: there are
    several, and the choice is the user's. trained: the doubtful images with masks."""
    folder = found.folder
    if not trained or folder.source.unlabeled_list is not None:
        return
    hits: dict[Path, int] = {}
    for file in folder.files:
        known = file in found.uses or file.suffix.lower() not in lists.LINES
        if not known and part_of(file.stem) == "unlabeled":
            hits[file] = len(trained & set(_named(found, file)))
    files = [file for file, count in hits.items() if count]
    if not files:
        return
    first, *others = (str(folder.relative(file)) for file in files)
    beside = (path for path in folder.folders[files[0].parent] if path.suffix == files[0].suffix)
    labeled = next((path for path in beside if part_of(path.stem) == "train"), None)
    more = f"; so do {', '.join(others[: MANY - 1])}" if others else ""
    words = f"keeps {max(hits.values())} images without masks that would be trained on with them{more}"
    pair = f"dataset.train_list to {folder.relative(labeled)} and " if labeled else ""
    remedy = f"set {pair}dataset.unlabeled_list to {first}, or to another of these, or move them out of the folder"
    found.error("list-unread", files[0], words, remedy)


def _unknown_words(found: Found, doubtful: set[Path]) -> None:
    """Words that stand where a part should and mean none, in files that are read for parts or might have been."""
    for file in found.folder.files:
        is_read = found.uses.get(file) == LISTS
        if file.suffix.lower() not in (*lists.JSON, *lists.TABLES) or (file in found.uses and not is_read):
            continue
        counts: Counter[str] = Counter()
        for word, names in found.folder.said(file).unknown.items():
            images = set(found.lookup.all_of(file, names))
            counts[word] = len(images if is_read else images & doubtful)
        if +counts:
            unknown = ", ".join(f"{shown(word)} ({count})" for word, count in (+counts).most_common(MANY))
            words = f"says of {counts.total()} images a part that there is not: {unknown}"
            remedy = f"write {', '.join(PARTS)} or {TEST}, which is left out, {OR_MOVE}"
            found.error("part-unknown", file, words, remedy)


def _columns_that_tell(found: Found, doubtful: set[Path]) -> None:
    """Tables with a column that is not read and may keep images for validation or test."""
    for file in found.folder.files:
        if file.suffix.lower() not in (*lists.JSON, *lists.TABLES) or found.uses.get(file) not in (None, PAIRS):
            continue
        column, names = found.folder.said(file).telling
        if hit := set(found.lookup.all_of(file, names)) & doubtful:
            words = f"the column {column!r} is not read, and {len(hit)} images of it would be trained on"
            remedy = f"call the column split and write train, val or {TEST} in each row"
            or_not = "or if it is for no parts call it note, and run `semiproto init` again"
            found.error("list-unknown", file, f"{words}, such as {min(hit).name}", f"{remedy}, {or_not}")


def _parts_inside_of_labels(found: Found) -> None:
    """Where everything with labels would be trained on, files of labels that call some of it by another part."""
    for file in dict.fromkeys(mask.file for mask in found.masks.values() if isinstance(mask, Outlines)):
        if (word := lists.part_inside(file)) is not None:
            words = f"says {word!r} of an image, which is not read: all images with labels would be trained on"
            remedy = (
                "name the images for validation in val.txt and those for test in test.txt, one a line, in"
                f" {found.folder.base}, and run `semiproto init` again"
            )
            found.error("part-unread", file, words, remedy)
            return
