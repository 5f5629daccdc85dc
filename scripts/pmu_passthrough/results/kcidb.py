# SPDX-License-Identifier: GPL-2.0-only
"""KCIDB 5.3. Known defects are failures that an incident ties to an issue."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..base.place import text_of
from .model import CaseResult, Results
from .names import slug

_STATUS = {
    "conforms": "PASS",
    "known": "FAIL",
    "violates": "FAIL",
    "undecided": "ERROR",
    "broken": "ERROR",
    "skip": "SKIP",
}
# Of an excerpt of a log, the most that KCIDB takes.
_EXCERPT = 16384


# What is beside a results.json, and is worth a look.
_LOG = "results.ktap"
_FILES = (_LOG, "console.log", "kernel.log", "config", "results.json")
_CONFIG_NAME = "pmu_passthrough"
_BUILT_HERE = ("plain", "reference", "debug")


def _compiler(config: str) -> str:
    """What a kernel's configuration says it was compiled with."""
    found = re.search(r'^CONFIG_CC_VERSION_TEXT="(.*)"$', config, re.MULTILINE)
    return found.group(1) if found else ""


def _built(version: str) -> str:
    """When, of what uname(2) calls a kernel's version; "" if it does not say."""
    found = re.search(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d+) ([\d:]{8}) UTC (\d{4})$", version)
    if not found:
        return ""
    try:
        then = datetime.strptime(" ".join(found.groups()), "%b %d %H:%M:%S %Y")
    except ValueError:
        return ""
    return then.replace(tzinfo=timezone.utc).isoformat()


def _moment(said: Any) -> str:
    """A moment as "started" has it; "" if it is none."""
    try:
        then = datetime.fromisoformat(str(said))
    except ValueError:
        return ""
    return then.isoformat() if then.tzinfo else ""


def _known(**values: Any) -> dict[str, Any]:
    """What is known of these: KCIDB takes no empty words for what is not."""
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True)
class Source:
    """Of the kernel that was tested, what is known: the COMMIT it was built of, the TREE's
    name and the URL of its REPOSITORY."""

    commit: str = ""
    tree: str = ""
    repository: str = ""


@dataclass(frozen=True)
class Run:
    """A result that is submitted.

    key -- a word for it that no other has
    results -- what is in its results.json
    config -- of its kernel
    files -- the names of what is beside it
    url -- where those can be had, "" if nowhere
    """

    key: str
    results: Results
    config: str = ""
    files: tuple[str, ...] = ()
    url: str = ""

    def url_of(self, name: str) -> str:
        return f"{self.url}/{name}" if self.url and name in self.files else ""

    @classmethod
    def of(cls, key: str, results: Results, folder: Path, url: str) -> "Run":
        """Of the FOLDER with its results.json."""
        files = tuple(name for name in _FILES if (folder / name).is_file())
        return cls(key, results, text_of(folder / "config"), files, url)


@dataclass(frozen=True)
class Submission:
    """Who submits what: ORIGIN and CHECKOUT as KernelCI granted and numbered them, SUITE
    the suite's commit, SOURCE the kernel's."""

    origin: str
    checkout: str
    suite: str
    source: Source = Source()

    def _id(self, what: str) -> str:
        return f"{self.origin}:pmu_passthrough-{what}"

    @property
    def _checkout_id(self) -> str:
        return f"{self.origin}:{self.checkout}"

    def _checkouts(self) -> list[dict[str, Any]]:
        known = _known(
            git_commit_hash=self.source.commit,
            tree_name=self.source.tree,
            git_repository_url=self.source.repository,
        )
        return [{"id": self._checkout_id, "origin": self.origin} | known]

    def _build(self, run: Run) -> dict[str, Any]:
        facts = run.results.facts
        build = {
            "id": self._id(f"build-{run.key}"),
            "origin": self.origin,
            "checkout_id": self._checkout_id,
            "architecture": "x86_64",
            "status": "PASS",
            "misc": _known(
                kernel=run.results.context.get("kernel_image"),
                variant=run.results.context["kernel"],
                release=facts.get("release"),
                fault=run.results.fault,
            ),
        }
        return build | _known(
            config_name=_CONFIG_NAME if run.results.context["kernel"] in _BUILT_HERE else "",
            start_time=_built(facts.get("version", "")),
            compiler=_compiler(run.config),
            config_url=run.url_of("config"),
        )

    def _test_id(self, key: str, case: CaseResult) -> str:
        return self._id(f"{key}-{slug(case.program)}.{slug(case.case)}")

    @staticmethod
    def _environment(run: Results) -> dict[str, Any]:
        facts = run.facts
        about = _known(
            platform=run.machine,
            emulator=run.context.get("emulator"),
            cpu_model=facts.get("cpu_model"),
            cpu_microcode=facts.get("cpu_microcode"),
            pmu=" ".join(
                facts[name]
                for name in ("pmu_vendor", "pmu_version", "pmu_counters")
                if facts.get(name)
            ),
            cmdline=facts.get("cmdline", "").strip(),
        )
        return {"comment": f"{run.machine}, {run.context['cpus']} CPUs", "misc": about}

    def _test(self, of: Run, case: CaseResult) -> dict[str, Any]:
        run = of.results
        path = f"{slug(run.contract)}.{slug(case.program)}.{slug(case.case)}"
        about: dict[str, Any] = {"rules": case.rules, "outcome": case.outcome}
        about |= {"contract": run.contract, "suite": self.suite}
        if case.reason:
            about["reason"] = case.reason
        # The log has a member of its own.
        names = [name for name in of.files if of.url and name != _LOG]
        files = [{"name": name, "url": of.url_of(name)} for name in names]
        test = {
            "id": self._test_id(of.key, case),
            "origin": self.origin,
            "build_id": self._id(f"build-{of.key}"),
            "path": f"kselftest.pmu_passthrough.{path}",
            "status": _STATUS[case.outcome],
            "environment": self._environment(run),
            "misc": about,
        } | _known(
            start_time=_moment(run.context.get("started")),
            duration=case.seconds,
            log_url=of.url_of(_LOG),
            output_files=files,
        )
        if case.outcome not in ("conforms", "skip"):
            test["log_excerpt"] = "\n".join(case.said)[:_EXCERPT]
        return test

    def _issue_id(self, case: CaseResult) -> str:
        return self._id(slug(case.defect))

    def _issue(self, case: CaseResult) -> dict[str, Any]:
        return {
            "id": self._issue_id(case),
            "version": 1,
            "origin": self.origin,
            "comment": case.headline(),
            "culprit": {"code": True},
        }

    def _incident(self, key: str, case: CaseResult) -> dict[str, Any]:
        return {
            "id": f"{self._test_id(key, case)}-known",
            "origin": self.origin,
            "issue_id": self._issue_id(case),
            "issue_version": 1,
            "test_id": self._test_id(key, case),
            "present": True,
        }

    def report(self, runs: list[Run]) -> str:
        each = [(run, case) for run in runs for case in run.results.cases]
        known = [(run.key, case) for run, case in each if case.outcome == "known"]
        issues: dict[str, dict[str, Any]] = {}
        for _, case in known:
            issues.setdefault(self._issue_id(case), self._issue(case))
        value = {
            "version": {"major": 5, "minor": 3},
            "checkouts": self._checkouts(),
            "builds": [self._build(run) for run in runs],
            "tests": [self._test(run, case) for run, case in each],
            "issues": [issues[name] for name in sorted(issues)],
            "incidents": [self._incident(key, case) for key, case in known],
        }
        return json.dumps(value, indent=2, ensure_ascii=False).replace("\x7f", "\\u007f") + "\n"
