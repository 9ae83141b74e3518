"""What is said of the files of tools that are not read."""

import json
import zipfile

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
    "VoTT": ("a-asset.json", {"asset": {"name": "a.jpg"}, "regions": [], "version": "2.1.0"}),
    "Kili": ("data.json", [{"id": "k", "externalId": "a.jpg", "labels": [], "content": "https://x/a.jpg"}]),
    "Encord": ("labels.json", [{"label_hash": "l", "data_title": "a.jpg", "data_units": {}}]),
    "Dataloop": ("a.json", {"id": "x", "datasetId": "y", "filename": "/a.jpg", "annotations": []}),
    "Scale": ("tasks.json", [{"task_id": "t", "params": {}, "response": {"annotations": []}}]),
    "GeoJSON, as QuPath writes it": ("a.geojson", {"type": "FeatureCollection", "features": []}),
    "Cityscapes' polygons": ("a_gtFine_polygons.json", {"imgHeight": 9, "imgWidth": 9, "objects": []}),
    "VIA 3": ("a.json", {"project": {}, "config": {}, "metadata": {}, "view": {}, "file": {}, "attribute": {}}),
}


@pytest.mark.parametrize("tool", FILES)
def test_the_tool_is_named_with_what_to_export(tool, tmp_path):
    name, content = FILES[tool]
    exports.save_images(tmp_path / "images")
    exports.write(tmp_path / "labels-of-tool" / name, json.dumps(content) + "\n")
    with pytest.raises(UserError, match=rf"{name}: of {tool}, which is not read; \w+"):
        discover(tmp_path, "set")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("<bndbox><xmin>1</xmin></bndbox>", "boxes of PASCAL VOC, which are no outlines; export masks"),
        ("<polygon><pt><x>1</x></pt></polygon>", "polygons in XML, which are not read; export them as COCO"),
    ],
)
def test_annotations_in_xml_of_other_tools_than_cvat(shape, words, tmp_path, one_line):
    exports.save_images(tmp_path / "images")
    text = f"<annotation><filename>a.jpg</filename><object><name>cat</name>{shape}</object></annotation>"
    exports.write(tmp_path / "Annotations/a.xml", text)
    with pytest.raises(UserError) as error:
        discover(tmp_path, "set")
    one_line(error, "a.xml", words)


@pytest.mark.parametrize(("name", "words"), [("RoiSet.zip", "regions of ImageJ"), ("a.h5", "HDF5")])
def test_regions_and_label_images_that_are_no_pictures(name, words, tmp_path, one_line):
    exports.save_images(tmp_path / "images")
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n")
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("0001-0002.roi", b"Iout")
    with pytest.raises(UserError) as error:
        discover(tmp_path, "set")
    one_line(error, name, words, "save its labels as PNG")


@pytest.mark.parametrize("text", ["{", "[1]", "{}"])
def test_other_files_are_none(text, tmp_path):
    exports.write(tmp_path / "a.json", text)
    exports.write(tmp_path / "a.xml", text)
    exports.write(tmp_path / "a.zip", text)
    assert unread.remedy(tmp_path / f"a{suffix}" for suffix in (".json", ".xml", ".zip")) is None
