# Sourced by the scripts beside this file, which set `root`, the repository's folder.
# Written for any POSIX shell, that of Git for Windows included.

refuse() {
    printf '%s\n' "$*" >&2
    exit 1
}

# What an environment is made from. It is ready when `.venv/stamp` holds the same bytes.
stamp() {
    cat "$root/requirements.lock" "$root/pyproject.toml" && printf '%s\n' "$root"
}

# Where an interpreter lies depends on the system that made the environment.
choose_python() {
    for python in "$root/.venv/bin/python" "$root/.venv/Scripts/python.exe"; do
        if [ -x "$python" ]; then return 0; fi
    done
    return 1
}

ready() {
    choose_python && stamp | cmp -s - "$root/.venv/stamp" 2>/dev/null
}

# Prints the interpreter that its argument stands for, outside any virtual environment. Status 3:
# not a 64-bit CPython of 3.11 or newer; 4: it has no venv; others: it does not run at all.
probe() {
    "$@" -I -X utf8 -c '
import sys
if sys.version_info < (3, 11) or sys.implementation.name != "cpython" or sys.maxsize < 2**32:
    sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(4)
print(sys._base_executable, end="")' </dev/null 2>/dev/null
}

# Sets `base` to an interpreter that can make the environment, the versions that the lock file is
# checked for first. A name on the PATH need not run (pyenv's shims, the Windows store's): try it.
find_base() {
    if [ -n "${LBDNN_PYTHON:-}" ]; then
        base=$(probe "$LBDNN_PYTHON") && return
        refuse "LBDNN_PYTHON=$LBDNN_PYTHON is not a 64-bit CPython 3.11 or newer with its venv and" \
            "ensurepip modules: name one, or unset LBDNN_PYTHON to let this script look for one."
    fi
    incomplete=
    for candidate in python3.13 python3.12 python3.11 python3.14 python3 python "py -3"; do
        # Unquoted, so that the launcher and its option are two words.
        # shellcheck disable=SC2086
        base=$(probe $candidate) && return
        if [ $? -eq 4 ]; then incomplete=${incomplete:-$candidate}; fi
    done
    if [ -n "$incomplete" ]; then
        refuse "$incomplete lacks the venv or ensurepip module that sets up .venv: install it" \
            "(on Debian and Ubuntu the package is python3-venv), or set LBDNN_PYTHON to another Python."
    fi
    refuse "No Python 3.11 or newer (64-bit CPython) runs from the PATH: install one from" \
        "python.org or your system's packages, or set LBDNN_PYTHON to one."
}

# Sets `python` to the interpreter of `.venv`, and makes that environment first where it is missing,
# half made, or made from other versions of the files that it depends on.
prepare() {
    if ready; then return; fi
    find_base
    stamp | "$base" -I -X utf8 "$root/scripts/make_environment.py" || exit
    choose_python || refuse "There is no interpreter in $root/.venv: delete that folder and try again."
}
