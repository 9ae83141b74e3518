"""Masks from a model folder alone: any image, any size, resumed, the same whatever else is predicted."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from gates import PATIENCE, Gate
from PIL import Image

from semiproto import cli
from semiproto.data.images.pixels import RGB8, PixelFormat
from semiproto.data.layout import read_image, read_mask, voc_palette
from semiproto.deploy import predict, segment
from semiproto.deploy.files import Options, alone_in, files_of
from semiproto.deploy.predict import predict_files
from semiproto.errors import Interrupted, UserError
from semiproto.measure import inference as evaluate
from semiproto.model.folder import CARD, MODEL, Card, load_model, save_weights, write_card
from semiproto.params import NormalisationParams
from semiproto.process.pool import Cores

CLASSES = ["background", "zero", "one", "two", "three", "four", "five"]


@pytest.fixture
def net(make_net):
    """A network whose classes differ from place to place."""
    net = make_net().eval()
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.mul_(30)
    return net


@pytest.fixture
def model(tmp_path, tiny, net):
    folder = tmp_path / "model"
    write_card(folder, Card(CLASSES, tiny.model, {"step": "pretrain"}))
    save_weights(folder / MODEL, net)
    return folder


@pytest.fixture
def images(tmp_path):
    """Saves an image of noise and blobs into the folder `images`."""
    folder = tmp_path / "images"
    folder.mkdir()

    def save(name, size=(45, 33), seed=0, mode="RGB", **options):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(size)
        fine = rng.integers(-20, 20, (size[1], size[0], 3))
        image = Image.fromarray((np.asarray(coarse) + fine).clip(0, 255).astype(np.uint8)).convert(mode)
        image.save(folder / name, **options)
        return folder / name

    return save


def masks_in(out):
    return {path.stem: read_mask(path) for path in sorted(out.glob("*.png"))}


def expected(net, image):
    """The whole image's classes and their probabilities, by plain torch."""
    pixels = torch.from_numpy(np.array(read_image(image))).permute(2, 0, 1)[None]
    with torch.no_grad():
        scores = torch.nn.functional.interpolate(
            net(pixels).logits, size=pixels.shape[-2:], mode="bilinear", align_corners=True
        )
    return scores.softmax(1).max(1)


# ------------------------------------------------------------------------------------------------ the masks


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (90, 1), (2, 3), (45, 33), (64, 64)])
def test_the_mask_is_the_class_of_the_highest_score_at_every_pixel(model, net, images, tmp_path, size):
    image = images("a.png", size)
    assert predict_files(model, [image], tmp_path / "out", Options()).written == 1
    found = masks_in(tmp_path / "out")["a"]
    _, classes = expected(net, image)
    assert found.shape == (size[1], size[0])
    np.testing.assert_array_equal(found, classes[0].numpy())


def test_larger_images_are_seen_in_overlapping_windows(model, net, images, tmp_path):
    image = images("a.png", (150, 100))
    predict_files(model, [image], tmp_path / "out", Options(window=64))
    pixels = torch.from_numpy(np.array(read_image(image))).permute(2, 0, 1)[None]
    total, count = torch.zeros(1, 7, 100, 150), torch.zeros(100, 150)
    with torch.no_grad():
        for top in (0, 36):
            for left in (0, 42, 84, 86):
                place = (..., slice(top, top + 64), slice(left, left + 64))
                part = net(pixels[place]).logits
                total[place] += torch.nn.functional.interpolate(part, (64, 64), mode="bilinear", align_corners=True)
                count[place[1:]] += 1
    assert count.min() >= 1
    np.testing.assert_array_equal(masks_in(tmp_path / "out")["a"], (total / count).argmax(1)[0].numpy())
    assert len(np.unique(masks_in(tmp_path / "out")["a"])) > 2


def test_bands_of_an_image_are_the_whole_of_it(net):
    """The method's score at every pixel, whether held band by band or all at once."""
    image = torch.randint(256, (1, 3, 200, 70), dtype=torch.uint8)
    window = evaluate.WindowParams(size=64, stride=20)
    found = [band["linear"] for band in evaluate.bands(evaluate.linear_scores(net), image, window)]
    assert max(band.shape[2] for band in found) <= 64 and sum(band.shape[2] for band in found) == 200
    whole = evaluate.predict(evaluate.linear_scores(net), image, window)["linear"]
    assert torch.equal(torch.cat(found, dim=2).argmax(1), whole)


def test_an_image_has_the_same_mask_alone_and_among_others(model, images, tmp_path):
    names = [f"{n}.png" for n in range(9)]
    files = [images(name, [(45, 33), (33, 45), (64, 50)][n // 3], seed=n) for n, name in enumerate(names)]
    options = Options(confidence=True)
    predict_files(model, files, tmp_path / "all", options)
    for file in files:
        predict_files(model, [file], tmp_path / "alone", options)
    for kind in (".", "confidence"):
        together, alone = masks_in(tmp_path / "all" / kind), masks_in(tmp_path / "alone" / kind)
        assert together.keys() == alone.keys() and len(together) == 9
        for stem in together:
            np.testing.assert_array_equal(together[stem], alone[stem])


def test_a_batch_has_the_classes_of_its_images_alone(net):
    """What a GPU is given; within rounding, so the confidence may differ by one of 255."""
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 56, 3), dtype=np.uint8)
    classes, confidence = segment.whole(net, images, 64)
    for n in range(5):
        alone, sure = segment.whole(net, images[n : n + 1], 64)
        np.testing.assert_array_equal(classes[n], alone[0])
        np.testing.assert_allclose(confidence[n].astype(int), sure[0].astype(int), atol=1)


def work(net, together, cores=2):
    """Of a device that takes so many images at once, with windows of 64 pixels."""
    return predict._Work(net, RGB8, voc_palette(), Options(window=64), together, Cores(cores))


def test_only_neighbours_of_one_size_make_a_batch_no_larger_than_a_window(net, images):
    sizes = [(40, 30)] * 3 + [(30, 40)] * 2 + [(40, 30)] + [(64, 64)] * 2 + [(90, 50)]
    files = [images(f"{n}.png", size) for n, size in enumerate(sizes)]
    todo = [files_of(file, file.parent / "out", Options(), "") for file in files]
    groups = [group for group, _ in predict._batches(todo, work(net, 16))]
    assert [len(group) for group in groups] == [3, 2, 1, 1, 1, 1]
    assert [one.image for group in groups for one in group] == files
    assert [len(group) for group, _ in predict._batches(todo, work(net, 2))] == [2, 1, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_images_that_are_looked_at_together_have_no_more_pixels_than_a_window(net, cores):
    for pixels in (1, 64, 1000, 2048, 64 * 64, 90 * 90):
        own = work(net, 1, cores).cores_for(pixels)
        assert 1 <= own <= cores
        assert cores // own * pixels <= max(pixels, 64 * 64)


@pytest.mark.parametrize("cores", [1, 3])
def test_the_number_of_cores_changes_no_bit(model, images, tmp_path, monkeypatch, cores):
    files = [images(f"{n}.png", [(45, 33), (64, 60), (150, 70)][n % 3], seed=n) for n in range(6)]
    before, options = torch.get_num_threads(), Options(window=64, confidence=True)
    predict_files(model, files, tmp_path / "usual", options)
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert predict_files(model, files, tmp_path / "other", options).written == 6
    monkeypatch.undo()
    for kind in (".", "confidence"):
        usual, other = masks_in(tmp_path / "usual" / kind), masks_in(tmp_path / "other" / kind)
        assert all(np.array_equal(usual[stem], other[stem]) for stem in usual) and len(usual) == 6
    torch.set_num_threads(before)


def test_a_fault_of_one_thread_ends_the_command_and_leaves_whole_masks(model, images, tmp_path, monkeypatch):
    """As on a full disk: the error is that of the write, and what is there is kept the next time."""
    files, write = [images(f"{n}.png", seed=n) for n in range(8)], predict._write

    def full(one, *rest):
        if one.image.stem == "3":
            raise OSError(errno.ENOSPC, "No space left on device", str(one.mask))
        write(one, *rest)

    monkeypatch.setattr(predict, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        predict_files(model, files, tmp_path / "out", Options())
    monkeypatch.undo()
    left = masks_in(tmp_path / "out")
    assert "3" not in left and not list((tmp_path / "out").glob(".*"))
    outcome = predict_files(model, files, tmp_path / "out", Options())
    assert (outcome.kept, outcome.kept + outcome.written) == (len(left), 8)


def test_an_image_of_many_windows_stops_at_the_next_one(model, images, tmp_path, monkeypatch):
    """Ctrl-C reaches the main thread, which tells the others; no mask is half written."""
    image, seen = images("a.png", (300, 300)), []
    asked = predict._go_on

    def interrupted(cores):
        seen.append(cores)
        cores.stopped.set()
        asked(cores)

    monkeypatch.setattr(predict, "_go_on", interrupted)
    with pytest.raises(Interrupted, match="goes on from there"):
        predict_files(model, [image], tmp_path / "out", Options(window=64))
    assert len(seen) == 1 and not list((tmp_path / "out").iterdir())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_masks_of_the_cpu_but_for_ties(model, images, tmp_path, monkeypatch):
    files = [images(f"{n}.png", seed=n) for n in range(6)]
    predict_files(model, files, tmp_path / "gpu", Options())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    predict_files(model, files, tmp_path / "cpu", Options())
    on_gpu, on_cpu = masks_in(tmp_path / "gpu"), masks_in(tmp_path / "cpu")
    assert np.mean([np.mean(on_gpu[stem] == on_cpu[stem]) for stem in on_cpu]) > 0.999


# ------------------------------------------------------------------------------------------------- the files


def test_masks_have_the_palette_of_the_card(model, images, tmp_path, tiny):
    colours = [[n, 2 * n, 3 * n] for n in range(7)]
    write_card(model, Card(CLASSES, tiny.model, {}, palette=colours))
    predict_files(model, [images("a.png")], tmp_path / "out", Options())
    with Image.open(tmp_path / "out/a.png") as mask:
        assert mask.mode == "P"
        shown = np.asarray(mask.convert("RGB"))
    np.testing.assert_array_equal(shown, np.array(colours)[masks_in(tmp_path / "out")["a"]])


def test_index_masks_are_grey(model, images, tmp_path):
    image = images("a.png")
    predict_files(model, [image], tmp_path / "palette", Options())
    predict_files(model, [image], tmp_path / "grey", Options(palette=False))
    with Image.open(tmp_path / "grey/a.png") as mask:
        assert mask.mode == "L"
    np.testing.assert_array_equal(masks_in(tmp_path / "grey")["a"], masks_in(tmp_path / "palette")["a"])


def test_confidence_is_the_probability_of_the_class(model, net, images, tmp_path):
    image = images("a.png")
    predict_files(model, [image], tmp_path / "out", Options(confidence=True))
    found = np.asarray(Image.open(tmp_path / "out/confidence/a.png"))
    probability, _ = expected(net, image)
    np.testing.assert_allclose(found, 255 * probability[0].numpy(), atol=0.51)
    assert np.ptp(found) > 50


def test_an_overlay_is_half_image_and_half_colours(model, images, tmp_path):
    image = images("a.png", (64, 64))
    predict_files(model, [image], tmp_path / "out", Options(overlay=True))
    found = np.asarray(Image.open(tmp_path / "out/overlay/a.jpg"), dtype=float)
    colours = voc_palette()[masks_in(tmp_path / "out")["a"]]
    mixed = (np.asarray(read_image(image), dtype=float) + colours) / 2
    assert np.abs(found - mixed).mean() < 8


@pytest.mark.parametrize("first", [(0, 0, 0), (250, 0, 250)])
def test_an_overlay_leaves_the_first_class_as_it_is_where_its_colour_is_black(
    model, net, images, tmp_path, tiny, first
):
    with torch.no_grad():
        net.heads["linear"].layers[-1].bias[0] += 1000
    save_weights(model / MODEL, net)
    write_card(model, Card(CLASSES, tiny.model, {}, palette=[list(first), *voc_palette()[1:7].tolist()]))
    image = images("a.png", (64, 64))
    predict_files(model, [image], tmp_path / "out", Options(overlay=True))
    found = np.asarray(Image.open(tmp_path / "out/overlay/a.jpg"), dtype=float)
    pixels = np.asarray(read_image(image), dtype=float)
    expected = pixels if first == (0, 0, 0) else (pixels + first) / 2
    assert np.abs((found - expected).mean(axis=(0, 1))).max() < 4  # on average, as JPEG blurs the noise


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [("grey.png", "L", {}), ("cmyk.jpg", "CMYK", {}), ("alpha.png", "RGBA", {}), ("palette.png", "P", {}),
     ("bits.png", "1", {}), ("greyalpha.png", "LA", {}), ("CAPITALS.JPG", "RGB", {"format": "JPEG"}),
     ("with a blank é.png", "RGB", {})],
)  # fmt: skip
def test_any_kind_of_image_is_read(model, images, tmp_path, name, mode, options):
    image = images(name, mode=mode, **options)
    outcome = predict_files(model, [image.parent], tmp_path / "out", Options())
    assert outcome.written == 1 and not outcome.unreadable
    assert masks_in(tmp_path / "out")[image.stem].shape == (33, 45)


def test_deep_images_are_scaled_by_the_range_that_the_card_gives(model, images, tmp_path, tiny):
    """A 10-bit picture in 16 bits has the mask of the 8-bit picture that it becomes."""
    image = images("a.png", mode="L")
    deep = image.with_name("deep.png")
    values = np.asarray(Image.open(image)).astype(np.uint16) * 4 + 100
    Image.fromarray(values).save(deep)
    predict_files(model, [image], tmp_path / "out", Options())
    form = PixelFormat(kind="integer", low=[100.0] * 3, high=[1120.0] * 3)
    write_card(model, Card(CLASSES, tiny.model, {}, pixels=form))
    predict_files(model, [deep], tmp_path / "out", Options())
    found = masks_in(tmp_path / "out")
    np.testing.assert_array_equal(found["deep"], found["a"])


def test_images_of_another_depth_than_the_training_images_are_skipped_and_said(model, images, tmp_path, tiny):
    deep = images("a.png").with_name("deep.png")
    Image.fromarray(np.full((9, 9), 700, np.uint16)).save(deep)
    outcome = predict_files(model, [deep], tmp_path / "out", Options())
    assert outcome.written == 0 and "deep.png: samples of more than 8 bits" in outcome.unreadable[0]
    write_card(model, Card(CLASSES, tiny.model, {}, pixels=PixelFormat(kind="float", low=[0.0] * 3, high=[1.0] * 3)))
    outcome = predict_files(model, [tmp_path / "images"], tmp_path / "out", Options())
    assert outcome.written == 0 and len(outcome.unreadable) == 2
    assert "samples of 8 bits, and those of the set are floating-point" in outcome.unreadable[0]


def test_the_mask_is_of_the_image_as_it_is_shown(model, images, tmp_path):
    """A camera's turn (EXIF) is applied."""
    image = Image.open(images("a.png"))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "images/turned.png", exif=exif)
    shown = image.transpose(Image.Transpose.ROTATE_270)
    shown.save(tmp_path / "images/shown.png", exif=Image.Exif())
    predict_files(model, [tmp_path / "images"], tmp_path / "out", Options())
    found = masks_in(tmp_path / "out")
    assert found["turned"].shape == (45, 33) and found["a"].shape == (33, 45)
    np.testing.assert_array_equal(found["turned"], found["shown"])


def test_what_cannot_be_read_is_skipped_and_listed(model, images, tmp_path):
    for n in range(3):
        images(f"good{n}.png")
    cut = images("cut.jpg")
    cut.write_bytes(cut.read_bytes()[:700])
    cut.with_name("text.jpg").write_text("not a picture")
    cut.with_name("empty.png").write_bytes(b"")
    cut.with_name("gone.png").symlink_to(tmp_path / "nowhere")
    cut.with_name("folder.png").mkdir()
    cut.with_name("._good0.png").write_bytes(b"what a Mac leaves behind")
    outcome = predict_files(model, [cut.parent], tmp_path / "out", Options())
    assert outcome.written == 3 and sorted(masks_in(tmp_path / "out")) == ["good0", "good1", "good2"]
    named = {line.split(":")[0].rsplit("/", 1)[1] for line in outcome.unreadable}
    assert named == {"cut.jpg", "text.jpg", "empty.png", "gone.png", "folder.png"}


# --------------------------------------------------------------------------------------------- resuming, refusing


def times(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("[!.]*.*")}


def test_masks_that_are_there_are_kept(model, images, tmp_path):
    files = [images(f"{n}.png", seed=n) for n in range(4)]
    out = tmp_path / "out"
    predict_files(model, files[:2], out, Options())
    before = times(out)
    outcome = predict_files(model, files, out, Options())
    assert (outcome.kept, outcome.written) == (2, 2)
    assert {path: time for path, time in times(out).items() if path in before} == before


def test_a_killed_command_goes_on_where_it_was(model, images, tmp_path):
    files = [images(f"{n}.png", (60, 40), seed=n) for n in range(6)]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "semiproto", "predict", str(model), str(files[0].parent), "-o", str(out)]
    with Gate("3.png") as gate:
        process = subprocess.Popen(command, env=gate.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        gate.wait(process)
        while len(times(out)) < 5:  # those of other threads
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = times(out)
    outcome = predict_files(model, files, out, Options())
    assert (outcome.kept, outcome.written) == (5, 1)
    assert {path: when for path, when in times(out).items() if path in before} == before
    predict_files(model, files, tmp_path / "fresh", Options())
    resumed, fresh = masks_in(out), masks_in(tmp_path / "fresh")
    assert len(fresh) == 6
    for stem, mask in fresh.items():
        np.testing.assert_array_equal(resumed[stem], mask)


@pytest.mark.parametrize("change", ["weights", "card", "window", "palette", "image", "no mask", "broken mask"])
def test_masks_of_something_else_are_made_again(model, net, images, tmp_path, tiny, change):
    image, out, options = images("a.png", (80, 70)), tmp_path / "out", Options(window=64)
    predict_files(model, [image], out, options)
    if change == "weights":
        with torch.no_grad():
            net.heads["linear"].layers[-1].bias[3] += 100
        save_weights(model / MODEL, net)
    elif change == "card":
        write_card(model, Card(CLASSES, tiny.model, {}, palette=[[1, 2, 3]] * 7))
    elif change == "window":
        options = replace(options, window=70)
    elif change == "palette":
        options = replace(options, palette=False)
    elif change == "image":
        images("a.png", (80, 70), seed=9)
    elif change == "no mask":
        (out / "a.png").unlink()
    else:
        (out / "a.png").write_bytes(b"broken")
    outcome = predict_files(model, [image], out, options)
    assert (outcome.kept, outcome.written) == (0, 1)
    assert predict_files(model, [image], out, options).kept == 1
    predict_files(model, [image], tmp_path / "fresh", options)
    np.testing.assert_array_equal(masks_in(out)["a"], masks_in(tmp_path / "fresh")["a"])


def test_an_overlay_asked_for_later_is_made(model, images, tmp_path):
    image, out = images("a.png"), tmp_path / "out"
    predict_files(model, [image], out, Options())
    assert predict_files(model, [image], out, Options(overlay=True)).written == 1
    assert (out / "overlay/a.jpg").is_file()
    assert predict_files(model, [image], out, Options()).kept == 1


def test_two_images_that_would_share_a_mask_are_refused(model, images, tmp_path, one_line):
    first, second = images("a.png"), images("a.jpg")
    with pytest.raises(UserError) as error:
        predict_files(model, [first, second], tmp_path / "out", Options())
    one_line(error, second, first, "the same name")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", [".", "overlay", "confidence"])
def test_no_result_takes_the_place_of_an_input(model, images, tmp_path, one_line, part):
    image = images("a.jpg" if part == "overlay" else "a.png")
    out = tmp_path / "out"
    (out / part).mkdir(parents=True)
    inside = image.rename(out / part / image.name)
    with pytest.raises(UserError) as error:
        predict_files(model, [inside], out, Options(overlay=True, confidence=True))
    one_line(error, inside, "would overwrite an input image")


@pytest.mark.parametrize("part", [".", "overlay"])
def test_a_folder_that_is_read_cannot_take_masks(model, images, tmp_path, one_line, part):
    folder = tmp_path / "out" / part
    folder.mkdir(parents=True)
    images("a.bmp").rename(folder / "b.jpeg")
    with pytest.raises(UserError) as error:
        predict_files(model, [folder], tmp_path / "out", Options(overlay=True))
    one_line(error, folder, "among the images", "--out")


def test_a_file_that_is_named_twice_is_predicted_once(model, images, tmp_path):
    image = images("a.png")
    (tmp_path / "link.d").symlink_to(image.parent)
    paths = [image, image.parent, image.parent / "../images/a.png", tmp_path / "link.d/a.png"]
    assert predict_files(model, paths, tmp_path / "out", Options()).written == 1


def test_a_name_that_is_no_text_is_as_good_as_any(model, images, tmp_path):
    image = images("a.png")
    image = image.rename(image.with_name(os.fsdecode(b"caf\xe9.png")))
    for expected in ((1, 0), (0, 1)):
        outcome = predict_files(model, [image.parent], tmp_path / "out", Options())
        assert (outcome.written, outcome.kept) == expected
    assert (tmp_path / "out" / image.name).is_file()


def test_what_is_no_file_is_skipped_and_listed_on_one_line(model, images, tmp_path):
    folder = images("a.png").parent
    os.mkfifo(folder / "pipe.jpg")
    (folder / "dead.jpg").symlink_to(tmp_path / "nowhere")
    (folder / "two\nlines.jpg").write_text("not a picture")
    outcome = predict_files(model, [folder], tmp_path / "out", Options())
    assert outcome.written == 1
    dead, pipe, lines = outcome.unreadable
    assert "pipe.jpg: not a regular file" in pipe and "dead.jpg: a link to a file that is not there" in dead
    assert "two\\nlines.jpg" in lines and "\n" not in lines


@pytest.mark.parametrize(
    ("path", "words"),
    [("none.jpg", ["no such file"]), ("dead.jpg", ["a link to a file that is not there"])],
)
def test_an_argument_that_is_not_there_is_one_line(model, images, tmp_path, one_line, path, words):
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError) as error:
        predict_files(model, [tmp_path / path], tmp_path / "out", Options())
    one_line(error, tmp_path / path, *words)


def test_the_weights_in_place_of_their_folder_are_one_line(model, images, tmp_path, one_line):
    with pytest.raises(UserError) as error:
        predict_files(model / MODEL, [images("a.png")], tmp_path / "out", Options())
    one_line(error, model / MODEL, "name the folder")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_says_so_in_one_line(model, images, tmp_path, kind):
    for n in range(6):
        images(f"{n}.png")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "semiproto", "predict", str(model), str(tmp_path / "images"), "-o", str(out)]
    with Gate("3.png") as gate:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        one_by_one = gate.environment() | {"OMP_NUM_THREADS": "1"}
        process = subprocess.Popen([*command, "--window", "64"], env=one_by_one, text=True, **pipes)
        gate.wait(process)
        process.send_signal(kind)
        assert any("stops after what has begun" in line for line in process.stderr)
        gate.open(process)
        said, warned = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and said == ""
    assert warned == f"semiproto: {out}: stopped; the same command goes on\n"
    assert [path.stem for path in sorted(out.glob("*"))] == list(masks_in(out)) == ["0", "1", "2", "3"]


def test_an_old_card_without_palette_and_normalisation_still_predicts(model, images, tmp_path):
    image = images("a.png")
    predict_files(model, [image], tmp_path / "new", Options())
    fields = json.loads((model / CARD).read_text())
    for name in ("palette", "normalisation", "licence"):
        del fields[name]
    (model / CARD).write_text(json.dumps(fields))
    predict_files(model, [image], tmp_path / "old", Options())
    assert (tmp_path / "new/a.png").read_bytes() != b""
    np.testing.assert_array_equal(masks_in(tmp_path / "old")["a"], masks_in(tmp_path / "new")["a"])


def test_the_normalisation_is_the_cards(model, images, tmp_path, tiny):
    plain = NormalisationParams(mean=[0, 0, 0], std=[1, 1, 1])
    write_card(model, Card(CLASSES, tiny.model, {}, normalisation=plain))
    net = load_model(model)
    assert net.mean.flatten().tolist() == [0, 0, 0] and net.std.flatten().tolist() == [255, 255, 255]


def test_the_command_says_what_it_did(model, images, tmp_path, monkeypatch, capfd):
    for n in range(2):
        images(f"{n}.png")
    (tmp_path / "images/text.jpg").write_text("not a picture")
    command = ["semiproto", "predict", str(model), str(tmp_path / "images"), "-o", str(tmp_path / "out"), "--overlay"]
    monkeypatch.setattr(sys, "argv", command)
    for done in ("written: 2, already there: 0", "written: 0, already there: 2"):
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capfd.readouterr()
        assert end.value.code == 1 and done in said.out
        assert f"skipped: {tmp_path / 'images/text.jpg'}" in said.err
        assert said.err.splitlines()[-1].startswith("semiproto: images that could not be read: 1")


def test_files_that_are_passed_over_are_said_with_the_reason(model, images, tmp_path):
    images("a.png")
    folder = tmp_path / "images"
    (folder / "sub").mkdir()
    (folder / "a.png").rename(folder / "sub/b.png")
    images("a.png")
    for name in ("scan.dcm", "notes.txt", ".DS_Store"):
        (folder / name).write_text("x")
    rows = {row.use: row.example for row in predict_files(model, [folder], tmp_path / "out", Options()).files}
    assert rows == {
        "images": "a.png",
        "passed over: .dcm files": "scan.dcm",
        "passed over: .txt files": "notes.txt",
        "passed over: images in subfolders; name the subfolders too": "sub/b.png",
        "passed over: hidden files and those of the system": ".DS_Store",
    }
    (folder / "a.png").unlink()
    with pytest.raises(UserError, match=r"no image in it .* but 1 passed over"):
        predict_files(model, [folder], tmp_path / "out", Options())
    both = predict_files(model, [folder / "sub"], tmp_path / "out", Options())  # the remedy
    assert both.written == 1


def test_results_of_another_model_are_made_again_and_none_is_left_beside(model, net, images, tmp_path):
    images("a.png")
    folder, out, fresh = tmp_path / "images", tmp_path / "out", tmp_path / "fresh"
    everything = Options(overlay=True, confidence=True)
    predict_files(model, [folder], out, everything)
    with torch.no_grad():
        net.heads["linear"].layers[-1].weight.neg_()
    save_weights(model / MODEL, net)
    predict_files(model, [folder], out, Options())
    assert [path.name for path in out.rglob("*.*")] == ["a.png"]
    predict_files(model, [folder], out, everything)
    predict_files(model, [folder], fresh, everything)
    for name in ("a.png", "overlay/a.jpg", "confidence/a.png"):
        assert (out / name).read_bytes() == (fresh / name).read_bytes()
    assert predict_files(model, [folder], out, Options()).kept == 1
    assert (out / "overlay/a.jpg").is_file()  # of the same model: it goes with the mask


def test_one_predict_writes_into_a_folder_at_a_time(model, images, tmp_path, one_line):
    images("a.png")
    with alone_in(tmp_path / "out"), pytest.raises(UserError) as error:
        predict_files(model, [tmp_path / "images"], tmp_path / "out", Options())
    one_line(error, tmp_path / "out", "another command", "--out")
    assert predict_files(model, [tmp_path / "images"], tmp_path / "out", Options()).written == 1


def test_a_model_that_changes_while_it_is_read_is_not_used(model, images, tmp_path, monkeypatch, one_line):
    images("a.png")
    load = predict.model_folder.load_model

    def load_and_change(folder):
        network = load(folder)
        (folder / CARD).write_text((folder / CARD).read_text() + "\n")
        return network

    monkeypatch.setattr(predict.model_folder, "load_model", load_and_change)
    with pytest.raises(UserError) as error:
        predict_files(model, [tmp_path / "images"], tmp_path / "out", Options())
    one_line(error, model, "changed while it was read")


@pytest.mark.parametrize("name", ["a.png", "overlay/a.jpg", "confidence/a.png"])
def test_a_picture_that_predict_did_not_write_is_not_replaced(model, images, tmp_path, one_line, name):
    """Such as the user's own masks, or a prediction that was corrected in an editor, which leaves out the text."""
    images("a.png")
    everything, mine = Options(overlay=True, confidence=True), tmp_path / "out" / name
    predict_files(model, [tmp_path / "images"], tmp_path / "out", everything)
    image = Image.open(mine)
    image.info.clear()
    image.save(mine)
    before = mine.read_bytes()
    with pytest.raises(UserError) as error:
        predict_files(model, [tmp_path / "images"], tmp_path / "out", everything)
    one_line(error, mine, "not written by `predict`, or changed since", "--out")
    assert mine.read_bytes() == before
    mine.unlink()  # the remedy: away
    assert predict_files(model, [tmp_path / "images"], tmp_path / "out", everything).written == 1


def test_masks_of_an_earlier_command_are_told(model, net, images, tmp_path):
    a, b = images("a.png"), images("b.png", seed=1)
    out = tmp_path / "out"
    assert predict_files(model, [a, b], out, Options()).notes == []
    (out / "mine.txt").write_text("a note")
    b.write_bytes(b"no picture")
    (told,) = predict_files(model, [a, b], out, Options()).notes
    assert told.startswith(f"{out}: holds 1 masks of an earlier command") and "(b.png)" in told
    b.unlink()
    assert predict_files(model, [a], out, Options()).notes == [told]


def test_masks_of_other_code_are_made_again(model, images, tmp_path, monkeypatch):
    a = images("a.png")
    assert predict_files(model, [a], tmp_path / "out", Options()).written == 1
    monkeypatch.setattr(predict.sources, "digests", lambda module: {"deploy/predict.py": "other"})
    assert predict_files(model, [a], tmp_path / "out", Options()).written == 1
