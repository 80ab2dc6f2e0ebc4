import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useMemo } from "react";
import { api, bodyOf } from "@/api/client";
import type { paths } from "@/api/generated/schema";
import { useSignedIn } from "@/lib/session";
import type { AlertPolicy, RuleSpec } from "./types";

type Body<Operation> = Operation extends { requestBody: { content: { "application/json": infer Sent } } }
  ? Sent
  : never;
type NewSilence = Body<paths["/api/v1/silences"]["post"]>;
type NewChannel = Body<paths["/api/v1/channels"]["post"]>;

const REFRESH_MS = 15_000;

export function useRules() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "rules"],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/alerts", { params, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useRule(id: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "rule", id],
    queryFn: async ({ signal }) => {
      const params = { path: { id }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/alerts/{id}", { params, signal }));
    },
    refetchInterval: REFRESH_MS,
  });
}

/** Where each group stands: of one rule or objective, or all that fire. */
export function useStates(rule?: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "states", rule],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, rule, active: rule === undefined } };
      return bodyOf(await api.GET("/api/v1/alerts/states", { params, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useHistory(rule?: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "history", rule],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, rule, limit: 100 } };
      return bodyOf(await api.GET("/api/v1/alerts/history", { params, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

/** When a rule would have fired over the last days; null while there is none to try. */
export function useBackTest(spec: RuleSpec | null, days = 7) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "test", spec, days],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, days } };
      return bodyOf(await api.POST("/api/v1/alerts/test", { params, body: spec as RuleSpec, signal }));
    },
    enabled: spec !== null,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
  });
}

export function useRuleWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () => client.invalidateQueries({ queryKey: ["alerts", project.id] });
  return {
    save: useMutation({
      mutationFn: async ({ id, spec }: { id: string | null; spec: RuleSpec }) =>
        id === null
          ? bodyOf(await api.POST("/api/v1/alerts", { params: { query }, body: spec }))
          : bodyOf(await api.PUT("/api/v1/alerts/{id}", { params: { path: { id }, query }, body: spec })),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: async (id: string) => {
        await api.DELETE("/api/v1/alerts/{id}", { params: { path: { id }, query } });
      },
      // Not the rule itself: its page is left at this moment, and it is not there any more.
      onSuccess: () => client.invalidateQueries({ queryKey: ["alerts", project.id, "rules"] }),
    }),
  };
}

export function useSilences() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "silences"],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/silences", { params, signal })).items;
    },
  });
}

export function useSilenceWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () => client.invalidateQueries({ queryKey: ["alerts", project.id] });
  return {
    add: useMutation({
      mutationFn: async (body: NewSilence) =>
        bodyOf(await api.POST("/api/v1/silences", { params: { query }, body })),
      onSuccess,
    }),
    end: useMutation({
      mutationFn: async (id: string) => {
        await api.DELETE("/api/v1/silences/{id}", { params: { path: { id }, query } });
      },
      onSuccess,
    }),
  };
}

export function useChannels() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "channels"],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/channels", { params, signal })).items;
    },
  });
}

export function useDeliveries(channel: string) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["alerts", project.id, "deliveries", channel],
    queryFn: async ({ signal, pageParam }) => {
      const query = { project: project.id, cursor: pageParam ?? undefined };
      const params = { path: { id: channel }, query };
      return bodyOf(await api.GET("/api/v1/channels/{id}/deliveries", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: REFRESH_MS,
  });
}

export function usePolicy() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["alerts", project.id, "policy"],
    queryFn: async ({ signal }): Promise<AlertPolicy> => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/alerts/policy", { params, signal }));
    },
    refetchOnWindowFocus: false,
  });
}

export function usePolicyWrite() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: AlertPolicy) =>
      bodyOf(await api.PUT("/api/v1/alerts/policy", { params: { query: { project: project.id } }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["alerts", project.id] }),
  });
}

/** Labels that alerts have: those every alert has, those that rules give, and their values, as far as they are known. */
export function useKnownLabels(): ReadonlyMap<string, readonly string[]> {
  const rules = useRules().data;
  const states = useStates().data;
  return useMemo(() => {
    const found = new Map<string, Set<string>>([
      ["alert", new Set()],
      ["severity", new Set(["critical", "warning", "info"])],
    ]);
    const add = (label: string, value?: string) => {
      const values = found.get(label) ?? new Set();
      if (value) values.add(value);
      found.set(label, values);
    };
    for (const { spec } of rules ?? []) {
      add("alert", spec.name);
      for (const [label, value] of Object.entries(spec.labels ?? {})) add(label, value);
      for (const label of spec.group_by ?? []) add(label);
    }
    for (const { labels } of states ?? [])
      for (const [label, value] of Object.entries(labels)) add(label, value);
    return new Map([...found].map(([label, values]) => [label, [...values]]));
  }, [rules, states]);
}

export function useChannelWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () => client.invalidateQueries({ queryKey: ["alerts", project.id, "channels"] });
  return {
    save: useMutation({
      mutationFn: async ({ id, body }: { id: string | null; body: NewChannel }) =>
        id === null
          ? bodyOf(await api.POST("/api/v1/channels", { params: { query }, body }))
          : bodyOf(await api.PUT("/api/v1/channels/{id}", { params: { path: { id }, query }, body })),
      onSuccess,
      // The address does not stay in the cache of what was done.
      gcTime: 0,
    }),
    test: useMutation({
      mutationFn: async (id: string) =>
        bodyOf(await api.POST("/api/v1/channels/{id}/test", { params: { path: { id }, query } })),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: async (id: string) => {
        await api.DELETE("/api/v1/channels/{id}", { params: { path: { id }, query } });
      },
      onSuccess,
    }),
  };
}
