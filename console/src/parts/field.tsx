/**
 * Fields of a form: label, hint and fault belong to the field for whoever does not see them beside it.
 */
import { type InputHTMLAttributes, type ReactNode, useId, useState } from 'react';

import { t } from '../text/text.js';

interface Told {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly fault?: string | undefined;
}

interface FieldProps extends Told, Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function Field({ label, hint, fault, value, onChange, ...input }: FieldProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} fault={fault}>
      <input
        {...input}
        id={id}
        value={value}
        aria-describedby={`${id}-told`}
        aria-invalid={fault !== undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    </Labelled>
  );
}

/** A password, which may be shown and pasted. */
export function PasswordField({ label, ...props }: Omit<FieldProps, 'type'>) {
  const [shown, setShown] = useState(false);
  return (
    <div className="field-password">
      <Field {...props} label={label} type={shown ? 'text' : 'password'} spellCheck={false} autoCapitalize="none" />
      <label className="check-line small">
        <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
        {t('signIn.showPassword')}
      </label>
    </div>
  );
}

interface SelectProps extends Told {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly disabled?: boolean;
  readonly required?: boolean;
}

export function SelectField({ label, hint, fault, value, onChange, options, ...select }: SelectProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} fault={fault}>
      <select
        {...select}
        id={id}
        value={value}
        aria-describedby={`${id}-told`}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface TextAreaProps extends Told {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly maxLength?: number;
  readonly required?: boolean;
}

export function TextArea({ label, hint, fault, value, onChange, ...area }: TextAreaProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} fault={fault}>
      <textarea
        {...area}
        id={id}
        value={value}
        rows={3}
        aria-describedby={`${id}-told`}
        aria-invalid={fault !== undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    </Labelled>
  );
}

/** A field of another kind, with its label, hint and fault. */
export function Labelled({ id, label, hint, fault, children }: Told & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      <p id={`${id}-told`} className={fault === undefined ? 'field-hint' : 'field-fault'} aria-live="polite">
        {fault ?? hint}
      </p>
    </div>
  );
}
