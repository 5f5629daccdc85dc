# SPDX-License-Identifier: GPL-2.0-only
"""The emulated host: machines, boots, and what is done in them."""
