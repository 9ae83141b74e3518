"""What a model says of one picture: `predict`'s mask, the heads and the prototypes, in bounded time and memory."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from semiproto.data import layout
from semiproto.deploy.demo import looking
from semiproto.deploy.files import Options
from semiproto.deploy.predict import predict_files
from semiproto.errors import UserError
from semiproto.model.folder import MODEL, Card, bank_of, save_student, save_weights, write_card


@pytest.fixture
def model(tmp_path, tiny, confident):
    """A model with a bank of three prototypes a class."""
    write_card(tmp_path / "model", Card([f"class{n}" for n in range(7)], tiny.model, {}))
    save_weights(tmp_path / "model" / MODEL, confident)
    prototypes = torch.randn(7, 3, confident.dim, generator=torch.Generator().manual_seed(0))
    save_student(tmp_path / "model", confident, bank_of(prototypes))
    return tmp_path / "model"


def picture(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


@pytest.fixture
def turned(digits_root):
    """A photograph, higher than wide, whose file is stored lying."""
    image = Image.open(next(iter(layout.images_by_id(digits_root / layout.IMAGES).values()))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(image.resize((90, 60)), format="JPEG", quality=95, exif=exif)


def test_the_mask_is_predicts_and_turned_as_the_camera_says(model, turned, tmp_path):
    (tmp_path / "a.jpg").write_bytes(turned)
    predict_files(model, [tmp_path / "a.jpg"], tmp_path / "masks", Options())
    found = looking.Viewer(model).look("a.jpg", turned)
    mask = picture(found.mask)
    assert found.size == found.looked_at == (60, 90) and mask.shape == (90, 60)
    np.testing.assert_array_equal(mask, layout.read_mask(tmp_path / "masks/a.png"))
    assert [one["share"] for one in found.classes] == [pytest.approx((mask == n).mean()) for n in range(7)]
    assert [picture(view["src"]).shape[:2] for view in found.views] == [(90, 60)] * 5


def test_each_pixel_has_one_prototype(model, turned):
    found = looking.Viewer(model).look("a.jpg", turned)
    shares = [one["share"] for one in found.prototypes]
    assert sum(shares) == pytest.approx(1) and shares == sorted(shares, reverse=True) and len(shares) > 1
    under = picture(found.views[0]["src"])
    lit = sum((picture(one["src"]) == under).all(axis=2) & (under.min(axis=2) > 0) for one in found.prototypes)
    assert lit.max() == 1


def test_a_model_without_prototypes_has_one_head(model, turned):
    (model / "student.safetensors").unlink()
    found = looking.Viewer(model).look("a.jpg", turned)
    assert len(found.views) == 3 and found.prototypes == []


def test_40_megapixels_are_looked_at_smaller_and_the_mask_has_all(model, monkeypatch):
    monkeypatch.setattr(looking, "MOST", 64)
    found = looking.Viewer(model).look(
        "large.png", saved(Image.new("L", (8000, 5000), 90).convert("RGB"), format="PNG")
    )
    assert found.size == (8000, 5000) and found.looked_at == (64, 40)
    assert Image.open(io.BytesIO(base64.b64decode(found.mask.partition(",")[2]))).size == (8000, 5000)


@pytest.mark.parametrize("data", [b"no picture at all", b"", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_picture_is_one_line_with_its_name(model, data, one_line):
    with pytest.raises(UserError) as error:
        looking.Viewer(model).look("notes.jpg", data)
    one_line(error, "notes.jpg: ", "cannot be read")
    assert "/" not in str(error.value)


def test_shrinking_keeps_every_band():
    image = np.stack([np.full((100, 50), value, np.uint8) for value in (10, 20, 30, 40)], axis=2)
    assert looking.shrunk(image, 100) is image
    small = looking.shrunk(image, 20)
    assert small.shape == (20, 10, 4) and small[5, 5].tolist() == [10, 20, 30, 40]
