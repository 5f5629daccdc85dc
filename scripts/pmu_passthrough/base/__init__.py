# SPDX-License-Identifier: GPL-2.0-only
"""A command's life: arguments, messages, files, child processes."""
