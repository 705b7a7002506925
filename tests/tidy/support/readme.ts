/**
 * Tables of the README, between `<!-- table:name -->` and `<!-- /table -->`: some are made from the code, of others the
 * first column must name exactly what is there.
 */
import { SETTINGS } from '../../../src/settings.js';
import { PROBLEMS } from '../../../src/shared/problem.js';
import type { MeasuredMetric } from './measured.js';
import { packageSchema } from './package-rules.js';

const END = '<!-- /table -->';

/** What stands between the marks of a table. Throws where the marks are not there. */
export function tableIn(readme: string, name: string): string {
  const [from, to] = placeOf(readme, name);
  return readme.slice(from, to).trim();
}

/** The README with the table in its place. */
export function withTable(readme: string, name: string, table: string): string {
  const [from, to] = placeOf(readme, name);
  return `${readme.slice(0, from)}\n${table}\n${readme.slice(to)}`;
}

function placeOf(readme: string, name: string): [number, number] {
  const begin = `<!-- table:${name} -->`;
  const at = readme.indexOf(begin);
  const end = readme.indexOf(END, at);
  if (at === -1 || end === -1) throw new Error(`README.md has no table \`${name}\``);
  return [at + begin.length, end];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

export function settingsTable(): string {
  const rows = Object.entries(SETTINGS.shape).map(([name, field]) => {
    const { description, fallback } = field.meta() ?? {};
    if (typeof description !== 'string' || typeof fallback !== 'string') throw new Error(`\`${name}\` has no meaning`);
    const isWord = ['required', 'none'].includes(fallback) || fallback.startsWith('`');
    return [code(name), isWord ? fallback : code(fallback), description];
  });
  return table(['Setting', 'Default', 'Meaning'], rows);
}

export function problemsTable(): string {
  const rows = Object.entries(PROBLEMS).map(([name, { status, title }]) => [code(name), String(status), title]);
  return table(['Code', 'Status', 'Meaning'], rows);
}

export function metricsTable(metrics: readonly MeasuredMetric[]): string {
  const own = metrics.filter(({ name }) => name.startsWith('bailiwick_'));
  const rows = own.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help]);
  return table(['Metric', 'Type', 'Labels', 'Meaning'], rows);
}

/** The first cell of each row, without its backticks, and the last. */
export function rowsOf(markdown: string): { first: string; last: string }[] {
  return markdown
    .split('\n')
    .slice(2)
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => ({ first: (cells[0] ?? '').replaceAll('`', '').trim(), last: (cells.at(-1) ?? '').trim() }));
}

/** Files that every project of this kind has, and that a map need not show. */
const USUAL = /^(\..*|package(-lock)?\.json|tsconfig.*\.json|.*\.config\.js|.*\.config\.ts|LICENSE|.*\.md)$/;

/** What a code map shows: the entries of the root, of src/ and of tests/; folders end in `/`. */
export function entriesToMap(files: readonly string[]): string[] {
  const shown = files.flatMap((file) => {
    const parts = file.split('/');
    const [top = '', second = ''] = parts;
    if (top === '.ci') return ['.ci/'];
    if (USUAL.test(top)) return [];
    if (top !== 'src' && top !== 'tests') return [parts.length === 1 ? top : `${top}/`];
    return [parts.length === 2 ? `${top}/${second}` : `${top}/${second}/`];
  });
  return [...new Set(shown)].sort();
}

/** Rows of a table whose first column must be exactly `wanted`, and whose last says something. */
export function columnBreaches(markdown: string, wanted: readonly string[]): string[] {
  const rows = rowsOf(markdown);
  const named = rows.map(({ first }) => first);
  return [
    ...wanted.filter((name) => !named.includes(name)).map((name) => `${name}: is not in the table`),
    ...named.filter((name) => !wanted.includes(name)).map((name) => `${name}: is in the table and nowhere else`),
    ...named.filter((name, index) => named.indexOf(name) !== index).map((name) => `${name}: stands there twice`),
    ...rows.filter(({ last }) => last.length < 10).map(({ first }) => `${first}: is not explained`),
  ];
}

/** The packages that package.json names. */
export function dependencyNames(text: string): string[] {
  const { dependencies, optionalDependencies, devDependencies } = packageSchema.parse(JSON.parse(text));
  return [dependencies, optionalDependencies, devDependencies].flatMap((group) => Object.keys(group));
}
