import { registryOf } from "@jitsi-fleet/scaler";
import type { ParsedSettings } from "./schema";

/** An image's whole name, as Docker itself reads a short one: `haproxy:3.2` is docker.io's, in library. */
function wholeName(image: string): string {
  if (!image.includes("/")) return `docker.io/library/${image}`;
  return image.startsWith(`${registryOf(image)}/`) ? image : `docker.io/${image}`;
}

/** The images of the settings by way of their mirror, which has each below its whole name. */
export function mirrored(images: ParsedSettings["images"]): ParsedSettings["images"] {
  const { mirror } = images;
  if (mirror === undefined) return images;
  const at = (image: string): string => `${mirror}/${wholeName(image)}`;
  const { coturn, haproxy, keepalived, node, registry, telegraf } = images;
  return {
    ...images,
    registry: at(registry),
    haproxy: at(haproxy),
    node: at(node),
    keepalived: at(keepalived),
    coturn: at(coturn),
    telegraf: at(telegraf),
  };
}
