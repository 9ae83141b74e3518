"""Labelled views: from a JPEG and a mask on disk to a crop of 513 that the network takes. One process, one thread.

Reference form (README.md): Pillow decodes, the whole image and mask are resized, flipped, padded and cropped, and each
image becomes a normalised float tensor. Ours: data.loaders.WeakViews without its cache. Its crop has 8 bits and the
network normalises it; so the way to a normalised batch is compared too. The images are made (longest side 500, noise at
all scales with edges between objects, about 90 kB at quality 90) or, with --images, those of a folder in VOC's layout,
scaled to a longest side of 500.

    python benchmarks/labeled_loading.py [--rounds N] [--images FOLDER]
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from measure import Options, parser, record, take_turns
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor
from torchvision.transforms import functional as T

from semiproto.data import dataset, layout, loaders
from semiproto.data.augment import mean_colour
from semiproto.model.encoders.encoder import IMAGENET
from semiproto.params import AugmentParams

IMAGES, LONGEST, QUALITY, CLASSES, BATCH = 100, 500, 90, 21, 4
AUGMENT = AugmentParams(crop=513, scale=(0.5, 2), shift=0, rotation=0, flip=0.5, padding_label=255)


# ----------------------------------------------------------------------------------------------------- input


def made() -> Iterator[tuple[Image.Image, np.ndarray]]:
    """Images with masks: objects of one class each on a background, every one with a texture of its own."""
    for seed in range(IMAGES):
        rng = np.random.default_rng(seed)
        width, height = (LONGEST, 375) if rng.random() < 0.75 else (375, LONGEST)
        mask = np.zeros((height, width), np.uint8)
        pixels = texture(rng, width, height)
        for _ in range(rng.integers(1, 4)):
            inside = noise(rng, width, height, 160) > 0.8
            mask[inside] = rng.integers(1, CLASSES)
            pixels[inside] = texture(rng, width, height)[inside]
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        yield image, with_void_borders(mask)


def texture(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A colour with grey noise at all scales and a little coloured noise, float [height, width, 3]."""
    pixels: np.ndarray = rng.uniform(60, 190, 3) + 8 * np.stack(
        [noise(rng, width, height, 12) for _ in range(3)], axis=2
    )
    for scale, strength in ((100, 30), (25, 18), (6, 20), (1, 16)):
        pixels += strength * noise(rng, width, height, scale)[..., None]
    return pixels


def noise(rng: np.random.Generator, width: int, height: int, scale: int) -> np.ndarray:
    """Smooth at `scale` pixels, [height, width]."""
    coarse = rng.normal(size=(height // scale + 2, width // scale + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def with_void_borders(mask: np.ndarray) -> np.ndarray:
    """As in VOC, five pixels around every object are void."""
    image = Image.fromarray(mask)
    low, high = (np.asarray(image.filter(kind(5))) for kind in (ImageFilter.MinFilter, ImageFilter.MaxFilter))
    bordered: np.ndarray = np.where(low == high, mask, np.uint8(layout.IGNORE_INDEX))
    return bordered


def of_folder(folder: Path) -> Iterator[tuple[Image.Image, np.ndarray]]:
    images = dataset.Images(folder, layout.read_list(folder / layout.LISTS / "train.txt")[:IMAGES])
    for position in range(len(images)):
        pixels, values = images[position]
        image, mask = Image.fromarray(pixels.permute(1, 2, 0).numpy().copy()), Image.fromarray(values.numpy())
        size = round(image.width * LONGEST / max(image.size)), round(image.height * LONGEST / max(image.size))
        yield image.resize(size, Image.Resampling.BICUBIC), np.asarray(mask.resize(size, Image.Resampling.NEAREST))


def prepare(root: Path, pairs: Iterator[tuple[Image.Image, np.ndarray]]) -> list[str]:
    """Writes the pairs in the layout of a prepared set; returns their ids."""
    for name in (layout.IMAGES, layout.MASKS):
        (root / name).mkdir()
    ids, sizes = [], []
    for number, (image, mask) in enumerate(pairs):
        ids.append(f"{number:04d}")
        file = root / layout.IMAGES / f"{ids[-1]}.jpg"
        image.save(file, quality=QUALITY)
        layout.write_mask(root / layout.MASKS / f"{ids[-1]}.png", mask)
        sizes.append(file.stat().st_size / 1000)
    print(f"{len(ids)} images, JPEG of {statistics.mean(sizes):.0f} kB ({min(sizes):.0f} to {max(sizes):.0f})")
    return ids


# ------------------------------------------------------------------------------------------------- the forms


def reference(root: Path, image_id: str, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """float32 [3, crop, crop] and int64 [crop, crop]."""
    image: Image.Image = Image.open(root / layout.IMAGES / f"{image_id}.jpg").convert("RGB")
    mask: Image.Image = Image.open(root / layout.MASKS / f"{image_id}.png")
    (low, high), crop = AUGMENT.scale, AUGMENT.crop
    zoom = rng.uniform(low, 1) if rng.random() < 0.5 else rng.uniform(1, high)
    size = round(image.width * zoom), round(image.height * zoom)
    image, mask = image.resize(size, Image.Resampling.BILINEAR), mask.resize(size, Image.Resampling.NEAREST)
    if rng.random() < AUGMENT.flip:
        image, mask = ImageOps.mirror(image), ImageOps.mirror(mask)
    border = (0, 0, max(0, crop - size[0]), max(0, crop - size[1]))
    image, mask = (
        ImageOps.expand(image, border, mean_colour(IMAGENET)),
        ImageOps.expand(mask, border, layout.IGNORE_INDEX),
    )
    left, top = int(rng.integers(image.width - crop + 1)), int(rng.integers(image.height - crop + 1))
    box = (left, top, left + crop, top + crop)
    tensor: Tensor = T.normalize(T.to_tensor(image.crop(box)), IMAGENET.mean, IMAGENET.std)
    return tensor, torch.from_numpy(np.array(mask.crop(box))).long()


def network_input(images: Tensor) -> Tensor:
    """What the network first makes of a batch of 8-bit crops."""
    mean, std = (255 * torch.tensor(values).view(3, 1, 1) for values in (IMAGENET.mean, IMAGENET.std))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def compare(root: Path, ids: list[str], rounds: int) -> None:
    views = loaders.WeakViews(root, ids, AUGMENT, mean_colour(IMAGENET), labeled=True)
    batches = [range(start, min(start + BATCH, len(ids))) for start in range(0, len(ids), BATCH)]

    def theirs(n: int) -> Tensor:
        return reference(root, ids[n], np.random.default_rng([0, 0, n, True]))[0]

    def mine(n: int) -> Tensor:
        return views[n, 0, 0, n][0]

    def each(form: Callable[[int], Tensor]) -> None:
        for n in range(len(ids)):
            form(n)

    samples = take_turns(lambda: each(theirs), lambda: each(mine), rounds)
    record("labeled_loading", "time", samples, goal=2.6)
    slow, fast = (len(ids) / statistics.median(sample) for sample in samples)
    print(f"labeled_loading: {slow:.0f} against {fast:.0f} images/s per core; goal 350 on a quiet one")

    samples = take_turns(
        lambda: [torch.stack([theirs(n) for n in batch]).shape for batch in batches],
        lambda: [network_input(torch.stack([mine(n) for n in batch])).shape for batch in batches],
        rounds,
    )
    record("labeled_loading", "time to a normalised batch", samples, goal=None)


def main() -> None:
    arguments = parser(__doc__, rounds=7)
    arguments.add_argument("--images", type=Path, help="a folder in VOC's layout with ImageSets/Segmentation/train.txt")
    torch.set_num_threads(1)
    options = arguments.parse_args(namespace=Options())
    loaders.CACHE_BYTES = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        compare(root, prepare(root, of_folder(options.images) if options.images else made()), options.rounds)


if __name__ == "__main__":
    main()
