"""Tables of pairs: a CSV file with the columns image, mask and, optionally, part."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from semiproto.data.own.faults import Fault
from semiproto.data.own.formats.outlines import Record
from semiproto.data.own.names import PARTS, TEST, part_of, shown
from semiproto.errors import UserError, reason
from semiproto.provenance import reading

if TYPE_CHECKING:
    from _csv import Reader  # in csv its name is new

COLUMNS = {
    "image": "image", "images": "image", "image_path": "image", "img_path": "image",
    "mask": "mask", "masks": "mask", "mask_path": "mask", "label_path": "mask",
    "part": "part", "split": "part", "subset": "part", "set": "part",
}  # fmt: skip
"""The names that the columns may have."""
MOST_LINES = 2_000_000
"""Of a list or table of names; where none of them means an image they are looked up for a minute."""
LONGEST_HEADER = 20_000
"""Characters of a table by which it is recognised; its header is among them."""
BEGINNING = 2**24
"""The same where its first rows are looked at, which may hold run lengths of large images."""
DELIMITER = re.compile(r'(?i)\A"?sep=([^\w\s"]|\t)"?[ ,;\t]*(?=\n|$)')
"""The first line by which Excel is told the delimiter."""


def text_of(file: Path, what: str, most: int = reading.MOST_LABELS) -> str:
    """The text of a file, in UTF-16 too if it begins so, as PowerShell writes it; UserError where it cannot be read, or
    is longer than `most` bytes."""
    try:
        content = reading.contents(file, most)
        text = content.decode(reading.encoding_of(content))
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise UserError(f"{file}: no such file of {what}; name one that exists") from None
    except UnicodeDecodeError:
        raise UserError(f"{file}: not a text file of {what} in UTF-8; save it as one") from None
    except ValueError as error:
        raise UserError(f"{file}: {error}, no file of {what}; remove it, or put the right one in its place") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); correct its permissions") from None


def names_of(file: Path, what: str) -> str:
    """`text_of` a list or table of names, which are fewer than outlines."""
    text = text_of(file, what, reading.MOST)
    if text.count("\n") > MOST_LINES:
        raise UserError(
            f"{file}: more than {MOST_LINES:,} lines, no file of {what}; remove it, or put the right one in its place"
        )
    return text


def beginning(path: Path, lines: int = 1) -> list[list[str]]:
    """The cells of the first lines of a .csv, the header's first; [[]] where there are none."""
    with path.open("rb") as file:
        encoding = reading.encoding_of(file.read(2))
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(LONGEST_HEADER if lines == 1 else BEGINNING).replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(text.split("\n", lines + 1)[: lines + 1])  # one line may name the delimiter
    try:
        return [*filter(None, cells(text))][:lines] or [[]]
    except csv.Error:
        return [[]]


def is_pairs(path: Path) -> bool:
    """Whether the header of a .csv has the two columns."""
    return {"image", "mask"} <= set(map(_column, beginning(path)[0]))


def _column(text: str) -> str:
    name = text.strip(' "').lower()
    return COLUMNS.get(name, name)


def cells(text: str) -> Reader:
    """The cells of each line of a table, none for a line that is empty or that names the delimiter, as Excel's `sep=;`
    does; otherwise the delimiter is a comma, or what a spreadsheet in another country writes in its place."""
    named = DELIMITER.match(text)
    header = text.partition("\n")[0]
    delimiter = named[1] if named else max(",;\t", key=header.count)
    csv.field_size_limit(
        max(csv.field_size_limit(), len(text) + 1)
    )  # run lengths are longer than Python lets a cell be
    return csv.reader(io.StringIO(text[named.end() :] if named else text, newline=""), delimiter=delimiter)


def records(file: Path, base: Path) -> tuple[list[Record], list[Fault]]:
    """The rows; an empty mask makes an unlabelled image. Without a column part, the file's name says it."""
    found, faults = [], []
    strange: dict[str, list[int]] = defaultdict(list)
    of_file = part_of(file.stem)
    for line, row in _rows(file):
        image, mask, text = ((row.get(name) or "").strip() for name in ("image", "mask", "part"))
        part = part_of(text) or (text if text in PARTS else None) if text else of_file
        if text and part is None:
            strange[text].append(line)
        elif not mask and text and part in ("train", "val"):
            faults.append(Fault("pairs", str(file), f"no mask for {shown(image)}, of part {part}", "add it", line))
        else:
            found.append(Record(image, None, part, file, line, mask_name=mask or None))
    for text, lines in strange.items():
        what = f"there is no part {shown(text)}, which is in {len(lines)} rows"
        faults.append(Fault("pairs", str(file), what, f"write {', '.join(PARTS)} or {TEST}", lines[0]))
    return found, faults


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row of a CSV file with at least the columns image and mask."""
    text = text_of(file, "pairs")
    reader = cells(text)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: not CSV ({reason(error)}); save it again") from None
    names = [_column(name) for name in rows[0][1]] if rows else []
    if missing := [name for name in ("image", "mask") if name not in names]:
        columns = ", ".join(names) or "none"
        raise UserError(f"{file}: no column {missing[0]!r} (there are: {columns}); name the columns image,mask[,part]")
    for line, row in rows[1:]:
        if any(cell.strip() for cell in row):
            yield line, dict(zip(names, row, strict=False))
