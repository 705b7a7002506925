/** The few signs of the console, drawn in the colour of the text. They decorate: a name stands beside each, or on its button. */
const PATHS = {
  shield: 'M12 3l7 3v5.500c0 4.600-2.900 7.900-7 9.500-4.100-1.600-7-4.900-7-9.500V6z',
  lock: 'M7 11V8a5 5 0 0110 0v3m-11 0h12v9H6z',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  minus: 'M6 12h12',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  down: 'M6 9l6 6 6-6',
  right: 'M9 6l6 6-6 6',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  search: 'M11 5a6 6 0 100 12 6 6 0 000-12zm4.500 10.500L20 20',
  users:
    'M9 11a3.500 3.500 0 100-7 3.500 3.500 0 000 7zm-6 9c0-3.500 2.700-6 6-6s6 2.500 6 6M16 4.500a3.500 3.500 0 010 6.500m2 3.300c1.900.9 3 2.800 3 5.700',
  roles: 'M4 5h16M4 12h16M4 19h16M9 3v4M15 10v4M8 17v4',
  teams: 'M12 4v5m0 0H6v5m6-5h6v5M4 14h4v5H4zm12 0h4v5h-4zM10 2h4v4h-4z',
  requests: 'M4 5h16v11H9l-5 4zM8 9h8M8 12h5',
  audit: 'M6 3h9l4 4v14H6zM9 12h6M9 16h6M9 8h3',
  tenants: 'M4 21V5l8-2v18M12 9h8v12M7 8h2M7 12h2M7 16h2M15 13h2M15 17h2M3 21h18',
  mail: 'M3 6h18v12H3zm0 1l9 7 9-7',
  alert: 'M12 4l9 16H3zm0 6v4m0 3h.01',
  info: 'M12 3a9 9 0 100 18 9 9 0 000-18zm0 8v5m0-8h.01',
  sun: 'M12 8a4 4 0 100 8 4 4 0 000-8zm0-5v2m0 14v2M3 12h2m14 0h2M5.600 5.600l1.400 1.400m10 10l1.400 1.400m0-12.800L17 7M7 17l-1.400 1.400',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className={`icon icon-${name}`}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
