"""The command line: one command per step of the pipeline, and the user's own. Parses, calls, prints.

Modules are imported inside the commands, so that `--help` is quick and the tables, figures and report never load torch.
"""

from semiproto.cli import handing_on, own_data, steps, trust
from semiproto.cli.app import app, main

__all__ = ["app", "handing_on", "main", "own_data", "steps", "trust"]
