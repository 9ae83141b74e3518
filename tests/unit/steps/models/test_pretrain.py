"""The supervised training: a model folder, the same from the same job."""

from semiproto.model.folder import load_model, read_card
from semiproto.model.weights import digest
from semiproto.provenance.receipts import read_receipt
from semiproto.report.evaluations import read_table
from semiproto.steps.models.pretrain import pretrain
from semiproto.steps.models.training import Lists, first_student


def test_a_model_folder_is_written_and_the_checkpoints_are_gone(pretraining, pretrained):
    receipt = read_receipt(pretrained)
    assert load_model(pretrained).num_classes == 7 and len(read_card(pretrained).classes) == 7
    assert receipt["facts"]["steps"] == pretraining.config.pretrain.steps == read_card(pretrained).training["steps"]
    assert read_table(pretrained / "history.csv")["step"].max() == pretraining.config.pretrain.steps
    assert set(receipt["records"]) == {"machine.csv"} and "machine.csv" not in receipt["outputs"]
    assert not pretraining.checkpoints.exists()
    first = first_student(pretraining, Lists.of(pretraining), pretrained=True)
    assert receipt["facts"]["first_weights"] == digest(first) != digest(load_model(pretrained))


def test_the_same_job_gives_the_same_model_and_another_seed_another(pretraining, pretrained, elsewhere):
    first = read_receipt(pretrained)["outputs"]
    again = elsewhere(pretraining)
    pretrain(again)
    assert read_receipt(again.out)["outputs"]["model.safetensors"] == first["model.safetensors"]
    pretrain(elsewhere(pretraining, seed=1))
    assert read_receipt(again.out)["outputs"]["model.safetensors"] != first["model.safetensors"]
