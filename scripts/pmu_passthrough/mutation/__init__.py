# SPDX-License-Identifier: GPL-2.0-only
"""Faults that nobody chose: made from the kernel's own code, by rule."""
