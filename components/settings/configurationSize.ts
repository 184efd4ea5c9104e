/** Linux's MAX_ARG_STRLEN: Pulumi hands a stack's whole configuration over in one environment variable. */
const MOST_BYTES = 131_072;

/**
 * Why a stack's configuration, texts by `<project>:<key>`, is too large to be handed over; undefined where it is not.
 * Pulumi itself says no more than that it cannot start the program ("argument list too long").
 */
export function oversize(values: Readonly<Record<string, string>>): string | undefined {
  const bytes = Buffer.byteLength(`PULUMI_CONFIG=${JSON.stringify(values)}`) + 1;
  if (bytes <= MOST_BYTES) return undefined;
  const [largest = ""] = Object.entries(values)
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([key]) => key.replace(/^[^:]+:/, ""));
  return (
    `${largest}: the settings make ${bytes} bytes, and Pulumi hands over ${MOST_BYTES} at most, in one environment variable; ` +
    `make ${largest} smaller: hosts on tcp:// may share one client certificate at docker.tls instead of one each`
  );
}
