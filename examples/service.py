"""Serve an exported classifier over HTTP: Starlette and uvicorn, without TensorFlow, Keras and scikit-learn.

    pip install '.[service]' && python examples/service.py model.skglove --port 8000 --workers 2

    curl localhost:8000/health
    curl localhost:8000/predict --json '{"texts": ["The striker scored twice in the second half."]}'

`skglove.export` writes the file. Without one, this makes bbc_news.skglove in the current folder, in less
than a minute on 2 cores; that needs pip install '.[glove,examples,serve,service]'.

Requests that wait are predicted together, in one thread of each worker. The file is all that a worker knows,
and workers share its pages in memory. If there are several workers, uvicorn replaces one that was killed. The
requests that it had are an error for the client, who may send them again. SIGTERM and Ctrl+C end the service
after it has answered. With several workers, SIGHUP makes it load the file again, one worker after the other;
it ends a service of one. Workers outlive their parent if that is killed, and keep the port. So let systemd or
a container end and restart all of them together, and let a proxy do TLS, passwords and limits on slow
clients.
"""

import argparse
import asyncio
import json
import os
import socket
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

import skglove

# Of one request.
MAX_BYTES, MAX_TEXTS, MAX_CHARACTERS = 2**20, 256, 50_000
# Texts of all requests that wait in one worker. More are answered with 503.
MAX_WAITING = 1024
# How `main` tells the workers what to serve.
SETTINGS = "SKGLOVE_SERVICE"


class Batches:
    """Predict the texts of several requests together (dynamic batching).

    Parameters
    ----------
    predict : callable
        Computes one row of results for each text of a list.
    size : int
        Most texts in a batch.
    seconds : float
        How long a batch that is not full waits for more texts. With 0 it has the texts that came while the
        batch before it was computed.
    """

    def __init__(self, predict, size, seconds):
        self._predict, self._size, self._seconds = predict, size, seconds
        self._queue = asyncio.Queue()

    async def predict(self, texts):
        """Return the rows of some texts, when a batch has them; 503 if too many others wait."""
        if self._queue.qsize() + len(texts) > MAX_WAITING:
            raise HTTPException(503, f"{self._queue.qsize()} texts wait. Try again.", {"Retry-After": "1"})
        futures = [asyncio.get_running_loop().create_future() for _ in texts]
        for item in zip(texts, futures, strict=True):
            self._queue.put_nowait(item)
        return await asyncio.gather(*futures)

    async def run(self):
        """Predict batch after batch, until this is cancelled."""
        with ThreadPoolExecutor(1) as thread:
            while True:
                texts, futures = zip(*await self._next(), strict=True)
                try:
                    rows = await asyncio.get_running_loop().run_in_executor(thread, self._predict, texts)
                except Exception as error:  # its requests get 500, and the service goes on
                    rows = [error] * len(texts)
                for future, row in zip(futures, rows, strict=True):
                    if future.done():  # its request was cancelled
                        continue
                    if isinstance(row, Exception):
                        future.set_exception(row)
                    else:
                        future.set_result(row)

    async def _next(self):
        items = [await self._queue.get()]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                while len(items) < self._size:
                    items.append(await self._queue.get())
        return items


def create_app(path, batch=64, wait_ms=0):
    """Make the ASGI application that serves a file; `batch` and `wait_ms` are those of the command line."""
    classifier = skglove.load_exported(path)
    multilabel = classifier.predict([""]).ndim == 2
    classes = classifier.classes_
    batches = Batches(classifier.predict_proba, batch, wait_ms / 1000)

    @asynccontextmanager
    async def lifespan(app):
        app.state.task = asyncio.create_task(batches.run())
        yield
        app.state.task.cancel()
        with suppress(asyncio.CancelledError):
            await app.state.task

    async def predict(request):
        texts = parse(await read(request))
        rows = np.stack(await batches.predict(texts))
        if multilabel:
            labels = [classes[row > 0.5].tolist() for row in rows]
        else:
            labels = classes[rows.argmax(axis=1)].tolist()
        return answer({"labels": labels, "probabilities": rows.astype(float).round(6).tolist()})

    async def health(request):
        ready = not request.app.state.task.done()
        about = {"ready": ready, "classes": classes.tolist(), "multilabel": multilabel}
        about |= {"checksum": classifier.checksum, "version": skglove.__version__}
        return answer(about, 200 if ready else 503)

    return Starlette(
        routes=[Route("/predict", predict, methods=["POST"]), Route("/health", health)],
        exception_handlers={HTTPException: refuse, ClientDisconnect: refuse, Exception: refuse},
        lifespan=lifespan,
    )


async def read(request):
    """Read the body of a request, not more than is allowed."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"The body has more than {MAX_BYTES} bytes. Send fewer texts at a time.")
    return body


def parse(body):
    """Take the texts from the body of a request."""
    try:
        content = json.loads(body.decode())
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"The body is not UTF-8: byte {error.start} is invalid.") from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"The body is not JSON: {error}.") from error
    texts = content.get("texts") if isinstance(content, dict) else None
    if not isinstance(texts, list):
        raise HTTPException(422, 'The body must be an object with a list of strings: {"texts": ["..."]}.')
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise HTTPException(422, f"There are {len(texts)} texts. Send 1 to {MAX_TEXTS} at a time.")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise HTTPException(422, f"texts[{i}] must be a string, not {type(text).__name__}.")
        if len(text) > MAX_CHARACTERS:
            raise HTTPException(
                422, f"texts[{i}] has {len(text)} characters. At most {MAX_CHARACTERS} are allowed."
            )
    return texts


def answer(content, status=200, headers=None):
    return Response(json.dumps(content), status, headers, media_type="application/json")


async def refuse(request, error):
    """Turn an exception into an answer. The server logs those that are no fault of the client."""
    if isinstance(error, HTTPException):
        return answer({"error": error.detail}, error.status_code, error.headers)
    if isinstance(error, ClientDisconnect):
        return answer({"error": "The client has gone."}, 400)
    return answer({"error": "The service failed. Its log says why."}, 500)


def make_model(path):
    """Fit a classifier on BBC News and export it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads this when it is imported, in `fit`
    from bbc_news import load_bbc_news

    print("Fitting a classifier on BBC News.", flush=True)
    news = load_bbc_news()
    labels = np.array(news.target_names)[news.target]
    skglove.export(skglove.make_text_classifier(random_state=0).fit(news.data, labels), path)


def serve_settings():
    """Make the application of a worker, which `main` has told what to serve."""
    return create_app(**json.loads(os.environ[SETTINGS]))


def listen(host, port):
    """Open the socket that all workers share.

    Those that uvicorn opens for several workers have no TCP_NODELAY, without which each answer takes 40 ms.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", nargs="?", type=Path, help="a file that skglove.export wrote")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="(%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="most texts of a batch (%(default)s)")
    parser.add_argument(
        "--wait-ms", type=float, default=0, help="how long a batch waits for more texts (%(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.path is None:
        options.path = Path("bbc_news.skglove")
        if not options.path.exists():
            # In a process of its own, with which TensorFlow's memory goes.
            with ProcessPoolExecutor(1, get_context("spawn")) as process:
                process.submit(make_model, options.path).result()
    try:
        print(skglove.load_exported(options.path))
        listener = listen(options.host, options.port)
    except (OSError, skglove.ExportedFileError) as error:
        parser.error(str(error))

    settings = {"path": str(options.path.absolute()), "batch": options.batch, "wait_ms": options.wait_ms}
    os.environ[SETTINGS] = json.dumps(settings)
    uvicorn.run(
        "service:serve_settings",
        factory=True,
        app_dir=str(Path(__file__).parent),
        fd=listener.fileno(),
        workers=options.workers,
        access_log=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
