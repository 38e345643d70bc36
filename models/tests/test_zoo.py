# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the zoo: what is saved comes back, what is damaged is refused, what ships is sound."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from semcom_models import measure, zoo
from semcom_models.adaptation import Adapter
from semcom_models.codec import Codec
from semcom_models.errors import CodecError
from semcom_models.semcc import SemCC

SHIPPED = Path(__file__).resolve().parents[1] / "zoo"
EXPECTED = Path(__file__).with_name("expected.json")


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_saved_and_loaded_gives_the_same_symbols(networks: SemCC, small_zoo: Path, engine: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    expected = Codec(name="small", networks=networks, engine="torch").encode(images)
    for loaded in (zoo.load_codec("small", engine=engine), zoo.load_codec(small_zoo / "small", engine=engine)):
        np.testing.assert_allclose(loaded.encode(images), expected, atol=1e-4)


def test_a_codec_is_found_by_the_id_in_the_header(small_zoo: Path) -> None:
    sent_with = zoo.load_codec("small", engine="torch")
    assert zoo.load_by_id(sent_with.id, engine="torch").name == "small"
    (small_zoo / "small").rename(small_zoo / "moved")
    assert zoo.load_by_id(sent_with.id, engine="torch").id == sent_with.id
    with pytest.raises(CodecError, match="No codec of the zoo has the id 1;"):
        zoo.load_by_id(1)


def test_other_weights_of_the_same_name_are_another_codec(networks: SemCC, small_zoo: Path) -> None:
    before = zoo.load_codec("small", engine="torch")
    with torch.no_grad():
        networks.encoder.head[0].weight.mul_(1.1)
    zoo.save(small_zoo / "small", networks, zoo.read_card(small_zoo / "small"))
    with pytest.raises(CodecError, match="the very same weights"):
        zoo.load_by_id(before.id)


def test_an_unknown_name_tells_the_known_ones(small_zoo: Path) -> None:
    with pytest.raises(CodecError, match="'tiny'; the zoo in .* has: small"):
        zoo.load_codec("tiny")


def test_changed_weights_are_refused(small_zoo: Path) -> None:
    path = small_zoo / "small" / zoo.WEIGHTS
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CodecError, match="sha256 differs"):
        zoo.load_codec("small")


@pytest.mark.parametrize(
    "change",
    [
        {"arguments": {"widths": [8, 8, 8], "symbols_per_cell": 4, "coding_blocks": 1}},
        {"arguments": {"depth": 3}},
        {"architecture": "deepsc-tu", "arguments": {"stride": 8, "channels": 2, "symbols_per_cell": 4}},
    ],
)
def test_weights_of_another_architecture_are_refused(small_zoo: Path, change: dict) -> None:
    edit_card(small_zoo, change)
    with pytest.raises(CodecError, match="weights of another architecture"):
        zoo.load_codec("small")


def test_an_unknown_architecture_is_refused(small_zoo: Path) -> None:
    edit_card(small_zoo, {"architecture": "oracle"})
    with pytest.raises(CodecError, match="architecture 'oracle'; registered are adaptive, .*semcc"):
        zoo.load_codec("small")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"name": "small"}', "\x00\x01"])
def test_a_damaged_card_is_refused(small_zoo: Path, content: str) -> None:
    (small_zoo / "small" / zoo.CARD).write_text(content)
    with pytest.raises(CodecError, match="card"):
        zoo.load_codec("small")


def test_missing_weights_are_named(small_zoo: Path) -> None:
    (small_zoo / "small" / zoo.WEIGHTS).unlink()
    with pytest.raises(CodecError, match="cannot be read"):
        zoo.load_codec("small")


def edit_card(folder: Path, change: dict) -> None:
    path = folder / "small" / zoo.CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def is_codec(folder: Path) -> bool:
    """And no downstream network or generator."""
    return zoo.read_card(folder).architecture not in {*zoo.DOWNSTREAM, zoo.GENERATOR}


def figures_of(folder: Path) -> dict[str, float]:
    """Of a photograph, as this network sees it, makes it anew or sends it."""
    photograph = skimage.data.chelsea()[14:270, 100:356]
    if is_codec(folder):
        codec, sent = zoo.load_codec(folder), photograph[np.newaxis]
        received = {snr_db: measure.over_channel(codec, sent, snr_db=snr_db, seed=0) for snr_db in (0, 10, 20)}
        return {f"psnr_db@{each}dB": round(measure.psnr_db(sent, received[each]).item(), 2) for each in received}
    if zoo.read_card(folder).architecture == zoo.GENERATOR:
        adapted = Adapter(folder).adapted(photograph[np.newaxis]) / 255
        return {"mean": round(adapted.mean(), 3), "deviation": round(adapted.std(), 3)}
    small = torch.from_numpy(skimage.measure.block_reduce(photograph / 255.0, (8, 8, 1), np.mean))
    logits = zoo.load_classifier(folder)(small.permute(2, 0, 1).unsqueeze(0).float())
    probability, likeliest = logits.softmax(1)[0].max(0)
    return {"likeliest": likeliest.item(), "probability": round(probability.item(), 3)}


@pytest.mark.parametrize("folder", sorted(SHIPPED.glob("*")), ids=lambda folder: folder.name)
class TestShipped:
    def test_loads(self, folder: Path) -> None:
        if is_codec(folder):
            zoo.load_codec(folder, engine="torch")
        elif zoo.read_card(folder).architecture == zoo.GENERATOR:
            zoo.load_generator(folder)
        else:
            zoo.load_classifier(folder)

    def test_does_what_it_did(self, folder: Path) -> None:
        """Golden figures on a photograph, so that a slip in pixels, channels or scaling shows.  After a training that
        is meant to change them: SEMCOM_WRITE_EXPECTED=1 ./semcom test models/tests/test_zoo.py"""
        found = figures_of(folder)
        known = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
        if os.environ.get("SEMCOM_WRITE_EXPECTED"):
            EXPECTED.write_text(json.dumps(known | {folder.name: found}, indent=2) + "\n")
        else:
            assert found == pytest.approx(known[folder.name], abs=0.02)

    def test_card_is_complete(self, folder: Path) -> None:
        card = zoo.read_card(folder)
        assert card.name == folder.name
        assert card.training["command"].startswith("./semcom train ")
        assert card.training["commit"] != "unknown"
        assert all(result["command"].startswith("./semcom eval ") and result["rows"] for result in card.results)
        assert card.results


def test_ids_of_shipped_codecs_differ() -> None:
    ids = [zoo.load_codec(folder, engine="torch").id for folder in SHIPPED.glob("*") if is_codec(folder)]
    assert len(set(ids)) == len(ids) > 0
