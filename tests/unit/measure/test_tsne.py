"""The same pixels for each variant, the same picture twice, and compactness against scikit-learn itself."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import silhouette_samples
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

from semiproto.measure.features import draw_images
from semiproto.measure.tsne import compactness, tsne
from semiproto.model import folder as model_folder
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import TsneConfig, TsneParams
from semiproto.provenance.artifacts import read_receipt, write_receipt

NAMES = ["a", "b", "c", "absent"]


@pytest.fixture
def looked(make_net, digits_root, ids, tiny, tmp_path):
    """Runs the step on three variants, two of them the same network; returns its folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "files").symlink_to(digits_root)
    (tmp_path / "split").mkdir()
    (tmp_path / "split" / "val.txt").write_text("\n".join(ids["train"]) + "\n")
    models = {name: tmp_path / name for name in ("supervised", "consistency", "prototype")}
    for seed, folder in zip((0, 1, 1), models.values(), strict=True):
        bank = PrototypeBank(7, 2, 8)
        bank.prototypes.copy_(torch.rand(7, 2, 8, generator=torch.Generator().manual_seed(seed)))
        model_folder.write_card(folder, model_folder.Card([f"c{n}" for n in range(7)], tiny.model, {}))
        model_folder.save_student(folder, make_net(seed), bank if folder.name == "prototype" else None)
    for folder in (tmp_path / "data", tmp_path / "split", *models.values()):
        write_receipt(folder, "made", outputs={}, config={}, inputs=[], seed=None, seconds=0)

    def run(out, images=4):
        config = TsneConfig(
            tsne=TsneParams(variants=list(models), images=images, pixels_per_class=6, perplexity=5, seed=3)
        )
        tsne(config, tmp_path / "data", tmp_path / "split", models, 0, tmp_path / out, torch.device("cpu"))
        return tmp_path / out

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


def test_images_are_drawn_in_the_lists_order():
    ids = [f"i{n:02}" for n in range(50)]
    drawn = draw_images(ids, 10, seed=1)
    assert len(set(drawn)) == 10 and drawn == sorted(drawn)
    assert drawn == draw_images(ids, 10, seed=1) != draw_images(ids, 10, seed=2)
    assert draw_images(ids, 100, seed=1) == ids


@pytest.mark.parametrize(("metric", "distances"), [("cosine", cosine_distances), ("euclidean", euclidean_distances)])
def test_compactness_is_scikit_learns(metric, distances):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    vectors = rng.normal(size=(200, 6)) + 2 * np.eye(3, 6)[labels] + 1
    found = compactness(vectors, labels, NAMES, metric).set_index("class")
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if metric == "cosine" else vectors
    silhouettes = silhouette_samples(vectors, labels, metric=metric)
    means = np.stack([directions[labels == c].mean(axis=0) for c in range(3)])
    ratios = []
    for c in range(3):
        within = distances(directions[labels == c], means[c : c + 1]).mean()
        between = np.mean([distances(means[c : c + 1], means[other : other + 1]) for other in range(3) if other != c])
        ratios.append(within / between)
        assert found.loc[NAMES[c], "silhouette"] == pytest.approx(silhouettes[labels == c].mean(), abs=1e-12)
        assert found.loc[NAMES[c], "within_between"] == pytest.approx(ratios[-1], rel=1e-12)
    assert found.loc["all", "silhouette"] == pytest.approx(silhouettes.mean(), abs=1e-12)
    assert found.loc["all", "within_between"] == pytest.approx(np.mean(ratios), rel=1e-12)
    assert list(found.index) == ["a", "b", "c", "all"]


def test_one_class_has_nothing_to_compare():
    found = compactness(np.ones((5, 2)), np.zeros(5, dtype=int), NAMES, "cosine")
    assert list(found["class"]) == ["all"] and found.drop(columns="class").isna().all(axis=None)
