import { serverAddress, type RegistryLogin } from "@jitsi-fleet/scaler/engine/registries";
import { ABOUT, MEMBER, METADATA, TOKEN } from "./metadata";

/** Where a machine finds whom registries let in. */
export interface RegistrySource {
  /** SecureString parameter of SSM. */
  readonly parameter: string;
  /** SSM's address, where it is an emulator's. */
  readonly endpoint?: string | undefined;
}

/** What SIGN_IN reads. */
export const sourceLine = ({ endpoint, parameter }: RegistrySource): string =>
  `${parameter} ${endpoint ?? ""}`.trimEnd();

/** What a parameter of SSM holds. */
export const REGISTRIES_BYTES = 4096;

/** The parameter's value: each registry, and its user as HTTP's basic authentication has it. */
export const registriesValue = (logins: readonly RegistryLogin[]): string =>
  logins
    .map(({ host, password, username }) =>
      [serverAddress(host), Buffer.from(`${username}:${password}`).toString("base64")].join(" "),
    )
    .join(" ");

/**
 * `sign_in <<<"$source"`, of bash: from then on `docker pull` is let in. It lays down Docker's own file for that in
 * memory; `sign_out` takes it away. Before there is Node on a machine, its image has to be pulled.
 */
export const SIGN_IN = `${ABOUT}
${MEMBER}
sign_in() {
  local metadata retry token region endpoint parameter credentials answer index
  local -a logins
  local auths=
  read -r parameter endpoint || [[ -n $parameter ]]
  ${METADATA.trimEnd().replaceAll("\n", "\n  ")}
${TOKEN}  region=$(about meta-data/placement/region)
  [[ -n $endpoint ]] || endpoint=https://ssm.$region.$(about meta-data/services/domain)
  credentials=$(about "meta-data/iam/security-credentials/$(about meta-data/iam/security-credentials/)")
  answer=$(
    curl --silent --show-error --fail --max-time 60 "\${retry[@]}" --config - \\
      --data "{\\"Names\\":[\\"$parameter\\"],\\"WithDecryption\\":true}" "$endpoint/" <<END
user = "$(member AccessKeyId):$(member SecretAccessKey)"
aws-sigv4 = "aws:amz:$region:ssm"
header = "x-amz-security-token: $(member Token)"
header = "Content-Type: application/x-amz-json-1.1"
header = "X-Amz-Target: AmazonSSM.GetParameters"
END
  )
  read -ra logins <<<"$(sed -n 's/.*"Value" *: *"\\([^"]*\\)".*/\\1/p' <<<"$answer")"
  if ((\${#logins[@]} == 0)); then
    echo "there is no parameter $parameter in SSM: pulumi up writes it, by images.registries" >&2
    return 1
  fi
  for ((index = 0; index < \${#logins[@]}; index += 2)); do
    auths+="\${auths:+,}\\"\${logins[index]}\\":{\\"auth\\":\\"\${logins[index + 1]}\\"}"
  done
  export DOCKER_CONFIG=/run/jitsi-fleet/docker
  mkdir -p -m 0700 /run/jitsi-fleet "$DOCKER_CONFIG"
  (umask 077 && printf '{"auths":{%s}}' "$auths" >"$DOCKER_CONFIG/config.json")
}

sign_out() {
  rm -rf "\${DOCKER_CONFIG:-/run/jitsi-fleet/docker}"
  unset DOCKER_CONFIG
}
`;
