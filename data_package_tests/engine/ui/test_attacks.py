"""What comes from anywhere but the owner's own pages does not get through."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLSchema,
    is_leaf_type,
    parse,
    validate,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from data_package.engine.ui.graphql_operations import RUNS
from data_package_tests.conftest import new_study
from data_package_tests.engine.ui.server import LAUNCH, TABLES, Answer, Served, served

pytestmark = pytest.mark.slow

VERSION = "{ version }"


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for reading, whose owner is logged in."""
    yield from started(tmp_path_factory.mktemp("reading"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that lets runs start, whose owner is logged in."""
    yield from started(tmp_path_factory.mktemp("running"), "--allow-runs")


def started(folder: Path, *options: str) -> Iterator[Served]:
    study = new_study(folder, TABLES)
    assert study.build().ok
    with served(study, *options) as server:
        server.log_in()
        assert server.graphql(VERSION).status == 200
        yield server
        assert server.graphql(VERSION).status == 200


def asked(server: Served, query: str, **headers: str) -> Answer:
    body = json.dumps({"query": query})
    return server.ask("POST", "/graphql", body, {**server.owner, **headers})


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


PATHS = ["/", "/assets", "/graphql", "/server_info", "/favicon.png", "/data-dictionary", "/login"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "cookie", ["", "data-package=x", "session", "NAME=", "NAME=wrong"], ids=str
)
def test_nothing_is_read_without_the_cookie(reading: Served, path: str, cookie: str) -> None:
    name = reading.cookie.split("=")[0]
    cookie = cookie.replace("NAME", name)
    for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"):
        answer = reading.ask(method, path, None, {"Cookie": cookie} if cookie else {})
        assert answer.status in (403, 405)
        assert b"dagster" not in answer.body.lower()
        assert reading.study.package.encode() not in answer.body
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "token", ["", "?token=", "?token=wrong", "?token=a&token=b", "?token=%00", "?Token=x"]
)
def test_a_wrong_token_opens_nothing(reading: Served, token: str) -> None:
    answer = reading.ask("GET", f"/login{token}")
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_a_link_works_once(reading: Served) -> None:
    again = reading.ask("GET", reading.token_path)
    assert again.status == 403
    assert "set-cookie" not in again.headers


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    tmp_path: Path,
) -> None:
    study = new_study(tmp_path, TABLES)
    with served(study) as server:
        # Looking at the link, as a chat program does, does not use it up.
        assert server.ask("HEAD", server.token_path).status == 405
        assert server.ask("GET", server.token_path, None, {"Sec-Purpose": "prefetch"}).status == 405
        answer = server.ask("GET", server.token_path)
    attributes = answer.headers["set-cookie"].split("; ")[1:]
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]


FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1:PORT",
    "localhost:PORT",
    "other.localhost:PORT",
    "NAME.evil.example:PORT",
    "evil-NAME:PORT",
    "NAME:",
    "NAME:x",
    "NAME:80:80",
    "NAME@evil.example",
    "[::1]:PORT",
    "",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_another_name_is_refused(reading: Served, host: str) -> None:
    name, _, port = reading.host.partition(":")
    host = host.replace("NAME", name).replace("PORT", port)
    answer = asked(reading, VERSION, Host=host, Origin=f"http://{host}")
    assert answer.status == 403
    page = reading.ask("GET", "/", None, {"Cookie": reading.cookie, "Host": host})
    assert page.status == 403


FOREIGN_ORIGINS = [
    "https://evil.example",
    "null",
    "http://127.0.0.1:1",
    "https://HOST",
    "http://",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused(running: Served, origin: str) -> None:
    origin = origin.replace("HOST", running.host)
    assert asked(running, VERSION, Origin=origin).status == 403
    page = running.ask("GET", "/", None, {"Cookie": running.cookie, "Origin": origin})
    assert page.status == 403
    if origin:
        with pytest.raises(InvalidStatus) as caught:
            socket_of(running, origin=origin)
        assert caught.value.response.status_code == 403


def test_a_post_without_an_origin_is_refused(running: Served) -> None:
    body = json.dumps({"query": VERSION})
    assert running.ask("POST", "/graphql", body, without(running.owner, "Origin")).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_requests_from_another_site_are_refused(reading: Served, headers: dict[str, str]) -> None:
    owner = without(reading.owner, "Origin") | headers
    assert reading.ask("GET", "/", None, owner).status == 403
    assert reading.graphql(VERSION, **headers).status == 403


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/graphql",
        "",
    ],
)
def test_a_form_of_another_site_cannot_ask(running: Served, kind: str) -> None:
    assert asked(running, VERSION, **{"Content-Type": kind}).status == 415


def test_graphql_is_not_asked_with_get(running: Served) -> None:
    owner = without(running.owner, "Content-Type")
    for query in (VERSION, "mutation { reloadWorkspace { __typename } }", LAUNCH):
        answer = running.ask("GET", f"/graphql?query={quote(query)}", None, owner)
        assert answer.status == 405
        answer = running.ask("POST", f"/graphql?query={quote(query)}", "", running.owner)
        assert answer.status == 400
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "QUERY"):
        assert running.ask(method, "/graphql", None, running.owner).status == 405
    html = owner | {"Accept": "text/html"}
    assert running.ask("GET", "/graphql", None, html).status == 405


@cache
def schema() -> GraphQLSchema:
    """Dagster's, which takes a second to import: not where tests are only collected."""
    from dagster_graphql.schema import create_schema

    made: GraphQLSchema = create_schema().graphql_schema
    return made


def mutations() -> dict[str, GraphQLField]:
    kind = schema().mutation_type
    assert kind is not None
    return dict(kind.fields)


def written(kind: object) -> str:
    """A value that GraphQL's validation takes for an argument of a type."""
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    text = str(kind)
    if text.startswith("["):
        return "[]"
    if isinstance(kind, GraphQLInputObjectType):
        needed = {n: f.type for n, f in kind.fields.items() if isinstance(f.type, GraphQLNonNull)}
        return "{" + ", ".join(f"{n}: {written(t)}" for n, t in needed.items()) + "}"
    if text in ("Int", "Float"):
        return "1"
    if text == "Boolean":
        return "true"
    if is_leaf_type(kind) and hasattr(kind, "values"):
        return str(next(iter(kind.values)))
    return '"x"'


def call_of(name: str) -> str:
    """A whole, valid call of a mutation."""
    one = mutations()[name]
    needed = [(n, a.type) for n, a in one.args.items() if isinstance(a.type, GraphQLNonNull)]
    arguments = ", ".join(f"{n}: {written(t)}" for n, t in needed)
    inside = "" if is_leaf_type(getattr(one.type, "of_type", one.type)) else " { __typename }"
    return f"{name}({arguments}){inside}" if arguments else f"{name}{inside}"


def disguised(name: str) -> list[str]:
    call = call_of(name)
    return [
        f"mutation {{ {call} }}",
        f"mutation Named {{ version: {call} }}",
        f"# query\nmutation{{{call}}}",
        f"mutation {{ ...F }} fragment F on Mutation {{ {call} }}",
        f"mutation {{ ... on Mutation {{ ... on Mutation {{ {call} }} }} }}",
        f"mutation {{ ... @include(if: true) {{ {call} }} }}",
        f"query A {{ version }} mutation B {{ {call} }}",
        f"\ufeffmutation {{ {call} }}",
    ]


def test_no_mutation_passes_where_one_only_reads(reading: Served) -> None:
    assert {"launchRun", "wipeAssets", "shutdownRepositoryLocation"} <= mutations().keys()
    for name in mutations():
        for query in disguised(name):
            assert reading.graphql(query).is_refused, query
            body = json.dumps({"query": query, "operationName": "A"})
            assert reading.ask("POST", "/graphql", body, reading.owner).is_refused, query
        # The call is whole: where it is let through to Dagster, it is valid.
        assert validate(schema(), parse(disguised(name)[0])) == []


def test_where_runs_are_allowed_nothing_else_is(running: Served) -> None:
    assert mutations().keys() >= RUNS
    for name in mutations().keys() - RUNS:
        for query in disguised(name):
            assert running.graphql(query).is_refused, query
        mixed = f"mutation {{ reloadWorkspace {{ __typename }} {call_of(name)} }}"
        assert running.graphql(mixed).is_refused, name


def test_dagster_itself_refuses_too_where_one_only_reads(reading: Served) -> None:
    query = """{ permissions { permission value }
      assetNodes { hasMaterializePermission hasWipePermission hasReportRunlessAssetEventPermission }
      workspaceOrError { ... on Workspace { locationEntries { permissions { permission value } } } }
    }"""
    reported = reading.graphql(query).json["data"]
    assert reported["permissions"]
    assert not any(one["value"] for one in reported["permissions"])
    assert not any(value for node in reported["assetNodes"] for value in node.values())
    locations = reported["workspaceOrError"]["locationEntries"]
    assert not any(one["value"] for entry in locations for one in entry["permissions"])


def test_duplicate_names_in_json_hide_nothing(reading: Served) -> None:
    mutation = json.dumps("mutation { reloadWorkspace { __typename } }")
    harmless = json.dumps(VERSION)
    first = f'{{"query": {mutation}, "query": {harmless}}}'
    assert reading.ask("POST", "/graphql", first, reading.owner).json == {
        "data": {"version": reading.graphql(VERSION).json["data"]["version"]}
    }
    last = f'{{"query": {harmless}, "query": {mutation}}}'
    assert reading.ask("POST", "/graphql", last, reading.owner).is_refused
    batch = f'[{{"query": {mutation}}}]'
    assert reading.ask("POST", "/graphql", batch, reading.owner).status == 400


@pytest.mark.parametrize(
    "path",
    [
        "/report_asset_materialization/grown_ups",
        "/report_asset_check/grown_ups",
        "/report_asset_observation/grown_ups",
        "/report_asset_materialization/?asset_key=grown_ups",
        "/logs/x/y/z.out",
        "/notebook?path=x.ipynb&repoLocName=x",
        "/download_debug/x",
        "/server_info",
        "/",
    ],
)
def test_nothing_but_graphql_is_posted_to(running: Served, path: str) -> None:
    before = running.graphql("{ assetsOrError { ... on AssetConnection { nodes { id } } } }").json
    for method in ("POST", "PUT", "DELETE"):
        assert running.ask(method, path, "{}", running.owner).status == 405
    after = running.graphql("{ assetsOrError { ... on AssetConnection { nodes { id } } } }").json
    assert before == after


@pytest.mark.parametrize(
    "path", ["/logs/a/b.out", "/notebook", "/dagit/notebook", "/download_debug/x"]
)
def test_downloads_are_refused_with_a_reason(running: Served, path: str) -> None:
    answer = running.ask("GET", path, None, without(running.owner, "Origin"))
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"data-package ui does not offer this" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/_next/..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "/_next/../../../../../../etc/passwd",
        "/vendor/%5c..%5c..%5cetc/passwd",
        "//etc/passwd",
        "/_next//etc/passwd",
        "/_next/%00",
        "/data-dictionary/../../pyproject.toml",
        "/people.csv",
        "/storage/final/grown_ups.parquet",
        "/data-dictionary/data/grown_ups.parquet",
    ],
)
def test_no_path_leads_to_a_file(reading: Served, path: str) -> None:
    owner = without(reading.owner, "Origin")
    answer = reading.ask("GET", path, None, owner)
    assert b"root:x:" not in answer.body
    assert b"anna" not in answer.body
    assert b"PAR1" not in answer.body
    assert answer.status in (400, 404) or b"__NEXT_DATA__" in answer.body


def test_an_oversized_request_is_refused(reading: Served) -> None:
    large = json.dumps({"query": VERSION + " " * (1 << 20)})
    assert reading.ask("POST", "/graphql", large, reading.owner).status == 413
    tokens = json.dumps({"query": "{" + " version" * 60_000 + "}"})
    assert reading.ask("POST", "/graphql", tokens, reading.owner).status == 400
    deep = json.dumps({"query": "{" * 20_000 + "}" * 20_000})
    assert reading.ask("POST", "/graphql", deep, reading.owner).status == 400
    nested = "[" * 200_000
    assert reading.ask("POST", "/graphql", nested, reading.owner).status == 400
    with reading.connect() as headers:
        headers.settimeout(30)
        with suppress(OSError):
            headers.sendall(f"GET / HTTP/1.1\r\nHost: {reading.host}\r\n".encode())
            headers.sendall(b"X-Long: " + b"x" * (1 << 20))
        assert received(headers)[:13] in (b"", b"HTTP/1.1 400 ")
    # Without a length that would give it away.
    with reading.connect() as chunked:
        head = "".join(f"{k}: {v}\r\n" for k, v in reading.owner.items())
        chunked.sendall(
            f"POST /graphql HTTP/1.1\r\nHost: {reading.host}\r\n{head}"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with suppress(OSError):
            for _ in range(40):
                chunked.sendall(part)
        assert b" 413 " in received(chunked)[:20]


def test_a_slow_request_is_ended(reading: Served) -> None:
    head = "".join(f"{k}: {v}\r\n" for k, v in reading.owner.items())
    begun = f"POST /graphql HTTP/1.1\r\nHost: {reading.host}\r\n{head}"
    with reading.connect() as silent, reading.connect() as headers, reading.connect() as body:
        headers.sendall(begun.encode())
        body.sendall(f"{begun}Content-Length: 100\r\n\r\n{{".encode())
        for _ in range(4):
            # A byte now and then does not keep it open.
            time.sleep(2)
            headers.sendall(b"x")
        assert received(silent) == b""
        assert received(headers) == b""
        assert b" 408 " in received(body)[:20]


def received(one: socket.socket) -> bytes:
    parts = []
    with suppress(OSError):
        while part := one.recv(65536):
            parts.append(part)
    return b"".join(parts)


def socket_of(
    server: Served, *, origin: str | None = "", cookie: str | None = None, host: str = ""
) -> ClientConnection:
    """Open a WebSocket; with no origin or cookie given, as the owner's own page does."""
    if origin == "":
        origin = f"http://{server.host}"
    return connect(
        f"ws://{host or server.host}/graphql",
        sock=server.connect(),
        origin=Origin(origin) if origin is not None else None,
        subprotocols=[Subprotocol("graphql-ws")],
        additional_headers={"Cookie": server.cookie if cookie is None else cookie},
        compression=None,
    )


RUN_LOGS = 'subscription { pipelineRunLogs(runId: "x") { __typename } }'


def test_the_owners_pages_can_subscribe(reading: Served) -> None:
    with socket_of(reading) as channel:
        channel.send(json.dumps({"type": "connection_init"}))
        assert json.loads(channel.recv(timeout=20))["type"] == "connection_ack"
        start = {"type": "start", "id": "1", "payload": {"query": RUN_LOGS, "variables": {}}}
        channel.send(json.dumps(start))
        assert json.loads(channel.recv(timeout=20))["type"] == "data"


def test_a_websocket_without_the_cookie_or_an_origin_is_refused(reading: Served) -> None:
    foreign = f"127.0.0.1:{reading.facts['port']}"
    for options in (
        {"cookie": ""},
        {"cookie": "x=y"},
        {"cookie": reading.cookie[:-1]},
        {"origin": None},
        {"host": foreign, "origin": f"http://{foreign}"},
    ):
        with pytest.raises(InvalidStatus) as caught:
            socket_of(reading, **options)
        assert caught.value.response.status_code == 403


@pytest.mark.parametrize(
    "message",
    [
        {
            "type": "start",
            "id": "1",
            "payload": {"query": "mutation { reloadWorkspace { __typename } }"},
        },
        {"type": "start", "id": "1", "payload": {"query": VERSION}},
        {
            "type": "start",
            "id": "1",
            "payload": {"query": f"{RUN_LOGS} mutation M {{ {call_of('wipeAssets')} }}"},
        },
        {"type": "subscribe", "id": "1", "payload": {"query": RUN_LOGS}},
        {"type": "start", "id": "1", "payload": "x"},
        {"type": "start", "id": {}, "payload": {"query": RUN_LOGS}},
        ["start"],
        "x" * (1 << 21),
    ],
    ids=lambda message: str(message)[:60],
)
def test_a_websocket_is_ended_at_the_first_thing_it_is_not_for(
    running: Served, message: object
) -> None:
    with socket_of(running) as channel:
        channel.send(json.dumps(message))
        with pytest.raises(ConnectionClosed) as caught:
            list(iter(lambda: channel.recv(timeout=20), None))
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code in (1008, 1009)


def test_every_answer_carries_the_headers_that_shut_a_browser_in(reading: Served) -> None:
    owner = without(reading.owner, "Origin")
    answers = [
        reading.ask("GET", "/", None, owner),
        reading.ask("GET", "/assets/grown_ups", None, owner),
        reading.ask("GET", "/data-dictionary", None, owner),
        reading.ask("GET", "/server_info", None, owner),
        reading.ask("GET", "/_next/nowhere", None, owner),
        reading.ask("GET", "/", None, {}),
        reading.ask("GET", "/login"),
        reading.ask("POST", "/graphql", "x", owner),
        reading.graphql(VERSION),
        reading.graphql("{"),
    ]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    policy = answers[0].headers["content-security-policy"]
    assert "default-src 'none'" in policy
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in script
    assert "http" not in script


def test_the_page_connects_to_no_other_server(reading: Served) -> None:
    page = reading.ask("GET", "/", None, without(reading.owner, "Origin")).body
    assert b'"telemetryEnabled": false' in page
    assert reading.graphql("{ shouldShowNux }").json == {"data": {"shouldShowNux": False}}
