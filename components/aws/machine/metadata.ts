/**
 * Parts of bash by which a machine learns from EC2 what and who it is: of user data, and of what is run later. Tokens and
 * credentials reach curl by its standard input, so that no process list shows them.
 */

export const METADATA = `metadata=http://169.254.169.254/latest
retry=(--retry 5 --retry-connrefused --retry-max-time 60 --connect-timeout 5)
`;

/** A statement: sets `token`, which `about` shows. */
export const TOKEN = `  token=$(curl --silent --show-error --fail --noproxy '*' --max-time 10 "\${retry[@]}" --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 600' "$metadata/api/token")
`;

export const ABOUT = `# A page of the instance's own metadata.
about() {
  curl --silent --show-error --fail --noproxy '*' --max-time 10 "\${retry[@]}" --config - "$metadata/$1" <<<"header = \\"X-aws-ec2-metadata-token: $token\\""
}
`;

/** Of the JSON in `credentials`. */
export const MEMBER = `# One member of the role's credentials.
member() {
  sed -n "s/.*\\"$1\\" *: *\\"\\([^\\"]*\\)\\".*/\\1/p" <<<"$credentials"
}
`;
