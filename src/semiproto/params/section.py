"""What all sections of parameters share: their base class, common types, and the words for a fault."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from semiproto.errors import shortened

MOST_SAID = 400
"""Characters of what pydantic says of a value, which it may repeat whole."""
PUNCTUATION = "._-+/()'&:"
"""Characters of class names besides letters, digits and marks of any script."""


def _class_name(text: str) -> str:
    allowed = all(character.isalnum() or unicodedata.category(character)[0] == "M" or character in PUNCTUATION
                  for character in text)  # fmt: skip
    if not 1 <= len(text) <= 64 or not allowed or text[:1] in "-.":
        shown = repr(text if len(text) <= 70 else text[:67] + "...")
        raise ValueError(
            f"{shown} cannot be a class name; use at most 64 letters and digits of any script or {PUNCTUATION}, no"
            " blanks, and no - or . in front"
        )
    return text


ClassName = Annotated[str, AfterValidator(_class_name)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
RGB = Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]


class Section(BaseModel):
    """Base of all sections: unknown keys and non-finite numbers are errors, and values are read-only."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_number_of_a_truth(cls, given: Any) -> Any:
        for name, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(name)
            kinds = _kinds(field.annotation) if field else set()
            truth = next(_truths(value), None) if kinds & {int, float} and bool not in kinds else None
            if truth is not None:
                has = "has" if isinstance(value, list) else "is"
                raise ValueError(f"{name} {has} {str(truth).lower()}, which is no number; give one")
        return given

    def tree(self) -> dict[str, Any]:
        """The values as JSON has them, for rules and receipts.

        A switch that is off, its default, is left out. So a new switch changes no config from before it: no rule runs
        again, and receipts still say what params.yaml asks for.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


def _kinds(annotation: Any) -> set[type]:
    """The types of what a field may hold, also of its literals and of the items of its lists."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return {type(value) for value in inner}
    return {kind for one in inner for kind in _kinds(one)} or ({annotation} if isinstance(annotation, type) else set())


def _truths(value: Any) -> Iterator[bool]:
    """The values true and false in a value or its lists."""
    if isinstance(value, bool):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _truths(item)


S = TypeVar("S", bound=Section)


def require_range(section: S, name: str) -> S:
    """Raises ValueError where the pair of numbers `name` does not go from low to high."""
    low, high = getattr(section, name)
    if low > high:
        raise ValueError(f"{name} goes from {low} to {high}; give the lower one first")
    return section


def first_problem(error: ValidationError) -> str:
    """The first fault as `key: what is wrong (got value); remedy`, and how many more there are."""
    faults = error.errors(include_url=False)
    # A misspelt key is also missing under its right name: the misspelling is what to show.
    fault = min(faults, key=lambda one: one["type"] != "extra_forbidden")
    parts = [str(part) for part in fault["loc"] if not str(part).startswith(("constrained-", "literal["))]
    if parts[:1] == ["dataset"]:
        del parts[1:2]  # the kind of source that pydantic tried, which is no key of the file
    key = f"{'.'.join(parts)}: " if parts else ""
    if fault["type"] == "extra_forbidden":
        text = f"{key}unknown parameter; remove it or correct its name{_suggestion(str(fault['loc'][-1]))}"
    elif fault["type"] == "missing":
        text = f"{key}missing; every parameter must be given, see experiments/ for an example"
    elif fault["type"] == "value_error":
        text = f"{key}{fault['ctx']['error']}"
    elif fault["type"] == "model_type":
        fields = ", ".join(_fields_of(fault["ctx"]["class_name"]))
        text = f"{key}{shortened(repr(fault['input']))} is not allowed: it is a section; give its keys: {fields}"
    elif fault["type"] == "tuple_type":
        text = f"{key}{shortened(repr(fault['input']))} is not allowed: give two values in brackets"
    elif fault["type"] == "string_type" and not isinstance(fault["input"], list | dict):
        text = f"{key}{shortened(repr(fault['input']))} is what YAML makes of a word without quotes; write it in quotes"
    else:
        said = fault["msg"] if len(fault["msg"]) < MOST_SAID else f"{fault['msg'][:MOST_SAID]}..."
        text = f"{key}{shortened(repr(fault['input']))} is not allowed: {said[0].lower()}{said[1:]}"
    return text + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _suggestion(name: str) -> str:
    """A hint ` (did you mean x?)` where a parameter of any section has a similar name; empty otherwise."""
    known = {field for section in _descendants(Section) for field in section.model_fields}
    close = get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _fields_of(section: str) -> list[str]:
    """The keys of the section of that class name."""
    return next((list(one.model_fields) for one in _descendants(Section) if one.__name__ == section), [])


def _descendants(base: type[Section]) -> Iterator[type[Section]]:
    for section in base.__subclasses__():
        yield section
        yield from _descendants(section)
