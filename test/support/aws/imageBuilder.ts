import type { Answer, FrontRequest } from "./front";

const ACCOUNT = "123456789012";
const REGION = "eu-central-1";

/** What there is of Image Builder: what names one in a request, and its part of an ARN. */
const kinds = {
  Component: { arn: "componentBuildVersionArn", path: "component" },
  ImageRecipe: { arn: "imageRecipeArn", path: "image-recipe" },
  InfrastructureConfiguration: {
    arn: "infrastructureConfigurationArn",
    path: "infrastructure-configuration",
  },
  Image: { arn: "imageBuildVersionArn", path: "image" },
} as const;
type Kind = keyof typeof kinds;
type Fields = Readonly<Record<string, unknown>>;

class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/**
 * EC2 Image Builder, which moto has not: what is put there, as it is read back, and an AMI for each image. Nothing is
 * built, and an image is there at once. As on AWS, a version is never made twice, and a component stays that a recipe
 * names.
 */
export class ImageBuilder {
  private readonly kept = new Map<string, Fields>();
  private builds = 0;

  /** `makeAmi`: of this name with these tags; gives its id. */
  constructor(
    private readonly makeAmi: (name: string, tags: Readonly<Record<string, string>>) => Promise<string>,
  ) {}

  async answer(request: FrontRequest): Promise<Answer> {
    try {
      const body = JSON.stringify(await this.act(request));
      return { status: 200, body, type: "application/json" };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, status } = error;
      return { status, body: JSON.stringify({ __type: code, message }), type: "application/json" };
    }
  }

  private async act({ body, method, url }: FrontRequest): Promise<Fields> {
    const given = async (): Promise<Fields> => JSON.parse((await body()) || "{}") as Fields;
    if (url.pathname.startsWith("/tags/")) {
      const arn = decodeURIComponent(url.pathname.slice("/tags/".length));
      const gone = method === "DELETE" ? url.searchParams.getAll("tagKeys") : [];
      return this.retag(arn, gone, method === "DELETE" ? {} : (await given())["tags"]);
    }
    const [, verb, name] = /^\/(Create|Get|Update|Delete)(\w+)$/.exec(url.pathname) ?? [];
    if (name === undefined || !isKind(name))
      throw new Refusal("UnknownOperationException", url.pathname, 404);
    const { arn: key } = kinds[name];
    if (verb === "Create") return { [key]: await this.create(name, await given()) };
    const fields = verb === "Update" ? await given() : {};
    const arn = textOf(fields[key]) || (url.searchParams.get(key) ?? "");
    const found = this.find(arn);
    if (verb === "Update") this.kept.set(arn, { ...found, ...fields, [key]: undefined });
    else if (verb === "Delete") this.remove(arn);
    else return { [name.charAt(0).toLowerCase() + name.slice(1)]: found };
    return { [key]: arn };
  }

  private async create(kind: Kind, fields: Fields): Promise<string> {
    const { semanticVersion, ...rest } = fields;
    const version = semanticVersion === undefined ? {} : { version: semanticVersion };
    const made = kind === "Image" ? await this.build(fields) : { name: textOf(fields["name"]), ...version };
    const parts = [kinds[kind].path, made.name.toLowerCase(), textOf(made.version)];
    if (kind === "Component") parts.push("1");
    const arn = arnOf(parts.filter((part) => part !== "").join("/"));
    if (this.kept.has(arn)) throw new Refusal("ResourceAlreadyExistsException", `${arn} exists already.`);
    for (const one of componentsOf(fields)) this.find(one);
    this.kept.set(arn, { ...rest, ...made, arn });
    return arn;
  }

  private async build(fields: Fields) {
    const recipe = this.find(textOf(fields["imageRecipeArn"]));
    this.find(textOf(fields["infrastructureConfigurationArn"]));
    const [name, recipeVersion] = [textOf(recipe["name"]), textOf(recipe["version"])];
    const build = ++this.builds;
    const version = `${recipeVersion}/${build}`;
    const image = await this.makeAmi(
      `${name} ${version}`,
      (recipe["amiTags"] ?? {}) as Record<string, string>,
    );
    return {
      name,
      version,
      platform: "Linux",
      state: { status: "AVAILABLE" },
      outputResources: { amis: [{ accountId: ACCOUNT, image, name: `${name} ${version}`, region: REGION }] },
    };
  }

  private remove(arn: string): void {
    const isUsed = [...this.kept.values()].some((fields) => componentsOf(fields).includes(arn));
    if (isUsed)
      throw new Refusal(
        "ResourceDependencyException",
        `The resource ARN '${arn}' has other resources depended on it.`,
      );
    this.kept.delete(arn);
  }

  private retag(arn: string, gone: readonly string[], more: unknown): Fields {
    const found = this.find(arn);
    const all = { ...(found["tags"] as object | undefined), ...(more as object) };
    const tags = Object.fromEntries(Object.entries(all).filter(([key]) => !gone.includes(key)));
    this.kept.set(arn, { ...found, tags });
    return {};
  }

  private find(arn: string): Fields {
    const found = this.kept.get(arn);
    if (!found) throw new Refusal("ResourceNotFoundException", `${arn} was not found.`, 404);
    return found;
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const isKind = (name: string): name is Kind => Object.hasOwn(kinds, name);
const arnOf = (resource: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${resource}`;
const componentsOf = (fields: Fields): string[] =>
  ((fields["components"] ?? []) as { componentArn: string }[]).map(({ componentArn }) => componentArn);
