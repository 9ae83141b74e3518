"""What prototypes stand for, against a search of every pixel of z by plain loops."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from semiproto.data.dataset import Images
from semiproto.data.layout import read_classes, read_image
from semiproto.errors import UserError
from semiproto.measure.patches import crop, look, patches
from semiproto.model import folder as model_folder
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import PatchesConfig, PatchesParams
from semiproto.provenance.artifacts import write_receipt

CPU = torch.device("cpu")
SIZE = 16


@pytest.fixture
def bank():
    found = PrototypeBank(7, 2, 8)
    found.prototypes.copy_(torch.rand(7, 2, 8, generator=torch.Generator().manual_seed(0)))
    return found


@pytest.fixture
def made(make_net, bank, digits_root, ids, tiny, tmp_path):
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
        patches(config, tmp_path / "data", tmp_path / "split", model, tmp_path / "out", CPU)
        return tmp_path / "out"

    return run


def test_pixels_places_and_precision_are_those_of_a_plain_search(make_net, bank, digits_root, ids):
    net, images = make_net().eval(), Images(digits_root, ids["train"][:3])
    found = look(net, bank, images, "labeled", CPU)
    prototypes = bank.prototypes.flatten(0, 1).numpy()
    prototypes = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
    pixels, right, best = np.zeros(14, int), np.zeros(14, int), {}
    for position in range(3):
        image, mask = images[position]
        with torch.no_grad():
            z = net(image[None]).representation[0].numpy()
        for i in range(z.shape[1]):
            for j in range(z.shape[2]):
                cosines = prototypes @ (z[:, i, j] / np.linalg.norm(z[:, i, j]))
                winner = int(cosines.argmax())
                row, column = (round(k * 63 / (n - 1)) for k, n in ((i, z.shape[1]), (j, z.shape[2])))
                pixels[winner] += 1
                right[winner] += int(mask[row, column]) == winner // 2
                best[winner, position] = max(best.get((winner, position), (-2,)), (float(cosines[winner]), row, column))
    assert found.pixels.tolist() == found.known.tolist() == pixels.tolist()
    assert found.right.tolist() == right.tolist()
    places = {(p, place.position): place for p, own in enumerate(found.places) for place in own}
    assert places.keys() == best.keys()
    for key, place in places.items():
        assert place.similarity == pytest.approx(best[key][0], abs=1e-5)
        assert (place.row, place.column) == best[key][1:]


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


@pytest.mark.parametrize(("row", "column", "corner"), [(0, 0, (0, 0)), (15, 20, (7, 12)), (29, 39, (14, 24))])
def test_crops_lie_inside_the_image(row, column, corner):
    image = np.arange(30 * 40 * 3).reshape(30, 40, 3)
    np.testing.assert_array_equal(crop(image, row, column, 16), image[corner[0] :, corner[1] :][:16, :16])


def test_a_small_image_is_its_own_patch():
    image = np.asarray(Image.new("RGB", (10, 40), "teal"))
    assert crop(image, 5, 5, 16).shape == (16, 10, 3)
