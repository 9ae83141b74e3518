"""`semiproto init`: the parameter file for a user's own folder, from an experiment's file and what the folder holds."""

from __future__ import annotations

import copy
import io
import re
import shlex
import statistics
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml as plain_yaml
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from semiproto import params
from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.own.contents.contents import Contents
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError
from semiproto.params import FolderSource, LabelFormat, Name, StrongViewParams
from semiproto.params.fitted import LARGEST_CROP, Found, equal_compute, fitted
from semiproto.process import cards
from semiproto.provenance import integrity
from semiproto.provenance.artifacts import write_text

EXPERIMENTS = Path("experiments")
"""Parameter files of the checkout; a copy of one is not the user's work."""
TEMPLATE = EXPERIMENTS / "my-data.yaml"
"""The experiment to start from where none is named; only this one is fitted to images and machine."""
CONTROL = "variants.supervised-equal-compute.semi"
SIDES = 50
"""Images whose size is looked at."""

MANY_PICTURES, MUCH = 10_000, 10 * 10**9
"""Number of pictures, and their bytes, above which images are used where they are: copies then cost minutes and disk
that nobody expects (chosen)."""


@dataclass(frozen=True)
class Wishes:
    """What the user wants to differ from the template."""

    name: str | None = None
    """Of the set; None: the folder's name."""
    labels: str | None = None
    """How many of the images with masks to label: a number, or all."""
    changes: Sequence[str] = ()
    """Other parameters, each as `section.key=value`."""
    format: LabelFormat | None = None
    """What the labels are; None: recognised."""


def write_params(folder: Path, wishes: Wishes, template: Path | None, out: Path, *, force: bool = False) -> list[str]:
    """Writes `out` and returns what to tell the user. Comments of the template are kept.

    template: None: the usual one, with network, crop, batches and steps that fit the images and this machine.
    UserError where the folder cannot be understood, the result would not be valid, or `out` was edited by hand and
    `force` is false.
    """
    fit, template = template is None, template or TEMPLATE
    if not template.is_file():
        raise UserError(f"{template}: no such file; run this in the checkout of semiproto, or name one with --template")
    _require_replaceable(out, template, force)
    name = _as_name(folder) if wishes.name is None else _checked_name(wishes.name)
    found = discover(folder.expanduser().resolve(), name, wishes.format)
    source, told = _with_storage(found.source)
    assumed = [*found.assumed, *told]
    usual = params.load(template)  # its faults are named as the template's, not as those of `out`
    yaml = _yaml()
    tree = yaml.load(template.read_text(encoding="utf-8"))
    tree["dataset"] = {key: _for_yaml(value) for key, value in source.model_dump().items()}
    if wishes.labels is not None:
        if not (wishes.labels == "all" or wishes.labels.isdecimal()):
            raise UserError(f"--labels {wishes.labels}: not a number of images; give a number, or all")
        for experiment in tree["experiments"]:
            experiment["split"] = int(wishes.labels) if wishes.labels.isdigit() else wishes.labels
    gpu = fit and bool(cards.visible())
    if fit:
        _fit(tree, found.contents, wishes, gpu)
    for change in wishes.changes:
        _apply(tree, change)
    if fit:
        _equalise(tree, wishes)
        _leave_out_colours(tree, wishes, usual.semi.strong_view)
        assumed.append(_what_fits(tree, gpu))
    text = io.StringIO()
    yaml.dump(tree, text)
    params.validate(YAML(typ="safe").load(text.getvalue()), str(out))
    write_text(out, text.getvalue())
    return [*(f"assumed: {line}" for line in assumed), f"wrote {out}; look it over, then: semiproto check-data"]


def _yaml() -> YAML:
    """Writes lines, lists and null as the template has them."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(sequence=4, offset=2)
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def _with_storage(source: FolderSource) -> tuple[FolderSource, list[str]]:
    """Where there are many pictures, with images that are used where they are; and what is to be said of it."""
    inside = integrity.files(Path(source.path))
    sizes = [facts.st_size for name, facts in inside if name.lower().endswith(layout.IMAGE_SUFFIXES)]
    if len(sizes) <= MANY_PICTURES and sum(sizes) <= MUCH:
        return source, []
    why = f"{len(sizes):,} pictures, {sum(sizes) / 1e9:.1f} GB; copies for a set that travels: dataset.storage=copy"
    return source.model_copy(update={"storage": "reference"}), [f"images are used where they are: {why}"]


def _fit(tree: Any, contents: Contents, wishes: Wishes, gpu: bool) -> None:
    """Sets what the images and the machine ask for and the user did not give."""
    counts, share = contents.counts(), 0 if contents.of("val") else tree["splits"]["validation"]
    pool = round((1 - share) * counts["train"])
    labeled = min(pool, int(wishes.labels)) if wishes.labels and wishes.labels != "all" else pool
    found = Found(labeled, counts["unlabeled"] + pool - labeled, _shorter_side(contents), gpu)
    for path, (value, why) in fitted(found, _given(wishes)).items():
        _apply(tree, f"{path}={value}", why)


def _equalise(tree: Any, wishes: Wishes) -> None:
    """As much arithmetic for the control as for what it is compared with, whose steps may have been given."""
    unit = "epochs" if tree["semi"]["steps"] is None else "steps"
    length = tree["semi"][unit]
    if isinstance(length, int) and not any(path.startswith("variants") for path in _given(wishes)):
        _apply(tree, f"{CONTROL}={{{unit}: {equal_compute(length)}}}")


def _leave_out_colours(tree: Any, wishes: Wishes, view: StrongViewParams) -> None:
    """Images of other bands have no red, green and blue to change in the strong view."""
    bands = tree["dataset"]["bands"]
    for key, off in view.of_colours().items() if bands != 3 else ():
        path = f"semi.strong_view.{key}"
        if path not in _given(wishes):
            _apply(tree, f"{path}={off}", f"images have {bands} bands")


def _what_fits(tree: Any, gpu: bool) -> str:
    pretrain, semi = (
        f"{tree[phase]['steps']} steps" if tree[phase]["steps"] else f"{tree[phase]['epochs']} epochs"
        for phase in ("pretrain", "semi")
    )
    return (
        f"for this machine ({'a' if gpu else 'no'} GPU) and these images: crops of {tree['augment']['crop']} pixels,"
        f" {pretrain}, then {semi} with unlabelled ones"
    )


def _given(wishes: Wishes) -> set[str]:
    return {change.partition("=")[0] for change in wishes.changes}


def _shorter_side(contents: Contents) -> int:
    """Of the images in the middle, by the headers of some; what cannot be read has no say, and check-data names it."""
    sides = []
    for item in contents.items[:: max(1, len(contents.items) // SIDES)]:
        with suppress(UserError):
            sides.append(min(opening.outline(item.image).size))
    return round(statistics.median(sides)) if sides else max(LARGEST_CROP.values())


def _for_yaml(value: Any) -> Any:
    """Lists as [a, b, c] in the file, rather than an item a line, and in quotes what is a word only there.

    YAML makes false of no, and none of null.
    """
    if isinstance(value, list):
        value = CommentedSeq([_for_yaml(one) for one in value])
        value.fa.set_flow_style()
    elif isinstance(value, dict):
        value = CommentedMap({_for_yaml(key): _for_yaml(one) for key, one in value.items()})
        value.fa.set_flow_style()
    elif isinstance(value, str) and plain_yaml.safe_load(value) != value:
        value = DoubleQuotedScalarString(value)
    return value


def _require_replaceable(out: Path, template: Path, force: bool) -> None:
    if force or not out.exists():
        return
    current = out.read_bytes()
    if not any(path.read_bytes() == current for path in (template, *EXPERIMENTS.rglob("*.yaml"))):
        raise UserError(f"{out}: differs from every file in {EXPERIMENTS}/; keep a copy of it, then give --force")


def _checked_name(name: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise UserError(
            f"--name {shlex.quote(name)}: cannot be the name of a set, which is that of folders too; give at most 64"
            " letters a to z, digits or ._-, a letter or digit first"
        ) from None


def _as_name(folder: Path) -> str:
    """The folder's name as a name of a set."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.expanduser().resolve().name).strip("-._")
    return cleaned[:64] or "my-data"


def _of_its_own(tree: Any, node: Any, key: str) -> Any:
    """node[key]; a copy of it where an alias (`*name`) has the same in another place, which stays as it is."""
    child = node.get(key)
    if isinstance(child, CommentedMap) and sum(one is child for one in _mappings(tree)) > 1:
        node[key] = child = copy.deepcopy(child)
        child.yaml_set_anchor(None)
    return child


def _mappings(node: Any) -> Iterator[Any]:
    """All mappings in a tree, those that stand in several places as often."""
    if isinstance(node, dict):
        yield node
        node = node.values()
    elif not isinstance(node, list):
        return
    for item in node:
        yield from _mappings(item)


def _apply(tree: Any, change: str, why: str = "") -> None:
    """Sets a leaf of the file, or a switch that the file leaves at its default, from `section.key=value` in YAML.

    why: a comment beside it; the template's, about the template's value, is removed.
    """
    path, equals, text = change.partition("=")
    *sections, leaf = path.split(".")
    is_parameter = any(line.startswith(f"{path}: ") for line in params.explain())
    node: Any = tree
    for section in sections:
        if is_parameter and isinstance(node, dict):
            node.setdefault(section, {})
        node = _of_its_own(tree, node, section) if isinstance(node, dict) else None
    if not equals or not isinstance(node, dict) or not (is_parameter or leaf in node):
        raise UserError(f"--set {change}: no such parameter; give section.key=value, `semiproto params` lists them")
    try:
        node[leaf] = _for_yaml(YAML(typ="safe").load(text))
    except YAMLError:
        raise UserError(f"--set {change}: {text!r} is not a YAML value; check its brackets and quotes") from None
    if isinstance(node, CommentedMap):
        node.ca.items.pop(leaf, None)
        if why:
            node.yaml_add_eol_comment(why, leaf)
