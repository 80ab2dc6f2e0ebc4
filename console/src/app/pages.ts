import type { IconName } from "@/components/icons";

/** The pages of the menu, in its order. Only what is built stands here. */
export const PAGES = [
  { to: "/overview", label: "Overview", icon: "overview", key: "o" },
  { to: "/traces", label: "Traces", icon: "traces", key: "t" },
  { to: "/sessions", label: "Sessions", icon: "sessions", key: "s" },
  { to: "/users", label: "Users", icon: "users", key: "u" },
  { to: "/dashboards", label: "Dashboards", icon: "dashboards", key: "d" },
  { to: "/alerts", label: "Alerts", icon: "alerts", key: "a" },
  { to: "/slos", label: "SLOs", icon: "slos", key: "b" },
  { to: "/incidents", label: "Incidents", icon: "incidents", key: "i" },
  { to: "/prompts", label: "Prompts", icon: "prompts", key: "w" },
  { to: "/playground", label: "Playground", icon: "playground", key: "y" },
  { to: "/datasets", label: "Datasets", icon: "datasets", key: "f" },
  { to: "/experiments", label: "Experiments", icon: "experiments", key: "x" },
  { to: "/annotation", label: "Annotation", icon: "annotation", key: "n" },
  { to: "/calibrations", label: "Calibrations", icon: "calibrations", key: "j" },
  { to: "/registry", label: "Registry", icon: "registry", key: "v" },
  { to: "/routes", label: "Routes", icon: "routes", key: "r" },
  { to: "/limits", label: "Limits", icon: "limits", key: "l" },
  { to: "/health", label: "Health", icon: "health", key: "h" },
  { to: "/cache", label: "Cache", icon: "cache", key: "c" },
  { to: "/models", label: "Models", icon: "models", key: "m" },
  { to: "/keys", label: "Keys", icon: "keys", key: "k" },
  { to: "/secrets", label: "Secrets", icon: "secrets", key: "p" },
  { to: "/data", label: "Data", icon: "data", key: "e" },
] as const satisfies readonly { to: string; label: string; icon: IconName; key: string }[];

/** On a phone these have a place of their own, for who is on call; the others are behind “More”. */
export const FIRST_PAGES: readonly string[] = ["/overview", "/traces", "/alerts", "/incidents"];
