/**
 * The files of scenarios/, as the two test files of tests/scenarios take them: every second one each, so that two
 * workers share what is the longest part of the suite.
 */
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../scenarios/', import.meta.url);

export interface ScenarioFile {
  readonly file: string;
  readonly text: string;
}

/** The first, third, … file (`half` 0) or the second, fourth, … (`half` 1), by name. */
export function scenarioFiles(half: 0 | 1): ScenarioFile[] {
  const names = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
  const mine = names.toSorted().filter((_, at) => at % 2 === half);
  return mine.map((file) => ({ file, text: readFileSync(new URL(file, FOLDER), 'utf8') }));
}
