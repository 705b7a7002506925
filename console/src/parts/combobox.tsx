/**
 * A field in which one types and chooses from what fits (APG: editable combobox with list autocomplete). The focus stays in
 * the field; arrows move through the list, Enter and Tab choose, Escape closes the list and not the dialog around it.
 * What is typed and not chosen counts for nothing, and the form says so before it is sent.
 */
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';

import { t } from '../text/text.js';
import { Labelled } from './field.js';

export interface Option {
  readonly value: string;
  readonly label: string;
  /** What tells it from another of the same label. */
  readonly more?: string | undefined;
}

interface ComboboxProps {
  readonly label: string;
  readonly hint?: string;
  /** What fits what is typed now. */
  readonly options: readonly Option[];
  /** Whether what fits is still being asked for. */
  readonly isBusy: boolean;
  /** Whether more fits than is listed. */
  readonly hasMore: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly text: string;
  readonly onText: (text: string) => void;
}

export function Combobox({ label, hint, value, text, onText, ...list }: ComboboxProps) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const { isOpen, setOpen, active, setActive, choose, onKeyDown } = useChoosing({ ...list, onText });
  useEffect(() => field.current?.setCustomValidity(value === '' ? t('choice.fromList') : ''), [value]);
  const activeId = isOpen && active !== undefined ? `${id}-${active.value}` : undefined;
  useEffect(() => {
    if (activeId !== undefined) document.getElementById(activeId)?.scrollIntoView({ block: 'nearest' });
  }, [activeId]);
  return (
    <Labelled id={id} label={label} hint={hint}>
      <div className="combobox">
        <input
          ref={field}
          id={id}
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={activeId}
          aria-describedby={`${id}-told`}
          autoComplete="off"
          spellCheck={false}
          required
          value={text}
          onChange={({ target }) => {
            onText(target.value);
            list.onChange('');
            setActive(undefined);
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        <div className={isOpen ? 'combobox-pop' : 'unseen'}>
          <ul id={`${id}-list`} role="listbox" aria-label={label} hidden={!isOpen}>
            {list.options.map((option) => (
              <li
                key={option.value}
                id={`${id}-${option.value}`}
                role="option"
                aria-selected={option === active}
                // The field keeps the focus.
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => choose(option)}
              >
                {option.label} {option.more !== undefined && <span className="small quiet mono">{option.more}</span>}
              </li>
            ))}
          </ul>
          <p className="small quiet" role="status">
            {isOpen && !list.isBusy && toldOf(list)}
          </p>
        </div>
      </div>
    </Labelled>
  );
}

function toldOf({ options, hasMore }: Pick<ComboboxProps, 'options' | 'hasMore'>): string {
  if (options.length === 0) return t('choice.none');
  return t(hasMore ? 'choice.more' : 'choice.count', { count: options.length });
}

type Choosing = Pick<ComboboxProps, 'options' | 'onChange' | 'onText'>;

function useChoosing({ options, onChange, onText }: Choosing) {
  const [isOpen, setOpen] = useState(false);
  const [activeValue, setActiveValue] = useState<string>();
  const active = options.find((option) => option.value === activeValue);
  const setActive = (option: Option | undefined): void => setActiveValue(option?.value);
  const choose = ({ value, label }: Option): void => {
    onChange(value);
    onText(label);
    setOpen(false);
    setActive(undefined);
  };
  const move = (step: 1 | -1): void => {
    const at = active === undefined ? (step === 1 ? -1 : 0) : options.indexOf(active);
    setActive(options.at((at + step + options.length) % Math.max(1, options.length)));
    setOpen(true);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      move(event.key === 'ArrowDown' ? 1 : -1);
    } else if (!isOpen) return;
    else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    } else if (active !== undefined && (event.key === 'Enter' || event.key === 'Tab')) {
      if (event.key === 'Enter') event.preventDefault();
      choose(active);
    }
  };
  return { isOpen, setOpen, active, setActive, choose, onKeyDown };
}
