import { randomUUID } from "node:crypto";
import type { Parameters } from "../parameters";
import { QueryError, type Structure, type Value } from "../query";

/** Lists that are begun and not read to their end; the oldest are forgotten. */
const LISTS_KEPT = 100;

/** Long answers in pieces: MaxRecords a piece, and a NextToken as long as more follows. */
export class Pages {
  private readonly rests = new Map<string, readonly Value[]>();

  page(
    name: string,
    all: readonly Value[],
    given: Parameters,
    { usual, most }: { usual: number; most: number },
  ): Structure {
    const size = given.integer("MaxRecords") ?? usual;
    if (size < 1 || size > most)
      throw new QueryError("ValidationError", `MaxRecords must be from 1 to ${most}, not ${size}.`);
    const token = given.text("NextToken");
    const rest = token === undefined ? all : this.rests.get(token);
    if (rest === undefined) throw new QueryError("InvalidNextToken", "The NextToken value is not valid.");
    if (rest.length <= size) return { [name]: [...rest] };
    const next = randomUUID();
    this.rests.set(next, rest.slice(size));
    const [oldest] = this.rests.keys();
    if (this.rests.size > LISTS_KEPT && oldest !== undefined) this.rests.delete(oldest);
    return { [name]: rest.slice(0, size), NextToken: next };
  }
}
