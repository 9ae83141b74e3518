"""A user's folder through `init`, the whole DAG at its smallest, and `predict`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import own_folder
import pandas as pd
import pytest
from PIL import Image
from tiny import ROOT

from semiproto import params
from semiproto.data import layout

RESNET = {"name": "resnet18", "weights": None, "output_stride": 16, "multi_grid": None}
TEMPLATE = ROOT / "experiments/my-data.yaml"


@pytest.fixture
def folder(tmp_path):
    return own_folder.make(tmp_path / "my photos")


@pytest.fixture
def init(semiproto, folder, tmp_path):
    def run(*options: object) -> tuple[int, str]:
        return semiproto("init", folder, "--template", TEMPLATE, "--out", tmp_path / "params.yaml", *options)

    return run


def test_init_writes_a_valid_file_and_keeps_the_templates_comments(init, folder, tmp_path):
    assert init("--labels", "3", "--set", "semi.steps=7", "--set", "model.encoder.weights=null")[0] == 0
    written = params.load(tmp_path / "params.yaml")
    assert written.dataset.path == str(folder)
    assert written.dataset.name == "my-photos"
    assert written.dataset.classes == ["background", "square"]
    assert written.experiments[0].split == 3
    assert written.semi.steps == 7
    assert written.model.encoder.weights is None
    assert "# a good start matters more" in (tmp_path / "params.yaml").read_text()


def test_init_without_classes_counts_mask_values(init, folder, tmp_path):
    (folder / "classes.txt").unlink()
    init()
    assert params.load(tmp_path / "params.yaml").dataset.classes == ["background", "class1"]


def test_init_finds_lists_in_vocs_place(init, folder, tmp_path):
    lists = folder / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("photo0\nphoto1\n")
    (lists / "val.txt").write_text("photo2\n")
    init()
    source = params.load(tmp_path / "params.yaml").dataset
    assert source.train_list == "ImageSets/Segmentation/train.txt"
    assert source.validation_list == "ImageSets/Segmentation/val.txt"
    assert source.unlabeled_list is None


def test_init_does_not_overwrite_an_edited_file(init, tmp_path):
    file = tmp_path / "params.yaml"
    shutil.copy(ROOT / "experiments/embedded.yaml", file)
    assert init()[0] == 0  # a copy of an experiment is nobody's work
    file.write_text(file.read_text() + "# mine\n")
    status, text = init()
    assert status == 1
    assert "--force" in text
    assert file.read_text().endswith("# mine\n")
    assert init("--force")[0] == 0


@pytest.mark.parametrize("change", ["semi.step=3", "nothing=1", "semi.steps", "semi.steps.deeper=1"])
def test_init_refuses_a_parameter_that_is_not_there(init, change, tmp_path):
    status, text = init("--set", change)
    assert status == 1
    assert f"--set {change}: no such parameter" in text
    assert not (tmp_path / "params.yaml").exists()


def test_init_of_a_folder_without_images(semiproto, tmp_path):
    (tmp_path / "empty").mkdir()
    status, text = semiproto("init", tmp_path / "empty", "--template", TEMPLATE, "--out", tmp_path / "params.yaml")
    assert status == 1
    assert "no folder of images found" in text


def test_from_a_folder_to_predictions(folder, empty, semiproto, tmp_path):
    """Classes, sizes and modes of the user's own, through every rule."""
    checkout = empty
    quick = {"steps": 3, "batch": 2, "validations": 1, "checkpoint_every": 2}
    checkout.edit(
        lambda tree: tree.update(
            dataset=own_folder.section(folder),
            augment=tree["augment"] | {"crop": 33},
            model=tree["model"] | {"encoder": RESNET},
            pretrain=tree["pretrain"] | quick,
            semi=tree["semi"] | quick,
            experiments=[{"split": 4, "variants": ["supervised", "consistency", "prototype"], "seeds": [0]}],
        )
    )
    checkout.snakemake("--quiet", "rules", "host", "reason")
    runs = pd.read_csv(checkout.path / "results/tables/runs.csv")
    assert len(runs) == 3 and (runs.labels == 4).all()
    val = (checkout.path / "data/splits/own/4/val.txt").read_text().split()
    labeled = (checkout.path / "data/splits/own/4/labeled.txt").read_text().split()
    assert len(val) == 1 and len(labeled) == 4 and not set(val) & set(labeled)

    model = checkout.path / "models/semi/own/4/prototype/seed0"
    strange = tmp_path / "new"
    strange.mkdir()
    Image.fromarray(np.full((1, 1, 3), 9, np.uint8)).save(strange / "pixel.png")
    Image.fromarray(np.zeros((70, 130), np.uint8)).save(strange / "grey.png")
    Image.new("CMYK", (50, 37)).save(strange / "cmyk.jpg")
    Image.fromarray(np.zeros((30, 31), np.uint16)).save(strange / "sixteen.png")
    (strange / "text.jpg").write_text("not a picture")
    status, text = semiproto("predict", model, strange, "-o", tmp_path / "masks", "--window", 64)
    assert status == 1 and "could not be read: 2" in text and "text.jpg" in text
    assert "sixteen.png: samples of" in text  # the model's images had 8 bits: there is no range to scale it by
    sizes = {path.stem: layout.read_mask(path).shape for path in (tmp_path / "masks").iterdir()}
    assert sizes == {"pixel": (1, 1), "grey": (70, 130), "cmyk": (37, 50)}


@pytest.mark.parametrize(
    ("names", "fault"),
    [("", "at least 2 items"), ("background\nsmall, dog\n", "'small,_dog'"), ("cat\ncat\n", "'cat' is named twice")],
)
def test_init_with_class_names_that_cannot_be(init, folder, names, fault):
    (folder / "classes.txt").write_text(names)
    status, text = init()
    assert status == 1
    assert f"{folder / 'classes.txt'}: " in text and fault in text and "Traceback" not in text


def test_init_with_a_value_that_is_not_yaml(init):
    status, text = init("--set", "experiments=[{split: all")
    assert status == 1
    assert "is not a YAML value" in text and "Traceback" not in text


@pytest.mark.parametrize(("masked", "unmasked", "labels"), [(1, 3, "all"), (4, 2, "9"), (5, 0, "all")])
def test_check_data_knows_what_the_experiments_will_ask(semiproto, tmp_path, masked, unmasked, labels):
    folder = own_folder.make(tmp_path / "few", masked, unmasked)
    file = tmp_path / "params.yaml"
    semiproto("init", folder, "--template", TEMPLATE, "--out", file, "--labels", labels)
    status, text = semiproto("check-data", file)
    assert status == 1 and "faults found: 1" in text


# -------------------------------------------------------------------------------------------------- check-data


@pytest.fixture
def check_data():
    """Runs the command as a process: (exit status, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "semiproto", "check-data", *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True)
        assert "Traceback" not in result.stderr, result.stderr
        return result.returncode, result.stdout, result.stderr

    return run


def test_a_clean_folder_passes_with_its_class_balance(check_data, folder):
    status, out, err = check_data(folder)
    assert status == 0
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.endswith(" %")}
    squares = sum(int((mask == 1).sum()) for mask in own_folder.indices(folder).values())
    assert rows["square"] == ["square", "6", f"{squares:,}", f"{100 * squares / 9600:.2f}", "%"]
    assert out.splitlines()[-1] == f"{folder}: no fault; warnings: 0 (6 train, 0 val, 4 unlabeled)"
    assert "checking: 10/10 images" in err


def test_all_faults_are_told_in_one_pass(check_data, folder, tmp_path):
    Image.fromarray(np.full((40, 40), 7, np.uint8)).save(folder / "masks/photo1.png")
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(folder / "masks/photo3.png")
    (folder / "images/photo8.png").write_bytes(b"")
    (folder / "val.txt").write_text("photo2\n../photo4\nphoto2\nphoto99\n")
    (folder / "masks/stray.png").write_bytes((folder / "masks/photo0.png").read_bytes())
    status, out, err = check_data(folder, "--json", tmp_path / "faults.json")
    assert status == 1
    assert err.splitlines()[-1].startswith(f"semiproto: {folder}: faults found: 6; warnings: 1 (")
    found = json.loads((tmp_path / "faults.json").read_text())
    assert (found["errors"], found["warnings"], len(found["faults"])) == (6, 1, 7)
    named = {(fault["kind"], Path(fault["file"]).name, fault["line"]) for fault in found["faults"]}
    assert named == {
        ("mask-value", "photo1.png", None),
        ("mask-size", "photo3.png", None),
        ("image-unreadable", "photo8.png", None),
        ("list-path", "val.txt", 2),
        ("list-twice", "val.txt", 3),
        ("list-image", "val.txt", 4),
        ("mask-without-image", "stray.png", None),
    }
    assert all(fault["found"] and fault["remedy"] for fault in found["faults"])
    assert [line.split(":")[0] for line in out.splitlines()[:7]] == ["error"] * 6 + ["warning"]


def test_json_on_standard_output_is_nothing_but_json(check_data, folder):
    (folder / "masks/stray.png").write_bytes((folder / "masks/photo0.png").read_bytes())
    status, out, err = check_data(folder, "--json", "-")
    found = json.loads(out)
    assert status == 0  # a warning is no error
    assert (found["errors"], found["warnings"]) == (0, 1) and "no fault; warnings: 1" in err
    assert found["images"] == {"train": 6, "val": 0, "unlabeled": 4}


def test_the_class_balance_is_drawn(check_data, folder, tmp_path):
    assert check_data(own_folder.in_voc_layout(folder), "--picture", tmp_path / "classes.png")[0] == 0
    with Image.open(tmp_path / "classes.png") as picture:
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    for bar in ((0, 0x72, 0xB2), (0xE6, 0x9F, 0)):  # training, validation
        assert (colours == bar).all(1).sum() > 1000


def test_a_parameter_file_of_another_source_has_nothing_to_check(check_data):
    status, _, err = check_data(ROOT / "experiments/embedded.yaml")
    assert status == 1 and "dataset.source is digits, which has no folder to check" in err


# ----------------------------------------------------------------------------------------------------- predict


def test_predict_never_writes_over_its_input(semiproto, folder):
    before = {path: path.read_bytes() for path in (folder / "images").iterdir()}
    (folder / "model").mkdir()
    status, text = semiproto("predict", folder / "model", folder / "images", "-o", folder / "images")
    assert status == 1 and "masks would lie among the images of this folder" in text
    assert {path: path.read_bytes() for path in (folder / "images").iterdir()} == before


def test_predict_of_an_empty_folder(semiproto, tmp_path):
    for name in ("nothing", "model"):
        (tmp_path / name).mkdir()
    status, text = semiproto("predict", tmp_path / "model", tmp_path / "nothing", "-o", tmp_path / "masks")
    assert status == 1 and "no image in it" in text
