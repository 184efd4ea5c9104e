import { ENDPOINT_TAG, POINTER_TAG } from "@jitsi-fleet/scaler";
import { ENSURE_DOCKER } from "./docker";
import { ABOUT, MEMBER, METADATA, TOKEN } from "./metadata";

/** EC2 takes no more, before it is base64. */
export const USER_DATA_LIMIT_BYTES = 16 * 1024;

/** Where the machine's own program lies, which bundles are run by and may call: `get <key> <file>`, `put <file> <key>`. */
const PROGRAM = "/usr/local/sbin/jitsi-fleet";

/**
 * Follows the pointer. It is the same on all machines and stays as long as the machine does: whatever may change is in
 * the bundle's own script.
 *
 * Credentials, tokens and what is signed with them reach curl by its standard input, so that no process list shows them.
 */
const follower = `#!/bin/bash
# Brings this machine to the bundle that its pointer names; jitsi-fleet.timer runs it. Nothing is done while it is there.
# get <key> <file>, put <file> <key>: an object of the bundles' bucket.
set -euo pipefail
umask 077
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
state=/var/lib/jitsi-fleet
run=/run/jitsi-fleet
${METADATA}
fail() {
  echo "$1" >&2
  exit 1
}

${ABOUT}
# The same; nothing where there is no such page.
about_if_any() {
  curl --silent --noproxy '*' --max-time 10 --fail --config - "$metadata/$1" <<<"header = \\"X-aws-ec2-metadata-token: $token\\"" || [[ $? == 22 ]]
}

look_at_self() {
${TOKEN}  region=$(about meta-data/placement/region)
  pointer=$(about meta-data/tags/instance/${POINTER_TAG})
  [[ $pointer =~ ^s3://([a-z0-9.-]+)/(([A-Za-z0-9._-]+/)*)([A-Za-z0-9._-]+)$ ]] || fail "the tag ${POINTER_TAG} is no s3://bucket/key: $pointer"
  bucket=\${BASH_REMATCH[1]}
  folder=\${BASH_REMATCH[2]}
  pointer=$folder\${BASH_REMATCH[4]}
  s3=$(about_if_any meta-data/tags/instance/${ENDPOINT_TAG})
  [[ -n $s3 ]] || s3=https://s3.$region.$(about meta-data/services/domain)
}

${MEMBER}
# s3 <key> <sha256 of the body> <curl's arguments …>
s3() {
  local key=$1 body=$2
  shift 2
  local role credentials
  role=$(about meta-data/iam/security-credentials/)
  credentials=$(about "meta-data/iam/security-credentials/$role")
  curl --silent --show-error --fail --max-time 300 "\${retry[@]}" --config - "$@" "$s3/$bucket/$key" <<END
user = "$(member AccessKeyId):$(member SecretAccessKey)"
aws-sigv4 = "aws:amz:$region:s3"
header = "x-amz-security-token: $(member Token)"
header = "x-amz-content-sha256: $body"
END
}

sha256_of() {
  sha256sum "$1" | cut -d ' ' -f 1
}

get() {
  s3 "$1" "$(sha256_of /dev/null)" --output "$2"
}

put() {
  s3 "$2" "$(sha256_of "$1")" --upload-file "$1"
}

${ENSURE_DOCKER}
case \${1:-} in
get | put)
  look_at_self
  "$@"
  exit
  ;;
esac

mkdir -p "$state/bundles" "$state/programs" "$run"
exec 9>"$run/lock"
flock --nonblock 9 || exit 0
look_at_self

get "$pointer" "$run/pointer"
wanted=$(<"$run/pointer")
[[ $wanted =~ ^[0-9a-f]{64}$ ]] || fail "the pointer is no SHA-256: s3://$bucket/$pointer"
# In memory: after a boot, what was in memory has to be made again.
if [[ -s $run/applied && $(<"$run/applied") == "$wanted" ]]; then exit 0; fi

# <bundle> <failures> <not before>
read -r failed failures later 2>/dev/null <"$run/failed" || failed=
[[ $failed == "$wanted" ]] || failures=0 later=0
(($(date +%s) >= later)) || exit 0
# Whatever ends this run, the next ones come ever more slowly, and no two machines in step.
slow_down() {
  local pause=$((failures < 5 ? 15 << failures : 480))
  echo "$wanted $((failures + 1)) $(($(date +%s) + pause + RANDOM % pause))" >"$run/failed"
}
slow_down
trap slow_down EXIT

ensure_docker
bundle=$state/bundles/$wanted
if [[ ! -d $bundle ]]; then
  get "$folder$wanted.tar" "$run/bundle.tar"
  echo "$wanted  $run/bundle.tar" | sha256sum --check --quiet || fail "the bundle is not what the pointer names"
  rm -rf "$bundle.new"
  mkdir "$bundle.new"
  tar --extract --no-same-owner --file "$run/bundle.tar" --directory "$bundle.new"
  mv "$bundle.new" "$bundle"
fi

export FLEET_BUNDLE=$bundle FLEET_BUNDLE_SHA256=$wanted FLEET_FOLDER=$folder AWS_REGION=$region
FLEET_INSTANCE=$(about meta-data/instance-id)
FLEET_PRIVATE_ADDRESS=$(about meta-data/local-ipv4)
FLEET_PUBLIC_ADDRESS=$(about_if_any meta-data/public-ipv4)
# Of a machine of a group: where it is on its way to.
FLEET_LIFECYCLE=$(about_if_any meta-data/autoscaling/target-lifecycle-state)
export FLEET_LIFECYCLE FLEET_INSTANCE FLEET_PRIVATE_ADDRESS FLEET_PUBLIC_ADDRESS
code=0
"$bundle/run" || code=$?
case $code in
0)
  echo "$wanted" >"$run/applied"
  find "$state/bundles" -mindepth 1 -maxdepth 1 ! -name "$wanted" -exec rm -r {} +
  ;;
75) ;; # It waits for calls to end: it is asked again at the next look.
*) fail "the bundle $wanted was not applied: it ended with code $code" ;;
esac
trap - EXIT
rm -f "$run/failed"
`;

/**
 * The user data of every machine, word for word the same: a timer that follows the pointer which the instance's tag
 * POINTER_TAG names. For Ubuntu 24.04 and Debian 13; an image that has Docker and compose already, as a baked
 * one has, is up sooner.
 */
export const USER_DATA = `#!/bin/bash
set -euo pipefail
cat >${PROGRAM} <<'END_OF_PROGRAM'
${follower}END_OF_PROGRAM
chmod 0755 ${PROGRAM}
cat >/etc/systemd/system/jitsi-fleet.service <<'END'
[Unit]
Description=Follow the pointer to this machine's bundle
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
ExecStart=${PROGRAM}
TimeoutStartSec=45min
END
cat >/etc/systemd/system/jitsi-fleet.timer <<'END'
[Unit]
Description=Follow the pointer to this machine's bundle

[Timer]
OnBootSec=1s
OnUnitInactiveSec=30s
RandomizedDelaySec=5s
AccuracySec=1s

[Install]
WantedBy=timers.target
END
systemctl daemon-reload
systemctl enable --now jitsi-fleet.timer
`;
