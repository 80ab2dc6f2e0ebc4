import { Button } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { ArtifactList } from "@/components/artifact/list";
import { Empty } from "@/components/empty";
import { Icon } from "@/components/icons";
import { toAddress } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";
import { NewPrompt } from "./new-prompt";

const route = getRouteApi("/app/prompts");

export function PromptsPage() {
  const { create, ...listing } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  if (create && may("prompts:write")) return <NewPrompt />;
  const button = may("prompts:write") && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: "/prompts", search: { create: "yes" } })}
    >
      Create a prompt
    </Button>
  );
  return (
    <ArtifactList
      kind="prompt"
      things="prompts"
      listing={listing}
      onChange={(next) => void navigate({ to: "/prompts", search: next, replace: true })}
      onOpen={(row) =>
        void navigate({ to: "/prompts/$name", params: { name: toAddress(row.name) }, search: {} })
      }
      create={button}
      empty={
        <Empty title="No prompts in this project." icon="prompts">
          <p>
            A prompt is a versioned text with variables. Routes and applications name its label; moving the
            label changes what they use within two seconds, without a deployment. Folders come by slashes:{" "}
            <code>support/answer</code>.
          </p>
          {button || <p>Your role may not create prompts. Ask an editor.</p>}
        </Empty>
      }
    />
  );
}
