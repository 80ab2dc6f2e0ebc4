import { Button, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useRouter } from "@tanstack/react-router";
import { copyText } from "@/components/copy";
import { Icon } from "@/components/icons";
import { isStored, type Variant } from "./draft";

/** An address that opens these versions, at these models, for whoever may read them. */
export function ShareButton({ variants }: { variants: readonly Variant[] }) {
  const router = useRouter();
  const stored = variants.every(isStored);
  const share = async () => {
    const search = {
      prompt: variants.map((one) => `${one.origin?.name}@${one.origin?.version}`),
      model: variants.map((one) => one.model),
    };
    const { href } = router.buildLocation({ to: "/playground", search });
    const done = await copyText(`${window.location.origin}${href}`);
    notifications.show(
      done
        ? { message: "Link copied.", autoClose: 1500 }
        : { color: "red", message: "The browser did not allow copying." },
    );
  };
  return (
    <Tooltip
      label="Save each variant as a version first: drafts are kept in this browser only."
      disabled={stored}
    >
      <Button
        size="xs"
        variant="default"
        leftSection={<Icon name="link" size={13} />}
        data-disabled={!stored || undefined}
        onClick={() => stored && void share()}
      >
        Copy link
      </Button>
    </Tooltip>
  );
}
