"""Download one file of a remote zip archive, and take the download up again where it breaks off.

The server is not trusted: whatever it sends takes no more memory, disk and time than the limits below allow.
"""

import contextlib
import email.utils
import io
import logging
import os
import re
import shutil
import tempfile
import threading
import time
import types
import zipfile
from concurrent import futures
from urllib.parse import urljoin

logger = logging.getLogger(__name__)

_MAX_FAILURES = 5  # in a row, without a chunk received in between
_MAX_WAIT = 60  # seconds; whoever is told to wait longer is told so at once
_TIMEOUT = 30  # seconds without an answer or a byte
_CHUNK = 1 << 14
_SLOWEST = 60  # seconds for a chunk, or for an answer to begin; what is slower is a broken connection
_MAX_DIRECTORY = 1 << 20  # bytes of an archive's table of contents; those of GloVe's archives have under 500
_MAX_REDIRECTS = 10
_BAR_FROM = 1 << 20  # bytes; shorter transfers are over before a progress bar says anything


class DownloadError(Exception):
    """Why a download failed. Not an OSError, which zipfile would take for a file that is no zip."""


class MemberDownloader:
    """Download one file of a remote zip archive; called as pooch calls its downloaders.

    Parameters
    ----------
    member : str
        The file's name in the archive.
    max_size : int
        The most bytes that the file may have.
    max_archive_size : int
        The most bytes that the archive may have.
    progressbar : bool
    """

    def __init__(self, member, max_size, max_archive_size, progressbar):
        self.member = member
        self.max_size = max_size
        self.max_archive_size = max_archive_size
        self.progressbar = progressbar

    def __call__(self, url, output_file, pooch):  # noqa: D102
        from remotezip import RangeNotSupported, RemoteZip

        with contextlib.ExitStack() as downloads:
            session = _Session(downloads, self.member if self.progressbar else None, self.max_archive_size)
            try:
                with RemoteZip(url, session=session) as archive:
                    session.max_part = self.max_archive_size
                    return self._extract(archive, output_file)
            except RangeNotSupported:
                logger.info("The server does not send parts of %s: downloading all of it.", url)
            # The answer to the request for a part is the whole archive, and on its way.
            with tempfile.TemporaryFile(dir=os.path.dirname(output_file)) as whole:
                shutil.copyfileobj(session.latest, whole)
                whole.flush()
                with _SmallReads(whole.fileno(), closefd=False) as file, zipfile.ZipFile(file) as archive:
                    self._extract(archive, output_file)

    def _extract(self, archive, output_file):
        names = archive.namelist()
        if self.member not in names:
            shown = [name[:80] for name in names[:10]]
            raise DownloadError(f"the archive holds {len(names)} files, {shown}, but no {self.member}")
        info = archive.getinfo(self.member)
        if info.file_size > self.max_size:
            size = f"{info.file_size:,} bytes, but at most {self.max_size:,} were published"
            raise DownloadError(f"the file has {size}")
        # Other compressions can put gigabytes into a few bytes, which zipfile unpacks at once.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DownloadError(f"the file is compressed in way {info.compress_type}, not 8 (deflate)")
        # The last read compares the CRC-32.
        with archive.open(info) as source, open(output_file, "wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)


class _SmallReads(io.FileIO):
    """A file that cannot be read at once; zipfile would read any table of contents so."""

    def read(self, size=-1):
        if size > _MAX_DIRECTORY:
            raise DownloadError(f"the archive's table of contents has more than {_MAX_DIRECTORY:,} bytes")
        return super().read(_MAX_DIRECTORY if size < 0 else size)


class _Session:
    """The part of a requests.Session that RemoteZip uses; what it gets is a download that resumes."""

    def __init__(self, downloads, label, max_whole):
        self._downloads = downloads
        self._label = label
        self._max_whole = max_whole
        self.max_part = _MAX_DIRECTORY

    def get(self, url, *, stream, headers):
        download = _Download(url, headers["Range"], self._label, self.max_part, self._max_whole)
        self._downloads.enter_context(download)
        self.latest = io.BufferedReader(download, _CHUNK)
        # A refusal has been raised by now, so that there is no status left to raise.
        return types.SimpleNamespace(
            raw=self.latest, headers=download.response.headers, raise_for_status=lambda: None
        )


class _Download(io.RawIOBase):
    """The bytes of a URL, or of a range of it, taken up again where the connection broke.

    Parameters
    ----------
    url : str
        An address of the protocols http and https.
    byte_range : str
        The first request's Range, as in the HTTP header. A server may answer with the whole all the same.
    label : str or None
        The name beside the progress bar; None shows no bar.
    max_part, max_whole : int
        The most bytes that the answer may have if it is a part, or the whole.
    """

    def __init__(self, url, byte_range, label, max_part, max_whole):
        self._url = url
        self._range = byte_range
        self._label = label
        self._max_part = max_part
        self._max_whole = max_whole
        self._first = self._last = self._bar = self._call = self.response = None
        self._received = self._skip = self._failures = self._received_at_failure = 0
        self._rest = memoryview(b"")
        self._ended = False
        while self.response is None:
            with self._patience():
                self._connect()

    def readable(self):
        return True

    def tell(self):
        return self._received - len(self._rest)

    def readinto(self, buffer):
        while not self._rest and not self._ended:
            with self._patience():
                if self.response is None:
                    self._connect()
                self._receive()
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def close(self):
        self._disconnect()
        if self._bar is not None:
            self._bar.close()
        super().close()

    def _connect(self):
        import requests

        response = self._in_time(self._request)
        status = f"the server answers {response.status_code} {response.reason[:80]}"
        if response.status_code == 429 or response.status_code >= 500:
            raise requests.HTTPError(status, response=response)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadError("the server compresses what it was asked to send as it is")
        content_range = re.match(
            r"bytes (\d{1,18})-(\d{1,18})(?!\d)", response.headers.get("Content-Range", "")
        )
        if response.status_code == 206 and content_range:
            first, last = map(int, content_range.groups())
            self._check_size(last - first + 1, min(self._max_part, self._size_asked()))
        elif response.status_code == 200:
            first, last = 0, int(response.headers.get("Content-Length", 0)) - 1
            self._check_size(last + 1, self._max_whole)
        else:
            raise DownloadError(f"{status} (is base_url right?)")
        if self._first is None:
            self._first, self._last = first, last
            self._show_progress()
        self._skip = self._first + self._received - first
        if self._skip < 0:
            raise DownloadError(f"the server sends bytes from {first:,} on, which were not asked for")
        self._chunks = response.iter_content(_CHUNK)
        self.response = response

    def _request(self):
        """Ask for the bytes; follow redirects here, because requests reads their answers to the end."""
        import requests

        url, headers = self._url, {"Range": self._range, "Accept-Encoding": "identity"}
        with requests.Session() as session:
            session.get_redirect_target = lambda response: None
            for _ in range(_MAX_REDIRECTS):
                response = session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
                if not response.is_redirect:
                    return response
                response.close()
                url = urljoin(url, response.headers["Location"])
        raise DownloadError(f"the server redirects more than {_MAX_REDIRECTS} times")

    def _size_asked(self):
        """Return how many bytes the Range asks for at most."""
        first, last = self._range.removeprefix("bytes=").split("-")
        return int(last) - int(first or 1) + 1 if last else self._max_whole

    def _check_size(self, size, most):
        if size > most:
            raise DownloadError(f"the server wants to send {size:,} bytes where at most {most:,} are due")

    def _in_time(self, function):
        """Return what a function returns; a time limit of a socket begins anew with each byte.

        What takes too long goes on in its thread, which only the server's end of the connection ends.
        """
        import requests

        self._call = call = futures.Future()

        def work():
            try:
                call.set_result(function())
            except BaseException as error:
                call.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        futures.wait([call], _SLOWEST)
        if not call.done():
            raise requests.Timeout(f"less than {_CHUNK:,} bytes in {_SLOWEST} s")
        return call.result()

    def _receive(self):
        import requests

        chunk = self._in_time(lambda: next(self._chunks, None))
        if chunk is None:
            # urllib3 before 2.0 takes a broken connection for the end.
            if self._first + self._received <= self._last:
                raise requests.ConnectionError("the server closed the connection")
            self._ended = True
            return
        rest = memoryview(chunk)[self._skip :]
        self._skip -= len(chunk) - len(rest)
        if self._last >= self._first:  # the size is known
            left = self._last + 1 - self._first - self._received
            rest, self._ended = rest[:left], len(rest) >= left
        self._rest = rest
        self._received += len(rest)
        self._check_size(self._received, self._max_whole)
        if self._bar is not None:
            self._bar.update(len(self._rest))

    @contextlib.contextmanager
    def _patience(self):
        """Wait after a failure that may pass, to try again; give up after too many or too long a wait."""
        import requests

        try:
            yield
        except requests.RequestException as error:
            self._disconnect()
            if self._received >= self._received_at_failure + _CHUNK:
                self._failures, self._received_at_failure = 0, self._received
            self._failures += 1
            wait = _retry_after(error.response)
            if isinstance(error, requests.HTTPError):
                reason = str(error) + ("" if wait is None else f", try again in {wait:.0f} s")
            else:
                reason = f"the connection failed after {self._received:,} bytes ({_root_of(error)})"
            wait = 2 ** (self._failures - 1) if wait is None else wait
            # A ValueError is an address that no server can have.
            if isinstance(error, ValueError) or self._failures >= _MAX_FAILURES or wait > _MAX_WAIT:
                raise DownloadError(reason) from error
            logger.warning("%s: %s. Trying again in %.0f s.", self._url, reason, wait)
            time.sleep(wait)
            if self._received:
                last = self._last if self._last > 0 else ""
                self._range = f"bytes={self._first + self._received}-{last}"

    def _disconnect(self):
        """Close the connection, once no thread reads from it: until then, closing it would wait."""
        response, self.response = self.response, None

        def close(call):
            made = None if call.exception() else call.result()
            for each in (response, made):
                if hasattr(each, "close"):
                    each.close()

        if self._call is not None:
            self._call.add_done_callback(close)

    def _show_progress(self):
        size = self._last - self._first + 1
        if self._label is not None and size >= _BAR_FROM:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=size, desc=self._label, unit="B", unit_scale=True)


def _root_of(error):
    """Return what began a chain of exceptions: of requests', three deep, that alone says what happened."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def _retry_after(response):
    """Return the seconds to wait that a response asks for, in either form that HTTP has; or None."""
    value = response.headers.get("Retry-After", "") if response is not None else ""
    if value.isdigit():
        return int(value)
    date = email.utils.parsedate_tz(value)
    return max(0, email.utils.mktime_tz(date) - time.time()) if date else None
