"""What an entry must have."""

import pytest

from semiproto.data.published.entry import Published, Remote, Split


@pytest.mark.parametrize("checksum", ["", "sha256:", "sha256:abc", "md5:" + "0" * 64, "sha1:" + "0" * 40, "0" * 64])
def test_a_file_without_a_checksum_cannot_be_entered(checksum):
    with pytest.raises(ValueError, match=r"a\.tar"):
        Remote("a.tar", checksum, 1)


def test_training_ids_are_those_of_every_split_but_not_of_validation():
    file = Remote("a.txt", "md5:" + "0" * 32, 1)
    pairs = {Split("one", 1, file, file): (["a"], ["b", "c"]), Split("two", 1, file, file): (["b"], ["d"])}
    assert Published(["v"], pairs).training() == {"a", "b", "c", "d"}
