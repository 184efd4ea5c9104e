/** This process's own clock, for durations: it never goes back, and is nobody else's. */
export const nowSeconds = (): number => performance.now() / 1000;
