"""The same pixels for each variant, and the same picture twice."""

import pandas as pd
import pytest
import torch
from made_up import write_receipt

from semiproto.model import folder as model_folder
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import TsneConfig, TsneParams
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.job import Inputs, Job
from semiproto.steps.results.tsne import tsne


@pytest.fixture
def looked(make_net, digits_root, ids, shipped, tiny, tmp_path):
    """Runs the step on three variants, two of them the same network; returns its folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "files").symlink_to(digits_root)
    (tmp_path / "split").mkdir()
    (tmp_path / "split" / "val.txt").write_text("\n".join(ids["train"]) + "\n")
    models = {name: tmp_path / name / "seed0" for name in ("supervised", "consistency", "prototype")}
    for seed, folder in zip((0, 1, 1), models.values(), strict=True):
        bank = PrototypeBank(7, 2, 8)
        bank.prototypes.copy_(torch.rand(7, 2, 8, generator=torch.Generator().manual_seed(seed)))
        model_folder.write_card(folder, model_folder.Card([f"c{n}" for n in range(7)], tiny.model, {}))
        model_folder.save_student(folder, make_net(seed), bank if folder.parent.name == "prototype" else None)
    for folder in (tmp_path / "data", tmp_path / "split", *models.values()):
        write_receipt(folder, "made", outputs={}, config={}, inputs=[], seed=None, seconds=0)

    def run(out, images=4):
        config = TsneConfig(
            tsne=TsneParams(variants=list(models), images=images, pixels_per_class=6, perplexity=5, seed=3)
        )
        folder = tmp_path / out / "seed0"
        inputs = Inputs(data=tmp_path / "data", split=tmp_path / "split", model=models.values())
        tsne(Job(config, inputs, folder, shipped.compute, 0))
        return folder

    return run


def test_the_same_pixels_in_each_panel_and_the_same_picture_twice(looked):
    folder, again = looked("one"), looked("two")
    for name in ("points.csv", "compactness.csv"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()
    points = pd.read_csv(folder / "points.csv")
    pixels = {name: own[own["kind"] == "pixel"] for name, own in points.groupby("variant")}
    assert (points["kind"] == "prototype").sum() == 7 * 2
    assert set(points[points["kind"] == "prototype"]["variant"]) == {"prototype"}
    for own in pixels.values():
        assert list(own["class"]) == list(pixels["supervised"]["class"])
        assert own["class"].value_counts().max() == 6
    numbers = pd.read_csv(folder / "compactness.csv").set_index(["variant", "space", "class"]).sort_index()
    same = numbers.loc["consistency", "features"]  # one network, one set of pixels: one set of numbers
    pd.testing.assert_frame_equal(same, numbers.loc["prototype", "features"])
    assert not same.equals(numbers.loc["supervised", "features"])
    assert set(read_receipt(folder)["outputs"]) == {"points.csv", "compactness.csv"}
