"""The folder that tests of a user's own data begin with."""

import pytest
from PIL import Image

from pipeline import own_folder


@pytest.fixture
def base(tmp_path):
    """An own folder whose images are JPEGs, as a user's are."""
    base = own_folder.make(tmp_path / "own")
    for path in (base / "images").iterdir():
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    return base
