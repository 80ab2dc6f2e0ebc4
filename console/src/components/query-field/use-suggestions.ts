import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";

/** What may stand at the caret instead of what stands from `from` to `to`. */
export interface Suggestion {
  insert: string;
  label: string;
  about: string | null;
  /** How many calls have the value; null of a name. */
  count: number | null;
  from: number;
  to: number;
}

const PAUSE_MS = 90;
const NONE: Suggestion[] = [];

/** Names, operators and observed values for the caret's place. Typing does not wait for them. */
export function useSuggestions(text: string, caret: number, enabled: boolean): readonly Suggestion[] {
  const { range } = useAddress();
  const { project } = useSignedIn();
  const [asked] = useDebouncedValue({ text, caret }, PAUSE_MS);
  const { data } = useQuery({
    queryKey: ["complete", project.id, range, asked.text, asked.caret],
    queryFn: async ({ signal }) => {
      const query = {
        project: project.id,
        ...windowOf(range, nowMicroseconds()),
        q: asked.text,
        cursor: asked.caret,
      };
      const answer = bodyOf(await api.GET("/api/v1/query/complete", { params: { query }, signal }));
      return { text: asked.text, caret: asked.caret, answer };
    },
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: false,
  });
  // Those of another text would replace the wrong part.
  if (!data || data.text !== text || data.caret !== caret) return NONE;
  return data.answer.items.map((item) => ({
    insert: item.insert,
    label: item.label,
    about: item.about ?? null,
    count: item.count ?? null,
    from: data.answer.start,
    to: data.answer.end,
  }));
}
