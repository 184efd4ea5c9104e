import { inShell } from "../quoting";

/**
 * The script that Jibri runs at the end of a recording, its directory as argument: hands it over to the uploader, by
 * a rename within the volume: to the spool, or, where that takes nothing new, beside where it is, by its name's end. What fails is left where it is, told on stderr, and taken by the uploader once the Jibri
 * has ended. Needs JIBRI_INSTANCE_ID.
 * @param storage the volume's path in the Jibri's container
 */
export function finalizeScript(storage: string): string {
  return `#!/bin/sh
set -u
fail() {
  printf 'finalize: %s\\n' "$1" >&2
  exit 1
}

# A full volume has no directory left to give. A name in the same one needs nothing new.
in_place() {
  if [ ! -e "$session.finished" ] && mv -T -- "$session" "$session.finished"; then exit 0; fi
  fail "cannot make $spool; the recording stays in $session"
}

session=\${1:-}
session=\${session%/}
name=\${session##*/}
instance=\${JIBRI_INSTANCE_ID:-}
case $name in '' | . | ..) fail "no session: '$session'" ;; esac
case $instance in '' | . | .. | */*) fail "no JIBRI_INSTANCE_ID: '$instance'" ;; esac
[ -d "$session" ] && [ ! -L "$session" ] || fail "no directory: '$session'"

spool=${inShell(storage)}/spool/$instance
target=$spool/$name
number=1
failures=0
while :; do
  # The uploader removes the directory of an instance when it is empty: it may go in between.
  mkdir -p -- "$spool" || in_place
  # -T: never into a directory of that name.
  said=$(mv -T -- "$session" "$target" 2>&1) && exit 0
  if [ -e "$target" ] || [ -L "$target" ]; then
    number=$((number + 1))
    target=$spool/$name.$number
  else
    failures=$((failures + 1))
  fi
  [ "$failures" -lt 3 ] && [ "$number" -le 100 ] || { printf '%s\\n' "$said" >&2; in_place; }
done
`;
}
