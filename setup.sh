#!/bin/sh
# Sets up the environment of a checkout without root: by uv where it is installed, else by a venv that installs uv into itself.
# Usage: setup.sh PYTHON VENV [options of uv sync]
set -eu
python=$1 venv=$2
shift 2

say() { echo "trustprobe: $*" >&2; }

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "$python is not Python 3.11 or newer. Install it (Debian 12: apt-get install python3 python3-venv), or: make PYTHON=/path/to/python3"
    exit 2
fi

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    if [ ! -x "$venv/bin/uv" ]; then
        if ! "$python" -m venv "$venv" 2>/dev/null; then
            rm -rf "$venv"
            say "neither uv nor venv is here. Install one: apt-get install python3-venv, or see docs.astral.sh/uv for uv without root."
            exit 2
        fi
        say "installing uv into $venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.9" || {
            say "pip could not install uv: is this machine online, or PIP_INDEX_URL set to your mirror?"
            exit 2
        }
    fi
    uv="$venv/bin/uv"
fi

say "installing the locked packages"
# --inexact keeps uv itself, which lives in the same environment; labs behind a proxy of their own trust the system's CAs.
UV_SYSTEM_CERTS=true UV_PROJECT_ENVIRONMENT=$venv "$uv" sync --quiet --locked --inexact --compile-bytecode --python "$python" "$@" || {
    say "uv could not install the packages: see its message above."
    exit 2
}
