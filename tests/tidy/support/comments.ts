import ts from 'typescript';

/** A comment as it stands in a file; lines count from 1, `start` from 0. */
export interface Comment {
  readonly text: string;
  readonly start: number;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** Every comment of a file, in order. Found between the tokens of the syntax tree, so never inside a string. */
export function commentsOf(source: ts.SourceFile): Comment[] {
  const found = new Map<number, Comment>();
  const lineOf = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1;
  const gather = (node: ts.Node): void => {
    const children = node.getChildren(source).filter((child) => !ts.isJSDoc(child));
    children.forEach(gather);
    if (children.length > 0) return;
    const start = node.getFullStart();
    const ranges = [
      ...(ts.getTrailingCommentRanges(source.text, start) ?? []),
      ...(ts.getLeadingCommentRanges(source.text, start) ?? []),
    ];
    for (const { pos, end } of ranges) {
      const text = source.text.slice(pos, end);
      found.set(pos, { text, start: pos, firstLine: lineOf(pos), lastLine: lineOf(end) });
    }
  };
  gather(source);
  return [...found.values()].sort((a, b) => a.start - b.start);
}
