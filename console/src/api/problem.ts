/** What went wrong, in the form of RFC 9457 that the control API answers with. */

export interface ProblemBody {
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  hint?: string | null;
  field?: string | null;
  /** What this kind of problem says beside. */
  [extra: string]: unknown;
}

export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly field: string | null;
  readonly extra: Record<string, unknown>;

  constructor(status: number, body: ProblemBody) {
    super(body.detail || body.title || `The console answered ${status} without saying why.`);
    this.name = "ApiProblem";
    this.status = status;
    this.code = body.code ?? "unknown";
    this.hint = body.hint ?? null;
    this.field = body.field ?? null;
    this.extra = body;
  }
}

/** The console could not be reached at all: stopped, restarting, or no network. */
export class Unreachable extends Error {
  constructor() {
    super("The console does not answer.");
    this.name = "Unreachable";
  }
}
