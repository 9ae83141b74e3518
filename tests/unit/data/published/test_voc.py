"""VOC and SBD as a prepared set, from archives made here."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from semiproto.data import layout
from semiproto.data.published import conversion, voc
from semiproto.data.published.download import Access
from semiproto.data.published.entry import Remote, Split
from semiproto.errors import UserError

TRAIN, VAL, SBD = ["2007_000001", "2007_000002"], ["2007_000003"], ["2008_000001", "2008_000002", "2008_000003"]
WIDTH, HEIGHT = 12, 8
OFFLINE = Access(offline=True)
RNG = np.random.default_rng(0)


def mask_of(image_id, void=True):
    """A mask with values 0 to 20, and 255 in VOC's own."""
    values = np.random.default_rng(int(image_id.replace("_", ""))).integers(0, 21, (HEIGHT, WIDTH)).astype(np.uint8)
    if void:
        values[0] = 255
    return values


def png(values, colours=None):
    """A palette PNG of the values, or an RGB one."""
    image = Image.fromarray(values if colours is None else colours)
    if colours is None:
        image.putpalette(layout.voc_palette().ravel().tolist())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(width=WIDTH, height=HEIGHT, orientation=None):
    image = Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))
    exif = image.getexif()
    if orientation:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def mat(values):
    buffer = io.BytesIO()
    fields = {"Boundaries": np.zeros((2, 2)), "Segmentation": values, "CategoriesPresent": np.unique(values)}
    savemat(buffer, {"GTcls": fields}, do_compression=True)
    return buffer.getvalue()


def lines(ids):
    return "".join(f"{image_id}\n" for image_id in ids).encode()


def devkit():
    """The content of VOC's archive by name; images without masks, and other files, are in it too."""
    base = "VOCdevkit/VOC2012"
    files = {f"{base}/JPEGImages/{i}.jpg": jpeg() for i in [*TRAIN, *VAL, *SBD, "2012_999999"]}
    files |= {f"{base}/SegmentationClass/{i}.png": png(mask_of(i)) for i in [*TRAIN, *VAL]}
    files |= {f"{base}/SegmentationObject/{i}.png": b"instances" for i in TRAIN}
    files |= {f"{base}/ImageSets/Segmentation/{n}.txt": lines(i) for n, i in (("train", TRAIN), ("val", VAL))}
    return files | {f"{base}/ImageSets/Main/train.txt": b"x", f"{base}/Annotations/2007_000001.xml": b"<x/>"}


def sbd():
    """SBD's archive: masks of its own images, and of some of VOC's training and validation images."""
    base = "benchmark_RELEASE/dataset"
    files = {f"{base}/cls/{i}.mat": mat(mask_of(i, void=False)) for i in SBD}
    files |= {f"{base}/cls/{i}.mat": mat(np.zeros((HEIGHT, WIDTH), np.uint8)) for i in (TRAIN[0], VAL[0])}
    return files | {f"{base}/img/{SBD[0]}.jpg": b"x", f"{base}/train.txt": b"x", "benchmark_RELEASE/README": b"x"}


def class_aug():
    """SegmentationClassAug: grey PNGs of indices, with the hidden files that some systems add."""
    files = {}
    for image_id in [*SBD, *TRAIN, *VAL]:
        buffer = io.BytesIO()
        Image.fromarray(mask_of(image_id, void=False)).save(buffer, "PNG")
        files[f"SegmentationClassAug/{image_id}.png"] = buffer.getvalue()
    return files | {f"__MACOSX/SegmentationClassAug/._{SBD[0]}.png": b"x"}


def tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def entry(folder, name):
    """The catalogue's entry of a file in a folder."""
    content = (folder / name).read_bytes()
    return Remote(name, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), ("http://x.invalid",))


@pytest.fixture
def downloads(tmp_path):
    """A download folder with small archives under the real names."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    tar(folder / "VOCtrainval_11-May-2012.tar", devkit())
    tar(folder / "benchmark.tgz", sbd(), "w:gz")
    with zipfile.ZipFile(folder / "SegmentationClassAug.zip", "w") as archive:
        for name, content in class_aug().items():
            archive.writestr(name, content)
    return folder


@pytest.fixture
def describe(downloads):
    """Makes a catalogue entry for the small archives, and the published lists of its splits."""

    def put(name, ids):
        path = downloads / "splits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lines(ids).rstrip())  # as the published ones, without a newline at the end
        return entry(downloads, f"splits/{name}")

    def make(dataset, counts, *labeled, validation=VAL, training=(*TRAIN, *SBD)):
        named = ["VOCtrainval_11-May-2012.tar", *(file.name for file in dataset.files[1:])]
        splits = []
        for ids in labeled:
            rest = [i for i in training if i not in ids]
            folder = f"voc/{len(ids)}"
            lists = put(f"{folder}/labeled.txt", ids), put(f"{folder}/unlabeled.txt", rest)
            splits.append(Split("classic", len(ids), *lists))
        return replace(
            dataset,
            files=tuple(entry(downloads, name) for name in named),
            counts=dict(zip(("train", "val", "unlabeled"), counts, strict=True)),
            splits=tuple(splits),
            validation=put("voc/val.txt", validation),
        )

    return make


@pytest.fixture
def prepare(downloads, tmp_path):
    def run(dataset):
        root = tmp_path / "set"
        root.mkdir()
        conversion.prepare(root, dataset, downloads, OFFLINE)
        return root

    return run


def lists(root):
    return {part: layout.read_list(root / layout.LISTS / f"{part}.txt") for part in ("train", "val", "unlabeled")}


def stems(folder):
    return sorted(path.stem for path in folder.iterdir())


# ----------------------------------------------------------------------------------------------- the whole set


def test_sbds_masks_join_vocs_own(prepare, describe):
    root = prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1], [*TRAIN, SBD[1]]))
    assert lists(root) == {"train": [*TRAIN, *SBD], "val": VAL, "unlabeled": []}
    assert stems(root / layout.IMAGES) == stems(root / layout.MASKS) == sorted([*TRAIN, *VAL, *SBD])
    for image_id in [*TRAIN, *VAL]:
        np.testing.assert_array_equal(mask(root, image_id), mask_of(image_id))
    for image_id in SBD:
        np.testing.assert_array_equal(mask(root, image_id), mask_of(image_id, void=False))
    assert layout.read_classes(root) == list(voc.VOC.classes) and len(layout.read_classes(root)) == 21


def mask(root, image_id):
    return layout.read_mask(root / layout.MASKS / f"{image_id}.png")


def test_masks_of_segmentation_class_aug_do_as_well(prepare, describe):
    root = prepare(describe(voc.VOC_CLASS_AUG, (5, 1, 0), TRAIN[:1]))
    assert lists(root) == {"train": [*TRAIN, *SBD], "val": VAL, "unlabeled": []}
    for image_id in SBD:
        np.testing.assert_array_equal(mask(root, image_id), mask_of(image_id, void=False))
    for image_id in [*TRAIN, *VAL]:
        np.testing.assert_array_equal(mask(root, image_id), mask_of(image_id))


def test_without_sbds_masks_its_images_are_unlabelled(prepare, describe):
    root = prepare(describe(voc.VOC, (2, 1, 3), TRAIN[:1]))
    assert lists(root) == {"train": TRAIN, "val": VAL, "unlabeled": SBD}
    assert stems(root / layout.MASKS) == sorted([*TRAIN, *VAL])
    assert stems(root / layout.IMAGES) == sorted([*TRAIN, *VAL, *SBD])


def test_images_are_the_archives_bytes_and_nothing_else_stays(prepare, describe, downloads):
    root = prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1]))
    with tarfile.open(downloads / "VOCtrainval_11-May-2012.tar") as archive:
        for path in (root / layout.IMAGES).iterdir():
            member = archive.extractfile(f"VOCdevkit/VOC2012/JPEGImages/{path.name}")
            assert path.read_bytes() == member.read()
    assert {path.name for path in root.iterdir()} == {
        "JPEGImages",
        "SegmentationClass",
        "ImageSets",
        "classes.txt",
        "palette.json",
    }


def test_masks_have_vocs_colours(prepare, describe):
    root = prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1]))
    with Image.open(root / layout.MASKS / f"{TRAIN[0]}.png") as image:
        colours = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(colours, layout.voc_palette()[mask_of(TRAIN[0])])


def test_the_published_lists_are_kept_with_the_set(prepare, describe):
    labeled = [*TRAIN, SBD[1]]
    root = prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1], labeled))
    assert layout.read_list(root / layout.PUBLISHED / "classic/3/labeled.txt") == labeled
    assert layout.read_list(root / layout.PUBLISHED / "classic/3/unlabeled.txt") == [SBD[0], SBD[2]]
    assert layout.read_list(root / layout.PUBLISHED / "classic/1/labeled.txt") == TRAIN[:1]


# ------------------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("counts", "words"), [((6, 1, -1), ["5 images for train", "6"]), ((5, 2, 0), ["1 ids", "2"])], ids=["train", "val"]
)
def test_other_counts_than_the_published_ones(prepare, describe, one_line, counts, words):
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC_SBD, counts, TRAIN[:1]))
    one_line(error, "published", *words)


def test_a_published_list_of_another_length(prepare, describe, one_line, downloads):
    dataset = describe(voc.VOC_SBD, (5, 1, 0), TRAIN)
    split = replace(dataset.splits[0], labels=3)
    with pytest.raises(UserError) as error:
        prepare(replace(dataset, splits=(split,)))
    one_line(error, downloads / "splits/voc/2/labeled.txt", "2 ids", "3 are published")


def test_a_published_list_with_an_image_that_is_not_there(prepare, describe, one_line):
    training = [*TRAIN, *SBD[:2], "2007_000009"]
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1], training=training))
    one_line(error, "VOCtrainval_11-May-2012.tar/VOCdevkit/VOC2012/JPEGImages: no image '2007_000009'")


def test_a_published_list_with_a_validation_image(prepare, describe, one_line):
    training = [*TRAIN, *SBD[:2], VAL[0]]
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1], training=training))
    one_line(error, VAL[0], "in two lists")


def test_another_validation_list(prepare, describe, one_line):
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC_SBD, (5, 1, 0), TRAIN[:1], validation=["2007_000007"]))
    one_line(error, "validation list", "2007_000003")


def test_labelled_images_without_masks(prepare, describe, one_line):
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC, (2, 1, 3), SBD[:1]))
    one_line(error, "published lists of 1", SBD[0], "no mask")


def test_an_archive_without_the_folders(prepare, describe, downloads, one_line):
    tar(downloads / "VOCtrainval_11-May-2012.tar", {"VOCdevkit/VOC2007/x.txt": b"x"})
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC, (2, 1, 3), TRAIN[:1]))
    one_line(error, "VOC2012", "no such folder")


@pytest.mark.parametrize("part", ["JPEGImages/2007_000001.jpg", "SegmentationClass/2007_000001.png"])
def test_an_archive_that_lacks_a_file(prepare, describe, downloads, one_line, part):
    files = devkit()
    del files[f"VOCdevkit/VOC2012/{part}"]
    tar(downloads / "VOCtrainval_11-May-2012.tar", files)
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC, (2, 1, 3), TRAIN[:1]))
    one_line(error, part.split("/")[0], "2007_000001")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (jpeg(WIDTH, HEIGHT + 1), [f"{WIDTH}x{HEIGHT} pixels", f"{WIDTH}x{HEIGHT + 1}"]),
        (jpeg(WIDTH, HEIGHT, orientation=6), [f"{WIDTH}x{HEIGHT} pixels", f"{HEIGHT}x{WIDTH}", "EXIF"]),
        (b"no image", ["2007_000001.jpg", "cannot be read"]),
    ],
    ids=["size", "turned", "damaged"],
)
def test_an_image_that_does_not_fit_its_mask(prepare, describe, downloads, one_line, image, words):
    tar(downloads / "VOCtrainval_11-May-2012.tar", devkit() | {"VOCdevkit/VOC2012/JPEGImages/2007_000001.jpg": image})
    with pytest.raises(UserError) as error:
        prepare(describe(voc.VOC, (2, 1, 3), TRAIN[:1]))
    one_line(error, "2007_000001", *words)


def test_an_image_turned_by_its_exif_data_fits_a_mask_of_what_is_shown(prepare, describe, downloads):
    turned = jpeg(HEIGHT, WIDTH, orientation=6)
    tar(downloads / "VOCtrainval_11-May-2012.tar", devkit() | {"VOCdevkit/VOC2012/JPEGImages/2007_000001.jpg": turned})
    root = prepare(describe(voc.VOC, (2, 1, 3), TRAIN[:1]))
    image = np.asarray(layout.read_image(root / layout.IMAGES / "2007_000001.jpg"))
    assert image.shape[:2] == mask(root, "2007_000001").shape == (HEIGHT, WIDTH)


# --------------------------------------------------------------------------------------------------- the entry


def test_a_list_of_vocs_ids_has_twelve_bytes_a_line():
    for split in voc.VOC_SBD.splits:
        assert split.labeled.size == 12 * split.labels - 1
        assert split.unlabeled.size == 12 * (10_582 - split.labels) - 1
    assert voc.VOC_SBD.validation.size == 12 * 1_449 - 1


def test_without_sbd_there_are_only_splits_that_label_vocs_own_masks():
    assert [split.labels for split in voc.VOC.splits] == [92, 183, 366, 732, 1464, 662, 1323]


def test_vocs_colours_are_those_of_the_layout():
    assert [list(colour) for colour in voc.VOC.colours] == layout.voc_palette()[:21].tolist()
    assert list(voc.VOC.void) == layout.voc_palette()[255].tolist()


# -------------------------------------------------------------------------------------------------- masks alone


def test_an_index_mask_is_read_as_it_is(tmp_path):
    (tmp_path / "mask.png").write_bytes(png(mask_of("2007_000001")))
    np.testing.assert_array_equal(voc.read_mask(tmp_path / "mask.png"), mask_of("2007_000001"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_mask_in_colours_becomes_indices(tmp_path, mode):
    values = mask_of("2007_000001")
    colours = layout.voc_palette()[values]
    Image.fromarray(colours).convert(mode).save(tmp_path / "mask.png")
    found = voc.read_mask(tmp_path / "mask.png")
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("border", [(224, 224, 192), (255, 255, 255)], ids=["VOC's void", "white"])
def test_a_border_in_white_or_vocs_void_colour_is_void(tmp_path, border):
    colours = layout.voc_palette()[np.full((4, 5), 15)]
    colours[0] = border
    Image.fromarray(colours).save(tmp_path / "mask.png")
    expected = np.full((4, 5), 15)
    expected[0] = 255
    np.testing.assert_array_equal(voc.read_mask(tmp_path / "mask.png"), expected)


def test_an_unknown_colour_is_named_with_its_place(tmp_path, one_line):
    colours = layout.voc_palette()[mask_of("2007_000001")]
    colours[3, 7] = (1, 2, 3)
    Image.fromarray(colours).save(tmp_path / "mask.png")
    with pytest.raises(UserError) as error:
        voc.read_mask(tmp_path / "mask.png")
    one_line(error, tmp_path / "mask.png", "(1, 2, 3)", "row 3, column 7")


@pytest.mark.parametrize("write", [png, mat], ids=["png", "mat"])
def test_a_value_that_is_no_class_is_named_with_its_place(tmp_path, one_line, write):
    values = mask_of("2007_000001")
    values[5, 2] = 21
    path = tmp_path / f"mask.{write.__name__}"
    path.write_bytes(write(values))
    with pytest.raises(UserError) as error:
        voc.read_mask(path)
    one_line(error, path, "value 21", "row 5, column 2")


def test_a_mask_of_sbd_is_read(tmp_path):
    (tmp_path / "a.mat").write_bytes(mat(mask_of("2008_000001", void=False)))
    found = voc.read_mask(tmp_path / "a.mat")
    np.testing.assert_array_equal(found, mask_of("2008_000001", void=False))


def other_mat(content):
    buffer = io.BytesIO()
    savemat(buffer, content)
    return buffer.getvalue()


BAD_MATS = {
    "empty": b"",
    "no mat": b"no mat file" * 100,
    "truncated": mat(mask_of("2008_000001"))[:-60],
    "another variable": other_mat({"x": np.zeros((2, 2))}),
    "no struct": other_mat({"GTcls": np.zeros((2, 2))}),
    "no segmentation": other_mat({"GTcls": {"x": 1}}),
    "floats": mat(np.zeros((4, 4))),
    "three dimensions": mat(np.zeros((4, 4, 2), np.uint8)),
}


@pytest.mark.parametrize("content", BAD_MATS.values(), ids=BAD_MATS.keys())
def test_a_bad_mat_file_is_one_clear_error(tmp_path, one_line, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(UserError) as error:
        voc.read_mask(tmp_path / "a.mat")
    one_line(error, tmp_path / "a.mat", "get the archive of masks again")


@pytest.mark.parametrize("content", [None, b"", b"no image", png(mask_of("2007_000001"))[:90]])
@pytest.mark.parametrize("suffix", ["png", "mat"])
def test_a_damaged_mask_is_one_clear_error(tmp_path, one_line, content, suffix):
    if content is not None:
        (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(UserError) as error:
        voc.read_mask(tmp_path / f"a.{suffix}")
    one_line(error, tmp_path / f"a.{suffix}")
