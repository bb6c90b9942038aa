"""`python -m deploy.local`: run the stack alone, without the sample complaints of the demo."""

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
    """Run the stack until Ctrl-C. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument(
        "--kafka", default=os.environ.get("REDRESS_KAFKA"), help="HOST:PORT of a Kafka that is running already"
    )
    parser.add_argument(
        "--postgres",
        default=os.environ.get("REDRESS_POSTGRES"),
        help="DSN of an admin role on a PostgreSQL that is running already",
    )
    parser.add_argument("--home", type=Path, default=None, help="default: REDRESS_HOME, or .redress here")
    parser.add_argument("--faults", action="store_true", help="let tests break the mailbox's SMTP side")
    options = parser.parse_args()
    try:
        ports = PortConfig.from_environment()
    except Misconfigured as error:
        sys.stderr.write(f"{error.detail}\n")
        return 2
    stack = Stack(
        options.home or home_folder(),
        kafka=options.kafka,
        postgres=options.postgres,
        ports=ports,
        faults=options.faults,
    )
    return run(stack, report=lambda sentence: print(sentence, flush=True))


if __name__ == "__main__":
    sys.exit(main())
