# SPDX-License-Identifier: GPL-2.0-only
# The lab's machine and nothing else: two serial ports, the files of "lab exec", and the
# exit of the program that tests the PMU model.
CONFIG_I440FX=y
CONFIG_HPET=y
CONFIG_SERIAL_ISA=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_9P=y
CONFIG_ISA_DEBUG=y
