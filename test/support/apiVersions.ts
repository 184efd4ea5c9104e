/** The oldest version of Docker's API that Docker 29.0 to 29.2 take (github.com/moby/moby pull request 51186). */
const OLDEST = 44;

/** What such an engine answers, with status 400, to a request of an older version; undefined for any other. */
export function refusalOfOldApi(path: string): string | undefined {
  const [, minor] = /^\/v1\.(\d+)\//.exec(path) ?? [];
  if (minor === undefined || Number(minor) >= OLDEST) return undefined;
  const message = `client version 1.${minor} is too old. Minimum supported API version is 1.${OLDEST}, please upgrade your client to a newer version`;
  return JSON.stringify({ message });
}
