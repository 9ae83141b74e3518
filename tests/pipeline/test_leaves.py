"""Which rules depend on which parameter: every leaf of params.yaml is changed, and Snakemake asked what it would run.

`python -m pytest -s tests/pipeline/test_leaves.py` prints the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Literal, get_args, get_origin

import own_folder
import pytest
import tiny
import yaml

from semiproto import params
from semiproto.errors import UserError

TOGETHER = {
    "pretrain.epochs": {"pretrain.steps": None},
    "semi.epochs": {"semi.steps": None, "variants.supervised-equal-compute.semi": {}},
}
"""What has to change with a leaf: of steps and epochs exactly one is given."""


def leaves(tree: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of what holds a value; the first block of experiments counts as a section."""
    for key, value in tree.items():
        inner = value[0] if key == "experiments" else value
        yield from leaves(inner, f"{prefix}{key}.") if isinstance(inner, dict) and inner else [f"{prefix}{key}"]


def changed(tree: dict[str, Any], leaf: str) -> dict[str, Any]:
    """The parameters with another value of a leaf, one that is allowed."""
    section, key = section_of(tree, leaf)
    for value in others(section[key]):
        candidate = deepcopy(tree)
        for name, other in {leaf: value, **TOGETHER.get(leaf, {})}.items():
            section, key = section_of(candidate, name)
            section[key] = other
        try:
            if params.validate(candidate, leaf) != params.validate(tree, leaf):
                return candidate
        except UserError:
            continue
    raise AssertionError(f"{leaf}: no other value was found that is allowed; teach it to `others`")


def section_of(tree: dict[str, Any], leaf: str) -> tuple[dict[str, Any], str]:
    """The section that holds a leaf, and the leaf's own name."""
    *above, name = leaf.split(".")
    for key in above:
        tree = tree[key][0] if key == "experiments" else tree[key]
    return tree, name


def others(value: Any) -> Iterator[Any]:
    """Values to try instead of one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1, value * 2, value * 0.9, value + 0.1, *choices(int))
    elif isinstance(value, str):
        yield from (*choices(str), f"{value}-other")
    elif isinstance(value, list):
        more = (*tiny.params()["variants"], *others(value[-1]))
        yield from ([*value, other] for other in more if other not in value)
        yield [next(others(value[0])), *value[1:]]
        yield [value[0] * 0.9, *value[1:]]
    elif isinstance(value, dict):
        yield {"tau": 0.123}
    else:
        yield from ("timm", 1, [1, 2, 4], [[1, 2, 3], [4, 5, 6]], {"size": 32, "stride": 16})


def choices(kind: type) -> list[Any]:
    """Every word, or number, that some parameter offers."""
    fields = [field for section in sections(params.Section) for field in section.model_fields.values()]
    return [choice for field in fields for choice in offered(field.annotation) if isinstance(choice, kind)]


def sections(base: type[params.Section]) -> Iterator[type[params.Section]]:
    for section in base.__subclasses__():
        yield section
        yield from sections(section)


def offered(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for part in get_args(annotation) for choice in offered(part)]


@pytest.fixture(scope="module")
def effects(finished, tmp_path_factory):
    """What Snakemake would run after one leaf was changed, by leaf."""
    checkout, found = finished.copy(tmp_path_factory.mktemp("leaves") / "checkout"), {}
    tree = json.loads(json.dumps(tiny.params()))  # where the file has an alias, two sections of their own
    with checkout.asking() as ask:
        assert ask().rerun() == set()
        for leaf in leaves(tree):
            if leaf != "dataset.source":  # it decides which other leaves there are
                (checkout.path / "params.yaml").write_text(yaml.safe_dump(changed(tree, leaf)))
                found[leaf] = ask()
    return found


@pytest.fixture(scope="module")
def below(finished):
    """Each rule with all that come after it, in the order of the pipeline."""
    graph = finished.snakemake("--rulegraph", "dot")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    edges = [(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", graph) if names[b] != "all"]
    found = {name: {name} for name in names.values() if name != "all"}
    for _ in found:
        for a, b in edges:
            found[a] |= found[b]
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def table(effects, rules) -> str:
    """Leaf by rule: R, the rule reads the leaf (or has new jobs); r, it comes after one that does."""
    lines = [f"{'':45}{' '.join(f'{rule:10}' for rule in rules)}"]
    for leaf, summary in effects.items():
        marks = ["R" if rule in summary.changed() else "r" if rule in summary.rerun() else "" for rule in rules]
        lines.append(f"{leaf:45}{' '.join(f'{mark:10}' for mark in marks)}".rstrip())
    return "\n".join(lines)


def is_read(leaf: str) -> bool:
    """No rule may depend on the machine's settings, nor on a variant that no experiment names."""
    section, key, *_ = leaf.split(".")
    used = tiny.params()["experiments"][0]["variants"]
    return section != "compute" and (section != "variants" or key in used)


def test_a_leaf_reruns_the_rules_that_read_it_and_those_below(effects, below):
    print(f"\n{table(effects, below)}")
    for leaf, summary in effects.items():
        assert bool(summary.changed()) == is_read(leaf), f"{leaf}: no rule reads it, or one that must not"
        after = set().union(*(below[rule] for rule in summary.changed()))
        some = leaf.startswith(("variants.", "experiments."))  # what other runs alone lead to is not below these
        assert summary.rerun() <= after if some else summary.rerun() == after, leaf


def test_the_page_says_which_rules_read_a_leaf(effects):
    rows = re.findall(
        r"^\| (`[a-z_.`, ]+`) \| ([a-z_, ]+) \|$", (tiny.ROOT / "docs/workflow.md").read_text(), re.MULTILINE
    )
    said = {name: set(rules.split(", ")) for names, rules in rows for name in re.findall(r"`([a-z_.]+)`", names)}
    for leaf, summary in effects.items():
        if is_read(leaf) and not leaf.startswith("experiments.") and not leaf.endswith(".method"):
            parts = leaf.split(".")
            names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
            row = next(name for name in names if name in said)
            assert summary.changed() == said[row], f"docs/workflow.md, row {row}: {leaf}"


@pytest.mark.parametrize(
    "section", [own_folder.section(tiny.ROOT, ignore=None), {"source": "published", "name": "voc", "set": "voc"}]
)
def test_every_key_of_the_other_sources_is_read_by_the_rule_data(section):
    tree = tiny.params() | {"dataset": section}

    def handed(tree: dict[str, Any]) -> str:
        return params.canonical(params.step_config(params.validate(tree, "test"), params.DataConfig))

    for key in set(section) - {"source"}:
        assert handed(changed(tree, f"dataset.{key}")) != handed(tree), key
