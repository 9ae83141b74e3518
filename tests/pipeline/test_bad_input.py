"""Bad input ends with one line that names the file, the value and the remedy, a status, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import own_folder
import pytest
import tiny
import torch
import yaml
from PIL import Image

from semiproto import params

COMPUTE = json.dumps(tiny.params()["compute"])


@pytest.fixture
def folder(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def prepare(semiproto, tmp_path):
    """Runs the data step on a user's folder; asserts that a failure leaves nothing behind."""

    def run(base: Path, **changes: object) -> tuple[int, str]:
        config = json.dumps({"dataset": own_folder.section(base, **changes)})
        status, text = semiproto("data", "--config", config, "--out", tmp_path / "raw", "--compute", COMPUTE)
        assert status == 0 or not any((tmp_path / "raw").glob("*"))
        return status, text

    return run


def one_line(status: int, text: str, *parts: str) -> None:
    """The command failed, its last line says all of `parts`, and there is no traceback."""
    last = text.strip().splitlines()[-1]
    assert status == 1, text
    assert last.startswith("semiproto: ")
    assert "Traceback" not in text
    for part in parts:
        assert part in last, last


# ------------------------------------------------------------------------------------------------ params


def write(path: Path, change) -> Path:
    tree = tiny.params()
    change(tree)
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda tree: tree["semi"].update(taus=0.8), ("semi.taus", "unknown parameter", "did you mean tau")),
        (lambda tree: tree["semi"].update(steps="many"), ("semi.steps", "'many'", "integer")),
        (lambda tree: tree["semi"].update(tau=1.5), ("semi.tau", "1.5", "less than or equal to 1")),
        (lambda tree: tree["semi"].pop("tau"), ("semi.tau", "missing")),
        (lambda tree: tree["semi"].update(epochs=2), ("semi", "exactly one of steps and epochs")),
        (lambda tree: tree["experiments"][0]["variants"].append("mine"), ("'mine'", "variants has")),
        (lambda tree: tree["variants"]["prototype"].update(semi={"tua": 1}), ("variants.prototype.semi", "tua")),
    ],
)
def test_parameters(semiproto, tmp_path, change, parts):
    file = write(tmp_path / "params.yaml", change)
    one_line(*semiproto("check-data", file), str(file), *parts)


def test_a_parameter_given_twice(semiproto, tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("splits: {seed: 0, validation: 0.2}\nsplits: {seed: 1, validation: 0.2}\n")
    one_line(*semiproto("check-data", file), str(file), "'splits' is given twice")


# ------------------------------------------------------------------------------------------------ folder


def test_a_sound_folder_is_prepared(prepare, folder, tmp_path):
    assert prepare(folder)[0] == 0
    assert len(list((tmp_path / "raw/files/JPEGImages").iterdir())) == 10
    assert len(list((tmp_path / "raw/files/SegmentationClass").iterdir())) == 6


def test_no_labelled_image(prepare, folder):
    for mask in (folder / "masks").iterdir():
        mask.unlink()
    one_line(*prepare(folder), str(folder / "masks"), "no labelled image", "give masks")


def test_mask_of_another_size(prepare, folder):
    mask = folder / "masks/photo1.png"
    Image.open(mask).resize((20, 30), 0).save(mask)
    one_line(*prepare(folder), str(mask), "20x30", "40x40", "make the mask again")


def test_mask_value_that_is_no_class(prepare, folder):
    mask = folder / "masks/photo1.png"
    Image.fromarray(np.full((40, 40), 7, np.uint8)).save(mask)
    one_line(*prepare(folder), str(mask), "value 7 is not a class", "correct the mask or the classes")


def test_rgb_mask(prepare, folder):
    mask = folder / "masks/photo1.png"
    Image.new("RGB", Image.open(mask).size, (0, 0, 9)).save(mask)
    one_line(*prepare(folder), str(mask), "mode RGB", "palette or 8-bit grey PNG")


def test_truncated_image(prepare, folder):
    image = folder / "images/photo2.png"
    image.write_bytes(image.read_bytes()[:900])
    one_line(*prepare(folder), str(image), "cannot be read as an image", "replace or remove it")


def test_text_file_named_as_an_image(prepare, folder):
    image = folder / "images/photo2.png"
    image.write_text("not a picture")
    one_line(*prepare(folder), str(image), "cannot be read as an image")


def test_id_in_a_list_without_a_file(prepare, folder):
    (folder / "train.txt").write_text("photo0\nphoto99\n")
    one_line(*prepare(folder, train_list="train.txt"), str(folder / "train.txt"), "'photo99' has no image")


def test_id_in_a_list_without_a_mask(prepare, folder):
    (folder / "train.txt").write_text("photo0\nphoto9\n")
    one_line(*prepare(folder, train_list="train.txt"), str(folder / "train.txt"), "'photo9' has no mask")


def test_same_id_in_training_and_validation(prepare, folder):
    (folder / "train.txt").write_text("photo0\nphoto1\n")
    (folder / "val.txt").write_text("photo1\n")
    result = prepare(folder, train_list="train.txt", validation_list="val.txt")
    one_line(*result, str(folder / "val.txt"), "names 1 images that", "such as photo1")


@pytest.mark.parametrize(
    ("strange", "said"),
    [("../../etc/passwd", "cannot be an id")]
    + [(name, "no image has that name") for name in ("a/b", "-rf", ".hidden", "x" * 300, "phоto")],
)
def test_ids_that_could_leave_their_folder(prepare, folder, strange, said):
    (folder / "train.txt").write_text(f"photo0\n{strange}\n")
    one_line(*prepare(folder, train_list="train.txt"), f"{folder / 'train.txt'}, line 2", said)


def test_missing_folder(prepare, tmp_path):
    one_line(*prepare(tmp_path / "nowhere"), "nowhere: no such folder", "dataset.path")


def test_check_data_lists_every_fault(semiproto, folder, tmp_path, capfd):
    Image.fromarray(np.full((40, 40), 7, np.uint8)).save(folder / "masks/photo1.png")
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(folder / "masks/photo3.png")
    (folder / "images/photo8.png").write_bytes(b"")

    def use_folder(tree: dict) -> None:
        tree["dataset"] = own_folder.section(folder)
        tree["experiments"][0]["split"] = 4

    file = write(tmp_path / "params.yaml", use_folder)
    one_line(*semiproto("check-data", file), "faults found: 3")


# ----------------------------------------------------------------------------------- classes, prototypes, weights


def test_class_without_labelled_pixels(prepare, folder):
    result = prepare(folder, classes=["background", "square", "circle"])
    one_line(*result, "no labelled pixel of class circle", "label an image that shows it")


def test_more_labelled_images_than_there_are(prepare, semiproto, folder, tmp_path):
    prepare(folder)
    config = json.dumps({"splits": {"family": "generated", "seed": 0, "validation": 0.2}})
    result = semiproto("split", "--config", config, "--data", tmp_path / "raw", "--out", tmp_path / "split/50")
    one_line(*result, "split 50 asks for 50 labelled images", "has 5 with masks")


@pytest.fixture
def steps(prepare, semiproto, folder, tmp_path):
    """A prepared folder with its split, and a function that pretrains on it."""
    prepare(folder)
    config = json.dumps({"splits": {"family": "generated", "seed": 0, "validation": 0.2}})
    data, split = tmp_path / "raw", tmp_path / "split/all"
    semiproto("split", "--config", config, "--data", data, "--out", split)

    def pretrain(change=lambda tree: None, out: Path = tmp_path / "pretrained") -> tuple[int, str]:
        tree = tiny.params()
        tree["augment"]["crop"] = 32
        change(tree)
        config = params.canonical(params.step_config(params.validate(tree, "test"), params.PretrainConfig))
        return semiproto(
            *("pretrain", "--config", config, "--data", data, "--split-dir", split, "--seed", 0, "--out", out),
            *("--checkpoints", tmp_path / "checkpoints", "--compute", COMPUTE),
        )

    return pretrain


def test_fewer_pixels_than_prototypes(steps, semiproto, tmp_path):
    assert steps()[0] == 0
    data, split, pretrained = tmp_path / "raw", tmp_path / "split/all", tmp_path / "pretrained"
    config = json.dumps({"features": {"pixels_per_class": 2, "seed": 0}})
    semiproto(
        *("features", "--config", config, "--data", data, "--split-dir", split, "--pretrained", pretrained),
        *("--out", tmp_path / "features", "--compute", COMPUTE),
    )
    config = json.dumps({"prototypes": {"per_class": 3, "n_init": 1, "seed": 0}})
    result = semiproto(
        *("prototypes", "--config", config, "--data", data, "--features", tmp_path / "features"),
        *("--out", tmp_path / "prototypes"),
    )
    one_line(*result, "class background: 2 labelled pixels", "prototypes.per_class is 3", "lower prototypes.per_class")


def test_absent_weights_file(steps):
    missing = "/nowhere/weights.pth"
    result = steps(lambda tree: tree["model"]["encoder"].update(weights=missing))
    one_line(*result, missing, "no such weights file", "model.encoder.weights")


def test_weights_of_another_network(steps, tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"some.other.layer": torch.zeros(3)}, file)
    result = steps(lambda tree: tree["model"]["encoder"].update(weights=str(file)))
    one_line(*result, str(file), "none of its 1 tensors fits")


def test_weights_that_are_no_weights(steps, tmp_path):
    file = tmp_path / "other.pth"
    file.write_text("not weights")
    one_line(
        *steps(lambda tree: tree["model"]["encoder"].update(weights=str(file))), str(file), "not a file of weights"
    )


def test_unknown_encoder(steps):
    result = steps(lambda tree: tree["model"]["encoder"].update(name="resnet1000"))
    one_line(*result, "model.encoder.name", "'resnet1000'")


def test_loss_that_is_not_finite_keeps_the_last_good_state(steps, tmp_path):
    def explode(tree: dict) -> None:
        tree["optimizer"] |= {"lr": 10.0, "head_lr_factor": 1000, "momentum": 0.99, "warmup_steps": 0}
        tree["pretrain"] |= {"steps": 400, "checkpoint_every": 1, "validations": 1}

    result = steps(explode)
    one_line(*result, "the loss is", "step ", "lower optimizer.lr", str(tmp_path / "checkpoints"))
    state = torch.load(tmp_path / "checkpoints/latest.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in state["phase"].values())


# ------------------------------------------------------------------------------------------------ writing


def test_output_folder_that_cannot_be_written(steps, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    one_line(*steps(out=blocked / "models"), "--out", f"{blocked} is a file, not a folder", "give another folder")
    assert blocked.read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_folder_without_permission(steps, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    one_line(*steps(out=closed / "models"), str(closed), "permission denied", "change its permissions")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a file system can only be mounted by root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_full_disk_then_the_same_command_with_room(steps, small_disk, tmp_path):
    out = small_disk / "models"
    one_line(*steps(out=out), "no space left on the device", "run the same command again", "nothing was lost")
    assert not list(out.glob("*.safetensors"))
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    assert steps(out=out)[0] == 0
    assert (out / "model.safetensors").exists()
