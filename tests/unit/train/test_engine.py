"""The loop: an interrupted run goes on to the same weights, and a bad loss leaves the last good state."""

import json
import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from semiproto.data.dataset import Images
from semiproto.data.loaders import StepBatches, WeakViews, loader
from semiproto.data.strong_views import unlabeled_batch
from semiproto.errors import Interrupted, UserError
from semiproto.measure.inference import validate
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import SemiParams
from semiproto.process.loggers import LogFolders
from semiproto.train import checkpoint, engine
from semiproto.train.engine import Run, fit
from semiproto.train.schedule import lr_factor
from semiproto.train.semi import SemiPhase
from semiproto.train.supervised import SupervisedPhase

STEPS = 7
CLASSES = [f"class{n}" for n in range(7)]


@pytest.fixture
def train(digits_root, ids, tiny, recipes, make_net, tmp_path):
    """Runs `fit` on a few digits: train(folder, make_phase) -> (phase, result)."""
    optimizer = tiny.optimizer.model_copy(update={"warmup_steps": 2, "lr": 0.05})
    validation = Images(digits_root, ids["val"])

    def run(
        folder,
        wrap=lambda phase: phase,
        semi=True,
        variant="prototype",
        student=None,
        optimizer=optimizer,
        repeats=None,
        **changes,
    ):
        net, own = student or make_net(), variant if isinstance(variant, SemiParams) else recipes.semi_of(variant)
        weights = None if own.labeled_loss.class_weights == "none" else torch.linspace(0.2, 5, 7)
        phase = wrap(semi_phase(net, own, weights) if semi else SupervisedPhase(net, own.labeled_loss, weights))
        options = {"key": "key", "seed": 5, "steps": STEPS, "validations": 2, "checkpoint_every": 100} | changes
        details = Run("test", checkpoints=tmp_path / folder, device=torch.device("cpu"), classes=CLASSES, **options)
        lists = [(ids["train"], True, 2), (ids["unlabeled"], False, unlabeled_batch(own))][: 2 if semi else 1]

        def loaders(start):
            return [
                loader(
                    WeakViews(digits_root, named, tiny.augment, (124, 116, 104), labeled=labeled),
                    StepBatches(
                        repeats if labeled and repeats is not None else len(named),
                        batch,
                        details.seed,
                        start,
                        details.steps,
                    ),
                    workers=0,
                )
                for named, labeled, batch in lists
            ]

        return phase, fit(phase, optimizer, details, loaders, lambda net: validate(net, validation, CLASSES, 0.15))

    return run


def semi_phase(student, params, class_weights=None):
    """The full method, dropout included, that labels pixels from the start."""
    student.heads["linear"].layers[1].p = 0.1
    bank = PrototypeBank(7, 2, student.dim)
    bank.prototypes.copy_(torch.rand(bank.prototypes.shape, generator=torch.Generator().manual_seed(1)))
    tau = 0.15 if params.adaptive_tau is None else params.tau
    own = params.model_copy(update={"tau": tau, "cutmix_probability": 0.5})
    return SemiPhase(student, own, bank, 0, class_weights)


def signalled(number, at):
    """Wraps a phase that sends itself a signal in the middle of step `at`."""

    def wrap(phase):
        inner = phase.forward

        def loss(batches, draw, step):
            if step == at:
                os.kill(os.getpid(), number)
            return inner(batches, draw, step)

        phase.forward = loss
        return phase

    return wrap


def infinite(at, value):
    """Wraps a phase whose loss is `value` at step `at`."""

    def wrap(phase):
        inner = phase.forward

        def loss(batches, draw, step):
            total, logged = inner(batches, draw, step)
            return (total * value if step == at else total), logged

        phase.forward = loss
        return phase

    return wrap


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    assert first.keys() == second.keys()
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize(("number", "at"), [(signal.SIGINT, 3), (signal.SIGTERM, 0)])
def test_a_stopped_run_goes_on_to_the_same_weights(train, tmp_path, number, at):
    whole, expected = train("whole")
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted, match=f"stopped at step {at + 1}"):
        train("stopped", signalled(number, at))
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert checkpoint.load(tmp_path / "stopped", "key")["step"] == at + 1
    resumed, result = train("stopped")
    assert same(resumed, whole)
    assert result.history == expected.history
    assert result.scores == expected.scores


@pytest.mark.parametrize("variant", ["unimatch", "unimatch-v2"])
def test_a_stopped_run_of_a_recipe_goes_on_to_the_same_weights(train, variant):
    """Strong views, perturbed features and all other switches draw the same after an interruption."""
    whole, expected = train("whole", variant=variant)
    with pytest.raises(Interrupted):
        train("stopped", signalled(signal.SIGINT, 2), variant=variant)
    resumed, result = train("stopped", variant=variant)
    assert same(resumed, whole) and result.history == expected.history
    assert ("perturbed_prototype" in result.history[0]) == (variant == "unimatch")
    assert not same(train("other", variant=variant, seed=6)[0], whole)


REMEDIES = {
    "weights": {"labeled_loss": {"class_weights": "median_frequency"}},
    "dice": {"labeled_loss": {"dice_weight": 1.0}},
    "repeats": {},
    "thresholds": {"adaptive_tau": {"momentum": 0.5, "lowest": 0.0}},
}


@pytest.mark.parametrize("remedy", REMEDIES)
def test_a_stopped_run_with_a_remedy_for_rare_classes_goes_on_to_the_same_weights(train, tiny, remedy):
    semi = tiny.semi.model_dump()
    own = semi | REMEDIES[remedy] | {"labeled_loss": semi["labeled_loss"] | REMEDIES[remedy].get("labeled_loss", {})}
    options = {"variant": SemiParams.model_validate(own), "validations": 1}
    options["repeats"] = np.linspace(1, 3, 8) if remedy == "repeats" else None
    whole, expected = train("whole", **options)
    with pytest.raises(Interrupted):
        train("stopped", signalled(signal.SIGINT, 2), **options)
    resumed, result = train("stopped", **options)
    assert same(resumed, whole) and result.history == expected.history
    plain, _ = train("plain", validations=1)
    assert any(
        not torch.equal(a, b) for a, b in zip(plain.student.parameters(), whole.student.parameters(), strict=True)
    )


@pytest.mark.parametrize("trainable", ["none", "all"])
def test_a_stopped_run_of_a_vit_with_adamw_goes_on_to_the_same_weights(train, make_vit, tiny_vit, trainable):
    def run(folder, *wrap):
        student = make_vit(trainable=trainable)
        return train(folder, *wrap, student=student, optimizer=tiny_vit.optimizer, steps=4, validations=1)

    whole, expected = run("whole")
    with pytest.raises(Interrupted):
        run("stopped", signalled(signal.SIGINT, 1))
    resumed, result = run("stopped")
    assert same(resumed, whole)
    assert (result.history, result.scores) == (expected.history, expected.scores)


@pytest.mark.parametrize("trainable", ["none", "norms", "all"])
def test_a_stopped_run_with_all_switches_together_goes_on_to_the_same_weights(
    train, recipes, make_vit, tiny_vit, trainable
):
    """UniMatch on a ViT by AdamW with rates by layer, and every remedy for rare classes."""
    own = recipes.semi_of("unimatch").model_dump()
    own["labeled_loss"] |= {"class_weights": "median_frequency", "dice_weight": 1.0}
    semi = SemiParams.model_validate(own | {"adaptive_tau": {"momentum": 0.5, "lowest": 0.0}})
    by_layer = tiny_vit.optimizer.model_copy(update={"layer_decay": 0.7})

    def run(folder, *wrap):
        options = {"variant": semi, "repeats": np.linspace(1, 3, 8), "steps": 4, "validations": 1}
        return train(folder, *wrap, student=make_vit(trainable=trainable), optimizer=by_layer, **options)

    whole, expected = run("whole")
    with pytest.raises(Interrupted):
        run("stopped", signalled(signal.SIGINT, 1))
    resumed, result = run("stopped")
    assert same(resumed, whole) and (result.history, result.scores) == (expected.history, expected.scores)


def test_a_frozen_encoder_keeps_its_weights_to_the_bit_while_the_rest_learns(train, make_vit, tiny_vit):
    phase, result = train("run", student=make_vit(trainable="none"), optimizer=tiny_vit.optimizer, steps=3)
    before = make_vit(trainable="none").state_dict()
    for network in (phase.student, phase.teacher.model):
        for name, value in network.state_dict().items():
            assert torch.equal(value, before[name]) == name.startswith("encoder."), name
    assert result.history[-1]["lr"] < tiny_vit.optimizer.lr


def test_stopped_twice_and_at_the_last_step(train):
    whole, expected = train("whole")
    for at in (1, 4, STEPS - 1):
        with pytest.raises(Interrupted):
            train("stopped", signalled(signal.SIGINT, at))
    resumed, result = train("stopped")
    assert same(resumed, whole)
    assert result.history == expected.history


def test_the_history_of_a_resumed_run_is_that_of_a_whole_one(train, monkeypatch):
    """Rows are means over several steps; the interruption falls between two rows."""
    monkeypatch.setattr(engine, "LOG_LINES", 2)
    _, expected = train("whole")
    with pytest.raises(Interrupted):
        train("stopped", signalled(signal.SIGINT, 1))
    _, result = train("stopped")
    assert [row["step"] for row in expected.history] == [3, 6, 7]
    assert result.history == expected.history


def test_a_run_repeats_itself(train):
    first, second, other = train("a")[0], train("b")[0], train("c", seed=6)[0]
    assert same(first, second)
    assert not same(first, other)


def test_supervised_runs_train_and_resume(train):
    whole, result = train("whole", semi=False)
    assert result.history[0]["loss"] > 0
    with pytest.raises(Interrupted):
        train("stopped", signalled(signal.SIGINT, 2), semi=False)
    assert same(train("stopped", semi=False)[0], whole)


def test_the_loss_falls(train):
    _, result = train("a", semi=False, steps=40)
    losses = [row["loss"] for row in result.history]
    assert sum(losses[-8:]) < 0.9 * sum(losses[:8])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_leaves_the_last_good_state(train, tmp_path, one_line, value):
    with pytest.raises(UserError) as error:
        train("run", infinite(5, value), checkpoint_every=2)
    one_line(error, "step 6", "optimizer.lr", tmp_path / "run")
    state = checkpoint.load(tmp_path / "run", "key")
    assert state["step"] == 4
    assert all(v.isfinite().all() for v in state["phase"].values())
    assert same(train("run", checkpoint_every=2)[0], train("whole")[0])


def test_a_damaged_checkpoint_falls_back_on_the_one_before(train, tmp_path):
    with pytest.raises(Interrupted):
        train("run", signalled(signal.SIGINT, 5), checkpoint_every=2)
    latest = tmp_path / "run" / "latest.pt"
    latest.write_bytes(latest.read_bytes()[:5000])
    assert checkpoint.load(tmp_path / "run", "key")["step"] == 4
    assert same(train("run")[0], train("whole")[0])


def test_the_checkpoint_of_another_run_is_not_used(train):
    with pytest.raises(Interrupted):
        train("run", signalled(signal.SIGINT, 3))
    assert same(train("run", key="other", seed=6)[0], train("whole", seed=6)[0])


def test_checkpoints_are_written_as_often_as_asked_for(train, tmp_path):
    train("run", checkpoint_every=3)
    assert checkpoint._read(tmp_path / "run" / "latest.pt")["step"] == 6
    assert checkpoint._read(tmp_path / "run" / "previous.pt")["step"] == 3


@pytest.mark.parametrize(
    ("validations", "steps"), [(1, [7]), (2, [4, 7]), (3, [3, 5, 7]), (100, [1, 2, 3, 4, 5, 6, 7])]
)
def test_validations_are_spread_and_the_last_is_at_the_end(train, validations, steps):
    _, result = train("run", semi=False, validations=validations)
    assert [row["step"] for row in result.scores] == steps
    assert all(0 <= row["miou"] <= 100 for row in result.scores)


def test_validation_notes_what_pseudo_labels_are_worth_by_class(train):
    _, result = train("run", validations=2)
    assert [sorted(row) for row in result.scores] == [["coverage", "miou", "precision", "step"]] * 2
    for measure in ("validation_coverage", "validation_precision"):
        rows = [(row["step"], row["name"]) for row in result.health.rows if row["measure"] == measure]
        assert rows == [(step, name) for step in (4, STEPS) for name in CLASSES]


def test_validation_does_not_touch_the_training(train):
    assert same(train("a", validations=1)[0], train("b", validations=7)[0])


def test_history_holds_rate_and_losses(train, tiny):
    _, result = train("run")
    assert [row["step"] for row in result.history] == list(range(1, STEPS + 1))
    optimizer = tiny.optimizer.model_copy(update={"warmup_steps": 2})
    for row in result.history:
        assert row["lr"] == pytest.approx(0.05 * lr_factor(row["step"] - 1, STEPS, optimizer))
        four = ("labeled_linear", "labeled_prototype", "unlabeled_linear", "unlabeled_prototype")
        assert row["loss"] == pytest.approx(sum(row[name] for name in four), rel=1e-5)
        assert 0 <= row["coverage"] <= 1
    assert result.seconds > 0


def test_logs_get_the_rows_and_a_resumed_run_goes_on_in_them(train, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = LogFolders(tmp_path / "board", tmp_path / "live")
    with pytest.raises(Interrupted):
        train("run", signalled(signal.SIGINT, 3), logs=logs)
    _, result = train("run", logs=logs)
    board = EventAccumulator(str(tmp_path / "board/test"))
    board.Reload()
    tags = board.Tags()["scalars"]
    assert {"loss", "coverage", "pseudo_label_share/class6", "prototype_use/class0/1", "confidence/0.9-1.0"} <= set(
        tags
    )
    losses = [row["loss"] for row in result.history]
    assert [event.step for event in board.Scalars("loss")] == list(range(1, STEPS + 1))
    assert [event.value for event in board.Scalars("loss")] == pytest.approx(losses)
    live = pd.read_csv(tmp_path / "live/test/plots/metrics/loss.tsv", sep="\t")
    assert list(live["step"]) == list(range(1, STEPS + 1)) and list(live["loss"]) == pytest.approx(losses)
    scores = pd.read_csv(tmp_path / "live/test/plots/metrics/validation/miou.tsv", sep="\t")
    assert list(scores["miou"]) == pytest.approx([row["miou"] for row in result.scores])
    newest = json.loads((tmp_path / "live/test/metrics.json").read_text())
    assert newest["loss"] == pytest.approx(losses[-1]) and "pseudo_label_share" not in newest


def test_every_row_says_how_fast_and_how_big_the_run_was(train):
    _, result = train("run")
    assert [row["step"] for row in result.machine] == [row["step"] for row in result.history]
    for row in result.machine:
        assert row["images_per_second"] > 0 and 0 <= row["data_wait"] < 1 and row["memory_mib"] > 50
        assert row["images_per_second"] * row["step_seconds"] == pytest.approx(4, rel=0.01)


def test_a_network_that_diverges_ends_with_one_line(train, one_line):
    """The weights turn nan in the optimiser's step; the next forward, pseudo-labels included, must live to say so."""

    def spoiled(phase):
        inner = phase.after_step

        def after_step(step):
            measured = inner(step)
            if step == 3:
                with torch.no_grad():
                    phase.student.heads["linear"].layers[-1].weight.fill_(float("nan"))
                    phase.teacher.model.heads["linear"].layers[-1].weight.fill_(float("nan"))
            return measured

        phase.after_step = after_step
        return phase

    with pytest.raises(UserError) as error:
        train("run", spoiled)
    one_line(error, "step 5", "the loss is nan", "no state was saved yet", "optimizer.lr")


def test_means_are_over_the_steps_that_had_the_measure(train, monkeypatch):
    """The teacher comes in the middle of a row."""
    monkeypatch.setattr(engine, "LOG_LINES", 1)

    def later(phase):
        phase.teacher_from = 4
        phase.params = phase.params.model_copy(update={"tau": 0.0})
        return phase

    _, result = train("run", later)
    assert result.history[-1]["coverage"] == pytest.approx(1)
    shares = [row["value"] for row in result.health.rows if row["measure"] == "pseudo_label_share"]
    assert sum(shares) == pytest.approx(1)


def test_the_tables_of_an_unfinished_run_are_there(train, tmp_path):
    with pytest.raises(Interrupted):
        train("run", signalled(signal.SIGINT, 3))
    assert len((tmp_path / "run/history.csv").read_text().splitlines()) == 5
    assert "pseudo_label_share" in (tmp_path / "run/health.csv").read_text()


def test_a_network_without_blocks_cannot_compute_them_again(train, make_net, one_line):
    net = make_net()
    net.encoder.body = nn.Sequential(net.encoder.body.stem)
    with pytest.raises(UserError) as error:
        train("none", semi=False, student=net, recompute=True)
    one_line(error, "compute.checkpointing", "blocks", "none")
