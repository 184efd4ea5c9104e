import type { Answer, FrontRequest } from "./front";

/**
 * Buckets' policies. moto would apply one to every request, but without its conditions: a policy that refuses what comes
 * without TLS would refuse all. So they are kept here, and read back as they were put; nothing is refused by them.
 */
export class BucketPolicies {
  private readonly policies = new Map<string, string>();

  async answer({ method, url, body }: FrontRequest): Promise<Answer | undefined> {
    const [, bucket = "", ...key] = url.pathname.split("/");
    if (bucket === "" || key.join("") !== "") return undefined;
    if (!url.searchParams.has("policy")) {
      if (method === "DELETE" && url.search === "") this.policies.delete(bucket);
      return undefined;
    }
    if (method === "PUT") this.policies.set(bucket, await body());
    else if (method === "DELETE") this.policies.delete(bucket);
    else {
      const policy = this.policies.get(bucket);
      return policy === undefined
        ? {
            status: 404,
            body: `<Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not exist</Message><BucketName>${bucket}</BucketName></Error>`,
          }
        : { status: 200, body: policy, type: "application/json" };
    }
    return { status: 204, body: "" };
  }
}
