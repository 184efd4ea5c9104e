// npm start: sets up, and says what there is to start.
import { installPackages, runMain } from "./setup.mjs";

await runMain(() => {
  installPackages();
  console.log(`jitsi-fleet is set up. There is no lab to start yet; what there is:

  a fleet on this machine's Docker    pulumi stack init dev && pulumi up      (README.md, "Quick start")
  its settings                        docs/settings.md
  types, lint, unit tests             npm run check
  the whole, on real HAProxy, Prosody, Docker and Pulumi
                                      npm run e2e                              (as root, on Debian)
`);
});
