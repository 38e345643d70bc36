# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes of a flowgraph for GNU Radio Companion one that needs no display, for ./semcom rx.

usage: headless.py FLOWGRAPH.grc FOLDER [--replay]

FOLDER gets FLOWGRAPH_headless.grc: the same blocks and connections less what only shows. With --replay it gets
FLOWGRAPH_replay.grc, where a SigMF Source takes the place of the radio, and the parameter replay that of its settings.
"""

import argparse
from pathlib import Path
from typing import Any

import yaml

DISPLAYS = ("qtgui_", "semcom_link_display")
RADIO, RADIO_SETTINGS = "uhd_usrp_source", ("args", "rx_gain", "rx_antenna", "profile", "levels")


def headless(flowgraph: dict[str, Any], *, name: str) -> dict[str, Any]:
    """A flowgraph as its file has it, without displays."""
    options = flowgraph["options"]["parameters"] | {"id": name, "generate_options": "no_gui", "run_options": "run"}
    blocks = [block for block in flowgraph["blocks"] if not block["id"].startswith(DISPLAYS)]
    for block in blocks:
        if block["id"] == "semcom_image_sink":
            block["parameters"]["window"] = "False"
    return _with(flowgraph, options, blocks)


def replayed(flowgraph: dict[str, Any]) -> dict[str, Any]:
    """The same with a recording in the place of the radio."""
    blocks = [block for block in flowgraph["blocks"] if block["name"] not in RADIO_SETTINGS]
    for block in blocks:
        if block["id"] == RADIO:
            block |= {"id": "semcom_sigmf_source", "parameters": {"file": "replay", "real_time": "False"}}
        if block["id"] == "semcom_sigmf_sink":
            block["parameters"]["hardware"] = "''"
    replay = {"label": "SigMF Recording to Play", "type": "str", "value": "recording", "short_id": "", "hide": "none"}
    states = {"coordinate": [8, 112], "rotation": 0, "state": "enabled"}
    blocks.insert(0, {"name": "replay", "id": "parameter", "parameters": replay, "states": states})
    return _with(flowgraph, flowgraph["options"]["parameters"], blocks)


def _with(flowgraph: dict[str, Any], options: dict[str, str], blocks: list[dict[str, Any]]) -> dict[str, Any]:
    names = {block["name"] for block in blocks}
    connections = [each for each in flowgraph["connections"] if {each[0], each[2]} <= names]
    changed = flowgraph["options"] | {"parameters": options}
    return flowgraph | {"options": changed, "blocks": blocks, "connections": connections}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flowgraph", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--replay", action="store_true")
    asked = parser.parse_args()
    name = f"{asked.flowgraph.stem}_{'replay' if asked.replay else 'headless'}"
    made = headless(yaml.safe_load(asked.flowgraph.read_text()), name=name)
    if asked.replay:
        made = replayed(made)
    (asked.folder / f"{name}.grc").write_text(yaml.safe_dump(made, sort_keys=False))


if __name__ == "__main__":
    main()
