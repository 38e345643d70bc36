# SPDX-License-Identifier: GPL-3.0-or-later
"""The air of split training by radio: ends for semcom_training.split, which knows them by their methods alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pmt
import torch
from errors import AppError
from gnuradio import gr, semcom
from gnuradio.semcom.pdu_block import pdu_block
from gnuradio.semcom.pdus import MAX_ID, ReceivedPdu, SymbolsPdu
from radio import Radio, running
from semcom_models.codec import codec_id
from semcom_training.errors import ConfigError
from semcom_training.jscc import Draw
from semcom_training.split.radios import RadioSettings
from torch import Tensor

INPUTS_ID = codec_id("channel inputs", "")
"""What stands in the header on air where pictures have the id of their codec."""
SILENCE_S = 5.0  # what has not come so long after it was told of is lost,
SAMPLES_A_SYMBOL = 8  # and the time on air, at most
MOST_IN_A_ROW = 10


class _Inputs(pdu_block):
    def __init__(self) -> None:
        pdu_block.__init__(self, "channel_inputs")
        self._offer("symbols")

    def publish(self, symbols: np.ndarray, number: int) -> None:
        """complex64 [k]."""
        pdu = SymbolsPdu(
            image_id=number % (MAX_ID + 1),
            name=f"channel inputs {number}",
            codec="channel inputs",
            codec_id=INPUTS_ID,
            height=1,
            width=1,
            scale=1.0,
            symbols=symbols,
        )
        self._publish("symbols", pdu.to_pmt())


class SendsByRadio:
    """A :class:`semcom_training.split.air.SendingAir`; nothing goes behind the messages."""

    by_radio = True

    def __init__(self, inputs: _Inputs) -> None:
        self._inputs = inputs

    def send(self, symbols: Tensor, number: int) -> list[bytes]:
        self._inputs.publish(symbols.detach().contiguous().numpy().reshape(-1).view(np.complex64), number)
        return []


class _Outputs(pdu_block):
    """Keeps what came last."""

    def __init__(self) -> None:
        pdu_block.__init__(self, "channel_outputs")
        self.changed = threading.Condition()
        self.latest: ReceivedPdu | None = None
        self._listen("symbols", self._on_received)

    def _on_received(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            received = ReceivedPdu.from_pmt(pdu)
            if received.codec_id == INPUTS_ID:
                with self.changed:
                    self.latest = received
                    self.changed.notify()


class ReceivesByRadio:
    """A :class:`semcom_training.split.air.ReceivingAir`; what is lost on air has an infinite noise variance."""

    def __init__(self, outputs: _Outputs, samp_rate: float) -> None:
        self._outputs, self._samp_rate = outputs, samp_rate
        self.lost, self._in_a_row = 0, 0

    def receive(
        self, behind: list[bytes], number: int, drawn: Draw, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Raises ConfigError where nothing has come for long."""
        shape = drawn.sent.shape
        arrived = self._wait_for(number, drawn.sent.numel())
        self._in_a_row = 0 if arrived else self._in_a_row + 1
        if self._in_a_row == MOST_IN_A_ROW:
            raise ConfigError(
                f"{MOST_IN_A_ROW} times in a row nothing came by radio: are frequency, rate and gains right on both "
                "sides? The same command goes on."
            )
        if arrived is None:
            self.lost += 1
            return torch.zeros(*shape, 2), torch.full(shape, torch.inf)
        symbols = np.where(np.isinf(arrived.noise_var), 0, arrived.symbols).astype(np.complex64)
        pairs = torch.from_numpy(symbols.view(np.float32).copy()).view(*shape, 2)
        return pairs, torch.from_numpy(arrived.noise_var).view(shape)

    def _wait_for(self, number: int, symbols: int) -> ReceivedPdu | None:
        def is_here() -> bool:
            latest = self._outputs.latest
            return latest is not None and (latest.image_id, latest.symbols.size) == (number % (MAX_ID + 1), symbols)

        patience_s = SILENCE_S + SAMPLES_A_SYMBOL * symbols / self._samp_rate
        with self._outputs.changed:
            return self._outputs.latest if self._outputs.changed.wait_for(is_here, patience_s) else None


@contextmanager
def sending(settings: RadioSettings) -> Iterator[SendsByRadio]:
    """The transmitter's end.  Raises ConfigError where the radio does not answer."""
    flowgraph, inputs, radio = gr.top_block("split_tx"), _Inputs(), _radio(settings)
    transmitter, monitor = semcom.burst_transmitter(amplitude=radio.amplitude), semcom.radio_monitor()
    sink = _opened(radio.open_sink)
    flowgraph.connect(transmitter, sink)
    flowgraph.msg_connect(inputs, "symbols", transmitter, "symbols")
    flowgraph.msg_connect(sink, "async_msgs", monitor, "async")
    with running(flowgraph):
        yield SendsByRadio(inputs)


@contextmanager
def receiving(settings: RadioSettings) -> Iterator[ReceivesByRadio]:
    """The receiver's end.  Raises as :func:`sending`."""
    flowgraph, outputs, radio = gr.top_block("split_rx"), _Outputs(), _radio(settings)
    receiver, source = semcom.burst_receiver(radio.samp_rate), _opened(radio.open_source)
    flowgraph.connect(source, receiver)
    flowgraph.msg_connect(receiver, "images", outputs, "symbols")
    with running(flowgraph):
        yield ReceivesByRadio(outputs, radio.samp_rate)


def _radio(settings: RadioSettings) -> Radio:
    """Of which one end is used, with the gain that is given."""
    gains = {"tx_gain": settings.gain, "rx_gain": settings.gain}
    return Radio(args=settings.args, freq=settings.freq, samp_rate=settings.samp_rate, **gains)


def _opened(end: Callable[[], gr.basic_block]) -> gr.basic_block:
    try:
        return end()
    except AppError as error:
        raise ConfigError(str(error)) from error
