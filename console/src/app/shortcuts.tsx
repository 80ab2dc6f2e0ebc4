import { Kbd, Modal, Table } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useKeys } from "@/lib/keys";
import { useOpenPageKeys } from "@/lib/page-keys";
import { PAGES } from "./pages";

/** Marks the input that `/` goes to. */
export const SEARCH_INPUT = "data-page-search";

export function useGlobalShortcuts() {
  const navigate = useNavigate();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useHotkeys([["mod+K", () => setPalette(true)]], []);
  useKeys({
    "?": () => setHelp(true),
    "/": () => {
      const input = document.querySelector<HTMLInputElement>(`[${SEARCH_INPUT}]`);
      if (input) input.focus();
      else setPalette(true);
    },
    ...Object.fromEntries(
      PAGES.map((page) => [`g ${page.key}`, () => void navigate({ to: page.to, search: {} })]),
    ),
  });
  return {
    palette,
    help,
    openPalette: () => setPalette(true),
    closePalette: () => setPalette(false),
    openHelp: () => setHelp(true),
    closeHelp: () => setHelp(false),
  };
}

const KEYS: [string[], string][] = [
  [["⌘ K", "Ctrl K"], "Command palette"],
  [["/"], "Search on this page"],
  [["j", "k"], "Next, previous row"],
  [["Enter"], "Open the row"],
  [["x"], "Select the row"],
  [["←", "→"], "Fold, unfold a span"],
  [["z", "+", "−"], "Zoom to the span, in, out"],
  [["0"], "The whole time of a trace"],
  [["c"], "What a trace's length is made of"],
  [["Esc"], "Back; clear the selection"],
  ...PAGES.map((page): [string[], string] => [[`g ${page.key}`], `Go to ${page.label}`]),
  [["?"], "This list"],
];

export function ShortcutHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const page = useOpenPageKeys();
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard" size="sm">
      {page && <KeyList label={page.title} keys={page.keys} />}
      <KeyList label={page ? "Everywhere" : undefined} keys={KEYS} />
    </Modal>
  );
}

function KeyList({ label, keys: list }: { label: string | undefined; keys: readonly [string[], string][] }) {
  return (
    <Table verticalSpacing={5} withRowBorders={false} aria-label={label}>
      {label && <Table.Caption style={{ captionSide: "top", textAlign: "left" }}>{label}</Table.Caption>}
      <Table.Tbody>
        {list.map(([keys, what]) => (
          <Table.Tr key={what}>
            <Table.Td w={130}>
              {keys.map((key) => (
                <Kbd key={key} size="xs" mr={4}>
                  {key}
                </Kbd>
              ))}
            </Table.Td>
            <Table.Td>{what}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
