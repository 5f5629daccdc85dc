# SPDX-License-Identifier: GPL-2.0-only
"""Where the scripts' modules are."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
