import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  routingGlobals,
  routingMap,
  routingRules,
  routingScript,
  tenantRule,
} from "../../components/jitsi/routingKey";
import { freePort } from "../support/freePort";

const FILES = { map: "routing.map", script: "routing.lua" };

/** A request's key and tenant, as bytes in hexadecimal; "" where it has none. */
export interface Echo {
  readonly status: number;
  readonly key: string;
  readonly tenant: string;
}

type Maker = "rules" | "map" | "script";

/** Real HAProxy that answers with the key it made: by all the rules, or by the map or the script alone. */
export class KeyEcho {
  readonly #directory = mkdtempSync(join(tmpdir(), "fleet-key-"));
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  readonly #ports = { rules: 0, map: 0, script: 0 };
  #process: ChildProcess | undefined;

  async start(): Promise<void> {
    this.#ports.rules = await freePort();
    this.#ports.map = await freePort();
    this.#ports.script = await freePort();
    const rules = [...routingRules(FILES), tenantRule];
    const frontend = (name: Maker, lines: readonly string[]): string => `
frontend ${name}
    bind 127.0.0.1:${this.#ports[name]}
    ${lines.join("\n    ")}
    http-request return status 200 content-type text/plain hdr x-key %[var(txn.key),hex] hdr x-tenant %[var(txn.tenant),hex] string ok
`;
    this.#write(`defaults
    mode http
    timeout client 30s
${frontend("rules", rules)}${frontend(
      "map",
      rules.filter((rule) => !rule.includes("lua.")),
    )}${frontend("script", ["http-request lua.room_key"])}`);
    const args = ["-C", this.#directory, "-f", "haproxy.cfg"];
    execFileSync("haproxy", ["-c", ...args], { stdio: "pipe" });
    this.#process = spawn("haproxy", ["-db", ...args], { stdio: "ignore" });
    const limit = Date.now() + 120_000;
    while (!(await this.ask("/up").catch((): undefined => undefined))) {
      if (Date.now() > limit) throw new Error("HAProxy does not answer within 120 s");
      await sleep(50);
    }
  }

  #write(proxies: string, script = routingScript()): void {
    writeFileSync(join(this.#directory, FILES.map), routingMap());
    writeFileSync(join(this.#directory, FILES.script), script);
    const globals = ["nbthread 1", ...routingGlobals(FILES)].map((line) => `    ${line}`);
    writeFileSync(join(this.#directory, "haproxy.cfg"), `global\n${globals.join("\n")}\n${proxies}`);
  }

  ask(path: string, by: Maker = "rules"): Promise<Echo> {
    return new Promise((resolve, reject) => {
      const request = http.get(
        { host: "127.0.0.1", port: this.#ports[by], path, agent: this.#agent },
        (response) => {
          response.resume();
          const header = (name: string): string => String(response.headers[name] ?? "");
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, key: header("x-key"), tenant: header("x-tenant") }),
          );
        },
      );
      request.on("error", reject);
    });
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    if (this.#process?.exitCode === null) {
      this.#process.kill("SIGTERM");
      await once(this.#process, "exit");
    }
    rmSync(this.#directory, { recursive: true });
  }
}

/** Runs Lua as HAProxy loads it; what it prints. */
export function runLua(script: string): string {
  const directory = mkdtempSync(join(tmpdir(), "fleet-lua-"));
  try {
    writeFileSync(join(directory, "script.lua"), script);
    writeFileSync(
      join(directory, "haproxy.cfg"),
      "global\n    lua-load script.lua\nlisten none\n    mode http\n    bind 127.0.0.1:1\n",
    );
    return execFileSync("haproxy", ["-c", "-C", directory, "-f", "haproxy.cfg"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 26,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
