/** What the form offers: datasets, prompts, routes and models of the project. */

import { useModels } from "@/features/models/page";
import { useArtifacts } from "@/lib/artifacts";
import { useDefinitions } from "@/lib/definitions";

export interface Choices {
  datasets: string[];
  prompts: string[];
  /** Routes first, then `provider/model`. */
  models: string[];
}

export function useChoices(): Choices {
  const datasets = useArtifacts("dataset", { sort: "updated" });
  const prompts = useArtifacts("prompt", { sort: "updated" });
  const routes = useDefinitions("route");
  const models = useModels();
  const names = (pages: { items: { name: string }[] }[] | undefined) =>
    (pages ?? []).flatMap((page) => page.items.map((one) => one.name));
  const providers = models.data?.providers ?? [];
  return {
    datasets: names(datasets.data?.pages),
    prompts: names(prompts.data?.pages),
    models: [
      ...new Set([
        ...(routes.data ?? []).map((one) => one.name),
        ...providers.flatMap((provider) => provider.models.map((model) => `${provider.name}/${model.name}`)),
      ]),
    ],
  };
}
