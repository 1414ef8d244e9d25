"""Checks of the machine: Python, packages, threads, OpenMP, device, disk."""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from soyoil.base.errors import ConfigError
from soyoil.models.backends.machines import available_cores, may_have_accelerator
from soyoil.models.config import FitConfig
from soyoil.upkeep.finding import Finding, State

PACKAGE: Final = "soyoil"
CONSTRAINTS: Final = "constraints.txt"
INSTALL: Final = f"pip install -c {CONSTRAINTS} -e ."
SHOWN: Final = 4
DEVICE_TIMEOUT_S: Final = 180.0
FULL_BYTES: Final = 2**30
"""Free space below which a run may well fail."""
TIGHT_BYTES: Final = 5 * 2**30
"""Free space below which it is told of."""

_PIN: Final = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;]+)")
_RUNTIME: Final = re.compile(r"^lib(?:[giv]?omp|iomp5)[-.\d\w]*\.(?:so|dylib)", re.IGNORECASE)
_ENGINES: Final = ("lightgbm", "xgboost", "torch")
_BREWED: Final = tuple(
    Path(prefix) / "opt/libomp/lib/libomp.dylib" for prefix in ("/opt/homebrew", "/usr/local")
)
_DUPLICATES: Final = "KMP_DUPLICATE_LIB_OK"
_PROBE: Final = (
    "import sys; from soyoil.upkeep.device_probe import device_report as report; "
    "print(report(sys.argv[1]))"
)


def python_finding() -> Finding:
    """Whether this Python is one that soyoil is made for."""
    from packaging.specifiers import SpecifierSet

    wanted = importlib.metadata.metadata(PACKAGE)["Requires-Python"] or ""
    version = platform.python_version()
    said = f"{version} ({sys.executable})"
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        return Finding("Python", "fail", said, f"Use a Python {wanted}.")
    return Finding("Python", "ok", said)


def _needed() -> Iterator[Any]:
    """Requirements of the installed package that hold on this machine, extras left out."""
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires(PACKAGE) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def pins_of(path: Path) -> dict[str, str]:
    """Versions by name of a file of constraints; empty if there is none."""
    if not path.is_file():
        return {}
    found = (_PIN.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {match[1]: match[2] for match in found if match}


def package_findings(root: Path) -> Iterator[Finding]:
    """Whether what soyoil needs is installed, in the versions that were tested together.

    Parameters
    ----------
    root
        Root of the project: a checkout holds the tested versions, else the ranges count that the
        package itself asks for.
    """
    broken = []
    for requirement in _needed():
        version = _installed(requirement.name)
        if version is None:
            broken.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(version, prereleases=True):
            broken.append(f"{requirement.name} {version}, needed {requirement.specifier}")
    if broken:
        yield Finding("packages", "fail", _some(broken), f"Run: {INSTALL}")
        return
    pins = pins_of(root / CONSTRAINTS)
    other = [
        f"{name} {version} (tested {pins[name]})"
        for name, version in ((name, _installed(name)) for name in pins)
        if version not in (None, pins[name])
    ]
    if other:
        yield Finding("packages", "warn", _some(other), f"For the tested set: {INSTALL}")
    elif pins:
        yield Finding("packages", "ok", f"as {CONSTRAINTS} pins them")
    else:
        yield Finding("packages", "ok", "within the ranges that soyoil asks for")


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def thread_findings(fit: FitConfig | None, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether workers and threads fit the cores.

    Parameters
    ----------
    fit
        Parameters; None where they cannot be read.
    environment
        Environment variables.
    """
    cores = available_cores()
    given = environment.get("OMP_NUM_THREADS", "")
    if given and not given.split(",")[0].strip().isdigit():
        yield Finding(
            "threads", "warn", f"OMP_NUM_THREADS={given} is no number", "Unset OMP_NUM_THREADS."
        )
    elif given and int(given.split(",")[0]) > cores:
        said = f"OMP_NUM_THREADS={given}, but {cores} cores"
        yield Finding("threads", "warn", said, f"Set it to at most {cores}, or unset it.")
    if fit is None:
        yield Finding("threads", "ok", f"{cores} cores")
        return
    try:
        workers = fit.worker_count()
    except ConfigError as error:
        yield Finding("threads", "fail", str(error), "Set fit.workers=0.")
        return
    said = f"{workers} workers x {fit.threads} threads on {cores} cores"
    yield Finding("threads", "ok", said)


def loaded_libraries() -> set[str]:
    """Paths of the shared libraries of this process, as far as the system tells them."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        return {line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if "/" in line}
    if sys.platform != "darwin":
        return set()
    system: Any = ctypes.CDLL(None)
    system._dyld_get_image_name.restype = ctypes.c_char_p
    names = (system._dyld_get_image_name(i) for i in range(system._dyld_image_count()))
    return {os.fsdecode(name) for name in names if name}


def shipped_runtimes() -> dict[str, list[str]]:
    """File names of the OpenMP runtimes that engines bring, by engine; none is loaded."""
    found: dict[str, list[str]] = {}
    for name in _ENGINES:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            continue
        folder = Path(spec.origin).parent
        # What a wheel brings lies beside it, under the distribution's name: xgboost_cpu.libs.
        beside = folder.parent.glob(f"{name}*.libs")
        places = (folder / "lib", folder / ".dylibs", *beside)
        found[name] = sorted({p.name for place in places for p in runtimes(_files(place))})
    return found


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def runtimes(paths: Iterable[Path]) -> list[Path]:
    """Those of some libraries that are OpenMP runtimes."""
    return [path for path in paths if _RUNTIME.match(path.name)]


def openmp_findings(
    system: str,
    loaded: Iterable[str],
    shipped: Mapping[str, Sequence[str]],
    *,
    brewed: bool,
    environment: Mapping[str, str],
) -> Iterator[Finding]:
    """Whether two OpenMP runtimes meet, or the one that LightGBM needs is missing.

    Two in one process crash or hang. Each engine is fitted in processes of its own, so that two
    on the disk do no harm.

    Parameters
    ----------
    system
        As `platform.system` names it.
    loaded
        Libraries of this process.
    shipped
        Runtimes by engine.
    brewed
        Whether Homebrew's libomp is there.
    environment
        Environment variables.
    """
    together = sorted({str(p) for p in runtimes(map(Path, loaded))})
    if len(together) > 1:
        yield Finding(
            "OpenMP",
            "warn",
            f"two runtimes in one process: {', '.join(together)}",
            "Import one engine only in a process or notebook of your own.",
        )
    if environment.get(_DUPLICATES):
        said = f"{_DUPLICATES} is set, which hides a clash that gives wrong numbers"
        yield Finding("OpenMP", "warn", said, f"Unset {_DUPLICATES}.")
    if system == "Darwin" and "lightgbm" in shipped and not shipped["lightgbm"] and not brewed:
        said = "LightGBM needs libomp, which is not installed"
        yield Finding("OpenMP", "fail", said, "Run: brew install libomp")
        return
    names = ", ".join(f"{name}: {' '.join(own)}" for name, own in shipped.items() if own)
    said = f"{names or 'the runtime of the system'}; each engine has its own process"
    yield Finding("OpenMP", "ok", said)


def openmp_here() -> list[Finding]:
    """`openmp_findings` of this machine."""
    return list(
        openmp_findings(
            platform.system(),
            loaded_libraries(),
            shipped_runtimes(),
            brewed=any(path.exists() for path in _BREWED),
            environment=os.environ,
        )
    )


def device_finding(requested: str, *, check: bool) -> Finding:
    """Where a network would be fitted.

    Parameters
    ----------
    requested
        ``tft.device``.
    check
        Whether torch computes a small step there, in a process of its own: a driver may end it.
    """
    if find_spec("torch") is None:
        return Finding("device", "fail", "torch is not installed", f"Run: {INSTALL}")
    if not check:
        likely = "an accelerator may be there" if may_have_accelerator() else "no accelerator seen"
        said = f"tft.device={requested}; {likely}; not checked"
        return Finding("device", "ok", said, "kedro doctor --device computes a step on it.")
    command = [sys.executable, "-c", _PROBE, requested]
    return checked_device(requested, command)


def checked_device(requested: str, command: Sequence[str]) -> Finding:
    """What a process that checks a device said, however it ended."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DEVICE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        said = f"the check did not end within {DEVICE_TIMEOUT_S:g} s"
        return Finding("device", "fail", said, "Set tft.device=cpu, and look at the driver.")
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        how = (
            f"the check was ended by {_signal_name(-done.returncode)}"
            if done.returncode < 0
            else (lines or ["the check failed without a word"])[-1]
        )
        return Finding("device", "fail", how, "Set tft.device=cpu, and look at the driver.")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    said = f"torch {found['torch']} on {found['name']}: {found['reason']}"
    passed_over = found["name"] == "cpu" and any(w in said for w in ("differs", "raised"))
    state: State = "warn" if passed_over else "ok"
    remedy = "Networks run on the CPU; update torch or the driver." if passed_over else ""
    return Finding("device", state, said, remedy)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def disk_findings(folders: Sequence[Path]) -> Iterator[Finding]:
    """Free space where runs write.

    Parameters
    ----------
    folders
        They, or the nearest folder above that is there, are looked at; the temporary one as well.
    """
    seen: set[int] = set()
    for folder in (*folders, Path(tempfile.gettempdir())):
        place = next(p for p in (folder, *folder.parents) if p.exists())
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(place).free
        state: State = "fail" if free < FULL_BYTES else "warn" if free < TIGHT_BYTES else "ok"
        remedy = "" if state == "ok" else "Make room; kedro clean shows what can go."
        yield Finding("disk", state, f"{free / 2**30:,.1f} GiB free at {place}", remedy)
