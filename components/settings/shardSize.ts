/**
 * Participants that one shard is made for. Its web server holds two connections for each (5,000 websockets through
 * nginx 1.22: 21 kB each). It is no setting: what follows it in a shard's containers must stay as it is when
 * bridges.max is raised.
 */
export const USERS_PER_SHARD = 5000;
