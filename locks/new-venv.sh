#!/bin/sh
# Makes the environment by the Python that is named, or says in one sentence why not and what to do.
#
#   sh locks/new-venv.sh make PYTHON FOLDER [named]    make it, unless it is there and works
#   sh locks/new-venv.sh fits PYTHON FOLDER            whether it was made by that Python
#
# `named`: the user asked for this Python, so an environment of another one is made anew.
set -u
need='Python 3.11 or newer'
name_one='name one (make install PYTHON=/path/to/python3)'
ask='import os, sys; print("python", "new" if sys.version_info >= (3, 11) else "old", ".".join(map(str, sys.version_info[:3])), os.path.realpath(sys.executable))'

stop() {
    echo "sitewarden: $1" >&2
    exit 1
}

asked() { # what the Python says of itself; else why it can't
    [ -n "$1" ] || stop "PYTHON is empty: leave it out, or $name_one"
    command -v "$1" >/dev/null 2>&1 || stop "$1 is not here: install $need, or $name_one"
    said=$("$1" -c "$ask" 2>&1 </dev/null)
    case $said in
        "python new "*) echo "${said#python new }" ;;
        "python old "*)
            said=${said#python old }
            stop "$1 is too old (${said%% *}): Sitewarden needs $need: $name_one"
            ;;
        "") stop "$1 is no Python (it said nothing when asked for its version): install $need, or $name_one" ;;
        *) stop "$1 does not run as a Python ($(echo "$said" | head -n 1 | cut -c 1-100)): install $need, or $name_one" ;;
    esac
}

works() {
    "$1/bin/python" -c 'import pip' >/dev/null 2>&1
}

fits() { # whether the folder works and was made by that Python
    works "$2" && [ "$(asked "$1" 2>/dev/null)" = "$(asked "$2/bin/python" 2>/dev/null)" ]
}

python=$2
folder=$3
case $1 in
    fits)
        fits "$python" "$folder"
        ;;
    make)
        if [ "${4:-}" != named ] && works "$folder"; then
            exit 0
        fi
        asked "$python" >/dev/null || exit 1
        if fits "$python" "$folder"; then
            exit 0
        fi
        if ! said=$("$python" -m venv --clear "$folder" 2>&1); then
            rm -rf "$folder"
            stop "$python can't make an environment ($(echo "$said" | grep -v '^$' | head -n 1)): on Debian install python3-venv, or $name_one"
        fi
        ;;
esac
