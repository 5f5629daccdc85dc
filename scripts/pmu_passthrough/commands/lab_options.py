# SPDX-License-Identifier: GPL-2.0-only
"""The options of scripts/lab, and what is asked by them and by the environment."""

import argparse
import os
import re
from dataclasses import replace

from ..base.options import not_empty, number
from ..base.say import Refused
from ..base.verbs import Option
from ..lab.machine import Machine, machine, names
from ..lab.request import CONTRACTS, Request, contracts_in, kernels_in, passed_on
from ..lab.request import KERNELS as KNOWN_KERNELS
from ..lab.rough import Rough
from ..suite import cases, faults, rules
from ..suite.renamed import refuse_contract


def _seed(word: str) -> int:
    try:
        return number(0)(word)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"'{word}': wants a number of at most nine digits"
        ) from None


def _strength(word: str) -> int:
    try:
        return number(0, 400)(word)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"'{word}': wants a number from 0 to 400, in percent"
        ) from None


def fault_names() -> list[str]:
    return list(faults.all_faults())


def _machines() -> list[str]:
    return [*names(), "all"]


MACHINE = Option(
    "--machine",
    "profile in configs/machines (default amd-zen4, or MACHINE=)",
    "NAME",
    complete=_machines,
)
MACHINES = Option(
    "--machine",
    "profile in configs/machines (default amd-zen4, or MACHINE=), or all",
    "NAME",
    complete=_machines,
)
KERNEL = Option("--kernel", "boot this bzImage (or KERNEL=)", "IMAGE")
CONTRACT = Option(
    "--contract",
    "auto (default, or CONTRACT=), mediated, emulated, rfc, rfc-as-posted",
    "NAME",
    complete=lambda: [*CONTRACTS, "all"],
)
CONTRACTS_OR_ALL = Option(
    "--contract",
    CONTRACT.help + "; several with commas, each on its kernel; all: mediated,rfc",
    "NAME",
    complete=lambda: [*CONTRACTS, "all"],
)
REFERENCE = Option("--reference", "the kernel with the RFC's interface, whatever the contract")
DEBUG = Option("--debug", "the same with lockdep, KASAN and other checks")
FAULT = Option(
    "--fault",
    "break that kernel in one way (scripts/lab show faults)",
    "NAME",
    default="",
    complete=fault_names,
)
CPUS = Option("--cpus", "CPUs of the emulated host (default 2)", "N", number(), 2)
BOOTS = Option(
    "--boots",
    "deal the programs out to N boots at the same time (default: what suits)",
    "N",
    number(1, 64),
)
FILTER = Option(
    "--filter",
    'only these cases: "program", "case" or "program:case", as globs, by commas;'
    ' one variant is "program:fixture.variant.case"',
    "GLOBS",
    default="",
    complete=lambda: [str(case) for case in cases.all_cases()],
)
STOP = Option("--stop", "end at the first case that fails or stops the kernel")
STOP_AT = Option("--stop-at", "the same, at the first that violates the rule", "RULE", default="")
APPEND = Option("--append", "more arguments for the kernel", "ARGS", default="")
OUT = Option("--out", "where results go (default build/run)", "DIR", not_empty)
TIMEOUT = Option(
    "--timeout",
    "deadline of the boot in seconds (default 300; Intel 900, debug 1500)",
    "S",
    number(),
    0,
)
STRICT = Option("--strict", "known defects count as violations")
ICOUNT = Option("--icount", 'one nanosecond an instruction: the run can be repeated by "replay"')
ROUGH = (
    Option("--rough", 'what the machine does beside its manual, "name=number,..."', "LIST"),
    Option("--rough-strength", "how much of it, in percent (default 100)", "N", _strength),
    Option("--rough-seed", "what is drawn for it (default 0)", "N", _seed),
)
PLAIN = Option("--plain", "the emulator without the PMU model")
FROM_MAKE = Option("--make", argparse.SUPPRESS)
KERNEL_VERSION = Option(
    "--kernel-version",
    "a kernel the distribution has, as 6.12 (or KERNEL_VERSION=)",
    "N.N",
    complete=lambda: [name for name in KNOWN_KERNELS if name],
)
KERNEL_VERSIONS = replace(
    KERNEL_VERSION, help=KERNEL_VERSION.help + "; several with commas; all: the newest,7.2,6.12"
)
KERNELS = (REFERENCE, DEBUG, KERNEL_VERSION)
BOOT = (MACHINE, KERNEL, CONTRACT, *KERNELS, FAULT, CPUS, APPEND, TIMEOUT, ICOUNT, *ROUGH)


def machine_named(values: argparse.Namespace) -> str:
    return getattr(values, "machine", None) or os.environ.get("MACHINE") or "amd-zen4"


def _contract(values: argparse.Namespace) -> str:
    named = getattr(values, "contract", None) or os.environ.get("CONTRACT") or "auto"
    for one in contracts_in(named):
        if one not in CONTRACTS:
            refuse_contract(one, f"there is: {' '.join(CONTRACTS)} all")
    _once("--contract", named, contracts_in(named))
    return named


def _once(option: str, named: str, parts: tuple[str, ...]) -> None:
    for one in parts:
        if parts.count(one) > 1:
            raise Refused(f"{option} {named}: {one} is there twice")


def _release(values: argparse.Namespace) -> str:
    named = str(getattr(values, "kernel_version", None) or os.environ.get("KERNEL_VERSION", ""))
    if named and named != "all":
        for one in kernels_in(named):
            if not re.fullmatch(r"[1-9][0-9]{0,2}\.(0|[1-9][0-9]{0,3})", one):
                raise Refused(f"--kernel-version '{one}': give two numbers, as 6.12")
        _once("--kernel-version", named, kernels_in(named))
    return named


def _variant(values: argparse.Namespace, contract: str, image: str) -> str:
    """The contract decides which kernel is booted, unless that is said, too."""
    fault = getattr(values, "fault", "")
    asked = "debug" if getattr(values, "debug", False) else ""
    asked = asked or ("reference" if getattr(values, "reference", False) or fault else "")
    if len(contracts_in(contract)) > 1:
        if image or asked:
            raise Refused(f"--contract {contract} chooses its kernels itself")
        return "plain"
    if image and asked:
        raise Refused("--kernel is a kernel already: no --reference, --debug or --fault")
    return asked or ("reference" if contract.startswith("rfc") else "plain")


def _rough(values: argparse.Namespace) -> Rough:
    asked = {
        "words": getattr(values, "rough", None),
        "strength": getattr(values, "rough_strength", None),
        "seed": getattr(values, "rough_seed", None),
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return replace(Rough.of_environment(), **given)


def request_of(values: argparse.Namespace, named: Machine | None = None) -> Request:
    """What the options ask for, on the machine that they name or this one; checked."""
    if named is None:
        if machine_named(values) == "all":
            raise Refused("--machine all is for run")
        named = machine(machine_named(values))
    contract = _contract(values)
    image = str(getattr(values, "kernel", None) or os.environ.get("KERNEL", ""))
    variant = _variant(values, contract, image)
    fault = getattr(values, "fault", "")
    if fault:
        faults.fault(fault)
    request = Request(
        machine=named,
        cpus=getattr(values, "cpus", 2),
        contract=contract,
        variant=variant,
        release=_release(values),
        image=image,
        fault=fault,
        filter=getattr(values, "filter", ""),
        append=getattr(values, "append", ""),
        timeout=getattr(values, "timeout", 0),
        strict=getattr(values, "strict", False),
        stop_at=_stop_at(values),
        icount=getattr(values, "icount", False),
        plain=getattr(values, "plain", False),
        rough=_rough(values),
        environment=passed_on(),
    )
    request.check()
    cases.select(request.filter)
    return request


def one_contract(request: Request) -> Request:
    if len(contracts_in(request.contract)) > 1:
        raise Refused(f"--contract {request.contract} is for run")
    if len(kernels_in(request.release)) > 1:
        raise Refused(f"--kernel-version {request.release} is for run")
    return request


def _stop_at(values: argparse.Namespace) -> str:
    rule = getattr(values, "stop_at", "")
    if rule and rule not in {one.number for one in rules.all_rules()}:
        raise Refused(f"no rule called '{rule}'; see scripts/rules --list")
    return rule or ("any" if getattr(values, "stop", False) else "")
