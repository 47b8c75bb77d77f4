"""apt-get without root: lists, downloads and unpacks into folders of ours, from the machine's own sources."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from rawm import files
from rawm.errors import UserError

_FALLBACK_SUITE = "bookworm"
_KEYRINGS = Path("/usr/share/keyrings")  # where Debian keeps the keys of its archive
#: parts of every system; unpacking others than the machine's own would break the programs that load them
_SYSTEM = {"libc6", "libc-bin", "libc-l10n", "locales", "libgcc-s1", "gcc-12-base", "libstdc++6", "dpkg", "perl-base"}
_WAIT_S = 40  # for lists or look-ups; a download may take longer


def no_network(reason: str) -> UserError:
    """The sentence for machines that cannot build open speech."""
    return UserError(
        f"the open-speech corpora cannot be fetched here ({reason}); run the study that needs no network: "
        "`snakemake --cores N --config study=synthetic`"
    )


class Apt:
    """apt-get with its own state below `folder`."""

    def __init__(self, folder: Path, options: tuple[str, ...] = ()):
        missing = [program for program in ("apt-get", "apt-cache", "dpkg-deb") if not shutil.which(program)]
        if missing:
            raise no_network(f"this machine has no {missing[0]}")
        self.folder = folder.resolve()
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        state = {"Dir::State::Lists": self.folder / "lists", "Dir::Cache": self.folder / "cache"}
        quick = {f"Acquire::{scheme}::Timeout": 8 for scheme in ("http", "https", "ftp")} | {"Acquire::Retries": 1}
        given = state | quick | {"APT::Sandbox::User": "", "Debug::NoLocking": 1, "Acquire::Languages": "none"}
        self.options = [word for key, value in given.items() for word in ("-o", f"{key}={value}")] + list(options)

    def update(self) -> None:
        """Fetch the package lists; a list that fails shows as packages that are not available.

        Raises:
            UserError: there is no list at all.
        """
        self._run(["apt-get", "-q", *self.options, "update"], _WAIT_S)
        if not any(path.is_file() and path.name != "lock" for path in (self.folder / "lists").iterdir()):
            raise no_network("no package list could be fetched; is there a network?")

    def versions(self, packages: list[str]) -> dict[str, str]:
        """The available version of each package that is available."""
        found = {}
        for package in packages:
            shown = self._run(["apt-cache", *self.options, "show", "--no-all-versions", package], _WAIT_S)
            if version := re.search(r"^Version: (\S+)$", shown.stdout, re.MULTILINE):
                found[package] = version[1]
        return found

    def missing_libraries(self, packages: list[str]) -> list[str]:
        """Libraries that installing `packages` would add to this machine; nothing is installed."""
        simulated = self._run(
            ["apt-get", "-q", *self.options, "install", "--simulate", "--no-install-recommends", *packages], _WAIT_S
        )
        added = set(re.findall(r"^Inst (\S+)", simulated.stdout, re.MULTILINE))
        return sorted(name for name in added - set(packages) - _SYSTEM if name.startswith("lib"))

    def unpack(self, packages: list[str], into: Path) -> None:
        """Download `packages` and unpack each to `into/<package>`, whole or not at all.

        Raises:
            UserError: a download failed.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            done = self._run(["apt-get", "-q", *self.options, "download", *packages], 900, cwd=folder)
            for deb in sorted(Path(folder).glob("*.deb")):
                package = deb.name.split("_")[0]
                target = Path(folder) / "unpacked" / package
                target.mkdir(parents=True)
                subprocess.run(["dpkg-deb", "-x", str(deb), str(target)], check=True, capture_output=True)
                shutil.rmtree(into / package, ignore_errors=True)
                target.replace(into / package)
        if left := [package for package in packages if not (into / package).is_dir()]:
            raise no_network(f"the download of {', '.join(left)} failed: {_last_error(done)}")

    def bookworm(self) -> "Apt | None":
        """Apt on the bookworm suite of the machine's own Debian mirror; None where the machine has no such mirror."""
        shown = self._run(["apt-get", *self.options, "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"], _WAIT_S)
        places = [line.partition(" ")[::2] for line in shown.stdout.splitlines()]
        mirror = next((place for origin, place in places if origin == "Debian" and "security" not in place), None)
        if mirror is None:
            return None
        keyring = next(iter(sorted(_KEYRINGS.glob("debian-archive-keyring.*g*"))), None)
        signed = f"[signed-by={keyring}] " if keyring else ""
        sources = self.folder / "bookworm.list"
        files.write_text(sources, f"deb {signed}{mirror} {_FALLBACK_SUITE} main\n")
        options = ("-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null")
        return Apt(self.folder / "bookworm", options)

    def _run(self, command: list[str], wait_s: float, cwd: str | None = None) -> subprocess.CompletedProcess:
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=wait_s, cwd=cwd, errors="replace")
        except subprocess.TimeoutExpired:
            raise no_network(f"{command[0]} did not answer in {wait_s:g} s; is there a network?") from None


def _last_error(done: subprocess.CompletedProcess) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    return lines[0].removeprefix("E: ") if lines else "no message"
