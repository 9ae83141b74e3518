"""A folder to hand a model on: its two files, a model card in the form of the Hugging Face hub, and config.json.

README.md          the card: what it is for, classes, training, data by digest, licence, score, limits, use
config.json        classes and images in the hub's words, for its page and its search
card.json, model.safetensors    as in the model folder; `semiproto predict` reads these
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from semiproto import __version__
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model import reading
from semiproto.model.folder import Card
from semiproto.provenance.artifacts import RECEIPT, atomic_write, sha256_file, write_json, write_text
from semiproto.provenance.receipts import read_receipt

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

README, CONFIG = "README.md", "config.json"
OWN = (model_folder.MODEL, model_folder.CARD)
"""The files of the model folder that are handed on."""
LIBRARY = "semiproto"
HUB_LICENCES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "apple-ascl", "apple-amlr", "gemma"}
"""Those that timm states and the hub knows by the same name."""
TASK = "image-segmentation"


class Run(Protocol):
    """What the card says of an evaluated run."""

    @property
    def dataset(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def images(self) -> int: ...
    @property
    def miou(self) -> float: ...
    @property
    def iou(self) -> dict[str, float]: ...


class Score(Protocol):
    """A run's score with its 95 % interval, in percent."""

    @property
    def run(self) -> Run: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def write_folder(model: Path, out: Path, score: Score | None) -> list[Path]:
    """Writes the folder `out` of the model in the folder `model`, and returns its files.

    Of `out`'s files only those of the same names are replaced. UserError where it is the model's own folder or another
    model's, or its README.md is of something else.
    """
    readme = out / README
    if out.resolve() == model.resolve():
        raise UserError(f"{out}: the model folder itself, whose files belong to the pipeline; give another with --out")
    if readme.exists() and f"library_name: {LIBRARY}" not in readme.read_text(encoding="utf-8", errors="replace"):
        raise UserError(f"{readme}: not a card that semiproto wrote; give another folder with --out, or move it away")
    with reading.unchanged(model, *OWN):
        if not readme.exists() and (other := next((out / name for name in OWN if _differs(name, model, out)), None)):
            raise UserError(f"{other}: of another model, and would be replaced; give another folder with --out")
        card = model_folder.read_card(model)
        model_folder.load_model(model)  # what is handed on can be read
        lines = list(_lines(model, card, score))
        for name in OWN:
            with atomic_write(out / name) as temporary:
                shutil.copyfile(model / name, temporary)
    write_json(out / CONFIG, config(card))
    write_text(readme, "\n".join(lines))
    return [out / name for name in (README, CONFIG, model_folder.CARD, model_folder.MODEL)]


def _differs(name: str, model: Path, out: Path) -> bool:
    return (out / name).exists() and sha256_file(out / name) != sha256_file(model / name)


def config(card: Card) -> dict[str, Any]:
    """config.json: names of the hub's image models for what card.json says."""
    names = {str(index): name for index, name in enumerate(card.classes)}
    return {
        "model_type": LIBRARY,
        "architectures": ["SegmentationNetwork"],
        "id2label": names,
        "label2id": {name: int(index) for index, name in names.items()},
        "num_channels": card.pixels.bands,
        "image_mean": card.normalisation.mean,
        "image_std": card.normalisation.std,
        "semiproto_version": __version__,
    }


LIMITS = """\
- It knows these classes only: whatever else is in an image gets one of them.
- Images from another camera, place or season than the training images' can be much harder than the score says.
- Its confidence is the network's own estimate, and networks are overconfident."""

USE = """\
```
pip install semiproto
# In this folder; photos is a folder of images.
semiproto predict . photos -o masks
semiproto export . -o model.onnx   # pip install 'semiproto[export]'
```"""


def _lines(model: Path, card: Card, score: Score | None) -> Iterator[str]:
    name = model.resolve().name if score is None else f"{score.run.dataset}-{score.run.split}"
    yield from ("---", _front_matter(name, card, score), "---", "")
    yield from (f"# {name}: semantic segmentation, {len(card.classes)} classes", "")
    yield f"The network gives each pixel of an image one of the classes below. {_images(card)}"
    yield from ("", "## Classes", "", *_classes(card, score), "", "## Score", "", _scored(score))
    yield from ("", "## Training", "", *_training(model, card), *_data(model))
    yield from ("", "## Licence", "", f"Of the weights: {model_folder.licence(card.model.encoder)}.")
    yield "The licence of the training images is not known to semiproto; state it here before this is published."
    yield from ("", "## What it cannot do", "", LIMITS, f"- {_images(card)} Others are refused.")
    yield from ("", "## Use", "", USE, "")


def _classes(card: Card, score: Score | None) -> Iterator[str]:
    yield from ("| value | class | IoU (%) |", "| --- | --- | --- |")
    for value, label in enumerate(card.classes):
        found = math.nan if score is None else score.run.iou.get(label, math.nan)
        yield f"| {value} | {label} | {'' if math.isnan(found) else f'{found:.1f}'} |"


def _training(model: Path, card: Card) -> Iterator[str]:
    facts = ", ".join(f"{key} {value}" for key, value in card.training.items()) or "not known"
    yield f"- Network: encoder {card.model.encoder.name}, decoder {card.model.decoder.kind}."
    yield f"- How it was trained: {facts}."
    yield f"- sha256 of {model_folder.MODEL}: `{sha256_file(model / model_folder.MODEL)}`"


def _front_matter(name: str, card: Card, score: Score | None) -> str:
    from huggingface_hub import ModelCardData  # timm brings it

    stated = model_folder.stated_licence(card.model.encoder)
    known = stated is None or stated in HUB_LICENCES
    return ModelCardData(
        library_name=LIBRARY,
        license=(stated or "unknown") if known else "other",
        license_name=None if known else stated,
        pipeline_tag=TASK,
        tags=["semantic-segmentation", "semi-supervised-learning"],
        model_name=name,
        eval_results=None if score is None else [_result(score)],
    ).to_yaml()


def _result(score: Score) -> EvalResult:
    from huggingface_hub import EvalResult

    dataset = score.run.dataset
    value = round(score.run.miou, 2)
    return EvalResult(TASK, dataset, dataset, "mean_iou", value, dataset_split="validation", metric_name="mIoU (%)")


def _scored(score: Score | None) -> str:
    if score is None:
        return "Not known: there is no evaluation of these weights where the card was written."
    over = f"over {score.run.images} validation images"
    if math.isnan(score.low):
        return f"mIoU {score.run.miou:.1f} % {over}; a single image gives no interval."
    return (
        f"mIoU {score.run.miou:.1f} %, 95 % interval {score.low:.1f} to {score.high:.1f}, {over}. The interval covers"
        " other images of the same kind, not other trainings."
    )


def _images(card: Card) -> str:
    pixels = card.pixels
    bands = "red, green and blue" if pixels.bands == 3 else f"{pixels.bands} band{'' if pixels.bands == 1 else 's'}"
    deep = f", scaled by the range {pixels.low} to {pixels.high}" if pixels.low else ""
    return f"It takes images of {bands}, {pixels.kind} samples{deep}."


def _data(model: Path) -> Iterator[str]:
    """The inputs of the training and their digests, from the model's receipt."""
    if not (model / RECEIPT).is_file():
        yield "- Data: not known, the model has no receipt."
        return
    for path, files in read_receipt(model)["inputs"].items():
        if path.startswith("data/"):
            for file, digest in files.items():
                yield f"- Data: `{path}/{file}`, sha256 `{digest}`"
