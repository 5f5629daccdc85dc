# SPDX-License-Identifier: GPL-2.0-only
"""What other distributions call the packages."""

import pytest

from pmu_passthrough.base.place import columns
from pmu_passthrough.builders import debian
from pmu_passthrough.lab.doctor import LISTS


def test_every_package_has_a_row_and_every_row_a_package() -> None:
    listed = {row[0].partition("@")[0] for name in LISTS for row in columns(name)}
    rows = columns("packages-elsewhere.list")
    assert {row[0] for row in rows} == listed
    assert all(len(row) == 4 and all(row) for row in rows)


@pytest.mark.parametrize(
    ("there", "names"),
    [
        ({"ID": "fedora"}, ["gcc-c++", "libpfm-devel"]),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, ["gcc-c++", "libpfm-devel"]),
        ({"ID": "arch"}, ["libpfm"]),
        ({"ID": "opensuse-tumbleweed", "ID_LIKE": "opensuse suse"}, ["gcc-c++", "libpfm-devel"]),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, ["g++", "libpfm4-dev"]),
        ({"ID": "plan9"}, None),
        ({}, None),
    ],
)
def test_names_elsewhere(there: dict[str, str], names: list[str] | None) -> None:
    assert debian.names_elsewhere(["g++", "libpfm4-dev"], there) == names
