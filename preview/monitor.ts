import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engine from "@pulumi/pulumi/proto/engine_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { presentable } from "./values";

/** A resource as the program declared it, for the eyes of people: secrets are hidden. */
export interface DeclaredResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** None: the stack itself. */
  readonly parent: string | undefined;
  /** A component is made of its children alone. */
  readonly component: boolean;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly dependsOn: readonly string[];
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: readonly string[];
  /** Hooks that guard it, by what they stand before or after. */
  readonly hooks: readonly string[];
}

/** Answers a program's question without asking anybody; undefined: it is not known. */
export type Answers = (
  token: string,
  args: Readonly<Record<string, JavaScriptValue>>,
) => Record<string, JavaScriptValue> | undefined;

/** What the program cannot do without, of what an engine may offer. */
const features = new Set([
  "secrets",
  "resourceReferences",
  "aliasSpecs",
  "deletedWith",
  "resourceHooks",
  "errorHooks",
]);

/** The part of Pulumi's engine that a program talks to; it notes what is declared, and makes nothing. */
export class Monitor {
  readonly resources: DeclaredResource[] = [];
  /** The stack's outputs, once the program ended. */
  outputs: Readonly<Record<string, unknown>> = {};
  /** What the program says is wrong. */
  readonly errors: string[] = [];
  readonly #server = new grpc.Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
  });
  #root = "";

  constructor(
    private readonly project: string,
    private readonly stack: string,
    private readonly answers: Answers,
  ) {
    this.#server.addService(ResourceMonitorService, {
      supportsFeature: unary<rpc.SupportsFeatureRequest, rpc.SupportsFeatureResponse>((request) =>
        new rpc.SupportsFeatureResponse().setHassupport(features.has(request.getId())),
      ),
      registerResource: unary<rpc.RegisterResourceRequest, rpc.RegisterResourceResponse>((request) =>
        this.#register(request),
      ),
      registerResourceOutputs: unary<rpc.RegisterResourceOutputsRequest, Empty>((request) => {
        if (request.getUrn() === this.#root) this.outputs = shownStruct(request.getOutputs());
        return new Empty();
      }),
      registerResourceHook: unary(() => new Empty()),
      registerErrorHook: unary(() => new Empty()),
      invoke: unary<rpc.ResourceInvokeRequest, rpc.ResourceInvokeResponse>((request) => {
        const token = request.getTok();
        const answer = this.answers(token, request.getArgs()?.toJavaScript() ?? {});
        if (answer === undefined)
          throw new Error(`The preview has no answer to ${token}: add one in preview/answers.ts.`);
        return new rpc.ResourceInvokeResponse().setReturn(Struct.fromJavaScript(answer));
      }),
      signalAndWaitForShutdown: unary(() => new Empty()),
    });
    this.#server.addService(EngineService, {
      log: unary<engine.LogRequest, Empty>((request) => {
        if (request.getSeverity() === engine.LogSeverity.ERROR) this.errors.push(request.getMessage());
        return new Empty();
      }),
      setRootResource: unary<engine.SetRootResourceRequest, engine.SetRootResourceResponse>((request) => {
        this.#root = request.getUrn();
        return new engine.SetRootResourceResponse();
      }),
      getRootResource: unary<engine.GetRootResourceRequest, engine.GetRootResourceResponse>(() =>
        new engine.GetRootResourceResponse().setUrn(this.#root),
      ),
      requirePulumiVersion: unary(() => new engine.RequirePulumiVersionResponse()),
    });
  }

  /** @returns the address at which the program reaches it */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(`127.0.0.1:${port}`);
        else reject(error);
      });
    });
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #register(request: rpc.RegisterResourceRequest): rpc.RegisterResourceResponse {
    const [type, name, parent] = [request.getType(), request.getName(), request.getParent()];
    const urn = urnOf(this.project, this.stack, { type, name, parent });
    if (this.resources.some((resource) => resource.urn === urn))
      throw new Error(`Duplicate resource: ${urn}`);
    this.resources.push({
      urn,
      type,
      name,
      parent: parent === "" ? undefined : parent,
      component: !request.getCustom(),
      inputs: shownStruct(request.getObject()),
      dependsOn: request.getDependenciesList(),
      protect: request.getProtect() ?? false,
      retainOnDelete: request.getRetainondelete() ?? false,
      ignoreChanges: request.getIgnorechangesList(),
      hooks: Object.entries(request.getHooks()?.toObject() ?? {})
        .filter(([, names]) => names.length > 0)
        .map(([moment, names]) => `${moment.replace(/List$/, "")}: ${names.join(", ")}`),
    });
    // As in a preview of the engine's: nothing has an identifier yet, and what the inputs do not say is not known.
    const response = new rpc.RegisterResourceResponse().setUrn(urn);
    return request.getCustom() ? response.setObject(request.getObject()) : response;
  }
}

const maxMessageBytes = 400 * 1024 * 1024;

function shownStruct(struct: Struct | undefined): Readonly<Record<string, unknown>> {
  return presentable(struct?.toJavaScript() ?? {}) as Readonly<Record<string, unknown>>;
}

function urnOf(
  project: string,
  stack: string,
  resource: { type: string; name: string; parent: string },
): string {
  const [, , parents = ""] = resource.parent.split("::");
  const within = parents === "" || parents === "pulumi:pulumi:Stack" ? "" : `${parents}$`;
  return `urn:pulumi:${stack}::${project}::${within}${resource.type}::${resource.name}`;
}

function unary<Request, Response>(
  answer: (request: Request) => Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    try {
      callback(null, answer(call.request));
    } catch (error) {
      callback({
        code: grpc.status.UNKNOWN,
        details: error instanceof Error ? error.message : String(error),
      });
    }
  };
}
