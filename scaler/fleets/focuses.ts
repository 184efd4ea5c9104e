import type { Focus } from "../core/fleet";
import { RoomsClient, type ShardAddress } from "../keeper/roomsClient";
import { shortReason } from "../shortReason";

/** All shards are asked at once, beside the places: nobody waits longer for them. */
const LIMIT_SECONDS = 3;

/** What each shard's conference focus sees. Never throws: no answer is unknown. */
export const askFocuses = (shards: readonly ShardAddress[]): Promise<Focus[]> =>
  Promise.all(
    shards.map(async (at): Promise<Focus> => {
      const { shard } = at;
      try {
        const value = await new RoomsClient(at, LIMIT_SECONDS).jibris();
        return { shard, jibris: { kind: "fresh", value } };
      } catch (error) {
        return { shard, jibris: { kind: "unknown", why: shortReason(error) } };
      }
    }),
  );
