"""The types of arrays, by what their elements are. Shapes are in the docstrings that use them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Index: TypeAlias = NDArray[np.int64]  # outside ids, or dense indexes
Ids: TypeAlias = NDArray[np.integer]  # the same, of any width
Vectors: TypeAlias = NDArray[np.float32]  # as the database stores them
Values: TypeAlias = NDArray[np.float64]  # as they are computed
Numbers: TypeAlias = NDArray[np.floating]  # of any precision
Mask: TypeAlias = NDArray[np.bool_]
