import { one } from "@/lib/search-params";

export interface UsersSearch {
  /** What their calls must be, in the filter language. */
  q?: string;
  /** `-cost`: the most first. */
  sort?: string;
}

export const USUAL_SORT = "-last";

export function validateUsers(raw: Record<string, unknown>): UsersSearch {
  const sort = one(raw.sort);
  return {
    q: one(raw.q),
    sort: sort && /^-?[a-z_]+$/.test(sort) && sort !== USUAL_SORT ? sort : undefined,
  };
}
