"""A folder that cannot be read is one line that says what to do."""

import shutil

import pytest

from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


@pytest.mark.parametrize(("remove", "words"), [("images", "no folder of images"), ("masks", "no folder of masks")])
def test_what_is_not_there_is_asked_for(base, remove, words, one_line):
    shutil.rmtree(base / remove)
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base, words)


def test_a_project_of_via_3_is_one_line(base, one_line):
    shutil.rmtree(base / "masks")
    (base / "via.json").write_text(
        '{"project": {}, "config": {}, "attribute": {}, "file": {}, "metadata": {}, "view": {}}'
    )
    with pytest.raises(UserError) as error:
        discover(base, "own")
    one_line(error, base / "via.json", "VIA 3", "COCO")
