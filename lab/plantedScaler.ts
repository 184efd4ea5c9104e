/** The scaler with a fault: what it should drain, retire or fence it removes at once. Proves that the lab sees it. */
import { scalerConfiguration } from "../scaler/configuration";
import { decide } from "../scaler/core/decide";
import type { Action } from "../scaler/core/fleet";
import { readConfiguration } from "../scaler/readConfiguration";
import { DockerFleet } from "../scaler/fleets/docker";
import { runService } from "../scaler/service/service";

const rushed = (action: Action): Action =>
  action.kind === "drain" || action.kind === "retire" || action.kind === "fence"
    ? { ...action, kind: "remove" }
    : action;

const decideRushed: typeof decide = (...args) => {
  const decision = decide(...args);
  return { ...decision, actions: decision.actions.map(rushed) };
};

void runService(readConfiguration(scalerConfiguration), decideRushed, ({ fleet }) => {
  if (fleet.kind !== "docker") throw new Error("the lab has Docker hosts alone");
  return new DockerFleet(fleet);
});
