/** Prometheus' own naming rules, as `promtool check metrics` has them, over the text that a scrape is given. */

const UNITS = /_(seconds|bytes|ratio)(_total)?$/;
const ABBREVIATED = /_(ms|millis|milliseconds|us|minutes|hours|kb|mb|kilobytes|megabytes|percent)(_|$)/;

/** Every breach, as `name: what`. */
export function metricBreaches(text: string): string[] {
  const help = new Map([...text.matchAll(/^# HELP (\S+) ?(.*)$/gm)].map((match) => [match[1], match[2] ?? '']));
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap((match) => {
    const [, name = '', type = ''] = match;
    const need = (holds: boolean, what: string): string[] => (holds ? [] : [`${name}: ${what}`]);
    return [
      ...need((help.get(name) ?? '').trim() !== '', 'has no help'),
      ...need(/^[a-z][a-z0-9_]*$/.test(name), 'is not in lower snake case'),
      ...need((type === 'counter') === name.endsWith('_total'), '`_total` is the ending of counters, and theirs alone'),
      ...need(
        type === 'histogram' || type === 'summary' || !/_(count|sum|bucket)$/.test(name),
        'ends as a histogram’s part',
      ),
      ...need(type !== 'histogram' || UNITS.test(name), 'is a histogram without a base unit'),
      ...need(!ABBREVIATED.test(name), 'is not in a base unit'),
      ...need(!/_(counter|gauge|histogram)(_|$)/.test(name), 'names its type'),
    ];
  });
}
