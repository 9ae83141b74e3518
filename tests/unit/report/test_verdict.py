"""The verdict's words on planted cases, and what it says where it cannot know."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from semiproto.errors import UserError
from semiproto.report import verdict
from semiproto.report.bootstrap import Gains
from semiproto.report.evaluations import read_evaluations, read_table
from semiproto.report.tables import tables

CLASSES = ["background", "cow", "sheep"]


@pytest.fixture
def plant(results):
    """Writes runs of a variant whose classes score `levels` on 60 images; runs with one `images` seed share images."""

    def make(variant, levels, seeds=3, images=0, seed_sd=0.3, **changes):
        shared, folders = np.random.default_rng(images), []
        size, hard = shared.integers(50, 400, (60, 3)), shared.normal(0, 10, (60, 3))
        for seed in range(seeds):
            rng = np.random.default_rng([seed, len(variant)])
            iou = np.clip(np.add(levels, rng.normal(0, seed_sd)) + hard + rng.normal(0, 4, (60, 3)), 0, 100)
            right = np.round(size * iou / 100).astype(int)
            of_all = 100 * right.sum(0) / size.sum(0)
            scores = {"iou": of_all.tolist(), "boundary_iou_per_class": [50.0] * 3}
            own = {"classes": CLASSES, "images": 60} | scores | changes
            folders.append(results.run(variant, seed, of_all.mean(), **own))
            image, class_ = np.divmod(np.arange(180), 3)
            table = {"image": [f"{images}_{i:02d}" for i in image], "class": np.array(CLASSES)[class_]}
            table |= {"pixels": size.ravel(), "intersection": right.ravel(), "union": size.ravel()}
            pd.DataFrame(table).to_csv(folders[-1] / "images.csv", index=False)
        return read_evaluations(folders)

    return make


def test_helped_and_the_class_that_it_did_not_help(plant):
    found = verdict.compare(plant("prototype", [70, 75, 48]), plant("supervised", [60, 60, 60]))
    assert found.verdict() == verdict.HELPED
    head, tail = found.sentence().split("; ")
    assert head.startswith("helped by 4.") and ", 95 % interval " in head
    assert tail == "worse for: sheep"
    assert list(found.classes()["verdict"]) == ["better", "better", "worse"]


def test_a_class_that_might_be_better_by_chance_is_not_named(plant):
    """Its own interval excludes zero, the one that holds for all classes together does not."""
    found = verdict.compare(plant("prototype", [60] * 3), plant("supervised", [60] * 3))
    gains = Gains(np.array([0.0, 4.2, -4.2, 9.0]), np.full(4, 2.0), np.zeros(4), images=10**9, seeds=3)
    classes = replace(found, gains=gains).classes()
    assert list(classes["verdict"]) == ["perhaps better", "perhaps worse", "better"]
    assert (classes["low"] > 0).tolist() == [True, False, True] and classes["high"][1] < 0
    assert "sheep" in replace(found, gains=gains).sentence() and "cow" not in replace(found, gains=gains).sentence()


def test_hurt_is_told_with_its_own_sign(plant):
    found = verdict.compare(plant("prototype", [50] * 3), plant("supervised", [60] * 3))
    low, high = (found.row()[name] for name in ("low", "high"))
    assert high < 0 and found.verdict() == verdict.HURT
    assert f"95 % interval {-high:.1f} to {-low:.1f}" in found.sentence()
    assert "worse for: background, cow, sheep" in found.sentence()


def test_no_difference_cannot_be_told(plant):
    found = verdict.compare(plant("prototype", [60] * 3), plant("supervised", [60] * 3))
    assert found.sentence().startswith("can't tell: ") and found.row()["low"] < 0 < found.row()["high"]


def test_one_seed_speaks_of_images_only(plant):
    found = verdict.compare(plant("prototype", [70] * 3, seeds=1), plant("supervised", [60] * 3, seeds=1))
    assert found.verdict() == verdict.HELPED
    assert "one seed: the interval covers the images, not the spread of training" in found.sentence()


def test_seeds_that_only_one_has_are_left_out(plant):
    found = verdict.compare(plant("prototype", [70] * 3, seeds=4), plant("supervised", [60] * 3, seeds=2))
    assert found.row()["seeds"] == "0 1"
    assert "no score of both for seed 2, 3, left out" in found.sentence()


def test_unequal_budgets_are_said(plant):
    lists = {"labeled": "other", "val": "v"}
    found = verdict.compare(
        plant("prototype", [70] * 3), plant("supervised-equal-compute", [60] * 3, lists=lists, labels=60)
    )
    assert (found.row()["equal_steps"], found.row()["equal_labels"]) == (False, False)
    assert "steps are not equal (1,400 and 3,600), so that the compute is; " in found.sentence()
    assert "labelled images are not the same (30 and 60)" in found.sentence()


@pytest.mark.parametrize(
    ("variant", "control", "equal"),
    [
        ("prototype", "supervised-equal-compute", True),
        ("prototype-long", "supervised-equal-compute-long", True),
        ("unimatch", "supervised-equal-compute-unimatch", True),
        ("prototype-long", "supervised-equal-compute", False),
        ("prototype", "supervised-equal-compute-unimatch", False),
        ("supervised", "supervised-equal-compute", False),
        ("supervised-equal-compute", "supervised", False),
        ("supervised-equal-compute-long", "supervised-equal-compute", False),
    ],
)
def test_only_a_control_of_compute_takes_as_much(variant, control, equal):
    assert verdict.is_control_of_compute(control, variant) == equal


def test_other_validation_images_are_refused(plant):
    with pytest.raises(UserError, match="supervised/seed0: not the validation images or classes of"):
        verdict.compare(plant("prototype", [70] * 3), plant("supervised", [60] * 3, images=1))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((value, "it does not give the scores of metrics.json") for value in ("-1", "10000000")),
        *((value, f"intersection is {value} in row 2") for value in ("nan", "x")),
    ],
)
def test_pixels_that_cannot_be_are_refused(plant, value, words):
    more, less = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    path = less[0].folder / "images.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[1, "intersection"] = value
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match=rf"supervised/seed0/images\.csv: damaged, {words}; delete"):
        verdict.compare(more, less)


@pytest.mark.parametrize("lost", [slice(-1, None), slice(20, 25), slice(0, None, 3)])
def test_lost_lines_are_no_gain(plant, lost):
    more, less = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    path = less[0].folder / "images.csv"
    table = pd.read_csv(path)
    table.drop(index=table.index[lost]).to_csv(path, index=False)
    with pytest.raises(UserError, match=r"images\.csv: damaged, it does not give the scores of metrics\.json"):
        verdict.compare(more, less)


def test_an_image_of_void_alone_has_no_line_and_an_image_too_many_is_damage(plant):
    runs = [plant(variant, [60] * 3) for variant in ("prototype", "supervised")]
    one_more, one_less = ([[run.model_copy(update={"images": n}) for run in own] for own in runs] for n in (61, 59))
    assert verdict.compare(*one_more).row()["gain"] == verdict.compare(*runs).row()["gain"]
    with pytest.raises(UserError, match=r"images\.csv: damaged"):
        verdict.compare(*one_less)


def test_other_masks_of_the_same_images_are_refused(plant):
    more, less = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    path = less[0].folder / "images.csv"
    table = pd.read_csv(path)
    table.loc[4, "pixels"] -= 1
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match="supervised/seed0: not the validation images or classes of"):
        verdict.compare(more, less)


def test_other_networks_and_windows_are_said(plant):
    window = {"size": 769, "stride": 513}
    less = plant("supervised", [60] * 3, encoder="resnet101", window=window, lists={"labeled": "30", "val": "w"})
    sentence = verdict.compare(plant("prototype", [70] * 3), less).sentence()
    assert "encoders are not the same (small and resnet101)" in sentence
    assert "they were not scored with the same window" in sentence
    assert "labelled images" not in sentence  # only the file of the validation list is another


def test_one_is_not_compared_with_itself(tmp_path):
    with pytest.raises(UserError, match="prototype: named twice"):
        list(verdict.lines("prototype", "prototype", tmp_path))


def test_a_folder_is_not_compared_with_itself_under_another_name(plant, results):
    folder = plant("prototype", [70] * 3)[0].folder.parent
    with pytest.raises(UserError, match="prototype/seed0: named twice"):
        list(verdict.lines("prototype", f"{folder}/", results.root / "eval"))


def test_a_class_that_no_image_shows_has_no_gain(results):
    folders = results.grid({"prototype": [60.0, 61.0], "supervised": [50.0, 51.0]})
    tables(folders, results.tables)
    classes = read_table(results.tables / "verdict_classes.csv").set_index("class")
    assert classes["verdict"].to_dict() == {"background": "better", "cat": "better", "None": "not known"}
    assert classes["gain"].isna().to_dict() == {"background": False, "cat": False, "None": True}


def test_controls_that_were_run_stand_beside(plant):
    runs = plant("prototype", [70] * 3) + plant("consistency-equal-loss", [72] * 3)
    table, _ = verdict.verdicts(runs)
    answers = table.set_index("subtrahend")
    assert answers.loc["consistency-equal-loss", "sentence"].startswith("hurt by ")
    missing = answers.loc["supervised-equal-compute"]
    assert missing["verdict"] == "not known" and pd.isna(missing["gain"])
    folder = runs[0].folder.parents[1]
    assert (
        f"`snakemake --cores all -- {folder}/supervised-equal-compute/seed{{0,1,2}}/receipt.json` and"
        in missing["sentence"]
    )
    assert "`semiproto compare prototype supervised-equal-compute`" in missing["sentence"]


def test_other_variants_are_ablations(plant):
    table, _ = verdict.verdicts(plant("prototype", [70] * 3) + plant("no-cutmix", [60] * 3))
    row = table[table["minuend"] == "no-cutmix"].iloc[0]
    assert (row["question"], row["subtrahend"], row["verdict"]) == ("What does no-cutmix change?", "prototype", "hurt")


def test_variants_that_share_an_ending_are_compared_with_each_other(plant):
    scores = {"supervised": 50, "supervised-long": 60, "prototype-long": 70, "prototype-long-tau-0.9": 68}
    scores |= {"prototype-tau-0.9": 40, "consistency-equal-loss-long": 65}
    table, _ = verdict.verdicts([run for variant, miou in scores.items() for run in plant(variant, [miou] * 3)])
    asked = table.set_index(["minuend", "subtrahend"])
    assert asked.loc[("prototype-long", "supervised-long"), "question"] == "Did the unlabelled images help? (long)"
    assert asked.loc[("prototype-long", "supervised-long"), "gain"] == pytest.approx(10, abs=1)
    assert asked.loc[("supervised-long", "supervised"), "question"] == "What does supervised-long change?"
    assert asked.loc[("prototype-tau-0.9", "prototype"), "verdict"] == "not known"
    assert asked.loc[("prototype-long", "consistency-equal-loss-long"), "gain"] == pytest.approx(5, abs=1)
    assert asked.loc[("consistency-equal-loss-long", "consistency-equal-loss"), "verdict"] == "not known"
    assert asked.loc[("prototype-long-tau-0.9", "prototype-long"), "gain"] == pytest.approx(-2, abs=1)
    assert len(asked) == len(verdict.QUESTIONS) + 5 + 2
    assert list(asked.index.get_level_values("minuend")[-7:-2]) == list(scores)[1:]


def test_the_command_compares_variants_and_folders(plant, results):
    more, less = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    by_name = list(verdict.lines("prototype", "supervised", results.root / "eval"))
    assert by_name[0] == "digits, 30 labelled images: prototype over supervised"
    assert by_name[1].startswith("  helped by ")
    assert "  seeds 0 1 2; 60 validation images; steps equal, labelled images equal" in by_name
    assert sum("not known: " in line for line in by_name) == 2  # the two controls
    folders = more[0].folder.parent, less[0].folder.parent
    assert list(verdict.lines(*map(str, folders), results.root / "gone")) == by_name
    (one, *_) = [
        line for line in verdict.lines(str(more[1].folder), "supervised", results.root / "eval") if "seed" in line
    ]
    assert "one seed" in one


def test_folders_from_where_one_stands_and_copies(plant, results, monkeypatch):
    more, less = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    monkeypatch.chdir(more[0].folder)
    here = list(verdict.lines(".", "../../supervised/seed0", results.root / "gone"))
    assert here[1].startswith("  helped by ") and sum("not known: " in line for line in here) == 2
    for name, run in (("A", more[0]), ("B", less[0])):
        shutil.copytree(run.folder, results.root / "copies" / name)
    copies = list(verdict.lines(*(str(results.root / "copies" / name) for name in "AB"), results.root / "gone"))
    assert copies == here[: len(copies)] and len(copies) == len(here) - 2


def test_other_data_sets_have_nothing_in_common(plant, results):
    folders = [plant("prototype", [70] * 3), plant("supervised", [60] * 3, dataset="letters")]
    with pytest.raises(UserError, match="evaluated on no split in common"):
        list(verdict.lines(*(str(runs[0].folder.parent) for runs in folders), results.root / "eval"))


def test_an_end_close_to_zero_keeps_its_sign():
    values = (-1.17, -0.02, 0.02, -0.001, 0.0, 0.04, 0.05, np.nan)
    assert [verdict.signed(v) for v in values] == ["−1.2", "−0.02", "+0.02", "+0.0", "+0.0", "+0.04", "+0.1", ""]


def test_what_was_not_evaluated_is_named(plant, results):
    plant("prototype", [70] * 3)
    with pytest.raises(UserError, match=r"protoype: no evaluation; .*\(prototype\)"):
        list(verdict.lines("protoype", "prototype", results.root / "eval"))


def test_splits_that_have_nothing_in_common(plant, results):
    plant("prototype", [70] * 3)
    for split in ("10", "20"):
        results.run("supervised", 0, 50.0, split=split)
    with pytest.raises(UserError, match="evaluated on no split in common"):
        list(verdict.lines("prototype", "supervised", results.root / "eval"))


def test_whether_the_prototypes_add_to_a_recipe(plant, results):
    scores = {"supervised": 50, "unimatch": 60, "unimatch-prototype": 64, "unimatch-equal-loss": 58}
    scores |= {"supervised-equal-compute-unimatch": 52, "prototype": 55}
    table, _ = verdict.verdicts([run for variant, miou in scores.items() for run in plant(variant, [miou] * 3)])
    asked = table.set_index(["minuend", "subtrahend"])
    assert asked.loc[("unimatch-prototype", "unimatch"), "question"] == "Do the prototypes add to unimatch?"
    assert asked.loc[("unimatch-prototype", "unimatch-equal-loss"), "gain"] == pytest.approx(6, abs=1)
    assert asked.loc[("unimatch", "supervised"), "question"] == "Does unimatch help?"
    assert asked.loc[("unimatch", "supervised-equal-compute-unimatch"), "gain"] == pytest.approx(8, abs=1)
    assert ("unimatch", "prototype") not in asked.index
    lines = list(verdict.lines("unimatch-prototype", "unimatch", results.root / "eval"))
    assert lines[1].startswith("  Do the prototypes add to unimatch? helped by ")
    assert lines[-1].startswith("  Do the prototypes add more to unimatch than just twice the loss? helped by ")
    lines = list(verdict.lines("unimatch", "supervised", results.root / "eval"))
    assert lines[-1].startswith("  Does unimatch help more than the same compute on labelled images? helped by ")


def test_runs_that_are_left_out_are_said_and_do_not_count(plant, results):
    more, _ = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    reasons = {more[2].folder: "params.yaml does not ask for it"}
    found = list(verdict.lines("prototype", "supervised", results.root / "eval", reasons))
    assert any(line.startswith("  seeds 0 1;") for line in found)
    assert found[-1] == f"left out: {more[2].folder}: params.yaml does not ask for it"


def test_a_variant_of_which_all_runs_are_left_out_is_one_line(plant, results, one_line):
    more, _ = plant("prototype", [70] * 3), plant("supervised", [60] * 3)
    reasons = {run.folder: "not sound: semi.steps was 8, params.yaml says 80" for run in more}
    with pytest.raises(UserError) as error:
        list(verdict.lines("prototype", "supervised", results.root / "eval", reasons))
    one_line(error, more[0].folder, "semi.steps was 8", "snakemake --cores all")
