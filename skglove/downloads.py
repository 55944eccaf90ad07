"""Download one member of a remote zip archive, and resume the download if the connection breaks.

The server is not trusted. Whatever it sends, the limits below bound the memory, disk space and time.
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

_MAX_FAILURES = 5  # in a row, without a chunk in between
_MAX_WAIT = 60  # seconds; a longer Retry-After is an error at once
_SOCKET_TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 14
_CHUNK_TIMEOUT = 60  # seconds for a chunk, or for the headers; slower connections count as broken
_MAX_DIRECTORY = 1 << 20  # bytes of an archive's central directory; GloVe's archives need under 500
_MAX_REDIRECTS = 10
_BAR_FROM = 1 << 20  # bytes; shorter transfers need no progress bar


class DownloadError(Exception):
    """A download failed. Not an OSError, because zipfile would report that as a bad zip file."""


class MemberDownloader:
    """Download one member of a remote zip archive: a downloader for pooch.

    Parameters
    ----------
    member : str
        The file's name in the archive.
    max_size : int
        The largest allowed size of the file, in bytes.
    max_archive_size : int
        The largest allowed size of the archive, in bytes.
    progressbar : bool
        Whether to show a progress bar.
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
            # The response to the range request is the whole archive. Save it.
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
        # Other methods can compress gigabytes into a few bytes, and zipfile decompresses them at once.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DownloadError(f"the file is compressed by method {info.compress_type}, not 8 (deflate)")
        # The last read verifies the CRC-32.
        with archive.open(info) as source, open(output_file, "wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)


class _SmallReads(io.FileIO):
    """A file that limits the size of a read. zipfile reads a central directory of any size at once."""

    def read(self, size=-1):
        if size > _MAX_DIRECTORY:
            raise DownloadError(f"the archive's table of contents has more than {_MAX_DIRECTORY:,} bytes")
        return super().read(_MAX_DIRECTORY if size < 0 else size)


class _Session:
    """The part of requests.Session that RemoteZip uses. Its responses are downloads that resume."""

    def __init__(self, downloads, label, max_whole):
        self._downloads = downloads
        self._label = label
        self._max_whole = max_whole
        self.max_part = _MAX_DIRECTORY

    def get(self, url, *, stream, headers):
        download = _Download(url, headers["Range"], self._label, self.max_part, self._max_whole)
        self._downloads.enter_context(download)
        self.latest = io.BufferedReader(download, _CHUNK)
        # `_Download` has already raised for a bad status.
        return types.SimpleNamespace(
            raw=self.latest, headers=download.response.headers, raise_for_status=lambda: None
        )


class _Download(io.RawIOBase):
    """A stream of the bytes of a URL, or of a range of it, that resumes if the connection breaks.

    Parameters
    ----------
    url : str
        An http or https URL.
    byte_range : str
        The Range header of the first request. A server may ignore it and send the whole file.
    label : str or None
        The name beside the progress bar. None shows no bar.
    max_part, max_whole : int
        The largest allowed size of a part, and of the whole file, in bytes.
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
            with self._retrying():
                self._connect()

    def readable(self):
        return True

    def tell(self):
        return self._received - len(self._rest)

    def readinto(self, buffer):
        while not self._rest and not self._ended:
            with self._retrying():
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

        response = self._with_timeout(self._request)
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
        """Send the request. Follow redirects here, because requests would read their bodies to the end."""
        import requests

        url, headers = self._url, {"Range": self._range, "Accept-Encoding": "identity"}
        with requests.Session() as session:
            session.get_redirect_target = lambda response: None
            for _ in range(_MAX_REDIRECTS):
                response = session.get(url, headers=headers, stream=True, timeout=_SOCKET_TIMEOUT)
                if not response.is_redirect:
                    return response
                response.close()
                url = urljoin(url, response.headers["Location"])
        raise DownloadError(f"the server redirects more than {_MAX_REDIRECTS} times")

    def _size_asked(self):
        """Return the largest size of the requested range, in bytes."""
        first, last = self._range.removeprefix("bytes=").split("-")
        return int(last) - int(first or 1) + 1 if last else self._max_whole

    def _check_size(self, size, most):
        if size > most:
            raise DownloadError(f"the server wants to send {size:,} bytes where at most {most:,} are due")

    def _with_timeout(self, function):
        """Call a function with a time limit. The timeout of a socket would start again with each byte.

        A call that takes too long continues in its thread until the server closes the connection.
        """
        import requests

        self._call = call = futures.Future()

        def work():
            try:
                call.set_result(function())
            except BaseException as error:
                call.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        futures.wait([call], _CHUNK_TIMEOUT)
        if not call.done():
            raise requests.Timeout(f"less than {_CHUNK:,} bytes in {_CHUNK_TIMEOUT} s")
        return call.result()

    def _receive(self):
        import requests

        chunk = self._with_timeout(lambda: next(self._chunks, None))
        if chunk is None:
            # urllib3 before 2.0 does not distinguish a broken connection from the end.
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
    def _retrying(self):
        """Wait after a temporary failure, so that the caller can retry. Raise if the limits are reached."""
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
                reason = f"the connection failed after {self._received:,} bytes ({_root_cause(error)})"
            wait = 2 ** (self._failures - 1) if wait is None else wait
            # requests raises a ValueError for an invalid URL.
            if isinstance(error, ValueError) or self._failures >= _MAX_FAILURES or wait > _MAX_WAIT:
                raise DownloadError(reason) from error
            logger.warning("%s: %s. Trying again in %.0f s.", self._url, reason, wait)
            time.sleep(wait)
            if self._received:
                last = self._last if self._last > 0 else ""
                self._range = f"bytes={self._first + self._received}-{last}"

    def _disconnect(self):
        """Close the connection as soon as no thread reads from it. Closing it earlier would block."""
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


def _root_cause(error):
    """Return the first of a chain of exceptions. requests chains three, and only the first is specific."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def _retry_after(response):
    """Return the seconds of a Retry-After header, which is a number or a date, or None."""
    value = response.headers.get("Retry-After", "") if response is not None else ""
    if value.isdigit():
        return int(value)
    date = email.utils.parsedate_tz(value)
    return max(0, email.utils.mktime_tz(date) - time.time()) if date else None
