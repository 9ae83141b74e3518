"""Which published weights a training began with, by the files in this machine's caches."""

from dataclasses import asdict

import pytest
from huggingface_hub import constants

from semiproto.provenance import hub
from semiproto.provenance.artifacts import sha256_text
from semiproto.provenance.hub import HubFile

OF_HUB = HubFile("model.safetensors", "timm/net.a1")
OF_ADDRESS = HubFile("net-0123.pth")


@pytest.fixture
def caches(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def put(caches, file, text, commit="0123"):
    """Has a file in its cache, of the hub as a new commit of the main branch."""
    folder = caches / "torch/hub/checkpoints"
    if file.repository:
        base = caches / "hub/models--timm--net.a1"
        folder = base / "snapshots" / commit
        (base / "refs").mkdir(parents=True, exist_ok=True)
        (base / "refs/main").write_text(commit)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file.name).write_text(text)


def facts(file, text="weights"):
    return {hub.FACT: asdict(file) | {"sha256": sha256_text(text)}}


@pytest.mark.parametrize("file", [OF_HUB, OF_ADDRESS], ids=["hub", "address"])
def test_the_file_of_this_machine_is_compared(caches, file):
    assert hub.changed(facts(file)) is None
    assert "not in this machine's caches: not compared" in hub.absent(facts(file))
    put(caches, file, "weights")
    assert hub.changed(facts(file)) is None and hub.absent(facts(file)) is None
    put(caches, file, "others", commit="4567")
    fault = hub.changed(facts(file))
    assert file.title() in fault and sha256_text("weights")[:12] in fault and sha256_text("others")[:12] in fault


def test_another_commit_with_the_same_file_is_no_change(caches):
    put(caches, OF_HUB, "weights")
    put(caches, OF_HUB, "weights", commit="4567")
    assert hub.changed(facts(OF_HUB)) is None


def test_of_steps_that_read_no_published_weights_nothing_is_said(caches):
    assert hub.changed({"steps": 3}) is None and hub.absent({"steps": 3}) is None


@pytest.mark.parametrize(
    "forged",
    [
        None,
        [],
        {"name": 3},
        {"name": "a", "of": "b"},
        {"name": "../../secret", "sha256": ""},
        {"name": "/dev/zero", "sha256": ""},
        {"name": "../../../../../../dev/zero", "repository": "timm/net.a1", "sha256": ""},
        {"name": "a", "repository": "../..", "sha256": ""},
    ],
    ids=repr,
)
def test_a_forged_fact_reads_no_other_file(caches, forged, monkeypatch):
    put(caches, OF_HUB, "weights")
    (caches / "secret").write_text("another")
    monkeypatch.setattr(hub, "sha256_file", lambda path: pytest.fail(f"{path} was read"))
    fault = hub.changed({hub.FACT: forged}, hub.sha256_file)
    note = hub.absent({hub.FACT: forged})
    assert (fault is None) != (note is None)
