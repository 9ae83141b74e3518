"""GeoTIFFs: read by rows, written with the same place, the same classes as of the picture in memory."""

import sys

import numpy as np
import pytest
import torch

from semiproto.data.images.pixels import PixelFormat
from semiproto.data.layout import read_mask
from semiproto.deploy import scene
from semiproto.deploy.files import Options
from semiproto.deploy.predict import predict_files
from semiproto.model.folder import MODEL, Card, save_weights, write_card
from semiproto.model.network import SegmentationNetwork
from semiproto.params import NormalisationParams

rasterio = pytest.importorskip("rasterio", reason="needs the extra geo")
from rasterio.transform import Affine  # noqa: E402 - only where rasterio is installed

PLACE = Affine(0.5, 0.1, 431_000.0, 0.1, -0.5, 5_412_000.0)
CRS = "EPSG:32632"
CLASSES = ["soil", "water", "wood", "road"]
BANDS = 4
WINDOW = 64
NORMALISATION = NormalisationParams(mean=[0.485, 0.456, 0.406, 0.4], std=[0.229, 0.224, 0.225, 0.2])


@pytest.fixture(scope="module")
def model(tiny, tmp_path_factory):
    """A model of four bands whose classes differ from place to place."""
    torch.manual_seed(0)
    net = SegmentationNetwork(tiny.model, len(CLASSES), pretrained=False, bands=BANDS)
    net.normalise_by(NORMALISATION)
    for _ in range(20):
        net(torch.randint(256, (4, BANDS, 32, 32), dtype=torch.uint8))
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.mul_(30)
    folder = tmp_path_factory.mktemp("scenes") / "model"
    write_card(folder, Card(CLASSES, tiny.model, {}, None, NORMALISATION, PixelFormat(bands=BANDS)))
    save_weights(folder / MODEL, net)
    return folder


def values_of(height, width, bands=BANDS):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (bands, -(-height // 8), -(-width // 8)))
    fine = rng.integers(0, 56, (bands, height, width))
    return (coarse.repeat(8, 1).repeat(8, 2)[:, :height, :width] + fine).astype(np.uint8)


def write(path, values, transform=PLACE, **options):
    count, height, width = values.shape
    shape = {"width": width, "height": height, "count": count, "dtype": values.dtype.name}
    place = {"crs": CRS, "transform": transform} if transform else {}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place, **options) as file:
        file.write(values)
    return path


def read(path):
    with rasterio.open(path) as file:
        return file.read(1)


@pytest.mark.parametrize("options", [{}, {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "lzw"}])
def test_the_mask_has_the_transform_and_the_coordinate_system_of_the_scene(model, tmp_path, options):
    image = write(tmp_path / "field.tif", values_of(150, 170), **options)
    outcome = predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    assert outcome.written == 1 and not outcome.unreadable
    with rasterio.open(image) as before, rasterio.open(tmp_path / "out/field.tif") as after:
        assert (after.transform, after.crs, after.shape) == (before.transform, before.crs, before.shape)
        assert after.transform == PLACE and after.crs == rasterio.CRS.from_string(CRS)
        assert after.count == 1 and after.dtypes == ("uint8",)
        assert after.colormap(1)[1] == (128, 0, 0, 255)
    assert len(np.unique(read(tmp_path / "out/field.tif"))) > 2


def test_a_world_file_gives_a_scene_its_place(model, tmp_path):
    image = write(tmp_path / "a.tif", values_of(40, 50), transform=None)
    (tmp_path / "a.tfw").write_text("0.5\n0\n0\n-0.5\n431000.25\n5411999.75\n")
    predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    with rasterio.open(tmp_path / "out/a.tif") as file:
        assert file.transform == Affine(0.5, 0, 431_000.0, 0, -0.5, 5_412_000.0)


def test_a_scene_whose_place_was_corrected_is_made_again(model, tmp_path):
    image, place = write(tmp_path / "a.tif", values_of(40, 50), transform=None), tmp_path / "a.tfw"
    for left in (431000.25, 431007.25):
        place.write_text(f"0.5\n0\n0\n-0.5\n{left}\n5411999.75\n")
        assert predict_files(model, [image], tmp_path / "out", Options(window=WINDOW)).written == 1
        assert predict_files(model, [image], tmp_path / "out", Options(window=WINDOW)).kept == 1


def test_ground_control_points_go_with_the_mask(model, tmp_path):
    image = write(tmp_path / "a.tif", values_of(40, 50), transform=None)
    points = [rasterio.control.GroundControlPoint(r, c, 10.0 + c, 50.0 - r) for r, c in ((0, 0), (0, 50), (40, 0))]
    with rasterio.open(image, "r+") as file:
        file.gcps = points, rasterio.CRS.from_epsg(4326)
    predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    with rasterio.open(tmp_path / "out/a.tif") as file:
        found, crs = file.gcps
    assert crs == rasterio.CRS.from_epsg(4326)
    assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]


@pytest.mark.parametrize("shape", [(150, 170), (64, 64), (200, 40), (30, 200), (5, 7)])
def test_a_scene_has_the_classes_of_the_same_picture_without_a_place(model, tmp_path, shape):
    """Which is read whole and goes through the network as any image does."""
    values = values_of(*shape)
    predict_files(model, [write(tmp_path / "a.tif", values)], tmp_path / "out", Options(window=WINDOW))
    plain = write(tmp_path / "b.tif", values, transform=None)
    predict_files(model, [plain], tmp_path / "out", Options(window=WINDOW))
    np.testing.assert_array_equal(read(tmp_path / "out/a.tif"), read_mask(tmp_path / "out/b.png"))


def test_at_seams_the_classes_are_those_of_a_crop_around_them(model, tmp_path):
    """A crop whose corner is a corner of a window has the same windows; pixels that these alone cover are equal."""
    stride = WINDOW * 2 // 3
    values = values_of(6 * stride + WINDOW, 7 * stride + WINDOW)
    predict_files(model, [write(tmp_path / "whole.tif", values)], tmp_path / "out", Options(window=WINDOW))
    whole = read(tmp_path / "out/whole.tif")
    for row, column in ((1, 1), (2, 4), (3, 2)):
        top, left, side = row * stride, column * stride, 2 * stride + WINDOW
        crop = write(tmp_path / "crop.tif", values[:, top : top + side, left : left + side])
        predict_files(model, [crop], tmp_path / "out", Options(window=WINDOW))
        inner = slice(WINDOW - stride, side - (WINDOW - stride))  # outside, windows of the whole reach in
        found = read(tmp_path / "out/crop.tif")[inner, inner]
        expected = whole[top : top + side, left : left + side][inner, inner]
        np.testing.assert_array_equal(found, expected)
        assert len(np.unique(found)) > 2


def test_only_rows_of_a_window_are_read_at_once(model, tmp_path, monkeypatch):
    asked = []
    rows = scene.Scene.rows
    monkeypatch.setattr(scene.Scene, "rows", lambda self, top, end: asked.append(end - top) or rows(self, top, end))
    image = write(tmp_path / "a.tif", values_of(400, 50))
    predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    assert max(asked) == WINDOW and len(asked) > 5


def test_overlay_and_confidence_are_geotiffs_too(model, tmp_path):
    image = write(tmp_path / "a.tif", values_of(100, 120))
    predict_files(model, [image], tmp_path / "out", Options(window=WINDOW, overlay=True, confidence=True))
    for name, count in (("overlay/a.tif", 3), ("confidence/a.tif", 1)):
        with rasterio.open(tmp_path / "out" / name) as file:
            assert (file.count, file.transform, file.shape) == (count, PLACE, (100, 120))
    assert len(np.unique(read(tmp_path / "out/confidence/a.tif"))) > 20


def test_pixels_of_which_nothing_is_known_are_void(model, tmp_path):
    values = values_of(100, 120).clip(1)
    values[:, :30, :40] = 0
    image = write(tmp_path / "a.tif", values, nodata=0)
    predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    found = read(tmp_path / "out/a.tif")
    assert (found[:30, :40] == 255).all() and (found[30:] != 255).all()
    with rasterio.open(tmp_path / "out/a.tif") as file:
        assert file.nodata == 255


def test_a_finished_scene_is_kept_and_another_model_makes_it_again(model, tmp_path, tiny):
    image = write(tmp_path / "a.tif", values_of(70, 80))
    assert predict_files(model, [image], tmp_path / "out", Options(window=WINDOW)).written == 1
    assert predict_files(model, [image], tmp_path / "out", Options(window=WINDOW)).kept == 1
    assert predict_files(model, [image], tmp_path / "out", Options(window=WINDOW + 1)).written == 1


@pytest.mark.parametrize("kept", [60, 4000, -3000])
def test_a_damaged_scene_is_skipped_and_leaves_nothing(model, tmp_path, kept):
    image = write(tmp_path / "a.tif", values_of(100, 120))
    image.write_bytes(image.read_bytes()[:kept])
    outcome = predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    assert outcome.written == 0 and str(image) in outcome.unreadable[0]
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("bands", "dtype"), [(3, "uint8"), (5, "uint8"), (4, "uint16")])
def test_a_scene_of_other_bands_or_depth_is_skipped_and_said(model, tmp_path, bands, dtype):
    image = write(tmp_path / "a.tif", values_of(40, 50, bands).astype(dtype))
    outcome = predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    assert outcome.written == 0 and len(outcome.unreadable) == 1
    assert ("bits" if dtype == "uint16" else f"{bands} bands") in outcome.unreadable[0]


def test_deep_scenes_are_scaled_by_the_range_of_the_card(model, tmp_path, tiny):
    values = values_of(100, 120)
    predict_files(model, [write(tmp_path / "a.tif", values)], tmp_path / "out", Options(window=WINDOW))
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / MODEL).write_bytes((model / MODEL).read_bytes())
    form = PixelFormat(bands=BANDS, kind="integer", low=[1000.0] * BANDS, high=[1000.0 + 255 * 8] * BANDS)
    write_card(folder, Card(CLASSES, tiny.model, {}, None, NORMALISATION, form))
    deep = write(tmp_path / "b.tif", values.astype(np.uint16) * 8 + 1000)
    predict_files(folder, [deep], tmp_path / "out", Options(window=WINDOW))
    np.testing.assert_array_equal(read(tmp_path / "out/b.tif"), read(tmp_path / "out/a.tif"))


def test_without_rasterio_a_scene_is_skipped_with_the_remedy(model, tmp_path, monkeypatch):
    image = write(tmp_path / "a.tif", values_of(40, 50))
    monkeypatch.setitem(sys.modules, "rasterio", None)
    outcome = predict_files(model, [image], tmp_path / "out", Options(window=WINDOW))
    assert "pip install 'semiproto[geo]'" in outcome.unreadable[0]
