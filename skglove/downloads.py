"""Download one file of a remote zip archive, and take the download up again where it breaks off."""

import contextlib
import email.utils
import io
import logging
import os
import re
import shutil
import tempfile
import time
import types
import zipfile

logger = logging.getLogger(__name__)

_MAX_FAILURES = 5  # in a row, without a byte received in between
_MAX_WAIT = 60  # seconds; whoever is told to wait longer is told so at once
_TIMEOUT = 30  # seconds without an answer or a byte
_CHUNK = 1 << 14
_BAR_FROM = 1 << 20  # bytes; shorter transfers are over before a progress bar says anything


class DownloadError(Exception):
    """Why a download failed. Not an OSError, which zipfile would take for a file that is no zip."""


class MemberDownloader:
    """Download one file of a remote zip archive; called as pooch calls its downloaders.

    Parameters
    ----------
    member : str
        The file's name in the archive.
    progressbar : bool
    """

    def __init__(self, member, progressbar):
        self.member = member
        self.progressbar = progressbar

    def __call__(self, url, output_file, pooch):  # noqa: D102
        from remotezip import RangeNotSupported, RemoteZip

        with contextlib.ExitStack() as downloads:
            session = _Session(downloads, self.member if self.progressbar else None)
            try:
                with RemoteZip(url, session=session) as archive:
                    return self._extract(archive, output_file)
            except RangeNotSupported:
                logger.info("The server does not send parts of %s: downloading all of it.", url)
            # The answer to the request for a part is the whole archive, and on its way.
            with tempfile.TemporaryFile(dir=os.path.dirname(output_file)) as whole:
                shutil.copyfileobj(session.latest, whole)
                with zipfile.ZipFile(whole) as archive:
                    self._extract(archive, output_file)

    def _extract(self, archive, output_file):
        if self.member not in archive.namelist():
            raise DownloadError(f"the archive holds {archive.namelist()}, but no {self.member}")
        # The last read compares the CRC-32.
        with archive.open(self.member) as source, open(output_file, "wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)


class _Session:
    """The part of a requests.Session that RemoteZip uses; what it gets is a download that resumes."""

    def __init__(self, downloads, label):
        self._downloads = downloads
        self._label = label

    def get(self, url, *, stream, headers):
        download = self._downloads.enter_context(_Download(url, headers["Range"], self._label))
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
    """

    def __init__(self, url, byte_range, label):
        self._url = url
        self._range = byte_range
        self._label = label
        self._first = self._last = self._bar = self.response = None
        self._received = self._skip = self._failures = 0
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

        headers = {"Range": self._range, "Accept-Encoding": "identity"}
        response = requests.get(self._url, headers=headers, stream=True, timeout=_TIMEOUT)
        status = f"the server answers {response.status_code} {response.reason}"
        if response.status_code == 429 or response.status_code >= 500:
            response.close()
            raise requests.HTTPError(status, response=response)
        content_range = re.match(r"bytes (\d+)-(\d+)", response.headers.get("Content-Range", ""))
        if response.status_code == 206 and content_range:
            first, last = map(int, content_range.groups())
        elif response.status_code == 200:
            first, last = 0, int(response.headers.get("Content-Length", 0)) - 1
        else:
            response.close()
            raise DownloadError(f"{status} (is base_url right?)")
        if self._first is None:
            self._first, self._last = first, last
            self._show_progress()
        self._skip = self._first + self._received - first
        self._chunks = response.iter_content(_CHUNK)
        self.response = response

    def _receive(self):
        import requests

        chunk = next(self._chunks, None)
        if chunk is None:
            # urllib3 before 2.0 takes a broken connection for the end.
            if self._first + self._received <= self._last:
                raise requests.ConnectionError("the server closed the connection")
            self._ended = True
            return
        self._rest = memoryview(chunk)[self._skip :]
        self._skip -= len(chunk) - len(self._rest)
        self._received += len(self._rest)
        if self._rest:
            self._failures = 0
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
        if self.response is not None:
            self.response.close()
            self.response = None

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
