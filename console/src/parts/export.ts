import { download } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import { problemText } from '../text/problem-text.js';
import { saveFile } from './save-file.js';
import { useToasts } from './toasts.js';

/** Hands what an address of the API answers to the person as a file, or says why not. */
export function useExport(): (name: string, address: string) => void {
  const toasts = useToasts();
  return (name, address) => {
    download(address).then(
      (content) => saveFile(name, content),
      (error: unknown) => toasts.say('bad', problemText(asProblem(error))),
    );
  };
}
