"""A browser of this machine."""

import shutil

#: Chromium or Chrome; None where there is none.
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
