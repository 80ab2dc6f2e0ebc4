import { one } from "@/lib/search-params";

export interface SigninSearch {
  next?: string;
}

export function validateSignin(raw: Record<string, unknown>): SigninSearch {
  return { next: safeNext(one(raw.next)) };
}

/** Where to go after signing in: a path of this console and nothing else, or an attacker could choose it. */
export function safeNext(next: string | undefined): string | undefined {
  if (!next?.startsWith("/") || /^\/[/\\]/.test(next) || /[\\\t\r\n]/.test(next)) return undefined;
  return next.startsWith("/signin") ? undefined : next;
}
