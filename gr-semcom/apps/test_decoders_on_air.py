# SPDX-License-Identifier: GPL-3.0-or-later
"""./semcom tx and rx on the virtual USRP: a receiver that begins empty gets decoders over the air, then pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from processes import LOSS_DB, PATIENCE_S, RX_GAIN_DB, run, save_album, started, tx_gain_for, wait_for
from semcom_models import measure, zoo
from semcom_models.aesc.autoencoders import MnistAutoencoder
from semcom_models.codec import ImageCodec

PICTURES = 3
SNR_DB = 15


def made_codec(folder: Path, seed: int) -> ImageCodec:
    """A codec of AESC-I in a folder; it was never trained."""
    torch.manual_seed(seed)
    card = {"method": "aesc", "architecture": "aesc-mnist", "arguments": {"z_dims": 20}, "ratio": None}
    made = zoo.Card(name=folder.name, training={}, results=[], weights_sha256="", **card)
    zoo.save(folder, MnistAutoencoder(z_dims=20), made)
    return zoo.load_codec(folder)


def key_files(folder: Path) -> tuple[Path, Path]:
    key, files = Ed25519PrivateKey.generate(), (folder / "key.pem", folder / "public.pem")
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[1].write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return files


@pytest.mark.slow
def test_an_empty_receiver_shows_one_source_after_another_and_none_whose_decoder_is_not_signed(
    air: str, tmp_path: Path
) -> None:
    sent = np.random.default_rng(1).integers(0, 256, (PICTURES, 28, 28, 3), dtype=np.uint8)
    album = save_album(tmp_path / "album", sent)
    codecs = [made_codec(tmp_path / name, seed) for seed, name in enumerate(("digits", "letters", "forged"))]
    digits, letters, _ = (measure.psnr_db(sent, measure.over_channel(each, sent, snr_db=30, seed=0)) for each in codecs)
    assert (abs(digits - letters) > 0.01).all()  # told apart by what is decoded
    private, public = key_files(tmp_path)
    device = f"type=virtual,air={air},speed=0.2"

    def transmit(name: str, *options: object) -> str:
        sending = (
            "--tx-gain",
            tx_gain_for(SNR_DB),
            "--ratio",
            codecs[0].ratios[1],
            "-i",
            album,
            "--with-decoder",
            *options,
        )
        code, said = run("tx", "-d", device, "-c", tmp_path / name, *sending)
        assert code == 0, said
        return said

    heard, rows = tmp_path / "heard", tmp_path / "rows.json"
    receiving = ("--empty", "--trusted", public, "-i", album, "--json")
    with started(
        *("rx", "-d", f"{device},loss_db={LOSS_DB:g}", "--rx-gain", RX_GAIN_DB, "--record", heard, *receiving, rows),
        *("--count", 2 * PICTURES, "--seconds", PATIENCE_S),
    ) as receiver:
        wait_for("Listening", receiver.stdout)
        transmit("forged")
        said = transmit("digits", "--key", private, "--decoder-every", 2)
        assert f"{PICTURES} pictures sent, 2 times the decoder;" in said
        transmit("letters", "--key", private)
        said, _ = receiver.communicate(timeout=PATIENCE_S)
    assert receiver.returncode == 0, said
    assert "The model forged, serial 1, is refused: it is not signed" in said
    for name in ("digits", "letters"):
        assert f"has the decoder {name}, serial 1 now" in said
    seen_db = [row["psnr_db"] for row in json.loads(rows.read_text())["rows"]]
    assert seen_db == pytest.approx([*digits, *letters], abs=1e-3)

    again = tmp_path / "again.json"
    code, said = run("rx", "--replay", heard, *receiving, again)
    assert code == 0, said
    heard.with_name("heard.sigmf-data").unlink()  # large
    assert [row["psnr_db"] for row in json.loads(again.read_text())["rows"]] == pytest.approx(seen_db, abs=1e-3)
