/** Limits in words. */

import type { BudgetUse, Forecast, LimitUse, RateUse, SpendLine } from "@/api/types";
import { formatCompact, formatMinute, formatMoneyShort } from "@/lib/format";

const EACH: Record<LimitUse["level"], string> = {
  organisation: "all calls together",
  project: "each project by itself",
  key: "each key by itself",
  user: "each end user by itself",
  tag: "each value of a tag by itself",
};

/** Whom a limit counts: `each key by itself`, `tag job=nightly`. */
export function sayWhom({ level, match }: Pick<LimitUse, "level" | "match">): string {
  if (level === "organisation" || match.length === 0) return EACH[level];
  if (level === "tag")
    return match.map((one) => (one.includes("=") ? one : `each value of ${one}`)).join(", ");
  return `${level} ${match.join(", ")}`;
}

export function sayBound({ measure, window, hard }: Pick<RateUse, "measure" | "window" | "hard">): string {
  if (measure === "parallel") return `${formatCompact(hard)} calls at a time`;
  return `${formatCompact(hard)} ${measure} per ${window}`;
}

/** `$12.30 of $200.00 today`. */
export function saySpent(spent: number, budget: Pick<BudgetUse, "hard" | "soft" | "window">): string {
  const limit = budget.hard ?? budget.soft;
  const of = limit === null ? "" : ` of ${formatMoneyShort(limit)}${budget.hard === null ? " (soft)" : ""}`;
  const when = budget.window === "day" ? "today" : `this ${budget.window}`;
  return `${formatMoneyShort(spent)}${of} ${when}`;
}

/** What a forecast comes to, the more urgent first. */
export function sayForecast(forecast: Forecast, state: SpendLine["state"]): { text: string; bad: boolean } {
  if (state === "hard")
    return { text: "spent: calls are refused, or degraded as their route says", bad: true };
  if (forecast.reaches_hard !== null)
    return { text: `reaches the hard limit ${formatMinute(forecast.reaches_hard)} at this pace`, bad: true };
  if (state === "soft") return { text: `over its soft limit; ${expected(forecast)}`, bad: true };
  if (forecast.reaches_soft !== null)
    return { text: `reaches the soft limit ${formatMinute(forecast.reaches_soft)} at this pace`, bad: true };
  return { text: expected(forecast), bad: false };
}

function expected({ expected: amount, low, high }: Forecast): string {
  const interval =
    low === null || high === null ? "" : ` (${formatMoneyShort(low)} to ${formatMoneyShort(high)})`;
  return `${formatMoneyShort(amount)}${interval} by its end`;
}
