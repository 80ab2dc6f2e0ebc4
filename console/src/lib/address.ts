/** The parts of an address that every page shares: project, time range, live or paused. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { integer, one } from "./search-params";
import {
  isMoving,
  isPreset,
  type PresetId,
  type RangeSearch,
  readRange,
  type TimeRange,
  writeRange,
} from "./time-range";

export interface SharedSearch extends RangeSearch {
  project?: string;
  live?: "off";
}

export const SHARED_KEYS = ["project", "range", "from", "to", "live"] as const;

export function validateShared(raw: Record<string, unknown>): SharedSearch {
  const range = one(raw.range);
  return {
    project: one(raw.project),
    range: isPreset(range) ? (range as PresetId) : undefined,
    from: integer(raw.from),
    to: integer(raw.to),
    live: one(raw.live) === "off" ? "off" : undefined,
  };
}

export interface SharedAddress {
  /** Project name or id as the address has it; undefined: the session's own. */
  project: string | undefined;
  range: TimeRange;
  /** True when the page follows the clock: a moving range and not paused. */
  live: boolean;
  setRange: (range: TimeRange) => void;
  setLive: (live: boolean) => void;
  setProject: (project: string | undefined) => void;
}

export function useAddress(): SharedAddress {
  const search = validateShared(useSearch({ strict: false }));
  const navigate = useNavigate();
  const change = (next: Partial<SharedSearch>, replace: boolean) =>
    void navigate({
      to: ".",
      search: (before: Record<string, unknown>) => ({ ...before, ...next }),
      replace,
    } as never);
  const range = readRange(search);
  return {
    project: search.project,
    range,
    live: isMoving(range) && search.live !== "off",
    setRange: (next) => change(writeRange(next), false),
    setLive: (live) => change({ live: live ? undefined : "off" }, true),
    setProject: (project) => change({ project }, false),
  };
}
