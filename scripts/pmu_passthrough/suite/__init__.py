# SPDX-License-Identifier: GPL-2.0-only
"""What the suite consists of: cases, rules, faults, and their names."""
