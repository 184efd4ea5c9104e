import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Ports that Linux gives to no connection of itself, and the fleet to nothing: a port from there stays free till it is used. */
const FIRST = 13_000;
const COUNT = 8_000;
/** Whoever asked for a port listens there by then. */
const RESERVED_MILLISECONDS = 60_000;

/** A TCP port on loopback that is free, and told to no other process of the tests and the lab for a minute. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries += 1) {
    const port = FIRST + randomInt(COUNT);
    if (reserve(port) && (await isFree(port))) return port;
  }
  throw new Error(`none of ${COUNT} ports tried, from ${FIRST} on, is free`);
}

function reserve(port: number): boolean {
  const reservation = join(tmpdir(), "fleet-ports", String(port));
  const since = statSync(reservation, { throwIfNoEntry: false })?.mtimeMs;
  if (since !== undefined && Date.now() - since < RESERVED_MILLISECONDS) return false;
  try {
    if (since !== undefined) rmdirSync(reservation);
    mkdirSync(join(reservation, ".."), { recursive: true });
    mkdirSync(reservation);
    return true;
  } catch (error) {
    // Another process was faster.
    if (["EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
