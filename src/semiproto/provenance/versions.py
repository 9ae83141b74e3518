"""Checks that the installed tools have the versions that pyproject.toml asks for."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from semiproto.errors import UserError


def check(*names: str) -> None:
    """UserError names the first of the packages whose installed version is not allowed.

    Packages that are not installed are skipped; all are skipped where this package itself is not installed.
    """
    try:
        asked = [Requirement(text) for text in requires("semiproto") or []]
    except PackageNotFoundError:
        return
    for requirement in asked:
        if requirement.name in names:
            _check(requirement)


def _check(requirement: Requirement) -> None:
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return
    if not requirement.specifier.contains(found):
        raise UserError(
            f"{requirement.name} {found} is installed, and this needs {requirement};"
            " install the versions of requirements.lock, or let `make run` do it"
        )
