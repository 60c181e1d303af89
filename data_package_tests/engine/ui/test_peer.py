"""Whose connection it is, asked of the kernel or read from its table, is the same."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from data_package.engine.ui import peer
from data_package.engine.ui.peer import OwnersSocket, are_strangers, owners_of


@contextmanager
def connected(host: str = "127.0.0.1") -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end as the server has it, and the other one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as there,
        server.accept()[0] as here,
    ):
        yield here, there


def ends(here: socket.socket) -> peer.Ends:
    return here.getpeername()[:2], here.getsockname()[:2]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_kernel_and_its_table_know_the_same_owner(host: str) -> None:
    try:
        with connected(host) as (here, there):
            pair = ends(here)
            assert owners_of([pair]) == [os.getuid()]
            assert peer._read_from_table([pair]) == [os.getuid()]
            assert are_strangers([here]) == [False]
            there.close()
            # Nobody holds the other end any more, and nobody is not root.
            assert owners_of([pair]) == [None]
            assert peer._read_from_table([pair]) == [None]
            assert are_strangers([here]) == [True]
    except OSError:
        pytest.skip(f"no {host} on this machine")


def test_a_connection_of_an_older_protocol_through_a_newer_socket_has_its_owner() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no such sockets on this machine")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET6) as there,
    ):
        there.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        with server.accept()[0] as here:
            assert owners_of([ends(here)]) == [os.getuid()]
            assert peer._read_from_table([ends(here)]) == [os.getuid()]


def test_one_from_another_machine_is_not_judged_and_one_by_an_outer_address_is() -> None:
    assert not peer._is_local(("192.0.2.7", 5), ("192.0.2.1", 3000))
    assert peer._is_local(("192.0.2.1", 5), ("192.0.2.1", 3000))
    assert peer._is_local(("127.0.0.1", 5), ("192.0.2.1", 3000))


def test_a_client_that_is_gone_is_disconnected_and_a_unix_socket_is_not_checked() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert are_strangers([one]) == [False]
    with connected() as (here, there):
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, peer._AT_ONCE_RESET)
        there.close()
        assert are_strangers([here]) == [True]


def test_many_wait_and_each_is_given_once() -> None:
    with OwnersSocket.of(socket.create_server(("127.0.0.1", 0), backlog=200)) as server:
        server.setblocking(False)
        made = [socket.create_connection(server.getsockname()) for _ in range(100)]
        given: list[socket.socket] = []
        try:
            while len(given) < 100:
                given.append(server.accept()[0])
            with pytest.raises(BlockingIOError):
                server.accept()
            assert {one.getpeername() for one in given} == {one.getsockname() for one in made}
        finally:
            for one in [*made, *given]:
                one.close()
