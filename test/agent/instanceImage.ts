import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type Docker from "dockerode";
import { pack } from "tar-stream";

/** Busybox alone, which answers as a bridge or a Jibri would, and with all that it was told so far. */
export const INSTANCE_IMAGE = "jitsi-fleet-agent-test:1";

/** `$1`: how it ends when it is told to. HANG: it takes connections and never answers. */
const instance = `#!/bin/sh
case "$1" in
  gently) trap 'exit 0' TERM ;;
  stubborn) trap 'echo not yet' TERM ;;
  at-once) exit 7 ;;
esac
for port in 8080 2222 3333; do nc -ll -p $port -e /answer $port & done
while :; do sleep 0.1; done
`;

/** One HTTP exchange on the standard streams. */
const answer = `#!/bin/sh
[ -z "$HANG" ] || exec sleep 60
read -r method path version
length=0
while read -r name value && [ -n "$(echo "$name" | tr -d '\\r')" ]; do
  case "$name" in [Cc]ontent-[Ll]ength:) length=$(echo "$value" | tr -d '\\r') ;; esac
done
[ "$length" = 0 ] || body=$(head -c "$length")
status=200
case "$method $1$path" in
  "GET "*) ;;
  *"/disable") status=500 ;;
esac
[ "$method" = GET ] || echo "$1 $method $path $body" >> /tmp/told
[ "$path" = /metrics ] || body="$1 $path, told: $(cat /tmp/told 2>/dev/null | tr '\\n' ';')"
[ "$path" != /metrics ] || body="port $1"
printf 'HTTP/1.1 %s Answered\\r\\nContent-Length: %s\\r\\nConnection: close\\r\\n\\r\\n%s' $status $(printf %s "$body" | wc -c) "$body"
`;

const applets = ["cat", "echo", "head", "nc", "printf", "sh", "sleep", "stat", "tr", "true", "wc"];

/** Brings the image into an engine. */
export async function importInstanceImage(docker: Docker): Promise<void> {
  const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error("A static busybox is needed: apt-get install busybox-static");
  const archive = pack();
  archive.entry({ name: "bin/busybox", mode: 0o755 }, await readFile(busybox));
  for (const applet of applets)
    archive.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox" });
  archive.entry({ name: "instance", mode: 0o755 }, instance);
  archive.entry({ name: "answer", mode: 0o755 }, answer);
  archive.finalize();
  const [repo, tag] = INSTANCE_IMAGE.split(":");
  const progress = await docker.importImage(Readable.from(await buffer(archive)), { repo, tag });
  await new Promise<void>((resolve, reject) =>
    docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error))),
  );
}
