"""Draws docs/images/dag.svg from the real rules, each in the frame of its DVC stage; needs Graphviz's `dot`.

`make dag`, or `python workflow/draw_dag.py` in the root of the checkout.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

PICTURE = Path("docs/images/dag.svg")


def snakemake(*options: str) -> str:
    return subprocess.run(["snakemake", *options], check=True, capture_output=True, text=True).stdout


def edges() -> set[tuple[str, str]]:
    """Pairs of rules: the second reads what the first makes."""
    graph = snakemake("--rulegraph", "dot")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    pairs = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", graph)}
    return {(a, b) for a, b in pairs if b != "all"}


def stages() -> dict[str, set[str]]:
    """Rules by DVC stage: a rule belongs to the stage that versions its outputs."""
    outs = {
        next(iter(out)): name
        for name, stage in yaml.safe_load(Path("dvc.yaml").read_text())["stages"].items()
        for out in stage["outs"]
    }
    found: dict[str, set[str]] = {name: set() for name in outs.values()}
    for line in snakemake("--summary").splitlines()[1:]:
        path, _, rule, *_ = line.split("\t")
        (stage,) = {name for out, name in outs.items() if Path(path).is_relative_to(out)}
        found[stage].add(rule)
    return found


def dot() -> str:
    """The picture in Graphviz's language."""
    clusters = "\n".join(
        f'subgraph "cluster_{stage}" {{ label="{stage}"; style="rounded,filled"; color="#c9d4e3"; fillcolor="#f2f5f9";'
        f" {'; '.join(sorted(rules))} }}"
        for stage, rules in stages().items()
    )
    return f"""digraph dag {{
rankdir=LR; bgcolor=white; fontname="Helvetica,sans-serif"; fontsize=11; fontcolor="#44546a"; nodesep=0.3; ranksep=0.35
node [shape=box, style="rounded,filled", fillcolor=white, color="#2f5d8a", fontname="Helvetica,sans-serif", fontsize=12]
edge [color="#7f8fa3", arrowsize=0.6]
{clusters}
{chr(10).join(f"{a} -> {b}" for a, b in sorted(edges()))}
}}
"""


if __name__ == "__main__":
    picture = subprocess.run(["dot", "-Tsvg"], input=dot(), check=True, capture_output=True, text=True).stdout
    PICTURE.write_text(picture)
