"""Unpacking, of archives as they should be and of hostile ones."""

import gzip
import io
import os
import stat
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest

from semiproto.data.published.archives import Limits, extract
from semiproto.errors import UserError

NOISE = np.random.default_rng(0).bytes(100_000)
GOOD = {"set/images/a.jpg": NOISE, "set/images/b.jpg": b"", "set/lists/train.txt": b"a\n"}


def make_zip(path, members, method=zipfile.ZIP_DEFLATED):
    """members: content by name, or (name, content) pairs; a name may be a ZipInfo."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items() if isinstance(members, dict) else members:
            file.writestr(name, content)
    return path


def make_tar(path, members, mode="w"):
    """As make_zip; a name may be a TarInfo."""
    with tarfile.open(path, mode) as file:
        for name, content in members.items() if isinstance(members, dict) else members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def make_tgz(path, members):
    return make_tar(path, members, "w:gz")


MAKERS = pytest.mark.parametrize("make", [make_zip, make_tar, make_tgz])


@pytest.fixture
def refused(tmp_path, one_line):
    """Checks that an archive is refused in one line with the given words, and that nothing was written anywhere."""

    def check(archive, *words, **options):
        inside = tmp_path / "deep/inside"
        before = everything(tmp_path)
        with pytest.raises(UserError) as error:
            extract(archive, inside / "out", **options)
        one_line(error, archive, *words)
        inside.rmdir()
        inside.parent.rmdir()
        assert everything(tmp_path) == before

    return check


def everything(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------------------------------------- as they should be


@MAKERS
def test_all_members_are_written(tmp_path, make):
    extract(make(tmp_path / "archive", GOOD), tmp_path / "out")
    assert contents(tmp_path / "out") == GOOD


@MAKERS
def test_only_what_is_wanted_is_written(tmp_path, make):
    extract(make(tmp_path / "archive", GOOD), tmp_path / "out", lambda name: name.endswith(".txt"))
    assert contents(tmp_path / "out") == {"set/lists/train.txt": b"a\n"}


@MAKERS
def test_what_is_not_wanted_may_be_anything(tmp_path, make):
    archive = make(tmp_path / "archive", GOOD | {"../../etc/passwd": b"x", "/absolute": b"x"})
    extract(archive, tmp_path / "out", lambda name: name.startswith("set/"))
    assert contents(tmp_path / "out") == GOOD


@pytest.mark.parametrize("flags", ["-cf", "-czf"])
def test_archives_of_the_tar_command_with_dots_and_folders(tmp_path, flags):
    for name, content in GOOD.items():
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_bytes(content)
    (tmp_path / "from/set/empty").mkdir()
    subprocess.run(["tar", flags, tmp_path / "archive", "-C", tmp_path / "from", "."], check=True)
    extract(tmp_path / "archive", tmp_path / "out", lambda name: name.startswith("set/") and name[-5] != "b")
    assert contents(tmp_path / "out") == {name: content for name, content in GOOD.items() if name[-5] != "b"}
    assert (tmp_path / "out/set/empty").is_dir()


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_in_every_tar_format(tmp_path, format):
    members = {"/".join(["folder"] * 20) + "/a": b"a"} | ({} if format == tarfile.USTAR_FORMAT else {"ä/日本": b"b"})
    with tarfile.open(tmp_path / "archive", "w", format=format) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    extract(tmp_path / "archive", tmp_path / "out")
    assert contents(tmp_path / "out") == members


@MAKERS
def test_an_old_folder_is_replaced_only_by_a_whole_new_one(tmp_path, make, one_line):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").write_bytes(b"old")
    bad = make(tmp_path / "bad", GOOD | {"../x": b"x"})
    with pytest.raises(UserError):
        extract(bad, tmp_path / "out")
    assert contents(tmp_path / "out") == {"old": b"old"}
    extract(make(tmp_path / "good", GOOD), tmp_path / "out")
    assert contents(tmp_path / "out") == GOOD


def test_modes_and_owners_are_not_taken_over(tmp_path):
    info = tarfile.TarInfo("program")
    info.mode, info.uid = 0o6777, 12345
    extract(make_tar(tmp_path / "archive", [(info, b"x")]), tmp_path / "out")
    written = (tmp_path / "out/program").stat()
    assert stat.S_IMODE(written.st_mode) & 0o7111 == 0 and written.st_uid == os.getuid()


@MAKERS
def test_progress_reaches_the_size_of_the_archive_once(tmp_path, make, capsys):
    archive = make(tmp_path / "archive", {f"{number}": NOISE[:1000] for number in range(50)})
    extract(archive, tmp_path / "out")
    size = archive.stat().st_size
    assert capsys.readouterr().err.count(f"unpacking archive: {size}/{size} bytes (100 %)") == 1


# ------------------------------------------------------------------------------------------------------- names

HOSTILE = {
    "absolute": "/etc/x",
    "above": "../x",
    "above, further in": "a/../../x",
    "above, at the end": "a/..",
    "a dot": "a/./x",
    "an empty part": "a//x",
    "a backslash": "a\\..\\x",
    "a drive": "C:x",
    "a newline": "a\nb",
    "an escape": "a\x1b[2Jb",
    "a delete": "a\x7fb",
    "text turned round": "a\u202egpj.exe",
    "a leading dash": "-rf",
    "a leading dash, further in": "a/--checkpoint-action=exec",
    "a long part": "a" * 256,
    "a long part in bytes": "ä" * 128,
    "a long path": "/".join(["a" * 100] * 11),
    "a deep path": "/".join("a" * 33),
    "spaces that look like nothing": "a\u2003b",
}


@MAKERS
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_names_that_lead_elsewhere_or_deceive_are_refused(tmp_path, refused, make, name):
    refused(make(tmp_path / "archive", GOOD | {name: b"x"}), "is refused (", "nothing was unpacked")


@MAKERS
def test_an_absolute_path_is_called_that(tmp_path, refused, make):
    refused(make(tmp_path / "archive", {"/etc/x": b"x"}), "'/etc/x'", "its path is absolute")


def test_an_empty_name_in_a_zip(tmp_path, refused):
    archive = make_zip(tmp_path / "archive", GOOD)
    with zipfile.ZipFile(archive, "a") as file, file.open(zipfile.ZipInfo(""), "w") as member:
        member.write(b"x")
    refused(archive, "its name is empty")


def test_an_empty_name_in_a_tar(tmp_path, refused):
    refused(make_tar(tmp_path / "archive", GOOD | {"": b"x"}), "its name is empty")


def test_a_nul_in_a_zips_name_does_not_hide_the_rest(tmp_path, refused):
    archive = make_zip(tmp_path / "archive", GOOD | {"a.jpg_.sh": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"a.jpg_.sh", b"a.jpg\0.sh"))
    refused(archive, "a.jpg\\x00.sh")


def test_a_nul_in_a_pax_name(tmp_path, refused):
    info = tarfile.TarInfo("a")
    info.pax_headers = {"path": "a\0b"}
    refused(make_tar(tmp_path / "archive", [*GOOD.items(), (info, b"x")]), "a\\x00b")


def test_bytes_that_are_no_text_in_a_tar_name(tmp_path, refused):
    refused(make_tar(tmp_path / "archive", GOOD | {"a\udcff": b"x"}), "is refused (")


SAME = {
    "twice": ("set/a.png", "set/a.png"),
    "in capitals": ("set/a.png", "set/A.PNG"),
    "folders in capitals": ("set/a.png", "Set/b.png"),
    "composed and decomposed": ("set/\u00e4.png", "set/a\u0308.png"),
    "a sharp s": ("set/straße", "set/STRASSE"),
    "a file that is a folder later": ("set", "set/a.png"),
    "a folder that is a file later": ("set/a.png", "set"),
}


@MAKERS
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", SAME.values(), ids=SAME.keys())
def test_names_that_some_file_system_takes_for_the_same_are_refused(tmp_path, refused, make, names):
    refused(make(tmp_path / "archive", [(name, b"x") for name in names]), "name is that of another member")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_folder_may_be_named_again(tmp_path, make):
    folder = zipfile.ZipInfo("set/") if make is make_zip else tarfile.TarInfo("set")
    if make is make_tar:
        folder.type = tarfile.DIRTYPE
    extract(make(tmp_path / "archive", [("set/a", b"x"), (folder, b"")]), tmp_path / "out")
    assert contents(tmp_path / "out") == {"set/a": b"x"}


# ------------------------------------------------------------------------------------------ links and devices

TAR_KINDS = {
    "symbolic link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE,
    "a device": tarfile.BLKTYPE,
    "pipe": tarfile.FIFOTYPE,
    "unknown kind": b"Z",
    "unknown": tarfile.CONTTYPE,
}


@pytest.mark.parametrize("make", [make_tar, make_tgz])
@pytest.mark.parametrize(("word", "kind"), TAR_KINDS.items())
def test_a_tar_with_anything_but_files_and_folders(tmp_path, refused, make, word, kind):
    info = tarfile.TarInfo("set/link")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(make(tmp_path / "archive", [*GOOD.items(), (info, b"")]), "set/link", word)


def test_a_link_and_a_file_through_it(tmp_path, refused):
    link = tarfile.TarInfo("set")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    refused(make_tar(tmp_path / "archive", [(link, b""), ("set/x", b"x")]), "symbolic link")


@pytest.mark.parametrize("format", ["gnu", "posix"])
def test_a_sparse_file(tmp_path, refused, format):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**30)
        file.seek(2**30)
        file.write(b"end")
    command = ["tar", f"--format={format}", "-cSf", tmp_path / "archive", "-C", tmp_path, "large"]
    subprocess.run(command, check=True)
    refused(tmp_path / "archive", "it is a sparse file")


@pytest.mark.parametrize(
    ("word", "mode"), [("symbolic link", stat.S_IFLNK), ("device", stat.S_IFCHR), ("pipe", stat.S_IFIFO)]
)
def test_a_zip_with_anything_but_files_and_folders(tmp_path, refused, word, mode):
    info = zipfile.ZipInfo("set/link")
    info.create_system, info.external_attr = 3, (mode | 0o777) << 16
    refused(make_zip(tmp_path / "archive", [*GOOD.items(), (info, b"/etc/passwd")]), "set/link", word)


@pytest.mark.parametrize("bit", [0x1, 0x40, 0x2000])
def test_an_encrypted_member(tmp_path, refused, bit):
    archive = make_zip(tmp_path / "archive", GOOD)
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.rindex(signature) + offset
        flags = int.from_bytes(data[place : place + 2], "little") | bit
        data[place : place + 2] = flags.to_bytes(2, "little")
    archive.write_bytes(data)
    refused(archive, "it is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_compressed_in_an_unusual_way(tmp_path, refused, method):
    refused(make_zip(tmp_path / "archive", GOOD, method), "unusual way")


# ------------------------------------------------------------------------------------------------------- bombs

SMALL = Limits(members=100, total=10**9, ratio=10, spare=1000)


@pytest.mark.parametrize("make", [make_zip, make_tgz])
def test_a_bomb(tmp_path, refused, make):
    archive = make(tmp_path / "archive", GOOD | {"set/bomb": bytes(50_000_000)})
    assert archive.stat().st_size < 200_000
    refused(archive, "far more than its size", "'set/bomb'", limits=SMALL)
    refused(archive, "far more than its size", "'set/bomb'", limits=Limits(total=40_000_000, ratio=1000, spare=0))


@pytest.mark.parametrize("make", [make_zip, make_tgz])
def test_a_bomb_in_small_pieces(tmp_path, refused, make):
    archive = make(tmp_path / "archive", {f"{number}": bytes(1_000_000) for number in range(50)})
    refused(archive, "far more than its size", limits=SMALL)


@MAKERS
def test_a_total_that_is_too_much(tmp_path, refused, make):
    refused(make(tmp_path / "archive", GOOD), "far more", limits=Limits(total=sum(map(len, GOOD.values())) - 1))


@pytest.mark.parametrize("make", [make_zip, make_tgz])
def test_much_that_is_packed_well_is_no_bomb(tmp_path, make):
    content = {"masks/a.png": bytes(16 * 2**20)}
    extract(make(tmp_path / "archive", content), tmp_path / "out")
    assert contents(tmp_path / "out") == content


def test_a_zip_whose_header_understates(tmp_path, refused):
    archive = make_zip(tmp_path / "archive", {"bomb": bytes(50_000_000)})
    data = archive.read_bytes().replace((50_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive.write_bytes(data)
    refused(archive, "damaged or unusual", limits=SMALL)


def test_a_tar_header_that_overstates_a_name_takes_no_memory(tmp_path, refused):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 * 2**30
    (tmp_path / "archive").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    refused(tmp_path / "archive", "far more")


def test_a_tar_header_that_is_as_long_as_it_claims_is_not_read(tmp_path, refused):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**26
    (tmp_path / "archive").write_bytes(info.tobuf(tarfile.GNU_FORMAT))
    os.truncate(tmp_path / "archive", 2**27)  # a few kB on the disk
    refused(tmp_path / "archive", "a header of 67,108,864 bytes")


def test_what_is_passed_over_in_a_tar_gz_counts_too(tmp_path, refused):
    archive = make_tgz(tmp_path / "archive", {"bomb": bytes(50_000_000), "a": b"x"})
    refused(archive, "far more", wanted=lambda name: name == "a", limits=SMALL)


def test_a_tar_gz_that_claims_much_for_what_is_passed_over(tmp_path, refused):
    info = tarfile.TarInfo("bomb")
    info.size = 8 * 2**30
    (tmp_path / "archive").write_bytes(gzip.compress(info.tobuf() + bytes(10_240)))
    refused(tmp_path / "archive", "far more", wanted=lambda name: False)


@MAKERS
def test_too_many_members(tmp_path, refused, make):
    archive = make(tmp_path / "archive", {f"{number}": NOISE[:1000] for number in range(101)})
    refused(archive, "more than 100 members", limits=Limits(members=100))


# ------------------------------------------------------------------------------------------------------ damage


@MAKERS
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_archive(tmp_path, refused, make, share):
    archive = make(tmp_path / "archive", {f"{number}": NOISE[number:20_000] for number in range(20)})
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    refused(archive, "damaged or unusual")


def test_a_tar_cut_exactly_between_two_members(tmp_path, refused):
    archive = make_tar(tmp_path / "archive", {"a": bytes(512), "b": bytes(512)})
    archive.write_bytes(archive.read_bytes()[:1024])
    refused(archive, "damaged or unusual")


def test_a_tar_with_a_damaged_header_in_the_middle(tmp_path, refused):
    archive = make_tar(tmp_path / "archive", {"a": bytes(512), "b": bytes(512)})
    data = bytearray(archive.read_bytes())
    data[1030] ^= 0xFF
    archive.write_bytes(data)
    refused(archive, "damaged or unusual")


@pytest.mark.parametrize("make", [make_zip, make_tgz])
def test_content_that_fails_its_own_check(tmp_path, refused, make):
    archive = make(tmp_path / "archive", {"a": NOISE})
    data = bytearray(archive.read_bytes())
    data[50_000:50_400] = bytes(400)
    archive.write_bytes(data)
    refused(archive, "damaged or unusual")


@pytest.mark.parametrize("content", [b"", b"PK", b"\x1f\x8b", b"<html>" * 1000, b"PK\3\4" + NOISE, b"\x1f\x8b" + NOISE])
def test_what_is_no_archive(tmp_path, refused, content):
    (tmp_path / "archive").write_bytes(content)
    refused(tmp_path / "archive", "damaged or unusual")


@MAKERS
def test_random_damage_is_refused_or_harmless_and_never_a_traceback(tmp_path, make):
    rng = np.random.default_rng(0)
    good = make(tmp_path / "archive", {f"set/f{n}/{'x' * n}.png": NOISE[: n * 37] for n in range(1, 8)}).read_bytes()
    outcomes = []
    for _ in range(60):
        data = np.frombuffer(good, dtype=np.uint8).copy()
        data[rng.integers(len(data), size=3)] ^= rng.integers(1, 256, size=3, dtype=np.uint8)
        (tmp_path / "archive").write_bytes(data.tobytes())
        try:
            extract(tmp_path / "archive", tmp_path / "out")
            outcomes.append("unpacked")
        except UserError as error:
            outcomes.append("refused")
            assert "\n" not in str(error)
        assert {path.name for path in tmp_path.iterdir()} <= {"archive", "out"}
    assert outcomes.count("refused") > 15


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB and 20 files; skipped where it may not be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=20", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({f"{n}": NOISE for n in range(20)}, ["disk", "free some"]),
        ({f"{n}": bytes(400_000) for n in range(5)}, ["disk/.out", "no space left"]),
        ({f"{n}": b"x" for n in range(30)}, ["disk/.out", "no space left"]),
    ],
    ids=["too small for the archive", "full on the way", "no more files"],
)
@pytest.mark.parametrize("make", [make_zip, make_tgz])
def test_a_disk_that_is_too_small(tmp_path, one_line, small_disk, make, members, words):
    archive = make(tmp_path / "archive", members)
    with pytest.raises(UserError) as error:
        extract(archive, small_disk / "out")
    one_line(error, *words)
    assert everything(small_disk) == []
