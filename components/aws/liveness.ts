/** An edge that does not say that it is alive at two looks in a row gets no new connection from the load balancer. */
export const CHECKS = 2;
export const CHECK_SECONDS = 10;
/** Its nodes agree on what each of them saw, and tell one another. */
const AGREED_SECONDS = 15;

/** So long after an edge began to leave, the load balancer sends it nobody any more. */
export const NOTICED_SECONDS = CHECKS * CHECK_SECONDS + AGREED_SECONDS;
