# SPDX-License-Identifier: GPL-2.0-only
"""From what a run said to results.json, and from that to what others read."""
