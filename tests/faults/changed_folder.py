"""What a change in one's own folder comes to: the jobs that Snakemake would run, and what `explain` says before them.

    python tests/faults/changed_folder.py

trains on a folder of ten images, in each way to store them, changes the folder in one way after the other and puts it
back in between. docs/own-data.md has the table; tests/unit/steps/data asserts what decides it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import tiny
from checkouts import Checkout

sys.path.insert(0, str(Path(__file__).parents[1] / "pipeline"))
import own_folder

MODEL = "models/semi/own/4/supervised/seed0"
WEIGHTS = "start.pth"


def swap(base: Path) -> None:
    first, second, aside = (base / f"images/{name}.png" for name in ("photo0", "photo1", "aside"))
    for source, target in ((first, aside), (second, first), (aside, second)):
        source.rename(target)


def edit(base: Path) -> None:
    mask = base / "masks/photo0.png"
    facts, data = mask.stat(), bytearray(mask.read_bytes())
    data[-20] ^= 1  # within the checksum of the last part, of which the decoder takes no notice
    with mask.open("r+b") as file:
        file.write(data)
    os.utime(mask, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def dead_link(base: Path) -> None:
    (base / "images/photo9.png").unlink()
    (base / "images/photo9.png").symlink_to("nothing")


def note(base: Path) -> None:
    (base / "notes.txt").write_text("to do")
    (base / "images/.DS_Store").write_bytes(b"\0")


def move(base: Path) -> None:
    (base / "images/evening").mkdir()
    (base / "images/photo9.png").rename(base / "images/evening/photo9.png")


def restore(base: Path) -> None:
    shutil.copytree(base, base.with_name("other"))
    shutil.rmtree(base)
    base.with_name("other").rename(base)


CHANGES: dict[str, Callable[[Path], object]] = {
    "two images swapped": swap,
    "a mask edited in place, length and time kept": edit,
    "an image becomes a link to nothing": dead_link,
    "a list keeps an image out of training": lambda base: (base / "val.txt").write_text("photo0\n"),
    "the classes in another order": lambda base: (base / "classes.txt").write_text("square\nbackground\n"),
    "a note and files of the system": note,
    "permissions and times": lambda base: [(path.chmod(0o600), os.utime(path, (1, 1))) for path in base.rglob("*.png")],
    "an image moved into a folder below": move,
    "the folder copied, deleted and restored": restore,
    "the folder not there": lambda base: base.rename(base.with_name("elsewhere")),
}


def params(base: Path, storage: str) -> dict[str, object]:
    tree = tiny.params()
    quick = {"steps": 2, "batch": 2, "validations": 1, "checkpoint_every": 2}
    return tree | {
        "dataset": own_folder.section(base, storage=storage),
        "augment": tree["augment"] | {"crop": 33},
        "model": tree["model"] | {"encoder": tree["model"]["encoder"] | {"weights": WEIGHTS}},
        "pretrain": tree["pretrain"] | quick,
        "semi": tree["semi"] | quick,
        "experiments": [{"split": 4, "variants": ["supervised"], "seeds": [0]}],
        "tsne": tree["tsne"] | {"variants": ["supervised"]},
    }


def make(work: Path, storage: str) -> tuple[Checkout, Path]:
    """A checkout with a trained model, and the folder that it is of."""
    base, checkout = own_folder.make(work / "own"), Checkout(work / "checkout")
    checkout.path.mkdir()
    checkout.copy_working_tree()
    save = (
        "import torch; from semiproto import params as P; from semiproto.model.encoders import build;"
        "from pathlib import Path; p = P.load(Path('params.yaml'));"
        f"torch.save(build(p.model.encoder, pretrained=False).net.state_dict(), '{WEIGHTS}')"
    )
    checkout.run("python", "-c", save)
    checkout.edit(lambda tree: tree.update(params(base, storage)))
    checkout.snakemake(f"{MODEL}/receipt.json")
    shutil.copytree(base, work / "pristine")
    return checkout, base


def row(checkout: Checkout, title: str) -> str:
    said = checkout.run("python", "-m", "semiproto", "explain", MODEL, check=False).stdout
    faults = re.findall(r"(?:NOT SOUND|note): (.*?)(?<!which is not sound)$", said, re.MULTILINE)
    verdict = "sound" if re.search("^sound:", said, re.MULTILINE) else "not sound"
    jobs = ", ".join(checkout.planned("--", f"{MODEL}/receipt.json")) or "none"
    return f"| {title} | {jobs} | {'; '.join([verdict, *faults])} |"


def main() -> None:
    for storage in ("copy", "reference"):
        print(f"\n`dataset.storage: {storage}`\n\n| change | jobs | `explain` before them |\n| --- | --- | --- |")
        with tempfile.TemporaryDirectory() as work:
            checkout, base = make(Path(work), storage)
            for title, change in CHANGES.items():
                change(base)
                print(row(checkout, title).replace(f"{work}/", ""), flush=True)
                for left in (base, base.with_name("elsewhere")):
                    shutil.rmtree(left, ignore_errors=True)
                shutil.copytree(base.with_name("pristine"), base)
            print(row(checkout, "all of that put back").replace(f"{work}/", ""), flush=True)
            (checkout.path / WEIGHTS).write_bytes((checkout.path / WEIGHTS).read_bytes() + b"\0")
            print(row(checkout, "other weights to start from").replace(f"{work}/", ""), flush=True)


if __name__ == "__main__":
    main()
