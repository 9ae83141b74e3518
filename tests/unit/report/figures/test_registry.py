"""All figures: the files that are written, the same bytes each time, and what is said of missing numbers."""

import re
import subprocess
import sys

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from made_up import write_receipt
from PIL import Image

from semiproto.provenance.sources import PACKAGE, sources
from semiproto.report.drawing import style
from semiproto.report.drawing.results import Sources, read_health
from semiproto.report.figures import calibration, curves, gain, patches, per_class, registry, samples, tsne
from semiproto.report.tables import tables as write_tables


@pytest.fixture
def draw_all(results):
    """Writes the tables of evaluations, and draws all figures from them; the names of the PNG files."""

    def draw(folders):
        write_tables(folders, results.tables)
        registry.draw_all(Sources(results.tables, folders, results.root / "raw"), results.root / "out")
        return sorted(path.stem for path in (results.root / "out").glob("*.png"))

    return draw


def test_every_file_beside_the_registry_is_a_figure_of_it():
    files = {path.stem for path in (PACKAGE / "report/figures").glob("*.py")} - {"__init__", "registry"}
    assert {entry.name for entry in registry.FIGURES} == files and len(registry.FIGURES) == len(files)
    assert all(entry.heading and entry.caption.endswith(".") for entry in registry.FIGURES)


def test_the_page_on_the_report_names_every_figure_in_order():
    page = (PACKAGE.parents[1] / "docs/report.md").read_text()
    table = page[page.index("| file | shows |") :].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [entry.name for entry in registry.FIGURES]


def test_a_change_of_any_figure_redraws_them():
    """Each is imported when it is drawn, inside a function: the rule's list of sources must still have it."""
    drawn = {path.as_posix() for path in sources("report.figures.registry")}
    assert {f"report/figures/{entry.name}.py" for entry in registry.FIGURES} <= drawn


def test_names_and_captions_are_read_without_the_libraries_that_draw():
    """Every `snakemake -n` reads them."""
    code = "import sys; from semiproto.report.figures import registry; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"matplotlib", "numpy", "pandas"} & set(done.stdout.split())


def test_same_input_same_bytes_and_no_torch(results, three_variants):
    """As the command draws them, twice, each in a process of its own that never loads torch."""
    folders = results.grid(three_variants)
    results.data().rename(results.root / "files")
    write_tables(folders, results.tables)
    options = [f"--evaluation={folder}" for folder in folders]
    options += [f"--tsne={results.tsne(['supervised', 'prototype'])}", f"--patches={results.patches()}"]
    options += [f"--health={results.health('prototype')}", f"--tables={results.tables}", f"--data={results.root}"]
    others = ("", "tables", "tsne/digits/30/seed0", "patches/digits/30/prototype/seed0")
    for folder in [*folders, *(results.root / other for other in others)]:
        write_receipt(folder)
    code = "import sys; from semiproto import cli; cli.app(standalone_mode=False); assert 'torch' not in sys.modules"
    for out in ("one", "two"):
        command = [sys.executable, "-c", code, "figures", *options, f"--out={results.root / out}"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (results.root / "one").iterdir() if path.name != "receipt.json")
    names = sorted(registry.stems(["30"]))
    assert files == [f"{name}.{kind}" for name in names for kind in ("pdf", "png")]
    for file in files:
        assert (results.root / "one" / file).read_bytes() == (results.root / "two" / file).read_bytes(), file
    with Image.open(results.root / "one" / "gain.png") as image:
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_several_splits_have_their_own_figures(results, draw_all, monkeypatch):
    shown = [entry for entry in registry.FIGURES if entry.name in ("gain", "labels", "method")]
    monkeypatch.setattr(registry, "FIGURES", shown)
    folders = results.grid({"prototype": [60.0]}) + results.grid({"prototype": [70.0]}, split="all")
    names = draw_all(folders)
    assert names == ["gain-30", "gain-all", "labels", "method"] == sorted(registry.stems(["30", "all"]))
    assert (results.root / "out" / "gain-30.png").read_bytes() != (results.root / "out" / "gain-all.png").read_bytes()


def test_little_was_run(results, draw_all):
    """One variant, one seed, no score, no t-SNE, no prototypes: every figure is made."""
    results.data()
    names = draw_all([results.run("supervised", 0, None)])
    assert names == sorted(entry.name for entry in registry.FIGURES)


@pytest.mark.filterwarnings("error")
def test_numbers_that_are_missing_are_said_and_not_made_up(results_of, results, texts_of):
    """A run that diverged: no score, no coverage, no pixel in any bin, no feature to compare, no pixel won."""
    features, nearest = results.tsne(["prototype"]), results.patches()
    (features / "compactness.csv").write_text("variant,space,class,silhouette,within_between\nprototype,plane,all,,\n")
    shares = pd.read_csv(nearest / "prototypes.csv", keep_default_na=False).assign(pixels=0, right="")
    shares.to_csv(nearest / "prototypes.csv", index=False)
    shown = results_of({"supervised": [50.0], "prototype": [None]}, [features], nearest)
    for name, columns in {"history": ["coverage"], "calibration": ["confidence", "accuracy"]}.items():
        shown.tables[name][columns] = np.nan
    shown.tables["calibration"]["pixels"] = 0
    assert texts_of(gain.draw(shown))[:2] == ["50.0 (one seed)", "no score"]
    assert texts_of(curves.draw(shown)) == ["no variant has\na number for it"] * 4
    assert all(len(line.get_xdata()) == 0 for line in calibration.draw(shown).axes[1].lines)
    said = texts_of(tsne.draw(shown))
    assert "not known" in said and "no pixel" in said
    assert texts_of(patches.draw(shown))[1] == "labelled: no pixel, right: no pixel\nunlabelled: no pixel"
    for entry in registry.FIGURES:
        entry.draw(shown).draw_without_rendering()


def test_odd_names_and_a_hundred_classes(results_of, results):
    """Names that matplotlib takes for mathematics, or for no label, and one that is longer than there is room for."""
    odd = ["_background_", "$x$", "$\\frac$", "a long name that is seen at both ends"]
    results.classes = [*odd, *(f"class {n}" for n in range(96))]
    shown = results_of({"prototype": [60.0]}, [results.tsne(["prototype"])], results.patches())
    (shown.runs[0].folder / "images.csv").write_text(
        "image,class,pixels,intersection,union\na,$x$,5,5,9\nb,$x$,5,5,9\n"
    )
    shown.tables.update(read_health([results.health("prototype")], shown.runs))
    with matplotlib.style.context(["default", style.STYLE]):
        for module in (curves, samples, tsne, per_class, patches):
            figure = module.draw(shown)
            figure.draw_without_rendering()
            for legend in figure.legends:
                box = legend.get_window_extent()
                assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, module.__name__
                assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, module.__name__
            named = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
            named += [text.get_text() for axes in figure.axes for text in (*axes.get_xticklabels(), *axes.texts)]
            assert {*odd[:3], "a long nam…both ends", "class 95"} <= set(named), module.__name__
