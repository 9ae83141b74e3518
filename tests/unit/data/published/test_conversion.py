"""Any published set is made from its entry: here a set of two classes whose converter takes a few lines."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from semiproto.data import layout
from semiproto.data.published import conversion
from semiproto.data.published.download import Access
from semiproto.data.published.entry import Converter, Dataset, Example, Remote, Split
from semiproto.errors import UserError

TRAIN, VAL = ["a", "b", "c"], ["v"]
SIZE = (6, 4)
"""Width and height."""


def png(values):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def mask_of(image_id):
    return np.full(SIZE[::-1], ord(image_id) % 2, dtype=np.uint8)


def examples(folders, published):
    """a, b and c are for training; those without a mask in the archive are unlabelled."""
    (folder,) = folders
    found = {path.stem: Example(path, folder / "masks" / path.name) for path in sorted((folder / "images").iterdir())}
    masked = {image_id: example for image_id, example in found.items() if example.mask.exists()}
    return {
        "train": {image_id: example for image_id, example in masked.items() if image_id not in published.validation},
        "val": {image_id: example for image_id, example in masked.items() if image_id in published.validation},
        "unlabeled": {i: Example(example.image, None) for i, example in found.items() if i not in masked},
    }


CONVERTER = Converter(lambda name: not name.startswith("other/"), examples, layout.read_mask)


@pytest.fixture
def files():
    """The content of the archive by name."""
    blank = np.zeros((*SIZE[::-1], 3), np.uint8)
    return (
        {f"images/{i}.png": png(blank) for i in [*TRAIN, *VAL]}
        | {f"masks/{i}.png": png(mask_of(i)) for i in ["a", "b", *VAL]}
        | {"other/huge.bin": b"x"}
    )


@pytest.fixture
def prepare(tmp_path, files):
    """Makes the set of the archive `files`, with the lists of two families."""
    downloads = tmp_path / "downloads"

    def remote(name, content):
        path = downloads / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Remote(name, f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), ("http://x.invalid",))

    def listed(name, ids):
        return remote(f"splits/{name}.txt", "\n".join(ids).encode())

    def run(counts=(2, 1, 1), validation=VAL, labeled=("a",), unlabeled=("b", "c")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        dataset = Dataset(
            name="toy",
            title="Toy",
            classes=("even", "odd"),
            colours=((1, 2, 3), (4, 5, 6)),
            void=(9, 9, 9),
            files=(remote("toy.zip", buffer.getvalue()),),
            counts=dict(zip(("train", "val", "unlabeled"), counts, strict=True)),
            splits=(
                Split("few", 1, listed("few/labeled", labeled), listed("few/unlabeled", unlabeled)),
                Split("many", 2, listed("many/labeled", ["a", "b"]), listed("many/unlabeled", ["c"])),
            ),
            validation=listed("val", validation),
            protocols={},
            converter=CONVERTER,
            homepage="",
            licence="",
            citation="",
        )
        root = tmp_path / "set"
        root.mkdir()
        conversion.prepare(root, dataset, downloads, Access(offline=True))
        return root

    return run


def refused(prepare, one_line, *words, **options):
    with pytest.raises(UserError) as error:
        prepare(**options)
    one_line(error, *words)


def test_the_set_is_in_the_layout(prepare):
    root = prepare()
    lists = {part: layout.read_list(root / layout.LISTS / f"{part}.txt") for part in ("train", "val", "unlabeled")}
    assert lists == {"train": ["a", "b"], "val": VAL, "unlabeled": ["c"]}
    assert sorted(path.stem for path in (root / layout.IMAGES).iterdir()) == [*TRAIN, *VAL]
    assert sorted(path.stem for path in (root / layout.MASKS).iterdir()) == ["a", "b", "v"]
    for image_id in ("a", "b", "v"):
        np.testing.assert_array_equal(
            layout.read_mask(root / layout.MASKS / f"{image_id}.png"), mask_of(image_id), strict=True
        )
    assert layout.read_classes(root) == ["even", "odd"]
    assert json.loads((root / layout.PALETTE).read_text()) == [[1, 2, 3], [4, 5, 6]]


def test_nothing_of_the_archive_stays(prepare):
    names = {path.name for path in prepare().iterdir()}
    assert names == {layout.IMAGES, layout.MASKS, "ImageSets", "classes.txt", layout.PALETTE}


def test_masks_have_the_colours_of_the_classes(prepare):
    root = prepare()
    with Image.open(root / layout.MASKS / "a.png") as image:
        palette = np.array(image.getpalette()).reshape(-1, 3)
    assert palette[:2].tolist() == [[1, 2, 3], [4, 5, 6]] and palette[255].tolist() == [9, 9, 9]


def test_published_lists_are_kept_by_family_and_number_of_labels(prepare):
    folder = prepare() / layout.PUBLISHED
    assert layout.read_list(folder / "few/1/labeled.txt") == ["a"]
    assert layout.read_list(folder / "few/1/unlabeled.txt") == ["b", "c"]
    assert layout.read_list(folder / "many/2/labeled.txt") == ["a", "b"]


def test_other_counts_than_the_published_ones(prepare, one_line, files):
    del files["masks/b.png"]
    refused(prepare, one_line, "toy: 1 images for train", "2 are published")


def test_a_list_of_another_length(prepare, one_line):
    refused(prepare, one_line, "few/unlabeled.txt", "1 ids", "2 are published", unlabeled=("b",))


def test_a_list_with_other_images(prepare, one_line):
    refused(prepare, one_line, "published lists of 1", "'c'", unlabeled=("b", "d"))


def test_another_validation_list(prepare, one_line, files):
    files["masks/w.png"], files["images/w.png"] = files.pop("masks/v.png"), files.pop("images/v.png")
    refused(prepare, one_line, "3 images for train", "2 are published")


def test_a_labelled_image_without_a_mask(prepare, one_line):
    refused(prepare, one_line, "published lists of 1", "'c' is labelled", labeled=("c",), unlabeled=("a", "b"))


def test_a_mask_of_another_size_is_named_in_its_archive(prepare, one_line, files, tmp_path):
    files["masks/a.png"] = png(np.zeros((4, 7), np.uint8))
    refused(prepare, one_line, tmp_path / "downloads/toy.zip/masks/a.png", "7x4", "6x4")
