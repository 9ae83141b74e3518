"""Downloads, against real HTTP servers on the loopback interface."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from gates import PATIENCE

from semiproto.data.published import download
from semiproto.data.published.download import Access, fetch, fetch_all, require_space
from semiproto.data.published.entry import Remote
from semiproto.errors import UserError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
OTHER = np.random.default_rng(1).bytes(len(CONTENT))
SIZE = len(CONTENT)
HALF = SIZE // 2
QUICK = Access(timeout=PATIENCE, attempts=3, wait=0.01)
HASTY = Access(timeout=4, attempts=2, wait=0.01)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Site(ThreadingHTTPServer):
    """A server whose answers are a list of functions, one for each request; the last one answers all further ones."""

    daemon_threads = True

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.requests = list(answers), []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def ranges(self):
        return [headers["Range"] for _, headers in self.requests]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server
        site.requests.append((self.path, self.headers))
        site.answers[min(len(site.requests), len(site.answers)) - 1](self)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """Starts a server with the given answers."""
    sites = []

    def start(*answers):
        site = Site(*answers)
        threading.Thread(target=site.serve_forever, args=(0.01,), daemon=True).start()
        sites.append(site)
        return site

    yield start
    for site in sites:
        site.shutdown()
        site.server_close()


def stay_silent(handler):
    """Until the client hangs up."""
    handler.connection.settimeout(PATIENCE)
    with suppress(OSError):  # hung up in a hurry
        while handler.connection.recv(1024):
            pass


def send(content=CONTENT, mark=("ETag", '"a"'), ranges=True, stop=None, then=None):
    """An answer with `content`, from the byte asked for if its version is `mark` and `ranges` are understood.

    stop: position after which the connection is cut; `then(handler)` is called before that.
    """

    def answer(handler):
        start, wanted = 0, handler.headers["Range"]
        if wanted and ranges and mark and handler.headers["If-Range"] == mark[1]:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if mark:
            handler.send_header(*mark)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start:stop])
        if then:
            handler.wfile.flush()
            then(handler)

    return answer


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def unframed(content, chunked=False):
    """An answer that does not say how long it is."""

    def answer(handler):
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content) if chunked else content)

    return answer


def remote(*sites, content=CONTENT, size=SIZE, algorithm="sha256", name="set.tar"):
    digest = hashlib.new(algorithm, content).hexdigest()
    return Remote(name, f"{algorithm}:{digest}", size, tuple(f"{site.url}/{name}" for site in sites))


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def came(folder):
    part = folder / "set.tar.part"
    return part.stat().st_size if part.exists() else 0


# --------------------------------------------------------------------------------------------- it just works


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize("size", [SIZE, None])
def test_a_file_is_downloaded_and_nothing_else_stays(serve, tmp_path, algorithm, size):
    site = serve(send())
    path = fetch(remote(site, algorithm=algorithm, size=size), tmp_path / "new", QUICK)
    assert path == tmp_path / "new/set.tar" and path.read_bytes() == CONTENT
    assert left(tmp_path / "new") == ["set.tar"]
    assert len(site.requests) == 1


def test_a_file_that_is_there_is_not_asked_for(serve, tmp_path):
    site = serve(send())
    fetch(remote(site), tmp_path, QUICK)
    assert fetch(remote(site), tmp_path, QUICK) == tmp_path / "set.tar"
    assert len(site.requests) == 1


def test_progress_is_shown_in_bytes(serve, tmp_path, capsys):
    fetch(remote(serve(send())), tmp_path, QUICK)
    assert "download set.tar: 3000000/3000000 bytes (100 %)" in capsys.readouterr().err


def test_names_with_folders_are_kept(serve, tmp_path):
    wanted = remote(serve(send()), name="splits/voc/92/labeled.txt")
    assert fetch(wanted, tmp_path, QUICK) == tmp_path / "splits/voc/92/labeled.txt"


def test_the_proxy_of_the_environment_is_used(serve, tmp_path):
    proxy = serve(send())
    wanted = Remote("set.tar", remote().checksum, len(CONTENT), ("http://host.invalid/set.tar",))
    in_a_process(wanted, tmp_path, http_proxy=proxy.url).check(0)
    assert [path for path, _ in proxy.requests] == ["http://host.invalid/set.tar"]
    assert (tmp_path / "set.tar").read_bytes() == CONTENT


# ---------------------------------------------------------------------------------------------------- resuming


@pytest.mark.parametrize("mark", [("ETag", '"a"'), ("Last-Modified", "Fri, 11 May 2012 00:00:00 GMT")])
def test_a_cut_connection_is_resumed_where_it_was_cut(serve, tmp_path, mark):
    site = serve(send(mark=mark, stop=HALF), send(mark=mark))
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={HALF}-"]
    assert site.requests[1][1]["If-Range"] == mark[1]


def test_a_connection_may_be_cut_often_as_long_as_bytes_come(serve, tmp_path):
    stops = range(0, len(CONTENT), 200_000)
    site = serve(*(send(stop=stop) for stop in stops if stop), send())
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert len(site.requests) == len(stops) > QUICK.attempts


def test_a_killed_run_is_resumed_by_the_next(serve, tmp_path):
    site = serve(send(stop=HALF, then=stay_silent), send())
    process = in_a_process(remote(site), tmp_path)
    wait_for(lambda: came(tmp_path) == HALF)
    process.kill()
    assert not (tmp_path / "set.tar").exists()
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={HALF}-"]
    assert left(tmp_path) == ["set.tar"]


def test_a_part_that_was_whole_is_only_checked(serve, tmp_path):
    site = serve(send(stop=HALF), status(404))
    with pytest.raises(UserError):
        fetch(remote(site), tmp_path, QUICK)
    (tmp_path / "set.tar.part").write_bytes(CONTENT)
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert len(site.requests) == 2


def test_a_server_without_ranges_sends_all_again(serve, tmp_path):
    site = serve(send(stop=HALF), send(ranges=False))
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize("mark", [None, ("ETag", 'W/"weak"')])
def test_without_a_strong_mark_of_the_version_it_starts_over(serve, tmp_path, mark):
    site = serve(send(mark=mark, stop=HALF), send(mark=mark))
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges() == [None, None]


def test_a_changed_file_is_not_glued_to_the_old_half(serve, tmp_path):
    site = serve(send(OTHER, ("ETag", '"old"'), stop=HALF), send(mark=("ETag", '"new"')))
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.requests[1][1]["If-Range"] == '"old"'


def test_halves_that_a_wrong_server_glued_are_thrown_away(serve, tmp_path):
    site = serve(send(OTHER, stop=HALF), send(), send())
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={HALF}-", None]


def test_a_damaged_part_is_replaced(serve, tmp_path):
    site = serve(send(stop=HALF), status(404), send())
    with pytest.raises(UserError):
        fetch(remote(site), tmp_path, QUICK)
    (tmp_path / "set.tar.part").write_bytes(bytes(HALF))
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges()[2:] == [f"bytes={HALF}-", None]


def test_a_part_longer_than_what_the_server_has_is_replaced(serve, tmp_path):
    site = serve(send(stop=HALF), status(404), status(416), send())
    with pytest.raises(UserError):
        fetch(remote(site, size=None), tmp_path, QUICK)
    (tmp_path / "set.tar.part").write_bytes(CONTENT + b"more")
    assert fetch(remote(site, size=None), tmp_path, QUICK).read_bytes() == CONTENT


def test_a_part_of_one_source_is_not_continued_from_another(serve, tmp_path):
    first, second = serve(send(OTHER, stop=HALF), status(404)), serve(send())
    assert fetch(remote(first, second), tmp_path, QUICK).read_bytes() == CONTENT
    assert second.ranges() == [None]


def test_a_server_that_sends_another_part_is_not_used(serve, tmp_path, one_line):
    def wrong_part(handler):
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.send_header("Content-Length", str(len(CONTENT) - 5))
        handler.end_headers()

    site = serve(send(stop=HALF), wrong_part)
    with pytest.raises(UserError) as error:
        fetch(remote(site), tmp_path, QUICK)
    one_line(error, site.url, "another part", "bytes 5-")


def test_a_server_that_misunderstands_ranges_is_asked_for_the_whole_file(serve, tmp_path):
    def wrong_part(handler):
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()

    site = serve(send(stop=HALF), wrong_part, send())
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges() == [None, f"bytes={HALF}-", None]


# ------------------------------------------------------------------------------------------- faults that pass


@pytest.mark.parametrize("code", [500, 503, 429])
def test_a_busy_server_is_asked_again(serve, tmp_path, code):
    site = serve(status(code), status(code), status(code), send())
    assert fetch(remote(site), tmp_path, Access(attempts=4, wait=0.01)).read_bytes() == CONTENT
    assert len(site.requests) == 4


def test_the_waits_grow(serve, tmp_path):
    times = []
    fails = status(500)
    site = serve(lambda handler: (times.append(time.monotonic()), fails(handler)))
    with pytest.raises(UserError):
        fetch(remote(site), tmp_path, Access(attempts=4, wait=0.1))
    gaps = np.diff(times)
    assert gaps[0] >= 0.1 and gaps[1] >= 0.2 and gaps[2] >= 0.4


def test_the_server_says_how_long_to_wait(serve, tmp_path):
    site = serve(status(429, Retry_After="1"), send())
    start = time.monotonic()
    fetch(remote(site), tmp_path, QUICK)
    assert time.monotonic() - start >= 1


def test_a_server_that_hangs_up_at_once_is_asked_again(serve, tmp_path):
    site = serve(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR), send())
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT


def test_a_slow_server_is_waited_for(serve, tmp_path):
    access = Access(timeout=5, attempts=1)

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        for start in range(0, len(CONTENT), 100_000):  # longer in all than the client waits for one piece
            handler.wfile.write(CONTENT[start : start + 100_000])
            time.sleep(0.2)

    site = serve(drip)
    assert fetch(remote(site), tmp_path, access).read_bytes() == CONTENT
    assert len(site.requests) == 1


@pytest.mark.parametrize("stop", [0, HALF], ids=["at once", "half way"])
def test_a_server_that_falls_silent_is_left_for_the_mirror(serve, tmp_path, stop):
    silent, mirror = serve(send(mark=None, stop=stop, then=stay_silent)), serve(send())
    assert fetch(remote(silent, mirror), tmp_path, HASTY).read_bytes() == CONTENT
    assert len(silent.requests) == HASTY.attempts


@pytest.mark.parametrize("mark", [None, ("ETag", '"a"')])
def test_a_server_that_always_cuts_at_the_same_place_is_given_up(serve, tmp_path, one_line, mark):
    site = serve(send(mark=mark, ranges=False, stop=HALF))
    with pytest.raises(UserError) as error:
        fetch(remote(site), tmp_path, QUICK)
    one_line(error, site.url, f"after {HALF:,} of {len(CONTENT):,} bytes", "3 times")


# --------------------------------------------------------------------------------------------------- sources


ELSEWHERE = ("http://[::1/", f"http://{'a' * 300}/", "http://a b/", "http://127.0.0.1:99999/", "file:///etc/passwd", "")


@pytest.mark.parametrize(
    "answer",
    [
        *(status(404), status(403), status(500), send(OTHER), send(CONTENT[:9])),
        *(status(302, Location=address) for address in ELSEWHERE),
        *(status(200, **{"Content-Length": length}) for length in ("9" * 19, "9" * 5000, "-1", "many")),
    ],
)
def test_what_the_first_source_cannot_give_the_second_does(serve, tmp_path, answer):
    first, second = serve(answer), serve(send())
    assert fetch(remote(first, second), tmp_path, QUICK).read_bytes() == CONTENT
    assert left(tmp_path) == ["set.tar"]


def test_a_host_that_is_not_there_is_passed_over_without_waiting(serve, tmp_path):
    gone = serve(send())
    gone.shutdown()
    gone.server_close()
    waits = Access(wait=2 * PATIENCE)  # longer than any test may take
    assert fetch(remote(gone, serve(send())), tmp_path, waits).read_bytes() == CONTENT


def test_redirects_to_another_host_are_followed_when_resuming_too(serve, tmp_path):
    home = serve(send(stop=HALF), send())
    door = serve(status(302, Location=f"{home.url}/elsewhere"))
    assert fetch(remote(door), tmp_path, QUICK).read_bytes() == CONTENT
    assert home.ranges() == [None, f"bytes={HALF}-"]


def test_a_mirror_is_asked_first(serve, tmp_path):
    source, mirror = serve(send()), serve(send())
    access = Access(mirror=f"{mirror.url}/pub/")
    fetch(remote(source, name="a b.tar"), tmp_path, access)
    assert [path for path, _ in mirror.requests] == ["/pub/a%20b.tar"] and not source.requests


def test_what_a_mirror_lacks_comes_from_the_source(serve, tmp_path):
    source, mirror = serve(send()), serve(status(404))
    assert fetch(remote(source), tmp_path, Access(mirror=mirror.url)).read_bytes() == CONTENT


def test_files_in_a_mirror_folder_are_used_where_they_are(serve, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "set.tar").write_bytes(CONTENT)
    site = serve(send())
    assert fetch(remote(site), tmp_path / "downloads", Access(mirror=str(mirror))) == mirror / "set.tar"
    assert not site.requests and not (tmp_path / "downloads").exists()


def test_a_mirror_that_is_nothing_is_an_error(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        fetch(remote(), tmp_path, Access(mirror="ftp://somewhere"))
    one_line(error, "ftp://somewhere", "correct it")


# ------------------------------------------------------------------------------------ nothing unverified is kept


def test_a_wrong_checksum_everywhere_leaves_nothing(serve, tmp_path, one_line):
    first, second = serve(send(OTHER)), serve(send(OTHER))
    with pytest.raises(UserError) as error:
        fetch(remote(first, second), tmp_path, QUICK)
    expected, found = (hashlib.sha256(content).hexdigest() for content in (CONTENT, OTHER))
    one_line(error, tmp_path / "set.tar", f"{first.url}/set.tar", f"{second.url}/set.tar", expected, found, "mirror")
    assert left(tmp_path) == []


def test_a_page_in_place_of_the_file_does_not_cost_the_part(serve, tmp_path, one_line):
    site = serve(send(stop=HALF), send(b"<html>please log in</html>", mark=None), send())
    with pytest.raises(UserError) as error:
        fetch(remote(site), tmp_path, QUICK)
    one_line(error, site.url, "offers 26 bytes", f"{len(CONTENT):,} are expected")
    assert fetch(remote(site), tmp_path, QUICK).read_bytes() == CONTENT
    assert site.ranges()[2] == f"bytes={HALF}-"


def test_a_server_may_leave_out_the_length_if_it_is_known(serve, tmp_path):
    assert fetch(remote(serve(unframed(CONTENT))), tmp_path, QUICK).read_bytes() == CONTENT


@pytest.mark.parametrize("chunked", [True, False])
def test_more_than_the_known_length_is_not_taken(serve, tmp_path, one_line, chunked):
    site = serve(unframed(CONTENT + b"more", chunked))
    with pytest.raises(UserError) as error:
        fetch(remote(site), tmp_path, QUICK)
    one_line(error, site.url, "more than")
    assert not (tmp_path / "set.tar").exists()


def test_a_file_of_unknown_length_is_not_begun(serve, tmp_path, one_line):
    site = serve(unframed(CONTENT))
    with pytest.raises(UserError) as error:
        fetch(remote(site, size=None), tmp_path, QUICK)
    one_line(error, site.url, "does not say how many bytes")
    assert left(tmp_path) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], OTHER])
def test_a_wrong_file_that_was_there_already_is_named_and_kept(tmp_path, one_line, content):
    path = tmp_path / "set.tar"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        fetch(remote(), tmp_path, QUICK)
    one_line(error, path, "expected", "delete it")
    assert path.read_bytes() == content


# -------------------------------------------------------------------------------------------- without a network


def test_offline_names_all_files_and_where_to_put_them(serve, tmp_path, one_line):
    site = serve(send())
    wanted = [remote(site, name=name) for name in ("a.tar", "b.tar", "c.tar")]
    (tmp_path / "b.tar").write_bytes(CONTENT)
    with pytest.raises(UserError) as error:
        fetch_all(wanted, tmp_path, Access(offline=True))
    one_line(error, tmp_path, "a.tar, c.tar", "offline")
    assert "b.tar" not in str(error.value) and not site.requests


def test_offline_works_with_the_files_in_place(tmp_path):
    (tmp_path / "set.tar").write_bytes(CONTENT)
    assert fetch_all([remote()], tmp_path, Access(offline=True)) == [tmp_path / "set.tar"]


def test_what_needs_an_account_is_asked_for_before_anything_is_downloaded(serve, tmp_path, one_line):
    site = serve(send())
    account = Remote("own.zip", remote().checksum, len(CONTENT), obtain="register at example.org")
    with pytest.raises(UserError) as error:
        fetch_all([remote(site), account], tmp_path, QUICK)
    one_line(error, tmp_path, "own.zip", "register at example.org")
    assert not site.requests


# ---------------------------------------------------------------------------------------------- several runs

SCRIPT = """
import sys
from pathlib import Path
from semiproto.data.published.entry import Remote
from semiproto.data.published import download
from semiproto.data.published.download import Access, fetch
from semiproto.errors import UserError
name, checksum, size, folder, timeout, *sources = sys.argv[1:]
try:
    fetch(Remote(name, checksum, int(size), tuple(sources)), Path(folder), Access(timeout=float(timeout)))
except UserError as error:
    raise SystemExit(f"UserError: {error}")
"""


class InAProcess:
    def __init__(self, wanted, folder, timeout, env):
        arguments = [wanted.name, wanted.checksum, str(wanted.size), str(folder), str(timeout), *wanted.sources]
        command = [sys.executable, "-c", SCRIPT, *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | env)

    def check(self, status):
        errors = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == status, errors
        return errors

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.check(-signal.SIGKILL)


def in_a_process(wanted, folder, **env):
    """A run that waits for its server as long as the test waits for it."""
    return InAProcess(wanted, folder, PATIENCE, env)


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_runs_at_once_download_once(serve, tmp_path):
    both = threading.Event()
    site = serve(send(stop=HALF, then=lambda handler: both.wait(PATIENCE)), send())
    first = in_a_process(remote(site), tmp_path)
    wait_for(lambda: site.requests)
    second = in_a_process(remote(site), tmp_path)
    assert "waiting for another run" in second.process.stderr.readline()
    both.set()
    first.check(0)
    second.check(0)
    assert site.ranges() == [None, f"bytes={HALF}-"]
    assert left(tmp_path) == ["set.tar"] and (tmp_path / "set.tar").read_bytes() == CONTENT


def test_a_run_that_waited_for_one_that_failed_keeps_others_out(serve, tmp_path):
    fail, give = threading.Event(), threading.Event()
    site = serve(
        lambda handler: (fail.wait(PATIENCE), status(404)(handler)),
        lambda handler: (give.wait(PATIENCE), send()(handler)),
    )
    first = in_a_process(remote(site), tmp_path)
    wait_for(lambda: len(site.requests) == 1)
    second = in_a_process(remote(site), tmp_path)
    assert "waiting for another run" in second.process.stderr.readline()
    fail.set()
    assert "HTTP 404" in first.check(1)
    wait_for(lambda: len(site.requests) == 2)
    third = in_a_process(remote(site), tmp_path)
    assert "waiting for another run" in third.process.stderr.readline()
    give.set()
    second.check(0)
    third.check(0)
    assert len(site.requests) == 2 and left(tmp_path) == ["set.tar"]


def test_many_runs_at_once_download_once(serve, tmp_path):
    site = serve(send())
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: fetch(remote(site), tmp_path, Access()), range(8)))
    assert paths == [tmp_path / "set.tar"] * 8 and len(site.requests) == 1 and left(tmp_path) == ["set.tar"]


def test_a_lock_is_held_by_one_at_a_time_whenever_its_file_goes(tmp_path, monkeypatch):
    """Each holder removes the lock's file, often between two lines of another that looks at it."""
    inside = []

    def slow(path, *args, stat=Path.stat, **kwargs):
        time.sleep(0.001)
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(Path, "stat", slow)

    def hold(_):
        with download._lock(tmp_path / "set.tar"):
            inside.append(1)
            most = len(inside)
            inside.pop()
        return most

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(hold, range(400))) == 1
    assert left(tmp_path) == []


def test_a_run_that_waited_goes_on_where_a_killed_one_stopped(serve, tmp_path):
    site = serve(send(stop=HALF, then=stay_silent), send())
    first = in_a_process(remote(site), tmp_path)
    wait_for(lambda: came(tmp_path) == HALF)
    second = in_a_process(remote(site), tmp_path)
    assert "waiting for another run" in second.process.stderr.readline()
    first.kill()
    second.check(0)
    assert site.ranges() == [None, f"bytes={HALF}-"]
    assert (tmp_path / "set.tar").read_bytes() == CONTENT and left(tmp_path) == ["set.tar"]


# ------------------------------------------------------------------------------------------------------- disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB; skipped where it may not be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]).returncode:
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder, leave):
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    (folder / "filler").write_bytes(bytes(free - leave))


def test_a_disk_that_is_too_small_is_noticed_before_a_byte_is_written(serve, small_disk, one_line):
    fill(small_disk, leave=1_000_000)
    site = serve(send())
    with pytest.raises(UserError) as error:
        fetch(remote(site), small_disk, QUICK)
    one_line(error, small_disk, f"{len(CONTENT):,} bytes", "free some")
    assert left(small_disk) == ["filler"]


def test_a_disk_that_fills_up_on_the_way_keeps_the_part(serve, small_disk, one_line):
    def first_half_then_a_full_disk(handler):
        send(stop=HALF)(handler)
        handler.wfile.flush()
        wait_for(lambda: came(small_disk) == HALF)
        fill(small_disk, leave=0)
        handler.wfile.write(CONTENT[HALF:])

    site = serve(first_half_then_a_full_disk, send())
    with pytest.raises(UserError) as error:
        fetch(remote(site), small_disk, Access())
    one_line(error, "set.tar.part", "no space left")
    assert not (small_disk / "set.tar").exists()
    (small_disk / "filler").unlink()
    assert fetch(remote(site), small_disk, Access()).read_bytes() == CONTENT
    assert site.ranges()[1] is not None and left(small_disk) == ["set.tar"]


def test_enough_space_is_enough(tmp_path):
    require_space(tmp_path, 1, "a byte")


# ----------------------------------------------------------------------------- servers that never come to an end


def for_ever(piece, pause, head=b"", answers=b"HTTP/1.1 200 OK\r\n"):
    """An answer that goes on with `piece` until the client hangs up."""

    def answer(handler):
        with suppress(OSError):
            handler.wfile.write(answers + head)
            while True:
                handler.wfile.write(piece)
                handler.wfile.flush()
                time.sleep(pause)

    return answer


@pytest.mark.parametrize(
    ("endless", "said"),
    [
        (for_ever(b"x", 0.2, b"X-Slow: "), "fell silent after 0 of 3,000,000 bytes"),
        (for_ever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.2, answers=b""), "cut"),
        (for_ever(b"x", 0.2, b"Content-Length: 3000000\r\n\r\n"), "sends fewer than 1,000 bytes a second"),
        (for_ever(b"f", 0.2, b"Transfer-Encoding: chunked\r\n\r\n"), "fell silent after 0 of 3,000,000 bytes"),
        (for_ever(bytes(2**16), 0, b"Location: /b\r\n\r\n", b"HTTP/1.1 302 Found\r\n"), "infinite loop"),
        (for_ever(b"", 1, b"Location: ftp://127.0.0.1/b\r\n\r\n", b"HTTP/1.1 302 Found\r\n"), "no http(s) address"),
    ],
    ids=["head", "interim answers", "body", "length of a chunk", "body of a redirection", "redirection to FTP"],
)
def test_a_server_that_never_comes_to_an_end_is_left_for_the_next(serve, tmp_path, capsys, endless, said):
    sources = remote(serve(endless), serve(send()))
    assert fetch(sources, tmp_path, Access(timeout=2, attempts=1)).read_bytes() == CONTENT
    assert said in capsys.readouterr().err


def test_a_file_whose_answer_does_not_end_is_whole(serve, tmp_path):
    head = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (SIZE, CONTENT)
    site = serve(for_ever(b"X-Slow: y\r\n", 0.2, head))
    assert fetch(remote(site), tmp_path, Access(timeout=1, attempts=1)).read_bytes() == CONTENT
    assert left(tmp_path) == ["set.tar"]


def test_what_a_server_says_is_shown_on_one_line_and_not_obeyed(serve, tmp_path, capsys):
    def answer(handler):
        handler.wfile.write(b"HTTP/1.1 404 \x1b[31mno\xe2\x80\xae" + b"x" * 5000 + b"\r\n\r\n")

    fetch(remote(serve(answer), serve(send())), tmp_path, QUICK)
    shown = capsys.readouterr().err.splitlines()[0]
    assert "HTTP 404 \\x1b[31mno" in shown and len(shown) < 250
