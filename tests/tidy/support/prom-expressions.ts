/**
 * What an expression of PromQL names: metrics and labels. No parser: enough to hold dashboards and rules to the golden
 * list of metrics. Where promtool is on the PATH, the rules are held to its grammar besides.
 */
const KEYWORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'by', 'on', 'without', 'ignoring', 'inf', 'nan']);
/** What Prometheus itself adds to every series. */
const SCRAPE_LABELS = ['job', 'instance', 'le'];
/** What we did not name: Node's own process metrics, and OpenFGA's where a panel sets them beside ours. */
const FOREIGN = /^(process|nodejs|openfga|go)_/;

/** Metric name without the parts of a histogram → its labels. */
export type KnownMetrics = ReadonlyMap<string, readonly string[]>;

/** Reads the golden list (name, type, labels), and with it the names of recording rules. */
export function knownMetrics(golden: string, recorded: readonly string[]): KnownMetrics {
  const known = new Map<string, readonly string[]>();
  for (const line of golden.trim().split('\n')) {
    const [name = '', type, ...labels] = line.split(' ');
    for (const suffix of type === 'histogram' ? ['_bucket', '_count', '_sum'] : ['']) known.set(name + suffix, labels);
  }
  for (const name of recorded) known.set(name, []);
  return known;
}

/** What an expression names and nobody exports. */
export function expressionBreaches(expression: string, known: KnownMetrics): string[] {
  const plain = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\[[^\]]*\]|\b\d[\w.]*/g, '');
  const breaches: string[] = [];
  const named = new Set<string>();
  const grouped: string[] = [];
  const ungrouped = plain.replaceAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g, (_, labels: string) => {
    grouped.push(...labels.split(',').map((label) => label.trim()));
    return ' ';
  });
  const selectors = /([a-zA-Z_:][\w:]*)(?:\{([^}]*)\}|(?!\s*\(|[\w:]))/g;
  for (const [, name = '', matchers = ''] of ungrouped.matchAll(selectors)) {
    if (KEYWORDS.has(name) || FOREIGN.test(name)) continue;
    const labels = known.get(name);
    if (labels === undefined) {
      breaches.push(`no metric \`${name}\``);
      continue;
    }
    named.add(name);
    for (const [, label = ''] of matchers.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)) {
      if (![...labels, ...SCRAPE_LABELS].includes(label)) breaches.push(`\`${name}\` has no label \`${label}\``);
    }
  }
  const possible = new Set([...SCRAPE_LABELS, ...[...named].flatMap((name) => known.get(name) ?? [])]);
  const recordsOnly = [...named].every((name) => name.includes(':'));
  for (const label of grouped) {
    if (label !== '' && !recordsOnly && !possible.has(label)) breaches.push(`nothing there has a label \`${label}\``);
  }
  return [...new Set(breaches)];
}
