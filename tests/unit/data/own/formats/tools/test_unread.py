"""What is said of the files of tools that are not read."""

import json

import pytest

from pipeline import exports
from semiproto.data.own.formats.tools import unread
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError

FILES = {
    "V7 Darwin": ("a.json", {"version": "2.0", "item": {"name": "a.jpg"}, "annotations": []}),
    "Hasty": ("a.json", {"project_name": "p", "label_classes": [], "images": []}),
    "SuperAnnotate": ("a.jpg.json", {"metadata": {"name": "a.jpg"}, "instances": []}),
    "Segments.ai": ("a.json", {"name": "me/set", "dataset": {"samples": []}}),
    "Labelbox": ("a.ndjson", {"data_row": {}, "projects": {}}),
    "VIA 3": ("a.json", {"project": {}, "config": {}, "metadata": {}, "view": {}, "file": {}, "attribute": {}}),
}


@pytest.mark.parametrize("tool", FILES)
def test_the_tool_is_named_with_what_to_export(tool, tmp_path):
    name, content = FILES[tool]
    exports.save_images(tmp_path / "images")
    exports.write(tmp_path / "labels-of-tool" / name, json.dumps(content) + "\n")
    with pytest.raises(UserError, match=rf"{name}: of {tool}, which is not read; \w+"):
        discover(tmp_path, "set")


@pytest.mark.parametrize("text", ["{", "[1]", "{}"])
def test_other_files_are_none(text, tmp_path):
    exports.write(tmp_path / "a.json", text)
    assert unread.remedy([tmp_path / "a.json"]) is None
