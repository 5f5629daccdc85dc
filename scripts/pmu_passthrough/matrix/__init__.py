# SPDX-License-Identifier: GPL-2.0-only
"""Many runs: mutants, soak, peers, kills."""
