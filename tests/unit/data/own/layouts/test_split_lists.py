"""The lists and tables of parts that `init` finds."""

import json
import shutil

import pytest

from pipeline import exports, own_folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_vocs_layout(base, discovered):
    source, said = discovered(own_folder.in_voc_layout(base))
    assert (source.images, source.masks) == ("JPEGImages", "SegmentationClass")
    assert source.validation_list == "ImageSets/Segmentation/val.txt"
    assert "2 validation images, from ImageSets/Segmentation/val.txt" in said


SPLITS = {
    "split.json": {"train": ["photo0", "photo1"], "val": ["photo2"], "test": ["photo3", "photo4"]},
    "splits_final.json": [{"train": ["photo0", "photo1"], "val": ["photo2"], "test": ["photo3", "photo4"]}, {}],
    "parts.json": {"photo0": "train", "photo1": "train", "photo2": "valid", "photo3": "test", "photo4": "test"},
    "metadata.csv": "id,split,image\n1,train,photo0.jpg\n2,Train,photo1.jpg\n3,val,photo2.jpg\n"
    "4,test,photo3.jpg\n5,test,photo4.jpg\n",
}


@pytest.mark.parametrize("name", SPLITS)
def test_a_file_that_gives_each_image_its_part_is_read(name, tmp_path):
    base = exports.voc(tmp_path / "set")
    shutil.rmtree(base / "ImageSets")
    (base / name).write_text(SPLITS[name] if isinstance(SPLITS[name], str) else json.dumps(SPLITS[name]))
    source, said, _ = discover(base, "set")
    assert source.train_list == source.validation_list == source.test_list == name
    assert ("parts from the first of 2 folds in splits_final.json" in said) == (name == "splits_final.json")
    found = contents.read(source)
    parts = {part: [item.id for item in found.of(part)] for part in ("train", "val")}
    assert parts == {"train": ["photo0", "photo1"], "val": ["photo2"]}
    assert not found.faults and not {"photo3", "photo4"} & {item.id for item in found.items}

    elsewhere = base / "notes" / name
    elsewhere.parent.mkdir()
    (base / name).rename(elsewhere)
    faults = [fault for fault in contents.read(discover(base, "set")[0]).faults if not fault.warning]
    assert {fault.kind for fault in faults} == {"held-out"} and len(faults) == 2
    mended = {"validation_list": f"notes/{name}", "test_list": f"notes/{name}"}
    assert all(f"set dataset.{key} to notes/{name}" in " ".join(map(str, faults)) for key in mended)
    assert not contents.read(discover(base, "set")[0].model_copy(update=mended)).faults


@pytest.mark.parametrize("folder", ["ImageSets/2017", "ImageSets/480p", "splits"])
def test_a_list_may_name_the_folders_of_its_images(folder, tmp_path):
    base = tmp_path / "videos"
    for number, stem in enumerate(exports.TRAIN + exports.VAL):
        video = ("bear", "boat", "cow")[number // 2]
        exports.save_image(base / f"JPEGImages/480p/{video}", stem, f"{number % 2:05}.jpg")
        exports.save_mask(base / f"Annotations/480p/{video}/{number % 2:05}.png", exports.truth(stem))
    exports.save_image(base / "JPEGImages/480p/cow", exports.BARE[0], "00009.jpg")
    (base / folder).mkdir(parents=True)
    (base / folder / "train.txt").write_text("bear\nboat\n")
    (base / folder / "val.txt").write_text("cow\n")
    found = contents.read(discover(base, "set")[0])
    videos = {part: {item.image.parent.name for item in found.of(part)} for part in contents.PARTS}
    assert videos == {"train": {"bear", "boat"}, "val": {"cow"}, "unlabeled": set()}
    assert found.counts()["train"] == 4 and not found.faults


def test_a_validation_image_without_a_mask_in_a_table_of_the_set_is_left_out(tmp_path):
    base = exports.voc(tmp_path / "set")
    shutil.rmtree(base / "ImageSets")
    rows = [f"{stem},{'train' if stem in exports.TRAIN else 'val'}" for stem in exports.TRAIN + exports.VAL]
    (base / "metadata.csv").write_text("\n".join(["image,split", *rows, "photo6,val", "photo7,train"]))
    found = contents.read(discover(base, "set")[0])
    assert not found.faults and found.counts() == {"train": 4, "val": 2, "unlabeled": 1}
    assert any("validation images without a mask" in row.use for row in found.files)


def test_lists_beside_the_masks_are_read(tmp_path):
    base = tmp_path / "pets"
    for stem in exports.TRAIN:
        exports.save_image(base / "images", stem)
        exports.save_mask(base / f"annotations/trimaps/{stem}.png", exports.truth(stem))
    exports.write(base / "annotations/trainval.txt", "".join(f"{stem} 1 1 1\n" for stem in exports.TRAIN[:3]))
    exports.write(base / "annotations/test.txt", f"{exports.TRAIN[3]} 1 1 1\n")
    found = contents.read(discover(base, "set")[0])
    assert found.counts() == {"train": 3, "val": 0, "unlabeled": 0} and not found.faults


def stems_of(found, part):
    return {item.image.stem for item in found.of(part)}


def side_by_side(base):
    """Two tasks of CVAT, each with lists of its own, and with an image of a name that both have."""
    for task, train, val in (("one", exports.TRAIN[:2], exports.VAL[:1]), ("two", exports.TRAIN[2:], exports.VAL[1:])):
        export = exports.cvat_masks(base / task)
        for path in [*export.rglob("*.png"), *export.rglob("*.jpg")]:
            if path.stem not in train + val:
                path.unlink()
        for name, stems in (("Train", train), ("Validation", val)):
            (export / f"ImageSets/Segmentation/{name}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    for path in [*(base / "two").rglob("photo5.*")]:
        path.rename(path.with_stem("photo4"))
    (base / "two/ImageSets/Segmentation/Validation.txt").write_text("photo4\n")
    return base


def test_exports_side_by_side_keep_their_lists(tmp_path):
    base = side_by_side(tmp_path / "set")
    source = discover(base, "own").source
    assert source.validation_list == [f"{task}/ImageSets/Segmentation/Validation.txt" for task in ("one", "two")]
    found = contents.read(source)
    assert not found.faults and stems_of(found, "train") == set(exports.TRAIN)
    assert [item.image.relative_to(base).parts[0] for item in found.of("val")] == ["one", "two"]


def test_a_default_list_beside_others_is_trained_on(tmp_path):
    base = exports.cvat_masks(tmp_path / "set")
    lists = base / "ImageSets/Segmentation"
    (lists / "Train.txt").write_text("photo0\nphoto1\n")
    (lists / "default.txt").write_text("photo2\nphoto3\n")
    found = contents.read(discover(base, "own")[0])
    assert not found.faults and stems_of(found, "train") == set(exports.TRAIN)
