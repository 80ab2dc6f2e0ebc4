/** Serves `MockApi` from Vite's development server. Never part of a build. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { MockApi } from "./mock-api";

export function mockServer(): Plugin {
  const api = new MockApi();
  const empty = new MockApi(undefined, 0);
  return {
    name: "penstock-mock-api",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? "/", "http://localhost");
        if (!url.pathname.startsWith("/api/")) return next();
        const own = url.searchParams.get("project")?.endsWith("2") ? empty : api;
        if (url.pathname === "/api/v1/traces/tail") return tail(own, request, response);
        void readBody(request).then((body) => {
          const answer = own.answer(
            request.method ?? "GET",
            url,
            body ? JSON.parse(body) : undefined,
            new Headers(request.headers as Record<string, string>),
          );
          const type = answer.status >= 400 ? "application/problem+json" : "application/json";
          response.writeHead(answer.status, { "content-type": type });
          response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
        });
      });
    },
  };
}

function tail(api: MockApi, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": keep-alive\n\n");
  const timer = setInterval(() => {
    if (api.rows.length) response.write(`event: trace\ndata: ${JSON.stringify(api.arrive())}\n\n`);
  }, 2_500);
  request.on("close", () => clearInterval(timer));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
