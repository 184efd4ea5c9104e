/** Values as the SDK sends them to the engine: plain JSON, with marks for secrets, assets and what is not known yet. */
import { basename } from "node:path";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";
const referenceMark = "5cf8f73096256a8f31e491e813e4eb8e";
const assetMark = "c44067f5952c0a294b673a41bacd8c17";

/** What stands for a value that is known only once the update has run. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What a preview shows in the place of values it does not. */
export const shown = { secret: "[secret]", unknown: "[known after the update]" } as const;

/** The value as a preview may show it: without secrets, and without the protocol's marks. */
export function presentable(value: JavaScriptValue | undefined): unknown {
  if (value === unknown) return shown.unknown;
  if (typeof value === "string") return value.replaceAll(unknown, shown.unknown);
  if (Array.isArray(value)) return value.map(presentable);
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, JavaScriptValue>;
  if (object[signatureKey] === secretMark) return shown.secret;
  if (object[signatureKey] === referenceMark) return object["urn"];
  if (object[signatureKey] === assetMark) {
    // Not where it lies on this machine.
    const path = object["path"];
    return { asset: typeof path === "string" ? basename(path) : (object["uri"] ?? "[text]") };
  }
  return Object.fromEntries(Object.entries(object).map(([key, entry]) => [key, presentable(entry)]));
}
