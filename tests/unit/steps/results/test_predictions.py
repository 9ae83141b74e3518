"""A folder of new images in shards: the masks of one `predict`, whatever is cut off in between."""

import os

import pandas as pd
import pytest
from made_up import write_receipt
from PIL import Image

from semiproto.data import layout
from semiproto.deploy.files import Options, Shard, text_of
from semiproto.deploy.predict import predict_files
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.params import PredictConfig, PredictParams
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job
from semiproto.steps.results.predictions import predict_folder, predict_shard

SHARDS = 3


@pytest.fixture
def model(confident, tiny, tmp_path):
    model = tmp_path / "model"
    model_folder.write_card(model, model_folder.Card([f"c{n}" for n in range(7)], tiny.model, {}))
    model_folder.save_weights(model / model_folder.MODEL, confident)
    write_receipt(model)
    return model


@pytest.fixture
def new(digits_root, ids, tmp_path):
    """Eight images and one that is none."""
    (tmp_path / "new").mkdir()
    for image_id in ids["train"][:8]:
        with Image.open(digits_root / layout.IMAGES / f"{image_id}.png") as image:
            image.crop((0, 0, 32, 32)).save(tmp_path / "new" / f"{image_id}.png")
    (tmp_path / "new/broken, 'one'.png").write_text("no picture")
    return tmp_path / "new"


@pytest.fixture
def jobs(model, new, tiny, tmp_path):
    """The jobs of the shards, and the one that puts them together."""
    out = tmp_path / "predict"
    params = PredictParams(variant="supervised", folder=str(new), shards=SHARDS, window=64)
    shards = [out / f"shard{number}" for number in range(SHARDS)]
    config = PredictConfig(predict=params)
    return [
        *(Job(config, Inputs(model=model), shard, tiny.compute) for shard in shards),
        Job(config, Inputs(shard=shards), out),
    ]


def run(jobs):
    *shards, last = jobs
    for job in shards:
        predict_shard(job)
    predict_folder(last)
    return last.out


def test_the_masks_are_those_of_one_predict(jobs, model, new, tmp_path):
    out = run(jobs)
    whole = tmp_path / "whole"
    outcome = predict_files(model, [new], whole, Options(64))
    masks = {path.name: path.read_bytes() for path in whole.iterdir()}
    assert {path.name: path.read_bytes() for path in (out / "masks").iterdir()} == masks and len(masks) == 8
    table = pd.read_csv(out / "images.csv")
    assert list(table["image"]) == sorted(map(str, new.iterdir())) and set(table["mask"].dropna()) == set(masks)
    (fault,) = table["fault"].dropna()
    assert outcome.unreadable == [str(new / "broken, 'one'.png") + f": {fault}"]
    assert read_receipt(out)["facts"] == {"masks": 8, "unreadable": 1}


def test_every_image_is_in_one_shard_which_others_do_not_change(new):
    images = sorted(new.iterdir())
    parts = [Shard(number, SHARDS).share(images) for number in range(SHARDS)]
    assert sorted(image for part in parts for image in part) == images
    assert [Shard(number, SHARDS).share(images[1:]) for number in range(SHARDS)] == [
        [image for image in part if image != images[0]] for part in parts
    ]


def test_a_shard_keeps_the_masks_that_are_there(jobs):
    out = run(jobs)
    before = {path: path.stat().st_mtime_ns for path in (out / "masks").iterdir()}
    gone = next(iter(before))
    gone.unlink()
    run(jobs)
    assert {path for path in before if path.stat().st_mtime_ns != before[path]} == {gone}


def test_a_mask_that_was_edited_or_is_gone_is_named(jobs, one_line):
    out = run(jobs)
    mask = sorted((out / "masks").iterdir())[0]
    for damage in (lambda: Image.open(mask).save(mask), mask.unlink):  # an editor leaves out the text
        damage()
        with pytest.raises(UserError) as error:
            predict_folder(jobs[-1])
        one_line(error, mask, "delete", "shard")
        run(jobs)
        assert text_of(mask)


def test_an_image_that_came_meanwhile_is_named(jobs, new, one_line):
    run(jobs)
    (new / "late.png").write_bytes(next(new.glob("*[0-9].png")).read_bytes())
    with pytest.raises(UserError) as error:
        predict_folder(jobs[-1])
    one_line(error, "late.png", "run the same command again")


def test_the_mask_of_an_image_that_is_gone_goes_too(jobs, new):
    out = run(jobs)
    gone = next(new.glob("*[0-9].png"))
    gone.unlink()
    run(jobs)
    assert not (out / "masks" / gone.name).exists() and len(list((out / "masks").iterdir())) == 7


def test_an_image_that_changed_with_its_length_and_time_kept_is_predicted_again(jobs, new):
    first, second = sorted(new.glob("*[0-9].png"))[:2]
    for image in (first, second):
        Image.open(image).convert("RGB").save(image.with_suffix(".bmp"))
        image.unlink()
        os.utime(image.with_suffix(".bmp"), (1, 1))
    out = run(jobs)
    before = {path.name: path.read_bytes() for path in (out / "masks").iterdir()}
    a, b = first.with_suffix(".bmp"), second.with_suffix(".bmp")
    a.rename(new / "aside"), b.rename(a), (new / "aside").rename(b)
    run(jobs)
    now = {path.name: path.read_bytes() for path in (out / "masks").iterdir()}
    assert {name for name in now if now[name] != before[name]} == {first.name, second.name}
