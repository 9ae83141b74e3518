"""Cityscapes as a prepared set, from archives made here."""

import hashlib
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import Cityscapes

from semiproto.data import layout
from semiproto.data.published import cityscapes, conversion
from semiproto.data.published.download import Access
from semiproto.data.published.entry import Remote
from semiproto.errors import UserError

TRAIN = ["aachen_000000_000019", "aachen_000001_000019", "hamburg_000000_080169"]
VAL = ["lindau_000000_000019"]
PARTS = {"train": TRAIN, "val": VAL, "test": ["berlin_000000_000019"]}
WIDTH, HEIGHT = 16, 8
OFFLINE = Access(offline=True)

TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14,
    28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip


def label_ids(image_id):
    seed = int(image_id.split("_")[1]) + len(image_id)
    return np.random.default_rng(seed).integers(0, 34, (HEIGHT, WIDTH)).astype(np.uint8)


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def image_of(image_id):
    return png(np.random.default_rng(len(image_id)).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))


def path_of(part, image_id):
    return f"{part}/{image_id.split('_')[0]}/{image_id}"


def images():
    files = {f"leftImg8bit/{path_of(p, i)}_leftImg8bit.png": image_of(i) for p, ids in PARTS.items() for i in ids}
    return files | {"README": b"x", "license.txt": b"x"}


def masks():
    files = {"README": b"x", "license.txt": b"x"}
    for part, ids in PARTS.items():
        for image_id in ids:
            base = f"gtFine/{path_of(part, image_id)}_gtFine_"
            files |= {f"{base}labelIds.png": png(label_ids(image_id)), f"{base}polygons.json": b"{}"}
            files |= {f"{base}color.png": b"x", f"{base}instanceIds.png": b"x"}
    return files


def pack(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def lines(part, ids):
    return "\n".join(f"leftImg8bit/{path_of(part, i)}_leftImg8bit.png" for i in ids)


@pytest.fixture
def downloads(tmp_path):
    """A download folder with small archives under the real names, and lists."""
    folder = tmp_path / "downloads"
    (folder / "splits/cityscapes/2").mkdir(parents=True)
    pack(folder / "leftImg8bit_trainvaltest.zip", images())
    pack(folder / "gtFine_trainvaltest.zip", masks())
    (folder / "splits/cityscapes/2/labeled.txt").write_text(lines("train", TRAIN[1:]) + "\n")
    (folder / "splits/cityscapes/2/unlabeled.txt").write_text(lines("train", TRAIN[:1]))
    (folder / "splits/cityscapes/val.txt").write_text(lines("val", VAL))
    return folder


@pytest.fixture
def prepare(downloads, tmp_path):
    """Prepares the set from what is in the download folder, whose files are then the catalogue's."""

    def entry(remote):
        content = (downloads / remote.name).read_bytes()
        return replace(remote, checksum=f"md5:{hashlib.md5(content).hexdigest()}", size=len(content))

    def run(counts=(3, 1)):
        split = replace(
            cityscapes.CITYSCAPES.splits[0],
            labels=2,
            labeled=entry(Remote("splits/cityscapes/2/labeled.txt", "md5:" + "0" * 32, 0)),
            unlabeled=entry(Remote("splits/cityscapes/2/unlabeled.txt", "md5:" + "0" * 32, 0)),
        )
        dataset = replace(
            cityscapes.CITYSCAPES,
            files=tuple(entry(file) for file in cityscapes.CITYSCAPES.files),
            counts={"train": counts[0], "val": counts[1], "unlabeled": 0},
            splits=(split,),
            validation=entry(cityscapes.CITYSCAPES.validation),
        )
        root = tmp_path / "set"
        root.mkdir()
        conversion.prepare(root, dataset, downloads, OFFLINE)
        return root

    return run


# ----------------------------------------------------------------------------------------------- the whole set


def test_the_archives_become_a_prepared_set(prepare):
    root = prepare()
    found = {part: layout.read_list(root / layout.LISTS / f"{part}.txt") for part in ("train", "val", "unlabeled")}
    assert found == {"train": TRAIN, "val": VAL, "unlabeled": []}
    assert {path.name for path in (root / layout.IMAGES).iterdir()} == {f"{i}.png" for i in [*TRAIN, *VAL]}
    for image_id in [*TRAIN, *VAL]:
        assert (root / layout.IMAGES / f"{image_id}.png").read_bytes() == image_of(image_id)
    assert len(layout.read_classes(root)) == 19 and layout.read_classes(root)[6] == "traffic_light"
    assert not (root / "unpacked").exists()


def test_label_ids_become_the_19_classes_and_void(prepare):
    root = prepare()
    for image_id in [*TRAIN, *VAL]:
        expected = [[TRAIN_IDS.get(int(v), 255) for v in row] for row in label_ids(image_id)]
        assert layout.read_mask(root / layout.MASKS / f"{image_id}.png").tolist() == expected


def test_masks_have_the_published_colours(prepare):
    root = prepare()
    with Image.open(root / layout.MASKS / f"{VAL[0]}.png") as image:
        colours = np.asarray(image.convert("RGB"))
    classes = layout.read_mask(root / layout.MASKS / f"{VAL[0]}.png")
    table = np.zeros((256, 3), np.uint8)
    table[:19] = cityscapes.CITYSCAPES.colours
    np.testing.assert_array_equal(colours, table[classes])


def test_only_images_and_label_ids_of_two_parts_are_unpacked():
    names = [*images(), *masks()]
    needed = [name for name in names if cityscapes.wanted(name)]
    assert len(needed) == 2 * len([*TRAIN, *VAL])
    assert all(name.endswith(("leftImg8bit.png", "labelIds.png")) and "/test/" not in name for name in needed)


def test_the_published_lists_are_kept_as_ids(prepare):
    root = prepare()
    assert layout.read_list(root / layout.PUBLISHED / "cityscapes/2/labeled.txt") == TRAIN[1:]
    assert layout.read_list(root / layout.PUBLISHED / "cityscapes/2/unlabeled.txt") == TRAIN[:1]


# ------------------------------------------------------------------------------------------------ what is wrong


def test_missing_archives_are_asked_for_with_how_and_where(tmp_path, one_line):
    for dataset in (cityscapes.CITYSCAPES, replace(cityscapes.CITYSCAPES, splits=cityscapes.CITYSCAPES.splits[:1])):
        with pytest.raises(UserError) as error:
            conversion.prepare(tmp_path, dataset, tmp_path / "downloads", Access())
        words = ("leftImg8bit_trainvaltest.zip", "gtFine_trainvaltest.zip", "register at https://www.cityscapes")
        one_line(error, tmp_path / "downloads", "account", *words)


def test_other_counts_than_the_published_ones(prepare, one_line, downloads):
    files = images()
    del files[f"leftImg8bit/{path_of('train', TRAIN[0])}_leftImg8bit.png"]
    pack(downloads / "leftImg8bit_trainvaltest.zip", files)
    with pytest.raises(UserError) as error:
        prepare()
    one_line(error, "2 images for train", "3 are published")


@pytest.mark.parametrize(
    ("name", "part", "there", "words"),
    [
        ("2/labeled", "train", TRAIN[1:2], "published lists of 2"),
        ("val", "val", [], "published validation list"),
    ],
)
def test_a_published_list_with_an_image_that_is_not_there(prepare, one_line, downloads, name, part, there, words):
    (downloads / f"splits/cityscapes/{name}.txt").write_text(lines(part, [*there, "zurich_000000_000019"]))
    with pytest.raises(UserError) as error:
        prepare()
    one_line(error, words, "2 such ids")


def test_an_image_without_a_mask(prepare, one_line, downloads):
    files = masks()
    del files[f"gtFine/{path_of('train', TRAIN[0])}_gtFine_labelIds.png"]
    pack(downloads / "gtFine_trainvaltest.zip", files)
    with pytest.raises(UserError) as error:
        prepare()
    one_line(error, f"{TRAIN[0]}_gtFine_labelIds.png", "no such mask")


def test_a_mask_of_another_size(prepare, one_line, downloads):
    name = f"gtFine/{path_of('train', TRAIN[0])}_gtFine_labelIds.png"
    pack(downloads / "gtFine_trainvaltest.zip", masks() | {name: png(np.zeros((HEIGHT, 1), np.uint8))})
    with pytest.raises(UserError) as error:
        prepare()
    one_line(error, TRAIN[0], f"1x{HEIGHT}", f"{WIDTH}x{HEIGHT}")


@pytest.mark.parametrize("value", [34, 255])
def test_values_that_are_no_label_ids(tmp_path, one_line, value):
    values = label_ids(TRAIN[0])
    values[3, 4] = value
    (tmp_path / "mask.png").write_bytes(png(values))
    with pytest.raises(UserError) as error:
        cityscapes.read_mask(tmp_path / "mask.png")
    one_line(error, tmp_path / "mask.png", f"value {value}", "row 3, column 4")


@pytest.mark.parametrize("content", [None, b"no image"])
def test_a_damaged_mask_is_one_clear_error(tmp_path, one_line, content):
    if content:
        (tmp_path / "mask.png").write_bytes(content)
    with pytest.raises(UserError) as error:
        cityscapes.read_mask(tmp_path / "mask.png")
    one_line(error, tmp_path / "mask.png")


# --------------------------------------------------------------------------------------------------- the entry


def test_classes_have_the_published_colours():
    table = {c.id: c for c in Cityscapes.classes if not c.ignore_in_eval}
    ids = cityscapes.LABEL_IDS
    assert [table[label_id].train_id for label_id in ids] == list(range(19))
    assert [table[label_id].name.replace(" ", "_") for label_id in ids] == list(cityscapes.CITYSCAPES.classes)
    assert [table[label_id].color for label_id in ids] == list(cityscapes.CITYSCAPES.colours)


# ------------------------------------------------------------------------------------------------------- lists


def test_a_line_of_a_published_list_names_an_id():
    line = "leftImg8bit/train/hamburg/hamburg_000000_080169_leftImg8bit.png"
    assert cityscapes.id_of(line, "here") == "hamburg_000000_080169"


@pytest.mark.parametrize(
    "line",
    [
        "hamburg_000000_080169",
        "leftImg8bit/train/hamburg_000000_080169_leftImg8bit.png",
        "leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png",
        "gtFine/train/hamburg/hamburg_000000_080169_leftImg8bit.png",
        "leftImg8bit/train/hamburg/hamburg_000000_080169_gtFine_labelIds.png",
        "leftImg8bit/train/hamburg/aachen_000000_000019_leftImg8bit.png",
        "leftImg8bit/train/../hamburg_000000_080169_leftImg8bit.png",
        "leftImg8bit/train/../../etc/passwd",
        "/leftImg8bit/train/hamburg/hamburg_000000_080169_leftImg8bit.png",
        "leftImg8bit/train/ham/ham_../../x_leftImg8bit.png",
        "leftImg8bit/train/ham/ham_a b_leftImg8bit.png",
        "leftImg8bit/train/ham/ham_\x1b[2J_leftImg8bit.png",
        "leftImg8bit/train/ham/ham_" + "a" * 300 + "_leftImg8bit.png",
        "leftImg8bit/train/ham/_leftImg8bit.png",
    ],
)
def test_any_other_line_is_refused_with_its_place(line, one_line):
    with pytest.raises(UserError) as error:
        cityscapes.id_of(line, "labeled.txt, line 7")
    one_line(error, "labeled.txt, line 7")


def test_a_repeated_line_is_refused(tmp_path, one_line):
    path = tmp_path / "list.txt"
    path.write_text(lines("train", [*TRAIN, TRAIN[0]]))
    with pytest.raises(UserError) as error:
        cityscapes.read_list(path)
    one_line(error, path, "line 4", "line 1", TRAIN[0])


def test_blank_lines_are_passed_over(tmp_path):
    (tmp_path / "list.txt").write_text("\n" + lines("train", TRAIN) + "\n\n")
    assert cityscapes.read_list(tmp_path / "list.txt") == TRAIN
