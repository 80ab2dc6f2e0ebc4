import { Button, Tabs } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import artifact from "@/components/artifact/artifact.module.css";
import { ArtifactList } from "@/components/artifact/list";
import { Empty } from "@/components/empty";
import { Icon } from "@/components/icons";
import { toAddress } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";
import { NewArtifact } from "./new-artifact";
import { ProtectionTab } from "./protection";
import classes from "./registry.module.css";
import { REGISTRY_TABS, type RegistrySearch, type RegistryTab } from "./search";
import { Webhooks } from "./webhooks";

const route = getRouteApi("/app/registry");

const LABELS: Record<RegistryTab, string> = {
  models: "Models",
  evaluators: "Evaluators",
  webhooks: "Webhooks",
  protection: "Protected labels",
};

const READ: Record<RegistryTab, string> = {
  models: "models:read",
  evaluators: "evaluators:read",
  webhooks: "webhooks:read",
  protection: "prompts:read",
};

export function RegistryPage() {
  const { tab = "models", create, ...listing } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const go = (search: RegistrySearch) => void navigate({ to: "/registry", search });
  const tabs = REGISTRY_TABS.filter((one) => may(READ[one]));
  const kept = tab === "models" ? undefined : tab;
  return (
    <div className={classes.page}>
      <Tabs
        value={tab}
        onChange={(value) => go({ tab: value === "models" ? undefined : (value as RegistryTab) })}
      >
        <Tabs.List>
          {tabs.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {LABELS[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {tab === "webhooks" && <Webhooks />}
      {tab === "protection" && <ProtectionTab />}
      {(tab === "models" || tab === "evaluators") &&
        (create ? (
          <NewArtifact kind={tab === "models" ? "model" : "evaluator"} onCancel={() => go({ tab: kept })} />
        ) : (
          <KindList
            key={tab}
            kind={tab === "models" ? "model" : "evaluator"}
            listing={listing}
            onChange={(next) => go({ ...next, tab: kept })}
          />
        ))}
    </div>
  );
}

const ABOUT = {
  model:
    "A model here is a name for a provider's model with its parameters, versioned and labelled as a prompt is.",
  evaluator:
    "An evaluator judges answers: by an exact match, a pattern, a schema, or a judge model. Experiments name its version.",
};

interface KindListProps {
  kind: "model" | "evaluator";
  listing: RegistrySearch;
  onChange: (next: RegistrySearch) => void;
}

function KindList({ kind, listing, onChange }: KindListProps) {
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const things = `${kind}s`;
  const button = may(`${kind}s:write`) && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => onChange({ create: "yes" })}
    >
      Register {kind === "model" ? "a model" : "an evaluator"}
    </Button>
  );
  return (
    <ArtifactList
      kind={kind}
      things={things}
      listing={listing}
      className={`${classes.list} ${artifact.page}`}
      onChange={onChange}
      onOpen={(row) =>
        void navigate({
          to: "/registry/$kind/$name",
          params: { kind, name: toAddress(row.name) },
          search: {},
        })
      }
      create={button}
      empty={
        <Empty title={`No ${things} are registered in this project.`} icon="registry">
          <p>{ABOUT[kind]}</p>
          {button || <p>Your role may not register {things}. Ask an editor.</p>}
        </Empty>
      }
    />
  );
}
