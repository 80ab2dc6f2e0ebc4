import { Autocomplete } from "@mantine/core";
import { useDefinitions } from "@/lib/definitions";
import { useModelNames } from "@/lib/model-names";
import { useSignedIn } from "@/lib/session";

const MOST_SHOWN = 60;

interface ModelInputProps {
  label: string;
  description?: string;
  value: string;
  readOnly?: boolean;
  /** Routes too, not models alone. */
  routes?: boolean;
  onChange: (model: string) => void;
}

/** A route, an alias, or `provider/model`. */
export function ModelInput({ label, description, value, readOnly, routes, onChange }: ModelInputProps) {
  const { may } = useSignedIn();
  const { names } = useModelNames();
  const { data } = useDefinitions("route");
  const own = routes && may("routes:read") ? (data ?? []).map((one) => one.name) : [];
  const models = names.filter((name) => !name.endsWith("*"));
  return (
    <Autocomplete
      size="xs"
      label={label}
      description={description}
      placeholder="provider/model"
      limit={MOST_SHOWN}
      data={[...new Set([...own, ...models])]}
      value={value}
      readOnly={readOnly}
      onChange={onChange}
    />
  );
}
