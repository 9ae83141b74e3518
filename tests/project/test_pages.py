"""The pages lead somewhere: their links, the headings that links name, and the modules that they mention."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/semiproto"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
MODULE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.py)`")


def anchors(page: Path) -> set[str]:
    """The names by which links reach a page's headings: small letters, hyphens for blanks, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings(page):
    for name, anchor in LINK.findall(page.read_text()):
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: no file {name}"
        assert not anchor or anchor in anchors(target), f"{page.name}: no heading {name}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_modules_that_are_mentioned_exist(page):
    """By their path in the checkout or in the package, or by their name alone."""
    names = {path.name for path in PACKAGE.rglob("*.py")}
    for module in set(MODULE.findall(page.read_text())):
        found = (ROOT / module).is_file() or (PACKAGE / module).is_file()
        assert found or ("/" not in module and module in names), f"{page.name}: no module {module}"
