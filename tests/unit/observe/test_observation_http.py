from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from edge_agent.observe.http import ClientLimits, Endpoints, ObservationServer

ROOMY = ClientLimits()
PATHS = ("/metrics", "/health/live", "/health/ready", "/status")


def make_server(limits=ROOMY, **changes):
    parts = {
        "metrics": lambda: iter([b"edge_agent_", b"", b"backlog 0.0\n"]),
        "ready": lambda: {"broker": None, "store": "ok"},
        "live": lambda: None,
        "status": lambda: iter([b'{"site": ', b'"riverside"}']),
    }
    return ObservationServer("127.0.0.1", 0, limits=limits, **(parts | changes))


@asynccontextmanager
async def connection(port):
    """A client's side of a connection, closed at the end however the server left it."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def rest(reader):
    """Read until the server ends; nothing where it reset the connection."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def exchange(server, request):
    """Send bytes, read until the server ends; the status, the headers and the body."""
    async with connection(server.port) as (reader, writer):
        writer.write(request)
        answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers, joined(body) if body and "Transfer-Encoding" in headers else body


def joined(chunks):
    """Put the chunks of a body together; one that ends too early, or does not end, is an error."""
    body = b""
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size, 16)
        body, end, chunks = body + chunks[:length], chunks[length : length + 2], chunks[length + 2 :]
        assert end == b"\r\n"
        if not length:
            assert not chunks
            return body
    raise AssertionError("the last chunk is missing")


async def get(server, path, method="GET"):
    return await exchange(server, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the server tells nobody of its connections
            await asyncio.sleep(0)


async def test_metrics_are_served_as_prometheus_text():
    async with make_server() as server:
        status, headers, body = await get(server, "/metrics")
    assert (status, body) == (200, b"edge_agent_backlog 0.0\n")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in headers


async def test_metrics_are_served_to_what_came_before_http_1_1():
    async with make_server() as server:
        status, headers, body = await exchange(server, b"GET /metrics HTTP/1.0\r\n\r\n")
    assert (status, body) == (200, b"edge_agent_backlog 0.0\n")
    assert not {"Transfer-Encoding", "Content-Length"} & set(headers)  # the end of the connection is its end


async def test_the_loop_turns_between_two_pieces_of_an_answer():
    turns = 0
    seen = []

    def pieces():
        for _ in range(5):
            seen.append(turns)
            yield b"x"

    async def turn():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with make_server(metrics=pieces) as server, asyncio.TaskGroup() as group:
        turning = group.create_task(turn())
        assert (await get(server, "/metrics"))[2] == b"xxxxx"
        turning.cancel()
    assert seen == sorted(set(seen))


async def test_of_an_answer_that_nobody_takes_no_more_is_made():
    made = 0

    def pieces():
        nonlocal made
        for made in range(1, 1_001):  # noqa: B007 - read outside
            yield bytes(100_000)

    async with make_server(metrics=pieces) as server, connection(server.port) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        await until(lambda: any(one._is_full for one in server._exchanges))
        assert made < 200
        writer.transport.resume_reading()
        assert (await reader.read()).endswith(b"\r\n0\r\n\r\n")
    assert made == 1_000


async def test_an_answer_that_fails_on_the_way_is_seen_to_have_no_end(told):
    def pieces():
        yield b"x"
        raise ZeroDivisionError

    async with make_server(metrics=pieces) as server:
        async with connection(server.port) as (reader, writer):
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert not (await rest(reader)).endswith(b"0\r\n\r\n")
        assert (await get(server, "/health/live"))[0] == 200
    assert [sentence for _, sentence, _ in told] == ["An answer could not be finished"]


async def test_status_is_json():
    async with make_server() as server:
        status, headers, body = await get(server, "/status?pretty=1")
    assert (status, json.loads(body)) == (200, {"site": "riverside"})
    assert headers["Content-Type"] == "application/json"


async def test_a_note_makes_nobody_unready():
    async with make_server(ready=lambda: {"store": None}, notes=lambda: {"store": "begun anew"}) as server:
        status, _, body = await get(server, "/health/ready")
        assert status == 200
        assert json.loads(body) == {"ready": True, "parts": {"store": "ok"}, "notes": {"store": "begun anew"}}


async def test_a_part_that_can_be_done_without_is_told_of_and_makes_nobody_unready():
    parts = {"postgres": "its disk is full", "redis": None}
    async with make_server(ready=lambda: {"store": None}, dispensable=lambda: parts) as server:
        status, _, body = await get(server, "/health/ready")
    told = {"store": "ok", "postgres": "its disk is full", "redis": "ok"}
    assert (status, json.loads(body)) == (200, {"ready": True, "parts": told, "notes": {}})


async def test_ready_tells_a_reason_for_each_part():
    parts = {"broker": "connection refused", "store": None}
    async with make_server(ready=lambda: parts) as server:
        status, _, body = await get(server, "/health/ready")
        assert status == 503
        told = {"broker": "connection refused", "store": "ok"}
        assert json.loads(body) == {"ready": False, "parts": told, "notes": {}}
        parts["broker"] = "ok"
        status, _, body = await get(server, "/health/ready")
        assert (status, json.loads(body)["ready"]) == (200, True)


async def test_live_follows_its_source():
    async with make_server() as server:
        assert (await get(server, "/health/live"))[0] == 200
    async with make_server(live=lambda: "the loop has not turned since 30 s") as server:
        status, _, body = await get(server, "/health/live")
    assert (status, json.loads(body)["reason"]) == (503, "the loop has not turned since 30 s")


@pytest.mark.parametrize("path", PATHS)
async def test_head_has_the_headers_of_get_and_no_body(path):
    async with make_server() as server:
        status, headers, body = await get(server, path)
        assert await get(server, path, "HEAD") == (status, headers, b"")
    assert body


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("GET", "/", 404), ("POST", "/nothing", 404), ("POST", "/metrics", 405), ("DELETE", "/status", 405)],
)
async def test_what_is_not_offered_is_refused(method, path, expected):
    async with make_server() as server:
        status, headers, _ = await get(server, path, method)
    assert status == expected
    assert headers.get("Allow") == ("GET, HEAD" if expected == 405 else None)


async def test_a_proxy_may_send_the_whole_url():
    async with make_server() as server:
        assert (await get(server, "http://gateway:9108/health/live"))[0] == 200


async def test_the_body_of_a_refused_request_does_not_reset_the_answer():
    async with make_server() as server:
        request = b"POST /status HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
        assert (await exchange(server, request))[0] == 405


async def test_a_part_that_fails_is_an_answer_and_the_others_still_answer():
    def broken():
        raise ZeroDivisionError

    async with make_server(metrics=broken, status=broken) as server:
        assert (await get(server, "/metrics"))[0] == 500
        assert (await get(server, "/status"))[0] == 500
        assert (await get(server, "/health/live"))[0] == 200


async def test_a_head_that_comes_byte_by_byte_is_read():
    async with make_server() as server, connection(server.port) as (reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /health/live HTTP/1.0\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("ended", [b"", b"\r\n\r\n"])
async def test_a_head_past_the_limit_is_refused(ended):
    async with make_server(ClientLimits(head_bytes=1000)) as server:
        assert (await exchange(server, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 1500 + ended))[0] == 431


async def test_a_client_that_does_not_finish_its_request_is_dropped():
    limits = ClientLimits(exchange_seconds=0.05)
    async with make_server(limits) as server, connection(server.port) as (reader, writer):
        writer.write(b"GET /metrics HT")
        assert await rest(reader) == b""
        await until(lambda: not server._exchanges)


async def test_a_client_that_never_reads_is_dropped():
    limits = ClientLimits(exchange_seconds=0.05)
    big = b"x" * 32_000_000
    async with make_server(limits, metrics=lambda: iter([big])) as server, connection(server.port) as (_, writer):
        writer.transport.pause_reading()
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        await until(lambda: server._exchanges)
        await until(lambda: not server._exchanges)


async def test_a_client_that_never_stops_sending_is_dropped():
    limits = ClientLimits(head_bytes=100, exchange_seconds=60)
    async with make_server(limits) as server, connection(server.port) as (reader, writer):
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert await reader.read()
        assert server._exchanges
        writer.write(b"x" * 1000)
        await until(lambda: not server._exchanges)


async def test_slow_connections_do_not_starve_health():
    async with make_server() as server, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(connection(server.port)) for _ in range(3 * ROOMY.connections)]
        for number, (_, writer) in enumerate(slow):
            if number % 2:
                writer.write(b"GET /metrics HT")
        for _ in range(5):
            assert (await get(server, "/health/ready"))[0] == 200
        assert len(server._exchanges) <= ROOMY.connections


async def test_whoever_takes_no_answer_makes_room_for_whoever_asks():
    limits = ClientLimits(connections=4)
    async with make_server(limits, metrics=lambda: iter([b"x" * 32_000_000])) as server, AsyncExitStack() as stack:
        for _ in range(4):
            _, writer = await stack.enter_async_context(connection(server.port))
            writer.transport.pause_reading()
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        await until(lambda: sum(one.is_answered for one in server._exchanges) == 4)
        assert (await get(server, "/health/live"))[0] == 200
        assert len(server._exchanges) <= 4


async def test_of_those_that_have_not_asked_the_oldest_makes_room():
    async with make_server(ClientLimits(connections=2)) as server, AsyncExitStack() as stack:
        first, _ = await stack.enter_async_context(connection(server.port))
        await until(lambda: len(server._exchanges) == 1)
        second, writer = await stack.enter_async_context(connection(server.port))
        await until(lambda: len(server._exchanges) == 2)
        assert (await get(server, "/health/live"))[0] == 200
        assert await rest(first) == b""
        writer.write(b"GET /health/live HTTP/1.1\r\n\r\n")
        assert (await second.read()).startswith(b"HTTP/1.1 200 OK")


async def test_whoever_stays_after_its_answer_makes_room_before_whoever_is_about_to_ask():
    async with make_server(ClientLimits(connections=2)) as server, AsyncExitStack() as stack:
        asking, writer = await stack.enter_async_context(connection(server.port))
        await until(lambda: len(server._exchanges) == 1)
        staying, other = await stack.enter_async_context(connection(server.port))
        other.write(b"GET /health/live HTTP/1.1\r\n\r\n")
        assert await staying.read()
        assert len(server._exchanges) == 2
        assert (await get(server, "/health/live"))[0] == 200
        writer.write(b"GET /health/live HTTP/1.1\r\n\r\n")
        assert (await asking.read()).startswith(b"HTTP/1.1 200 OK")


async def test_a_head_has_a_deadline_of_its_own():
    limits = ClientLimits(head_seconds=0.05, exchange_seconds=60)
    async with make_server(limits) as server, connection(server.port) as (reader, writer):
        writer.write(b"GET /metrics HT")
        assert await rest(reader) == b""
        await until(lambda: not server._exchanges)


async def test_closing_drops_open_connections_and_frees_the_port():
    server = make_server()
    await server.__aenter__()
    port = server.port
    async with connection(port) as (reader, _):
        await until(lambda: server._exchanges)
        await server.__aexit__(None, None, None)
        assert await rest(reader) == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_cancelling_its_owner_closes_it():
    entered = asyncio.Event()
    server = make_server()
    ports = []

    async def own():
        async with server:
            ports.append(server.port)
            entered.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        owner = group.create_task(own())
        await entered.wait()
        owner.cancel()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", ports[0])


@pytest.fixture
def told():
    """What is logged: (level, sentence, fields)."""
    found = []
    handler = logger.add(lambda m: found.append((m.record["level"].name, m.record["message"], m.record["extra"])))
    yield found
    logger.remove(handler)


@pytest.fixture
def taken():
    """A port that another program has."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other


def make_server_at(port, **options):
    return ObservationServer(
        "127.0.0.1", port, metrics=lambda: iter(()), ready=dict, live=lambda: None, status=lambda: iter(()), **options
    )


async def test_a_taken_port_is_told_and_served_as_soon_as_it_is_free(taken, told):
    port = taken.getsockname()[1]
    async with make_server_at(port, retry_seconds=0.01) as server, asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        ((level, sentence, fields),) = told
        assert (level, sentence) == ("ERROR", "Metrics and health cannot be served; it is tried again")
        assert fields["address"] == f"127.0.0.1:{port}"
        assert "in use" in fields["error"]
        assert server.port == port
        taken.close()
        await until(lambda: told[-1][1] == "Metrics and health are served")
        assert (await get(server, "/health/live"))[0] == 200
    assert [sentence for level, sentence, _ in told if level != "DEBUG"][1:] == ["Metrics and health are served"]


async def test_an_address_that_is_none_keeps_nobody_from_starting(told):
    server = ObservationServer(
        "no.such.host.invalid", 1, metrics=lambda: iter(()), ready=dict, live=lambda: None, status=lambda: iter(())
    )
    async with server:
        assert server.port == 1
    assert [level for level, _, _ in told] == ["ERROR"]


async def test_waiting_for_a_port_can_be_cancelled(taken):
    async with make_server_at(taken.getsockname()[1], retry_seconds=60) as server, asyncio.TaskGroup() as group:
        waiting = group.create_task(server.serve())
        await asyncio.sleep(0)
        waiting.cancel()
    assert waiting.cancelled()
    assert server.port == taken.getsockname()[1]


async def test_a_server_that_listens_has_nothing_to_wait_for():
    async with make_server() as server, asyncio.timeout(5):
        await server.serve()


def test_want_of_memory_is_not_swallowed():
    def exhausted():
        raise MemoryError

    with pytest.raises(MemoryError):
        Endpoints(exhausted, dict, lambda: None, exhausted).respond(b"GET /metrics HTTP/1.1")


async def test_clients_that_reset_leave_no_trace():
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
    async with make_server(metrics=lambda: iter([b"x" * 4_000_000])) as server:
        for request in (b"", b"GET /metrics HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\nmore") * 5:
            client = socket.create_connection(("127.0.0.1", server.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(request)
            client.close()
        assert (await get(server, "/health/live"))[0] == 200
        await until(lambda: not server._exchanges)
    assert not problems


@given(st.binary(max_size=200) | st.builds(b"%b %b HTTP/1.1".__mod__, st.tuples(st.binary(), st.binary())))
def test_any_bytes_are_answered(head):
    answer = b"".join(Endpoints(lambda: iter([b"x"]), dict, lambda: None, lambda: iter([b"x"])).respond(head))
    start, _, body = answer.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 ")
    assert f"Content-Length: {len(body)}".encode() in start or head.startswith(
        (b"HEAD ", b"GET /metrics ", b"GET /status ")
    )


async def test_any_bytes_on_the_wire_leave_it_answering():
    pieces = [
        b"\r\n\r\n",
        b"\r\n",
        b"\0" * 50,
        b"GET  HTTP/1.1\r\n\r\n",
        bytes(range(256)) * 40,
        b"PRI * HTTP/2.0\r\n\r\n",
    ]
    async with make_server() as server:
        for piece in pieces:
            async with connection(server.port) as (reader, writer):
                writer.write(piece)
                writer.write_eof()
                answer = await rest(reader)
            assert not answer or answer.startswith(b"HTTP/1.1 4")
        assert (await get(server, "/metrics"))[0] == 200
