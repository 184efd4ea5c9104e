import { stringify } from "smol-toml";
import type { Program } from "../metric";
import { metrics } from "../catalogue";
import { indexPattern } from "../elasticsearch/template";
import { MEASUREMENT, SCRAPED, spellings, starlark } from "./rules";

/** A page of metrics, and whose it is. The agent's has the pages of its instances. */
export interface Target {
  readonly component: Program;
  readonly url: string;
  /** Tags of its samples. */
  readonly tags: Readonly<Record<string, string>>;
  /** A file with what to send as `Authorization: Bearer …`; none: nobody is asked for it. */
  readonly tokenFile?: string;
  /** Where the page is told over TLS. */
  readonly tls?: {
    /** A file of the certificates that are trusted. */
    readonly authorityFile: string;
    /** The name in its certificate. */
    readonly serverName: string;
  };
}

export interface ElasticsearchOutput {
  readonly to: "elasticsearch";
  readonly url: string;
  readonly user: string;
  /** As Telegraf writes a secret: `@{store:key}`, or an environment variable. */
  readonly password: string;
  readonly authorityFile?: string;
}
export interface CloudwatchOutput {
  readonly to: "cloudwatch";
  readonly region: string;
  readonly namespace: string;
}

export interface CollectorArgs {
  /** The tag `host` of everything that this collector reads of its machine. */
  readonly host: string;
  readonly intervalSeconds: number;
  readonly targets: readonly Target[];
  /** Where Docker answers; none: nothing is read of containers. */
  readonly docker?: string;
  readonly outputs: readonly (ElasticsearchOutput | CloudwatchOutput)[];
  /** A directory for what the store has not taken yet: it is sent after a restart. */
  readonly bufferDirectory: string;
}

/** So many metrics wait at most while the store does not answer: a day of a host with ten bridges at 15 s. */
const BUFFERED_AT_MOST = 1_000_000;

const sampled = (from: (typeof metrics)[number][1]["source"]["from"][]): string[] => [
  ...new Set(
    metrics
      .filter(([, { source }]) => from.includes(source.from))
      .flatMap(([, { source }]) => spellings(source.sample)),
  ),
];

const scrape = {
  metric_version: 2,
  name_override: SCRAPED,
  url_tag: "",
  timeout: "5s",
};

const authority = (file: string | undefined): object => (file === undefined ? {} : { tls_ca: file });

/** Whose samples a page has. */
const programsOn = ({ component }: Target): Program[] =>
  component === "agent" ? ["agent", "jvb", "jibri"] : [component];

const targetInput = (target: Target): object => {
  const { component, tags, tls, tokenFile, url } = target;
  return {
    ...scrape,
    urls: [url],
    fieldinclude: sampled(programsOn(target)),
    ...(tokenFile === undefined ? {} : { bearer_token: tokenFile }),
    ...(tls === undefined ? {} : { tls_ca: tls.authorityFile, tls_server_name: tls.serverName }),
    // A sample's own labels stay.
    tags: { ...tags, component },
  };
};

/** What Telegraf reads of the machine. Interfaces and file systems of containers are not the machine's. */
const machineInputs = {
  cpu: [{ percpu: false, totalcpu: true, report_active: true }],
  mem: [{}],
  system: [{}],
  disk: [
    {
      ignore_fs: [
        "tmpfs",
        "devtmpfs",
        "devfs",
        "iso9660",
        "overlay",
        "aufs",
        "squashfs",
        "nsfs",
        "proc",
        "sysfs",
      ],
      ignore_mount_opts: ["bind"],
    },
  ],
  diskio: [{ tagdrop: { name: ["loop*", "ram*"] } }],
  net: [{ ignore_protocol_stats: true, tagdrop: { interface: ["veth*", "br-*", "docker*", "lo"] } }],
  nstat: [{ dump_zeros: true }],
};

const dockerInput = (endpoint: string): object => ({
  endpoint,
  timeout: "10s",
  perdevice_include: [],
  total_include: ["cpu", "blkio", "network"],
  fieldinclude: sampled(["container"]).map((sample) => sample.split(".")[1]),
});

const elasticsearchOutput = ({ authorityFile, password, url, user }: ElasticsearchOutput): object => ({
  urls: [url],
  index_name: indexPattern("%Y.%m.%d"),
  username: user,
  password,
  // A document has the same id each time: what is sent again, since an answer was lost or one of its batch was refused,
  // takes its own place. Data streams take no document twice, and a batch that is sent again would never be done.
  force_document_id: true,
  manage_template: false,
  enable_sniffer: false,
  float_handling: "drop",
  timeout: "15s",
  ...authority(authorityFile),
});

/** One output for each set of dimensions, since CloudWatch takes every tag for one. */
function cloudwatchOutputs({ namespace, region }: CloudwatchOutput): object[] {
  const bySet = new Map<string, string[]>();
  for (const [name, { dimensions }] of metrics)
    for (const set of dimensions) {
      const key = set.join();
      bySet.set(key, [...(bySet.get(key) ?? []), name]);
    }
  return [...bySet].map(([set, names]) => ({
    region,
    namespace,
    namepass: [MEASUREMENT],
    fieldinclude: names,
    // Telegraf calls what stays `taginclude`; an empty list would be none at all, and all would stay.
    taginclude: set === "" ? ["none"] : set.toLowerCase().split(","),
  }));
}

/** The configuration of a machine's collector, Telegraf. Nothing in it is secret but by the name of its file. */
export function telegrafConfiguration(args: CollectorArgs): string {
  const { bufferDirectory, docker, host, intervalSeconds, outputs, targets } = args;
  const interval = `${intervalSeconds}s`;
  const elasticsearch = outputs.filter((output) => output.to === "elasticsearch").map(elasticsearchOutput);
  const cloudwatch = outputs.filter((output) => output.to === "cloudwatch").flatMap(cloudwatchOutputs);
  return stringify({
    agent: {
      hostname: host,
      interval,
      flush_interval: interval,
      round_interval: true,
      metric_batch_size: 1000,
      metric_buffer_limit: BUFFERED_AT_MOST,
      buffer_strategy: "disk_write_through",
      buffer_directory: bufferDirectory,
      skip_processors_after_aggregators: true,
    },
    inputs: {
      ...machineInputs,
      ...(docker === undefined ? {} : { docker: [dockerInput(docker)] }),
      prometheus: targets.map(targetInput),
    },
    processors: { starlark: [{ source: starlark() }] },
    // What one look brought of one owner is one document.
    aggregators: { merge: [{ period: interval, grace: "10s", drop_original: true }] },
    outputs: {
      ...(elasticsearch.length > 0 && { elasticsearch }),
      ...(cloudwatch.length > 0 && { cloudwatch }),
    },
  });
}
