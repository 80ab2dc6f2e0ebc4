import { Button, Popover, Select } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { explain } from "@/components/failure";
import { useArtifact, useArtifacts } from "@/lib/artifacts";
import { useModelNames } from "@/lib/model-names";
import { useSignedIn } from "@/lib/session";
import type { Variant } from "./draft";
import { variantOf } from "./use-start";

interface OpenMenuProps {
  disabled: boolean;
  onOpen: (variant: Variant) => void;
}

/** Adds a stored version as one more variant. */
export function OpenMenu({ disabled, onOpen }: OpenMenuProps) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" width={280} trapFocus>
      <Popover.Target>
        <Button size="xs" variant="default" disabled={disabled} onClick={() => setOpened(!opened)}>
          Open a prompt
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Chooser
          onOpen={(variant) => {
            setOpened(false);
            onOpen(variant);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}

function Chooser({ onOpen }: Pick<OpenMenuProps, "onOpen">) {
  const { project } = useSignedIn();
  const { example } = useModelNames();
  const [text, setText] = useState("");
  const [name, setName] = useState<string | null>(null);
  const [version, setVersion] = useState<string | null>("latest");
  const [loading, setLoading] = useState(false);
  const list = useArtifacts("prompt", text && text !== name ? { q: text } : {});
  const names = list.data?.pages.flatMap((page) => page.items.map((one) => one.name)) ?? [];
  const { data: artifact } = useArtifact({ kind: "prompt", name: name ?? "" }, name !== null);
  const numbers = Array.from({ length: artifact?.versions ?? 0 }, (_, index) =>
    String((artifact?.versions ?? 0) - index),
  );
  const labels = artifact?.labels.map((label) => label.name) ?? [];
  const open = async () => {
    setLoading(true);
    try {
      const variant = await variantOf(project.id, `${name}@${version}`, new AbortController().signal);
      onOpen({ ...variant, model: variant.model || example });
    } catch (error) {
      notifications.show({ color: "red", message: explain(error).title });
    } finally {
      setLoading(false);
    }
  };
  return (
    <div style={{ display: "flex", flexDirection: "column", gap: 8 }}>
      <Select
        size="xs"
        label="Prompt"
        placeholder="support/answer"
        searchable
        // The server has searched already.
        filter={({ options }) => options}
        data={name && !names.includes(name) ? [name, ...names] : names}
        value={name}
        onChange={setName}
        searchValue={text}
        onSearchChange={setText}
        nothingFoundMessage="No prompt matches."
        comboboxProps={{ withinPortal: false }}
        data-autofocus
      />
      <Select
        size="xs"
        label="Version"
        data={["latest", ...labels, ...numbers]}
        value={version}
        allowDeselect={false}
        searchable
        onChange={setVersion}
        comboboxProps={{ withinPortal: false }}
      />
      <Button size="xs" disabled={!name} loading={loading} onClick={() => void open()}>
        Open as a variant
      </Button>
    </div>
  );
}
