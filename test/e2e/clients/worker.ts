/**
 * The users: a process that lives in their network namespace and acts for the test runner. Reads one command a line on
 * stdin, answers on stdout in the order in which the commands end, and ends with its stdin.
 */
import { Console } from "node:console";
import { createInterface } from "node:readline";
import { httpBatch, httpGet } from "./http";
import { scanTcp, scanUdp } from "./portScan";
import type { CommandName, Handlers, Request, WorkerLine } from "./protocol";
import { stunBinding } from "./stun";
import { XmppSessions } from "./xmpp";

// Libraries may log; stdout belongs to the answers.
globalThis.console = new Console(process.stderr);

const sessions = new XmppSessions(write);

const handlers: Handlers = {
  "http.get": httpGet,
  "http.batch": httpBatch,
  "xmpp.join": (request) => sessions.join(request),
  "xmpp.occupants": async ({ session }) => Promise.resolve(sessions.get(session).occupants()),
  "xmpp.awaitOccupants": async ({ session, nicks, timeoutSeconds }) =>
    sessions.get(session).awaitOccupants(nicks, timeoutSeconds),
  "xmpp.say": async ({ session, text }) => {
    sessions.get(session).say(text);
    return Promise.resolve(null);
  },
  "xmpp.messages": async ({ session }) => Promise.resolve(sessions.get(session).messages()),
  "xmpp.awaitMessage": async ({ session, text, timeoutSeconds }) =>
    sessions.get(session).awaitMessage(text, timeoutSeconds),
  "xmpp.awaitResumption": async ({ session, times, timeoutSeconds }) =>
    sessions.get(session).awaitResumption(times, timeoutSeconds),
  "xmpp.state": async ({ session }) => Promise.resolve(sessions.get(session).describe()),
  "xmpp.leave": async ({ session }) => {
    await sessions.leave(session);
    return null;
  },
  "stun.binding": stunBinding,
  "scan.tcp": scanTcp,
  "scan.udp": scanUdp,
};

function write(line: WorkerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function serve<C extends CommandName>(request: Request<C>): Promise<void> {
  const { id } = request;
  try {
    const handler: Handlers[C] = handlers[request.command];
    write({ id, ok: true, result: await handler(request.args) });
  } catch (error) {
    write({ id, ok: false, error: (error as Error).message });
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => void serve(JSON.parse(line) as Request))
  .on("close", () => process.exit(0));
