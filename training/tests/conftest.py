# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread: these networks are so small that threads wait for each other longer than they work."""

import torch

torch.set_num_threads(1)
