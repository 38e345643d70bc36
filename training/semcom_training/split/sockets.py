# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ends of the link: ZeroMQ sockets with CURVE, which carry questions and their answers.

Ahead of each question stands its number, which comes back with the answer, so that an answer that is late is known for
one.  TCP loses nothing as long as a connection holds: a question is asked again when there is another one.
"""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import parse_monitor_message

from semcom_training.errors import ConfigError
from semcom_training.split.keys import Keys
from semcom_training.split.transmitter import GreetAgain
from semcom_training.split.wire import LARGEST, Message, Refusal, WireError, packed, parsed

TICK_MS = 200
SILENT_S = 3.0  # without a connection to the receiver, until it is told
UNHEARD_S = 20.0  # without a message from the transmitter, until it is told
HANDSHAKE_MS = 5000
AGAIN_S = 10.0  # without a connection, until one is tried anew: ZeroMQ itself gives up on what spoke otherwise
GONE_S = 20  # of silence below ZeroMQ, until the other side is taken for gone
WAITING = 4  # messages, either way
OVERHEAD = 64  # bytes more than are in it that a part has on its way
LINGER_MS = 5000
MONITOR = "inproc://strangers"
REPEATS_S = 2.0  # in which the last answer may be asked for again
NO_KEY = "it had no key or another receiver.key, spoke another protocol, or broke off"  # which event comes is a race
REFUSED = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: NO_KEY,
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: NO_KEY,
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "its key is not known here",
}


def serve(
    answer: Callable[[list[bytes], bytes], list[bytes]],
    over: Callable[[], bool],
    *,
    address: str,
    keys: Keys,
    say: Callable[[str], None],
) -> None:
    """Answer what comes, and from which connection, until it is ``over``, from whoever has the other key; ``say`` is
    told when nothing comes any more, and of each kind of stranger once.

    Raises:
        ConfigError: nothing can be bound to the address.
    """
    _allow_many_connections()
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        stack.callback(authenticator.stop)
        authenticator.configure_curve_callback(credentials_provider=_Only(keys.other))
        socket = stack.enter_context(_socket(context, zmq.ROUTER, keys))
        socket.curve_server = True
        _bind(socket, address)
        strangers, silence = _Strangers(stack, socket, say), _Silence(say)
        until = None
        while until is None or time.monotonic() < until:
            if socket.poll(TICK_MS):
                who, number, *parts = socket.recv_multipart()
                socket.send_multipart([who, number, *answer(parts, who)])
                silence.broken()
            strangers.look()
            if until is None:
                silence.look()
                if over():
                    until = time.monotonic() + REPEATS_S


def check_address(address: str) -> None:
    """Raises ConfigError where nothing can be bound to the address."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        _bind(socket, address)


def _bind(socket: zmq.Socket, address: str) -> None:
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        raise ConfigError(f"Nothing can be bound to {address} ({error}); give another --bind.") from error


class _Only:
    """What ZeroMQ asks whether a key, in Z85, may come in."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def callback(self, domain: str, key: bytes) -> bool:
        return key == self._key


class _Silence:
    """Tells when a transmitter that was heard is so no more."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._since: float | None = None

    def broken(self) -> None:
        self._since = time.monotonic()

    def look(self) -> None:
        if self._since and time.monotonic() > self._since + UNHEARD_S:
            self._since = None
            self._say(f"Nothing has come from the transmitter for {UNHEARD_S:g} s; waiting for it.")


class _Strangers:
    """Tells of those who do not get in, each kind once."""

    def __init__(self, stack: ExitStack, socket: zmq.Socket, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: set[str] = set()
        # Not get_monitor_socket: ZeroMQ's thread waits where that is full, and closing the socket for the thread.
        socket.monitor(MONITOR, sum(REFUSED))
        stack.callback(socket.monitor, None, 0)
        self._monitor = stack.enter_context(socket.context.socket(zmq.PAIR))
        self._monitor.rcvhwm = 0
        self._monitor.connect(MONITOR)

    def look(self) -> None:
        while self._monitor.poll(0):
            why = REFUSED.get(parse_monitor_message(self._monitor.recv_multipart())["event"])
            if why and why not in self._told:
                self._told.add(why)
                self._say(f"A connection was refused: {why}. Others like it are not told of.")


class Client:
    """The transmitter's end, as :class:`semcom_training.split.transmitter.Ask` has it.

    ``say`` is told when there has been no connection for a while, and when the receiver answers again.  ``sent`` and
    ``received`` are bytes, ``waited_s`` seconds, so far.
    """

    def __init__(self, socket: zmq.Socket, address: str, *, say: Callable[[str], None]) -> None:
        self._socket, self._address, self._say = socket, address, say
        self._monitor = socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        )
        self._number, self._connected, self._lost, self._told = 0, False, False, False
        self._begun = self._met = self._unknown = False
        self._tried = time.monotonic()
        self.sent = self.received = 0
        self.waited_s = 0.0

    def __call__(self, message: Message, *behind: bytes, expected: type[Message]) -> tuple[Message, list[bytes]]:
        self._number += 1
        parts, began = [self._number.to_bytes(8, "big"), *packed(message, *behind)], time.monotonic()
        self._send(parts)
        while not (answer := self._answer_to(parts[0])):
            if self._came_anew():
                self._send(parts)
            if not self._connected and not self._told and time.monotonic() > began + SILENT_S:
                self._told = True
                self._say(
                    f"The receiver at {self._address} does not answer, or has not the receiver.key of --keys; "
                    "waiting for it."
                )
        if self._told:
            self._told = False
            self._say("The receiver answers again.")
        self.waited_s += time.monotonic() - began
        reply, rest = parsed(answer)
        if isinstance(reply, Refusal):
            raise GreetAgain(reply.why) if reply.greet else WireError(f"The receiver refused: {reply.why}")
        if not isinstance(reply, expected):
            raise WireError(f"The receiver answered with a {reply.kind} where a {expected.__name__} belongs.")
        return reply, rest

    def connect(self) -> None:
        """To the address, in place of the connection before.

        Raises:
            ConfigError: it is no address.
        """
        self._tried = time.monotonic()
        if self._begun:
            self._lost = True
            with suppress(zmq.ZMQError):  # it is gone already
                self._socket.disconnect(self._address)
        try:
            self._socket.connect(self._address)
        except zmq.ZMQError as error:
            raise ConfigError(
                f"{self._address} is no address to connect to ({error}); tcp://HOST:PORT is one."
            ) from error
        self._begun = True

    def close(self) -> None:
        self._socket.disable_monitor()

    def _send(self, parts: list[bytes]) -> None:
        """If anything takes it; else when there is a connection again."""
        try:
            self._socket.send_multipart(parts, zmq.DONTWAIT)
        except zmq.Again:
            self._lost = True
        else:
            self.sent += sum(map(len, parts))

    def _answer_to(self, number: bytes) -> list[bytes] | None:
        """What came within a tick, if it answers this question."""
        if not self._socket.poll(TICK_MS):
            return None
        of, *answer = self._socket.recv_multipart()
        self.received += sum(map(len, answer))
        return answer if of == number else None

    def _came_anew(self) -> bool:
        """Whether there is a connection after one was lost."""
        anew = False
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._not_known()
            self._connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._met = self._met or self._connected
            anew = self._connected and (anew or self._lost)
            self._lost = not self._connected
        if not self._connected and time.monotonic() > self._tried + AGAIN_S:
            self.connect()
        return anew

    def _not_known(self) -> None:
        """Whoever takes a receiver's place can say so without its key: a training that goes on is not ended by it."""
        why = f"The receiver at {self._address} does not know this transmitter's key: see --keys."
        if not self._met:
            raise WireError(why)
        if not self._unknown:
            self._unknown = True
            self._say(f"{why} It did before; waiting for it.")


@contextmanager
def connected(address: str, *, keys: Keys, say: Callable[[str], None]) -> Iterator[Client]:
    """A client of the receiver at ``address``, whether it is there yet or not.

    Raises:
        ConfigError: it is no address.
    """
    with zmq.Context() as context, _socket(context, zmq.DEALER, keys) as socket:
        socket.curve_serverkey = keys.other
        client = Client(socket, address, say=say)
        try:
            client.connect()
            yield client
        finally:
            client.close()


def _socket(context: zmq.Context, kind: int, keys: Keys) -> zmq.Socket:
    socket = context.socket(kind)
    socket.curve_publickey, socket.curve_secretkey = keys.public, keys.secret
    socket.maxmsgsize, socket.handshake_ivl, socket.linger = LARGEST + OVERHEAD, HANDSHAKE_MS, LINGER_MS
    socket.sndhwm = socket.rcvhwm = WAITING
    # Not ZeroMQ's heartbeats: a message that takes longer than their timeout would never arrive.
    socket.tcp_keepalive, socket.tcp_keepalive_idle = 1, GONE_S // 4
    socket.tcp_keepalive_intvl, socket.tcp_keepalive_cnt = GONE_S // 4, 3
    socket.tcp_maxrt = 1000 * GONE_S
    return socket


def _allow_many_connections() -> None:
    """As many open files as this process may have: each stranger takes one, until its handshake has failed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
