/** By how much the right one is more or less than the left; more of time, tokens and cost is worse. */

interface DeltaProps {
  value: number | null | undefined;
  than: number | null | undefined;
}

export function Delta({ value, than }: DeltaProps) {
  const text = sayDelta(value, than);
  if (text === null) return null;
  return <span className={text.startsWith("+") ? "bad" : "good"}> {text}</span>;
}

/** `+12%`, `-3%`, `×2.5`; null when there is nothing to say. */
export function sayDelta(value: number | null | undefined, than: number | null | undefined): string | null {
  if (value === null || value === undefined || than === null || than === undefined || value === than)
    return null;
  if (than <= 0) return null;
  const ratio = value / than;
  if (ratio >= 3) return `+ ×${ratio.toFixed(1)}`;
  const percent = (ratio - 1) * 100;
  const digits = Math.abs(percent) < 1 ? 1 : 0;
  const text = percent.toFixed(digits);
  if (Number(text) === 0) return null;
  return `${percent > 0 ? "+" : ""}${text}%`;
}
