import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../support/cache";
import { run } from "../standins/run";

export const suites = ["noble", "trixie"] as const;
/** Ubuntu 24.04, as the machines' image is, and Debian 13. */
export type Suite = (typeof suites)[number];

const LIMIT_SECONDS = 900;
/** What Canonical signs with: Debian 12 has no package of it. */
const KEYRING = {
  url: "http://archive.ubuntu.com/ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb",
  sha256: "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8",
};

/** Of what a cloud's image has, what the user data relies on. systemd is there, and does not run. */
const packages = ["ca-certificates", "curl", "systemd"];

/** A plain system of the suite, kept in the cache: to be laid under a machine, never written to. */
export async function baseOf(suite: Suite): Promise<string> {
  const target = join(cacheDir("machine"), `${suite}-1`);
  if (existsSync(target)) return target;
  const making = mkdtempSync(join(cacheDir("machine"), "making-"));
  try {
    const root = join(making, "root");
    const common = ["--variant=minbase", `--include=${packages.join()}`];
    if (suite === "trixie") await run("debootstrap", [...common, suite, root], LIMIT_SECONDS);
    else {
      const keyring = await keyringIn(making);
      const archive = [suite, root, "http://archive.ubuntu.com/ubuntu", "gutsy"];
      await run(
        "debootstrap",
        [...common, "--components=main,universe", `--keyring=${keyring}`, ...archive],
        LIMIT_SECONDS,
      );
    }
    // Packages are not to start anything by themselves: no systemd is there to ask.
    writeFileSync(join(root, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    renameSync(root, target);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return target;
}

async function keyringIn(folder: string): Promise<string> {
  const deb = Buffer.from(await (await fetch(KEYRING.url)).arrayBuffer());
  const found = createHash("sha256").update(deb).digest("hex");
  if (found !== KEYRING.sha256) throw new Error(`${KEYRING.url} is not what it was: ${found}`);
  writeFileSync(join(folder, "keyring.deb"), deb);
  await run("dpkg-deb", ["-x", join(folder, "keyring.deb"), join(folder, "keyring")], 60);
  return join(folder, "keyring/usr/share/keyrings/ubuntu-archive-keyring.gpg");
}
