import { above, counter, gauge, LARGEST, MINUTE, on, page, ticket, type Metric } from "../metric";

const [number, growing] = [gauge("machine"), counter("machine")];
const [ofContainer, growingOfContainer] = [gauge("container"), counter("container")];

/** What Telegraf reads of the machine that it runs on. */
export const machine = {
  cpu_busy: number("cpu.usage_active", "Processor time in use.", {
    where: { cpu: ["cpu-total"] },
    unit: "percent",
    over: LARGEST,
    dimensions: [[]],
    panels: [on("overview", "Busiest machine"), on("machines", "CPU", "host")],
    alarms: [ticket("cpu-busy", above(90), "host", 15 * MINUTE)],
  }),
  cpu_steal: number("cpu.usage_steal", "Processor time that another guest of the machine's host took.", {
    where: { cpu: ["cpu-total"] },
    unit: "percent",
    over: LARGEST,
    dimensions: [[]],
    panels: [on("machines", "CPU taken by others", "host")],
    alarms: [ticket("cpu-steal", above(15), "host", 10 * MINUTE)],
  }),
  load: number("system.load5", "Processes that run or wait to.", {
    over: LARGEST,
    panels: [on("machines", "Load", "host")],
  }),
  memory_used: number("mem.used_percent", "Memory in use.", {
    unit: "percent",
    over: LARGEST,
    dimensions: [[]],
    panels: [on("machines", "Memory", "host")],
    alarms: [page("memory-full", above(95), "host", 5 * MINUTE)],
  }),
  disk_used: number("disk.used_percent", "The fullest disk.", {
    labels: { path: "path" },
    unit: "percent",
    over: LARGEST,
    dimensions: [[]],
    panels: [on("machines", "Fullest disk", "host")],
    alarms: [
      ticket("disk-filling", above(80), "host", 10 * MINUTE),
      page("disk-full", above(90), "host", 5 * MINUTE),
    ],
  }),
  disk_read: growing("diskio.read_bytes", "Read from disks.", {
    labels: { name: "device" },
    unit: "bytes",
    panels: [on("machines", "Read", "host")],
  }),
  disk_written: growing("diskio.write_bytes", "Written to disks.", {
    labels: { name: "device" },
    unit: "bytes",
    panels: [on("machines", "Written", "host")],
  }),
  disk_busy: growing("diskio.io_time", "Time that disks were busy.", {
    labels: { name: "device" },
    unit: "milliseconds",
    panels: [on("machines", "Disks busy", "host")],
  }),
  net_in: growing("net.bytes_recv", "Received over the network.", {
    labels: { interface: "interface" },
    unit: "bytes",
    dimensions: [[]],
    panels: [on("machines", "Received", "host")],
  }),
  net_out: growing("net.bytes_sent", "Sent over the network.", {
    labels: { interface: "interface" },
    unit: "bytes",
    dimensions: [[]],
    panels: [on("machines", "Sent", "host")],
  }),
  net_dropped: growing("net.drop_in", "Packets that the network card dropped.", {
    labels: { interface: "interface" },
    panels: [on("machines", "Packets dropped", "host")],
  }),
  udp_lost: growing(
    "nstat.UdpRcvbufErrors",
    "Media packets lost since a program did not fetch them in time.",
    {
      dimensions: [[]],
      panels: [
        on("machines", "Packets dropped", "host"),
        on("bridges", "Packets lost in the machine", "host"),
      ],
      alarms: [ticket("udp-lost", above(1000), "host", 5 * MINUTE)],
    },
  ),
} satisfies Record<string, Metric>;

const named = { container_name: "container" } as const;

/** What Docker says of each container. */
export const container = {
  container_cpu: ofContainer("docker_container_cpu.usage_percent", "Processor time; 100 is one core.", {
    where: { cpu: ["cpu-total"] },
    labels: named,
    unit: "percent",
    over: LARGEST,
    panels: [on("machines", "CPU by container", "container")],
  }),
  container_memory: ofContainer(
    "docker_container_mem.usage",
    "Memory, without what the system can take back.",
    {
      unit: "bytes",
      over: LARGEST,
      panels: [on("machines", "Memory by container", "container")],
    },
  ),
  container_memory_used: ofContainer("docker_container_mem.usage_percent", "Memory, of what it may have.", {
    labels: named,
    unit: "percent",
    over: LARGEST,
    dimensions: [[]],
    panels: [on("machines", "Memory of its limit by container", "container")],
    alarms: [ticket("container-memory", above(90), "container", 10 * MINUTE)],
  }),
  container_restarts: growingOfContainer(
    "docker_container_status.restart_count",
    "Times that it was started again.",
    {
      labels: named,
      dimensions: [[]],
      panels: [on("machines", "Restarts", "container")],
      alarms: [ticket("container-restarts", above(3), "container", 10 * MINUTE)],
    },
  ),
} satisfies Record<string, Metric>;
