import { PULL } from "./docker";
import { SIGN_IN } from "./registries";

/**
 * A bundle's own script, run by the machine's program (userData.ts) as root, with what that knows in the environment:
 * fetches the fleet's own programs and has `apply` (scaler/machine) do the rest in a container of Node. Ends with 0
 * once all is in force, with 75 while it waits for calls to end.
 */
export const RUN_SCRIPT = `#!/bin/bash
set -euo pipefail
umask 077
programs=/var/lib/jitsi-fleet/programs
report=/var/lib/jitsi-fleet/report.json
rm -f "$report"

# Told where whoever wrote the pointer looks, whatever becomes of it.
tell() {
  local code=$?
  trap - EXIT
  if [[ ! -s $report ]]; then
    printf '{"name":"%s","instance":"%s","bundle":"%s","time":"%s","state":"failed","reason":"%s","replaced":[]}\\n' "$(basename "$FLEET_FOLDER")" \\
      "$FLEET_INSTANCE" "$FLEET_BUNDLE_SHA256" "$(date --utc +%Y-%m-%dT%H:%M:%SZ)" "before apply, while $step$said: see journalctl -u jitsi-fleet on the machine" >"$report"
  fi
  if [[ -e $FLEET_BUNDLE/reports ]]; then jitsi-fleet put "$report" "\${FLEET_FOLDER}report.json" || echo "the report could not be put" >&2; fi
  exit "$code"
}
step="it began"
said=
trap tell EXIT

while read -r name sha256; do
  step="$name was fetched"
  file=$programs/$sha256.js
  [[ $name == machine ]] && apply=$file
  [[ -s $file ]] && continue
  jitsi-fleet get "programs/$sha256.js" "$file.new"
  echo "$sha256  $file.new" | sha256sum --check --quiet
  mv "$file.new" "$file"
done <"$FLEET_BUNDLE/programs"

step="images were pulled"
${PULL}
# What Docker says is told in the report, too.
pull_image() {
  local answer
  answer=$(pull "$1" 2>&1) && return
  echo "$answer" >&2
  said=" ($1: $(tr -dc '[:print:]' <<<"$answer" | tr -d '"\\\\' | tail -c 400))"
  if grep --quiet --ignore-case --extended-regexp 'unauthorized|denied|no basic auth|authentication required' <<<"$answer"; then
    said+=": its registry lets in whom images.registries has for it, if anybody"
  fi
  return 1
}

pull_all() {
  local other
  while read -r other; do pull_image "$other"; done <"$FLEET_BUNDLE/images"
}

${SIGN_IN}
image=$(head -n 1 "$FLEET_BUNDLE/images")
if [[ -e $FLEET_BUNDLE/registries ]]; then
  # All of them: nobody else on the machine is told whom registries let in.
  sign_in <"$FLEET_BUNDLE/registries"
  pull_all
  sign_out
else
  pull_image "$image"
fi
if [[ $FLEET_LIFECYCLE == Warmed:* ]]; then
  # It is stopped soon, and has another address once it is wanted: nothing is started before.
  pull_all
  printf '{"state":"waiting"}\n' >"$report"
  exit 75
fi

step="it was applied"
# One that a stop of this script has left behind.
docker rm --force jitsi-fleet-apply >/dev/null 2>&1 || true
docker run --rm --name jitsi-fleet-apply --network host --volume /:/machine --user 0:0 --log-driver none \\
  --env FLEET_ROOT=/machine --env FLEET_BUNDLE --env FLEET_BUNDLE_SHA256 --env FLEET_INSTANCE \\
  --env FLEET_PRIVATE_ADDRESS --env FLEET_PUBLIC_ADDRESS --env AWS_REGION \\
  --entrypoint node "$image" "/machine$apply"
cut -d ' ' -f 2 "$FLEET_BUNDLE/programs" >/run/jitsi-fleet/programs
for file in "$programs"/*; do
  grep --quiet --fixed-strings "$(basename "$file" .js)" /run/jitsi-fleet/programs || rm "$file"
done
`;
