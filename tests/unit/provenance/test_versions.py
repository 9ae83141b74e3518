from __future__ import annotations

import pytest

from semiproto.errors import UserError
from semiproto.provenance import versions


def test_the_installed_versions_are_those_asked_for():
    versions.check("snakemake", "dvc", "torch")


@pytest.mark.parametrize(("name", "other"), [("snakemake", "9.20.0"), ("dvc", "2.58.2")])
def test_another_version_is_named_with_the_one_that_is_needed(name, other, tmp_path, monkeypatch, one_line):
    folder = tmp_path / f"{name}-{other}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {other}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as error:
        versions.check("snakemake", "dvc")
    one_line(error, f"{name} {other} is installed", "requirements.lock", "make run")
