"""apt-get without root: download from the machine's own sources, and unpack into our folders."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from rawm import files
from rawm.errors import UserError

_FALLBACK_SUITE = "bookworm"
_KEYRINGS = Path("/usr/share/keyrings")  # where Debian keeps the keys of its archive
#: Parts of every system; programs that load other versions than the machine's own would break.
_SYSTEM = {"libc6", "libc-bin", "libc-l10n", "locales", "libgcc-s1", "gcc-12-base", "libstdc++6", "dpkg", "perl-base"}
_WAIT_S = 40  # for lists or look-ups; a download may take longer


def no_network(reason: str) -> UserError:
    """The error on machines that cannot build open speech."""
    return UserError(
        f"the open-speech corpora cannot be fetched here ({reason}); run the study that needs no network: "
        "`snakemake --cores N --config study=synthetic`"
    )


class Apt:
    """apt-get with its own state below `folder`.

    Raises:
        UserError: the machine has no apt-get.
    """

    def __init__(self, folder: Path, options: tuple[str, ...] = ()):
        missing = [program for program in ("apt-get", "apt-cache", "dpkg-deb") if not shutil.which(program)]
        if missing:
            raise no_network(f"this machine has no {missing[0]}")
        self.folder = folder.resolve()
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        state = {"Dir::State::Lists": self.folder / "lists", "Dir::Cache": self.folder / "cache"}
        quick = {f"Acquire::{scheme}::Timeout": 8 for scheme in ("http", "https", "ftp")} | {"Acquire::Retries": 1}
        settings = state | quick | {"APT::Sandbox::User": "", "Debug::NoLocking": 1, "Acquire::Languages": "none"}
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")] + list(options)

    def update(self) -> None:
        """Fetch the package lists; the packages of a list that fails are not available.

        Raises:
            UserError: no list could be fetched.
        """
        self._run(["apt-get", "-q", *self.options, "update"], _WAIT_S)
        if not any(path.is_file() and path.name != "lock" for path in (self.folder / "lists").iterdir()):
            raise no_network("no package list could be fetched; is there a network?")

    def versions(self, packages: list[str]) -> dict[str, str]:
        """Return package -> version, of the packages that are available."""
        versions = {}
        for package in packages:
            shown = self._run(["apt-cache", *self.options, "show", "--no-all-versions", package], _WAIT_S)
            if version := re.search(r"^Version: (\S+)$", shown.stdout, re.MULTILINE):
                versions[package] = version[1]
        return versions

    def missing_libraries(self, packages: list[str]) -> list[str]:
        """List the libraries that installing `packages` would add to this machine; nothing is installed."""
        simulated = self._run(
            ["apt-get", "-q", *self.options, "install", "--simulate", "--no-install-recommends", *packages], _WAIT_S
        )
        added = set(re.findall(r"^Inst (\S+)", simulated.stdout, re.MULTILINE))
        return sorted(name for name in added - set(packages) - _SYSTEM if name.startswith("lib"))

    def unpack(self, packages: list[str], into: Path) -> None:
        """Download `packages` and unpack each to `into/<package>`, completely or not at all.

        Raises:
            UserError: a download failed.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            download = self._run(["apt-get", "-q", *self.options, "download", *packages], 900, cwd=folder)
            for deb in sorted(Path(folder).glob("*.deb")):
                package = deb.name.split("_")[0]
                target = Path(folder) / "unpacked" / package
                target.mkdir(parents=True)
                subprocess.run(["dpkg-deb", "-x", str(deb), str(target)], check=True, capture_output=True)
                shutil.rmtree(into / package, ignore_errors=True)
                target.replace(into / package)
        if left := [package for package in packages if not (into / package).is_dir()]:
            raise no_network(f"the download of {', '.join(left)} failed: {_last_error(download)}")

    def bookworm(self) -> "Apt | None":
        """Return apt on the bookworm suite of the machine's Debian mirror; None if it has no such mirror."""
        shown = self._run(["apt-get", *self.options, "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"], _WAIT_S)
        sources = [line.partition(" ")[::2] for line in shown.stdout.splitlines()]
        mirrors = [address for origin, address in sources if origin == "Debian" and "security" not in address]
        mirror = next(iter(mirrors), None)
        if mirror is None:
            return None
        keyring = next(iter(sorted(_KEYRINGS.glob("debian-archive-keyring.*g*"))), None)
        signed = "" if keyring is None else f"[signed-by={keyring}] "
        source_list = self.folder / "bookworm.list"
        files.write_text(source_list, f"deb {signed}{mirror} {_FALLBACK_SUITE} main\n")
        options = ("-o", f"Dir::Etc::SourceList={source_list}", "-o", "Dir::Etc::SourceParts=/dev/null")
        return Apt(self.folder / "bookworm", options)

    def _run(self, command: list[str], wait_s: float, cwd: str | None = None) -> subprocess.CompletedProcess:
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=wait_s, cwd=cwd, errors="replace")
        except subprocess.TimeoutExpired:
            raise no_network(f"{command[0]} did not answer in {wait_s:g} s; is there a network?") from None


def _last_error(process: subprocess.CompletedProcess) -> str:
    lines = [line for line in process.stderr.splitlines() if line.startswith("E:")]
    return lines[0].removeprefix("E: ") if lines else "no message"
