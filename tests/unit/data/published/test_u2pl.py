"""The published lists: where they are, and which make a split."""

from semiproto.data.published import u2pl

FILES = {f"{labels}/{part}": (labels, f"{labels:064x}") for labels in (2, 5) for part in ("labeled", "unlabeled")}


def test_a_list_has_our_name_and_their_addresses():
    (remote, *_) = u2pl.lists("voc", "pascal", FILES).values()
    assert remote.name == "splits/voc/2/labeled.txt"
    assert (remote.checksum, remote.size) == (f"sha256:{2:064x}", 2)
    assert len(set(remote.sources)) == 2
    assert all(source.endswith("/data/splits/pascal/2/labeled.txt") for source in remote.sources)


def test_splits_are_made_of_their_own_lists():
    lists = u2pl.lists("voc", "pascal", FILES)
    first, second = u2pl.splits("classic", lists, 5, 2)
    assert (first.family, first.labels, second.labels) == ("classic", 5, 2)
    assert (first.labeled, first.unlabeled) == (lists["5/labeled"], lists["5/unlabeled"])
    assert (second.labeled, second.unlabeled) == (lists["2/labeled"], lists["2/unlabeled"])
