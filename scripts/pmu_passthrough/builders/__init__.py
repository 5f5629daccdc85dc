# SPDX-License-Identifier: GPL-2.0-only
"""Emulators, kernels and programs, made once and kept in the cache."""
