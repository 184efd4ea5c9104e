/** HAProxy's backend that has a server up while its node leaves, and that server (components/jitsi/haproxy.ts). */
export const LEAVING = "leaving";
export const LEAVER = "here";

/** A node that was not replaced by then stays after all. Above what a load balancer needs to notice, and a stop takes. */
const LEAVE_LIMIT_SECONDS = 120;

/** A process of HAProxy. In another container it may well have the same number. */
export interface Serving {
  readonly pid: number;
  readonly uptimeSeconds: number;
}

/**
 * Whether a node leaves: it serves on, and tells who sends it users to send new ones elsewhere. It is said to the
 * HAProxy of one container: to each process that a reload brings there, and to none of the container after it.
 */
export class Leave {
  /** The process that was told last, and until when it is true. */
  private told: (Serving & { readonly until: number }) | undefined;

  /** @param reloads how often the container's HAProxy was reloaded; 0: it has only just started */
  constructor(
    private readonly reloads: () => Promise<number>,
    private readonly limitSeconds = LEAVE_LIMIT_SECONDS,
  ) {}

  /** From now on. */
  begin(serving: Serving): void {
    this.told = { ...serving, until: performance.now() + this.limitSeconds * 1000 };
  }

  /** Whether the process that serves now is to say so. */
  async isSaidBy({ pid, uptimeSeconds }: Serving): Promise<boolean> {
    const { told } = this;
    if (!told) return false;
    const isSame = pid === told.pid && uptimeSeconds >= told.uptimeSeconds;
    const isOver = performance.now() > told.until || (!isSame && (await this.reloads()) === 0);
    this.told = isOver ? undefined : { pid, uptimeSeconds, until: told.until };
    return !isOver;
  }
}
