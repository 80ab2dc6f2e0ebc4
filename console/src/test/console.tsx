/** The whole console on a page of its own, in front of `MockApi`. */

import { createMemoryHistory, type RouterHistory } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { vi } from "vitest";
import type { TraceRow } from "@/api/types";
import { App } from "@/app/app";
import { type MockAnswer, MockApi } from "./mock-api";

export interface RecordedRequest {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
}

/** Stands for the browser's; a test speaks through `FakeEventSource.last`. */
export class FakeEventSource {
  static readonly CONNECTING = 0;
  static readonly CLOSED = 2;
  static all: FakeEventSource[] = [];
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  readyState = FakeEventSource.CONNECTING;
  private readonly listeners = new Map<string, ((event: { data: string }) => void)[]>();

  constructor(readonly url: string) {
    FakeEventSource.all.push(this);
  }

  static get last(): FakeEventSource | undefined {
    return FakeEventSource.all.at(-1);
  }

  addEventListener(name: string, listener: (event: { data: string }) => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  close(): void {
    this.closed = true;
  }

  send(row: TraceRow): void {
    this.sendEvent("trace", row);
  }

  sendEvent(name: string, data: unknown): void {
    for (const listener of this.listeners.get(name) ?? []) listener({ data: JSON.stringify(data) });
  }
}

export interface OpenConsole {
  api: MockApi;
  user: UserEvent;
  history: RouterHistory;
  requests: RecordedRequest[];
  /** Answers this path (`/api/…`, or `GET /api/…`) otherwise than the mock; null lets the mock answer again. */
  override: (path: string, answer: MockAnswer | "unreachable" | "never" | null) => void;
}

export function openConsole(
  address: string,
  options: { rows?: number; signedIn?: boolean } = {},
): OpenConsole {
  const api = new MockApi(undefined, options.rows ?? 300);
  api.signedIn = options.signedIn ?? true;
  const requests: RecordedRequest[] = [];
  const overrides = new Map<string, MockAnswer | "unreachable" | "never">();
  FakeEventSource.all = [];
  vi.stubGlobal("EventSource", FakeEventSource);
  vi.stubGlobal("fetch", async (request: Request) => {
    const url = new URL(request.url);
    const text = await request.text();
    const body = text ? JSON.parse(text) : undefined;
    requests.push({ method: request.method, url, headers: request.headers, body });
    const other = overrides.get(`${request.method} ${url.pathname}`) ?? overrides.get(url.pathname);
    if (other === "unreachable") throw new TypeError("fetch failed");
    if (other === "never") return new Promise<Response>(() => {});
    const answer = other ?? api.answer(request.method, url, body, request.headers);
    if (answer.events !== undefined)
      return new Response(answer.events, { headers: { "content-type": "text/event-stream" } });
    return new Response(answer.body === undefined ? null : JSON.stringify(answer.body), {
      status: answer.status,
      headers: { "content-type": answer.status >= 400 ? "application/problem+json" : "application/json" },
    });
  });
  const history = createMemoryHistory({ initialEntries: [address] });
  const override: OpenConsole["override"] = (path, answer) => {
    if (answer) overrides.set(path, answer);
    else overrides.delete(path);
  };
  const opened = { api, user: userEvent.setup(), history, requests, override };
  return opened;
}

export function show(opened: OpenConsole): void {
  render(<App history={opened.history} />);
}
