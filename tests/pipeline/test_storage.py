"""DVC's storage, in a folder and on a real SSH server: what was pushed comes back whole, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import ssh_server
import summary
import tiny
import yaml
from checkouts import Checkout
from gates import PATIENCE

MODEL = "models/semi/tiny/8/prototype/seed0/model.safetensors"
FAILED = r"^ERROR: (failed to transfer '\w{32}(\.dir)?' - |unexpected error - .*[Cc]onnection)"
SILENT = 128 + signal.SIGPIPE
needs_sshd = pytest.mark.skipif(ssh_server.SSHD is None, reason="no sshd: install one, e.g. apt install openssh-server")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")


class Storage:
    """A remote of DVC, with the key of its server where it has one."""

    def __init__(self, url: str, folder: Path, key: Path | None = None) -> None:
        self.url, self.folder, self.key = url, folder, key

    def add_to(self, checkout: Checkout) -> None:
        """As docs/workflow.md says, and commits it."""
        checkout.run("dvc", "remote", "add", "--default", "storage", self.url)
        checkout.run("dvc", "remote", "modify", "storage", "verify", "true")
        checkout.commit("storage")
        self.log_in(checkout)

    def log_in(self, checkout: Checkout) -> None:
        if self.key is not None:
            checkout.run("dvc", "remote", "modify", "--local", "storage", "keyfile", str(self.key))

    def objects(self) -> list[Path]:
        """Those that are whole by their names: temporary ones begin with a dot."""
        return [path for path in self.folder.rglob("*") if path.is_file() and path.name[0] != "."]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh_server.Server]:
    served = ssh_server.Server(tmp_path_factory.mktemp("sshd"))
    yield served
    served.kill()


@pytest.fixture
def over_ssh(server: ssh_server.Server, tmp_path: Path) -> Storage:
    return Storage(server.address(tmp_path / "storage"), tmp_path / "storage", server.folder / "user")


@pytest.fixture
def in_a_folder(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "storage"), tmp_path / "storage")


@pytest.fixture
def original(versioned: Checkout, tmp_path: Path) -> Checkout:
    return versioned.copy(tmp_path / "original")


def clone(original: Checkout, path: Path, storage: Storage) -> Checkout:
    """A fresh clone, into which nothing was pulled yet."""
    original.run("git", "clone", "--quiet", ".", str(path))
    fresh = Checkout(path, original.stand_ins)
    storage.log_in(fresh)
    return fresh


def pull(checkout: Checkout, *, fails: bool = False) -> str:
    result = checkout.run("dvc", "pull", check=False)
    assert (result.returncode != 0) == fails, result.stdout
    return result.stdout


def assert_cut_off(checkout: Checkout, command: str) -> None:
    """`dvc push` or `dvc pull` fails when the server goes away; what it says depends on what it was at.

    Of a file, or of a question to the server, it has a line. Where it was writing to the server it takes the broken
    pipe for that of its own output, and ends without a word, as in `dvc ... | head`.
    """
    result = checkout.run("dvc", command, check=False)
    if result.returncode != SILENT:
        assert result.returncode == 255, result.stdout
        assert re.search(FAILED, result.stdout, re.M), result.stdout


def assert_clean(checkout: Checkout) -> None:
    """Both engines have nothing to do, and so has git."""
    assert checkout.planned() == {}
    assert "up to date" in checkout.run("dvc", "status").stdout
    assert checkout.run("git", "status", "--porcelain").stdout == ""


def contents(checkout: Checkout) -> dict[str, str]:
    """md5 of every file that the pipeline made; what a full disk left half written begins with a dot."""
    files = [path for top in ("data", "models", "results") for path in (checkout.path / top).rglob("*")]
    files = [path for path in files if path.is_file() and path.name[0] != "."]
    return {str(path.relative_to(checkout.path)): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


# ------------------------------------------------------------------------------------------------ all goes well

CHANGES = [
    {"tsne": {"perplexity": 4}},
    {"prototypes": {"per_class": 2}},
    {"semi": {"tau": 0.7}},
    {"forecast": {"folds": 3}},
    {"experiments": [{"split": 8, "variants": ["supervised", "consistency", "prototype"], "seeds": [0, 1, 2]}]},
]


@needs_sshd
def test_pushed_over_ssh_a_clone_has_nothing_to_do_and_after_a_change_the_same_jobs(original, over_ssh, tmp_path):
    over_ssh.add_to(original)
    original.run("dvc", "push")
    fresh = clone(original, tmp_path / "clone", over_ssh)
    pull(fresh)
    assert_clean(fresh)
    assert contents(fresh) == contents(original)
    with original.asking() as here, fresh.asking() as there:
        for change in CHANGES:
            for checkout in (original, fresh):
                (checkout.path / "params.yaml").write_text(yaml.safe_dump(changed(change), sort_keys=False))
            assert there().jobs() == here().jobs() != {}, change
    (fresh.path / "params.yaml").write_text(yaml.safe_dump(changed(CHANGES[0]), sort_keys=False))
    assert summary.finished(fresh.run("dvc", "repro").stdout) == {"tsne": 2, "figures": 1, "report": 1}


def changed(change: dict) -> dict:
    """The tiny experiment with another value."""
    tree = tiny.params()
    for section, values in change.items():
        tree[section] = tree[section] | values if isinstance(values, dict) else values
    return tree


# ------------------------------------------------------------------------------------------------ the remote goes away


@needs_sshd
def test_a_server_that_goes_away_in_the_middle(original, server, over_ssh, tmp_path):
    """Of a push, of a pull, and before either: a line says so, what came over is whole, and the next run heals."""
    over_ssh.add_to(original)
    with killed_after(server, over_ssh.folder, 40):
        assert_cut_off(original, "push")
    assert 0 < len(over_ssh.objects()) < len(contents(original))
    assert all(is_whole(path) for path in over_ssh.objects())
    refused = original.run("dvc", "push", check=False)
    assert refused.returncode != 0 and "Connect call failed ('127.0.0.1'" in refused.stdout
    server.start()
    assert re.search(r"^\d+ files pushed", original.run("dvc", "push").stdout, re.M)

    fresh = clone(original, tmp_path / "clone", over_ssh)
    with killed_after(server, fresh.path / ".dvc/cache", 40):
        assert_cut_off(fresh, "pull")
    server.start()
    pull(fresh)
    assert_clean(fresh)
    assert contents(fresh) == contents(original)


@contextmanager
def killed_after(server: ssh_server.Server, folder: Path, files: int) -> Iterator[None]:
    """Kills the server as soon as so many files are in a folder."""

    def watch() -> None:
        deadline = time.monotonic() + PATIENCE
        while sum(path.is_file() for path in folder.rglob("*")) < files and time.monotonic() < deadline:
            time.sleep(0.005)
        server.kill()

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(watch)
        yield
        watching.result()


def is_whole(path: Path) -> bool:
    """Whether an object of DVC is what its name says: its md5."""
    return hashlib.md5(path.read_bytes()).hexdigest() == path.parent.name + path.name.removesuffix(".dir")


# ------------------------------------------------------------------------------------------------ damaged objects


def test_a_damaged_object_of_the_cache(original):
    """Where the checkout has the file, `dvc repro` puts it back; what came from the object is found before a run."""
    cached = object_of(original, original.path / ".dvc/cache")
    damage(cached)
    assert re.search(r"not in cache: +models/semi", original.run("dvc", "status").stdout)
    assert summary.finished(original.run("dvc", "repro").stdout) == {}
    assert is_whole(cached)

    damage(cached)
    (original.path / MODEL).unlink()
    original.run("dvc", "checkout")
    result = original.run("snakemake", "--cores", "1", "--dry-run", check=False)
    folder = Path(MODEL).parent
    assert result.returncode != 0 and f"\n{MODEL}: not what was written there" in result.stdout
    assert f"delete {folder} and run the same command again" in result.stdout


def test_a_damaged_object_of_the_storage(original, in_a_folder, tmp_path):
    """`verify` keeps it out of the clone; docs/workflow.md says how it is found and sent again."""
    in_a_folder.add_to(original)
    original.run("dvc", "push")
    damage(object_of(original, in_a_folder.folder))
    fresh = clone(original, tmp_path / "clone", in_a_folder)
    said = pull(fresh, fails=True)
    assert "ERROR: failed to pull data from the cloud - Checkout failed for following targets:\nmodels/semi\n" in said
    assert not (fresh.path / MODEL).exists()

    search = re.search(r"^cd STORAGE/files/md5 && (.*)$", (tiny.ROOT / "docs/workflow.md").read_text(), re.M)[1]
    folder = in_a_folder.folder / "files/md5"
    found = subprocess.run(search, shell=True, cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    assert found == [object_of(original, folder).relative_to(folder).as_posix()]
    for path in (folder / found[0], *folder.glob("*/*.dir")):
        path.unlink()
    original.run("dvc", "push")
    pull(fresh)
    assert_clean(fresh)


def object_of(checkout: Checkout, odb: Path) -> Path:
    """The object of the model in a cache or a storage."""
    digest = contents(checkout)[MODEL]
    (found,) = odb.rglob(f"{digest[:2]}/{digest[2:]}")
    return found


def damage(path: Path) -> None:
    """Turns one bit; the size stays."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


# ------------------------------------------------------------------------------------------------ full disks


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def enlarge(path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=300m", path], check=True)


@needs_root
def test_a_full_disk_of_the_storage_and_of_the_clone(original, tmp_path):
    storage = Storage(str(tmp_path / "disk/storage"), tmp_path / "disk/storage")
    storage.add_to(original)
    with small_disk(tmp_path / "disk", "6m"):
        result = original.run("dvc", "push", check=False)
        assert result.returncode != 0 and "[Errno 28] No space left on device" in result.stdout
        assert re.search(r"^ERROR: failed to push data to the cloud - \d+ files failed", result.stdout, re.M)
        assert all(is_whole(path) for path in storage.objects())
        enlarge(tmp_path / "disk")
        original.run("dvc", "push")

        with small_disk(tmp_path / "other", "24m"):
            fresh = clone(original, tmp_path / "other/clone", storage)
            assert "ERROR: failed to pull data from the cloud" in pull(fresh, fails=True)
            enlarge(tmp_path / "other")
            pull(fresh)
            assert_clean(fresh)
            assert contents(fresh) == contents(original)
