/** What an EC2 instance type has that the fleet's machines depend on. */
export interface InstanceType {
  readonly architecture: Architecture;
  readonly vcpus: number;
  readonly memoryGiB: number;
  /** What its network carries for good, in each direction, in Mbit/s: not the burst. */
  readonly baselineMegabits: number;
  /** Whether its processor is slowed down once its credits are spent. */
  readonly isBurstable: boolean;
}

export type Architecture = "x86_64" | "arm64";

const vcpus = { large: 2, xlarge: 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32 } as const;
type Size = keyof typeof vcpus;

/** Baseline bandwidths that several families share, by size. */
const baselines = {
  fifth: { large: 750, xlarge: 1250, "2xlarge": 2500, "4xlarge": 5000 },
  sixth: { large: 781, xlarge: 1562, "2xlarge": 3125, "4xlarge": 6250, "8xlarge": 12500 },
  seventhArm: { large: 937, xlarge: 1876, "2xlarge": 3750, "4xlarge": 7500, "8xlarge": 15000 },
  eighth: { large: 937, xlarge: 1875, "2xlarge": 3750, "4xlarge": 7500, "8xlarge": 15000 },
  network: { large: 3125, xlarge: 6250, "2xlarge": 12500, "4xlarge": 25000 },
  seventhArmNetwork: { large: 6250, xlarge: 12500, "2xlarge": 25000 },
} satisfies Record<string, Partial<Record<Size, number>>>;

/** Memory for each processor: compute optimized, general purpose. */
const COMPUTE = 2;
const GENERAL = 4;

/**
 * Families that suit the fleet. Figures: "Network specifications" and "Performance specifications" of the Amazon EC2
 * instance types guide, autumn 2026.
 */
const families: Readonly<
  Record<string, readonly [Architecture, memoryPerVcpuGiB: number, keyof typeof baselines]>
> = {
  c5: ["x86_64", COMPUTE, "fifth"],
  c5a: ["x86_64", COMPUTE, "fifth"],
  c6i: ["x86_64", COMPUTE, "sixth"],
  c6a: ["x86_64", COMPUTE, "sixth"],
  c6in: ["x86_64", COMPUTE, "network"],
  c7i: ["x86_64", COMPUTE, "sixth"],
  c7a: ["x86_64", COMPUTE, "sixth"],
  c8i: ["x86_64", COMPUTE, "eighth"],
  m5: ["x86_64", GENERAL, "fifth"],
  m5a: ["x86_64", GENERAL, "fifth"],
  m6i: ["x86_64", GENERAL, "sixth"],
  m6a: ["x86_64", GENERAL, "sixth"],
  m7i: ["x86_64", GENERAL, "sixth"],
  m7a: ["x86_64", GENERAL, "sixth"],
  m8i: ["x86_64", GENERAL, "eighth"],
  c6g: ["arm64", COMPUTE, "fifth"],
  c7g: ["arm64", COMPUTE, "seventhArm"],
  c7gn: ["arm64", COMPUTE, "seventhArmNetwork"],
  c8g: ["arm64", COMPUTE, "eighth"],
  m6g: ["arm64", GENERAL, "fifth"],
  m7g: ["arm64", GENERAL, "seventhArm"],
  m8g: ["arm64", GENERAL, "eighth"],
};

/** For the scaler alone: small, and idle most of the time. */
const burstableSizes = {
  micro: [2, 1, 64],
  small: [2, 2, 128],
  medium: [2, 4, 256],
  large: [2, 8, 512],
  xlarge: [4, 16, 1024],
} as const;
const burstableFamilies: Readonly<Record<string, Architecture>> = {
  t3: "x86_64",
  t3a: "x86_64",
  t4g: "arm64",
};

/** The types that the fleet knows, by name. */
export const instanceTypes: ReadonlyMap<string, InstanceType> = new Map<string, InstanceType>([
  ...Object.entries(families).flatMap(([family, [architecture, memoryPerVcpu, baseline]]) =>
    Object.entries(baselines[baseline]).map(([size, baselineMegabits]) => {
      const count = vcpus[size as Size];
      const type = { architecture, vcpus: count, memoryGiB: count * memoryPerVcpu, baselineMegabits };
      return [`${family}.${size}`, { ...type, isBurstable: false }] as const;
    }),
  ),
  ...Object.entries(burstableFamilies).flatMap(([family, architecture]) =>
    Object.entries(burstableSizes).map(([size, [count, memoryGiB, baselineMegabits]]) => {
      const type = { architecture, vcpus: count, memoryGiB, baselineMegabits };
      return [`${family}.${size}`, { ...type, isBurstable: true }] as const;
    }),
  ),
]);

/**
 * What a bridge sends to one participant: a large picture at 720p (2.5 Mbit/s) and 20 small ones at 180p (0.2 each),
 * by the bridge's own layers.
 */
export const MEGABITS_PER_PARTICIPANT = 6.5;

/** An internet gateway lets no more through to a machine of less than 32 processors, whatever its type. */
const GATEWAY_LIMIT = { belowVcpus: 32, megabits: 5000 };

/** What a machine can send to the internet for good, in Mbit/s. */
export function megabitsToInternet({ vcpus: count, baselineMegabits }: InstanceType): number {
  return count < GATEWAY_LIMIT.belowVcpus
    ? Math.min(baselineMegabits, GATEWAY_LIMIT.megabits)
    : Math.max(baselineMegabits / 2, GATEWAY_LIMIT.megabits);
}
