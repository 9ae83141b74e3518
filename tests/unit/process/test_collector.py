"""The search for cycles is left out while a block or a function runs, and is afterwards as it was before."""

import gc

import pytest

from semiproto.process.collector import no_search_for_cycles


@pytest.mark.parametrize("searched", [True, False])
def test_the_search_is_as_it_was_also_after_an_error(searched):
    was = gc.isenabled()
    (gc.enable if searched else gc.disable)()
    try:
        with pytest.raises(KeyError), no_search_for_cycles():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == searched
        assert no_search_for_cycles()(gc.isenabled)() is False
        assert gc.isenabled() == searched
    finally:
        (gc.enable if was else gc.disable)()
