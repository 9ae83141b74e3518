"""The semi-supervised run of one variant."""

from dataclasses import replace

import pytest
import torch

from semiproto import params
from semiproto.errors import UserError
from semiproto.model.folder import load_model, load_student, read_card
from semiproto.model.weights import PROTOTYPES, read_tensors
from semiproto.provenance.receipts import read_receipt
from semiproto.report.evaluations import read_table
from semiproto.steps.data.lists import write_lists
from semiproto.steps.job import Inputs
from semiproto.steps.models.pretrain import pretrain
from semiproto.steps.models.train import first_bank, train


def test_the_model_is_the_teacher_and_the_student_stands_beside(training, trained):
    receipt = read_receipt(trained)
    assert {"model.safetensors", "student.safetensors", "card.json", "health.csv"} <= set(receipt["outputs"])
    assert receipt["facts"]["steps"] == training.config.semi.steps
    assert read_card(trained).training["method"] == "prototype" and load_model(trained).num_classes == 7
    teacher, (student, bank) = load_model(trained).state_dict(), load_student(trained)
    assert any(not torch.equal(teacher[name], value) for name, value in student.state_dict().items())
    assert bank is not None


@pytest.mark.parametrize("variant", ["unimatch-prototype", "unimatch-v2-prototype", "prototype-strong"])
def test_a_recipe_is_trained_from_the_same_folders(training, few, recipes, elsewhere, variant):
    config = params.train_config(few.model_copy(update={"variants": recipes.variants}), variant)
    job = elsewhere(training, config=config)
    train(job)
    history = read_table(job.out / "history.csv")
    recipe, losses = variant.removesuffix("-prototype"), {"labeled", "unlabeled"}
    losses |= {"perturbed"} if recipe == "unimatch" else set()
    heads = ("linear", "prototype")
    assert {f"{loss}_{head}" for loss in losses for head in heads} == {n for n in history if n.endswith(heads)}
    assert load_student(job.out)[1] is not None and read_card(job.out).training["method"] == "prototype"


def test_the_remedies_for_rare_classes_are_trained_from_the_same_folders(training, elsewhere):
    semi = training.config.semi.model_dump()
    semi["labeled_loss"] |= {"class_weights": "median_frequency", "dice_weight": 1.0}
    semi |= {"repeat_threshold": 0.9, "adaptive_tau": {"momentum": 0.9, "lowest": 0.1}}
    job = elsewhere(training, config=training.config.model_copy(update={"semi": params.SemiParams(**semi)}))
    train(job)
    health = read_table(job.out / "health.csv")
    assert (health["measure"] == "threshold").sum() % 7 == 0 and "threshold" in set(health["measure"])
    assert load_student(job.out)[1] is not None


def test_a_run_normalises_as_the_model_it_starts_from(training, pretraining, elsewhere, tmp_path):
    half = params.NormalisationParams(mean=[0.5] * 3, std=[0.5] * 3)
    first = elsewhere(pretraining, config=normalised(pretraining.config, half))
    pretrain(first)
    assert read_card(first.out).normalisation == half
    (tmp_path / "second").mkdir()
    job = replace(training, out=tmp_path / "second/a/b/c", checkpoints=tmp_path / "c")
    train(replace(job, inputs=Inputs(**training.inputs | {"pretrained": first.out})))
    assert read_card(job.out).normalisation == half == load_student(job.out)[0].normalisation


def normalised(config, normalisation):
    encoder = config.model.encoder.model_copy(update={"normalisation": normalisation})
    return config.model_copy(update={"model": config.model.model_copy(update={"encoder": encoder})})


def test_the_same_job_gives_the_same_weights(training, trained, elsewhere):
    job = elsewhere(training)
    train(job)
    again, first = read_receipt(job.out)["outputs"], read_receipt(trained)["outputs"]
    assert [again[f"{name}.safetensors"] for name in ("model", "student")] == [
        first[f"{name}.safetensors"] for name in ("model", "student")
    ]


def test_the_bank_starts_where_the_prototypes_step_ended(training, prototypes):
    bank = first_bank(training.config, prototypes)
    torch.testing.assert_close(bank.prototypes, read_tensors(prototypes / PROTOTYPES)["prototypes"])
    head = training.config.semi.prototype_head
    assert (bank.momentum, bank.temperature) == (head.momentum, head.temperature)


def test_without_unlabelled_images_only_supervised_runs(training, given, few, elsewhere, tmp_path, one_line):
    lists = {"labeled": [], "unlabeled": [], "val": []}
    for name in ("labeled", "val"):
        lists[name] = (given["split"] / f"{name}.txt").read_text().split()
    write_lists(tmp_path / "split", lists)
    (tmp_path / "split/receipt.json").write_bytes((given["split"] / "receipt.json").read_bytes())
    inputs = Inputs(**given | {"split": tmp_path / "split"}, pretrained=None, prototypes=None, weights=None)
    with pytest.raises(UserError) as error:
        train(elsewhere(training, config=params.train_config(few, "consistency"), inputs=inputs))
    one_line(error, tmp_path / "split/unlabeled.txt", "consistency needs unlabelled images")
    job = elsewhere(training, config=params.train_config(few, "supervised"), inputs=inputs)
    train(job)
    assert read_card(job.out).training["method"] == "supervised"
