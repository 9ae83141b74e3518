"""`semiproto explain` on a prepared set, its split and an evaluation: what is found, and what is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from made_up import write_receipt

from semiproto import params
from semiproto.errors import UserError
from semiproto.provenance import artifacts
from semiproto.provenance import explain as explaining
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.digits import data as prepare
from semiproto.steps.data.split import split as draw
from semiproto.steps.experiment import Experiment
from semiproto.steps.job import Inputs, Job

EVALUATION = "results/eval/digits/30/{variant}/seed{seed}"


@pytest.fixture
def made(shipped, tmp_path, monkeypatch):
    """A folder with params.yaml, a prepared set of a few digits, and its split; the current folder."""
    monkeypatch.chdir(tmp_path)
    tree = shipped.model_dump(mode="json")
    tree["dataset"] |= {"name": "digits", "labeled": 30, "unlabeled": 4, "validation": 3}
    tree["experiments"] = [{"split": 30, "variants": ["supervised", "prototype"], "seeds": [0, 1]}]
    write(tmp_path, tree)
    parameters = params.load(tmp_path / "params.yaml")
    data, split = Path("data/raw/digits"), Path("data/splits/digits/30")
    prepare(Job(params.step_config(parameters, params.DataConfig), Inputs(), data, parameters.compute))
    draw(Job(params.step_config(parameters, params.SplitConfig), Inputs(data=data), split))
    return tmp_path


def write(folder, tree):
    (folder / "params.yaml").write_text(json.dumps(tree))  # JSON is YAML


def edit(folder, change):
    tree = json.loads((folder / "params.yaml").read_text())
    change(tree)
    write(folder, tree)


def explain(path):
    return explaining.explain(path, Experiment(params.load(Path("params.yaml"))))


def faults(path):
    return [fault for link in explain(path).links for fault in link.faults]


def test_a_split_leads_to_its_data(made):
    found = explain("data/splits/digits/30/labeled.txt")
    assert found.sound
    assert [link.artefact.as_posix() for link in found.links] == ["data/splits/digits/30", "data/raw/digits"]
    text = "\n".join(found.lines())
    receipt = read_receipt(made / "data/raw/digits")
    assert receipt["outputs"]["files"][:12] in text and receipt["made"]["code"] in text
    assert json.loads(json.dumps(found.as_json()))["artefacts"][1]["receipt"] == receipt


def test_a_changed_parameter_is_named_and_passed_on(made):
    edit(made, lambda tree: tree["dataset"].update(seed=77))
    assert faults("data/splits/digits/30") == [
        "made from data/raw/digits, which is not sound",
        "dataset.seed was 0, params.yaml says 77",
    ]


def test_a_changed_file_is_found_and_its_digests_said(made):
    lists = made / "data/splits/digits/30/val.txt"
    lists.write_text(lists.read_text() + "another\n")
    (fault,) = faults("data/splits/digits/30")
    assert fault.startswith("data/splits/digits/30/val.txt: not the file that was written: sha256 ")
    lists.unlink()
    assert faults("data/splits/digits/30") == ["data/splits/digits/30/val.txt: gone"]


def test_an_image_changed_in_a_folder_is_found(made):
    image = next((made / "data/raw/digits/files/JPEGImages").iterdir())
    image.write_bytes(image.read_bytes()[:-1])
    assert any("data/raw/digits/files: not the file" in fault for fault in faults("data/raw/digits"))


def test_an_input_that_was_made_again_is_found(made):
    receipt = made / "data/raw/digits/receipt.json"
    recorded = json.loads(receipt.read_text())
    recorded["outputs"]["files"] = "f" * 64
    receipt.write_text(json.dumps(recorded))
    assert any("made from another data/raw/digits/files" in fault for fault in faults("data/splits/digits/30"))


def test_forged_facts_are_found_where_files_say_them_too(made):
    for folder in ("data/raw/digits", "data/splits/digits/30"):
        receipt = made / folder / "receipt.json"
        recorded = json.loads(receipt.read_text())
        recorded["facts"] |= {"labeled": 999} if "labeled" in recorded["facts"] else {"classes": ["other"]}
        receipt.write_text(json.dumps(recorded))
    of_split, of_set = (link.faults for link in explain("data/splits/digits/30").links)
    assert "facts.labeled of its receipt is 999, its files say 30" in of_split
    assert of_set[0].startswith('facts.classes of its receipt is ["other"], its files say ["background", ')


def test_an_ancestor_without_a_receipt_is_named(made):
    (made / "data/raw/digits/receipt.json").unlink()
    assert any("data/raw/digits/receipt.json: no such file" in fault for fault in faults("data/splits/digits/30"))


def test_other_starting_weights_are_a_fault_and_missing_ones_a_note(made, monkeypatch):
    """Of whatever was made with them too."""
    monkeypatch.setenv("TORCH_HOME", str(made / "torch"))
    receipt = made / "data/raw/digits/receipt.json"
    recorded = json.loads(receipt.read_text())
    recorded["facts"]["weights_file"] = {"name": "net.pth", "sha256": artifacts.sha256_text("weights")}
    receipt.write_text(json.dumps(recorded))
    found = explain("data/splits/digits/30")
    assert found.sound and "not in this machine's caches: not compared" in found.links[1].notes[0]
    weights = made / "torch/hub/checkpoints/net.pth"
    weights.parent.mkdir(parents=True)
    weights.write_text("others")
    passed_on, fault = faults("data/splits/digits/30")
    assert passed_on == "made from data/raw/digits, which is not sound"
    assert fault.startswith("began with other weights torch.hub/net.pth: ")


def test_an_ancestor_that_is_not_on_this_machine_is_no_fault_but_nothing_is_vouched_for(made):
    shutil.rmtree(made / "data/raw/digits")
    found = explain("data/splits/digits/30")
    assert faults("data/splits/digits/30") == [] and not found.sound
    assert "  data/raw/digits: not on this machine" in (lines := list(found.lines()))
    assert lines[-1] == (
        "can't tell: 1 of 2 artefacts are not on this machine; "
        "bring them with `semiproto pull`, or make them with `snakemake --cores all`"
    )
    (made / "data/splits/digits/30/val.txt").unlink()
    assert list(explain("data/splits/digits/30").lines())[-1].startswith("not sound: 1 of 2 artefacts")


@pytest.fixture
def tables(made):
    """Evaluations of two variants and two seeds, and a table of them with its receipt."""
    folders = []
    for variant in ("supervised", "prototype"):
        for seed in (0, 1):
            folder = made / EVALUATION.format(variant=variant, seed=seed)
            metrics = {"dataset": "digits", "labels": 30, "variant": variant, "seed": seed, "miou": 40.0 + seed}
            artifacts.write_json(folder / "metrics.json", metrics)
            receipt(folder.relative_to(made), "evaluate", [], seed)
            folders.append(folder.relative_to(made))
    rows = ["dataset,labels,variant,n", "digits,30,supervised,2", "digits,30,prototype,2"]
    artifacts.write_text(made / "results/tables/summary.csv", "\n".join(rows) + "\n")
    pairs = "dataset,labels,minuend,subtrahend\ndigits,30,prototype,supervised\n"
    artifacts.write_text(made / "results/tables/verdict.csv", pairs)
    receipt((made / "results/tables").relative_to(made), "tables", folders, None)
    return made


def receipt(folder, step, inputs, seed, config=None):
    write_receipt(
        folder, step, outputs=artifacts.digests(folder), config=config or {}, inputs=inputs, seed=seed, seconds=None
    )


def test_a_row_leads_to_its_runs_alone(tables):
    found = explain("results/tables/summary.csv:2")
    runs = [EVALUATION.format(variant="prototype", seed=seed) for seed in (0, 1)]
    assert found.sound and found.row["variant"] == "prototype"
    assert found.scores == dict(zip(runs, (40.0, 41.0), strict=True))
    assert [link.artefact.as_posix() for link in found.links] == ["results/tables", *runs]


@pytest.mark.parametrize("damage", [shutil.rmtree, lambda run: (run / "metrics.json").write_text('{"variant": "x"}')])
@pytest.mark.parametrize("row", ["summary.csv:2", "verdict.csv:1"])
def test_a_row_is_not_sound_without_one_of_its_runs(tables, damage, row):
    run = EVALUATION.format(variant="prototype", seed=0)
    damage(tables / run)
    found = explain(f"results/tables/{row}")
    assert not found.sound and found.scores[run] is None
    assert explain("results/tables/summary.csv:1").sound  # of the other variant


def test_folders_that_were_swapped_with_their_receipts_are_not_sound(tables):
    first, second = (Path(EVALUATION.format(variant=v, seed=0)) for v in ("supervised", "prototype"))
    first.rename("aside"), second.rename(first), Path("aside").rename(second)
    assert faults(str(first))[0] == f"{first}/receipt.json: the receipt of {second}, not of {first}"
    assert set(explaining.left_out([first, second], Experiment(params.load(Path("params.yaml"))))) == {first, second}


def test_what_was_made_with_another_seed_or_from_another_split_is_not_sound(made):
    model, split = Path("models/semi/digits/30/supervised/seed0"), Path("data/splits/digits/60")
    shutil.copytree("data/splits/digits/30", split)
    receipt(split, "split", [], None)
    artifacts.write_text(model / "card.json", "{}")
    receipt(model, "train", [], 1)
    assert f"{model}/receipt.json: trained with seed 1" in faults(str(model))
    receipt(model, "train", [split], 0)
    assert f"{model}/receipt.json: made from {split}, which is of another split" in faults(str(model))


def test_a_row_of_what_was_forecast(tables):
    forecast, out = Path("results/forecast/digits/30/seed0"), Path("results/tables/forecast.csv")
    artifacts.write_json(forecast / "forecast.json", {})
    receipt(
        forecast, "forecast", [], 0, params.forecast_config(params.load(Path("params.yaml"))).model_dump(mode="json")
    )
    artifacts.write_text(out, "dataset,labels,seed\ndigits,30,0\n")
    outputs, inputs = {out.name: artifacts.sha256_file(out)}, [out.parent, forecast]
    write_receipt(out, "outcome", outputs=outputs, config={}, inputs=inputs, seed=None, seconds=None)
    found = explain(f"{out}:1")
    assert found.sound and len(found.links) == 1 + 1 + 4 + 1  # itself, the tables, their runs, the forecast


def test_a_row_of_two_variants_leads_to_both(tables):
    assert len(explain("results/tables/verdict.csv:1").scores) == 4


def test_a_run_that_the_tables_lack_or_have_too_many(tables):
    edit(tables, lambda tree: tree["experiments"][0].update(seeds=[0, 2]))
    found = faults("results/tables")
    assert "lacks digits/30/prototype/seed2, which params.yaml asks for" in found
    assert "holds digits/30/prototype/seed1, which params.yaml does not ask for" in found
    assert "asks for no such run" in explain(EVALUATION.format(variant="prototype", seed=1)).links[0].notes[0]


def test_what_is_in_git_has_its_receipt_beside_the_folder(tables):
    assert (tables / "results/tables.receipt.json").is_file()
    assert sorted(path.suffix for path in (tables / "results/tables").iterdir()) == [".csv", ".csv"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("results/none.csv", ["no such file", "data, models or results"]),
        ("params.yaml", ["no step made it in this checkout", "it has no receipt"]),
        ("results/tables/summary.csv:9", ["no row 9", "there are 2"]),
        ("results/tables/summary.csv:0", ["no row 0"]),
        ("results/tables/notes.txt", ["results/tables.receipt.json does not list it"]),
        ("results/tables/summary.csv:x", ["'x' is no row", "from 1 below the header"]),
        ("results/tables/metrics.json:1", ["only a table has rows", "leave out :1"]),
        ("/etc/passwd", ["outside"]),
    ],
)
def test_what_cannot_be_explained(tables, one_line, path, words):
    (tables / "results/tables/notes.txt").touch()
    with pytest.raises(UserError) as error:
        explain(path)
    one_line(error, path.split(":")[0], *words)


def test_evaluations_that_are_not_those_asked_for_are_left_out(made):
    folders = [Path(EVALUATION.format(variant=v, seed=s)) for v in ("prototype", "consistency") for s in (0, 1, 7)]
    config = {"evaluate": {"window": None}}
    for folder in folders:
        artifacts.write_text(folder / "metrics.json", "{}")
        write_receipt(folder, "evaluate", outputs=artifacts.digests(folder), config=config, seed=None)
    artifacts.write_text(folders[1] / "metrics.json", "[]")
    found = explaining.left_out(folders, Experiment(params.load(Path("params.yaml"))))
    assert folders[0] not in found and found[folders[1]].startswith("not sound: ")
    assert {found[folder] for folder in folders[2:]} == {"params.yaml does not ask for it"}


def test_an_evaluation_of_a_model_that_is_not_here_is_left_out(made):
    model, folder = Path("models/semi/digits/30/prototype/seed0"), Path(EVALUATION.format(variant="prototype", seed=0))
    artifacts.write_text(folder / "metrics.json", "{}")
    artifacts.write_text(model / "card.json", "{}")
    receipt(model, "data", [], None)
    receipt(folder, "evaluate", [model], None)
    experiment = Experiment(params.load(Path("params.yaml")))
    assert explaining.left_out([folder], experiment) == {}
    shutil.rmtree(model)
    assert explaining.left_out([folder], experiment) == {folder: f"can't tell: {model} is not on this machine"}


def test_what_the_parameters_ask_otherwise_is_out_of_date(made):
    data, split = Path("data/raw/digits"), Path("data/splits/digits/30")

    def outdated():
        return explaining.outdated(
            [data, split, Path("data/splits/digits/60")], Experiment(params.load(Path("params.yaml")))
        )

    assert outdated() == {}
    edit(made, lambda tree: tree["dataset"].update(unlabeled=5))
    assert outdated() == {data: f"{data}: dataset.unlabeled was 4, params.yaml says 5"}
