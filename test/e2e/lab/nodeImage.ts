import type Docker from "dockerode";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { runOrFail } from "./commands";

/**
 * Makes sure the engine has an image with nothing in it but this Node, at /node, and its libraries: enough for a
 * container that serves or asks something. Returns the image's name.
 */
export async function ensureNodeImage(docker: Docker): Promise<string> {
  const [repository, tag] = ["jitsi-fleet-lab-node", process.version.slice(1)];
  const name = `${repository}:${tag}`;
  const images = await docker.listImages({ filters: { reference: [name] } });
  if (images.length > 0) return name;
  const node = realpathSync(process.execPath);
  // "libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)", and the loader alone on its line.
  const libraries = [...(await runOrFail(["ldd", node])).matchAll(/(\/\S+) \(0x/g)].map(
    ([, path = ""]) => path,
  );
  const files = [node, ...libraries].map((path) => path.slice(1));
  const rename = `--transform=s,^${node.slice(1)}$,node,`;
  const tar = spawn("tar", ["--create", "--dereference", rename, "--directory=/", "--", ...files], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const progress = await docker.importImage(tar.stdout, { repo: repository, tag });
  progress.resume();
  await once(progress, "end");
  return name;
}
