"""`python -m glimpse` is the command `glimpse`."""

import sys

from glimpse.cli.command_line import main

sys.exit(main())
