"""What `init` says that it assumed."""

import numpy as np
import pytest
from PIL import Image

from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_odd_names_are_told_with_the_ids_they_get(base, discovered):
    (base / "images/photo9.png").rename(base / "images/my photo.png")
    _, said = discovered(base)
    assert "images whose id is made from their name: 1, such as my_photo-" in said and "for my photo.png" in said


def test_faults_do_not_stop_init_and_are_pointed_at(base, discovered):
    (base / "masks/photo0.png").write_bytes(b"")
    (base / "masks/stray.png").write_bytes((base / "masks/photo1.png").read_bytes())
    (base / "classes.txt").unlink()
    source, said = discovered(base)
    assert source.classes == ["background", "class1"]
    assert "warnings about names and lists: 1; `semiproto check-data` names them" in said


def test_masks_that_are_all_jpegs_stop_init(base, one_line):
    for path in (base / "masks").iterdir():
        Image.fromarray(255 * np.array(Image.open(path))).save(path.with_suffix(".jpg"))
        path.unlink()
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "masks/photo0.jpg", "more files", "export the masks again as PNG")
