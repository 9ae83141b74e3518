"""`semiproto init` finds out how a folder is laid out, and says what it assumed."""

import shutil
from pathlib import Path

import pytest

from pipeline import own_folder
from semiproto import params
from semiproto.data.own import init
from semiproto.errors import UserError

TEMPLATE = Path(__file__).parents[4] / "experiments/my-data.yaml"

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


def written(base):
    """The dataset section that `init` writes, read back, and what it said."""
    out = base.parent / "params.yaml"
    said = init.write_params(base, init.Wishes(labels="all"), TEMPLATE, out, force=True)
    return params.load(out).dataset, "\n".join(said)


def test_images_and_masks(base):
    source, said = written(base)
    assert (source.images, source.masks, source.colours, source.ignore) == ("images", "masks", None, 255)
    assert "images in images/, masks in masks/" in said and "2 classes from classes.txt: background, square" in said
    assert "6 images with masks to train with, told apart by their mask files" in said
    assert "4 images without masks" in said and "no validation list" in said


@pytest.mark.parametrize(("limit", "value"), [("MANY_PICTURES", 15), ("MUCH", 3000)])
def test_images_of_a_large_set_are_used_where_they_are(base, limit, value, monkeypatch):
    source, said = written(base)
    assert source.storage == "copy" and "used where they are" not in said
    monkeypatch.setattr(init, limit, value)
    source, said = written(base)
    assert source.storage == "reference" and "images are used where they are: 16 pictures, 0.0 GB" in said
    out = base.parent / "params.yaml"
    init.write_params(base, init.Wishes(changes=["dataset.storage=copy"]), TEMPLATE, out, force=True)
    assert params.load(out).dataset.storage == "copy"


def test_what_was_found_can_be_set_otherwise(base):
    out = base.parent / "params.yaml"
    changes = ["dataset.ignore=200", "splits.validation=0.5"]
    init.write_params(base, init.Wishes(labels="all", changes=changes), TEMPLATE, out, force=True)
    found = params.load(out)
    assert (found.dataset.ignore, found.splits.validation) == (200, 0.5)


def test_a_switch_that_the_template_leaves_at_its_default_can_be_set(base):
    out = base.parent / "params.yaml"
    changes = ["model.encoder.normalisation={mean: [0.5, 0.5, 0.5], std: [1, 1, 1]}"]
    changes += ["model.encoder.normalisation.std=[0.5, 0.5, 0.5]"]
    init.write_params(base, init.Wishes(changes=changes), TEMPLATE, out, force=True)
    assert params.load(out).model.encoder.normalisation.std == [0.5] * 3
    for change in ("model.encoder.normalization=1", "model.encoders.normalisation=1", "normalisation=1"):
        with pytest.raises(UserError, match=f"--set {change}: no such parameter"):
            init.write_params(base, init.Wishes(changes=[change]), TEMPLATE, out, force=True)


@pytest.mark.parametrize(("phase", "other"), [("semi", "pretrain"), ("pretrain", "semi")])
def test_what_is_set_in_one_phase_leaves_the_other_which_the_template_writes_as_an_alias(base, phase, other):
    """labeled_loss is `&labeled_loss` in pretrain and `*labeled_loss` in semi."""
    out, usual = base.parent / "params.yaml", params.load(TEMPLATE)
    changes = [f"{phase}.labeled_loss.dice_weight=1", f"{phase}.labeled_loss.kind=ohem"]
    init.write_params(base, init.Wishes(changes=changes), TEMPLATE, out, force=True)
    found = {name: getattr(params.load(out), name).labeled_loss for name in (phase, other)}
    expected = usual.semi.labeled_loss.model_copy(update={"dice_weight": 1, "kind": "ohem"})
    assert found == {phase: expected, other: usual.semi.labeled_loss}
    init.write_params(
        base, init.Wishes(changes=[*changes, f"{other}.labeled_loss.dice_weight=2"]), TEMPLATE, out, force=True
    )
    assert getattr(params.load(out), other).labeled_loss.dice_weight == 2


def test_label_counts_are_those_of_the_template_unless_given(base, tmp_path):
    template = tmp_path / "two-splits.yaml"
    text = TEMPLATE.read_text()
    run = text[text.index("  - split: all") : text.index("evaluate:")]
    template.write_text(text.replace(run, run.replace("all", "2") + run.replace("all", "4")))
    out = tmp_path / "params.yaml"
    for labels, expected in ((None, [2, 4]), ("3", [3, 3]), ("all", ["all", "all"])):
        init.write_params(base, init.Wishes(labels=labels), template, out, force=True)
        assert [experiment.split for experiment in params.load(out).experiments] == expected


def test_a_copy_of_any_experiment_is_replaced_and_nothing_else(base, tmp_path, monkeypatch):
    monkeypatch.chdir(TEMPLATE.parents[1])
    evidence, out = TEMPLATE.parent / "evidence" / "animals.yaml", tmp_path / "params.yaml"
    shutil.copy(TEMPLATE.parent / "embedded.yaml", out)
    init.write_params(base, init.Wishes(), evidence, out, force=False)
    edited = out.read_bytes()
    with pytest.raises(UserError, match=r"params\.yaml: differs from every file in experiments/; keep a copy"):
        init.write_params(base, init.Wishes(), evidence, out, force=False)
    assert out.read_bytes() == edited


@pytest.mark.parametrize("gpu", [False, True])
def test_without_a_template_the_steps_fit_images_and_machine(base, gpu, monkeypatch):
    monkeypatch.chdir(TEMPLATE.parents[1])
    monkeypatch.setattr(init.cards, "visible", lambda: ["GPU-1"] * gpu)
    out = base.parent / "fitted.yaml"
    said = "\n".join(init.write_params(base, init.Wishes(labels="all"), None, out))
    found = params.load(out)
    assert (found.augment.crop, found.semi.batch) == (65, 8 if gpu else 4)  # images of 64 pixels
    assert (found.model.encoder.name == "tf_efficientnet_lite0.in1k") is not gpu
    assert found.semi_of("supervised-equal-compute").steps == round(2.33 * found.semi.steps)
    assert f"{found.semi.steps} steps with unlabelled ones" in said
    assert f"for this machine ({'a' if gpu else 'no'} GPU)" in said
    assert f"crop: 65  # {321 if gpu else 129} at most {'with' if gpu else 'without'} a GPU" in out.read_text()
    named = base.parent / "named.yaml"
    init.write_params(base, init.Wishes(labels="all"), TEMPLATE, named)
    assert params.load(named).augment == params.load(TEMPLATE).augment


@pytest.mark.parametrize("bands", [3, 4])
def test_the_strong_view_has_colours_where_images_have(base, bands, monkeypatch):
    monkeypatch.chdir(TEMPLATE.parents[1])
    out = base.parent / "fitted.yaml"
    init.write_params(base, init.Wishes(changes=[f"dataset.bands={bands}"]), None, out)
    found = params.load(out)
    assert found.semi_of("prototype").strong_view.blur is not None
    assert set(found.semi_of("prototype").strong_view.of_colours()) == (
        {"jitter", "grey_probability"} if bands == 3 else set()
    )


def test_the_control_follows_the_steps_that_the_user_gives(base, monkeypatch):
    monkeypatch.chdir(TEMPLATE.parents[1])
    out = base.parent / "fitted.yaml"
    said = init.write_params(base, init.Wishes(changes=["semi.steps=1000"]), None, out)
    assert "1000 steps with unlabelled ones" in "\n".join(said)
    assert params.load(out).semi.steps == 1000
    assert params.load(out).semi_of("supervised-equal-compute").steps == 2330
    changes = ["semi.steps=null", "semi.epochs=100"]
    init.write_params(base, init.Wishes(changes=changes), None, out, force=True)
    assert params.load(out).semi_of("supervised-equal-compute").epochs == 233
    changes = ["semi.steps=1000", "variants.supervised-equal-compute.semi.steps=77"]
    init.write_params(base, init.Wishes(changes=changes), None, out, force=True)
    assert params.load(out).semi_of("supervised-equal-compute").steps == 77


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-a", "a b"])
def test_a_name_that_no_folder_can_have_is_one_line(base, name, one_line):
    with pytest.raises(UserError) as error:
        init.write_params(base, init.Wishes(name=name), TEMPLATE, base.parent / "params.yaml")
    one_line(error, "--name", name, "cannot be the name of a set", "give at most 64 letters")
    assert not (base.parent / "params.yaml").exists()


def test_lists_of_exports_side_by_side_are_written(base):
    for task, stems in (("one", ["photo4"]), ("two", ["photo5"])):
        for kind in ("images", "masks"):
            (base / task / kind).mkdir(parents=True)
            for stem in [*stems, *(f"photo{n}" for n in ((0, 1) if task == "one" else (2, 3)))]:
                (base / kind / f"{stem}.png").rename(base / task / kind / f"{stem}.png")
        (base / task / "val.txt").write_text("".join(f"{stem}\n" for stem in stems))
    for path in [*base.glob("images/*")]:
        path.unlink()
    source, said = written(base)
    assert source.validation_list == ["one/val.txt", "two/val.txt"]
    assert "2 validation images, from one/val.txt, two/val.txt" in said
