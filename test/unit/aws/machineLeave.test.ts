import type Docker from "dockerode";
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { apply, type Outcome } from "../../../scaler/machine/apply";
import { leave } from "../../../scaler/machine/leave";
import type { MachineContainer, MachineManifest } from "../../../scaler/machine/manifest";

const NOTICED_SECONDS = 0.2;

/** An engine with two containers of an older bundle, whose keeper answers so; what was done to it is noted. */
class Engine {
  readonly done: string[] = [];
  readonly at: number[] = [];

  constructor(private readonly answer: () => { exitCode: number; text: string }) {}

  note(what: string): void {
    this.done.push(what);
    this.at.push(performance.now());
  }

  get docker(): Docker {
    const present = (name: string): object => ({ Labels: {}, Names: [`/${name}`], State: "running" });
    const container = (name: string): object => ({
      exec: ({ Cmd }: { Cmd: string[] }) => {
        this.note(`${name}: ${Cmd.join(" ")}`);
        const { exitCode, text } = this.answer();
        return Promise.resolve({
          start: () => Promise.resolve(Readable.from([text])),
          inspect: () => Promise.resolve({ ExitCode: exitCode }),
        });
      },
    });
    return {
      listContainers: () => Promise.resolve(["haproxy", "keeper"].map(present)),
      getImage: () => ({ inspect: () => Promise.resolve({}) }),
      getContainer: container,
    } as unknown as Docker;
  }
}

const told = { container: "keeper", command: ["leave"], noticedSeconds: NOTICED_SECONDS };
const container = (name: string, more: Partial<MachineContainer> = {}): MachineContainer => ({
  name,
  dockerName: name,
  image: name,
  files: [],
  owner: { uid: 0, gid: 0 },
  isChecked: false,
  listens: [],
  ...more,
});

describe("before a machine replaces what users reach", () => {
  const root = mkdtempSync(join(tmpdir(), "fleet-leave-"));
  const other = createServer();
  let port: number;
  before(async () => {
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    ({ port } = other.address() as { port: number });
    mkdirSync(join(root, "bundle"));
    const services = { haproxy: {}, keeper: {} };
    writeFileSync(join(root, "bundle/compose.json"), JSON.stringify({ services }));
  });
  after(() => {
    other.close();
    rmSync(root, { recursive: true });
  });

  function applied(engine: Engine, more: Partial<MachineManifest> = {}): Promise<Outcome> {
    const manifest: MachineManifest = {
      stack: "prod",
      name: "edge-1",
      role: "edge",
      guard: { kind: "edge", others: [{ name: "edge-2", address: "127.0.0.1", port }] },
      allowCutCalls: false,
      networks: [],
      secrets: { parameters: [], revision: "" },
      containers: [container("haproxy", { leave: told }), container("keeper")],
      ...more,
    };
    writeFileSync(join(root, "bundle/manifest.json"), JSON.stringify(manifest));
    return apply({
      bundle: { folder: "bundle", sha256: "0" },
      root,
      self: { id: "0abc", publicAddress: undefined, privateAddress: "10.42.16.9" },
      docker: engine.docker,
      compose: (args) => {
        engine.note(`replaced ${args.at(-1) ?? ""}`);
        return Promise.resolve();
      },
      parameters: () => Promise.resolve([]),
    });
  }
  const well = (): Engine => new Engine(() => ({ exitCode: 0, text: "" }));

  it("it has users sent elsewhere, and waits until that was noticed", async () => {
    const engine = well();
    assert.deepEqual(await applied(engine), { state: "applied", replaced: ["haproxy", "keeper"] });
    assert.deepEqual(engine.done, ["keeper: leave", "replaced haproxy", "replaced keeper"]);
    const [asked = 0, replaced = 0] = engine.at;
    assert(replaced - asked >= NOTICED_SECONDS * 1000 - 5, `${replaced - asked} ms`);
  });

  it("it sends nobody elsewhere while no other node serves", async () => {
    const engine = well();
    const alone = { kind: "edge" as const, others: [{ name: "edge-2", address: "127.0.0.1", port: 1 }] };
    assert.equal((await applied(engine, { guard: alone })).state, "waiting");
    assert.deepEqual(engine.done, []);
  });

  it("it does not wait where calls may be cut", async () => {
    const engine = well();
    assert.equal((await applied(engine, { allowCutCalls: true })).state, "applied");
    assert.deepEqual(engine.done, ["replaced haproxy", "replaced keeper"]);
  });

  it("it asks again a keeper that has not found its HAProxy yet, and tells of one that does not answer", async () => {
    let asked = 0;
    const late = new Engine(() => ({ exitCode: ++asked < 3 ? 1 : 0, text: "503 no HAProxy yet\r\n" }));
    assert.equal(await leave(late.docker, { ...told, noticedSeconds: 0 }, 0.01), undefined);
    assert.equal(asked, 3);
    const never = new Engine(() => ({ exitCode: 2, text: 'there is no command "leave"\r\n' }));
    assert.match(
      (await leave(never.docker, told, 0.01)) ?? "",
      /^Users were not sent elsewhere before, as keeper did not do it: there is no command "leave"$/,
    );
  });
});
