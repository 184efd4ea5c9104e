/** How a browser with Jitsi Meet, and the shard's nginx before it, make requests of a name that somebody gives a room. */

/** What the client takes out of each part of a path. */
const TAKEN_OUT = /[:?#[\]@!$&'()*+,;=></"]/g;

function decodedOrAsIs(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The room as the client writes it: decoded, normalized, lowered, encoded again. */
export function clientsRoom(part: string): string {
  const name = decodedOrAsIs(part.replace(TAKEN_OUT, ""));
  return encodeURIComponent(name.normalize("NFKC").toLowerCase()).toLowerCase();
}

/** The directories and the last part that nginx makes of a path: decoded, slashes merged, dots resolved. */
export function asNginx(path: string): { directories: string[]; last: string } {
  const bytes = Buffer.from(path, "latin1")
    .toString("latin1")
    .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  const parts: string[] = [];
  for (const part of bytes.split("/"))
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  const last = /(^|\/)\.{0,2}$/.test(bytes) ? "" : (parts.pop() ?? "");
  return { directories: parts, last };
}

/** A page's address as a browser asks for it, and everything that the client then asks for. None without a room. */
export function requestsOf(address: string): string[] {
  const url = (path: string): URL => new URL(`https://meet.test${path}`);
  const page = url(address).pathname;
  const room = page.split("/").at(-1) ?? "";
  const written = clientsRoom(room);
  if (written === "") return [];
  const own = page.slice(0, page.lastIndexOf("/") + 1);
  const requests = [
    page,
    `${page}?jwt=abc&room=another`,
    `${own}config.js?room=${written}`,
    `${own}http-bind?room=${written}`,
    `${own}xmpp-websocket?room=${written}&previd=x`,
  ];
  // Apps take the address's directory; config.js tells browsers the tenant that nginx saw, unless that breaks it.
  const tenant = Buffer.from(asNginx(page).directories.at(-1) ?? "", "latin1").toString("utf8");
  if (/[\p{Cc}\uFFFD%?#&:'"<>\\]/u.test(tenant)) return requests;
  const told = tenant === "" ? "/" : `/${tenant}/`;
  for (const call of ["http-bind", "xmpp-websocket?token=a%20b", "conference-request/v1", "_unlock"]) {
    const called = url(told + call);
    called.searchParams.append("room", written);
    requests.push(called.pathname + called.search);
  }
  return [...requests, `${url(`${told}_unlock`).pathname}?room=${written.toUpperCase()}&room=another`];
}
