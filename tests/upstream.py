"""A stand-in for Groq on a real socket: its wire format, its rules, and any fault a test asks for.

    with Upstream() as upstream:
        upstream.script.append(rate_limited())
        ...  # call upstream.url
        assert upstream.requests[0].form.value("model") == "whisper-large-v3"

Replies come from `script` in turn, else from `by_sha256` of the file, else from `recognise`, which gets the
file, else from `default`. Without any of these the text is `heard <12 characters of the file's sha256>`.
Also a program, for servers under test that run as processes: `python -m tests.upstream --port 9000`; its
script comes through `POST /_control`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self
from weakref import WeakSet

from tests.replies import Reply, bad_key, groq_error, transcription
from tests.wire import Form, FormReader, Request, read_request

KEY = "gsk_" + "t" * 40  # the API key that tests use, where the stand-in asks for one

EXTENSIONS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "opus", "wav", "webm")
MODELS = ("whisper-large-v3", "whisper-large-v3-turbo")
LARGEST = 25 * 1024 * 1024
FIELDS = {"model", "file", "url", "prompt", "response_format", "temperature"}
_ACCEPTING = 10  # steps of the event loop: a connection that it has accepted reaches us by then
TRANSCRIPTION_FIELDS = FIELDS | {"language", "timestamp_granularities[]"}


@dataclass
class ReceivedRequest:
    """A request and the status of its answer (None until there is one)."""

    path: str
    headers: dict[str, str]
    form: Form
    status: int | None = None
    client_gone: bool = False


@dataclass
class Upstream:
    """Runs in its own thread, so that tests may block. With `key`, every other key gets a 401."""

    port: int = 0
    key: str | None = None
    script: deque[Reply] = field(default_factory=deque)
    by_sha256: dict[str, Reply] = field(default_factory=dict)
    default: Reply = field(default_factory=Reply)
    recognise: Callable[[bytes], Reply] | None = None
    requests: list[ReceivedRequest] = field(default_factory=list)
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/openai/v1"

    def reset(self) -> None:
        """Drop the script and the requests; the key stays."""
        self.script.clear()
        self.by_sha256.clear()
        self.requests.clear()
        self.default, self.recognise, self.most_at_once = Reply(), None, 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve(ready.set)), daemon=True)
        self._thread.start()
        assert ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def serve(self, ready: Callable[[], object]) -> None:
        self._loop, self._stop, self._at_once = asyncio.get_running_loop(), asyncio.Event(), 0
        self._connections: set[asyncio.Task[None]] = set()
        self._transports = WeakSet[asyncio.WriteTransport]()
        server = await asyncio.start_server(self._connect, "127.0.0.1", self.port, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        ready()
        async with server:
            await self._stop.wait()
            for listening in server.sockets:
                self._loop.remove_reader(listening.fileno())
            for _ in range(_ACCEPTING):  # asyncio loses a connection whose server is closed meanwhile
                await asyncio.sleep(0)
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in list(self._transports):
            transport.abort()
        await asyncio.sleep(0)

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Noted at once, so that in the end also a connection is closed whose task has yet to begin."""
        self._transports.add(writer.transport)
        task = asyncio.create_task(self._serve_connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await read_request(reader):
                if not await self._handle(request, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """True when the connection can take another request."""
        if request.path == "/_control":
            return await _send(writer, await self._control(request))
        if request.path == "/openai/v1/models":
            models = {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]}
            return await _send(writer, Reply(body=models))
        if request.path not in ("/openai/v1/audio/transcriptions", "/openai/v1/audio/translations"):
            return await _send(writer, groq_error(404, "Unknown request URL", type="invalid_request_error"))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(request, writer)
        finally:
            self._at_once -= 1

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        scripted = self.script.popleft() if self.script else None
        receiver = FormReader(request.headers["content-type"], keep=self.recognise is not None)
        received = ReceivedRequest(request.path, request.headers, receiver.form)
        self.requests.append(received)
        if request.headers.get("expect") == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not await _receive(request, receiver, scripted.read if scripted else None):
            received.client_gone = True
            return False
        reply = scripted or self.by_sha256.get(received.form.sha256) or await self._recognise(receiver)
        if reply.hang:
            received.client_gone = await request.reader.read(1) == b""
            return False
        await asyncio.sleep(reply.delay)
        if scripted is None:
            reply = self._refuse(received) or reply
        received.status = reply.status
        return await _send(writer, _complete(reply, received), linger=request.reader)

    async def _recognise(self, receiver: FormReader) -> Reply:
        if self.recognise is None or receiver.file is None:
            return self.default
        return await asyncio.to_thread(self.recognise, bytes(receiver.file))

    def _refuse(self, received: ReceivedRequest) -> Reply | None:
        """Groq's error for a request that it would refuse, as far as its rules are known; else None."""
        form = received.form
        if self.key and received.headers.get("authorization") != f"Bearer {self.key}":
            return bad_key()
        translating = received.path.endswith("translations")
        known = FIELDS if translating else TRANSCRIPTION_FIELDS
        faults = {
            "unknown param": any(name not in known for name, _ in form.fields),
            "file is missing": form.filename is None,
            "file must be one of the following types": not (form.filename or "").endswith(EXTENSIONS),
            "model does not exist": form.value("model") not in MODELS,
            "model does not support translations": translating and form.value("model") != MODELS[0],
            "prompt is too long": len((form.value("prompt") or "").encode()) > 896,
            "timestamp_granularities needs verbose_json": bool(form.values("timestamp_granularities[]"))
            and form.value("response_format") != "verbose_json",
        }
        if form.size_bytes > LARGEST:
            return groq_error(413, "Request Entity Too Large", code="request_too_large")
        return next(
            (groq_error(400, fault, type="invalid_request_error") for fault in faults if faults[fault]), None
        )

    async def _control(self, request: Request) -> Reply:
        body = b"".join([piece async for piece in request.body()])
        if request.method == "DELETE":
            self.reset()
        command: dict[str, Any] = json.loads(body or b"{}")
        self.script.extend(Reply(**reply) for reply in command.get("script", ()))
        self.by_sha256.update(
            {sha256: Reply(**reply) for sha256, reply in command.get("by_sha256", {}).items()}
        )
        self.default = Reply(**command["default"]) if "default" in command else self.default
        self.key = command.get("key", self.key)
        requests = [asdict(received) for received in self.requests]
        return Reply(body={"requests": requests, "most_at_once": self.most_at_once})


async def _receive(request: Request, receiver: FormReader, limit: int | None) -> bool:
    """Read the form, or its first `limit` bytes; False when the client went away."""
    if limit == 0:
        return True
    try:
        async for piece in request.body():
            receiver.feed(piece)
            if limit is not None and receiver.form.received_bytes >= limit:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


def _complete(reply: Reply, received: ReceivedRequest) -> Reply:
    """The transcript in the format that the request asks for; other replies are unchanged."""
    fields = transcription(f"heard {received.form.sha256[:12]}").body if reply.body is None else reply.body
    if reply.status != 200 or not isinstance(fields, dict) or "text" not in fields:
        return replace(reply, body=fields)
    response_format = received.form.value("response_format") or "json"
    granularities = received.form.values("timestamp_granularities[]") or ["segment"]
    dropped = {"segments", "words"} - {f"{granularity}s" for granularity in granularities}
    if response_format != "verbose_json":
        dropped = set(fields) - {"text"}
    kept: dict[str, Any] = {name: value for name, value in fields.items() if name not in dropped}
    kept |= {"x_groq": {"id": "req_01stand1n2345jkmnpqrstvwx"}}
    if response_format == "verbose_json":
        kept |= {"task": "translate" if received.path.endswith("translations") else "transcribe"}
    return replace(reply, body=kept["text"] if response_format == "text" else kept)


async def _send(
    writer: asyncio.StreamWriter, reply: Reply, *, linger: asyncio.StreamReader | None = None
) -> bool:
    """Write the answer, or the share of it that goes out before the connection is cut."""
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    body, kind = text.encode(), "text/plain" if isinstance(reply.body, str) else "application/json"
    early = reply.read is not None
    headers = {"content-type": kind, "content-length": str(len(body))} | reply.headers
    headers |= {"connection": "close"} if early else {}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if reply.send:
        writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{head}\r\n".encode())
    share = body[: int(len(body) * reply.send)]
    step = max(1, len(share) // 100) if reply.drip else max(1, len(share))
    for start in range(0, len(share), step):
        writer.write(share[start : start + step])
        await writer.drain()
        await asyncio.sleep(reply.drip)
    if reply.send < 1:
        await writer.drain()
        writer.transport.abort() if reply.send == 0 else writer.close()
        return False
    if early and linger:
        await _linger(writer, linger)
    return not early


async def _linger(writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    """Read on: closing with unread bytes would reset the connection before the client has the answer."""
    await writer.drain()
    writer.write_eof()
    async with asyncio.timeout(60):
        while await reader.read(1 << 20):
            pass


def not_before(event: threading.Event, reply: Reply | None = None) -> Callable[[bytes], Reply]:
    """For `Upstream.recognise`: replies once the event is set; a few recordings may wait for it at once."""

    def recognise(_: bytes) -> Reply:
        event.wait(60)
        return reply or Reply()

    return recognise


def main() -> None:
    parser = argparse.ArgumentParser(description="A scriptable stand-in for Groq's speech-to-text.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=None, help="the only API key that is accepted")
    arguments = parser.parse_args()
    upstream = Upstream(port=arguments.port, key=arguments.key)

    asyncio.run(upstream.serve(lambda: print(upstream.url, flush=True)))


if __name__ == "__main__":
    main()
