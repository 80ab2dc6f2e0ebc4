/** ⌘K: pages, projects, time ranges, colour scheme; a pasted trace id opens its trace. */

import { Modal, useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Icon, type IconName } from "@/components/icons";
import { useAddress } from "@/lib/address";
import { useSignedIn } from "@/lib/session";
import { PRESETS } from "@/lib/time-range";
import { PAGES } from "./pages";
import classes from "./palette.module.css";
import { useSignOut } from "./rail";

export interface Command {
  id: string;
  label: string;
  group: string;
  icon: IconName;
  hint?: string;
  run: () => void;
}

/** Every word must appear; commands whose label starts with the text come first. */
export function matchCommands(commands: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = commands.filter((command) => {
    const target = `${command.group} ${command.label}`.toLowerCase();
    return words.every((word) => target.includes(word));
  });
  const first = (command: Command) => (command.label.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1);
  return words.length ? found.sort((a, b) => first(a) - first(b)) : found;
}

interface PaletteProps {
  opened: boolean;
  onClose: () => void;
  onHelp: () => void;
}

export function CommandPalette({ opened, onClose, onHelp }: PaletteProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={520}
      yOffset="12vh"
      aria-label="Command palette"
    >
      <PaletteBody onClose={onClose} onHelp={onHelp} />
    </Modal>
  );
}

function PaletteBody({ onClose, onHelp }: Omit<PaletteProps, "opened">) {
  const commands = useCommands(onHelp);
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const trimmed = text.trim();
  const found = useMemo(() => {
    const matches = matchCommands(commands, trimmed);
    if (!trimmed) return matches;
    const extra: Command[] = /^[0-9a-f]{32}$/i.test(trimmed)
      ? [
          {
            id: "open-trace",
            label: `Open trace ${trimmed.slice(0, 8)}…`,
            group: "Traces",
            icon: "traces",
            run: () =>
              void navigate({
                to: "/traces/$traceId",
                params: { traceId: trimmed.toLowerCase() },
                search: {},
              }),
          },
        ]
      : [];
    const search: Command = {
      id: "search-traces",
      label: `Search calls for “${trimmed}”`,
      group: "Traces",
      icon: "search",
      run: () => void navigate({ to: "/traces", search: { q: trimmed } }),
    };
    return [...extra, ...matches, search];
  }, [commands, navigate, trimmed]);
  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((chosen + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[chosen]);
    }
  };
  return (
    <div>
      <input
        className={classes.input}
        data-autofocus
        placeholder="Go to a page, a project, a trace id…"
        aria-label="Command"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] ? `command-${found[chosen].id}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div className={classes.list} id="palette-list" role="listbox" aria-label="Commands">
        {found.map((command, index) => (
          <div
            key={command.id}
            id={`command-${command.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className={classes.item}
            ref={(node) => {
              if (node && index === chosen) node.scrollIntoView?.({ block: "nearest" });
            }}
            onMouseMove={() => setAt(index)}
            onClick={() => run(command)}
            onKeyDown={onKeyDown}
          >
            <Icon name={command.icon} size={15} />
            <span className={classes.label}>{command.label}</span>
            <span className={classes.group}>{command.hint ?? command.group}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

function useCommands(onHelp: () => void): Command[] {
  const navigate = useNavigate();
  const { session } = useSignedIn();
  const { setRange, setProject } = useAddress();
  const { setColorScheme } = useMantineColorScheme();
  const { signOut } = useSignOut();
  return [
    ...PAGES.map((page) => ({
      id: page.to,
      label: page.label,
      group: "Page",
      icon: page.icon,
      hint: `g ${page.key}`,
      run: () => void navigate({ to: page.to, search: {} }),
    })),
    ...session.projects.map((project) => ({
      id: `project-${project.id}`,
      label: project.name,
      group: "Project",
      icon: "folder" as const,
      run: () => setProject(project.id === session.default_project ? undefined : project.name),
    })),
    ...PRESETS.map((preset) => ({
      id: `range-${preset.id}`,
      label: preset.label,
      group: "Time range",
      icon: "clock" as const,
      run: () => setRange({ preset: preset.id }),
    })),
    {
      id: "light",
      label: "Light colours",
      group: "Appearance",
      icon: "sun",
      run: () => setColorScheme("light"),
    },
    {
      id: "dark",
      label: "Dark colours",
      group: "Appearance",
      icon: "moon",
      run: () => setColorScheme("dark"),
    },
    {
      id: "auto",
      label: "Colours as the system",
      group: "Appearance",
      icon: "auto",
      run: () => setColorScheme("auto"),
    },
    { id: "help", label: "Keyboard shortcuts", group: "Help", icon: "help", hint: "?", run: onHelp },
    { id: "sign-out", label: "Sign out", group: "Account", icon: "out", run: () => void signOut() },
  ];
}
