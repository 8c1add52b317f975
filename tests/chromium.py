"""Chromium for the tests: the machine's own, or Debian's, installed where this runs as root on Debian."""

import os
import shutil
import subprocess
from pathlib import Path

FLAGS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


class LeftOutError(Exception):
    """There is no browser; the message says why."""


def find() -> str:
    """The browser's path.

    Raises:
        LeftOutError: There is none, and none can be installed.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is not None:
        return found
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        raise LeftOutError("there is no chromium, and installing it needs root on Debian")
    print("installing Debian's chromium and a Chinese font, once", flush=True)
    try:
        for step in (["update"], ["install", "--yes", "chromium", "fonts-wqy-microhei"]):
            subprocess.run(["apt-get", *step], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LeftOutError(f"apt-get could not install chromium: {error}") from error
    return shutil.which("chromium") or "chromium"
