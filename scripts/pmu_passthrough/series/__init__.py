# SPDX-License-Identifier: GPL-2.0-only
"""An emulator's model as a series of patches for the project of that emulator."""
