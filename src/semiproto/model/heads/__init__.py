"""Heads by name. A new head is one file here and one line in HEADS: its labelled loss, its scores in the evaluation and
its column in the tables follow from its name.

The prototype head is not in HEADS, because it is no part of the network: its scores come from the bank (prototype.py).
"""

from __future__ import annotations

from semiproto.model.heads.auxiliary import AuxiliaryHead
from semiproto.model.heads.head import Head
from semiproto.model.heads.linear import LinearHead

LINEAR, PROTOTYPE = "linear", "prototype"

HEADS: dict[str, type[Head]] = {LINEAR: LinearHead, "auxiliary": AuxiliaryHead}
"""In the order in which their initial weights are drawn: add at the end."""
