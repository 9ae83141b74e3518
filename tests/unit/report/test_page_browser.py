"""The report in a real browser, headless Chromium: it loads, sorts, fits a phone, and can be read by everyone."""

import shutil

import pytest
from made_up import write_receipt

from semiproto.report.drawing.results import Sources
from semiproto.report.figures.registry import FIGURES, draw_all
from semiproto.report.page import write_page
from semiproto.report.tables import tables as write_tables

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: pip install '.[test]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, e.g. apt install chromium")

WIDTHS = {"phone": 390, "desk": 1400}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        # Without the sandbox, which refuses to run as root, as it would in a container.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(results, three_variants, paper):
    """A report with all figures, really drawn, and the receipt of one evaluation that warned."""
    folders = results.grid(three_variants)
    results.data()
    write_tables(folders, results.tables)
    sources = Sources(
        results.tables, folders, results.root / "raw", tsne=[results.tsne(["prototype"])], patches=[results.patches()]
    )
    draw_all(sources, results.root / "figures")
    config = {"semi": {"tau": 0.7, "epochs": None}}
    facts = {"warnings": ["step 60: low coverage"], "steps": 1400}
    write_receipt(folders[-1], "evaluate", outputs={}, config=config, inputs=[], seed=2, seconds=1.5, facts=facts)
    receipts = [folders[-1] / "receipt.json"]
    write_page(results.tables, results.root / "figures", receipts, paper, results.root / "report.html")
    return (results.root / "report.html").as_uri()


def column(table, index):
    return [row.locator("th, td").nth(index).inner_text() for row in table.locator("tbody tr").all()]


def test_the_page_in_chromium(browser, address):
    complaints = []
    for name, width in WIDTHS.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: complaints.extend([request.url] * request.url.startswith("http")))
            page.goto(address)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name}: the page is {wide} pixels wide"
            images = page.locator("img")
            assert images.count() == len(FIGURES)
            for image in images.all():
                image.scroll_into_view_if_needed()
                image.evaluate("one => one.decode()")  # rejects what is no image
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true }")
            faults = axe.Axe().run(page).response["violations"]
            assert [one["id"] for one in faults if one["impact"] in ("serious", "critical")] == []
            page.close()
    assert complaints == []


def test_headings_sort_and_links_open_receipts(browser, address):
    page = browser.new_page()
    page.goto(address)
    table = page.locator("table", has_text="Every run")
    assert table.locator("tbody tr").count() == 9
    scores = table.get_by_role("button", name="mIoU, last step")
    scores.click()
    rising = [float(text) for text in column(table, 4)]
    assert rising == sorted(rising) and len(set(rising)) > 3
    scores.press("Enter")
    assert [float(text) for text in column(table, 4)] == sorted(rising, reverse=True)
    assert table.locator("[aria-sort=descending]").count() == 1
    heads = table.get_by_role("button", name="prototype head")
    heads.click()
    found = column(table, 6)
    assert found[:6] == sorted(found[:6], key=float) and found[6:] == ["", "", ""]  # supervised has none: last
    summary = page.locator("table", has_text="Mean ± standard deviation")
    steps = summary.get_by_role("button", name="steps")
    for sign in (1, -1):
        steps.click()
        found = column(summary, 1)  # the two controls were not run: last, whichever way it is sorted
        numbers = [float(text.replace(",", "")) for text in found[:3]]
        assert numbers == sorted(numbers, key=lambda number: sign * number) and found[3:] == ["not run"] * 2
    details = page.locator("details")
    assert not details.evaluate("one => one.open")
    table.get_by_role("link", name="prototype, seed 2").click()
    page.wait_for_function("document.querySelector('details').open")
    assert details.get_by_text("tau: 0.7").is_visible()
    page.close()


def test_on_paper_nothing_is_cut_off_or_shut(browser, results, paper, tmp_path):
    variants = [*(f"prototype-tau-0.{number}" for number in range(9)), "supervised", "supervised-equal-compute"]
    results.classes = ["background", *(f"class{number}" for number in range(20))]
    folders = results.grid({variant: [50.0, 51.0] for variant in variants})
    write_tables(folders, results.tables)
    write_receipt(folders[0], "evaluate", config={"long": "x" * 300}, seed=0)
    write_page(results.tables, tmp_path, [folders[0] / "receipt.json"], paper, tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 794, "height": 1123})  # A4
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate("""() => { window.shut = []; addEventListener("beforeprint", () => {
        window.shut.push(document.querySelectorAll("details:not([open])").length) }) }""")
    page.pdf(format="A4")
    assert page.evaluate("window.shut") == [0] and page.locator("details[open]").count() == 0
    page.emulate_media(media="print")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    wide = "[...document.querySelectorAll('.box, body')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(wide) == 0
    page.close()
