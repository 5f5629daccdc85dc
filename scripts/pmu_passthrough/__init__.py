# SPDX-License-Identifier: GPL-2.0-only
"""What the commands in scripts/ are made of.

Each package imports only those before it: base, suite, results, builders, lab, matrix,
commands.
"""
