import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import type { Answers } from "./monitor";

const letters = ["a", "b", "c", "d", "e", "f"];
/** AWS's own number for examples. */
const exampleAccount = "123456789012";

const known: Readonly<
  Record<
    string,
    (region: string, args: Readonly<Record<string, JavaScriptValue>>) => Record<string, JavaScriptValue>
  >
> = {
  // A new stack has no state.
  "pulumi:pulumi:readStackResourceOutputs": (_region, { stackName = "" }) => ({
    name: stackName,
    outputs: {},
  }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": (region) => ({
    id: region,
    region,
    state: "available",
    groupNames: [region],
    names: letters.map((letter) => region + letter),
    zoneIds: letters.map((_, index) => `${region}-az${index + 1}`),
  }),
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    id: exampleAccount,
    accountId: exampleAccount,
    arn: `arn:aws:iam::${exampleAccount}:root`,
    userId: exampleAccount,
  }),
  "aws:index/getRegion:getRegion": (region) => ({
    id: region,
    name: region,
    region,
    description: region,
    endpoint: "",
  }),
  "aws:index/getPartition:getPartition": (region) => ({
    id: "aws",
    partition: "aws",
    region,
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:ec2/getSubnet:getSubnet": (region, args) => ({
    id: args["id"] ?? "",
    region,
    mapPublicIpOnLaunch: true,
  }),
  "aws:lb/getLbs:getLbs": (region) => ({ id: region, region, arns: [] }),
};

/**
 * Answers for a region that nobody is asked about: its zones a to f are taken to exist, subnets to
 * be public, and nothing of the stack to stand.
 */
export function answersFor(region: string): Answers {
  return (token, args) => known[token]?.(region, args);
}
