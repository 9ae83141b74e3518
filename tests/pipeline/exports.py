"""The same small annotated set as each labelling tool exports it, file by file as the tool writes it.

Eight photographs, of which six are annotated: `photo0` to `photo3` for training, `photo4` and `photo5` for validation.
`photo6` and `photo7` are not annotated. Outlines have right angles and integer corners, so that every tool's way of
drawing gives the same pixels.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 48, 36
CLASSES = ("background", "cat", "dog")
COLOURS = ((0, 0, 0), (250, 50, 83), (51, 221, 255))
TRAIN, VAL, BARE = (tuple(f"photo{n}" for n in numbers) for numbers in (range(4), range(4, 6), range(6, 8)))
Box = tuple[int, int, int, int]
"""left, top, right, bottom; right and bottom are the first column and row outside."""


def boxes(stem: str) -> list[tuple[str, Box]]:
    """(class, box) of each object of an annotated image; the second covers a corner of the first."""
    shift = int(stem.removeprefix("photo"))
    cat, dog = (4 + shift, 6, 24 + shift, 22 + shift), (18 + shift, 14, 30 + shift, 28)
    return [("cat", cat), ("dog", dog)]


def truth(stem: str) -> np.ndarray:
    """Class indices, uint8 [HEIGHT, WIDTH]."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for name, (left, top, right, bottom) in boxes(stem):
        mask[top:bottom, left:right] = CLASSES.index(name)
    return mask


BINARY = ("carvana", "instances", "numbered", "objects")
"""Exports of one class."""


def stem_of(image_id: str) -> str:
    """The photograph of an id, which may have its folders and a tool's additions."""
    found = re.search(r"photo\d", image_id)
    assert found is not None
    return found[0]


def truths(stems: Iterable[str] = TRAIN + VAL) -> dict[str, np.ndarray]:
    return {stem: truth(stem) for stem in stems}


def save_image(folder: Path, stem: str, name: str | None = None) -> Path:
    """A photograph in which the objects are brighter than the noise around them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(int(stem.removeprefix("photo")))
    pixels = rng.integers(0, 80, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    if stem not in BARE:
        pixels += 70 * truth(stem)[..., None]
    path = folder / (name or f"{stem}.jpg")
    Image.fromarray(pixels).save(path, quality=95)
    return path


def save_images(folder: Path, stems: Iterable[str] = TRAIN + VAL + BARE) -> None:
    for stem in stems:
        save_image(folder, stem)


def save_mask(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def corners(box: Box) -> list[list[float]]:
    left, top, right, bottom = map(float, box)
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


# ---------------------------------------------------------------------------------------------------- CVAT


def cvat_masks(base: Path) -> Path:
    """`Segmentation mask 1.1`, with images."""
    save_images(base / "JPEGImages")
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in zip(CLASSES, COLOURS, strict=True)]
    write(base / "labelmap.txt", "\n".join(["# label:color_rgb:parts:actions", *lines]) + "\n")
    for stem, mask in truths().items():
        save_mask(base / f"SegmentationClass/{stem}.png", np.array(COLOURS, np.uint8)[mask])
        save_mask(base / f"SegmentationObject/{stem}.png", np.array(COLOURS, np.uint8)[(mask > 0).astype(int)])
    for subset, stems in (("Train", TRAIN), ("Validation", VAL)):
        write(base / f"ImageSets/Segmentation/{subset}.txt", "".join(f"{stem}\n" for stem in stems))
    return base


def cvat_xml(base: Path) -> Path:
    """`CVAT for images 1.1`: a polygon and a run-length mask; later shapes, and those of higher z_order, are on top."""
    save_images(base / "images")
    items = []
    for number, stem in enumerate(TRAIN + VAL + BARE):
        subset = "Validation" if stem in VAL else "Train"
        shapes = _cvat_shapes(stem) if stem not in BARE else ""
        items.append(
            f'  <image id="{number}" name="{stem}.jpg" subset="{subset}" task_id="7" width="{WIDTH}"'
            f' height="{HEIGHT}">\n{shapes}  </image>'
        )
    labels = "".join(f"<label><name>{name}</name><color>#fa3253</color><type>any</type></label>" for name in CLASSES)
    meta = f"<meta><task><id>7</id><name>photos</name><labels>{labels}</labels></task></meta>"
    body = "\n".join(items)
    write(base / "annotations.xml", f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
          f"  {meta}\n{body}\n</annotations>\n")  # fmt: skip
    return base


def _cvat_shapes(stem: str) -> str:
    (cat, (left, top, right, bottom)), (dog, (x, y, x2, y2)) = boxes(stem)
    points = ";".join(f"{a:.2f},{b:.2f}" for a, b in corners((left, top, right, bottom)))
    runs = f"0, {(x2 - x) * (y2 - y)}"
    mask = (
        f'    <mask label="{dog}" source="manual" occluded="0" rle="{runs}" left="{x}" top="{y}" width="{x2 - x}"'
        f' height="{y2 - y}" z_order="1">\n    </mask>\n'
    )
    polygon = (
        f'    <polygon label="{cat}" source="manual" occluded="0" points="{points}" z_order="0">\n    </polygon>\n'
    )
    return mask + polygon


def coco_content(stems: Iterable[str], prefix: str = "", first_id: int = 1) -> dict[str, object]:
    """One COCO file: the cat is a polygon, the dog run lengths, and a category that nothing uses."""
    images, annotations = [], []
    for number, stem in enumerate(stems, start=first_id):
        images.append({"id": number, "file_name": f"{prefix}{stem}.jpg", "width": WIDTH, "height": HEIGHT,
                       "license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0})  # fmt: skip
        for name, box in boxes(stem) if stem not in BARE else []:
            outline = [[value for corner in corners(box) for value in corner]] if name == "cat" else runs_of(box)
            area = (box[2] - box[0]) * (box[3] - box[1])
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": CLASSES.index(name),
                                "segmentation": outline, "area": area, "iscrowd": int(name == "dog"),
                                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]})  # fmt: skip
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(CLASSES) if number]
    return {"licenses": [{"id": 0, "name": "", "url": ""}], "info": {"year": "", "version": ""},
            "categories": categories, "images": images, "annotations": annotations}  # fmt: skip


def runs_of(box: Box) -> dict[str, object]:
    """Uncompressed run lengths, down the columns."""
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape[box[1] : box[3], box[0] : box[2]] = True
    flat = np.concatenate([[False], shape.T.ravel(), [True]])
    borders = np.flatnonzero(np.diff(flat.astype(int)))
    counts = np.diff([0, *borders.tolist()]).tolist()
    if sum(counts) < shape.size:
        counts.append(shape.size - sum(counts))
    return {"counts": counts, "size": [HEIGHT, WIDTH]}


def cvat_coco(base: Path) -> Path:
    """`COCO 1.0`, with images: one file per subset; images without annotation are listed too."""
    save_images(base / "images/Train", TRAIN + BARE)
    save_images(base / "images/Validation", VAL)
    write(base / "annotations/instances_Train.json", json.dumps(coco_content(TRAIN + BARE)))
    write(base / "annotations/instances_Validation.json", json.dumps(coco_content(VAL)))
    return base


def cvat_coco_default(base: Path) -> Path:
    """`COCO 1.0` of a task without subsets."""
    save_images(base / "images/default")
    write(base / "annotations/instances_default.json", json.dumps(coco_content(TRAIN + VAL + BARE)))
    return base


# -------------------------------------------------------------------------------------------- Label Studio


def labelstudio_coco(base: Path) -> Path:
    """COCO with images; file names as a server on Windows writes them."""
    save_images(base / "images")
    write(base / "result.json", json.dumps(coco_content(TRAIN + VAL, "images\\")))
    return base


def labelstudio_json(base: Path) -> Path:
    """`JSON`: rectangle in per cent of the image's sides, and a brush's run lengths. Images lie in a folder beside."""
    save_images(base / "images")
    tasks = []
    for number, stem in enumerate(TRAIN + VAL, start=1):
        upload = f"0a1b2c3{number}-{stem}.jpg"
        result = [_labelstudio_region(number, name, box) for name, box in boxes(stem)]
        annotation = {"id": 10 + number, "completed_by": 1, "result": result, "was_cancelled": False,
                      "ground_truth": False, "created_at": "2025-01-01T10:00:00.000000Z"}  # fmt: skip
        tasks.append({"id": number, "annotations": [annotation], "file_upload": upload, "drafts": [], "predictions": [],
                      "data": {"image": f"/data/upload/1/{upload}"}, "meta": {}, "project": 1})  # fmt: skip
    write(base / "project-1-at-2025-01-01.json", json.dumps(tasks))
    return base


def _labelstudio_region(number: int, name: str, box: Box) -> dict[str, object]:
    left, top, right, bottom = box
    common = {"id": f"r{number}{name}", "from_name": "tag", "to_name": "image", "original_width": WIDTH,
              "original_height": HEIGHT, "image_rotation": 0, "origin": "manual"}  # fmt: skip
    if name == "cat":
        value = {"x": 100 * left / WIDTH, "y": 100 * top / HEIGHT, "width": 100 * (right - left) / WIDTH,
                 "height": 100 * (bottom - top) / HEIGHT, "rotation": 0, "rectanglelabels": [name]}  # fmt: skip
        return common | {"type": "rectanglelabels", "value": value}
    shape = np.zeros((HEIGHT, WIDTH), bool)
    shape[top:bottom, left:right] = True
    value = {"format": "rle", "rle": brush_runs(shape), "brushlabels": [name]}
    return common | {"type": "brushlabels", "value": value}


def brush_runs(shape: np.ndarray) -> list[int]:
    """Label Studio's run lengths of a mask: RGBA bytes, row by row, as bits. 32 bits: number of bytes; 5: bits of a
    byte less one; four times 4: bits of each size of run length less one; then runs: a bit that says whether one byte
    is repeated, two bits for the size, the length less one, the byte or bytes."""
    values = np.repeat(255 * shape.ravel().astype(np.uint8), 4)
    sizes = (3, 4, 8, 16)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    start = 0
    while start < len(values):
        stop = start
        while stop < len(values) and values[stop] == values[start] and stop - start < 2**16:
            stop += 1
        length = stop - start - 1
        kind = next(i for i, size in enumerate(sizes) if length < 2**size)
        bits += f"1{kind:02b}{length:0{sizes[kind]}b}{values[start]:08b}"
        start = stop
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def labelstudio_brush(base: Path) -> Path:
    """`Brush labels to PNG`: one grey PNG per task, annotation and class; the JSON-MIN export says which image."""
    save_images(base / "images")
    tasks = []
    for number, stem in enumerate(TRAIN + VAL, start=1):
        tasks.append({"id": number, "image": f"/data/upload/1/0a1b2c3{number}-{stem}.jpg", "annotator": 1})
        for name in CLASSES[1:]:
            mask = 255 * (truth(stem) == CLASSES.index(name)).astype(np.uint8)
            save_mask(base / f"task-{number}-annotation-{number + 10}-by-1-tag-{name}-0.png", mask)
    write(base / "project-1.json", json.dumps(tasks))
    return base


# ------------------------------------------------------------------------------------------------- LabelMe


def labelme_json(base: Path) -> Path:
    """A JSON beside each annotated image: polygon and rectangle through the centres of the outermost pixels."""
    save_images(base)
    for stem in TRAIN + VAL:
        (cat, first), (dog, (left, top, right, bottom)) = boxes(stem)
        inner = corners((first[0], first[1], first[2] - 1, first[3] - 1))
        shapes = [
            {"label": cat, "points": inner, "shape_type": "polygon"},
            {"label": dog, "points": [[left, top], [right - 1.0, bottom - 1.0]], "shape_type": "rectangle"},
        ]
        extra = {"group_id": None, "description": "", "flags": {}, "mask": None}
        content = {"version": "5.5.0", "flags": {}, "shapes": [shape | extra for shape in shapes],
                   "imagePath": f"{stem}.jpg", "imageData": None, "imageHeight": HEIGHT,
                   "imageWidth": WIDTH}  # fmt: skip
        write(base / f"{stem}.json", json.dumps(content, indent=2))
    return base


def labelme_voc(base: Path) -> Path:
    """What labelme2voc writes: index PNGs, the same as .npy, a picture of both, and the names of the classes."""
    save_images(base / "JPEGImages", TRAIN + VAL)
    for stem, mask in truths().items():
        save_mask(base / f"SegmentationClass/{stem}.png", mask)
        (base / "SegmentationClassNpy").mkdir(exist_ok=True)
        np.save(base / f"SegmentationClassNpy/{stem}.npy", mask.astype(np.int32))
        (base / "SegmentationClassVisualization").mkdir(exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT), (9, 99, 9)).save(base / f"SegmentationClassVisualization/{stem}.jpg")
    write(base / "class_names.txt", "_background_\ncat\ndog\n")
    return base


# ------------------------------------------------------------------------------------------------ Roboflow


def _roboflow_name(stem: str) -> str:
    return f"{stem}_jpg.rf.{int(stem[-1]):032x}"


ROBOFLOW = (("train", TRAIN[:-1]), ("valid", VAL), ("test", TRAIN[-1:]))


def roboflow_masks(base: Path) -> Path:
    """`Semantic Segmentation Masks`; photo3 is in test."""
    for part, stems in ROBOFLOW:
        write(base / part / "_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n2, dog\n")
        for stem in stems:
            save_image(base / part, stem, f"{_roboflow_name(stem)}.jpg")
            save_mask(base / part / f"{_roboflow_name(stem)}_mask.png", truth(stem))
    write(base / "README.roboflow.txt", "photos - v1\n")
    return base


def roboflow_coco(base: Path) -> Path:
    """`COCO Segmentation`: a file per folder, whose first category is the project; photo3 is in test."""
    for part, stems in ROBOFLOW:
        content = coco_content(stems, first_id=0)
        for image, stem in zip(content["images"], stems, strict=True):  # type: ignore[call-overload]
            image["file_name"] = f"{_roboflow_name(stem)}.jpg"
            save_image(base / part, stem, image["file_name"])
        project = {"id": 0, "name": "animals-x1y2", "supercategory": "none"}
        content["categories"] = [project, *content["categories"]]  # type: ignore[misc]
        write(base / part / "_annotations.coco.json", json.dumps(content))
    write(base / "README.dataset.txt", "photos\n")
    return base


# ---------------------------------------------------------------------------------------------------- YOLO


def yolo(base: Path) -> Path:
    """Ultralytics' layout; the object that covers another is the smaller."""
    for part, stems in (("train", TRAIN + BARE), ("val", VAL)):
        save_images(base / "images" / part, stems)
        for stem in set(stems) - set(BARE):
            rows = [
                " ".join(
                    [str(CLASSES.index(name) - 1), *(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in corners(box))]
                )
                for name, box in boxes(stem)
            ]
            write(base / f"labels/{part}/{stem}.txt", "\n".join(rows) + "\n")
    write(
        base / "data.yaml",
        "path: ../datasets/photos\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n",
    )
    return base


# ------------------------------------------------------------------------------------------ folders of masks


def voc(base: Path) -> Path:
    """PASCAL VOC's layout and lists, `trainval` among them."""
    save_images(base / "JPEGImages")
    for stem, mask in truths().items():
        save_mask(base / f"SegmentationClass/{stem}.png", mask)
    for name, stems in (("train", TRAIN), ("val", VAL), ("trainval", TRAIN + VAL)):
        write(base / f"ImageSets/Segmentation/{name}.txt", "".join(f"{stem}\n" for stem in stems))
    write(base / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    return base


def mmsegmentation(base: Path) -> Path:
    """ADE20K's folders."""
    for part, stems in (("training", TRAIN + BARE), ("validation", VAL)):
        save_images(base / "images" / part, stems)
        for stem in set(stems) - set(BARE):
            save_mask(base / f"annotations/{part}/{stem}.png", truth(stem))
    write(base / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    return base


def nnunet(base: Path) -> Path:
    """nnU-Net's raw data with natural images; imagesTs is its test set."""
    for stem in TRAIN + VAL:
        save_image(base / "imagesTr", stem, f"{stem}_0000.png")
        save_mask(base / f"labelsTr/{stem}.png", truth(stem))
    for stem in BARE:
        save_image(base / "imagesTs", stem, f"{stem}_0000.png")
    content = {"channel_names": {"0": "RGB"}, "labels": {name: i for i, name in enumerate(CLASSES)},
               "numTraining": 6, "file_ending": ".png"}  # fmt: skip
    write(base / "dataset.json", json.dumps(content))
    return base


def carvana(base: Path) -> Path:
    """Binary masks of 0 and 255 with a suffix, in a folder of their own; test images without."""
    save_images(base / "train", TRAIN + VAL)
    save_images(base / "test", BARE)
    for stem, mask in truths().items():
        save_mask(base / f"train_masks/{stem}_mask.gif", 255 * (mask > 0).astype(np.uint8))
    return base


def instances(base: Path) -> Path:
    """The Data Science Bowl's folders: an image each, and a mask for each object; all objects are of one class."""
    for stem in TRAIN + VAL + BARE:
        folder = base / ("stage1_test" if stem in BARE else "stage1_train") / stem
        save_image(folder / "images", stem, f"{stem}.png")
        for number, (_, (left, top, right, bottom)) in enumerate(boxes(stem) if stem not in BARE else []):
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            mask[top:bottom, left:right] = 255
            save_mask(folder / f"masks/{number}f0a1.png", mask)
    return base


def numbered(base: Path) -> Path:
    """Penn-Fudan's masks: their values number the objects of each image, and nothing names them."""
    for count, stem in enumerate(TRAIN + VAL, start=1):
        save_image(base / "PNGImages", stem, f"{stem}.png")
        left, right = boxes(stem)[0][1][0], boxes(stem)[1][1][2]
        number = 1 + (np.arange(WIDTH) - left) * count // (right - left)
        save_mask(base / "PedMasks" / f"{stem}_mask.png", np.where(truth(stem) > 0, number, 0).astype(np.uint8))
    write(base / "added-object-list.txt", "FudanPed00001: 1\n")
    return base


def kaggle(base: Path) -> Path:
    """A competition on Kaggle: a table of run lengths, down the columns from pixel 1, and a sample submission."""
    save_images(base / "train_images", TRAIN + VAL)
    save_images(base / "test_images", BARE)
    rows = [[f"{stem}.jpg_{name}", kaggle_runs(mask == index)] for stem, mask in truths().items()
            for index, name in enumerate(CLASSES) if index]  # fmt: skip
    for name, lines in (("train", rows), ("sample_submission", [[f"{BARE[0]}.jpg_cat", "1 1"]])):
        with (base / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["Image_Label", "EncodedPixels"], *lines])
    return base


def kaggle_rows(base: Path) -> Path:
    """Sartorius' cells: run lengths along the rows, and a row for each object."""
    save_images(base / "train", TRAIN + VAL)
    rows = [[stem, kaggle_runs((mask == index).T), WIDTH, HEIGHT, name]
            for stem, mask in truths().items() for index, name in enumerate(CLASSES) if index]  # fmt: skip
    with (base / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "annotation", "width", "height", "class"], *rows])
    return base


def kaggle_runs(inside: np.ndarray) -> str:
    """Start and length of each run down the columns."""
    flat = np.concatenate([[0], inside.ravel(order="F"), [0]])
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges[1::2] -= edges[::2]
    return " ".join(map(str, edges))


def mapillary(base: Path) -> Path:
    """Mapillary Vistas 1.2: labels beside instances (class * 256 + number, 16 bits) and panoptic colours."""
    for part, stems in (("training", TRAIN), ("validation", VAL), ("testing", BARE)):
        save_images(base / part / "images", stems)
        for stem in stems if part != "testing" else ():
            save_mask(base / part / "v1.2/labels" / f"{stem}.png", truth(stem))
            save_mask(base / part / "v1.2/instances" / f"{stem}.png", truth(stem).astype(np.uint16) * 256)
            save_mask(base / part / "v1.2/panoptic" / f"{stem}.png", np.stack([truth(stem)] * 3, axis=-1))
    labels = [{"name": f"animal--{name}", "color": COLOURS[index]} for index, name in enumerate(CLASSES)]
    write(base / "config_v1.2.json", json.dumps({"labels": labels, "version": "1.2", "mapping": "public"}))
    return base


def loveda(base: Path) -> Path:
    """LoveDA: Train/Urban/images_png and masks_png, the same names in every part; values begin at 1."""
    for part, stems in (("Train", TRAIN), ("Val", VAL), ("Test", BARE)):
        for number, stem in enumerate(stems):
            folder = base / part / ("Urban", "Rural")[number % 2]
            save_image(folder / "images_png", stem, f"{stem}.png")
            if part != "Test":
                save_mask(folder / "masks_png" / f"{stem}.png", truth(stem) + 1)
    return base


def davis(base: Path) -> Path:
    """DAVIS: a folder for each video, frames of the same names, and lists of videos."""
    for stem in TRAIN + VAL:
        save_image(base / "JPEGImages/480p" / stem, stem, "00000.jpg")
        save_mask(base / "Annotations/480p" / stem / "00000.png", truth(stem))
    for part, stems in (("train", TRAIN), ("val", VAL)):
        write(base / f"ImageSets/2017/{part}.txt", "\n".join(stems) + "\n")
    return base


def panoptic(base: Path) -> Path:
    """COCO panoptic: PNGs whose colours are ids of segments; images without are not listed."""
    for part, stems in (("train", TRAIN), ("val", VAL)):
        save_images(base / f"{part}2017", stems)
        annotations = []
        for number, stem in enumerate(stems, start=1):
            ids = np.where(truth(stem) > 0, truth(stem).astype(np.int64) * 70_000 + number, 0)
            save_mask(base / f"annotations/panoptic_{part}2017/{stem}.png",
                      np.dstack([ids % 256, ids // 256 % 256, ids // 65536]).astype(np.uint8))  # fmt: skip
            segments = [{"id": kind * 70_000 + number, "category_id": kind, "iscrowd": 0, "area": 1,
                         "bbox": [0, 0, 1, 1]} for kind in (1, 2)]  # fmt: skip
            annotations.append({"image_id": number, "file_name": f"{stem}.png", "segments_info": segments})
        content = coco_content(stems) | {"annotations": annotations}
        write(base / f"annotations/panoptic_{part}2017.json", json.dumps(content))
    save_images(base / "unlabeled2017", BARE)
    return base


def datumaro(base: Path) -> Path:
    """`Datumaro 1.0` of CVAT: the cat is a polygon, the dog run lengths that lie on top."""
    for subset, stems in (("Train", TRAIN + BARE), ("Validation", VAL)):
        save_images(base / f"images/{subset}", stems)
        write(base / f"annotations/{subset}.json", json.dumps(_datumaro_content(stems)))
    return base


def _datumaro_content(stems: Iterable[str]) -> dict[str, object]:
    items = []
    for number, stem in enumerate(stems):
        annotations = []
        for order, (name, box) in enumerate(boxes(stem) if stem not in BARE else []):
            points = [value for corner in corners(box) for value in corner]
            shape = {"type": "polygon", "points": points} if name == "cat" else {"type": "mask", "rle": runs_of(box)}
            annotations.append({"id": order, "attributes": {"occluded": False}, "group": 0, "z_order": order,
                                "label_id": CLASSES.index(name) - 1, **shape})  # fmt: skip
        items.append({"id": stem, "annotations": annotations, "attr": {"frame": number}, "media": {"path": ""},
                      "image": {"path": f"{stem}.jpg", "size": [HEIGHT, WIDTH]}})  # fmt: skip
    labels = [{"name": name, "parent": "", "attributes": []} for name in (*CLASSES[1:], "unused")]
    return {"info": {}, "categories": {"label": {"labels": labels, "attributes": ["occluded"]}}, "items": items}


def per_class(base: Path) -> Path:
    """A folder of binary masks for each class."""
    save_images(base / "images")
    for stem, mask in truths().items():
        for name in CLASSES[1:]:
            save_mask(base / f"masks/{name}/{stem}.png", 255 * (mask == CLASSES.index(name)).astype(np.uint8))
    return base


def several_masks(base: Path) -> Path:
    """A binary mask for each class of an image, its class in the name, as IDRiD's and ISIC's attributes have it."""
    save_images(base / "images")
    for stem, mask in truths().items():
        for index, name in enumerate(CLASSES[1:], start=1):
            save_mask(base / "masks" / f"{stem}_{name}.png", (mask == index).astype(np.uint8) * 255)
    return base


def labelbox(base: Path) -> Path:
    """Labelbox's masks, black and white with three channels, saved under the names of image and class."""
    save_images(base / "images")
    for stem, mask in truths().items():
        for index, name in enumerate(CLASSES[1:], start=1):
            save_mask(base / "masks" / f"{stem}_{name}.png", np.stack([(mask == index).astype(np.uint8) * 255] * 3, -1))
    return base


def pixel_annotation_tool(base: Path) -> Path:
    """Pixel Annotation Tool: beside each image the strokes, what the watershed made of them, and that in colours."""
    save_images(base)
    for stem, mask in truths().items():
        strokes = np.where(np.arange(WIDTH) % 5 == 0, mask, 0)
        for values, name in ((strokes, "mask"), (mask, "watershed_mask")):
            save_mask(base / f"{stem}_{name}.png", np.stack([values] * 3, -1))
        save_mask(base / f"{stem}_color_mask.png", np.array(COLOURS, np.uint8)[mask])
    write(base / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    return base


def objects(base: Path) -> Path:
    """A binary mask for each object beside its image, as the Breast Ultrasound Images (BUSI) have it."""
    for number, (stem, mask) in enumerate(truths().items()):
        folder = base / ("benign", "malignant")[number % 2]
        save_image(folder, stem, f"{stem}.png")
        save_mask(folder / f"{stem}_mask.png", (mask == 1).astype(np.uint8) * 255)
        save_mask(folder / f"{stem}_mask_1.png", (mask == 2).astype(np.uint8) * 255)
    return base


def pairs(base: Path) -> Path:
    """train.csv and val.csv of paths."""
    save_images(base / "images")
    for part, stems in (("train", TRAIN), ("val", VAL)):
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["image", "mask"])
        for stem in stems:
            save_mask(base / f"masks/m{stem}.png", truth(stem))
            rows.writerow([f"images/{stem}.jpg", f"masks/m{stem}.png"])
        write(base / f"{part}.csv", text.getvalue())
    write(base / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    return base


def unimatch(base: Path) -> Path:
    """Lists of pairs of paths, as UniMatch, ST++ and U2PL read them; unlabelled images have a mask's name too."""
    save_images(base / "JPEGImages")
    for stem, mask in truths().items():
        save_mask(base / f"SegmentationClass/{stem}.png", mask)
    for name, stems in (("labeled", TRAIN), ("val", VAL), ("unlabeled", BARE)):
        lines = [f"JPEGImages/{stem}.jpg SegmentationClass/{stem}.png\n" for stem in stems]
        write(base / f"{name}.txt", "".join(lines))
    write(base / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    return base


def cityscapes(base: Path) -> Path:
    """Cityscapes' files: masks of label ids, and beside them colours and instances; test masks are empty."""
    for part, stems in (("train", TRAIN), ("val", VAL), ("test", BARE)):
        for stem in stems:
            mask = truth(stem) if part != "test" else np.zeros((HEIGHT, WIDTH), np.uint8)
            ids = np.array([7, 8, 11] if part != "test" else [0], np.uint8)[mask]
            masks = base / f"gtFine/{part}/ulm"
            save_image(base / f"leftImg8bit/{part}/ulm", stem, f"{stem}_leftImg8bit.png")
            save_mask(masks / f"{stem}_gtFine_labelIds.png", ids)
            save_mask(masks / f"{stem}_gtFine_instanceIds.png", ids.astype(np.uint16) * 1000)
            save_mask(masks / f"{stem}_gtFine_color.png", np.array([*COLOURS], np.uint8)[mask])
            write(masks / f"{stem}_gtFine_polygons.json", json.dumps({"imgHeight": HEIGHT, "objects": []}))
    return base


def camvid(base: Path) -> Path:
    """CamVid's folders, suffix and table of colours."""
    for stem in TRAIN + VAL:
        save_image(base / "701_StillsRaw_full", stem, f"{stem}.png")
        save_mask(base / f"LabeledApproved_full/{stem}_L.png", np.array(COLOURS, np.uint8)[truth(stem)])
    lines = [f"{r} {g} {b}\t{name}" for name, (r, g, b) in zip(CLASSES, COLOURS, strict=True)]
    write(base / "label_colors.txt", "\n".join(lines) + "\n")
    return base


def via(base: Path) -> Path:
    """VIA's `via_region_data.json` in the folder of each part; images that were opened and not annotated are listed."""
    for part, stems in (("train", TRAIN + BARE), ("val", VAL)):
        save_images(base / part, stems)
        content = {}
        for stem in stems:
            regions = [_via_region(name, box) for name, box in boxes(stem)] if stem not in BARE else []
            one = {"filename": f"{stem}.jpg", "size": 1000, "regions": regions, "file_attributes": {}}
            content[f"{stem}.jpg1000"] = one
        write(base / part / "via_region_data.json", json.dumps(content))
    return base


def _via_region(name: str, box: Box) -> dict[str, object]:
    left, top, right, bottom = box
    shape: dict[str, object] = {"name": "rect", "x": left, "y": top, "width": right - left, "height": bottom - top}
    if name == "cat":
        shape = {
            "name": "polygon",
            "all_points_x": [x for x, _ in corners(box)],
            "all_points_y": [y for _, y in corners(box)],
        }
    return {"shape_attributes": shape, "region_attributes": {"class": name}}


def supervisely(base: Path) -> Path:
    """A project: meta.json, and for each data set `img/` and `ann/`; cats are bitmaps, dogs polygons."""
    classes = [{"title": name, "shape": "any", "color": "#FA3253", "id": i} for i, name in enumerate(CLASSES) if i]
    write(base / "meta.json", json.dumps({"classes": classes, "tags": [], "projectType": "images"}))
    for part, stems in (("train", TRAIN + BARE), ("val", VAL)):
        save_images(base / part / "img", stems)
        for stem in stems:
            objects = [_supervisely_object(name, box) for name, box in boxes(stem)] if stem not in BARE else []
            content = {"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}, "objects": objects}
            write(base / part / f"ann/{stem}.jpg.json", json.dumps(content))
    return base


def _supervisely_object(name: str, box: Box) -> dict[str, object]:
    common = {"id": 1, "classTitle": name, "labelerLogin": "me", "tags": []}
    if name == "dog":
        left, top, right, bottom = box
        points = corners((left, top, right - 1, bottom - 1))  # pixels, not edges
        return common | {"geometryType": "polygon", "points": {"exterior": points, "interior": []}}
    covered = np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8)
    bitmap = {"data": packed_png(covered), "origin": [box[0], box[1]]}
    return common | {"geometryType": "bitmap", "bitmap": bitmap}


def packed_png(mask: np.ndarray) -> str:
    """A PNG as Supervisely writes it into its JSON: packed, then in base 64."""
    return base64.b64encode(zlib.compress(base64.b64decode(png_text(mask)))).decode()


def png_text(mask: np.ndarray) -> str:
    """A mask as LabelMe's `mask` shapes carry it: a PNG in base 64."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()
