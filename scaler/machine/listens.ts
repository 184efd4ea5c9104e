import { once } from "node:events";
import { connect } from "node:net";

const CONNECT_LIMIT_SECONDS = 3;

/** Whether something takes connections there. */
export async function listens(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_LIMIT_SECONDS * 1000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
