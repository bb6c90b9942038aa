"""PostgreSQL refuses to run as root: as root we run it under an account that has no rights, and give it its files."""

import hashlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from deploy.local.processes import RunAs

CANDIDATES = ("postgres", "nobody")
NUMERIC = 65534  # where there is no list of accounts: the number that owns nothing
OUTSIDE = Path("/var/lib/redress")  # for root, whose home folder other accounts may not enter


def unprivileged() -> RunAs | None:
    """The account to run as; None when we are not root and may run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(entry.pw_uid, entry.pw_gid)
    return RunAs(NUMERIC, NUMERIC)


def can_enter(path: Path, owner: RunAs | None) -> bool:
    """Whether the account may pass through every folder down to `path`; folders that do not exist yet do not count."""
    if owner is None:
        return True
    whole = path.absolute()
    return all(_may(folder, owner, stat.S_IXUSR) for folder in (whole, *whole.parents) if folder.exists())


def data_folder(home: Path, owner: RunAs | None) -> Path:
    """Where the server's data goes: inside `home`, unless the account cannot come there."""
    if can_enter(home, owner):
        return home
    return OUTSIDE / hashlib.sha256(str(home).encode()).hexdigest()[:12]


def readable_copy(package: Path, owner: RunAs | None, *, version: str, outside: Path = OUTSIDE) -> Path:
    """The folder of PostgreSQL's programs in the wheel's `package`, or in a copy that the account may read and run."""
    if can_enter(package / "pginstall" / "bin", owner):
        return package / "pginstall"
    copy = outside / f"postgresql-{version}"
    if not copy.exists():
        part = copy.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for folder in (package, package.with_name(f"{package.name}.libs")):  # the programs look for it beside them
            if folder.exists():
                shutil.copytree(folder, part / folder.name, symlinks=True)
        part.rename(copy)
    return copy / package.name / "pginstall"


def give(path: Path, owner: RunAs | None) -> None:
    """Make the account the owner of `path` and of all that is in it."""
    if owner is None:
        return
    for entry in (path, *path.rglob("*")):
        os.chown(entry, owner.uid, owner.gid, follow_symlinks=False)


def _may(path: Path, owner: RunAs, bit: int) -> bool:
    """`bit` is the owner's; the group's is 3 bits and the others' 6 bits lower."""
    facts = path.stat()
    shift = 0 if facts.st_uid == owner.uid else 3 if facts.st_gid == owner.gid else 6
    return bool(facts.st_mode & (bit >> shift))
