import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useRouterState } from "@tanstack/react-router";
import { Icon, type IconName } from "@/components/icons";
import { useAddress } from "@/lib/address";
import { useConnection } from "@/lib/live";
import { isMoving } from "@/lib/time-range";
import { PAGES } from "./pages";
import { ProjectSwitcher } from "./rail";
import { RangePicker } from "./range-picker";
import classes from "./shell.module.css";

/** Pages of one thing, by the beginning of their address. */
const SINGLE: Record<string, string> = {
  "/traces/compare": "Compare",
  "/traces/": "Trace",
  "/sessions/": "Session",
  "/users/": "User",
  "/dashboards/": "Dashboard",
  "/alerts/": "Alert",
  "/slos/": "SLO",
  "/incidents/": "Incident",
  "/prompts/": "Prompt",
  "/registry/": "Registry",
  "/routes/": "Route",
  "/limits/": "Limit",
};
/** What has no time range: one trace, a list of keys, budgets with windows of their own. */
const WITHOUT_RANGE = [
  "Trace",
  "Compare",
  "Session",
  "Keys",
  "Secrets",
  "Limits",
  "Limit",
  "Alerts",
  "Alert",
  "SLOs",
  "SLO",
  "Incidents",
  "Incident",
  "Data",
  "Prompts",
  "Playground",
  "Registry",
];

export function Bar({ onPalette, onHelp }: { onPalette: () => void; onHelp: () => void }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const single = Object.entries(SINGLE).find(([prefix]) => path.startsWith(prefix))?.[1];
  const title = single ?? PAGES.find((page) => path.startsWith(page.to))?.label ?? "Penstock";
  const ranged = !WITHOUT_RANGE.includes(title);
  return (
    <header className={classes.bar}>
      <h1 className={classes.title}>{title}</h1>
      <div className={classes.push} />
      <button type="button" className={`${classes.search} ${classes.wide}`} onClick={onPalette}>
        <Icon name="search" size={14} /> Go to… <kbd>{isMac() ? "⌘K" : "Ctrl K"}</kbd>
      </button>
      {ranged && <RangePicker />}
      {ranged && <LiveIndicator />}
      <SchemeMenu />
      <Tooltip label="Keyboard shortcuts (?)">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Keyboard shortcuts"
          onClick={onHelp}
          className={classes.wide}
        >
          <Icon name="help" />
        </ActionIcon>
      </Tooltip>
      <SmallMenu onPalette={onPalette} />
    </header>
  );
}

function isMac(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}

/** Whether the page follows the clock. A click pauses it or goes on. */
export function LiveIndicator() {
  const { live, range, setLive } = useAddress();
  const connection = useConnection();
  const moving = isMoving(range);
  const state = !live ? "paused" : connection === "connected" ? "live" : "reconnecting";
  const text = { live: "Live", paused: moving ? "Paused" : "Fixed", reconnecting: "Reconnecting" }[state];
  const hint = !moving
    ? "A fixed time range does not move. Choose a preset to follow the clock."
    : live
      ? "New calls appear by themselves. Click to pause."
      : "Click to follow new calls.";
  return (
    <Tooltip label={hint}>
      <button
        type="button"
        className={classes.live}
        data-state={state}
        aria-pressed={live}
        disabled={!moving}
        onClick={() => setLive(!live)}
      >
        <span className={classes.dot} />
        {text}
      </button>
    </Tooltip>
  );
}

const SCHEMES: { value: "light" | "dark" | "auto"; label: string; icon: IconName }[] = [
  { value: "light", label: "Light", icon: "sun" },
  { value: "dark", label: "Dark", icon: "moon" },
  { value: "auto", label: "As the system", icon: "auto" },
];

function SchemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const current = SCHEMES.find((scheme) => scheme.value === colorScheme);
  return (
    <Menu position="bottom-end" width={170}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label="Colour scheme">
          <Icon name={current?.icon ?? "auto"} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme.value}
            leftSection={<Icon name={scheme.icon} size={14} />}
            rightSection={scheme.value === colorScheme ? <Icon name="check" size={14} /> : null}
            onClick={() => setColorScheme(scheme.value)}
          >
            {scheme.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** On a phone the rail is gone; its project switcher and the palette live here. */
function SmallMenu({ onPalette }: { onPalette: () => void }) {
  return (
    <div className={classes.narrow}>
      <Menu position="bottom-end" width={240} closeOnItemClick={false}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label="Menu">
            <Icon name="menu" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown p={8}>
          <ProjectSwitcher />
          <Menu.Item closeMenuOnClick leftSection={<Icon name="search" size={14} />} onClick={onPalette}>
            Go to…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
