import assert from "node:assert/strict";
import { authOf, loginsFor, pullFault, registryOf } from "../../../scaler/engine/registries";

const login = (host: string) => ({ host, username: `user of ${host}`, password: `password of ${host}` });
const logins = ["docker.io", "ghcr.io", "mirror:5000"].map(login);

describe("an image's registry", () => {
  it("is the one that Docker reads in its name", () => {
    for (const [image, registry] of [
      ["haproxy:3.2", "docker.io"],
      ["coturn/coturn:4.17.0", "docker.io"],
      ["index.docker.io/coturn/coturn", "docker.io"],
      ["ghcr.io/jitsi/web:stable-11146-2", "ghcr.io"],
      ["mirror:5000/hub/docker.io/library/haproxy:3.2", "mirror:5000"],
      ["localhost/one", "localhost"],
      ["node@sha256:0123", "docker.io"],
    ] as const)
      assert.equal(registryOf(image), registry, image);
  });

  it("is told its own user, and none of another's", () => {
    assert.deepEqual(authOf("haproxy:3.2", logins), {
      username: "user of docker.io",
      password: "password of docker.io",
      serveraddress: "https://index.docker.io/v1/",
    });
    assert.deepEqual(authOf("mirror:5000/hub/haproxy", logins), {
      username: "user of mirror:5000",
      password: "password of mirror:5000",
      serveraddress: "mirror:5000",
    });
    assert.equal(authOf("quay.io/one:1", logins), undefined);
    assert.deepEqual(loginsFor(["quay.io/one:1", "ghcr.io/jitsi/jvb:1", "ghcr.io/jitsi/jibri:1"], logins), [
      login("ghcr.io"),
    ]);
  });

  it("is told with the setting at fault where it lets nobody in, and not where it does not answer", () => {
    // Docker's own words (20.10 to 29) for a registry that asks for a password, for Docker Hub and for GitHub.
    for (const said of [
      'Head "https://ghcr.io/v2/jitsi/jvb/manifests/1": unauthorized: authentication required',
      'Head "https://ghcr.io/v2/jitsi/jvb/manifests/1": no basic auth credentials',
      "pull access denied for jitsi/jvb, repository does not exist or may require 'docker login'",
      'Head "https://ghcr.io/v2/jitsi/jvb/manifests/1": denied: denied',
      'failed to resolve reference "ghcr.io/jitsi/jvb:1": unexpected status from HEAD request to https://ghcr.io/v2/jitsi/jvb/manifests/1: 401 Unauthorized',
    ]) {
      const known = pullFault("ghcr.io/jitsi/jvb:1", logins, said);
      assert.match(
        known,
        /\(ghcr\.io was asked with the username and password that images\.registries has for it\)$/,
      );
      assert.match(
        pullFault("ghcr.io/jitsi/jvb:1", [], said),
        /\(images\.registries has no .* for ghcr\.io\)$/,
      );
      assert.ok(!known.includes("password of"));
    }
    const said = "dial tcp 203.0.113.40:443: connect: connection refused";
    assert.equal(pullFault("ghcr.io/jitsi/jvb:1", logins, said), said);
  });
});
