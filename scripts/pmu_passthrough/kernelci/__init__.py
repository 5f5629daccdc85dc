# SPDX-License-Identifier: GPL-2.0-only
"""The lab as one of KernelCI's, that fetches its jobs itself (PULL_LABS)."""
