"""Which image or mask of a user's folder a name in a list, table or annotation file means."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own.contents.folder import Folder, below, deepest
from semiproto.data.own.masks import LOSSY, MASK_SUFFIXES
from semiproto.data.own.names import Ambiguous, Names, fold, part_of, parts_of

Meant = Path | Ambiguous | None
"""The file that a name means, several, or none."""


@dataclass
class Lookup:
    """The files that names may mean: images first, any picture after them; masks likewise.

    found, uses: the images, and what files are used as, when the first name is looked up.
    """

    folder: Folder
    found: Mapping[Path, None]
    uses: Mapping[Path, str]

    @cached_property
    def images(self) -> Names:
        return Names(self.folder.base, list(self.found))

    @cached_property
    def pictures(self) -> Names:
        inside = [path for path in self.folder.files if path.suffix.lower() in layout.IMAGE_SUFFIXES]
        return Names(self.folder.base, [path for path in inside if path not in self.uses])

    @cached_property
    def masks(self) -> Names:
        files = (path for path in self.folder.files if path.suffix.lower() in MASK_SUFFIXES)
        return Names(self.folder.base, [path for path in files if path not in self.found])

    @cached_property
    def files(self) -> Names:
        """Of any kind, to tell a name that means no image or mask from one that means nothing."""
        return Names(self.folder.base, self.folder.files)

    @cached_property
    def _no_masks(self) -> set[Path]:
        """Pictures that cannot be masks."""
        return {path for path in self.folder.files if path.suffix.lower() in LOSSY and path not in self.found}

    def image_of(self, mask: Path) -> Meant:
        """The image that a mask file is called like."""
        return self.images.namesake(self.folder.relative(mask))

    def image_beside(self, text: str, file: Path, part: str | None) -> Meant:
        """The image that a file with labels names. part: that of these labels."""
        near, name = file if file.is_dir() else file.parent, parts_of(text)
        found: Meant = self._in_several_roots(text)
        if found is None or near / name in self.found:
            folders = [near, *self.folder.roots]
            found = self.images.find(text, folders) or self.pictures.find(text, folders)
        return self._nearest(found, file, part)

    def mask_beside(self, text: str, file: Path) -> Meant:
        """The mask that a table names; a file of another kind where it means no mask."""
        written = (folder / text for folder in (file.parent, self.folder.base))
        found = next((path for path in written if path in self._no_masks), None)
        return found or self.masks.find(text, [file.parent]) or self.files.find(text)

    def listed(self, text: str, file: Path) -> Meant:
        """The image that a name in a list means."""
        found = self.images.find(text, self.folder.roots)
        if isinstance(found, Path):
            found = self._in_several_roots(text) or found
        return self._nearest(found, file, None)

    def _in_several_roots(self, text: str) -> Ambiguous | None:
        """The images of a name that several folders of images have as it is written."""
        written = dict.fromkeys(root / parts_of(text) for root in self.folder.roots)
        equal = [path for path in written if path in self.found]
        return Ambiguous(equal) if len(equal) > 1 else None

    def image_and_mask(self, text: str, file: Path) -> tuple[Meant, Meant]:
        """The image, and where the text in a list is a pair the mask; a blank may also be part of a name."""
        alone = self.listed(text, file)
        if not isinstance(alone, Path) and len(text) > 2 and text[0] == text[-1] == '"':
            alone = self.listed(text[1:-1], file)  # CVAT quotes names with blanks
        if isinstance(alone, Path):
            return alone, None
        for blank in re.finditer(r"\s+|,", text):
            image = self.listed(text[: blank.start()], file)
            if isinstance(image, Path):
                return image, self.masks.find(text[blank.end() :])
        return alone, None

    def inside(self, text: str) -> list[Path]:
        """The images in the folders that a name means: DAVIS and others list videos."""
        wanted = tuple(map(fold, parts_of(text).parts))
        return [path for path in self._by_folder.get(wanted[-1], []) if _ends(path, wanted)] if wanted else []

    @cached_property
    def _by_folder(self) -> dict[str, list[Path]]:
        """The images by the folded name of each folder that they lie in below the folder of images."""
        by_name: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.found):
            root = deepest(path, self.folder.roots) or self.folder.base
            for name in {fold(name) for name in path.relative_to(root).parts[:-1]}:
                by_name[name].append(path)
        return by_name

    def all_of(self, file: Path, names: Iterable[str]) -> Iterator[Path]:
        """The images that the names in a file mean."""
        for name in names:
            image, _ = self.image_and_mask(name, file)
            yield from [image] if isinstance(image, Path) else self.inside(name)

    def _nearest(self, found: Meant, file: Path, part: str | None) -> Meant:
        """Of several images of one name the one that is nearest to the file, of its part, or in the folder that the
        file is called after: `instances_Camera A.json`."""
        if not isinstance(found, Ambiguous):
            return found
        near = next(kept for place in (file, *file.parents) if (kept := below(found.candidates, place)))
        kept = [path for path in near if part and self.folder.part_of(path) == part] or near
        kept = [path for path in kept if self.called_after(file) & self.folders_of(path)] or kept
        return kept[0] if len(kept) == 1 else Ambiguous(kept)

    def called_after(self, file: Path) -> set[str]:
        """The folded names of the folders of images that a file of labels is called after, but those for a part."""
        if file not in self._called:
            stem = fold(file.stem)
            self._called[file] = {name for name in self._folder_names if re.search(_alone(name), stem)}
        return self._called[file]

    @cached_property
    def _called(self) -> dict[Path, set[str]]:
        return {}

    @cached_property
    def _folder_names(self) -> set[str]:
        base = self.folder.base
        names = {name for folder in self.folder.folders for name in folder.relative_to(base).parts}
        return {fold(name) for name in names if part_of(name) is None}

    def folders_of(self, path: Path) -> set[str]:
        """The folded names of the folders that a file lies in."""
        return {fold(name) for name in path.relative_to(self.folder.base).parts[:-1]}


def _alone(name: str) -> str:
    """A pattern of a name with neither letters nor digits beside it."""
    return rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"


def _ends(path: Path, folders: tuple[str, ...]) -> bool:
    """Whether the folders of a path hold these, folded, one behind the other."""
    own = tuple(map(fold, path.parent.parts))
    return any(own[start : start + len(folders)] == folders for start in range(len(own)))
