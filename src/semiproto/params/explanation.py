"""Every parameter in a line, as `semiproto params` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from semiproto.params.experiment import Params

_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def explain() -> list[str]:
    """Every parameter as a line `section.key: type and bounds; description`."""
    return list(_explain(Params, ""))


def _explain(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        if field.description:
            bounds = [
                f", {sign} {getattr(limit, key)}"
                for limit in field.metadata
                for key, sign in _SIGNS.items()
                if hasattr(limit, key)
            ]
            yield f"{prefix}{name}: {_type_name(field.annotation)}{''.join(bounds)}; {field.description}"
        for inner in _sections(field.annotation):
            yield from _explain(inner, f"{prefix}{name}.")


def _type_name(annotation: Any) -> str:
    """A type in words, e.g. `float`, `int | null`, `8 | 16 | 32`, `list of str` or `{size, stride} | null`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin in (list, tuple, dict):
        return f"{origin.__name__} of {', '.join(map(_type_name, arguments))}"
    if arguments:
        return " | ".join(map(_type_name, arguments))
    if sections := _sections(annotation):
        return f"{{{', '.join(sections[0].model_fields)}}}"
    return {type(None): "null", Any: "anything"}.get(annotation) or str(annotation.__name__)


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The section types in an annotation, e.g. DigitsSource and FolderSource in `DigitsSource | FolderSource`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
