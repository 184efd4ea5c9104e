import { PULL } from "./docker";

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
      "$FLEET_INSTANCE" "$FLEET_BUNDLE_SHA256" "$(date --utc +%Y-%m-%dT%H:%M:%SZ)" "before apply, while $step: see journalctl -u jitsi-fleet on the machine" >"$report"
  fi
  if [[ -e $FLEET_BUNDLE/reports ]]; then jitsi-fleet put "$report" "\${FLEET_FOLDER}report.json" || echo "the report could not be put" >&2; fi
  exit "$code"
}
step="it began"
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
${PULL}image=$(head -n 1 "$FLEET_BUNDLE/images")
pull "$image"
if [[ $FLEET_LIFECYCLE == Warmed:* ]]; then
  # It is stopped soon, and has another address once it is wanted: nothing is started before.
  while read -r other; do pull "$other"; done <"$FLEET_BUNDLE/images"
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
