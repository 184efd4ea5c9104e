import type { Metric } from "../metric";
import { metrics } from "../catalogue";

/** What the collector makes of a sample: one entry for each metric that reads it. */
interface Rule {
  readonly name: string;
  readonly kind: Metric["kind"];
  readonly where: Readonly<Record<string, readonly string[]>>;
  /** Labels that stay, and what they are called from then on. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The measurement under which the collector stores every metric. */
export const MEASUREMENT = "fleet";
/** The measurement of what is scraped, until it is renamed. */
export const SCRAPED = "prometheus";

/** Tags that say whose a sample is. All others go, unless a metric keeps them. */
const OWNER = ["host", "component", "shard", "pool", "instance"];

/**
 * What Telegraf calls a sample. Of a page in OpenMetrics' format it calls a counter by its family, without `_total`; which
 * format a program answers in is its own choice.
 */
export const spellings = (sample: string): string[] =>
  sample.endsWith("_total") ? [sample, sample.slice(0, -"_total".length)] : [sample];

/** Rules by sample, as Starlark writes a dictionary: JSON without null, true and false is Starlark. */
function rulesBySample(): Record<string, Rule[]> {
  const rules: Record<string, Rule[]> = {};
  for (const [name, { kind, source }] of metrics)
    for (const sample of spellings(source.sample))
      (rules[sample] ??= []).push({ name, kind, where: source.where ?? {}, labels: source.labels ?? {} });
  return rules;
}

/**
 * The script of the collector's processor: takes the catalogue's samples and no others, gives each its name in the
 * catalogue, keeps the tags that tell its series apart, and turns what only grows into what it grew by. Of a counter that
 * is seen for the first time nothing is told: how much of it is new nobody knows. One that shrank began anew.
 */
export const starlark = (): string => `RULES = ${JSON.stringify(rulesBySample(), undefined, 1)}
OWNER = ${JSON.stringify(OWNER)}
# A series that was not seen for so long is forgotten: instances come and go.
FORGET_NANOSECONDS = 3600 * 1000 * 1000 * 1000
state = {"seen": {}, "swept": 0}

def number(value):
    if type(value) == "bool":
        return 1.0 if value else 0.0
    if type(value) not in ("int", "float"):
        return None
    value = float(value)
    # Neither store takes what is no number.
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return value

def increase(key, value, now):
    seen = state["seen"]
    before = seen.get(key)
    seen[key] = (value, now)
    if before == None:
        return None
    return value - before[0] if value >= before[0] else value

def sweep(now):
    if now - state["swept"] < FORGET_NANOSECONDS:
        return
    state["swept"] = now
    for key, (value, at) in list(state["seen"].items()):
        if now - at > FORGET_NANOSECONDS:
            state["seen"].pop(key)

def matches(rule, tags):
    for label, values in rule["where"].items():
        if tags.get(label) not in values:
            return False
    return True

def apply(metric):
    sweep(metric.time)
    made = []
    for field, raw in metric.fields.items():
        sample = field if metric.name == "${SCRAPED}" else metric.name + "." + field
        rules = RULES.get(sample)
        value = number(raw) if rules else None
        if value == None:
            continue
        for rule in rules:
            if not matches(rule, metric.tags):
                continue
            tags = {tag: metric.tags[tag] for tag in OWNER if metric.tags.get(tag)}
            for label, tag in rule["labels"].items():
                if metric.tags.get(label):
                    tags[tag] = metric.tags[label]
            told = value
            if rule["kind"] == "counter":
                key = rule["name"] + "".join(["|" + tag + "=" + tags[tag] for tag in sorted(tags.keys())])
                told = increase(key, value, metric.time)
                if told == None:
                    continue
            one = Metric("${MEASUREMENT}")
            one.time = metric.time
            for tag, text in tags.items():
                one.tags[tag] = text
            one.fields[rule["name"]] = told
            made.append(one)
    return made
`;
