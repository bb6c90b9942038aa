"""`redress doctor`: check this machine and the servers for everything that Redress needs."""

from deploy.cli.doctor.command import doctor

__all__ = ["doctor"]
