"""`python -m glimpse` is the command `glimpse`."""

import sys

from glimpse.command_line import main

sys.exit(main())
