/**
 * One of many, found by what is typed of it: the service searches, so that it does not matter how many there are. Who asks
 * knows by which words it searches.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { Combobox, type Option } from './combobox.js';
import { useSettled } from './settled.js';
import { Refusal } from './states.js';

export interface Found {
  readonly options: readonly Option[];
  /** Whether more fits than was found. */
  readonly hasMore: boolean;
}

interface FoundChoiceProps {
  readonly label: string;
  readonly hint: string;
  /** What is searched, for the cache. */
  readonly of: readonly string[];
  readonly find: (text: string, signal: AbortSignal) => Promise<Found>;
  /** As the service finds them: what was listed for less is not chosen by more that has been typed meanwhile. */
  readonly fits: (option: Option, text: string) => boolean;
  readonly value: string;
  /** Both empty while nothing is chosen. */
  readonly onChange: (value: string, label: string) => void;
}

export function FoundChoice({ label, hint, of, find, fits, value, onChange }: FoundChoiceProps) {
  const [text, setText] = useState('');
  const typed = text.trim();
  const wanted = useSettled(typed);
  const { data, error, isFetching } = useQuery({
    queryKey: [...of, wanted],
    queryFn: ({ signal }) => find(wanted, signal),
    // What was chosen is not searched for.
    enabled: value === '',
    placeholderData: (before) => before,
    staleTime: 30_000,
  });
  const options = (data?.options ?? []).filter((option) => typed === '' || fits(option, typed));
  return (
    <>
      {error !== null && <Refusal error={error} />}
      <Combobox
        options={options}
        isBusy={isFetching || typed !== wanted}
        hasMore={data?.hasMore ?? false}
        text={text}
        onText={setText}
        onChange={(chosen) => onChange(chosen, options.find((one) => one.value === chosen)?.label ?? '')}
        {...{ label, hint, value }}
      />
    </>
  );
}
