"""A user's folder, in any layout, becomes the prepared set."""

import json
import os
import sys

import numpy as np
import pytest
from made_up import write_receipt
from PIL import Image

from pipeline import own_folder
from semiproto.data import layout
from semiproto.data.layout import IGNORE_INDEX, LISTS, MASKS, read_classes, read_list, read_mask
from semiproto.data.own import check, contents, masks
from semiproto.data.own import prepare as folder
from semiproto.data.own.discover import discover
from semiproto.errors import UserError
from semiproto.params import FolderSource

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'

CHANGES = {
    "images and masks": lambda base: base,
    "VOC": own_folder.in_voc_layout,
    "pairs": own_folder.paired,
    "COCO": own_folder.outlined,
    "colours": own_folder.drawn_in_colours,
    "a palette of colours": lambda base: own_folder.drawn_in_colours(base, palette=True),
}


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def change(request, base):
    """Changes the folder to the layout that the test names; COCO needs its library."""
    if request.param == "COCO":
        pytest.importorskip("pycocotools")
    return lambda: CHANGES[request.param](base)


def source_of(base, **changes):
    return FolderSource.model_validate(own_folder.section(base, **changes))


def prepared(root, source):
    """The prepared masks by id."""
    folder.prepare(root, source)
    return {path.stem: read_mask(path) for path in (root / MASKS).iterdir()}


def lists_of(root):
    return {part: read_list(root / LISTS / f"{part}.txt") for part in contents.PARTS}


@pytest.mark.parametrize("change", CHANGES, indirect=True)
def test_every_layout_gives_the_same_classes_images_and_masks(base, change, tmp_path):
    expected = own_folder.indices(base)
    images = {path.name: path.read_bytes() for path in (base / "images").iterdir()}
    change()
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    source = discover(base, "own")[0]
    found = prepared(tmp_path / "raw", source)
    assert found.keys() == expected.keys()
    for stem, mask in found.items():
        if source.colours:
            expected[stem][:, -1] = IGNORE_INDEX
        np.testing.assert_array_equal(mask, expected[stem])
    assert read_classes(tmp_path / "raw") == ["background", "square"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "raw" / layout.IMAGES).iterdir()} == images
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "train", "val"), [("images and masks", 6, 0), ("VOC", 4, 2), ("pairs", 4, 2), ("COCO", 6, 0)],
    indirect=["change"],
)  # fmt: skip
def test_the_parts_are_those_of_the_layout(base, change, train, val, tmp_path):
    change()
    prepared(tmp_path / "raw", discover(base, "own")[0])
    ids = [f"photo{n}" for n in range(10)]
    expected = {"train": ids[:train], "val": ids[train : train + val], "unlabeled": ids[6:]}
    assert lists_of(tmp_path / "raw") == expected


@pytest.mark.parametrize("ignore", [0, 1, 7, 255, None])
def test_any_value_may_be_void(base, ignore, tmp_path):
    for path in (base / "masks").iterdir():
        mask = np.array(Image.open(path))
        mask[:3] = mask[:3] if ignore is None else ignore
        Image.fromarray(mask).save(path)
    original = own_folder.indices(base)
    source = source_of(base, ignore=ignore)
    rules = masks.rules(source)
    for stem, mask in original.items():
        found = masks.read(base / "masks" / f"{stem}.png", (40, 40), rules)
        np.testing.assert_array_equal(
            found, np.where(mask == ignore, IGNORE_INDEX, mask) if ignore is not None else mask
        )


def test_images_without_masks_may_lie_beside_those_with(base, tmp_path):
    (base / "masks/photo0.png").unlink()
    prepared(tmp_path / "raw", source_of(base))
    assert "photo0" in lists_of(tmp_path / "raw")["unlabeled"]


def test_the_colours_of_the_masks_are_kept_for_predictions(base, tmp_path):
    assert layout.read_palette(base) == [[0, 0, 0], [128, 0, 0]]
    source = discover(own_folder.drawn_in_colours(base), "own")[0]
    prepared(tmp_path / "raw", source)
    assert layout.read_palette(tmp_path / "raw") == [[0, 0, 0], [200, 30, 90]]


# ----------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("stem", ["my photo (1)", "-rf", "фото", "a'b\"c;d", "x" * 240, "naïve", "\\..\\x", "@home"])
def test_a_file_with_an_odd_name_gets_a_safe_id(base, stem, tmp_path):
    for part in ("images", "masks"):
        (base / part / "photo0.png").rename(base / part / f"{stem}.png")
    (base / "train.txt").write_text(f"{stem}\nphoto1\n")
    found = prepared(tmp_path / "raw", source_of(base, train_list="train.txt"))
    first, second = lists_of(tmp_path / "raw")["train"]
    assert first == contents.safe_id(stem) and second == "photo1"
    assert layout.check_id(first, "") and first in found
    assert set(layout.images_by_id(tmp_path / "raw" / layout.IMAGES)) >= {first, second}


def test_names_that_differ_have_ids_that_differ():
    stems = ["a b", "a_b", "a  b", "a-b", "a.b", "ä", "á", "-a", "--a", " a"]
    assert len({contents.safe_id(stem) for stem in stems}) == len(stems)
    assert contents.safe_id("a b") == contents.safe_id("a b")
    assert contents.safe_id("2007_000032") == "2007_000032"


HOSTILE = [
    "../../etc/passwd",
    "a/b",
    "-rf",
    "",
    "x" * 300,
    "phоto1",
    "/etc/passwd",
    "images/../../secret",
    "C:\\x",
    "..",
]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_a_list_cannot_name_what_is_not_in_the_folder(base, name, one_line):
    (base.parent / "secret.png").write_bytes((base / "images/photo0.png").read_bytes())
    (base / "train.txt").write_text(f"photo0\n{name}\n")
    found = contents.read(source_of(base, train_list="train.txt"))
    assert [item.image.stem for item in found.of("train")] == ["photo0"]
    (fault,) = found.faults
    assert str(fault).startswith(f"{base / 'train.txt'}, line 2: ") and name[:50] in str(fault).replace("\\\\", "\\")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("column", ["image", "mask"])
def test_a_csv_cannot_name_what_is_not_in_the_folder(base, name, column):
    secret = base.parent / "secret.png"
    secret.write_bytes((base / "images/photo0.png").read_bytes())
    rows = {"image": "images/photo1.png", "mask": "masks/photo1.png", column: name}
    (base / "pairs.csv").write_text(f"image,mask\nimages/photo0.png,masks/photo0.png\n{rows['image']},{rows['mask']}\n")
    found = contents.read(source_of(base, masks="pairs.csv"))
    assert [item.image.stem for item in found.of("train")] == ["photo0"]
    if column == "mask" and not name:
        assert not found.faults  # a row without a mask is an unlabelled image
    else:
        (fault,) = found.faults
        assert fault.line == 3 and name[:50] in str(fault).replace("\\\\", "\\")
    assert all(item.image.is_relative_to(base) and ".." not in item.image.parts for item in found.items)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_coco_file_cannot_name_what_is_not_in_the_folder(base, name):
    pytest.importorskip("pycocotools")
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = name
    file.write_text(json.dumps(content))
    found = contents.read(source_of(base, masks="annotations/instances.json"))
    assert [item.image.stem for item in found.of("train")] == [f"photo{n}" for n in range(1, 6)]
    (fault,) = found.faults
    assert fault.file == str(file) and name[:50] in str(fault).replace("\\\\", "\\")


# -------------------------------------------------------------------------------------------------- COCO, CSV


def test_without_pycocotools_one_line_says_how_to_get_it(base, monkeypatch, one_line):
    pytest.importorskip("pycocotools")
    own_folder.outlined(base)
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)  # what an absent module looks like
    with pytest.raises(UserError) as error:
        contents.read(source_of(base, masks="annotations/instances.json"))
    one_line(error, base / "annotations/instances.json", "pip install 'semiproto[coco]'")


def test_of_two_outlines_that_overlap_the_smaller_is_on_top(base):
    pytest.importorskip("pycocotools")
    file = own_folder.outlined(base) / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["categories"].append({"id": 3, "name": "traffic light"})
    small, large = [[4, 4, 8, 4, 8, 8, 4, 8]], [[0, 0, 20, 0, 20, 20, 0, 20]]
    for order in ((small, 3, large, 7), (large, 7, small, 3)):
        content["annotations"] = [
            {"image_id": 0, "category_id": order[n + 1], "segmentation": order[n]} for n in (0, 2)
        ]
        file.write_text(json.dumps(content))
        source = discover(base, "own")[0]
        assert source.classes == ["background", "traffic_light", "square"]
        (item,) = contents.read(source).of("train")
        found = masks.read(item.mask, (40, 40), masks.rules(source))
        expected = np.zeros((40, 40), np.uint8)
        expected[:20, :20], expected[4:8, 4:8] = 2, 1
        np.testing.assert_array_equal(found, expected)


def test_an_image_of_a_coco_file_without_outlines_is_unlabelled_unless_a_list_names_it(base, tmp_path):
    pytest.importorskip("pycocotools")
    own_folder.outlined(base)
    (base / "train.txt").write_text("photo0\nphoto9\n")
    source = source_of(base, masks="annotations/instances.json")
    assert "photo9" in [item.id for item in contents.read(source).of("unlabeled")]
    found = prepared(tmp_path / "raw", source.model_copy(update={"train_list": "train.txt"}))
    assert found["photo9"].max() == 0
    assert "photo9" not in lists_of(tmp_path / "raw")["unlabeled"]


def test_rows_of_a_csv_may_say_the_part_or_leave_it(base):
    (base / "pairs.csv").write_text(
        "part,mask,image\ntrain,masks/photo0.png,images/photo0.png\n,masks/photo1.png,images/photo1.png\n"
        "unlabeled,masks/photo2.png,images/photo2.png\nval,masks/photo3.png,./images/photo3.png\n,,images/photo4.png\n"
    )
    found = contents.read(source_of(base, masks="pairs.csv"))
    assert not found.faults
    ids = {part: [item.id for item in found.of(part)] for part in contents.PARTS}
    assert ids["train"] == ["photo0", "photo1"] and ids["val"] == ["photo3"]
    assert ids["unlabeled"] == ["photo2", *(f"photo{n}" for n in range(4, 10))]
    assert all(item.mask is None for item in found.of("unlabeled"))


# ------------------------------------------------------------------------------------------------- prepare


def test_nothing_is_prepared_from_a_faulty_folder_and_the_first_fault_is_told(base, tmp_path, one_line):
    for number in (1, 2):
        Image.fromarray(np.full((40, 40), 9, np.uint8)).save(base / f"masks/photo{number}.png")
    with pytest.raises(UserError) as error:
        prepared(tmp_path / "raw", source_of(base))
    one_line(error, base / "masks/photo1.png", "value 9", "2 faults in all", "semiproto check-data")
    assert not (tmp_path / "raw").exists()


def test_warnings_stop_nothing_and_are_told(base, tmp_path, capfd):
    (base / "masks/stray.png").write_bytes((base / "masks/photo0.png").read_bytes())
    prepared(tmp_path / "raw", source_of(base))
    assert "warnings: 1; `semiproto check-data` lists them" in capfd.readouterr().err


def test_each_file_is_looked_at_once(base, tmp_path, monkeypatch):
    """The check before a run is the one of `check-data`, and it runs once."""
    looked = []
    real = check.look
    monkeypatch.setattr(check, "look", lambda rules, item: looked.append(item.id) or real(rules, item))
    prepared(tmp_path / "raw", source_of(base))
    assert sorted(looked) == [f"photo{n}" for n in range(10)]


def test_an_image_turned_by_its_exif_tag_goes_with_a_mask_as_it_is_shown(base, tmp_path):
    turned = Image.open(base / "images/photo0.png").crop((0, 0, 40, 30))
    exif = turned.getexif()
    exif[0x0112] = 6
    (base / "images/photo0.png").unlink()
    turned.save(base / "images/photo0.jpg", exif=exif)
    shown = np.zeros((40, 30), np.uint8)
    shown[5:20, 3:9] = 1
    Image.fromarray(shown).save(base / "masks/photo0.png")
    np.testing.assert_array_equal(prepared(tmp_path / "raw", source_of(base))["photo0"], shown)


def test_the_fingerprint_follows_links_to_folders_and_takes_any_name(base, tmp_path):
    (base / "masks").rename(tmp_path / "elsewhere")
    (base / "masks").symlink_to(tmp_path / "elsewhere")
    (base / "images/circle").symlink_to(base)
    (base / "up").symlink_to(tmp_path)
    (base / "images" / os.fsdecode(b"caf\xe9.txt")).write_text("a name that is not UTF-8")
    before = contents.fingerprint(base)
    assert contents.fingerprint(base) == before
    (tmp_path / "beside.txt").write_text("not in the folder")
    assert contents.fingerprint(base) == before
    (tmp_path / "elsewhere/photo1.png").write_bytes(b"changed")
    assert contents.fingerprint(base) != before


def test_a_moved_folder_is_stood_for_by_the_set_that_was_made_of_it(base, tmp_path):
    prepared, before = tmp_path / "prepared", contents.fingerprint(base)
    assert contents.last_fingerprint(base, prepared) == before
    base.rename(tmp_path / "moved")
    assert contents.last_fingerprint(base, prepared) is None
    facts = {"fingerprint": before}
    write_receipt(prepared, "data", outputs={}, config={}, inputs=[], seed=None, seconds=0.0, facts=facts)
    assert contents.last_fingerprint(base, prepared) == before
