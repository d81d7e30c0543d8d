"""`python -m c2jy_tui`, for systems where the command is not on the PATH."""

import sys

from c2jy_tui.cli import main

sys.exit(main())
