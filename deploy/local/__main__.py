"""`python -m deploy.local`: the stack alone, without the demo's complaints."""

import argparse
import os
import sys
from pathlib import Path

from deploy.local.data_dir import home_folder
from deploy.local.port_config import PortConfig
from deploy.local.run import run
from deploy.local.stack import Stack
from shared.errors import Misconfigured


def main() -> int:
    """Up until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--kafka", default=os.environ.get("REDRESS_KAFKA"), help="HOST:PORT of a Kafka you have")
    parser.add_argument("--postgres", default=os.environ.get("REDRESS_POSTGRES"), help="DSN of an admin role you have")
    parser.add_argument("--home", type=Path, default=None, help="default: REDRESS_HOME, or .redress here")
    parser.add_argument("--faults", action="store_true", help="let tests break the mailbox's SMTP side")
    given = parser.parse_args()
    try:
        places = PortConfig.from_environment()
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    stack = Stack(
        given.home or home_folder(), kafka=given.kafka, postgres=given.postgres, places=places, faults=given.faults
    )
    return run(stack, tell=lambda sentence: print(sentence, flush=True))


if __name__ == "__main__":
    sys.exit(main())
