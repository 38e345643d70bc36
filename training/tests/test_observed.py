# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of another kind than trained on: how far they are, and what a coder makes of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from semcom_models import zoo
from semcom_models.deepsc_tu import DeepScTu
from semcom_models.errors import CodecError
from semcom_models.generator import Generator
from semcom_models.smallnet import SmallNet
from semcom_training import __main__ as commands
from semcom_training import distance as measured
from semcom_training import observed
from semcom_training.data import LabelledImages
from semcom_training.distance import PIXELS, Distance, _lower_bound, distance
from semcom_training.errors import ConfigError
from semcom_training.observed import Observed

SIDE = 16


class Grey:
    """A data set of noise around a grey value."""

    def __init__(self, level: int, *, seed: int = 0) -> None:
        self.level, self.name, self.kind, self.classes = level, f"grey {level}", f"grey{level}", 10
        self.seed = seed

    def __call__(self) -> "Grey":
        return self

    def load(self, split: str) -> LabelledImages:
        drawn = torch.Generator().manual_seed(self.level + len(split) + self.seed)
        images = self.level + torch.randint(0, 40, (60, 3, SIDE, SIDE), generator=drawn)
        return LabelledImages(images.byte(), torch.arange(60) % 10)


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data sets, and a zoo with coders of two of them, a judge and a generator, none of which was trained."""
    for level in (20, 25, 180):
        monkeypatch.setitem(measured.DATA_SETS, f"grey{level}", Grey(level))
    monkeypatch.setitem(measured.DATA_SETS, "grey20again", Grey(20, seed=1000))
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    torch.manual_seed(0)
    kept = {"ratio": None, "results": [], "weights_sha256": ""}
    coder = {"stride": SIDE, "channels": 3, "symbols_per_cell": 38}
    for level in (20, 180):
        training = {"config": {"data": {"kind": f"grey{level}"}, "downstream": "judge"}}
        card = zoo.Card(
            name=f"tu-grey{level}",
            method="deepsc-tu",
            architecture="deepsc-tu",
            arguments=coder,
            training=training,
            **kept,
        )
        zoo.save(tmp_path / card.name, DeepScTu(**coder), card)
    training = {"config": {"data": {"kind": "grey20"}}}
    card = zoo.Card(
        name="judge", method="classifier", architecture="small", arguments={"classes": 10}, training=training, **kept
    )
    zoo.save(tmp_path / "judge", SmallNet(classes=10), card)
    arguments = {"side": SIDE, "channels": 3, "width": 4, "blocks": 1}
    generator = Generator(**arguments)
    with torch.no_grad():
        generator.network[-1].bias.fill_(-0.6)
    card = replace(card, name="grey180-to-grey20", method="cyclegan", architecture=zoo.GENERATOR, arguments=arguments)
    zoo.save(tmp_path / card.name, generator, card)
    return tmp_path


def test_what_a_line_tells_apart_is_far(kinds: Path) -> None:
    far = distance("grey180", "grey20", features=PIXELS, images=60, seed=0)
    assert (far.proxy_a_distance, far.images) == (2, 60)
    same = distance("grey20again", "grey20", features=PIXELS, images=60, seed=0)
    assert abs(same.proxy_a_distance) < 0.8  # on those that it was trained on it would be 2
    assert same.proxy_a_distance_ci95[0] <= same.proxy_a_distance <= same.proxy_a_distance_ci95[1] < 2
    assert (far.hdh_lower_bound, far.hypotheses) == (None, ("judge",))  # it takes two


def test_the_lower_bound_is_by_how_much_more_two_networks_disagree() -> None:
    class Says(torch.nn.Module):
        """Class 1 for pictures above a brightness, else 0."""

        def __init__(self, level: float) -> None:
            super().__init__()
            self.level = level

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            bright = (images.mean((1, 2, 3)) > self.level).float()
            return torch.stack([1 - bright, bright], 1)

    library, observed = (torch.full((4, 3, 8, 8), level, dtype=torch.uint8) for level in (10, 100))
    observed[3] = 10
    assert (
        _lower_bound([Says(0.2), Says(0.6)], (library, observed)) == 1.5
    )  # on 3 of 4 observed, on none of the library
    assert _lower_bound([Says(0.2)], (library, observed)) is None


def test_each_adaptation_has_pictures_and_a_coder_of_its_own(kinds: Path) -> None:
    at = {"rates": [], "snrs_db": [10.0], "channels": ["awgn"]}
    none, da, retrained = Observed("tu-grey20", "grey180", images=20, seed=0).rows(("none", "da", "retrained"), **at)
    assert [row.method for row in (none, da, retrained)] == ["none", "da", "retrained"]
    assert [row.codec for row in (none, da, retrained)] == ["tu-grey20", "tu-grey20", "tu-grey180"]
    assert [row.adapter for row in (none, da, retrained)] == [None, "grey180-to-grey20", None]
    assert none.psnr_db != da.psnr_db
    assert {row.compression_rate for row in (none, da, retrained)} == {round(2 * 38 / (3 * SIDE**2), 4)}


def test_the_judge_may_be_of_a_third_kind(kinds: Path) -> None:
    """As that of a coder that was trained anew is."""
    (row,) = Observed("tu-grey180", "grey20", images=20, seed=0).rows(
        ["none"], rates=[], snrs_db=[10.0], channels=["awgn"]
    )
    assert row.downstream == "judge" and row.accuracy is not None


def test_what_is_not_there_is_told(kinds: Path) -> None:
    at = {"snrs_db": [10.0], "channels": ["awgn"]}
    observed = Observed("tu-grey20", "grey25", images=20, seed=0)
    for adaptation, rates, why in (
        ("da", [], "grey25-to-grey20"),
        ("retrained", [], "tu-grey25"),
        ("none", [0.5], "has a CR of 0.099, and not 0.5"),
    ):
        with pytest.raises(CodecError, match=why):
            list(observed.rows([adaptation], rates=rates, **at))
    (kinds / "tu-grey20").rename(kinds / "other")
    with pytest.raises(CodecError, match="other was not trained on grey25"):
        list(Observed("other", "grey25", images=20, seed=0).rows(["retrained"], rates=[], **at))
    with pytest.raises(CodecError, match="judge is of architecture"):
        Observed("judge", "grey25", images=20, seed=0)


def test_what_is_missing_is_told_before_anything_is_measured(kinds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "Evaluation", lambda *_, **__: pytest.fail("it was measured"))
    rows = Observed("tu-grey20", "grey25", images=20, seed=0).rows
    for wrong, why in (("da", "grey25-to-grey20"), ("magic", "no adaptation 'magic'")):
        with pytest.raises((CodecError, ConfigError), match=why):
            list(rows(["none", wrong], rates=[], snrs_db=[10.0], channels=["awgn"]))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("eval", "--codec", "tu-grey20", "--observed", "grey180", "--adaptation", ""), "nothing to measure"),
        (("eval", "--codec", "tu-grey20", "--observed", "grey180", "--snr", "", "--card"), "nothing to measure"),
        (("eval", "--codec", "tu-grey20", "--observed", "grey180", "--json", "/"), "/ is a folder: give --json"),
        (("eval", "--codec", "tu-grey20", "--observed", "mauve"), "There is no data set 'mauve'; there are cifar10,"),
        (("distance", "grey180", "mauve"), "There is no data set 'mauve'; there are cifar10,"),
        (("distance", "grey180", "grey20", "--json", "/"), "/ is a folder: give --json"),
        (("distance", "GREY180", "Grey20", "--images", "20", "--json", "/dev/full"), "No space left on device"),
    ],
)
def test_what_cannot_be_measured_or_kept_is_told(
    kinds: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr("sys.argv", ["semcom", *options])
    with pytest.raises(SystemExit, match=f"^semcom: .*{why}"):
        commands.main()


@pytest.mark.parametrize(
    ("pair", "advice"),
    [
        (("usps", "mnist"), "Adapt them: ./semcom train usps-to-mnist."),
        (("svhn", "mnist"), "Adapt them: ./semcom train usps-to-mnist name=svhn-to-mnist data.observed=svhn."),
        (("mnist", "usps"), "Adapt them: a config of one to usps is to be written, like"),
    ],
)
def test_the_advice_is_a_command_that_is_there(pair: tuple[str, str], advice: str) -> None:
    about = {"proxy_a_distance": 1.9, "proxy_a_distance_ci95": (1.8, 2.0), "features": PIXELS, "hypotheses": ()}
    about |= {"hdh_lower_bound": None, "images": 20, "hdh_images": 20, "seed": 0}
    assert Distance(observed=pair[0], library=pair[1], **about).advice.startswith(advice)


def test_the_command_writes_a_row_for_each(kinds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--codec", "tu-grey20", "--observed", "GREY180", "--ratio", "0.1", "--snr", "3", "--images", "20"]
    monkeypatch.setattr("sys.argv", ["semcom", "eval", *options, "--json", str(kinds / "rows.json"), "--card"])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert not ended.value.code
    rows = json.loads((kinds / "rows.json").read_text())["rows"]
    assert [row["method"] for row in rows] == ["none", "da", "retrained"]
    assert all(row["snr_db"] == 3 and row["images"] == 20 and row["accuracy"] is not None for row in rows)
    adapter, anew = "grey180-to-grey20", "tu-grey180"
    for name, others in ((adapter, {"tu-grey20", anew}), (anew, {"tu-grey20", adapter})):
        (kept,) = zoo.read_card(kinds / name).results
        assert kept["rows"] == rows
        assert kept["command"].startswith("./semcom eval --codec tu-grey20 --observed GREY180 --adaptation none,da,")
        assert kept["weights_sha256"].keys() == {"judge", *others}
