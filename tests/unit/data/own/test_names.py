"""Names mean parts of the set and files, in any spelling, and never a file that is not there."""

import unicodedata
from pathlib import Path, PurePosixPath

import pytest

from semiproto.data.own.names import (
    Ambiguous,
    Names,
    encoding_of,
    main_encoding,
    part_of,
    part_of_folders,
    part_that_begins,
    renumbered,
)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(
            (name, "train")
            for name in ("train", "Training", "instances_Train", "train2017", "labelled", "imagesTr", "trainannot")
        ),
        *(
            (name, "val")
            for name in ("val", "VALID", "Validation", "instances_val2017", "val_images", "myVal", "dev", "Evaluation")
        ),
        *(
            (name, "val")
            for name in ("Validierung", "valset", "Validierungsset", "val-ids", "validlist", "my_valnames")
        ),
        *((name, "train") for name in ("trainset", "Trainingsdaten", "trainIds", "Trainingsbilder", "labeledset")),
        *((name, "test") for name in ("testset", "Testsatz", "testbilder", "testfiles", "test_list")),
        *((name, None) for name in ("trainvalset", "contestlist", "retest")),
        *(
            (name, "test")
            for name in ("test", "Testing", "test_images", "instances_Test", "labelsTs", "hold-out", "Held_Out")
        ),
        *((name, "unlabeled") for name in ("unlabeled", "Unlabelled", "un-labeled", "unlabeled_train", "not_labelled")),
        *(
            (name, "train")
            for name in ("TRN", "trn_images", "entrenamiento", "entraînement", "Apprentissage", "treino")
        ),
        *((name, "val") for name in ("validación", "Validacion", "validação", "validazione")),
        *((name, "test") for name in ("tst", "TST", "tests", "prueba", "pruebas", "teste")),
        *((name, "test") for name in ("test-dev", "image_info_test-dev2017", "test-challenge", "test_2017")),
        *((name, None) for name in ("train_test", "train_val_test", "t", "tr", "te", "pâtest")),
        (unicodedata.normalize("NFD", "validación"), "val"),
        *((name, None) for name in ("trainval", "train_val", "contest", "valley", "strain", "images", "latest", "")),
    ],
)
def test_the_part_that_a_name_means(name, part):
    assert part_of(name) == part


def test_of_folders_the_part_that_is_trained_on_least_counts():
    assert part_of_folders(Path("train/test/a.jpg")) == "test"
    assert part_of_folders(Path("data/val/images/a.jpg")) == "val"
    assert part_of_folders(Path("images/test.jpg")) is None


BASE = Path("/set")


def names(*files):
    return Names(BASE, [BASE / file for file in files])


@pytest.mark.parametrize(
    "text",
    [
        "images/photo one.jpg", "photo one.jpg", "photo one", "./images/photo one.jpg", "images\\photo one.jpg",
        "C:\\Users\\me\\set\\images\\photo one.jpg", "/home/me/set/images/photo one.jpg", "../images/photo one.jpg",
        "PHOTO ONE.JPG", "Photo One", "photo one.png", "photo one_mask.png", "photo one.jpg.png", "photo one.avif.png",
        "0a1b2c3d-photo one.jpg", "mask_photo one.png", "Labels_photo one.tif", "photo one_L.png", "photo one_0000.png",
    ],
)  # fmt: skip
def test_a_name_in_any_spelling_is_the_file(text):
    assert names("images/photo one.jpg", "images/other.jpg").find(text) == BASE / "images/photo one.jpg"


@pytest.mark.parametrize("text", ["", "..", "/", "/etc/passwd", "../../etc/passwd", "phоto.jpg", "x" * 500, "a\0b"])
def test_what_is_not_there_is_not_found(text):
    assert names("images/photo.jpg").find(text) is None


def test_accents_are_one_letter_or_two():
    decomposed = unicodedata.normalize("NFD", "café.jpg")
    assert names(f"images/{decomposed}").find(unicodedata.normalize("NFC", "café.jpg")) == BASE / "images" / decomposed


def test_a_name_that_two_files_have_is_ambiguous_unless_it_says_the_folder():
    found = names("camA/1.jpg", "camB/1.jpg")
    assert isinstance(found.find("1.jpg"), Ambiguous)
    assert str(found.find("1")) == "/set/camA/1.jpg and /set/camB/1.jpg"
    assert found.find("else/camB/1.jpg") == BASE / "camB/1.jpg"
    assert found.find("1.jpg", [BASE / "camA"]) == BASE / "camA/1.jpg"


def test_the_exact_name_comes_before_all_others():
    found = names("a/photo.jpg", "a/Photo.jpg", "a/photo_mask.jpg")
    texts = ("photo.jpg", "Photo.jpg", "photo_mask")
    assert [found.find(text) for text in texts] == [
        BASE / "a/photo.jpg",
        BASE / "a/Photo.jpg",
        BASE / "a/photo_mask.jpg",
    ]
    assert isinstance(found.find("photo_L"), Ambiguous)


def test_a_mask_is_named_after_an_image_of_any_suffix_in_a_folder_of_its_part():
    found = names("train/images/1.jpg", "val/images/1.jpg")
    assert found.namesake(PurePosixPath("val/masks/1_mask.png")) == BASE / "val/images/1.jpg"


def test_words_may_stand_before_a_number_without_a_sign():
    found = names("images/image1.jpg", "images/image12.jpg")
    assert found.namesake(PurePosixPath("labels/label1.png")) == BASE / "images/image1.jpg"
    assert names("images/im007.jpg").namesake(PurePosixPath("seg/seg007.png")) == BASE / "images/im007.jpg"


def test_versions_of_one_image_keep_their_own_masks():
    """Roboflow makes several of an image, which differ in the digits alone."""
    versions = [f"train/photo_jpg.rf.{digit * 32}.jpg" for digit in "ab"]
    assert names(*versions).namesake(PurePosixPath(f"train/photo_jpg.rf.{'b' * 32}_mask.png")) == BASE / versions[1]


def test_how_names_were_found_is_counted():
    found = names("images/a.jpg", "images/b.jpg")
    for text in ("images/a.jpg", "b.jpg", "B", "nothing"):
        found.find(text)
    assert found.lines("images") == ["images found as written: 2, by stem without case: 1"]
    assert names("a.jpg").lines("images") == []


@pytest.mark.parametrize(
    ("file", "uploaded"),
    [
        ("IMG 3.jpg", "0a1b2c3d-IMG_3.jpg"), ("IMG 3.jpg", "IMG_3.jpg"), ("Kühe (2).jpg", "0a1b2c3d-Kühe_2.jpg"),
        ("猫 5.png", "upload/1/deadbeef-猫_5.png"), ("a&b, c.jpg", "00c0ffee-ab_c.jpg"),
        ("a.b 6.jpg", "a.b_6_mask.png"),
    ],
)  # fmt: skip
def test_a_file_is_known_by_the_name_that_an_upload_gives_it(file, uploaded):
    assert names(f"images/{file}", "images/other.jpg").find(uploaded) == BASE / "images" / file


def test_an_upload_that_may_be_of_two_files_is_ambiguous():
    found = names("images/IMG 3.jpg", "images/IMG_3.jpg")
    assert isinstance(found.find("0a1b2c3d-IMG_3.jpg"), Ambiguous)
    assert found.find("IMG_3.jpg") == BASE / "images/IMG_3.jpg"
    assert names("a/§§.jpg").find("++.jpg") is None


def test_the_form_of_masks_is_the_one_that_most_have():
    assert [encoding_of(stem) for stem in ("a_gtFine_labelIds", "a_labelTrainIds", "labelIds", "a_mask")] == [
        "labelids", "labeltrainids", None, None]  # fmt: skip
    assert main_encoding(["a_labelIds", "b_labelIds", "b_labelTrainIds"]) == "labelids"
    assert main_encoding(["a_labelIds", "a_labelTrainIds"]) == "labeltrainids"
    assert main_encoding(["a", "b_mask"]) is None


def test_the_numbers_of_another_name():
    paths = [Path(name) for name in ("f/fold0_train.txt", "f/fold0_val.txt", "f/fold12_val.txt", "f/val.txt")]
    assert renumbered(*paths[:3]) == Path("f/fold12_train.txt")
    assert renumbered(paths[0], paths[1], paths[3]) is None


@pytest.mark.parametrize(
    ("stem", "part"),
    [("test_6", "test"), ("VAL-4", "val"), ("trainImage7", "train"), ("cat_test", None), ("testimony", None)],
)
def test_the_part_that_a_name_begins_with(stem, part):
    assert part_that_begins(stem) == part
