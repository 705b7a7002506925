/** A button that opens a list of things to do; Escape and a click elsewhere close it. */
import { type ReactNode, useEffect, useRef, useState } from 'react';

interface MenuProps {
  /** Its name, where the face is no text. */
  readonly label?: string;
  readonly children: (close: () => void) => ReactNode;
  /** What the button shows. */
  readonly face: ReactNode;
  readonly className?: string;
}

export function Menu({ label, children, face, className = 'button' }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const onDown = (event: PointerEvent): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false);
    };
    document.addEventListener('pointerdown', onDown);
    return () => document.removeEventListener('pointerdown', onDown);
  }, [isOpen]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div
      ref={root}
      className="menu"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !isOpen) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        className={className}
        aria-expanded={isOpen}
        aria-label={label}
        onClick={() => setOpen(!isOpen)}
      >
        {face}
      </button>
      {isOpen && <div className="menu-list">{children(close)}</div>}
    </div>
  );
}
