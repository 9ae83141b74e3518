"""Python's search for cycles, which looks at all objects again and again while a million are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Leaves the search out in the block, or in the function that it decorates: a tenth to a quarter of the time of
    reading a folder of 200,000 images. Counts of references free what is in no cycle, as ever."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()
