# SPDX-License-Identifier: GPL-3.0-or-later
"""The link between the two programs: who gets in, and who does not."""

import os
import re
import shutil
import socket
import socketserver
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import zmq
from semcom_training.errors import ConfigError
from semcom_training.split import keys as key_files
from semcom_training.split import sockets
from semcom_training.split.keys import Keys
from semcom_training.split.sockets import connected, serve
from semcom_training.split.transmitter import GreetAgain
from semcom_training.split.wire import LARGEST, Feedback, Message, Noted, Refusal, Trial, WireError, packed, parsed

ASKED = Trial(session="s", step=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key_files.make(tmp_path / "keys")
    return tmp_path / "keys"


class Server:
    """Answers every trial with its own step, in a thread; ``said`` are its warnings."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.said: list[str] = []
        self.asked: list[list[bytes]] = []
        self._over = threading.Event()
        self._keys = Keys.read(folder, "receiver")

    def answer(self, parts: list[bytes], who: bytes) -> list[bytes]:
        self.asked.append(parts)
        return packed(Noted(step=parsed(parts)[0].step))

    def __enter__(self) -> "Server":
        how = {"address": self.address, "keys": self._keys, "say": self.said.append}
        self._thread = threading.Thread(
            target=serve, args=(lambda *asked: self.answer(*asked), self._over.is_set), kwargs=how
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(folder: Path, address: str, said: list[str] | None = None) -> None:
    with connected(address, keys=Keys.read(folder, "transmitter"), say=([] if said is None else said).append) as client:
        reply, _ = client(ASKED, b"1234", expected=Noted)
        assert reply == Noted(step=3)
        assert client.sent > 4 and client.received > 0 and client.waited_s > 0


def wait_for(said: list[str], text: str, *, times: int = 1) -> None:
    end = time.monotonic() + 30
    while sum(text in each for each in said) < times:
        assert time.monotonic() < end, said
        time.sleep(0.02)


def test_keys_are_made_once_and_secret_ones_are_for_their_owner(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        *("receiver.key", "receiver.key_secret", "transmitter.key", "transmitter.key_secret")
    ]
    assert stat.S_IMODE((folder / "receiver.key_secret").stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="has receiver.key, receiver.key_secret"):
        key_files.make(folder)
    one, other = Keys.read(folder, "receiver"), Keys.read(folder, "transmitter")
    assert one.other == other.public and other.other == one.public and one.secret != other.secret
    key = folder / "transmitter.key"
    key.write_text(re.sub('public-key = ".*"', 'public-key = "abc"', key.read_text()))
    with pytest.raises(ConfigError, match="as keys of 40 characters"):
        Keys.read(folder, "receiver")
    secret = folder / "receiver.key_secret"
    whole = secret.read_text()
    other_end = "1" if one.public.endswith(b"0") else "0"
    for line, end in (("public", "~"), ("secret", "~"), ("public", other_end)):
        secret.write_text(re.sub(f'({line}-key = ".*)."', rf'\g<1>{end}"', whole))
        with pytest.raises(ConfigError, match="receiver.key_secret and .* cannot be read as keys"):
            Keys.read(folder, "receiver")
    secret.write_text(whole)
    key.write_text("no key\n")
    with pytest.raises(ConfigError, match="cannot be read as keys"):
        Keys.read(folder, "receiver")
    (folder / "receiver.key_secret").unlink()
    with pytest.raises(ConfigError, match="./semcom split keys FOLDER makes them"):
        Keys.read(folder, "receiver")


def test_the_right_key_gets_an_answer(folder: Path) -> None:
    with Server(folder) as server:
        ask(folder, server.address)
        assert server.asked == [packed(ASKED, b"1234")] and server.said == []


def test_the_receiver_says_once_that_nothing_comes_any_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "UNHEARD_S", 0.6)
    with Server(folder) as server:
        time.sleep(1)
        assert server.said == []  # nothing came yet
        for times in (1, 2):
            ask(folder, server.address)
            wait_for(server.said, "Nothing has come", times=times)
            time.sleep(1)
            assert server.said == ["Nothing has come from the transmitter for 0.6 s; waiting for it."] * times


@contextmanager
def plain(address: str, **options: object) -> Iterator[zmq.Socket]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.linger = 0
        for name, value in options.items():
            setattr(stranger, name, value)
        stranger.connect(address)
        yield stranger


@pytest.mark.parametrize(("has_key", "why"), [(True, "its key is not known here"), (False, "it had no key")])
def test_strangers_get_none_and_are_told_of_once(folder: Path, tmp_path: Path, has_key: bool, why: str) -> None:
    key_files.make(tmp_path / "other")
    theirs, ours = Keys.read(tmp_path / "other", "transmitter"), Keys.read(folder, "transmitter")
    wrong = {"curve_publickey": theirs.public, "curve_secretkey": theirs.secret, "curve_serverkey": ours.other}
    with Server(folder) as server:
        for _ in range(3):
            with plain(server.address, **(wrong if has_key else {})) as stranger:
                with suppress(zmq.Again):  # it is refused already
                    stranger.send_multipart([b"1", *packed(ASKED)], zmq.DONTWAIT)
                wait_for(server.said, why)
                assert not stranger.poll(200)
        ask(folder, server.address)
        assert server.asked == [packed(ASKED, b"1234")]
        assert sum(why in each for each in server.said) == 1


def test_a_transmitter_with_another_key_is_told(folder: Path, tmp_path: Path) -> None:
    key_files.make(tmp_path / "other")
    theirs, ours = Keys.read(tmp_path / "other", "transmitter"), Keys.read(folder, "transmitter")
    wrong = replace(theirs, other=ours.other)
    with Server(folder) as server, connected(server.address, keys=wrong, say=print) as client:
        with pytest.raises(WireError, match="does not know this transmitter's key"):
            client(ASKED, expected=Noted)


def test_a_flood_of_connections_and_random_bytes_stop_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "UNHEARD_S", 300)  # as only the flood is to be told
    with Server(folder) as server:
        ask(folder, server.address)  # which waits until it listens, and may have many files open
        flood = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1200)]
        for number, each in enumerate(flood):
            if number % 3:
                each.sendall(os.urandom(200) if number % 3 == 1 else b"\xff" + struct.pack(">Q", 2**40) + b"\x7f")
        ask(folder, server.address)
        for each in flood:
            each.close()
        ask(folder, server.address)
        assert len(server.asked) == 3 and len(server.said) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_training_that_fails_ends_however_many_strangers_came_meanwhile(folder: Path) -> None:
    """More than ZeroMQ's monitor has room for, during one answer."""

    class Fails(Server):
        def answer(self, parts: list[bytes], who: bytes) -> list[bytes]:
            for _ in range(2500):
                with socket.create_connection(("127.0.0.1", self.port)) as stranger:
                    stranger.sendall(b"\xff" * 200)
                self.asked.append([])
            time.sleep(sockets.HANDSHAKE_MS / 1000)
            raise FloatingPointError

    with Fails(folder) as server, connected(server.address, keys=Keys.read(folder, "transmitter"), say=print) as client:
        client._send([bytes(8), *packed(ASKED)])
        server._thread.join(timeout=120)
        assert not server._thread.is_alive() and len(server.asked) == 2500


def test_a_message_that_is_too_large_ends_its_connection_alone(folder: Path) -> None:
    keys = Keys.read(folder, "transmitter")
    own = {"curve_publickey": keys.public, "curve_secretkey": keys.secret, "curve_serverkey": keys.other}
    with Server(folder) as server:
        with plain(server.address, **own) as sender:
            sender.send_multipart([b"1", *packed(ASKED), bytes(LARGEST + sockets.OVERHEAD)])
            assert not sender.poll(1000)
        ask(folder, server.address)
        assert server.asked == [packed(ASKED, b"1234")]


def test_the_largest_message_arrives(folder: Path) -> None:
    with Server(folder) as server:
        with connected(server.address, keys=Keys.read(folder, "transmitter"), say=print) as client:
            client(ASKED, bytes(LARGEST), expected=Noted)
        assert [len(parts[1]) for parts in server.asked] == [LARGEST]


def test_a_receiver_may_come_later_and_go_and_come_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SILENT_S", 0.5)
    port, said = free_port(), []
    with connected(f"tcp://127.0.0.1:{port}", keys=Keys.read(folder, "transmitter"), say=said.append) as client:
        for times in (1, 2):
            server = Server(folder, port)
            later = threading.Thread(target=enter_when, args=(said, "does not answer", times, server))
            later.start()
            assert client(ASKED, expected=Noted)[0] == Noted(step=3)
            later.join()
            server.__exit__()
    assert [each.split(",")[0] for each in said] == [
        f"The receiver at tcp://127.0.0.1:{port} does not answer",
        "The receiver answers again.",
    ] * 2


def enter_when(said: list[str], text: str, times: int, server: Server) -> None:
    wait_for(said, text, times=times)
    server.__enter__()


def test_something_else_in_the_place_of_the_receiver_is_waited_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web server, and a receiver that knows another key; before the transmitter has met its own it is told so."""
    monkeypatch.setattr(sockets, "AGAIN_S", 0.5)
    key_files.make(tmp_path / "other")
    port, said = free_port(), []
    with connected(f"tcp://127.0.0.1:{port}", keys=Keys.read(folder, "transmitter"), say=said.append) as client:
        for stranger in (web_server, partial(Server, mixed(folder, tmp_path / "other"))):
            with Server(folder, port):
                client(ASKED, expected=Noted)
            with stranger(port):
                for _ in range(25):
                    time.sleep(0.1)
                    client._came_anew()
        with Server(folder, port):
            client(ASKED, expected=Noted)
    assert sum("does not know this transmitter's key" in each for each in said) == 1


@contextmanager
def web_server(port: int) -> Iterator[None]:
    """Answers whatever it hears like one."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"HTTP/1.1 400 Bad Request" + bytes(100))

    socketserver.TCPServer.allow_reuse_address = True
    with socketserver.TCPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def mixed(folder: Path, other: Path) -> Path:
    """The receiver's own keys, and another transmitter's."""
    made = folder.parent / "mixed"
    shutil.copytree(folder, made)
    shutil.copy(other / "transmitter.key", made)
    return made


@pytest.mark.slow
def test_a_message_may_take_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than connections last of which ZeroMQ hears nothing."""
    monkeypatch.setattr(sockets, "SILENT_S", 20)
    with Server(folder) as server, slow_proxy(server.port, bytes_per_s=100_000) as port:
        keys = Keys.read(folder, "transmitter")
        with connected(f"tcp://127.0.0.1:{port}", keys=keys, say=pytest.fail) as client:
            client(ASKED, bytes(3_000_000), expected=Noted)
        assert len(server.asked) == 1


@contextmanager
def slow_proxy(port: int, *, bytes_per_s: int) -> Iterator[int]:
    """A port whose connection goes to another one, in that direction no faster than so."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)

    def forward() -> None:
        with listener.accept()[0] as one, connection_to(port) as other:
            back = threading.Thread(target=pump, args=(other, one, None))
            back.start()
            pump(one, other, bytes_per_s)
            back.join()

    def pump(one: socket.socket, other: socket.socket, rate: int | None) -> None:
        with suppress(OSError):
            while chunk := one.recv(10_000):
                other.sendall(chunk)
                time.sleep(len(chunk) / rate if rate else 0)
            other.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=forward)
    thread.start()
    yield listener.getsockname()[1]
    thread.join(timeout=30)
    listener.close()


def connection_to(port: int) -> socket.socket:
    """As soon as somebody listens there."""
    end = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_late_answers_are_known_for_late_ones(folder: Path) -> None:
    """A question is given up, and the answer to it comes before that to the next."""
    with Server(folder) as server:
        keys = Keys.read(folder, "transmitter")
        with connected(server.address, keys=keys, say=print) as client:
            client._send([(99).to_bytes(8, "big"), *packed(Trial(session="s", step=7))])
            assert client(ASKED, expected=Noted)[0] == Noted(step=3)


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (Refusal(why="No."), WireError, "The receiver refused: No."),
        (Refusal(why="Who are you?", greet=True), GreetAgain, "Who are you"),
        (Feedback(step=3), WireError, "answered with a feedback where a Noted belongs"),
    ],
)
def test_other_answers_are_told(folder: Path, answer: Message, error: type[Exception], why: str) -> None:
    with Server(folder) as server:
        server.answer = lambda parts, who: packed(answer)
        with connected(server.address, keys=Keys.read(folder, "transmitter"), say=print) as client:
            with pytest.raises(error, match=why):
                client(ASKED, expected=Noted)


def test_a_server_answers_repeats_for_a_while(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "REPEATS_S", 6.0)
    with Server(folder) as server:
        ask(folder, server.address)
        server._over.set()
        time.sleep(0.5)
        ask(folder, server.address)


def test_what_is_no_address_is_told(folder: Path) -> None:
    with (
        pytest.raises(ConfigError, match="nonsense is no address to connect to"),
        connected("nonsense", keys=Keys.read(folder, "transmitter"), say=print),
    ):
        pass
    with pytest.raises(ConfigError, match="Nothing can be bound to tcp://192.0.2.1:1"):
        serve(
            lambda parts: parts,
            lambda: True,
            address="tcp://192.0.2.1:1",
            keys=Keys.read(folder, "receiver"),
            say=print,
        )
