/** The lease of the one scaler that acts, as the table has it. */
export interface LeaseItem {
  readonly holder: string;
  /** Another each time that it is renewed. */
  readonly beat: string;
}

/** What a scaler knows of the lease, by its own clock. */
export interface LeaseView {
  /** The beat that was last seen, and since when. */
  readonly seen: { readonly beat: string | undefined; readonly sinceSeconds: number } | undefined;
  /** Until then it is this scaler's; none: it is not. */
  readonly heldUntilSeconds: number | undefined;
}

export const noLease: LeaseView = { seen: undefined, heldUntilSeconds: undefined };

/** Before the lease's end by so much the holder does not act any more: a call that is under way is over by then. */
export const MARGIN = 0.25;

/**
 * Whether to write the lease, provided that it is still as it was read: the holder renews it, and another takes it once
 * its beat has stood still for the whole of it. Only durations by this scaler's own clock: nobody's clocks are compared.
 */
export function leaseTurn(
  item: LeaseItem | undefined,
  me: string,
  view: LeaseView,
  leaseSeconds: number,
  nowSeconds: number,
): { readonly view: LeaseView; readonly write: boolean } {
  const beat = item?.beat;
  const seen = view.seen && view.seen.beat === beat ? view.seen : { beat, sinceSeconds: nowSeconds };
  const isMine = item?.holder === me && view.heldUntilSeconds !== undefined;
  const isFree = item === undefined || item.holder === "";
  const isStale = nowSeconds - seen.sinceSeconds >= leaseSeconds;
  return {
    view: { seen, heldUntilSeconds: isMine ? view.heldUntilSeconds : undefined },
    write: isMine || isFree || isStale,
  };
}

/** What is known once the lease was written: it counts from before the writing began. */
export const leaseWritten = (beat: string, beganSeconds: number, leaseSeconds: number): LeaseView => ({
  seen: { beat, sinceSeconds: beganSeconds },
  heldUntilSeconds: beganSeconds + leaseSeconds * (1 - MARGIN),
});

export const isHeld = ({ heldUntilSeconds }: LeaseView, nowSeconds: number): boolean =>
  heldUntilSeconds !== undefined && nowSeconds < heldUntilSeconds;
