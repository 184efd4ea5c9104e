/** HAProxy's backend that has a server up while its node leaves, and that server (components/jitsi/haproxy.ts). */
export const LEAVING = "leaving";
export const LEAVER = "here";

/** A node that was not replaced by then stays after all. Above what a load balancer needs to notice, and a stop takes. */
const LEAVE_LIMIT_SECONDS = 120;

/**
 * Whether a node leaves: it serves on, and tells who sends it users to send new ones elsewhere. It is said to the
 * HAProxy of one container: to each process that a reload brings there, and to none of the container after it.
 */
export class Leave {
  private told: { pid: number; readonly until: number } | undefined;

  /** @param reloads how often the container's HAProxy was reloaded; 0: it has only just started */
  constructor(private readonly reloads: () => Promise<number>) {}

  /** From now on. `pid`: the process that serves. */
  begin(pid: number): void {
    this.told = { pid, until: performance.now() + LEAVE_LIMIT_SECONDS * 1000 };
  }

  /** Whether the process that serves now is to say so. */
  async isSaidBy(pid: number): Promise<boolean> {
    const { told } = this;
    if (!told) return false;
    const isOver = performance.now() > told.until || (pid !== told.pid && (await this.reloads()) === 0);
    if (isOver) this.told = undefined;
    else told.pid = pid;
    return !isOver;
  }
}
