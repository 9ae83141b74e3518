"""Reading and checking parameters: a YAML file, a parsed tree, or a step's config as JSON.

A fault is a UserError of one line that names the file, the key, the value, and what is allowed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from semiproto.errors import UserError, shortened
from semiproto.params.experiment import Params
from semiproto.params.section import Section, first_problem
from semiproto.provenance.reading import contents, yaml_tree

_PLAIN_NUMBER = re.compile(
    r"[-+]?(0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?|[-+]?\.(\d+([eE][-+]?\d+)?|inf|nan)", re.IGNORECASE
)


def load(path: Path) -> Params:
    """Reads and checks a parameter file."""
    try:
        raw = yaml_tree(contents(path).decode(), _StrictLoader)
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; copy one from experiments/, or write one with `semiproto init`"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        what = " ".join(str(error).split())
        raise UserError(f"{path}: not valid YAML ({what}); correct it there; indents are spaces, not tabs") from None
    return validate(raw, str(path))


def validate(raw: object, where: str) -> Params:
    """Checks parsed parameters; `where` is the file's name for the message."""
    if not isinstance(raw, dict):
        what = "empty" if raw is None else "not lines of `key: value`"
        raise UserError(f"{where}: {what}, so it has no parameters; copy a file from experiments/")
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"{where}: {first_problem(error)}") from None


def parse(text: str, config: type[Section], where: str = "--config") -> Any:
    """A step's config from the JSON that its rule hands over; `where` names the option for the message."""
    try:
        return config.model_validate_json(text)
    except ValidationError as error:
        remedy = f"; give {', '.join(config.model_fields)} as JSON" if not error.errors()[0]["loc"] else ""
        raise UserError(f"{where}: {first_problem(error)}{remedy}") from None


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses what it would silently read as something else: the first of two equal keys is lost, 010 is
    eight, 1:30 is ninety, and yes and off are true and false."""

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        kind = node.tag.rpartition(":")[2] if isinstance(node, yaml.ScalarNode) else ""
        text = str(node.value)
        where = f"line {node.start_mark.line + 1}"
        if kind in ("int", "float") and not _PLAIN_NUMBER.fullmatch(text):
            raise yaml.YAMLError(
                f"{shortened(text)} is a number to YAML and may mean another, {where}; write plain digits, or quotes"
            )
        if kind == "bool" and text.lower() not in ("true", "false"):
            raise yaml.YAMLError(
                f"{shortened(text)} is true or false to YAML, {where}; write that, or put the word in quotes"
            )
        return super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # <<: *anchor, whose keys may be given again
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict | set):
                raise yaml.YAMLError(f"a list or a mapping as a key, line {key_node.start_mark.line + 1}")
            if key in seen:
                raise yaml.YAMLError(f"key {key!r} is given twice, line {key_node.start_mark.line + 1}")
            seen.add(key)
        return super().construct_mapping(node, deep)
