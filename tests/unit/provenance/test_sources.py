"""The sources of a step: all that it imports of the package, wherever in it, and nothing else."""

import os
import subprocess
import sys

import pytest

from semiproto.provenance import sources


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Plants a package: files by their path."""
    root = tmp_path / "semiproto"
    monkeypatch.setattr(sources, "PACKAGE", root)

    def plant(**files):
        for name, text in {"__init__.py": "", **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return plant


def found(module):
    return [path.as_posix() for path in sources.sources(module)]


CODE = "import os\nX = 1\n"


@pytest.mark.parametrize(
    "imported",
    [
        "import semiproto.data.layout",
        "import os, semiproto.data.layout as layout",
        "from semiproto.data import layout",
        "from semiproto.data.layout import X",
        "from semiproto.data.layout import X as Y, Z",
        "def step():\n    from semiproto.data import layout",
        "class A:\n    def step(self):\n        if True:\n            import semiproto.data.layout",
        "try:\n    import torch\nexcept ImportError:\n    from semiproto.data import layout",
    ],
)
def test_every_way_to_import_counts(package, imported):
    package(**{"steps/train.py": f"import torch\n{imported}\n", "data/layout.py": CODE, "data/other.py": CODE})
    assert found("steps.train") == ["data/layout.py", "steps/train.py"]


def test_imports_are_followed_through_others_and_around_circles(package):
    package(
        **{
            "steps/train.py": "import json\nfrom semiproto.train import engine",
            "train/engine.py": "import json\nfrom semiproto.train import losses",
            "train/losses.py": "import json\nfrom semiproto.train import engine\nfrom semiproto.data.layout import X",
            "data/layout.py": CODE,
            "report/tables.py": CODE,
        }
    )
    assert found("steps.train") == ["data/layout.py", "steps/train.py", "train/engine.py", "train/losses.py"]


def test_packages_count_where_they_hold_code(package):
    """A docstring alone is none: it decides nothing."""
    package(
        **{
            "steps/train.py": "import json\nfrom semiproto.data.own import check",
            "data/__init__.py": '"""What there is."""\n',
            "data/own/__init__.py": '"""A registry."""\nNAMES = ["a"]\n',
            "data/own/check.py": CODE,
        }
    )
    assert found("steps.train") == ["data/own/__init__.py", "data/own/check.py", "steps/train.py"]


def test_what_decides_no_result_is_left_out_and_not_followed(package):
    package(
        **{
            "steps/train.py": "import json\nfrom semiproto import errors, params\nimport semiproto.provenance.receipts",
            "errors.py": "import json\nfrom semiproto.data import layout",
            "params/__init__.py": "import json\nfrom semiproto.data import layout",
            "params/model.py": CODE,
            "provenance/receipts.py": "import json\nfrom semiproto.data import layout",
            "data/layout.py": CODE,
        }
    )
    assert found("steps.train") == ["steps/train.py"]


def test_files_of_data_count_where_they_are_named(package):
    package(
        **{
            "report/page.py": 'import json\nPAGE = open("page.html")\n',
            "report/page.html": "<html>",
            "report/other.html": "<html>",
            "report/page.csv": "a,b",
        }
    )
    assert found("report.page") == ["report/page.html", "report/page.py"]


def test_other_packages_and_names_like_ours_do_not_count(package):
    package(**{"steps/train.py": "import json\nimport data.layout\nimport semiproto_more.data", "data/layout.py": CODE})
    assert found("steps.train") == ["steps/train.py"]


def test_a_change_changes_the_digest_of_its_file_alone(package):
    files = {"steps/train.py": "import json\nfrom semiproto.data import layout", "data/layout.py": CODE}
    root = package(**files)
    before = sources.digests("steps.train")
    assert list(before) == sorted(files) and len(set(before.values())) == 2
    (root / "data/layout.py").write_text(f"{CODE}Y = 2\n")
    after = sources.digests("steps.train")
    assert after["data/layout.py"] != before["data/layout.py"] and after["steps/train.py"] == before["steps/train.py"]


def test_what_changes_while_a_step_runs_is_recorded_as_that(package):
    root = package(**{"steps/train.py": CODE, "data/layout.py": CODE, "data/gone.py": CODE})
    before = {name: sources.sha256_file(root / name) for name in ("steps/train.py", "data/layout.py", "data/gone.py")}
    (root / "data/layout.py").write_text("import json\n")
    (root / "data/gone.py").unlink()
    assert sources.unchanged(before) == {
        "steps/train.py": before["steps/train.py"],
        "data/layout.py": "changed while the step ran",
        "data/gone.py": "changed while the step ran",
    }


@pytest.mark.parametrize(
    ("module", "has", "lacks"),
    [
        (
            "steps.models.train",
            ["train/semi.py", "model/prototypes.py", "data/augment.py"],
            ["report/", "deploy/", "cli"],
        ),
        ("steps.results.tables", ["report/tables.py", "report/verdict.py"], ["train/", "model/", "report/page"]),
        ("steps.data.split", ["data/splits.py"], ["data/augment.py", "model/", "report/"]),
    ],
)
def test_the_steps_of_this_package(module, has, lacks):
    names = found(module)
    assert set(has) < set(names)
    assert not [name for name in names for part in lacks if name.startswith(part)]


def test_an_edit_that_keeps_length_and_time_is_run(tmp_path, monkeypatch):
    """By Pythons of their own, which write what they compiled."""
    monkeypatch.setattr(sources, "PACKAGE", tmp_path / "planted")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "planted" / "__init__.py"
    file.parent.mkdir()

    def says(text):
        file.write_text(f"print('{text}')\n")
        os.utime(file, (1, 1))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, "-c", "import planted"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout.strip()

    assert [says("one"), says("two")] == ["one", "one"]  # Python's own way
    sources.compile_by_content()
    assert [says("two"), says("six"), says("one")] == ["two", "six", "one"]
