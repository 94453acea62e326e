import type { JSX } from "preact";

function Icon({ children, size = 16 }: { children: JSX.Element | JSX.Element[]; size?: number }): JSX.Element {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const CloseIcon = (): JSX.Element => (
  <Icon>
    <path d="M4 4l8 8M12 4l-8 8" />
  </Icon>
);
export const PlusIcon = (): JSX.Element => (
  <Icon>
    <path d="M8 3.5v9M3.5 8h9" />
  </Icon>
);
export const TrashIcon = (): JSX.Element => (
  <Icon>
    <path d="M3 4.5h10M6.5 4.5v-1.5h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5" />
  </Icon>
);
export const CopyIcon = (): JSX.Element => (
  <Icon>
    <rect x="5.5" y="5.5" width="7.5" height="7.5" rx="1.5" />
    <path d="M10.5 3.5v-.5a1 1 0 0 0-1-1h-5.5a1 1 0 0 0-1 1v5.5a1 1 0 0 0 1 1h.5" />
  </Icon>
);
export const StarIcon = ({ filled }: { filled: boolean }): JSX.Element => (
  <Icon>
    <path
      d="M8 2.2l1.8 3.7 4 .6-2.9 2.8.7 4-3.6-1.9-3.6 1.9.7-4-2.9-2.8 4-.6z"
      fill={filled ? "currentColor" : "none"}
    />
  </Icon>
);
export const CheckIcon = (): JSX.Element => (
  <Icon>
    <path d="M3.5 8.5l3 3 6-7" />
  </Icon>
);
export const ChevronIcon = (): JSX.Element => (
  <Icon size={12}>
    <path d="M4 6l4 4 4-4" />
  </Icon>
);
export const PersonIcon = (): JSX.Element => (
  <Icon>
    <circle cx="8" cy="5.5" r="2.5" />
    <path d="M3 13.5c.6-2.6 2.5-4 5-4s4.4 1.4 5 4" />
  </Icon>
);
export const ListIcon = (): JSX.Element => (
  <Icon size={20}>
    <path d="M3 4.5h10M3 8h10M3 11.5h6" />
  </Icon>
);
export const ChartIcon = (): JSX.Element => (
  <Icon size={20}>
    <path d="M2.5 11.5l3.5-4 2.5 2.5 5-6" />
  </Icon>
);
export const BellIcon = (): JSX.Element => (
  <Icon size={20}>
    <path d="M8 2.5a3.5 3.5 0 0 0-3.5 3.5c0 3-1.5 4-1.5 4.5h10c0-.5-1.5-1.5-1.5-4.5A3.5 3.5 0 0 0 8 2.5z" />
    <path d="M6.8 12.8a1.3 1.3 0 0 0 2.4 0" />
  </Icon>
);

export const Logo = (): JSX.Element => (
  <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="var(--accent-fill)" />
    <circle cx="14.5" cy="14.5" r="7" fill="none" stroke="var(--on-fill)" stroke-width="2.4" />
    <path d="M20 20l5 5" stroke="var(--on-fill)" stroke-width="2.4" stroke-linecap="round" />
    <path
      d="M10.8 16l2.6-3 2 2 2.8-3.4"
      fill="none"
      stroke="var(--on-fill)"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);
export const WarningIcon = (): JSX.Element => (
  <Icon>
    <path d="M8 2.5l6 10.5h-12z" />
    <path d="M8 6.5v3M8 11.2v.1" />
  </Icon>
);
export const SearchIcon = (): JSX.Element => (
  <Icon>
    <circle cx="7" cy="7" r="4.25" />
    <path d="M10.2 10.2l3.3 3.3" />
  </Icon>
);
export const BackIcon = (): JSX.Element => (
  <Icon>
    <path d="M13 8h-10M7 4l-4 4 4 4" />
  </Icon>
);
