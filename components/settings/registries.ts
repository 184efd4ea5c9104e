import { registryOf } from "@jitsi-fleet/scaler";
import { duplicates, type Report } from "./faults";
import { mirrored } from "./mirror";
import type { ParsedSettings } from "./schema";

/** A private registry of ECR (https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html). */
const ecr = /^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\./;

/** That each login of a registry is one that lasts, and is of use. */
export function checkRegistries(images: ParsedSettings["images"], fault: Report): void {
  const at = (index: number): string => `images.registries[${index}].host`;
  const { coturn, haproxy, keepalived, node, registry } = mirrored(images);
  const all = [coturn, haproxy, keepalived, node, `${registry}/jvb`];
  const hosts = [...new Set(all.map(registryOf))];
  for (const { first, index, key } of duplicates(images.registries, ({ host }) => host))
    fault(at(index), `${key} is images.registries[${first}] already; name each once`);
  images.registries.forEach(({ host }, index) => {
    if (ecr.test(host))
      fault(
        at(index),
        `${host} is ECR's, whose passwords are good for 12 hours; have images by a registry whose users stay, such as one that mirrors it, in images.mirror`,
      );
    else if (!hosts.includes(host))
      fault(at(index), `no image comes from ${host}; they come from: ${hosts.join(", ")}`);
  });
}
