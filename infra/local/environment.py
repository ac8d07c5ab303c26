"""Make the developer's environment: .venv with the locked packages, the project, and other people's assets.

Runs under the system's Python (3.11 or later) with nothing but the standard library. uv installs when it can reach
its index; otherwise pip does, which reads the machine's own configuration. Safe to interrupt: the stamp
`.venv/.ready` is written last, and a half-made environment is made again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCAL = ROOT / "infra" / "local"
ASSETS = {
    "django_htmx/static/django_htmx/htmx-2.min.js": "layers/ris/python/ris/portal/static/vendor/htmx.min.js",
    "font_source_sans_pro/files/SourceSansPro-Regular.ttf": "layers/documents/fonts/SourceSansPro-Regular.ttf",
    "font_source_sans_pro/files/SourceSansPro-Bold.ttf": "layers/documents/fonts/SourceSansPro-Bold.ttf",
    "font_source_sans_pro/files/SourceSansPro-It.ttf": "layers/documents/fonts/SourceSansPro-It.ttf",
}


def main() -> None:
    """Create, install, copy the assets, stamp."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}. Name another one: make PYTHON=python3.12 …")
    say("making .venv (once)")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        venv.create(VENV, with_pip=True)
    except (subprocess.CalledProcessError, ImportError):
        sys.exit("this Python cannot make environments; on Debian: apt install python3-venv")
    installer = fastest_installer()
    run(*installer, "--require-hashes", "-r", str(LOCAL / "requirements.lock"))
    run(*installer, "--require-hashes", "--no-deps", "-r", str(LOCAL / "assets.lock"))
    run(*installer, "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    copy_assets()
    (VENV / ".ready").touch()
    say("ready")


def fastest_installer() -> list[str]:
    """Return uv's install command when uv can be had and reaches an index, else pip's."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if quiet(*pip, "uv==0.13.9"):
        uv = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON)]
        if quiet(*uv, "editables"):
            return uv
    return pip


def copy_assets() -> None:
    """Copy what other people made out of their packages to where the product reads it."""
    packages = next((VENV / "lib").glob("python*/site-packages"))
    for source, target in ASSETS.items():
        if not (packages / source).is_file():
            sys.exit(f"the locked packages hold no {source}")
        (ROOT / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(packages / source, ROOT / target)


def run(*command: str) -> None:
    """Run one installation step; stop with its own words when it fails."""
    say(" ".join(Path(word).name if os.sep in word else word for word in command))
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}")


def quiet(*command: str) -> bool:
    """Tell whether a command succeeded, without its words."""
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 0


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"[environment] {text}", flush=True)


if __name__ == "__main__":
    main()
