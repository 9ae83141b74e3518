"""What the step writes: tables, sheets, the same files twice."""

import numpy as np
import pandas as pd
import pytest
from made_up import write_receipt

from semiproto.data.layout import read_classes, read_image
from semiproto.errors import UserError
from semiproto.measure.patches import crop
from semiproto.model import folder as model_folder
from semiproto.params import PatchesConfig, PatchesParams
from semiproto.steps.job import Inputs, Job
from semiproto.steps.results.patches import patches

SIZE = 16


@pytest.fixture
def made(make_net, bank, digits_root, ids, shipped, tiny, tmp_path):
    """Runs the step on a tiny model with or without prototypes; returns its folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "files").symlink_to(digits_root)
    (tmp_path / "split").mkdir()
    for name, own in (("labeled", ids["train"][:4]), ("unlabeled", ids["unlabeled"][:5])):
        (tmp_path / "split" / f"{name}.txt").write_text("\n".join(own) + "\n")

    def run(with_prototypes=True):
        model = tmp_path / "model"
        model_folder.write_card(model, model_folder.Card([f"c{n}" for n in range(7)], tiny.model, {}))
        model_folder.save_student(model, make_net(), bank if with_prototypes else None)
        for folder in (tmp_path / "data", tmp_path / "split", model):
            write_receipt(folder, "made", outputs={}, config={}, inputs=[], seed=None, seconds=0)
        config = PatchesConfig(patches=PatchesParams(images=3, per_prototype=2, size=SIZE, seed=0))
        inputs = Inputs(data=tmp_path / "data", split=tmp_path / "split", model=model)
        patches(Job(config, inputs, tmp_path / "out", shipped.compute, 0))
        return tmp_path / "out"

    return run


def test_the_tables_and_the_sheets(made, digits_root):
    folder = made()
    table = pd.read_csv(folder / "prototypes.csv")
    assert table.groupby("list")["share"].sum().tolist() == pytest.approx([1, 1], abs=1e-5)
    assert table[table["list"] == "unlabeled"]["right"].isna().all()
    assert list(table["class"][:14]) == [name for name in read_classes(digits_root) for _ in range(2)]
    places = pd.read_csv(folder / "patches.csv")
    assert places.groupby(["list", "class", "prototype"])["image"].agg(["size", "nunique"]).isin([1, 2]).all(axis=None)
    assert (places.groupby(["list", "class", "prototype"])["similarity"].diff().dropna() <= 0).all()
    for name in ("labeled", "unlabeled"):
        sheet = read_image(folder / f"{name}.png")
        assert sheet.shape == (14 * SIZE, 2 * SIZE, 3)
        shown = places[places["list"] == name].iloc[0]
        index = 2 * read_classes(digits_root).index(shown["class"]) + shown["prototype"]
        image = read_image(digits_root / "JPEGImages" / f"{shown['image']}.png")
        expected = crop(image, shown["row"], shown["column"], SIZE)
        np.testing.assert_array_equal(sheet[index * SIZE : (index + 1) * SIZE, :SIZE], expected)


def test_the_same_files_twice(made):
    folder = made()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "receipt.json"}
    assert len(before) == 4
    made()
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "receipt.json"}


def test_a_run_without_prototypes_is_refused(made, one_line, tmp_path):
    with pytest.raises(UserError) as error:
        made(with_prototypes=False)
    one_line(error, tmp_path / "model", "without prototypes")
