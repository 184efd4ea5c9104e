import { QueryError, type Structure } from "./query";

/** A call's parameters, read as what they must be. */
export class Parameters {
  constructor(private readonly given: Structure) {}

  has(name: string): boolean {
    return this.given[name] !== undefined;
  }

  text(name: string): string | undefined {
    const value = this.given[name];
    return typeof value === "string" ? value : undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "")
      throw new QueryError(
        "ValidationError",
        `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
      );
    return value;
  }

  integer(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^-?\d+$/.test(text)) throw new QueryError("MalformedInput", `${name} must be a number.`);
    return Number(text);
  }

  boolean(name: string): boolean | undefined {
    const value = this.given[name];
    return value === undefined ? undefined : value === true || value === "true";
  }

  date(name: string): Date | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const date = new Date(text);
    if (Number.isNaN(date.getTime())) throw new QueryError("MalformedInput", `${name} must be a time.`);
    return date;
  }

  /** A member that is one of these; undefined where it is absent. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found === undefined)
      throw new QueryError("ValidationError", `${name} must be one of ${choices.join(", ")}, not ${text}.`);
    return found;
  }

  texts(name: string): string[] {
    const value = this.given[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  structure(name: string): Parameters | undefined {
    const value = this.given[name];
    return typeof value === "object" && !Array.isArray(value) ? new Parameters(value) : undefined;
  }

  structures(name: string): Parameters[] {
    const value = this.given[name];
    return Array.isArray(value)
      ? value.flatMap((item) =>
          typeof item === "object" && !Array.isArray(item) ? [new Parameters(item)] : [],
        )
      : [];
  }

  /** As it came, of these names alone. */
  pick(names: readonly string[]): Structure {
    return Object.fromEntries(
      names.flatMap((name) => (this.given[name] === undefined ? [] : [[name, this.given[name]]])),
    );
  }
}
