# Functions for the scripts of this folder, which include this file. They run on Linux and macOS (bash 3.2).
# shellcheck shell=bash

# Prints the SHA-256 of a file. macOS has shasum instead of sha256sum.
sha256_of() {
  if command -v sha256sum >/dev/null; then
    sha256sum -- "$1" | cut -d ' ' -f 1
  else
    shasum -a 256 -- "$1" | cut -d ' ' -f 1
  fi
}

# Waits for an exclusive lock on the file and holds it until `unlock`, or until the script ends. macOS has no flock(1):
# Python locks the open file, and the lock belongs to the file that stays open here.
lock() {
  command -v python3 >/dev/null || { printf '%s: python3 is missing; install it\n' "$0" >&2; exit 1; }
  exec 9>"$1"
  python3 -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

unlock() { exec 9>&-; }
