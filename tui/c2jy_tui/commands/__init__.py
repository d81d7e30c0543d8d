"""One module per subcommand: arguments in, exit status out. Each is imported only when it runs."""

from c2jy_bridge.core.i18n import catalogue
from c2jy_tui.labels import LOCALE

say = catalogue("cli", LOCALE)
