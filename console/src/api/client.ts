/** The one way to the control API: typed by its OpenAPI document, errors as `ApiProblem`. */

import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./generated/schema";
import { ApiProblem, type ProblemBody, Unreachable } from "./problem";

let csrfToken: string | null = null;

/** Kept in memory only; it comes with the session and goes with the page. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  let body: ProblemBody = {};
  try {
    body = (await response.json()) as ProblemBody;
  } catch {
    // Not JSON: a proxy in between answered. The status is all there is to say.
  }
  return new ApiProblem(response.status, body);
}

const middleware: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrfToken) request.headers.set("x-csrf-token", csrfToken);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
    return response;
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    return new Unreachable();
  },
};

export const api = createClient<paths>({
  // Read at each call, so that a test can put another `fetch` in its place.
  fetch: (request) => globalThis.fetch(request),
  baseUrl: typeof window === "undefined" ? "" : window.location.origin,
  credentials: "same-origin",
});
api.use(middleware);

/** The answer's body; the middleware has thrown already when there is none to give. */
export function bodyOf<Body>(answer: { data?: Body }): Body {
  if (answer.data === undefined)
    throw new ApiProblem(502, { detail: "The console answered without a body." });
  return answer.data;
}
