"""Operating system user of PostgreSQL, which refuses to run as root.

Under root it runs as a user without rights, and its files are given to that user.
"""

import hashlib
import os
import pwd
import shutil
import stat
from pathlib import Path

from deploy.local.processes import RunAs

USER_NAMES = ("postgres", "nobody")
FALLBACK_ID = 65534  # for systems without a user list: the id of `nobody` on Linux
ROOT_DATA_FOLDER = Path("/var/lib/redress")  # used if root's home folder is closed to other users


def find_unprivileged_user() -> RunAs | None:
    """Return the user to run PostgreSQL as; None if this process is not root and can run it as itself."""
    if os.geteuid() != 0:
        return None
    for name in USER_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(entry.pw_uid, entry.pw_gid)
    return RunAs(FALLBACK_ID, FALLBACK_ID)


def can_enter(path: Path, owner: RunAs | None) -> bool:
    """Return True if the user may pass through every folder down to `path`; missing folders are ignored."""
    if owner is None:
        return True
    whole = path.absolute()
    return all(_has_permission(folder, owner, stat.S_IXUSR) for folder in (whole, *whole.parents) if folder.exists())


def data_folder(home: Path, owner: RunAs | None) -> Path:
    """Folder for the server's data: `home`, or a folder of its own if the user cannot enter `home`."""
    if can_enter(home, owner):
        return home
    return ROOT_DATA_FOLDER / hashlib.sha256(str(home).encode()).hexdigest()[:12]


def ensure_readable_copy(package: Path, owner: RunAs | None, *, version: str, parent: Path = ROOT_DATA_FOLDER) -> Path:
    """Return the folder of PostgreSQL's programs: in the wheel's `package`, or in a copy that the user can read."""
    if can_enter(package / "pginstall" / "bin", owner):
        return package / "pginstall"
    copy = parent / f"postgresql-{version}"
    if not copy.exists():
        part = copy.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for folder in (
            package,
            package.with_name(f"{package.name}.libs"),
        ):  # the programs load libraries from the folder next to theirs
            if folder.exists():
                shutil.copytree(folder, part / folder.name, symlinks=True)
        part.rename(copy)
    return copy / package.name / "pginstall"


def change_owner(path: Path, owner: RunAs | None) -> None:
    """Make the user the owner of `path` and of everything in it."""
    if owner is None:
        return
    for entry in (path, *path.rglob("*")):
        os.chown(entry, owner.uid, owner.gid, follow_symlinks=False)


def _has_permission(path: Path, owner: RunAs, bit: int) -> bool:
    """Check a permission bit of the owner; the group's bit is 3 bits lower and the others' 6 bits lower."""
    status = path.stat()
    shift = 0 if status.st_uid == owner.uid else 3 if status.st_gid == owner.gid else 6
    return bool(status.st_mode & (bit >> shift))
