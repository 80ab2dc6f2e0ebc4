/** Keyboard shortcuts that stay out of the way of typing and of open dialogs. */

import { useEffect, useRef } from "react";

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // A box that is ticked takes no text.
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** True while a dialog, menu or list of options is open: its own keys come first. */
export function overlayIsOpen(): boolean {
  const found = document.querySelectorAll('[role="dialog"], [role="menu"], [role="listbox"]');
  // A closed list of options stays in the page, hidden.
  return [...found].some((one) => !one.closest('[style*="display: none"]'));
}

function hasModifier(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey;
}

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

/**
 * Calls `map[key]` for plain keys (named ones in lower case: `enter`, `escape`), and `map["g o"]` for two pressed within a second.
 * Keys with Ctrl, Alt or Meta are the browser's.
 */
export function useKeys(map: KeyMap, enabled = true): void {
  const current = useRef(map);
  current.current = map;
  useEffect(() => {
    if (!enabled) return;
    let first: { key: string; at: number } | null = null;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || hasModifier(event) || isTyping(event.target) || overlayIsOpen()) return;
      const key = event.key.length > 1 ? event.key.toLowerCase() : event.key;
      const pair = first && event.timeStamp - first.at < 1000 ? `${first.key} ${key}` : null;
      first = { key, at: event.timeStamp };
      const action = (pair ? current.current[pair] : undefined) ?? current.current[key];
      if (!action) return;
      first = null;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [enabled]);
}
