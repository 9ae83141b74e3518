"""The fixtures of the unit tests that are needed here too."""

from unit.conftest import make_net, shipped, tiny

__all__ = ["make_net", "shipped", "tiny"]
