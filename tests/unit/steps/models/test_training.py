"""What both training steps share: what a resumed run must have in common with the one that began."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semiproto.data import layout
from semiproto.data.dataset import Images
from semiproto.data.frequencies import class_pixels, median_frequency_weights, repeat_factors
from semiproto.data.images.pixels import PixelFormat, SetPixels
from semiproto.errors import UserError
from semiproto.model.encoders import timm_models
from semiproto.model.encoders.encoder import IMAGENET
from semiproto.model.weights import digest
from semiproto.params import NormalisationParams, WindowParams
from semiproto.provenance import sources
from semiproto.provenance.hub import HubFile
from semiproto.steps.job import Inputs
from semiproto.steps.models.training import (
    Lists,
    first_student,
    first_weights,
    run_of,
    used_precision,
    uses_bfloat16,
    views,
    weights_file,
)


def key(job, first="weights"):
    lists = Lists.of(job)
    return run_of(job, "train", job.config.semi, lists.classes, 3, first).key


def test_the_key_changes_with_what_decides_the_result(training, prototypes, tmp_path, monkeypatch):
    semi = training.config.semi
    other = training.config.model_copy(update={"semi": semi.model_copy(update={"tau": semi.tau / 2})})
    (tmp_path / "receipt.json").write_text((prototypes / "receipt.json").read_text().replace('"prototypes.', '"other.'))
    others = [
        key(replace(training, seed=1)),
        key(replace(training, config=other)),
        key(training, first="other weights of the same name"),
        key(replace(training, inputs=Inputs(**training.inputs | {"prototypes": tmp_path}))),
    ]
    first = key(training)
    monkeypatch.setattr(sources, "digests", lambda module: {"train/semi.py": "changed"})
    others.append(key(training))
    assert len({first, *others}) == 6


def test_the_key_is_the_same_on_another_machine_and_in_other_folders(training, tmp_path):
    compute = training.compute.model_copy(update={"workers": 3, "threads": 2, "checkpointing": "blocks"})
    assert key(replace(training, compute=compute, out=tmp_path / "a/b/c", checkpoints=tmp_path)) == key(training)


@pytest.mark.parametrize(("checkpointing", "recompute"), [("none", False), ("blocks", True)])
def test_the_loop_is_told_to_compute_blocks_again(training, checkpointing, recompute):
    job = replace(training, compute=training.compute.model_copy(update={"checkpointing": checkpointing}))
    assert run_of(job, "train", job.config.semi, Lists.of(job).classes, 3, "weights").recompute is recompute


def test_micro_batches_are_not_compiled(training, one_line):
    semi = training.config.semi.model_copy(update={"batch": 4, "micro_batch": 2})
    job = replace(training, compute=training.compute.model_copy(update={"compile": True}))
    with pytest.raises(UserError) as error:
        run_of(job, "train", semi, Lists.of(job).classes, 3, "weights")
    one_line(error, "micro_batch: 2", "compute.compile", "false")


def test_lists_are_those_of_the_split(training, given):
    found = Lists.of(training)
    assert found.labeled == (given["split"] / "labeled.txt").read_text().split() and len(found.labeled) == 6
    assert found.unlabeled and found.val and not set(found.labeled) & set(found.unlabeled)


def test_rare_classes_are_counted_in_the_labelled_masks_of_the_split(training):
    lists, semi = Lists.of(training), training.config.semi
    assert lists.class_weights(semi.labeled_loss) is None and lists.labeled_views(semi).repeats is None
    assert "class_pixels" not in vars(lists)  # no mask was read for it
    pixels = class_pixels(Images(lists.root, lists.labeled), len(lists.classes))
    weighted = semi.labeled_loss.model_copy(update={"class_weights": "median_frequency", "largest_class_weight": 3.0})
    weights = lists.class_weights(weighted)
    assert weights.dtype == torch.float32
    assert weights.tolist() == pytest.approx(median_frequency_weights(pixels, 3.0).tolist())
    asked = lists.labeled_views(semi.model_copy(update={"repeat_threshold": 0.9}))
    assert asked.repeats.tolist() == repeat_factors(pixels, 0.9).tolist() and asked.repeats.max() > 1
    assert (asked.ids, asked.batch, asked.labeled) == (lists.labeled, semi.batch, True)


def test_weights_that_are_a_file_are_an_input(training, tmp_path):
    def config_with(weights):
        encoder = training.config.model.encoder.model_copy(update={"weights": weights})
        return training.config.model_copy(
            update={"model": training.config.model.model_copy(update={"encoder": encoder})}
        )

    (tmp_path / "weights.safetensors").write_bytes(b"")
    file = str(tmp_path / "weights.safetensors")
    assert weights_file(config_with(file)) == Path(file)
    assert [weights_file(config_with(other)) for other in (None, "timm", f"{file}.gone")] == [None] * 3


@pytest.mark.parametrize(
    ("weights", "loads", "recorded"),
    [("timm", True, {"name": "net.pth", "repository": None, "revision": None, "sha256": "f"}),
     ("timm", False, None), (None, True, None)],
)  # fmt: skip
def test_published_weights_are_recorded_where_a_training_begins_with_them(
    training, make_net, monkeypatch, weights, loads, recorded
):
    monkeypatch.setattr(timm_models, "published_file", lambda name: HubFile("net.pth", sha256="f"))
    encoder = training.config.model.encoder.model_copy(update={"weights": weights})
    model = training.config.model.model_copy(update={"encoder": encoder})
    job = replace(training, config=training.config.model_copy(update={"model": model}))
    net = make_net()
    assert first_weights(job, net, pretrained=loads) == {"first_weights": digest(net)} | (
        {} if recorded is None else {"weights_file": recorded}
    )


@pytest.mark.parametrize(
    ("precision", "fast", "used", "warned"),
    [
        ("float32", True, False, False),
        ("auto", True, True, False),
        ("auto", False, False, False),
        ("bfloat16", True, True, False),
        ("bfloat16", False, True, True),
    ],
)
def test_bfloat16_is_used_where_it_is_fast_or_asked_for(monkeypatch, capsys, precision, fast, used, warned):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: fast)
    assert uses_bfloat16(precision, torch.device("cpu")) is used
    assert ("many times slower" in capsys.readouterr().out) is warned


@pytest.mark.parametrize(
    ("asked", "device", "used"),
    [
        ("tf32", "cpu", "float32"),
        ("tf32", "cuda", "tf32"),
        ("float32", "cuda", "float32"),
        ("auto", "cuda", "bfloat16"),
    ],
)
def test_tf32_is_a_precision_of_its_own(monkeypatch, asked, device, used):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    assert used_precision(asked, torch.device(device)) == used


def test_a_window_is_what_the_network_sees_of_a_validation_image(training, make_net):
    net, seen = make_net(), set()
    net.register_forward_pre_hook(lambda module, args: seen.add(tuple(args[0].shape[-2:])))
    lists = Lists.of(training)
    for window in (None, WindowParams(size=32, stride=32)):
        lists.validator(0, window)(net)
    assert seen == {(64, 64), (32, 32)}


def test_only_batches_for_a_gpu_are_pinned(training):
    lists = Lists.of(training)
    student = first_student(training, lists, pretrained=False)
    run = run_of(training, "train", training.config.semi, lists.classes, 2, "")
    asked = [lists.labeled_views(training.config.semi)]
    for device, pinned in (("cpu", False), ("cuda", True)):
        make = views(training, lists.root, replace(run, device=torch.device(device)), student, asked)
        assert make(0)[0].pin_memory is pinned


@pytest.mark.parametrize("offline", [False, True])
def test_offline_the_first_network_asks_nobody_for_weights(training, monkeypatch, offline):
    asked = []
    monkeypatch.setattr(timm_models, "ask_nobody", lambda: asked.append(True))
    compute = training.compute.model_copy(update={"offline": offline})
    first_student(replace(training, compute=compute), Lists.of(training), pretrained=True)
    assert asked == [True] * offline


FOUR = SetPixels(format=PixelFormat(bands=4), mean=[0.2, 0.4, 0.6, 0.8], std=[0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("asked", [None, NormalisationParams(mean=[0.5] * 4, std=[0.5] * 4)])
def test_images_of_other_bands_are_normalised_as_asked_for_or_as_measured(training, tmp_path, asked):
    layout.write_pixels(tmp_path, FOUR)
    encoder = training.config.model.encoder.model_copy(update={"normalisation": asked})
    model = training.config.model.model_copy(update={"encoder": encoder})
    job = replace(training, config=training.config.model_copy(update={"model": model}))
    student = first_student(job, replace(Lists.of(job), root=tmp_path), pretrained=True)
    expected = asked or NormalisationParams(mean=FOUR.mean, std=FOUR.std)
    assert student.normalisation == expected
    assert torch.equal(student.std.flatten(), 255 * torch.tensor(expected.std))
    assert student(torch.zeros(2, 4, 32, 32, dtype=torch.uint8)).logits.shape[:2] == (2, 7)


def test_deep_images_of_three_bands_are_normalised_as_the_weights_were_trained(training, tmp_path):
    layout.write_pixels(tmp_path, SetPixels(format=PixelFormat(kind="integer", low=[0] * 3, high=[1023] * 3)))
    student = first_student(training, replace(Lists.of(training), root=tmp_path), pretrained=True)
    assert student.normalisation == IMAGENET
