/** Who is signed in, what they may do, and which project the address means. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, bodyOf, setCsrfToken } from "@/api/client";
import type { Session } from "@/api/types";
import { useAddress } from "./address";

export async function fetchSession(): Promise<Session> {
  const session = bodyOf(await api.GET("/api/v1/session"));
  setCsrfToken(session.csrf_token ?? null);
  return session;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: fetchSession,
  staleTime: 5 * 60_000,
  refetchOnWindowFocus: true,
  retry: false,
});

export interface Project {
  id: string;
  name: string;
}

export interface SignedIn {
  session: Session;
  project: Project;
  may: (permission: string) => boolean;
  /** Base URL of the gateway, without a trailing slash. */
  gatewayUrl: string;
}

/** The project that an address names, by id or name; else the session's own. */
export function projectOf(session: Session, named: string | undefined): Project {
  const found = session.projects.find((project) => project.id === named || project.name === named);
  if (found) return found;
  if (named) return { id: named, name: named };
  const own =
    session.projects.find((project) => project.id === session.default_project) ?? session.projects[0];
  return own ?? { id: session.default_project, name: "default" };
}

/** Only below the shell, which shows its pages once the session is there. */
export function useSignedIn(): SignedIn {
  const { project } = useAddress();
  const { data: session } = useQuery(sessionQuery);
  if (!session) throw new Error("useSignedIn is for pages inside the shell.");
  return {
    session,
    project: projectOf(session, project),
    may: (permission) => session.permissions.includes(permission),
    gatewayUrl: (session.gateway_url ?? defaultGatewayUrl()).replace(/\/+$/, ""),
  };
}

/** The gateway's usual port on the host that served the console. */
function defaultGatewayUrl(): string {
  return `${window.location.protocol}//${window.location.hostname}:4100`;
}
