"""Take the picture of the evaluation page for the README: docs/evaluation.png, by Chromium, of
reports/evaluation.html.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = ROOT / "reports" / "evaluation.html", ROOT / "docs" / "evaluation.png"
SIZE = {"width": 900, "height": 840}
MAX_BYTES = 150_000


def main() -> None:
    """Write the picture; exits with a sentence where there is no browser, or it is too large."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(PAGE.as_uri())
        picture = page.screenshot()
        browser.close()
    if len(picture) > MAX_BYTES:
        sys.exit(f"the picture has {len(picture):,} bytes, must have {MAX_BYTES:,} at most")
    PICTURE.write_bytes(picture)


if __name__ == "__main__":
    main()
