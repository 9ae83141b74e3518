"""The report's page, read with an HTML parser: complete, self-contained, in order, and nothing made up."""

import json
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import yaml
from made_up import write_receipt
from PIL import Image

from semiproto import cli
from semiproto.errors import UserError
from semiproto.provenance.artifacts import write_text
from semiproto.report import page as reporting
from semiproto.report import tables
from semiproto.report.figures.registry import FIGURES, stems
from semiproto.report.page import PageSources, write_page
from semiproto.report.receipts import anchor, differences_from_paper, parse_receipt


class Page(HTMLParser):
    """Elements, in order, and the text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words, self.html = [], [], html
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page_of(results, paper):
    """Runs to the report of them, with two figures."""

    def make(scores, receipts=(), **changes):
        folders = [results.run(v, seed, s, **changes) for v, own in scores.items() for seed, s in enumerate(own)]
        tables.tables(folders, results.tables)
        drawn = results.root / "figures"
        drawn.mkdir()
        Image.new("RGB", (40, 30), "red").save(drawn / "gain.png")
        Image.new("RGB", (50, 30), "blue").save(drawn / "samples-30.png")
        write_page(PageSources(results.tables, drawn, list(receipts), paper), results.root / "report.html")
        return Page((results.root / "report.html").read_text(encoding="utf-8"))

    return make


@pytest.fixture
def receipt(tmp_path):
    folder = tmp_path / "models" / "prototype" / "seed0"
    folder.mkdir(parents=True)
    config = {"semi": {"tau": 0.8}, "note": "</script><b>bold</b>"}
    write_receipt(
        folder,
        "train",
        outputs={"model.safetensors": "c" * 64},
        config=config,
        inputs=[],
        seed=7,
        seconds=12.5,
        device="cuda:3",
        facts={"steps": 1234, "warnings": ["step 60: dead prototype (cat/1): lower prototypes.per_class"]},
    )
    return folder / "receipt.json"


def test_it_is_self_contained(page_of, three_variants, receipt):
    page = page_of(three_variants, [receipt])
    links = [a[name] for _, a in page.elements for name in ("src", "href", "action", "data") if name in a]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "url(" not in page.html
    assert "@import" not in page.html
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    assert len(page.html) < 10 * 2**20


def test_findings_come_before_the_tables(page_of, three_variants):
    page = page_of(three_variants)
    sentence = "Did the unlabelled images help? helped by 12.0 points, 95 % interval 9.5 to 14.5."
    assert sentence in page.text
    assert page.html.index("helped by 12.0 points") < page.html.index("<table") < page.html.index("<img")
    assert "not known: consistency-equal-loss was not run; run" in page.text


def test_headings_go_down_one_level_at_a_time(page_of, three_variants, receipt):
    page = page_of(three_variants, [receipt])
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.all("html") == [{"lang": "en"}]


def test_figures_have_words_and_sizes(page_of, three_variants):
    page = page_of(three_variants)
    images = page.all("img")
    assert [(i["width"], i["height"]) for i in images] == [("40", "30"), ("50", "30")]
    assert all(len(i["alt"]) > 30 and i["loading"] == "lazy" for i in images)
    assert images[1]["alt"].startswith("Predictions, 30 labelled images.")  # the split that its file is named after


def test_tables_show_what_the_csv_files_say(page_of, three_variants):
    page = page_of(three_variants)
    assert "supervised 1,400 52.0 ± 2.0 90.0 ± 0.0 none 30.0 ± 0.0 95.0 ± 0.0 7.5 ± 0.0 3" in page.text
    assert "supervised-equal-compute not run" in page.text
    assert "prototype − consistency +4.0 −22.2 to +30.2 3 can't tell: +4.0 points" in page.text
    assert "background 62.0 ± 2.0 70.0 ± 10.0 74.0 ± 1.0 cat 42.0 ± 2.0" in page.text
    assert "consistency, seed 2 digits 30 1,400 50.0 90.0" in page.text
    assert "nan" not in page.text.lower()


def test_every_column_can_be_sorted_from_the_keyboard(page_of, three_variants):
    page = page_of(three_variants)
    headings = [a for a in page.all("th") if a.get("scope") == "col"]
    assert len(headings) == len(page.all("button")) > 20
    assert "aria-sort" in page.html


def test_receipts_are_told(page_of, three_variants, receipt):
    page = page_of(three_variants, [receipt])
    assert len(page.all("details")) == 1
    made = json.loads(receipt.read_text())["made"]
    for fact in ("models/prototype/seed0 (12.5 s on cuda:3)", "steps 1234", "seed 7", "tau: 0.8", "c" * 64):
        assert fact in page.text
    assert f"torch {made['packages']['torch']}" in page.text
    assert f"Python {made['python']}" in page.text
    assert "models/prototype/seed0 warned: step 60: dead prototype (cat/1)" in page.text


def test_a_number_leads_to_all_that_it_came_from(page_of, results, receipt):
    """From the variant to its runs, from a run to its evaluation, and from there to the training."""
    folder = results.root / "eval" / "digits" / "30" / "prototype" / "seed0"
    write_receipt(folder, "evaluate", outputs={}, config={}, inputs=[receipt.parent], seed=0, seconds=1)
    page = page_of({"prototype": [60.0]}, [folder / "receipt.json", receipt])
    links = [attributes["href"] for attributes in page.all("a")]
    evaluated, trained = (f"#{anchor(path)}" for path in (folder, receipt.parent))
    assert "#runs-table" in links
    assert links.count(evaluated) == 1 and links.count(trained) == 2  # its warning, and the evaluation's origin


def test_parameters_that_differ_from_the_papers_are_told(page_of, receipt):
    page = page_of({"prototype": [60.0]}, [receipt])
    assert "No parameter of the runs differs from voc-classic.yaml." in page.text  # tau is 0.8 there too


def test_the_full_methods_run_is_compared_with_the_paper(tmp_path, paper):
    sections = yaml.safe_load(paper.read_text())
    sections["semi"]["teacher"]["decay"] = 0.9
    receipts = []
    for method, tau in (("consistency", 0.5), ("prototype", 0.6)):
        sections["semi"]["tau"] = tau
        config = {name: sections[name] for name in ("model", "semi")} | {"method": method}
        write_receipt(tmp_path / method, "train", outputs={}, config=config, inputs=[], seed=0, seconds=1)
        receipts.append(parse_receipt(tmp_path / method / "receipt.json"))
    found = differences_from_paper(receipts, paper).set_index("parameter")
    assert found[["voc-classic.yaml", "here"]].to_numpy().tolist() == [["0.8", "0.6"], ["0.99", "0.9"]]
    assert list(found.index) == ["semi.tau", "semi.teacher.decay"]
    assert found.loc["semi.tau", "what it is"].startswith("a pixel counts where")


def test_figures_come_in_the_order_of_their_registry(tmp_path):
    (tmp_path / "gains.png").write_bytes(b"another file whose name begins as a figure's does")
    for stem in stems(["30", "all"]):
        Image.new("RGB", (4, 3)).save(tmp_path / f"{stem}.png")
    expected = []
    for entry in FIGURES:
        splits = [", 30 labelled images", ", all labelled images"] if entry.per_split else [""]
        expected += [(entry.heading + split, entry.caption) for split in splits]
    assert [(picture.heading, picture.caption) for picture in reporting._pictures(tmp_path)] == expected


def test_large_figures_are_packed(tmp_path):
    noise = Image.effect_noise((700, 700), 80)
    noise.save(tmp_path / "samples.png")
    noise.crop((0, 0, 50, 50)).save(tmp_path / "gain.png")
    sources = {picture.heading: picture.source for picture in reporting._pictures(tmp_path)}
    assert sources["The gain"].startswith("data:image/png;base64,")
    assert sources["Predictions"].startswith("data:image/webp;base64,")
    assert len(sources["Predictions"]) < (tmp_path / "samples.png").stat().st_size


def test_what_runs_say_is_text_not_markup(page_of, receipt):
    page = page_of({"prototype": [60.0]}, [receipt], classes=["<i>sky</i>", "a&b", "c"])
    assert page.all("b") == page.all("i") == []
    assert "<i>sky</i>" in page.text
    assert "<b>bold</b>" in page.text


def test_little_was_run(page_of):
    page = page_of({"supervised": [None]})
    assert "not known: prototype was not run" in page.text
    assert page.text.count("No receipts were given") == 3
    assert "no score" in page.text


def test_published_numbers_stand_beside_ours(page_of, results):
    voc = {"set": "voc-sbd", "family": "classic", "encoder": "resnet101s.gluon_in1k", "split": "92", "labels": 92}
    text = page_of({"prototype": [70.0]}, **voc).text
    assert "classic, 92 the paper 70.06 90.0 (one seed) 70.0 (one seed) 1 whole images Xu et al., NeurIPS 2022" in text
    assert "No number to compare with" not in text and "Not finished" not in text


def test_without_figures_or_a_run_it_says_so(results, paper):
    tables.tables([results.run("prototype", 0, 60.0), results.root / "eval/seed1"], results.tables)
    write_page(PageSources(results.tables, results.root / "gone", [], paper), results.root / "report.html")
    page = (results.root / "report.html").read_text()
    assert "No figures were made." in page
    assert f"Not finished, and in no number here: {results.root.as_posix()}/eval/seed1." in page
    assert "No number to compare with. digits: nobody published" in page


def test_same_input_same_bytes(page_of, results, three_variants, receipt, paper):
    page = page_of(three_variants, [receipt])
    write_page(PageSources(results.tables, results.root / "figures", [receipt], paper), results.root / "again.html")
    assert (results.root / "again.html").read_text(encoding="utf-8") == page.html


def test_damaged_inputs_are_named(page_of, three_variants, receipt, results, paper):
    receipt.write_text('{"step": "train"}')
    with pytest.raises(UserError, match=r"seed0/receipt\.json: not a receipt"):
        page_of(three_variants, [receipt])
    (results.tables / "verdict.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match=r"verdict\.csv: damaged, it has no column dataset"):
        write_page(PageSources(results.tables, results.root / "figures", [], paper), results.root / "report.html")
    with pytest.raises(UserError, match=r"summary\.csv: no such table"):
        write_page(
            PageSources(results.root / "gone", results.root / "figures", [], paper), results.root / "report.html"
        )


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("summary.csv", lambda text: text.replace(",52.00,", ",many,"), "miou_mean is many in row 1"),
        ("summary.csv", lambda text: text.replace("ece_mean", "ece"), "no column ece_mean"),
        ("verdict.csv", lambda text: text.replace(",12.00,", ",much,"), "gain is much in row 1"),
        ("runs.csv", lambda text: text.replace(",54.00,", ",x,"), "miou is x in row 3"),
        ("per_class.csv", lambda text: text + text.splitlines()[1] + "\n", "row 10 is there twice"),
        ("forecast.csv", lambda _: "dataset,labels\ndigits,30\n", "no column sentence"),
    ],
)
def test_damaged_tables_are_named(page_of, three_variants, results, paper, name, change, words):
    page_of(three_variants)
    path = results.tables / name
    path.write_text(change(path.read_text() if path.exists() else ""))
    with pytest.raises(UserError, match=rf"{name}: damaged, .*{words}"):
        write_page(PageSources(results.tables, results.root / "figures", [], paper), results.root / "report.html")


def test_what_fails_leaves_the_former_results(page_of, three_variants, results, paper):
    """The commands read the receipts of what they are given before they write."""
    page_of(three_variants)
    page, drawn, folders = results.root / "report.html", results.root / "figures", [results.root / "eval" / "gone"]
    before = page.read_bytes()
    with pytest.raises(UserError, match=r"tables/receipt\.json: no such file"):
        cli.steps.report(results.tables, drawn, [], paper, page)
    with pytest.raises(UserError, match=r"raw/receipt\.json: no such file"):
        cli.steps.figures(results.tables, folders, results.root / "raw", drawn)
    (drawn / "gain.png").unlink()
    for folder in (results.tables, drawn):
        write_receipt(folder, "made", outputs={}, config={}, inputs=[], seed=None, seconds=None)
    assert page.read_bytes() == before
    cli.steps.report(results.tables, drawn, [], paper, page)  # no forecast was made: none is asked for
    assert page.read_bytes() != before


@pytest.mark.parametrize("size", [0, 60])
def test_a_damaged_figure_is_named(page_of, three_variants, results, paper, size):
    page_of(three_variants)
    path = results.root / "figures" / "gain.png"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"gain\.png: cannot be read as an image"):
        write_page(PageSources(results.tables, results.root / "figures", [], paper), results.root / "report.html")


def test_the_forecast_stands_with_the_verdict_of_its_labels(page_of, results):
    rows = "digits,30,labeled,38 % are right.\ndigits,60,labeled,Another split.\n"
    write_text(results.tables / "forecast.csv", f"dataset,labels,images,sentence\n{rows}")
    page = page_of({"prototype": [60.0]})
    assert "What was forecast before the long run? 38 % are right. How to read" in page.text
    assert "Another split." not in page.text
