"""The whole experiment at its smallest: seconds a job, every rule, every variant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def params() -> dict[str, Any]:
    """params.yaml of the repository with little to do."""
    tree: dict[str, Any] = yaml.safe_load((ROOT / "experiments/embedded.yaml").read_text())
    tree["dataset"] |= {"name": "tiny", "image_size": 48, "labeled": 8, "unlabeled": 12, "validation": 6}
    tree["augment"]["crop"] = 48
    for phase, steps in (("pretrain", 6), ("semi", 4)):
        tree[phase] |= {"steps": steps, "batch": 2, "validations": 2, "checkpoint_every": 2}
    tree["forecast"]["folds"] = 2
    tree["features"]["pixels_per_class"] = 200
    tree["prototypes"]["n_init"] = 1
    tree["variants"]["supervised-equal-compute"]["semi"]["steps"] = 6
    tree["experiments"] = [{"split": 8, "variants": ["supervised", "consistency", "prototype"], "seeds": [0, 1]}]
    tree["tsne"] |= {"pixels_per_class": 6, "perplexity": 5}
    tree["patches"] |= {"images": 6, "per_prototype": 2, "size": 16}
    return tree
