import type Docker from "dockerode";

/** Brings an image into the engine, unless it is there. */
export async function pullIfAbsent(docker: Docker, image: string): Promise<void> {
  const present = await docker.listImages({ filters: { reference: [image] } });
  if (present.length > 0) return;
  const progress = await docker.pull(image);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
  });
}
