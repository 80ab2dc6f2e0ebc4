import type { IconName } from "@/components/icons";

/** The pages of the menu, in its order. Only what is built stands here. */
export const PAGES = [
  { to: "/overview", label: "Overview", icon: "overview", key: "o" },
  { to: "/traces", label: "Traces", icon: "traces", key: "t" },
  { to: "/models", label: "Models", icon: "models", key: "m" },
  { to: "/keys", label: "Keys", icon: "keys", key: "k" },
] as const satisfies readonly { to: string; label: string; icon: IconName; key: string }[];
