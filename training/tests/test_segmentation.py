# SPDX-License-Identifier: GPL-3.0-or-later
"""DeepSC-TU for segmentation, on pictures of discs that are drawn here."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from semcom_models import zoo
from semcom_models.deepsc_tu import DeepScTuDeep
from semcom_models.segmenter import Segmenter
from semcom_training import __main__ as commands
from semcom_training.classifier import Classifier
from semcom_training.data import DataError, Masks, to_unit
from semcom_training.data.masks import VOID
from semcom_training.deepsc_tu import DeepScTu, Segmentation, SemanticDistortion, mean_iou, task_of
from semcom_training.jscc import Conditions
from semcom_training.loop import Schedule, fit

SIDE = 24


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Forty pictures of a red and a green disc before blue, and masks whose edges are void."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(40):
        picture, mask = Image.new("RGB", (40, 32), (20, 30, 120)), Image.new("L", (40, 32), 0)
        for kind, colour in ((1, (200, 40, 40)), (2, (40, 190, 60))):
            x, y = rng.integers(8, 32), rng.integers(6, 26)
            box = [int(x - 6), int(y - 6), int(x + 6), int(y + 6)]
            ImageDraw.Draw(picture).ellipse(box, fill=colour)
            ImageDraw.Draw(mask).ellipse(box, fill=kind, outline=255)
        picture.save(tmp_path / f"images/{number:02d}.jpg", quality=95)
        mask.save(tmp_path / f"masks/{number:02d}.png")
    return tmp_path


def masks(folder: Path, **changes: object) -> Masks:
    return Masks(**{"kind": "masks", "path": folder, "side": SIDE, "classes": 3, **changes})


def test_pictures_and_masks_are_read_together(drawn: Path) -> None:
    train, held_out, test = (masks(drawn).load(split) for split in ("train", "held_out", "test"))
    assert (len(train), len(held_out), len(test)) == (32, 4, 4)
    assert train.images.shape == (32, 3, SIDE, SIDE) and train.labels.shape == (32, SIDE, SIDE)
    assert set(train.labels.unique().tolist()) == {VOID, 0, 1, 2}
    red = to_unit(train.images)[:, 0]
    assert red[train.labels == 1].mean() > 0.7 and red[train.labels != 1].mean() < 0.35


def test_a_transmitter_needs_no_masks(drawn: Path) -> None:
    with_masks, alone = masks(drawn).load("held_out"), masks(drawn, masks="", classes=None).load("held_out")
    torch.testing.assert_close(alone.images, with_masks.images)
    assert (alone.labels == VOID).all()
    with pytest.raises(ValueError, match="without masks there are none"):
        masks(drawn, masks="")


def test_what_cannot_be_used_is_told(drawn: Path) -> None:
    for changes, why in (({"classes": 2}, "has class 2; data.classes is 2"), ({"masks": "none"}, "There is no folder")):
        with pytest.raises(DataError, match=why):
            masks(drawn, **changes).load("train")
    Image.new("L", (40, 31)).save(drawn / "masks/00.png")
    with pytest.raises(DataError, match="00.png is .* pixels"):
        [masks(drawn).load(split) for split in ("train", "held_out", "test")]
    Image.new("RGB", (40, 32)).save(drawn / "masks/00.png")
    with pytest.raises(DataError, match="neither grey nor of a palette"):
        [masks(drawn).load(split) for split in ("train", "held_out", "test")]
    for path in sorted((drawn / "images").iterdir())[9:]:
        path.unlink()
    with pytest.raises(DataError, match="has 9 pictures with a mask"):
        masks(drawn).load("train")


def test_intersection_over_union_is_a_mean_over_the_classes_that_are_there() -> None:
    truth = torch.tensor([[0, 0, 1, 1, VOID]])
    assert mean_iou(torch.tensor([[0, 0, 1, 1, 2]]), truth, classes=4) == 1
    assert mean_iou(torch.tensor([[0, 1, 1, 1, 1]]), truth, classes=4) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert mean_iou(torch.tensor([[0, 0, 3, 1, 1]]), truth, classes=4) == pytest.approx((1 + 1 / 2 + 0) / 3)


def test_the_distortion_is_that_of_eq_10() -> None:
    torch.manual_seed(0)
    task, images = Segmentation(Segmenter(classes=3, widths=[4, 8])), torch.rand(2, 3, 8, 8)
    labels = torch.randint(0, 3, (2, 8, 8))
    labels[0, :4] = VOID
    seen = task.downstream(images).softmax(1)
    truth = torch.nn.functional.one_hot(labels.clamp_min(0), 3).permute(0, 3, 1, 2)
    expected = [(seen[0, :, 4:] - truth[0, :, 4:]).square().mean(), (seen[1] - truth[1]).square().mean()]
    torch.testing.assert_close(task.distortion(images, labels), torch.stack(expected))


@pytest.mark.parametrize("size", [(8, 8), (13, 21)])
def test_a_segmenter_names_each_pixel_of_any_picture(size: tuple[int, int]) -> None:
    assert Segmenter(classes=5, widths=[4, 8, 8])(torch.rand(2, 3, *size)).shape == (2, 5, *size)


def test_a_coder_learns_to_keep_what_the_segmenter_sees(drawn: Path, tmp_path: Path) -> None:
    train = masks(drawn).load("train")
    torch.manual_seed(0)
    judge = Segmenter(classes=3, widths=[8, 16])
    how = {"augmentation": Masks.augmentation, "weight_decay": 0, "compiled": False}
    schedule = Schedule(epochs=30, batch=8, learning_rate=0.1)
    fit(Classifier(judge, **how), schedule, train, train, seed=1, run=tmp_path / "judge")
    task = task_of(judge)
    assert task.figures(train)["iou"] > 0.9
    coder = DeepScTuDeep(side=SIDE, inner=10, width=8)
    conditions = Conditions(snr_db=(10, 10), erasure_rate=0)
    method = DeepScTu(coder, task, conditions, SemanticDistortion(alpha=1, tradeoff=0.2), compiled=False)
    before = method.report(train)["iou"]
    fit(method, Schedule(epochs=60, batch=8, learning_rate=1e-2), train, train, seed=1, run=tmp_path / "coder")
    assert method.report(train)["iou"] > max(0.55, before + 0.2)


def test_from_configs_to_a_coder_in_the_zoo(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(drawn / "zoo"))
    monkeypatch.chdir(drawn)
    data = [f"data.path={drawn}", "data.images=images", "data.masks=masks", f"data.side={SIDE}", "data.classes=3"]
    few = ["compiled=false", "schedule.epochs=1", "schedule.batch=8"]
    arguments = f"networks.arguments={{side={SIDE}, inner=8, width=4}}"
    for command in (["segmenter-voc", "arguments.widths=[4, 8]"], ["deepsc-tu-voc", arguments]):
        monkeypatch.setattr("sys.argv", ["semcom", "train", *command, *data, *few, "--runs", str(drawn / "runs")])
        with pytest.raises(SystemExit) as ended:
            commands.main()
        assert not ended.value.code
    at = ["--dataset", "segmenter-voc", "--downstream", "segmenter-voc", "--snr", "10", "--json", "rows.json"]
    codecs = ["--codec", "deepsc-tu-voc,jpeg2000+capacity", "--ratio", "1/18"]
    monkeypatch.setattr("sys.argv", ["semcom", "eval", *codecs, *at])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert not ended.value.code
    for row in json.loads(Path("rows.json").read_text())["rows"]:
        assert 0 < row["iou"] < 1 and row["accuracy"] is None and row["images"] == 4
    card = zoo.read_card(drawn / "zoo/deepsc-tu-voc")
    assert (card.architecture, card.training["config"]["downstream"]) == ("deepsc-tu-deep", "segmenter-voc")
    codec = zoo.load_codec("deepsc-tu-voc")
    assert codec.encode(np.zeros((1, SIDE, SIDE, 3), np.uint8)).shape == (1, 3 * 8 * 8 // 2)
