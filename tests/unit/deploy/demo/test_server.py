"""The page's server, asked over HTTP and in real Chromium."""

import http.client
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock, Semaphore, Thread

import pytest
from PIL import Image

from semiproto.deploy.demo import server
from semiproto.deploy.demo.looking import Answer, _url
from semiproto.deploy.demo.server import Server
from semiproto.errors import UserError

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
BLACK = _url(Image.new("RGB", (8, 6)))


def answer(name, data):
    """What a model says, without one. A picture is what begins as a PNG does."""
    if not data.startswith(b"\x89PNG"):
        raise UserError(f"{name}: cannot be read as an image; replace or remove it")
    views = [{"title": title, "src": BLACK} for title in ("Picture", "Mask")]
    fired = [{"title": "class1, prototype 1 of 3", "src": BLACK, "share": 0.25}]
    return Answer((8, 6), (8, 6), BLACK, views, [{"name": "<b>cat</b>", "colour": "#80ff00", "share": 0.5}], fired)


@contextmanager
def serving(look=answer):
    with Server(("127.0.0.1", 0), "my model", look) as made:
        thread = Thread(target=made.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def ask(made, method, path, body=None, **headers):
    """(status, headers, text) of a request; headers are given with _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", made.server_port)
    connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
    reply = connection.getresponse()
    return reply.status, reply.headers, reply.read().decode()


def test_the_page_forbids_every_other_address():
    with serving() as made:
        status, headers, page = ask(made, "GET", "/")
        again = ask(made, "GET", "/")[1]["Content-Security-Policy"]
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "my model" in page and "default-src 'none'" in policy and "http" not in policy
    assert policy != again and headers["Cache-Control"] == "no-store"
    assert "//" not in page.replace("http://www.w3.org/2000/svg", "")  # the name of a kind of element, never asked for


def test_a_picture_is_answered_and_what_is_none_is_one_line():
    with serving() as made:
        status, _, text = ask(made, "POST", "/look", b"\x89PNG", X_Name="a%20b.png")
        assert status == 200 and json.loads(text)["size"] == [8, 6] and json.loads(text)["prototypes"]
        status, _, text = ask(made, "POST", "/look", b"words", X_Name="..%2F..%2Fnotes%0A.jpg")
    assert status == 400 and json.loads(text)["error"].startswith("notes") and "\n" not in json.loads(text)["error"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/look", {}, 403),
        ("/look", {"X_Name": "a", "Host": "evil.example"}, 403),
        ("/other", {"X_Name": "a"}, 403),
        ("/look", {"X_Name": "a", "Content_Length": str(2**40)}, 413),
        ("/look", {"X_Name": "a", "Content_Length": "many"}, 413),
    ],
)
def test_what_the_page_would_not_send_is_refused(path, headers, status):
    with serving() as made:
        found, _, text = ask(made, "POST", path, None, **headers)
        assert found == status and json.loads(text)["error"]
        assert ask(made, "GET", "/", Host="evil.example")[0] == 403
        assert ask(made, "GET", "/", Host=f"localhost:{made.server_port}")[0] == 200


class Turn:
    """A lock that says how many asked for it."""

    def __init__(self):
        self.lock, self.asked = Lock(), Semaphore(0)

    def __enter__(self):
        self.asked.release()
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()


def test_two_at_once_are_looked_at_one_after_the_other():
    """The first look ends only when the other request waits for its turn."""
    turn, begun, at_once = Turn(), [], []

    def look(name, data):
        begun.append(name)
        if len(begun) == 1:
            assert all(turn.asked.acquire(timeout=600) for _ in range(2))
            at_once.extend(begun)
        return answer(name, data)

    with serving(look) as made, ThreadPoolExecutor(2) as pool:
        made.turn = turn
        replies = list(pool.map(lambda name: ask(made, "POST", "/look", b"\x89PNG", X_Name=name), ("a", "b")))
    assert [status for status, _, _ in replies] == [200, 200] and len(begun) == 2 and len(at_once) == 1


def test_memory_that_runs_out_ends_one_request():
    def look(name, data):
        raise MemoryError

    with serving(look) as made:
        status, _, text = ask(made, "POST", "/look", b"\x89PNG", X_Name="a.png")
        assert status == 400 and "a.png" in json.loads(text)["error"] and ask(made, "GET", "/")[0] == 200


def test_a_place_that_cannot_be_had_is_one_line(one_line):
    with serving() as made, pytest.raises(UserError) as error:
        Server(("127.0.0.1", made.server_port), "m", answer)
    one_line(error, f"--port {made.server_port}", "another program", "give another")
    with pytest.raises(UserError) as error:
        Server(("192.0.2.1", 0), "m", answer)
    one_line(error, "--host 192.0.2.1", "127.0.0.1")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install one, e.g. apt install chromium")
def test_the_page_in_chromium(tmp_path, monkeypatch):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[test]'")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install '.[test]'")
    Image.new("RGB", (8, 6)).save(tmp_path / "photo.png")
    (tmp_path / "notes.jpg").write_text("no picture")
    (tmp_path / "huge.png").write_bytes(bytes(3000))
    monkeypatch.setattr(server, "LARGEST", 2048)
    complaints = []
    with serving() as made, playwright.sync_playwright() as driver:
        # Without the sandbox, which refuses to run as root, as it would in a container.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        own = f"http://127.0.0.1:{made.server_port}/"
        for width, scheme in ((390, "dark"), (1400, "light")):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "request", lambda asked: complaints.extend([asked.url] * (not asked.url.startswith((own, "data:"))))
            )
            page.goto(own)
            page.set_input_files("#file", tmp_path / "notes.jpg")
            page.get_by_text("notes.jpg: cannot be read as an image").wait_for()
            page.set_input_files("#file", tmp_path / "huge.png")
            page.get_by_text("huge.png: more than").wait_for()
            assert page.locator("#answer").is_hidden()
            page.set_input_files("#file", tmp_path / "photo.png")
            page.get_by_text("class1, prototype 1 of 3: 25.0 %").wait_for()
            assert page.locator("#classes li").inner_text() == "<b>cat</b> 50.0 %"
            for image in page.locator("img").all():
                image.evaluate("one => one.decode()")  # rejects what is no image
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.locator("#file").focus()
            page.keyboard.press("Tab")  # a browser opens what has the focus with Enter
            page.wait_for_function("document.activeElement.id === 'download'")
            with page.expect_download() as download:
                page.get_by_text("Download the mask").click()
            assert download.value.suggested_filename == "photo.png"
            faults = axe.Axe().run(page).response["violations"]
            assert [one["id"] for one in faults] == []
            page.close()
        pages = [browser.new_page() for _ in range(2)]
        for page in pages:
            page.goto(own)
        for page in pages:
            page.set_input_files("#file", tmp_path / "photo.png")
        for page in pages:
            page.get_by_text("class1, prototype 1 of 3: 25.0 %").wait_for()
        browser.close()
    assert complaints == []
