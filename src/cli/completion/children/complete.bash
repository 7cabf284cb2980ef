# Prints what bash offers behind the words of a line, the last of which is being typed, a line each.
# Usage: bash --norc complete.bash SCRIPT WORD...
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_mneme
printf '%s\n' "${COMPREPLY[@]}"
