# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ends of the link: ZeroMQ sockets with CURVE, which carry questions and their answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import parse_monitor_message

from semcom_training.errors import ConfigError
from semcom_training.split.keys import Keys
from semcom_training.split.transmitter import GreetAgain
from semcom_training.split.wire import LARGEST, Message, Refusal, WireError, packed, parsed

TICK_MS = 200
RESEND_S = 5.0
HANDSHAKE_MS = 5000
LINGER_MS = 5000
REFUSED = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "it broke off",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "it spoke another protocol, or had no key",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "its key is not known here",
}


def serve(
    answer: Callable[[list[bytes]], list[bytes]],
    over: Callable[[], bool],
    *,
    address: str,
    keys: Keys,
    warn: Callable[[str], None],
) -> None:
    """Answer what comes until it is ``over``, from whoever has the other key; ``warn`` of each kind of stranger once.

    Raises:
        ConfigError: nothing can be bound to the address.
    """
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        strangers: dict[str, int] = {}
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        stack.callback(authenticator.stop)
        authenticator.configure_curve_callback(credentials_provider=_Only(keys.other))
        socket = stack.enter_context(_socket(context, zmq.ROUTER, keys))
        socket.curve_server = True
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            raise ConfigError(f"Nothing can be bound to {address} ({error}); give another --bind.") from error
        monitor = stack.enter_context(socket.get_monitor_socket(sum(REFUSED)))
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        while not over():
            ready = dict(poller.poll(TICK_MS))
            if monitor in ready:
                _count_stranger(monitor, strangers, warn)
            if socket in ready:
                who, *parts = socket.recv_multipart()
                socket.send_multipart([who, *answer(parts)])
        socket.disable_monitor()


class _Only:
    """What ZeroMQ asks whether a key, in Z85, may come in."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def callback(self, domain: str, key: bytes) -> bool:
        return key == self._key


def _count_stranger(monitor: zmq.Socket, strangers: dict[str, int], warn: Callable[[str], None]) -> None:
    event = parse_monitor_message(monitor.recv_multipart())["event"]
    why = REFUSED.get(event)
    if why is None:
        return
    strangers[why] = strangers.get(why, 0) + 1
    if strangers[why] == 1:
        warn(f"A connection was refused: {why}. Others like it are not told of.")


class Client:
    """The transmitter's end, as :class:`semcom_training.split.transmitter.Ask` has it.

    ``warn`` is told once that the receiver does not answer, and when it does again.  ``sent`` and ``received`` are
    bytes, ``waited_s`` seconds, so far.
    """

    def __init__(self, socket: zmq.Socket, address: str, *, warn: Callable[[str], None]) -> None:
        self._socket, self._address, self._warn = socket, address, warn
        self.sent = self.received = 0
        self.waited_s = 0.0

    def __call__(self, message: Message, *behind: bytes, expected: type[Message]) -> tuple[Message, list[bytes]]:
        parts, began, told = packed(message, *behind), time.monotonic(), False
        while True:
            self._socket.send_multipart(parts)
            self.sent += sum(map(len, parts))
            until = time.monotonic() + RESEND_S
            while (left := until - time.monotonic()) > 0:
                if not self._socket.poll(1000 * left):
                    continue
                answer = self._socket.recv_multipart()
                self.received += sum(map(len, answer))
                reply, rest = parsed(answer)
                if isinstance(reply, Refusal):
                    if reply.greet:
                        raise GreetAgain
                    raise WireError(f"The receiver refused: {reply.why}")
                if isinstance(reply, expected) and getattr(message, "step", reply.step) == reply.step:
                    self.waited_s += time.monotonic() - began
                    if told:
                        self._warn("The receiver answers again.")
                    return reply, rest
            if not told:
                told = True
                self._warn(f"The receiver at {self._address} does not answer; waiting for it.")


@contextmanager
def connected(address: str, *, keys: Keys, warn: Callable[[str], None]) -> Iterator[Client]:
    """A client of the receiver at ``address``, whether it is there yet or not.

    Raises:
        ConfigError: it is no address.
    """
    with zmq.Context() as context, _socket(context, zmq.DEALER, keys) as socket:
        socket.curve_serverkey = keys.other
        try:
            socket.connect(address)
        except zmq.ZMQError as error:
            raise ConfigError(f"{address} is no address to connect to ({error}); tcp://HOST:PORT is one.") from error
        yield Client(socket, address, warn=warn)


def _socket(context: zmq.Context, kind: int, keys: Keys) -> zmq.Socket:
    socket = context.socket(kind)
    socket.curve_publickey, socket.curve_secretkey = keys.public, keys.secret
    socket.maxmsgsize, socket.handshake_ivl, socket.linger = LARGEST, HANDSHAKE_MS, LINGER_MS
    return socket
