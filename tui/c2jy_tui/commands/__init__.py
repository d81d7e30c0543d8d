"""One module a subcommand: arguments in, an exit status out. Nothing here is imported before it is needed."""

from c2jy_bridge.core.i18n import catalogue
from c2jy_tui.labels import LOCALE

say = catalogue("cli", LOCALE)
