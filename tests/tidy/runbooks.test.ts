/** A runbook has its four parts, and names commands, settings and neighbours that are there. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import { blocksOf, runbooks } from '../support/runbooks.js';
import { projectFiles, readText } from './support/files.js';
import { ROOT } from './support/planted-tree.js';
import { linksIn, settingsNamed } from './support/references.js';

/** First words of each line of the command line's help: a command is what stands there. */
const commands = new Set(
  [...readText('src/main.ts').matchAll(/^ {2}([a-z]+(?:-[a-z]+)?(?: [a-z]+(?:-[a-z]+)*)?)(?= )/gm)].map(
    ([, name]) => name ?? '',
  ),
);
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/npx bailiwick ([a-z]+(?:-[a-z]+)?(?: [a-z]+(?:-[a-z]+)*)?)/g)].map(([, name]) => name ?? '');
const isCommand = (name: string): boolean => commands.has(name) || commands.has(name.split(' ')[0] ?? '');

test('every runbook says what it means, whom it hurts, how to look and what to do', () => {
  const headings = ({ text }: { text: string }): string[] =>
    [...text.matchAll(/^##? (.*)$/gm)].map(([, heading]) => heading ?? '');
  const odd = runbooks().filter((runbook) => {
    const [name, ...parts] = headings(runbook);
    return `docs/runbooks/${name ?? ''}.md` !== runbook.path || parts.join() !== 'Meaning,Impact,Diagnosis,Mitigation';
  });
  expect(odd.map(({ path }) => path)).toEqual([]);
});

test('every runbook has something to run', () => {
  const without = runbooks().filter(({ text }) => [...blocksOf(text, 'sh'), ...blocksOf(text, 'sql')].length === 0);
  expect(without.map(({ path }) => path)).toEqual([]);
});

test('every command of ours that it names is one', () => {
  expect(commands.size).toBeGreaterThan(10);
  expect(['audit verify', 'serve', 'no-such thing'].map(isCommand)).toEqual([true, true, false]);
  const named = runbooks().flatMap(({ path, text }) => commandsIn(text).map((name) => ({ path, name })));
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ name }) => !isCommand(name))).toEqual([]);
});

test('every setting that it names is one, and every link leads somewhere', () => {
  const read = projectFiles()
    .filter((path) => path.startsWith('src/'))
    .flatMap((path) => settingsNamed(readText(path)));
  const pages = [...runbooks(), { path: 'docs/runbooks/README.md', text: readText('docs/runbooks/README.md') }];
  const missing = pages.flatMap(({ path, text }) => [
    ...settingsNamed(text).filter((name) => !read.includes(name)),
    ...linksIn(text).filter((target) => !existsSync(join(ROOT, dirname(path), target))),
  ]);
  expect(missing).toEqual([]);
});
