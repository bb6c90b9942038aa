"""The mail catcher of the compose file: our mailbox, open to the other containers (`python -m deploy.mailcatcher`)."""

import sys

from deploy.local.mailbox import __main__ as mailbox

if __name__ == "__main__":
    vars(mailbox)["HOST"] = "0.0.0.0"  # noqa: S104 (in a container; what is published is the compose file's choice)
    sys.exit(mailbox.main())
