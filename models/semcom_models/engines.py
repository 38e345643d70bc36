# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam through which all inference runs: one network, several engines.

An engine turns an ``nn.Module`` into a function of numpy arrays.  Shapes may change from call to call.
"""

import importlib.util
import threading
from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from numpy.typing import NDArray
from torch import nn

from semcom_models.errors import CodecError

EngineName = Literal["auto", "torch", "openvino"]
_tracing = threading.Lock()  # PyTorch traces in one thread at a time


class Runner(Protocol):
    """A network ready to run."""

    name: str

    def __call__(self, *inputs: NDArray) -> NDArray:
        """Arrays as the network takes them -> a new array that the caller owns."""


class TorchRunner:
    """PyTorch eager, on the GPU where there is one."""

    name = "torch"

    def __init__(self, network: nn.Module) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.to(self._device, memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def __call__(self, *inputs: NDArray) -> NDArray:
        return self._network(*(torch.from_numpy(array).to(self._device) for array in inputs)).cpu().contiguous().numpy()


class OpenVinoRunner:
    """OpenVINO on the CPU, in float32 so that the symbols are those of PyTorch."""

    name = "openvino"

    def __init__(self, network: nn.Module, examples: Sequence[NDArray]) -> None:
        import openvino
        from openvino.frontend.pytorch import ModuleExtension
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        extensions = _depth_to_space(network)
        with _tracing:
            traced = TorchScriptPythonDecoder(
                network.eval(),
                example_input=tuple(torch.from_numpy(array) for array in examples),
                shared_memory=True,
                module_extensions={each.module: each for each in extensions if isinstance(each, ModuleExtension)},
                trace_kwargs={"check_trace": False},  # to trace it a second and a third time takes as long again
            )
            model = openvino.convert_model(traced, extension=extensions or None)
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        self._compiled = openvino.compile_model(model, "CPU", settings)

    def __call__(self, *inputs: NDArray) -> NDArray:
        return self._compiled(inputs)[0].copy()


def _depth_to_space(network: nn.Module) -> list:
    """Extensions that make of a pixel shuffle one operation, where OpenVINO's own translation moves the data thrice."""
    import openvino.opset15 as operations
    from openvino.frontend.pytorch import ConversionExtension, ModuleExtension

    shuffles = [module for module in network.modules() if isinstance(module, nn.PixelShuffle)]
    name = "semcom::pixel_shuffle_{}".format

    def translation(factor: int) -> ConversionExtension:
        return ConversionExtension(
            name(factor),
            lambda node: operations.depth_to_space(node.get_input(0), "depth_first", factor).outputs(),
        )

    return [ModuleExtension(shuffle, name(shuffle.upscale_factor)) for shuffle in shuffles] + [
        translation(factor) for factor in {shuffle.upscale_factor for shuffle in shuffles}
    ]


def run_on(engine: EngineName, network: nn.Module, examples: Sequence[NDArray]) -> Runner:
    """``network`` on ``engine``.

    ``examples`` are arrays of the right types and dimensions, for tracing.  ``"auto"`` is PyTorch where there is a GPU,
    else OpenVINO where it is installed, else PyTorch.

    Raises:
        CodecError: an unknown engine, or one that is not installed.
    """
    if engine == "auto":
        fast_cpu = not torch.cuda.is_available() and importlib.util.find_spec("openvino")
        engine = "openvino" if fast_cpu else "torch"
    if engine == "torch":
        return TorchRunner(network)
    if engine != "openvino":
        raise CodecError(f"There is no engine called {engine!r}; choose auto, torch or openvino.")
    if not importlib.util.find_spec("openvino"):
        raise CodecError("The engine openvino is not installed; install it (pip install openvino) or choose torch.")
    return OpenVinoRunner(network, examples)
