/** Stand-in for `pulumi-resource-random`: the values are really random. */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { type ResourceType, serveProvider } from "./core";
import { isObject, type Properties } from "./properties";

const characterClasses = [
  { flag: "lower", minimum: "minLower", characters: "abcdefghijklmnopqrstuvwxyz" },
  { flag: "upper", minimum: "minUpper", characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
  { flag: "numeric", minimum: "minNumeric", characters: "0123456789" },
  { flag: "special", minimum: "minSpecial", characters: "!@#$%&*()-_=+[]{}<>:?" },
] as const;

function pick(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

function randomText(inputs: Properties): string {
  const classes = characterClasses.map(({ flag, minimum, characters }) => ({
    characters:
      flag === "special" && typeof inputs["overrideSpecial"] === "string"
        ? inputs["overrideSpecial"]
        : characters,
    wanted: (inputs[flag] ?? inputs[flag === "numeric" ? "number" : flag]) !== false,
    minimum: Number(inputs[minimum] ?? 0),
  }));
  const length = Number(inputs["length"]);
  const required = classes.flatMap(({ characters, minimum }) =>
    Array.from({ length: minimum }, () => pick(characters)),
  );
  const all = classes.filter(({ wanted }) => wanted).map(({ characters }) => characters);
  if (required.length > length) throw new Error("length must be at least the sum of the minimums");
  if (all.length === 0) throw new Error("at least one class of characters must be allowed");
  const rest = Array.from({ length: length - required.length }, () => pick(all.join("")));
  return shuffled([...required, ...rest]).join("");
}

function shuffled<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, order: randomBytes(8).readBigUInt64LE() }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ item }) => item);
}

const textInputs = [
  "keepers",
  "length",
  "number",
  "overrideSpecial",
  ...characterClasses.flatMap(({ flag, minimum }) => [flag, minimum]),
];

function textOutputs(inputs: Properties, result: string): Properties {
  const flags = characterClasses.map(({ flag, minimum }) => ({
    [flag]: inputs[flag] ?? true,
    [minimum]: inputs[minimum] ?? 0,
  }));
  return Object.assign({ number: true }, ...flags, inputs, { result }) as Properties;
}

const lengthCheck: ResourceType<null>["check"] = ({ length }) =>
  typeof length === "number" && length < 1 ? [{ property: "length", reason: "must be at least 1" }] : [];

const types: Record<string, ResourceType<null>> = {
  "random:index/randomPassword:RandomPassword": {
    inputs: textInputs,
    required: ["length"],
    outputs: ["result", "bcryptHash"],
    // In the real plug-in these are secret by its schema, whatever the SDK asks for.
    secretOutputs: ["result", "bcryptHash"],
    forceNew: "all",
    check: lengthCheck,
    create: (inputs) =>
      // No bcrypt without a dependency: nothing here may rely on this hash, so it is visibly not one.
      Promise.resolve({
        id: "none",
        outputs: { ...textOutputs(inputs, randomText(inputs)), bcryptHash: "stand-in: no bcrypt" },
      }),
  },
  "random:index/randomString:RandomString": {
    inputs: textInputs,
    required: ["length"],
    outputs: ["result"],
    forceNew: "all",
    check: lengthCheck,
    create: (inputs) => {
      const result = randomText(inputs);
      return Promise.resolve({ id: result, outputs: textOutputs(inputs, result) });
    },
  },
  "random:index/randomId:RandomId": {
    inputs: ["byteLength", "keepers", "prefix"],
    required: ["byteLength"],
    outputs: ["b64Std", "b64Url", "dec", "hex"],
    forceNew: "all",
    create: (inputs) => {
      const bytes = randomBytes(Number(inputs["byteLength"]));
      const prefix = typeof inputs["prefix"] === "string" ? inputs["prefix"] : "";
      const outputs = {
        ...inputs,
        hex: prefix + bytes.toString("hex"),
        dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
        b64Std: prefix + bytes.toString("base64"),
        b64Url: prefix + bytes.toString("base64url"),
      };
      return Promise.resolve({ id: bytes.toString("base64url"), outputs });
    },
  },
  "random:index/randomUuid:RandomUuid": {
    inputs: ["keepers"],
    outputs: ["result"],
    forceNew: "all",
    check: ({ keepers }) =>
      keepers === undefined || isObject(keepers) ? [] : [{ property: "keepers", reason: "must be a map" }],
    create: (inputs) => {
      const result = randomUUID();
      return Promise.resolve({ id: result, outputs: { ...inputs, result } });
    },
  },
};

serveProvider({ version: "4.21.2", config: [], configure: () => null, types });
