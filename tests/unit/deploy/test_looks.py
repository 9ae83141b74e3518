"""What is kept is given back to the bit, and a damaged file is said."""

import numpy as np
import pytest

from semiproto.deploy.looks import Look, opened
from semiproto.errors import UserError

LOOK = Look(np.uint64(2**63 + 5), np.array([1.5, -0.1], dtype=np.float32), np.array([3e-8], dtype=np.float32))


def never():
    raise AssertionError("looked again")


def test_a_look_is_made_once(tmp_path):
    file = tmp_path / "work/looks.sqlite"
    with opened(file) as looks:
        assert not looks.has("a") and looks.get("a", lambda: LOOK) is LOOK
    with opened(file) as looks:
        found = looks.get("a", never)
    assert looks is not None and found.picture == LOOK.picture
    np.testing.assert_array_equal(found.numbers, LOOK.numbers)
    np.testing.assert_array_equal(found.descriptor, LOOK.descriptor)


def test_a_look_that_fails_leaves_nothing(tmp_path):
    with opened(tmp_path / "looks.sqlite") as looks:
        with pytest.raises(AssertionError):
            looks.get("a", never)
        assert not looks.has("a")


def test_a_damaged_file_is_named_and_deleting_it_helps(tmp_path, one_line):
    file = tmp_path / "looks.sqlite"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(UserError) as error, opened(file):
        pass
    one_line(error, file, "delete it")
    file.unlink()
    with opened(file) as looks:
        assert not looks.has("a")
