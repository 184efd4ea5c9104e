/**
 * The project's policy pack, for `pulumi preview --policy-pack policy` and `pulumi up --policy-pack policy`. What it
 * holds resources to is in rules.ts, which the tests and `npm run preview -- --policy` use too.
 */
import { PolicyPack } from "@pulumi/policy";
import { rules } from "./rules";

new PolicyPack("jitsi-fleet", {
  policies: rules.map(({ check, description, name }) => ({
    name,
    description,
    enforcementLevel: "mandatory",
    validateStack: ({ resources }, reportViolation) => {
      const all = resources.map(({ name: called, opts, props, type, urn }) => ({
        type,
        name: called,
        props,
        ignoreChanges: opts.ignoreChanges,
        urn,
      }));
      for (const { message, resource } of check(all))
        reportViolation(
          `${resource.type} ${resource.name} ${message}`,
          all.find((one) => one === resource)?.urn,
        );
    },
  })),
});
