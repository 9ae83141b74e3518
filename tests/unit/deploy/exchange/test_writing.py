"""`predict --format`: from images to the files of a tool, again after an interruption, and back through `init`."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hard_masks import CLASSES, NAMES, masks
from PIL import Image
from typer.testing import CliRunner

from semiproto import params
from semiproto.cli import app
from semiproto.data import layout
from semiproto.data.own import prepare
from semiproto.deploy.exchange import writing
from semiproto.deploy.exchange.writing import WORK, WRITERS, predict_for
from semiproto.errors import UserError
from semiproto.model.folder import MODEL, Card, save_weights, write_card

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'
ROOT = Path(__file__).parents[4]
WITH_IMAGES = ("voc", "labelme", "yolo")
IMPORT = """
import sys
import datumaro, numpy
folder, kind, out, *classes = sys.argv[1:]
imported = datumaro.Dataset.import_from(folder, kind)
labels = [classes.index(one.name) for one in imported.categories()[datumaro.AnnotationType.label]]
found = {}
for item in imported:
    drawn = [one for one in item.annotations if one.type == datumaro.AnnotationType.mask]
    found[item.id] = sum(numpy.where(one.image, labels[one.label], 0) for one in drawn)
numpy.savez(out, **found)
"""


def invoke(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


# ------------------------------------------------------------------------------------------- the way back


@pytest.mark.parametrize("form", WRITERS)
def test_init_reads_what_comes_back_without_a_hand_edit(form, predictions, save, tmp_path, monkeypatch):
    """init, check-data and the prepared masks, equal to the pixel."""
    pytest.importorskip("pycocotools")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    out = save(WRITERS[form][0](predictions))
    if form == "cvat":
        zipfile.ZipFile(out / "cvat.zip").extractall(out)
        (out / "cvat.zip").unlink()
    if form not in WITH_IMAGES:
        shutil.copytree(tmp_path / "photos", out / "images")
    few = ["--set", "forecast.images=validation"]
    few += ["--set", "experiments=[{split: all, variants: [supervised], seeds: [0]}]"]
    assert invoke("init", out, *few).exit_code == 0
    assert invoke("check-data").exit_code == 0
    source = params.load(tmp_path / "params.yaml").dataset
    prepare.prepare(tmp_path / "raw", source)
    again = sorted((tmp_path / "raw" / layout.MASKS).iterdir())
    assert len(again) == len(NAMES) and sorted(source.classes) == sorted(CLASSES)
    order = np.array([source.classes.index(name) for name in CLASSES])
    truth = {
        Path(name).stem.replace(" ", "_").replace("ç", "_"): order[m] for name, m in zip(NAMES, masks(), strict=True)
    }
    for path in again:
        stem = path.stem if path.stem in truth else path.stem[: -len("-01234567")]
        np.testing.assert_array_equal(layout.read_mask(path), truth[stem])


@pytest.mark.parametrize("form", ["voc", "cvat", "coco"])  # of YOLO datumaro reads boxes, of LabelMe XML
def test_datumaro_imports_the_same_masks(form, predictions, save, tmp_path):
    """By a Python of its own, since datumaro cannot be installed beside pandas 3."""
    python = os.environ.get("DATUMARO_PYTHON")
    if python is None:
        pytest.skip("DATUMARO_PYTHON does not name a Python that has datumaro")
    out = save(WRITERS[form][0](predictions))
    if form == "cvat":
        zipfile.ZipFile(out / "cvat.zip").extractall(out)
    if form == "coco":
        shutil.copytree(tmp_path / "photos", out / "images")
    kind = "coco_instances" if form == "coco" else "voc_segmentation"
    subprocess.run([python, "-W", "ignore", "-c", IMPORT, out, kind, tmp_path / "found.npz", *CLASSES], check=True)
    truth = {Path(name).stem: mask for name, mask in zip(NAMES, masks(), strict=True)}
    with np.load(tmp_path / "found.npz") as found:
        assert set(found) == set(truth)
        for name, mask in truth.items():
            np.testing.assert_array_equal(found[name], mask)


# ------------------------------------------------------------------------------------------- the command


@pytest.fixture
def user(tmp_path, tiny, make_net, monkeypatch):
    """A model and three photographs in the working directory."""
    monkeypatch.chdir(tmp_path)
    net = make_net()
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.mul_(30)
    write_card(tmp_path / "model", Card(["background", *(f"class{n}" for n in range(6))], tiny.model, {}))
    save_weights(tmp_path / "model" / MODEL, net)
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "b c.jpg", "é.png"):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((45, 33)).save(tmp_path / "photos" / name)
    return tmp_path


def predict(form, out="out"):
    return predict_for(form, Path("model"), [Path("photos")], Path(out), 1024)


def contents(out):
    """All files but those of the work folder."""
    files = (path for path in Path(out).rglob("*") if path.is_file() and WORK not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("form", WRITERS)
def test_the_command_writes_what_the_model_says(form, user):
    result = invoke("predict", "model", "photos", "-o", "out", "--format", form)
    assert result.exit_code == 0 and f"out: predictions for {form}" in result.output.splitlines()[-1]
    assert invoke("predict", "model", "photos", "-o", "masks").exit_code == 0
    for path in Path("masks").glob("*.png"):
        np.testing.assert_array_equal(layout.read_mask(path), layout.read_mask(Path("out", WORK, path.name)))
    first = contents("out")
    assert first and predict(form).written == 0
    assert contents("out") == first


def test_an_interrupted_command_goes_on(user, monkeypatch):
    """Killed while it writes the second file for the tool: the masks are kept, and the end is the same."""
    expected = (predict("yolo", "whole"), contents("whole"))[1]
    write = writing.write_bytes
    written = []

    def killed(path, content):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    monkeypatch.setattr(writing, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        predict("yolo")
    monkeypatch.setattr(writing, "write_bytes", write)
    outcome = predict("yolo")
    assert (outcome.written, outcome.kept) == (0, 3) and contents("out") == expected


def test_corrections_are_not_overwritten(user, one_line):
    predict("labelme")
    path = Path("out/images/a.json")
    corrected = json.loads(path.read_text()) | {"shapes": []}
    path.write_text(json.dumps(corrected))
    with pytest.raises(UserError) as error:
        predict("labelme")
    one_line(error, path, "--out")
    assert json.loads(path.read_text()) == corrected
    predict("labelme", "elsewhere")  # the remedies
    path.rename("a.json")
    predict("labelme")
    assert contents("out") == contents("elsewhere")


def test_more_images_join_and_another_model_replaces_what_nobody_changed(user, make_net):
    predict("coco")
    Image.new("RGB", (20, 10)).save("photos/z.png")
    assert predict("coco").written == 1
    images = json.loads(Path("out/annotations/instances_default.json").read_text())["images"]
    assert [one["file_name"] for one in images] == ["a.png", "b c.jpg", "z.png", "é.png"]
    before = contents("out")
    save_weights(Path("model", MODEL), make_net(seed=1))
    assert predict("coco").written == 4 and contents("out") != before


def test_labels_may_go_where_the_images_are(user):
    """The images of a folder that a tool opens are theirs: nothing is copied, and nothing replaced."""
    shutil.move("photos", "set/images")
    times = {path: path.stat().st_mtime_ns for path in Path("set/images").iterdir()}
    predict_for("labelme", Path("model"), [Path("set/images")], Path("set"), 1024)
    assert sorted(Path("set/images").glob("*.json")) and {path: path.stat().st_mtime_ns for path in times} == times


def test_labels_by_hand_beside_the_images_stay(user, one_line):
    shutil.move("photos", "set/images")
    Path("set/images/a.json").write_text("{}")
    with pytest.raises(UserError) as error:
        predict_for("labelme", Path("model"), [Path("set/images")], Path("set"), 1024)
    one_line(error, "set/images/a.json", "--out")
    assert Path("set/images/a.json").read_text() == "{}"


def test_an_image_that_cannot_be_read_is_left_out_and_said(user):
    Path("photos/broken.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="could not be read: 1"):
        invoke("predict", "model", "photos", "-o", "out", "--format", "voc")
    assert Path("out/ImageSets/Segmentation/default.txt").read_text("utf-8") == "a\nb c\né\n"


@pytest.mark.parametrize("name", ["a\nb.png", "\udcff.png"])
def test_a_name_that_is_no_text_is_refused_before_anything_is_predicted(user, name, one_line):
    Path("photos/a.png").rename(Path("photos", name))
    with pytest.raises(UserError) as error:
        predict("coco")
    one_line(error, "rename it")
    assert not Path("out").exists()


def test_a_scene_is_refused_before_anything_is_predicted(user, one_line):
    rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
    place = {"crs": "EPSG:32632", "transform": rasterio.Affine(2, 0, 10, 0, -2, 50)}
    shape = {"width": 9, "height": 9, "count": 3, "dtype": "uint8"}
    with rasterio.open("photos/scene.tif", "w", driver="GTiff", **shape, **place) as file:
        file.write(np.zeros((3, 9, 9), np.uint8))
    with pytest.raises(UserError) as error:
        predict("coco")
    one_line(error, "photos/scene.tif", "without --format")
    assert not Path("out").exists()


def test_a_class_that_a_labelmap_cannot_hold_is_refused(user, tiny, one_line):
    write_card(Path("model"), Card(["background", "a:b", *"cdefg"], tiny.model, {}))
    for form in ("voc", "cvat"):
        with pytest.raises(UserError) as error:
            predict(form)
        one_line(error, "'a:b'", "card.json")
    predict("coco")


@pytest.mark.parametrize("option", ["--index", "--overlay", "--confidence"])
def test_options_for_masks_are_refused(user, option):
    with pytest.raises(UserError, match="--format voc: takes none of"):
        invoke("predict", "model", "photos", "-o", "out", "--format", "voc", option)
    assert not Path("out").exists()
