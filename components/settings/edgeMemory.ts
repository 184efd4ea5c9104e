/** What a room takes in HAProxy's table (measured with 3.0), of which there are two during a reload. */
const ROOM_BYTES = 2 * 462;
/** With room for so many, and for the connections of the users. */
const LEAST = { memoryMiB: 1024, rooms: 200_000 };

/** The memory that HAProxy is given: more for what it remembers beyond the usual. */
export const haproxyMemoryMiB = (roomsRemembered: number): number =>
  LEAST.memoryMiB + Math.ceil((Math.max(0, roomsRemembered - LEAST.rooms) * ROOM_BYTES) / 2 ** 20);
