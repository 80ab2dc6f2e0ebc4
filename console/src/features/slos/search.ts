import { one } from "@/lib/search-params";

export interface SlosSearch {
  create?: "yes";
}

export interface SloSearch {
  edit?: "yes";
}

export function validateSlos(raw: Record<string, unknown>): SlosSearch {
  return { create: one(raw.create) === "yes" ? "yes" : undefined };
}

export function validateSlo(raw: Record<string, unknown>): SloSearch {
  return { edit: one(raw.edit) === "yes" ? "yes" : undefined };
}
