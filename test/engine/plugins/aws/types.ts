/** Every resource type of the stand-in for the AWS plug-in, by token. */
import { computeTypes } from "./compute";
import { eventTypes } from "./events";
import { frontDoorTypes } from "./frontDoor";
import { identityTypes } from "./identity";
import { imageTypes } from "./images";
import { networkTypes } from "./network";
import { storageTypes } from "./storage";

export const awsTypes = {
  ...networkTypes,
  ...computeTypes,
  ...identityTypes,
  ...imageTypes,
  ...storageTypes,
  ...eventTypes,
  ...frontDoorTypes,
};
