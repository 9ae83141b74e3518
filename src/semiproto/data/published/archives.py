"""Unpacking archives that may be hostile: nothing is written outside the folder, and all or nothing inside it.

Members are written by this module, never by tarfile's or zipfile's own extraction: a member is a plain file or a folder
with a plain name, or the archive is refused. The unpacked bytes are counted as they come, since headers can be wrong.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from semiproto.data.published.download import require_space, write_all
from semiproto.errors import UserError, of_system, reason
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import atomic_directory

CHUNK = 2**20
LONGEST_PART, LONGEST_NAME, DEEPEST = 255, 1024, 32
"""Limits: bytes of a file name, bytes of a whole path, and depth of nested folders."""

ENCRYPTED = 0x2041
"""Bits of a zip member's flags: encrypted, strongly encrypted, its header masked."""

_REMEDY = "nothing was unpacked; delete it and get it elsewhere"
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    OSError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RecursionError,
    ValueError,
)
_UNUSUAL = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


@dataclass(frozen=True)
class Limits:
    """What an archive may hold: members, unpacked bytes, and unpacked bytes per archived byte (beyond `spare`)."""

    members: int = 200_000
    total: int = 64 * 2**30
    ratio: int = 100
    spare: int = 16 * 2**20


@dataclass(frozen=True)
class _Member:
    """name: as the archive gives it. unusual: its kind where it is neither a file nor a folder. end: where it ends in
    the archive, bytes."""

    name: str
    folder: bool
    unusual: str | None
    open: Callable[[], IO[bytes]]
    end: int


def extract(
    archive: Path, out: Path, wanted: Callable[[str], bool] | None = None, limits: Limits | None = None
) -> None:
    """Unpacks a zip, tar or tar.gz file into the folder `out`, whole or not at all.

    wanted: tells by its name whether a member is written; None: all are. The other members are skipped and not checked.
    UserError names the archive, the member and what is wrong with it.
    """
    limits = limits or Limits()
    size = archive.stat().st_size
    most = min(limits.total, limits.ratio * size + limits.spare)
    progress = Progress(f"unpacking {archive.name}", size, "bytes")
    taken: dict[str, tuple[str, bool]] = {}
    written = reached = 0
    with atomic_directory(out) as root:
        require_space(root, size, f"unpacking {archive.name}")
        try:
            for count, member in enumerate(_members(archive, most), start=1):
                if count > limits.members:
                    raise UserError(f"{archive}: more than {limits.members:,} members; {_REMEDY}")
                if wanted is None or wanted(member.name.removeprefix("./")):
                    parts = _plain_parts(member, archive)
                    _claim(parts, member, taken, archive)
                    written += _unpack(member, root.joinpath(*parts), most - written, archive)
                end = min(member.end, size - 1)  # the whole is reached when everything is written
                progress.update(end - reached)
                reached = end
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.filename:  # of a file written, not of the archive read
                raise of_system(error) from None
            raise UserError(f"{archive}: damaged or unusual ({reason(error)}); {_REMEDY}") from None
    progress.update(size - reached)


def _unpack(member: _Member, target: Path, most: int, archive: Path) -> int:
    """Writes a member and returns its bytes."""
    if member.folder:
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, target.open("xb", buffering=0) as file:
        while block := source.read(CHUNK):
            written += len(block)
            _check_budget(written, most, archive, member.name)
            write_all(file, block, target)
    return written


def _check_budget(count: int, most: int, archive: Path, name: str) -> None:
    if count > most:
        where = f", at member {_shown(name)}" if name else ""
        raise UserError(f"{archive}: unpacks to far more than its size{where}; {_REMEDY}")


# ---------------------------------------------------------------------------------------------------- names


def _plain_parts(member: _Member, archive: Path) -> tuple[str, ...]:
    """The path to write a member to; UserError where it is no file or folder with a plain name."""
    name = member.name
    parts = tuple(name.removeprefix("./").rstrip("/").split("/"))
    if member.folder and parts in ((".",), ("",)) and not name.startswith("/"):
        return ()
    sizes = [len(part.encode(errors="replace")) for part in parts]
    if member.unusual:
        why = member.unusual
    elif not name or not name.isprintable() or "\\" in name or ":" in name:
        why = "its name is empty or has characters that names should not have"
    elif name.startswith("/"):
        why = "its path is absolute"
    elif any(part in ("", ".", "..") or part.startswith("-") for part in parts):
        why = "its path has '..', an empty part, or one that begins with '-'"
    elif max(sizes) > LONGEST_PART or sum(sizes) + len(sizes) > LONGEST_NAME or len(parts) > DEEPEST:
        why = "its path is too long or too deep"
    else:
        return parts
    raise _refusal(archive, member, why)


def _claim(parts: tuple[str, ...], member: _Member, taken: dict[str, tuple[str, bool]], archive: Path) -> None:
    """Notes a path and the folders above it; UserError where some file system would confuse it with an earlier one.

    taken: spelling, and whether it is a folder, by folded path.
    """
    for depth in range(1, len(parts) + 1):
        entry = ("/".join(parts[:depth]), depth < len(parts) or member.folder)
        key = unicodedata.normalize("NFC", entry[0]).casefold()
        if key in taken and not (taken[key] == entry and entry[1]):
            raise _refusal(archive, member, f"its name is that of another member, {taken[key][0]!a}")
        taken[key] = entry


def _refusal(archive: Path, member: _Member, why: str) -> UserError:
    return UserError(f"{archive}: member {_shown(member.name)} is refused ({why}); {_REMEDY}")


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else name[:77] + "...")


# --------------------------------------------------------------------------------------------------- members


class _Bounded:
    """A decompressed stream that can be read and skipped forwards up to `most` bytes, whatever its headers claim."""

    def __init__(self, stream: io.BufferedIOBase, most: int, archive: Path) -> None:
        self._stream, self._most, self._archive = stream, most, archive
        self.last, self.member = b"", ""

    def read(self, size: int) -> bytes:
        _check_budget(self._stream.tell() + size, self._most, self._archive, self.member)
        if size > 2 * CHUNK:  # contents are read in CHUNKs, but long names and pax headers at once
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        self.last = self._stream.read(size)
        return self.last

    def seek(self, position: int) -> int:
        _check_budget(position, self._most, self._archive, self.member)
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()


def _members(archive: Path, most: int) -> Iterator[_Member]:
    with archive.open("rb") as file:
        magic = file.read(2)
    return _zip_members(archive) if magic == b"PK" else _tar_members(archive, most, packed=magic == b"\x1f\x8b")


def _tar_members(archive: Path, most: int, packed: bool) -> Iterator[_Member]:
    with archive.open("rb") as file:
        stream = _Bounded(gzip.GzipFile(fileobj=file) if packed else file, most, archive)
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as tar:
            for info in tar:
                stream.member = info.name
                yield _Member(info.name, info.isdir(), _tar_unusual(info), partial(_opened, tar, info), file.tell())
        if stream.last != bytes(tarfile.BLOCKSIZE):  # tarfile takes a bad header for the end
            raise tarfile.ReadError("it ends in the middle")
        while stream.read(tarfile.BLOCKSIZE):
            pass  # gzip's checksum is at its end


def _opened(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    opened = tar.extractfile(info)
    if opened is None:
        raise tarfile.ReadError(f"{info.name!a} has no content")
    return opened


def _tar_unusual(info: tarfile.TarInfo) -> str | None:
    if info.issparse():
        return "it is a sparse file"
    if info.isdir() or info.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return None
    return f"it is {_UNUSUAL.get(info.type, 'of an unknown kind')}"


def _zip_members(archive: Path) -> Iterator[_Member]:
    reached = 0
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            reached += info.compress_size
            name = info.orig_filename  # before zipfile cuts it at a NUL
            yield _Member(name, name.endswith("/"), _zip_unusual(info), partial(file.open, info), reached)


def _zip_unusual(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & ENCRYPTED:
        return "it is encrypted"
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a device or a pipe"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is compressed in an unusual way"
    return None
