# SPDX-License-Identifier: GPL-2.0-only
"""What the commands in scripts/ are made of.

Each package imports only those before it: base, suite, results, builders, lab, matrix,
commands.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("pmu_passthrough: Python 3.11 or newer is needed\n")
    # To git bisect anything less is a verdict.
    sys.exit(128 if sys.argv[0].endswith("bisect") else 2)
