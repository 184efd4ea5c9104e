import * as assert from "node:assert/strict";
import { freePort } from "../../support/freePort";
import { startWorker, type ClientsWorker } from "./workerProcess";

describe("clients' worker process", function () {
  this.timeout(600_000);
  let worker: ClientsWorker;

  beforeEach(() => {
    worker = startWorker();
  });

  afterEach(() => worker.close());

  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it("answers many calls at the same time, failed ones with the reason", async () => {
    const port = await freePort();
    const scans = Array.from({ length: 20 }, () =>
      worker.call("scan.tcp", { address: "127.0.0.1", ports: String(port) }),
    );
    const failure = worker.call("http.get", { url: `http://127.0.0.1:${port}/` });
    await assert.rejects(failure, /ECONNREFUSED/);
    for (const scan of await Promise.all(scans)) assert.equal(scan.refused, 1);
  });

  it("gives a call a limit", async () => {
    const port = await freePort();
    const call = worker.call("http.get", { url: `http://127.0.0.1:${port}/` }, 0.001);
    await assert.rejects(call, /http.get: no answer within 0.001 s/);
  });

  it("fails what waits when the worker dies, and everything after", async () => {
    const get = { url: "http://192.0.2.1/", timeoutSeconds: 10 };
    const waiting = worker.call("http.get", get);
    process.kill(worker.pid, "SIGKILL");
    await assert.rejects(waiting, /the worker has ended \(SIGKILL\)/);
    await assert.rejects(worker.call("http.get", get), /the worker has ended/);
  });

  it("ends with close, and may be closed twice", async () => {
    await worker.call("scan.tcp", { address: "127.0.0.1", ports: "1" });
    await worker.close();
    assert.equal(isAlive(worker.pid), false);
    await worker.close();
  });

  it("says why it could not start", async () => {
    const lost = startWorker(["/nonexistent/nsenter"]);
    await assert.rejects(lost.call("scan.tcp", { address: "127.0.0.1", ports: "1" }), /ENOENT/);
    await lost.close();
  });
});
