/** Line icons, 16 px grid, drawn in the text's colour. */

const PATHS = {
  overview: "M2.5 13.500V8.500M6.2 13.500V4M9.8 13.500V7M13.5 13.500V2.5",
  traces: "M2.5 4h7M5 8h8.500M8 12h3.5",
  models: "M8 2 13.5 5v6L8 14 2.5 11V5zM2.5 5 8 8l5.5-3M8 8v6",
  keys: "M10.5 9A3.5 3.5 0 1 0 7.3 6.900L2.5 11.700V13.500H5V12H6.500V10.500L8 9zM11 5.500v.01",
  routes: "M2 8h3.500c2.500 0 2.500-4 5-4H14M5.5 8c2.500 0 2.500 4 5 4H14M12 2l2 2-2 2M12 10l2 2-2 2",
  limits: "M2.5 11.500a5.8 5.8 0 1 1 11 0M8 10.500l2.800-3.700M8 10.500v.01M2.5 13.500h11",
  health: "M1.5 8.500h3l1.800-5 3 9 1.700-4h3.500",
  cache:
    "M8 6.500c3 0 5.500-.9 5.500-2S11 2.500 8 2.500s-5.500.9-5.500 2 2.500 2 5.500 2zM2.5 4.500V8c0 1.100 2.500 2 5.500 2s5.500-.9 5.500-2V4.500M2.5 8v3.500c0 1.100 2.500 2 5.500 2s5.500-.9 5.500-2V8",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  filter: "M2 3.500h12M4.5 8h7M6.5 12.500h3",
  columns: "M2.5 3h11v10h-11zM6.2 3v10M9.8 3v10",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.500v1.500M8 13v1.500M1.5 8H3M13 8h1.500M3.4 3.400l1 1M11.6 11.600l1 1M12.6 3.400l-1 1M4.4 11.600l-1 1",
  moon: "M13.5 9.500A6 6 0 0 1 6.5 2.5 6 6 0 1 0 13.5 9.500z",
  auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5h5M8 8h6M8 11h5",
  copy: "M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3",
  check: "M3 8.5 6.5 12 13 4.5",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  up: "M4 10l4-4 4 4",
  back: "M10 3.5 5.5 8l4.5 4.5",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.5 1.5",
  plus: "M8 3v10M3 8h10",
  rotate: "M13 8a5 5 0 1 1-1.5-3.500M13 2v3h-3",
  trash: "M3 4.500h10M6 4.500V3h4v1.500M4.5 4.5 5 13.500h6l.5-9",
  link: "M6.5 9.5 9.5 6.500M7 4.5 8.5 3A3 3 0 0 1 13 7.500L11.5 9M9 11.5 7.5 13A3 3 0 0 1 3 8.500L4.5 7",
  help: "M6 6a2 2 0 1 1 2.8 1.900c-.6.3-.8.6-.8 1.300M8 11.500v.01M8 14.500A6.5 6.5 0 1 0 8 1.500a6.5 6.5 0 0 0 0 13z",
  warning: "M8 2.5 14 13H2zM8 6.500V9.500M8 11.300v.01",
  image: "M2.5 3h11v10h-11zM2.5 11 6 7.500l3 3 1.5-1.5 3 3M10.5 6v.01",
  tool: "M9.5 6.5 3 13M9 3a3.5 3.5 0 0 0 4.5 4.500M13 3.5 11 5.5 10.5 5",
  out: "M9.5 2.500h4v4M13.5 2.5 7.5 8.500M11.5 9.500v4h-9v-9h4",
  folder: "M2 4h4l1.5 1.500H14v7.500H2z",
  path: "M2.5 12.500h3l5-9h3M12 2l1.500 1.500L12 5",
  "zoom-out": "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14M4.8 7h4.4",
  sessions: "M2.500 3h11v7.500H8L5 13v-2.500H2.500zM5 5.800h6M5 7.900h4",
  users:
    "M6 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM1.500 13.500c0-2.500 2-4 4.500-4s4.500 1.500 4.500 4M10.500 2.800a2.500 2.500 0 0 1 0 4.400M12 9.800c1.600.5 2.500 1.800 2.500 3.700",
  graph:
    "M8 5.500a1.800 1.800 0 1 0 0-3.600 1.800 1.800 0 0 0 0 3.600zM3.500 14a1.800 1.800 0 1 0 0-3.600 1.800 1.800 0 0 0 0 3.600zM12.500 14a1.800 1.800 0 1 0 0-3.600 1.800 1.800 0 0 0 0 3.600zM7 5.200 4.400 10.500M9 5.200l2.600 5.300",
  compare: "M2.500 3h4.500v10h-4.500zM9 3h4.500v10H9zM4 6h1.500M10.500 6H12M10.500 8.500H12",
  download: "M8 2.500v7.500M5 7.300l3 3 3-3M2.500 13.500h11",
  bookmark: "M4 2.500h8v11L8 10.500l-4 3z",
  group: "M2.500 3h4v4h-4zM9.500 3h4v4h-4zM2.500 9.500h4v4h-4zM9.500 9.500h4v4h-4z",
  facets: "M2.500 4h5M2.500 8h3.500M2.500 12h4.500M10 4h3.500M10 8h3.500M10 12h3.500",
  "thumb-up":
    "M5 7.500v6H2.500v-6zM5 7.500l2.500-5c1 0 1.700.7 1.700 1.700L8.800 6.500h3.900c.8 0 1.400.7 1.200 1.500l-1 4.300c-.200.7-.700 1.200-1.400 1.200H5",
  "thumb-down":
    "M11 8.500v-6h2.500v6zM11 8.500l-2.500 5c-1 0-1.700-.7-1.700-1.700l.4-2.300H3.300c-.8 0-1.400-.7-1.200-1.500l1-4.300c.200-.7.700-1.200 1.400-1.200H11",
  dashboards: "M2.500 2.500h5v6h-5zM9.500 2.500h4v3h-4zM9.500 7.500h4v6h-4zM2.500 10.500h5v3h-5z",
  alerts: "M4 11V7a4 4 0 0 1 8 0v4l1.200 1.500H2.800zM6.500 14h3",
  slos: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 8v.01",
  incidents: "M8.800 1.500 3 9h4.500l-.800 5.500L13 6.500H8.300z",
  data: "M2.500 3h11v3.500h-11zM2.500 9.500h11V13h-11zM5 4.800v.01M5 11.300v.01",
  secrets: "M3.500 7h9v6.500h-9zM5.500 7V5a2.500 2.500 0 0 1 5 0v2M8 9.500v1.500",
  datasets: "M2.500 3h11v10h-11zM2.500 6.300h11M2.500 9.700h11M6 6.300V13",
  experiments:
    "M6 2.500h4M6.800 2.500v4L3.200 12.300c-.4.700 0 1.200.8 1.200h8c.8 0 1.200-.5.800-1.200L9.200 6.500v-4M5 9.700h6",
  annotation: "M2.500 3h11v7H9l-3 3v-3H2.500zM5.500 6.500 7 8l3.500-3",
  prompts: "M3 2.500h10v11H3zM5.500 5.500h5M5.500 8h5M5.500 10.500h3",
  playground: "M5 3.500 12.500 8 5 12.500z",
  registry: "M2.500 4.500 8 2l5.500 2.500L8 7zM2.500 8 8 10.500 13.500 8M2.500 11.500 8 14l5.500-2.500",
  menu: "M2.5 4.500h11M2.5 8h11M2.5 11.500h11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      style={{ flex: "none" }}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: a gate over a bent pipe. */
export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" style={{ flex: "none" }}>
      <rect width="32" height="32" rx="7" fill="#0b6e99" />
      <path
        d="M7 9h7a4 4 0 0 1 4 4v6a4 4 0 0 0 4 4h3"
        fill="none"
        stroke="#fff"
        strokeWidth="4"
        strokeLinecap="round"
      />
      <path d="M12 4.500v9" stroke="#9fe0ff" strokeWidth="2.5" strokeLinecap="round" />
    </svg>
  );
}
