"""The report in a real browser, headless Chromium: it loads, sorts, fits a phone, and can be read by everyone."""

import shutil

import numpy as np
import pytest
from made_up import write_receipt

from semiproto.data.layout import write_mask
from semiproto.report.drawing.results import Sources
from semiproto.report.figures.registry import FIGURES, draw_all
from semiproto.report.page import PageSources, write_page
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
    data = results.data()
    write_mask(data / "SegmentationClass/a.png", np.zeros((16, 24), np.uint8))  # the other image shows a cat
    write_tables(folders, results.tables)
    sources = Sources(
        results.tables, folders, results.root / "raw", tsne=[results.tsne(["prototype"])], patches=[results.patches()]
    )
    draw_all(sources, results.root / "figures")
    config = {"semi": {"tau": 0.7, "epochs": None}}
    facts = {"warnings": ["step 60: low coverage"], "steps": 1400}
    write_receipt(folders[-1], "evaluate", outputs={}, config=config, inputs=[], seed=2, seconds=1.5, facts=facts)
    receipts = [folders[-1] / "receipt.json"]
    page = PageSources(
        results.tables, results.root / "figures", receipts, paper, evaluations=folders, data=results.root / "raw"
    )
    write_page(page, results.root / "report.html")
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
            assert page.locator("figure img").count() == len(FIGURES)
            assert page.locator(".highlights img").count() == 2 * 4  # of two images each is there once
            images = page.locator("img")
            for image in images.all():
                image.scroll_into_view_if_needed()
                image.evaluate("one => one.decode()")  # rejects what is no image
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true }")
            faults = axe.Axe().run(page).response["violations"]
            assert [one["id"] for one in faults] == []
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


def test_the_image_browser_is_used_by_keyboard_alone(browser, address):
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(address)
    browsers = page.get_by_role("region", name="Image browser")
    focused = "document.activeElement.dataset.part ?? document.activeElement.textContent.trim()"
    status, stage = browsers.get_by_role("status"), browsers.get_by_role("application")

    def tab_to(part):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == part:
                return
        raise AssertionError(f"Tab does not reach {part}")

    tab_to("stage")
    assert stage.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    assert status.inner_text().startswith("1 of 2: a. Ranked: +13.0 points; prototype gets 37.0 % of the pixels wrong.")
    page.keyboard.press("ArrowRight")
    assert status.inner_text().startswith("2 of 2: b.") and stage.locator("img").count() == 2
    assert stage.locator("span").inner_text() == "cat"
    assert [one.inner_text() for one in browsers.get_by_role("listitem").all()] == ["cat", "void, not scored"]
    page.keyboard.press("0")
    assert stage.locator("img").count() == 1 and status.inner_text().endswith("Shown: image.")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert browsers.get_by_role("button", name="supervised").get_attribute("aria-pressed") == "true"
    page.keyboard.press("e")
    assert status.inner_text().endswith("Shown: errors of supervised.") and stage.locator("span").count() == 0
    page.keyboard.press("m")
    assert stage.locator(".under").evaluate("one => getComputedStyle(one).visibility") == "hidden"
    page.keyboard.press("Home")
    assert status.inner_text().startswith("1 of 2: a.")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")  # the button of the errors
    assert status.inner_text().endswith("Shown: supervised.")
    page.close()


def test_images_are_filtered_and_sorted_and_clicked(browser, address, results):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(address)
    browsers = page.get_by_role("region", name="Image browser")
    status, strip = browsers.get_by_role("status"), browsers.get_by_role("group", name="Images").get_by_role("button")
    strip.nth(1).click()
    assert status.inner_text().startswith("2 of 2: b.")
    classes = browsers.get_by_label("Class in the truth")
    classes.focus()
    for _ in range(2):  # past all and background
        page.keyboard.press("ArrowDown")
    assert classes.locator("option:checked").inner_text() == "cat (1)"
    assert strip.count() == 1 and status.inner_text().startswith("1 of 1: b.")
    page.keyboard.press("Home")
    browsers.get_by_label("Order").select_option("error of prototype, largest first")
    assert strip.count() == 2 and status.inner_text().startswith("2 of 2: b.")  # the image that was looked at stays
    browsers.get_by_role("button", name="Previous image").click()
    assert status.inner_text().startswith("1 of 2: a.")
    page.close()


def test_on_paper_nothing_is_cut_off_or_shut(browser, results, paper, tmp_path):
    variants = [*(f"prototype-tau-0.{number}" for number in range(9)), "supervised", "supervised-equal-compute"]
    results.classes = ["background", *(f"class{number}" for number in range(20))]
    folders = results.grid({variant: [50.0, 51.0] for variant in variants})
    write_tables(folders, results.tables)
    write_receipt(folders[0], "evaluate", config={"long": "x" * 300}, seed=0)
    sources = PageSources(
        results.tables,
        tmp_path,
        [folders[0] / "receipt.json"],
        paper,
        evaluations=folders,
        data=results.data(),
    )
    write_page(sources, tmp_path / "report.html")
    page = browser.new_page(viewport={"width": 794, "height": 1123})  # A4
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate("""() => { window.shut = []; addEventListener("beforeprint", () => {
        window.shut.push(document.querySelectorAll("details:not([open])").length) }) }""")
    page.pdf(format="A4")
    assert page.evaluate("window.shut") == [0] and page.locator("details[open]").count() == 0
    page.emulate_media(media="print")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert not page.locator(".browser").is_visible() and page.locator(".highlights img").first.is_visible()
    wide = "[...document.querySelectorAll('.box, body')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(wide) == 0
    page.close()
