"""`redress doctor`: what would keep Redress from working here, in plain sentences."""

from deploy.cli.doctor.command import doctor

__all__ = ["doctor"]
