/**
 * The house's rules over one source file, as a function from its path and text to what breaks them: sizes, words and
 * forms that eslint does not hold for us. The syntax tree is TypeScript's own, so a rule sees code and never a string.
 */
import ts from 'typescript';

import { commentsOf } from './comments.js';
import type { Comment } from './comments.js';

const LINES_MAX = { source: 300, test: 600 };
const FUNCTION_LINES_MAX = 60;
const PARAMETERS_MAX = 3;
/** Files longer than this say at their head what they are. */
const HEADLESS_LINES_MAX = 60;
const HEAD_LINES_MIN = 3;

/** Every breach in the file, as `path:line: what`. `path` is from the project's root and decides which rules hold. */
export function sourceBreaches(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, { languageVersion: ts.ScriptTarget.ES2023 }, true);
  const comments = commentsOf(source);
  const breaches: string[] = [];
  const say = (line: number, what: string): unknown => breaches.push(`${path}:${String(line)}: ${what}`);
  const file: SourceFile = { path, source, comments, lineOf: (at) => lineAt(source, at) };

  checkLength(file, say);
  const isProduct = /^((clients\/\w+\/)?src|console)\//.test(path);
  if (isProduct) checkHead(file, say);
  for (const comment of comments) checkComment(comment, say);
  visit(source, (node) => {
    checkFunction(node, file, say);
    if (node.kind === ts.SyntaxKind.AnyKeyword) say(file.lineOf(node.getStart(source)), 'says `any`');
    if (isProduct) {
      checkExport(node, file, say);
      checkAssertion(node, file, say);
    }
    if (path.startsWith('tests/')) checkTestModifier(node, file, say);
  });
  return breaches;
}

interface SourceFile {
  readonly path: string;
  readonly source: ts.SourceFile;
  readonly comments: readonly Comment[];
  /** From 1. */
  readonly lineOf: (position: number) => number;
}

type Say = (line: number, what: string) => unknown;

function lineAt(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

/** Lines of the file, the end of the last one not counted as a line of its own. */
function lengthOf({ source }: SourceFile): number {
  return source.text.replace(/\n$/, '').split('\n').length;
}

function checkLength(file: SourceFile, say: Say): void {
  const max = file.path.startsWith('tests/') ? LINES_MAX.test : LINES_MAX.source;
  const lines = lengthOf(file);
  if (lines > max) say(1, `has ${String(lines)} lines, more than ${String(max)}`);
}

function checkHead(file: SourceFile, say: Say): void {
  if (lengthOf(file) <= HEADLESS_LINES_MAX) return;
  const [first] = file.comments;
  const opens = first?.text.startsWith('/**') === true && first.start === 0;
  if (!opens || first.lastLine - first.firstLine + 1 < HEAD_LINES_MIN) {
    say(1, `is over ${String(HEADLESS_LINES_MAX)} lines and does not open with a comment of three lines or more`);
  }
}

function checkComment({ text, firstLine }: Comment, say: Say): void {
  if (/@ts-(ignore|nocheck)/.test(text)) say(firstLine, 'silences the compiler');
  if (/@ts-expect-error(?![\s:-]*\w+\s+\w+)/.test(text)) say(firstLine, 'expects an error without saying why');
  if (/\beslint-disable/.test(text) && !/ -- \S+ \S+/.test(text)) {
    say(firstLine, 'disables a rule without a reason after `--`');
  }
  if (/\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\)| #\d+)/.test(text)) say(firstLine, 'has a to-do without an issue number');
}

/**
 * A function's lines are its own: those of functions inside it count there. A factory whose closures are the methods
 * of a part stands for a class, and is as long as what it holds besides them.
 */
function checkFunction(node: ts.Node, file: SourceFile, say: Say): void {
  if (!isFunction(node)) return;
  const line = file.lineOf(node.getStart(file.source));
  const parameters = node.parameters.filter((parameter) => parameter.name.getText(file.source) !== 'this');
  if (parameters.length > PARAMETERS_MAX) {
    say(line, `takes ${String(parameters.length)} parameters, more than ${String(PARAMETERS_MAX)}`);
  }
  if (file.path.startsWith('tests/')) return;
  const lines = ownLines(node, file);
  if (lines > FUNCTION_LINES_MAX) {
    say(line, `is a function of ${String(lines)} lines, more than ${String(FUNCTION_LINES_MAX)}`);
  }
}

type FunctionNode = ts.FunctionLikeDeclaration & { body: ts.Node };

function isFunction(node: ts.Node): node is FunctionNode {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

function ownLines(node: FunctionNode, file: SourceFile): number {
  const inner = new Set<number>();
  const gather = (child: ts.Node): void => {
    if (!isFunction(child)) {
      ts.forEachChild(child, gather);
      return;
    }
    // The line on which it begins is still the outer function's.
    for (let line = file.lineOf(child.getStart(file.source)) + 1; line <= file.lineOf(child.end); line += 1) {
      inner.add(line);
    }
  };
  ts.forEachChild(node.body, gather);
  return file.lineOf(node.end) - file.lineOf(node.getStart(file.source)) + 1 - inner.size;
}

function checkExport(node: ts.Node, file: SourceFile, say: Say): void {
  const isDefault =
    ts.isExportAssignment(node) ||
    (node.kind === ts.SyntaxKind.DefaultKeyword && ts.isStatement(node.parent) && !ts.isSwitchStatement(node.parent)) ||
    (ts.isExportSpecifier(node) && node.name.text === 'default');
  if (isDefault) say(file.lineOf(node.getStart(file.source)), 'has a default export');
}

/** Where foreign data enters, a type may be asserted, with a comment that says why it holds; elsewhere it may not. */
function checkAssertion(node: ts.Node, file: SourceFile, say: Say): void {
  if (!ts.isAsExpression(node) && !ts.isTypeAssertionExpression(node)) return;
  // `as unknown` claims nothing: it forgets what the compiler believed.
  if (ts.isConstTypeReference(node.type) || node.type.kind === ts.SyntaxKind.UnknownKeyword) return;
  const line = file.lineOf(node.type.getStart(file.source));
  if (!/^(src\/(platform|http)|console\/src\/api)\//.test(file.path)) {
    say(line, `asserts a type (\`as ${node.type.getText(file.source)}\`)`);
    return;
  }
  const statement = ts.findAncestor(node, (outer) => ts.isStatement(outer) && !ts.isBlock(outer));
  const begins = statement === undefined ? line : file.lineOf(statement.getStart(file.source));
  const isExplained = file.comments.some(({ lastLine }) => [line, line - 1, begins - 1].includes(lastLine));
  if (!isExplained) say(line, 'asserts a type without a comment that says why it holds');
}

/** `test.only` leaves the others out, `test.skip` this one; a condition (`skipIf`) says which machines leave it out. */
function checkTestModifier(node: ts.Node, file: SourceFile, say: Say): void {
  if (!ts.isPropertyAccessExpression(node) || !['skip', 'only', 'todo'].includes(node.name.text)) return;
  const root = node.getText(file.source).split(/[.(]/, 1)[0] ?? '';
  if (!['test', 'it', 'describe', 'suite'].includes(root)) return;
  say(file.lineOf(node.getStart(file.source)), `has \`${root}.${node.name.text}\``);
}
