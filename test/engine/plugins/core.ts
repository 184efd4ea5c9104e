/**
 * The part every stand-in for a provider plug-in shares: the gRPC service and the rules of checking, diffing and
 * replacing, driven by a table of resource types. A stand-in is that table plus what it really does.
 */
import * as grpc from "@grpc/grpc-js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import {
  type Change,
  changesBetween,
  defaultsKey,
  hasSecret,
  isList,
  isObject,
  type Properties,
  revealed,
  secret,
  unknown,
  type Value,
} from "./properties";

/** What a create, update, read or delete is given. Secrets are unwrapped. */
export interface Operation<Client> {
  /** What {@link ProviderPlugin.configure} made of the provider's configuration. */
  client: Client;
  /** The resource's name in the program. */
  name: string;
  /** Aborted when the user interrupts the update. */
  signal: AbortSignal;
  /** Shows a line beside the resource while the update runs. */
  log: (line: string) => void;
}

/** A resource as the provider knows it. */
export interface Resource {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

/** One resource type: which properties it has and what is really done for it. */
export interface ResourceType<Client> {
  /** The input properties it understands. Any other is refused, never ignored. */
  inputs: readonly string[];
  /** Those among {@link inputs} that must be set. */
  required?: readonly string[];
  /** The properties only known once it was created; in previews they are unknown. */
  outputs?: readonly string[];
  /** The properties that the objects in an input may have. Any other is refused too. */
  nested?: Record<string, readonly string[]>;
  /** Values of inputs that the program leaves out. */
  defaults?: Properties;
  /** Fills in what the program left out inside an input. There is no client while the provider's configuration is unknown. */
  complete?: (inputs: Properties, client: Client | undefined) => Properties;
  /** The input that becomes the resource's name with a random suffix where it is missing; `true`: `name`. */
  autoName?: boolean | string;
  /** The inputs whose change replaces the resource; or what is in them: `rootBlockDevice.encrypted`. */
  forceNew: readonly string[] | "all";
  /** The changed inputs that replace the resource by what they were and are: a plug-in's own rule beside its schema. */
  replacedBy?: (olds: Properties, news: Properties) => readonly string[];
  /** Lists in which order says nothing. */
  sets?: readonly string[];
  /** Inputs that keep their old value when the program stops setting them. */
  sticky?: readonly string[];
  /**
   * Whether a change is a difference to the outputs as last read, as in plug-ins bridged from Terraform, where false, 0
   * and "" are the same as nothing. Otherwise it is a difference to the last inputs.
   */
  diffsState?: boolean;
  /** With {@link diffsState}: the state without what the daemon chose because the program left it open. */
  comparableState?: (state: Properties, inputs: Properties) => Properties;
  /** Outputs to encrypt. */
  secretOutputs?: readonly string[];
  /** Whether a replacement deletes first. With {@link autoName} it does so anyway where the program sets the name. */
  deleteBeforeReplace?: boolean;
  /** Outputs that an update may change, therefore unknown while one is previewed. */
  outputsOfUpdate?: readonly string[];
  /** @returns faults of the inputs, by property */
  check?: (inputs: Properties) => { property: string; reason: string }[];
  create: (inputs: Properties, operation: Operation<Client>) => Promise<{ id: string; outputs: Properties }>;
  /** @returns the resource as it now is, or undefined when it is gone */
  read?: (resource: Resource, operation: Operation<Client>) => Promise<Resource | undefined>;
  /** @returns the outputs after the update */
  update?: (old: Resource, inputs: Properties, operation: Operation<Client>) => Promise<Properties>;
  delete?: (resource: Resource, operation: Operation<Client>) => Promise<void>;
}

/** A provider plug-in: its configuration and its resource types by token. */
export interface ProviderPlugin<Client> {
  version: string;
  /** The configuration properties it understands. */
  config: readonly string[];
  configure: (config: Properties) => Client;
  types: Record<string, ResourceType<Client>>;
  /** What can be asked without a resource, by token. */
  functions?: Record<string, (args: Properties, client: Client) => Promise<Properties>>;
  /**
   * Whether the plug-in keeps track of secrets: any secret input then makes every output secret. Otherwise the engine
   * marks those outputs that have the name of a secret input.
   */
  tracksSecrets?: boolean;
}

/** Thrown by a create that failed after the resource came to be: the engine keeps it, to be mended or deleted. */
export class PartlyCreatedError extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Properties,
  ) {
    super(message);
  }
}

type Handler<Request, Response> = (request: Request) => Promise<Response> | Response;

/** Serves a provider plug-in as the engine expects it: prints the port, then answers until it is killed. */
export function serveProvider<Client>(plugin: ProviderPlugin<Client>): void {
  let client: Client | undefined;
  const interrupted = new AbortController();
  const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
  const engine =
    engineAddress === undefined
      ? undefined
      : new EngineClient(engineAddress, grpc.credentials.createInsecure());

  const typeOf = (urn: string): ResourceType<Client> => {
    const token = tokenOf(urn);
    const type = plugin.types[token];
    if (type === undefined) throw new Error(`the stand-in plug-in does not know the resource type ${token}`);
    return type;
  };

  const operationOn = (urn: string): Operation<Client> => {
    if (client === undefined) throw new Error("the provider was not configured");
    const log = (line: string): void => {
      const entry = new LogRequest()
        .setSeverity(LogSeverity.INFO)
        .setMessage(line)
        .setUrn(urn)
        .setEphemeral(true);
      engine?.log(entry, () => undefined);
    };
    return { client, name: nameOf(urn), signal: interrupted.signal, log };
  };

  /** Marks what must be secret in what a create, read or update gave. */
  const sealed = (type: ResourceType<Client>, outputs: Properties, inputs: Properties): Properties => {
    const tainted = plugin.tracksSecrets === true && hasSecret(inputs);
    const marked = Object.entries(outputs).map(([key, value]): [string, Value] => {
      if (plugin.tracksSecrets === true && inputs[key] !== undefined) return [key, inputs[key]];
      return [key, tainted || type.secretOutputs?.includes(key) === true ? secret(value) : value];
    });
    return Object.fromEntries(marked);
  };

  const service = {
    handshake: unary<rpc.ProviderHandshakeRequest, rpc.ProviderHandshakeResponse>(() =>
      new rpc.ProviderHandshakeResponse().setAcceptSecrets(plugin.tracksSecrets === true),
    ),
    getPluginInfo: unary<Empty, PluginInfo>(() => new PluginInfo().setVersion(plugin.version)),
    getSchema: unary<rpc.GetSchemaRequest, rpc.GetSchemaResponse>(() =>
      new rpc.GetSchemaResponse().setSchema("{}"),
    ),
    checkConfig: unary<rpc.CheckRequest, rpc.CheckResponse>((request) => {
      const news = properties(request.getNews());
      const failures = Object.keys(news)
        .filter((key) => key !== "version" && !plugin.config.includes(key))
        .map((key) => failure(key, "the stand-in plug-in does not know this configuration property"));
      return new rpc.CheckResponse().setInputs(struct(news)).setFailuresList(failures);
    }),
    diffConfig: unary<rpc.DiffRequest, rpc.DiffResponse>((request) =>
      diffResponse(
        changesBetween(properties(request.getOldInputs()), properties(request.getNews())),
        () => false,
        false,
      ),
    ),
    configure: unary<rpc.ConfigureRequest, rpc.ConfigureResponse>((request) => {
      client = plugin.configure(revealed(properties(request.getArgs())));
      return new rpc.ConfigureResponse()
        .setSupportspreview(true)
        .setAcceptsecrets(plugin.tracksSecrets === true);
    }),
    check: unary<rpc.CheckRequest, rpc.CheckResponse>((request) => {
      const type = typeOf(request.getUrn());
      const [olds, news] = [properties(request.getOlds()), properties(request.getNews())];
      const inputs = withDefaults(type, client, {
        name: nameOf(request.getUrn()),
        olds,
        news,
        randomSeed: request.getRandomseed_asU8(),
      });
      const failures = faultsOf(type, news).map(({ property, reason }) => failure(property, reason));
      return new rpc.CheckResponse().setInputs(struct(inputs)).setFailuresList(failures);
    }),
    diff: unary<rpc.DiffRequest, rpc.DiffResponse>((request) => {
      const type = typeOf(request.getUrn());
      const news = revealed(properties(request.getNews()));
      const olds =
        type.diffsState === true
          ? comparableState(type, revealed(properties(request.getOlds())), news)
          : revealed(properties(request.getOldInputs()));
      const ignored = new Set(request.getIgnorechangesList());
      const isIgnored = ({ path, property }: Change): boolean =>
        ["*", path, property].some((key) => ignored.has(key));
      const comparison = { sets: type.sets ?? [], zeroIsAbsent: type.diffsState === true };
      const changes = changesBetween(olds, news, comparison).filter(
        (change) => !isIgnored(change) && !isKept(type, news, change),
      );
      const byRule = type.replacedBy?.(olds, news) ?? [];
      const forcing = type.forceNew;
      const replaces = ({ path, property }: Change): boolean =>
        forcing === "all" || byRule.includes(property) || forcing.some((one) => isWithin(path, one));
      return diffResponse(changes, replaces, deletesFirst(type, news));
    }),
    create: unary<rpc.CreateRequest, rpc.CreateResponse>(async (request) => {
      const type = typeOf(request.getUrn());
      const marked = properties(request.getProperties());
      if (request.getPreview()) {
        const outputs = { ...unmarked(marked), ...unknowns(type.outputs) };
        return new rpc.CreateResponse().setProperties(struct(sealed(type, outputs, marked)));
      }
      try {
        const { id, outputs } = await type.create(unmarked(revealed(marked)), operationOn(request.getUrn()));
        return new rpc.CreateResponse().setId(id).setProperties(struct(sealed(type, outputs, marked)));
      } catch (error) {
        if (!(error instanceof PartlyCreatedError)) throw error;
        throw initFailure(error, sealed(type, error.outputs, marked), marked);
      }
    }),
    read: unary<rpc.ReadRequest, rpc.ReadResponse>(async (request) => {
      const type = typeOf(request.getUrn());
      const marked = properties(request.getInputs());
      const before = {
        id: request.getId(),
        inputs: revealed(marked),
        outputs: revealed(properties(request.getProperties())),
      };
      const now = type.read === undefined ? before : await type.read(before, operationOn(request.getUrn()));
      if (now === undefined) return new rpc.ReadResponse();
      const inputs = Object.fromEntries(
        Object.entries(now.inputs).map(([key, value]) => {
          const kept = changesBetween({ [key]: before.inputs[key] ?? null }, { [key]: value }).length === 0;
          return [key, kept ? (marked[key] ?? value) : value];
        }),
      );
      return new rpc.ReadResponse()
        .setId(now.id)
        .setInputs(struct(inputs))
        .setProperties(struct(sealed(type, now.outputs, marked)));
    }),
    update: unary<rpc.UpdateRequest, rpc.UpdateResponse>(async (request) => {
      const type = typeOf(request.getUrn());
      const marked = properties(request.getNews());
      const old = {
        id: request.getId(),
        inputs: revealed(properties(request.getOldInputs())),
        outputs: revealed(properties(request.getOlds())),
      };
      const expected = { ...old.outputs, ...unmarked(marked) };
      if (request.getPreview() || type.update === undefined) {
        const outputs = { ...expected, ...(request.getPreview() ? unknowns(type.outputsOfUpdate) : {}) };
        return new rpc.UpdateResponse().setProperties(struct(sealed(type, outputs, marked)));
      }
      const outputs = await type.update(old, unmarked(revealed(marked)), operationOn(request.getUrn()));
      return new rpc.UpdateResponse().setProperties(struct(sealed(type, outputs, marked)));
    }),
    delete: unary<rpc.DeleteRequest, Empty>(async (request) => {
      const resource = {
        id: request.getId(),
        inputs: revealed(properties(request.getOldInputs())),
        outputs: revealed(properties(request.getProperties())),
      };
      await typeOf(request.getUrn()).delete?.(resource, operationOn(request.getUrn()));
      return new Empty();
    }),
    invoke: unary<rpc.InvokeRequest, rpc.InvokeResponse>(async (request) => {
      const ask = plugin.functions?.[request.getTok()];
      if (ask === undefined)
        throw new Error(`the stand-in plug-in does not know the function ${request.getTok()}`);
      if (client === undefined) throw new Error("the provider was not configured");
      const given = revealed(properties(request.getArgs()));
      return new rpc.InvokeResponse().setReturn(struct(await ask(given, client)));
    }),
    cancel: unary<Empty, Empty>(() => {
      interrupted.abort(new Error("interrupted"));
      return new Empty();
    }),
  };

  serve(ResourceProviderService, service);
}

/** Serves a gRPC service on a free port of the loopback interface and prints the port, as the engine expects. */
export function serve(
  definition: grpc.ServiceDefinition,
  handlers: Record<string, grpc.UntypedHandleCall>,
): void {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
  });
  server.addService(definition, handlers);
  endWithParent();
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });
}

/** The engine ends its plug-ins; where it was killed itself it cannot. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 1000).unref();
}

const maxMessageBytes = 400 * 1024 * 1024;

/** A unary handler out of a function that returns or throws. */
export function unary<Request, Response>(
  handler: Handler<Request, Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(handler)
      .then((response) => callback(null, response))
      .catch((error: unknown) => {
        if (isStatus(error)) callback(error);
        else
          callback({
            code: grpc.status.UNKNOWN,
            details: error instanceof Error ? error.message : String(error),
          });
      });
  };
}

function isStatus(error: unknown): error is Error & Partial<grpc.StatusObject> {
  return error instanceof Error && "code" in error && "details" in error;
}

function tokenOf(urn: string): string {
  const qualified = urn.split("::")[2] ?? "";
  return qualified.slice(qualified.lastIndexOf("$") + 1);
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function properties(value: Struct | undefined): Properties {
  return value?.toJavaScript() ?? {};
}

function struct(value: Properties): Struct {
  return Struct.fromJavaScript(value);
}

function failure(property: string, reason: string): rpc.CheckFailure {
  return new rpc.CheckFailure().setProperty(property).setReason(reason);
}

function faultsOf<Client>(
  type: ResourceType<Client>,
  news: Properties,
): { property: string; reason: string }[] {
  const unknownInputs = Object.keys(news)
    .filter((key) => key !== defaultsKey && !type.inputs.includes(key))
    .map((property) => ({ property, reason: "the stand-in plug-in does not know this property" }));
  const unknownNested = Object.entries(type.nested ?? {}).flatMap(([property, allowed]) =>
    [revealed(news)[property] ?? []]
      .flat()
      .filter((entry) => isObject(entry))
      .flatMap((entry) => Object.keys(entry).filter((key) => key !== defaultsKey && !allowed.includes(key)))
      .map((key) => ({ property, reason: `the stand-in plug-in does not know ${key} in it` })),
  );
  const missing = (type.required ?? [])
    .filter((key) => news[key] === undefined || news[key] === null)
    .map((property) => ({ property, reason: "is required" }));
  return [...unknownInputs, ...unknownNested, ...missing, ...(type.check?.(revealed(news)) ?? [])];
}

function withDefaults<Client>(
  type: ResourceType<Client>,
  client: Client | undefined,
  {
    name,
    olds,
    news,
    randomSeed,
  }: { name: string; olds: Properties; news: Properties; randomSeed: Uint8Array },
): Properties {
  const given = Object.fromEntries(Object.entries(news).filter(([, value]) => value !== null));
  const set = type.complete?.(given, client) ?? given;
  const filled: Properties = { ...type.defaults };
  const property = nameProperty(type);
  if (property !== undefined) {
    const suffix = Buffer.from(randomSeed).toString("hex").slice(0, 7);
    const kept = isAutoNamed(type, olds) ? (olds[property] ?? null) : null;
    filled[property] = kept ?? `${name}-${suffix}`;
  }
  const defaults = Object.keys(filled).filter((key) => set[key] === undefined);
  return { ...filled, ...set, ...(defaults.length > 0 ? { [defaultsKey]: defaults } : {}) };
}

function nameProperty<Client>({ autoName }: ResourceType<Client>): string | undefined {
  if (autoName === undefined || autoName === false) return undefined;
  return autoName === true ? "name" : autoName;
}

function isAutoNamed<Client>(type: ResourceType<Client>, inputs: Properties): boolean {
  const defaults = inputs[defaultsKey];
  return isList(defaults) && defaults.includes(nameProperty(type) ?? "");
}

function comparableState<Client>(
  type: ResourceType<Client>,
  outputs: Properties,
  news: Properties,
): Properties {
  const state = Object.fromEntries(Object.entries(outputs).filter(([key]) => type.inputs.includes(key)));
  return type.comparableState?.(state, news) ?? state;
}

function unmarked(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== defaultsKey));
}

function unknowns(keys: readonly string[] = []): Properties {
  return Object.fromEntries(keys.map((key) => [key, unknown]));
}

function isKept<Client>(type: ResourceType<Client>, news: Properties, change: Change): boolean {
  return type.sticky?.includes(change.property) === true && news[change.property] === undefined;
}

/** Whether what changed is what a rule names, is in it or has it in itself. Places in lists say nothing. */
function isWithin(changed: string, named: string): boolean {
  const path = changed.replaceAll(/\[\d+\]/g, "");
  return path === named || path.startsWith(`${named}.`) || named.startsWith(`${path}.`);
}

/** A name the program sets can be held by one resource at a time only. */
function deletesFirst<Client>(type: ResourceType<Client>, news: Properties): boolean {
  return type.deleteBeforeReplace === true || (nameProperty(type) !== undefined && !isAutoNamed(type, news));
}

function diffResponse(
  changes: Change[],
  replaces: (change: Change) => boolean,
  deleteBeforeReplace: boolean,
): rpc.DiffResponse {
  const response = new rpc.DiffResponse()
    .setChanges(
      changes.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE,
    )
    .setDiffsList([...new Set(changes.map((change) => change.property))])
    .setReplacesList([...new Set(changes.filter(replaces).map((change) => change.property))])
    .setDeletebeforereplace(deleteBeforeReplace && changes.some(replaces))
    .setHasdetaileddiff(true);
  const { Kind } = rpc.PropertyDiff;
  for (const change of changes) {
    const kinds = {
      add: [Kind.ADD, Kind.ADD_REPLACE],
      delete: [Kind.DELETE, Kind.DELETE_REPLACE],
      update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
    } as const;
    const kind = kinds[change.kind][replaces(change) ? 1 : 0];
    response.getDetaileddiffMap().set(change.path, new rpc.PropertyDiff().setKind(kind).setInputdiff(true));
  }
  return response;
}

function initFailure(error: PartlyCreatedError, outputs: Properties, inputs: Properties): grpc.ServiceError {
  const detail = new rpc.ErrorResourceInitFailed()
    .setId(error.id)
    .setReasonsList([error.message])
    .setProperties(struct(outputs))
    .setInputs(struct(inputs));
  const any = new Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status().setCode(grpc.status.UNKNOWN).setMessage(error.message).setDetailsList([any]);
  const metadata = new grpc.Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return Object.assign(new Error(error.message), {
    code: grpc.status.UNKNOWN,
    details: error.message,
    metadata,
  });
}
