/** Numbers as people read them. Times come in microseconds, money in nano-dollars, as the API has them. */

const NANO_PER_DOLLAR = 1_000_000_000;
const integers = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** What stands where there is no value. */
export const NOTHING = "–";

/** `$12.34`, `$0.000123`, and `unknown` for null: a cost that cannot be computed is never `$0`. */
export function formatMoney(nano: number | null | undefined): string {
  if (nano === null || nano === undefined) return "unknown";
  const size = Math.abs(nano);
  const places = nano === 0 || size >= NANO_PER_DOLLAR ? 2 : size < 1_000 ? 9 : 6;
  const text = (size / NANO_PER_DOLLAR).toLocaleString("en-US", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
  return `${nano < 0 ? "-" : ""}$${text}`;
}

/** Three significant digits, for narrow columns: `$12.34`, `$0.104`, `$0.000123`. */
export function formatMoneyShort(nano: number | null | undefined): string {
  if (nano === null || nano === undefined) return formatMoney(nano);
  const size = Math.abs(nano);
  if (size === 0 || size >= NANO_PER_DOLLAR)
    return size >= 10_000 * NANO_PER_DOLLAR
      ? `$${compact.format(nano / NANO_PER_DOLLAR)}`
      : formatMoney(nano);
  if (size < 1_000) return "<$0.000001";
  const places = 2 - Math.floor(Math.log10(size / NANO_PER_DOLLAR));
  return `${nano < 0 ? "-" : ""}$${(size / NANO_PER_DOLLAR).toFixed(places)}`;
}

/** As `formatMoney`, for a column: what is below a millionth of a dollar says so instead of growing longer. */
export function formatMoneyRow(nano: number | null | undefined): string {
  return nano && nano > 0 && nano < 1_000 ? "<$0.000001" : formatMoney(nano);
}

/** A price per million tokens: `$0.15`, `$1.10`, `$0.0375`. */
export function formatPrice(nano: number | null | undefined): string {
  if (nano === null || nano === undefined) return NOTHING;
  const dollars = nano / NANO_PER_DOLLAR;
  return `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 4 })}`;
}

/** `850 µs`, `123 ms`, `1.23 s`, `2m 05s`, `1h 02m`. */
export function formatDuration(us: number | null | undefined): string {
  if (us === null || us === undefined) return NOTHING;
  if (us < 0) return `-${formatDuration(-us)}`;
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 999_500) return us < 9_950 ? `${(us / 1_000).toFixed(1)} ms` : `${Math.round(us / 1_000)} ms`;
  if (us < 59_995_000) return `${(us / 1_000_000).toFixed(us < 9_995_000 ? 2 : 1)} s`;
  const seconds = Math.round(us / 1_000_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, "0")}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, "0")}m`;
}

export function formatCount(value: number | null | undefined): string {
  return value === null || value === undefined ? NOTHING : integers.format(value);
}

/** `950`, `12.3K`, `4.56M`. */
export function formatCompact(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  return Math.abs(value) < 10_000 ? integers.format(value) : compact.format(value);
}

/** A share of 1 as a percentage; small ones keep two decimals so that 0.04 % is not 0 %. */
export function formatPercent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return NOTHING;
  const percent = share * 100;
  if (percent === 0) return "0%";
  return `${percent.toFixed(Math.abs(percent) < 1 ? 2 : Math.abs(percent) < 10 ? 1 : 0)}%`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The zone of the reader's clock at a moment: `UTC`, `UTC+2`, `UTC+5:30`. */
export function zoneOf(date: Date): string {
  const offset = -date.getTimezoneOffset();
  if (offset === 0) return "UTC";
  const hours = Math.floor(Math.abs(offset) / 60);
  const minutes = Math.abs(offset) % 60;
  return `UTC${offset < 0 ? "-" : "+"}${hours}${minutes ? `:${pad(minutes)}` : ""}`;
}

/** `2026-07-01 14:03:22.123 UTC+2`. */
export function formatTime(us: number): string {
  const date = new Date(us / 1000);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${clock(date)}.${pad(date.getMilliseconds(), 3)} ${zoneOf(date)}`;
}

/** `Jul 01 14:03 UTC+2`. */
export function formatMinute(us: number): string {
  const date = new Date(us / 1000);
  return `${MONTHS[date.getMonth()]} ${pad(date.getDate())} ${clock(date).slice(0, 5)} ${zoneOf(date)}`;
}

/** The short form for rows: `14:03:22.123` today, `Jul 01 14:03:22` before. The zone stands in the header. */
export function formatRowTime(us: number, now: number): string {
  const date = new Date(us / 1000);
  const today = new Date(now / 1000);
  if (date.toDateString() === today.toDateString()) return `${clock(date)}.${pad(date.getMilliseconds(), 3)}`;
  return `${MONTHS[date.getMonth()]} ${pad(date.getDate())} ${clock(date)}`;
}

/** `just now`, `5 min ago`, `3 h ago`, `12 d ago`; the future reads `in 5 min`. */
export function formatAgo(us: number, now: number): string {
  const seconds = Math.round((now - us) / 1_000_000);
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  let text: string;
  if (size < 60) text = `${size} s`;
  else if (size < 3600) text = `${Math.round(size / 60)} min`;
  else if (size < 48 * 3600) text = `${Math.round(size / 3600)} h`;
  else text = `${Math.round(size / 86_400)} d`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** How much a value changed against the window before, as a share; null when there is nothing to compare. */
export function changeOf(now: number | null | undefined, before: number | null | undefined): number | null {
  if (now === null || now === undefined || !before) return null;
  return (now - before) / before;
}

function clock(date: Date): string {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}
