import { setTimeout as sleep } from "node:timers/promises";
import { askSelf } from "../askSelf";
import { keeperConfiguration } from "../configuration";
import { beat } from "../heartbeat";
import { programLog } from "../log";
import { readConfiguration } from "../readConfiguration";
import { runProgram } from "../runProgram";
import { runKeeper } from "./service";

const BEAT_SECONDS = 5;
const SETTLE_LIMIT_SECONDS = 60;
/** Above what shards are given. */
const ANSWER_LIMIT_SECONDS = 4;

/** Keeps this node's HAProxy until SIGTERM or SIGINT. */
async function keep(): Promise<void> {
  const configuration = readConfiguration(keeperConfiguration);
  const log = programLog({ stack: configuration.stack, node: configuration.node });
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  const beating = setInterval(beat, BEAT_SECONDS * 1000);
  beat();
  await runKeeper(configuration, log, ending.signal);
  clearInterval(beating);
  log.info("ended");
}

/** Waits until what the settings want is in force. Throws what is still open after a minute. */
async function settled(): Promise<void> {
  const { listen } = readConfiguration(keeperConfiguration);
  const limit = Date.now() + SETTLE_LIMIT_SECONDS * 1000;
  for (;;) {
    const { status, body } = await askSelf(listen, "/v1/settled", ANSWER_LIMIT_SECONDS).catch(
      (error: unknown) => ({ status: 0, body: String(error) }),
    );
    if (status === 200) return;
    if (Date.now() > limit) throw new Error(`not in force within ${SETTLE_LIMIT_SECONDS} s: ${body}`);
    await sleep(500);
  }
}

/** Has who sends users to this node send new ones elsewhere. Throws where HAProxy does not say so. */
async function leave(): Promise<void> {
  const { listen } = readConfiguration(keeperConfiguration);
  const { status, body } = await askSelf(listen, "/v1/leave", ANSWER_LIMIT_SECONDS, "POST");
  if (status !== 204) throw new Error(`${status} ${body}`);
}

/** Prints a page of this node's keeper. */
const page = (name: string) => async (): Promise<void> => {
  const { listen } = readConfiguration(keeperConfiguration);
  const { status, body } = await askSelf(listen, `/v1/${name}`, ANSWER_LIMIT_SECONDS);
  if (status !== 200) throw new Error(`${status} ${body}`);
  console.log(body);
};

/**
 * The keeper of an edge node. `settled`: waits until the settings are in force there. `arrangement`: what is.
 * `shards`: that, and what each shard holds. `leave`: users are to be sent elsewhere, since it will be replaced.
 */
runProgram({ "": keep, settled, leave, arrangement: page("arrangement"), shards: page("shards") });
