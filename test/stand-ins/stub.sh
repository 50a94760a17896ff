#!/bin/bash
# The one script behind kubectl, kubefed and helm in the tests: it hands the call to the World and prints its answer.
# Only builtins, so that a call costs one bash and nothing else; the World (world.ts) holds every bit of behaviour.
LC_ALL=C
{ exec 3<>"/dev/tcp/127.0.0.1/${STAND_INS_PORT:-1}"; } 2>/dev/null || {
  printf '%s\n' "${0##*/}: no World answers at port ${STAND_INS_PORT:-(STAND_INS_PORT is not set)}" >&2
  exit 97
}
from_stdin=0
for word; do
  case $word in
  - | -f- | -f=- | -p- | --filename=- | --values=- | --patch-file=-) from_stdin=1 ;;
  --) break ;;
  esac
done
data=
if ((from_stdin)); then
  # -N reads in blocks; reading to a delimiter would cost one system call a byte.
  while IFS= read -r -N 65536 part || [[ $part ]]; do data+=$part; done
fi
printf '%s\0' "${0##*/}" "$$" "$PWD" "${KUBECONFIG-}" "${HOME-}" "${HELM_HOME-}" "$data" "$#" "$@" >&3
# The answer: exit code, length of stdout, length of stderr (3, 10 and 10 digits), then both texts. Where `...` stands for
# the exit code, the program goes on and another answer follows.
code=...
while [[ $code == ... ]]; do
  if ! IFS= read -r -N 26 head <&3; then
    printf '%s\n' "${0##*/}: the World cut this call" >&2
    exit 98
  fi
  code=${head:0:3} out=${head:4:10} err=${head:15:10}
  if ((10#$out)); then
    IFS= read -r -N "$((10#$out))" body <&3
    printf '%s' "$body"
  fi
  if ((10#$err)); then
    IFS= read -r -N "$((10#$err))" body <&3
    printf '%s' "$body" >&2
  fi
done
exit "$((10#$code))"
