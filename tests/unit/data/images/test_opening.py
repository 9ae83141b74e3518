"""The one door for pictures: allowed formats, regular files, one picture a file, and one line for every fault."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from semiproto.data.images import opening
from semiproto.data.images.opening import door, format_name, opened, orientation, outline
from semiproto.errors import UserError


def picture(size=(8, 4)):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def refused(path, one_line, *words):
    with pytest.raises(UserError) as error, opened(path) as file:
        file.load()
    one_line(error, path, *words)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "PPM"])
def test_allowed_formats_are_opened_whatever_they_are_called(tmp_path, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    path = tmp_path / "picture.png"
    picture().save(path, format=format)
    with opened(path) as file:
        assert file.format == format and file.size == (8, 4)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "PostScript"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>", "SVG"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"8BPS" + bytes(40), "Photoshop"),
        (b"\0\0\0\x1cftypheic" + bytes(40), "HEIC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"\x93NUMPY\1\0", "NumPy"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"<html><body>404</body></html>", "HTML"),
    ],
)
def test_other_formats_are_refused_by_name(tmp_path, one_line, start, name):
    path = tmp_path / "photo.png"
    path.write_bytes(start)
    assert name in format_name(start)
    refused(path, one_line, name, "save it as PNG")


def test_postscript_runs_no_program(tmp_path, monkeypatch, one_line):
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\necho run >> {tmp_path}/log\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "photo.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\nshowpage\n%%EOF\n")
    refused(path, one_line, "PostScript")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_animations_are_refused(tmp_path, one_line, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    path = tmp_path / "moving.png"
    picture().save(path, format=format, save_all=True, append_images=[picture().rotate(180)])
    refused(path, one_line, "animation of 2 pictures")


def test_several_pages_are_refused(tmp_path, one_line):
    path = tmp_path / "pages.tif"
    picture().save(path, save_all=True, append_images=[picture()])
    refused(path, one_line, "several pages")


def test_the_first_picture_of_a_telephones_jpeg_is_the_photograph(tmp_path):
    path = tmp_path / "phone.jpg"
    picture().save(path, format="MPO", save_all=True, append_images=[picture((4, 2))])
    with opened(path) as file:
        assert file.size == (8, 4)


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "missing", "dead link", "empty", "device"])
def test_what_is_no_regular_file_is_one_line_and_never_waits(tmp_path, one_line, kind):
    path = tmp_path / "photo.png"
    {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "loop": lambda: path.symlink_to(path.name),
        "missing": lambda: None,
        "dead link": lambda: path.symlink_to("absent.png"),
        "empty": path.touch,
        "device": lambda: path.symlink_to("/dev/zero"),
    }[kind]()
    refused(path, one_line)


@pytest.mark.parametrize("error", [ValueError("a\nb"), struct.error("x"), KeyError(3), ZeroDivisionError(), EOFError()])
def test_whatever_a_decoder_raises_is_one_line(tmp_path, one_line, error):
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    with pytest.raises(UserError) as raised, door(path):
        raise error
    one_line(raised, path, "cannot be read as an image", "replace or remove it")


def test_memory_that_ran_out_is_no_fault_of_the_file(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"x")
    with pytest.raises(MemoryError), door(path):
        raise MemoryError


# ----------------------------------------------------------------------------------------------------- EXIF


def exif(*entries):
    """A block of EXIF with (tag, type, count, four bytes) entries."""
    packed = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4)


TURNED = (0x0112, 3, 1, struct.pack("<HH", 6, 0))


@pytest.mark.parametrize(
    ("block", "turn"),
    [
        (exif(TURNED), 6),
        (exif((0x0100, 2, 2, b"6\0\0\0"), TURNED), 6),  # ImageWidth as text
        (exif((0x0112, 2, 4, b"top\0")), 1),
        (exif((0x0112, 3, 2, struct.pack("<HH", 6, 6))), 6),  # twice
        (exif((0x0112, 3, 1, struct.pack("<HH", 9, 0))), 1),
        (exif((0x0112, 5, 1, struct.pack("<I", 2**31))), 1),
        (b"Exif\0\0II*\0\xff\xff\xff\xff", 1),
        (b"Exif\0\0nonsense", 1),
    ],
)
def test_ill_typed_exif_is_passed_over(tmp_path, block, turn):
    path = tmp_path / "photo.jpg"
    picture().save(path, exif=block)
    with opened(path) as file:
        assert orientation(file) == turn
    assert outline(path) == (((4, 8) if turn == 6 else (8, 4)), turn)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_the_outline_is_that_of_the_picture_as_shown(tmp_path, format):
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    image = picture()
    tags = image.getexif()
    tags[0x0112] = 6
    image.save(tmp_path / "photo.png", format=format, exif=tags)
    assert outline(tmp_path / "photo.png") == ((4, 8), 6)


def test_the_suffixes_are_those_of_the_formats():
    known = {suffix for suffix, format in Image.registered_extensions().items() if format in opening.FORMATS}
    assert set(opening.SUFFIXES) - {".avif"} <= known


# ------------------------------------------------------------------------------- more than a picture can need


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *chunks):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(width + 1) * min(height, 100))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*one) for one in ((b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b""))
    )


def test_a_side_has_a_limit_where_the_pixels_are_few(tmp_path, one_line):
    path = tmp_path / "long.png"
    path.write_bytes(png(1, 2**20 + 1))
    refused(path, one_line, "1x1048577", "tiles")


def test_a_sparse_file_is_refused_without_being_read(tmp_path, one_line):
    path = tmp_path / "sparse.png"
    path.write_bytes(png(4, 4))
    os.truncate(path, 2**40)
    refused(path, one_line, "1,099,511,627,776 bytes", "16 pixels")


@pytest.mark.parametrize("name", ["exif.jpg", "chunk.png"])
def test_what_lies_before_the_pixels_has_a_limit(tmp_path, one_line, name):
    """Pillow adds up EXIF segments in quadratic time: 64 MiB of them take a minute."""
    path = tmp_path / name
    if name.endswith("png"):
        path.write_bytes(png(4, 4, (b"junk", bytes(2**26))))
    else:
        picture().save(path)
        plain, segment = path.read_bytes(), b"Exif\0\0" + bytes(65000)
        path.write_bytes(plain[:2] + (b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment) * 1000 + plain[2:])
    refused(path, one_line, "more beside its pixels")


def test_a_tiff_whose_tags_claim_the_whole_of_a_sparse_file(tmp_path, one_line):
    path = tmp_path / "claims.tif"
    picture().save(path)
    tags = [(256, 4, 1, 8), (257, 4, 1, 4), (33550, 12, 2**32 - 1, 4096)]  # a pixel's scale, of 32 GiB
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))
    os.truncate(path, 2**36)
    with pytest.raises(UserError) as error:
        outline(path)
    one_line(error, path, "more beside its pixels")


def test_a_jpeg_of_thousands_of_scans(tmp_path, one_line):
    path = tmp_path / "scans.jpg"
    picture((64, 64)).save(path, progressive=True)
    plain = path.read_bytes()
    with opened(path) as file:
        file.load()
    last = plain[plain.rindex(b"\xff\xda") : -2]
    path.write_bytes(plain[:-2] + last * 2000 + plain[-2:])
    refused(path, one_line, "JPEG of 2,0", "scans")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP", "PPM"])
def test_noise_is_no_more_than_its_pixels_need(tmp_path, format):
    """A picture that no format can make smaller, with what a telephone adds to it."""
    path = tmp_path / "noise"
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), dtype=np.uint8))
    noise.save(path, format=format, quality=100, lossless=True)
    path.write_bytes(path.read_bytes() + bytes(2**24))
    with opened(path) as file:
        assert np.asarray(file).shape == (1200, 1600, 3)


@pytest.mark.parametrize("start", [b"P5\n#", b"P4 8 #", b"P2\n8 8\n#"])
def test_a_header_that_goes_on_and_on_is_refused(tmp_path, one_line, start):
    """Pillow reads it byte by byte: 32 MiB of a comment took minutes."""
    path = tmp_path / "picture.pgm"
    path.write_bytes(start + b"x" * 2**25 + b"\n4 4\n255\n" + bytes(16))
    refused(path, one_line, "a header of more than 64 KiB")


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_long_ppm_has_a_short_header(tmp_path, mode):
    path = tmp_path / "picture.ppm"
    picture((1200, 900)).convert(mode).save(path)
    with opened(path) as file:
        file.load()
