# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures against what can be worked out by hand."""

import numpy as np
import pytest
from semcom_models.codec import Codec
from semcom_models.measure import over_awgn, psnr_db
from semcom_models.semcc import SemCC


def test_psnr_of_a_known_error() -> None:
    images = np.zeros((3, 4, 4, 3), np.uint8)
    received = np.stack([np.full((4, 4, 3), error, np.uint8) for error in (255, 51, 0)])
    np.testing.assert_allclose(psnr_db(images, received), [0, 20 * np.log10(5), np.inf])


def test_the_same_seed_draws_the_same_noise(networks: SemCC) -> None:
    codec = Codec(name="small", networks=networks, engine="torch")
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    once, again, other = (over_awgn(codec, images, snr_db=0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


@pytest.mark.parametrize("snr_db", [0.0, 12.0])
def test_noise_has_the_variance_of_the_snr(networks: SemCC, snr_db: float) -> None:
    class Recorder(Codec):
        def decode(self, symbols, csi, *, height, width):  # noqa: ANN001, ANN202
            self.seen, self.csi = symbols, csi
            return super().decode(symbols, csi, height=height, width=width)

    codec = Recorder(name="small", networks=networks, engine="torch")
    images = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    over_awgn(codec, images, snr_db=snr_db, seed=1)
    noise = codec.seen - codec.encode(images, snr_db=snr_db)
    assert -10 * np.log10((np.abs(noise) ** 2).mean()) == pytest.approx(snr_db, abs=0.1)
    assert -10 * np.log10(codec.csi.noise_var.mean()) == pytest.approx(snr_db, abs=1e-4)
