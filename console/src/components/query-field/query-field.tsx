/** One line of the filter language: completion of names and observed values, and what is wrong, where it is. */

import { ActionIcon } from "@mantine/core";
import { useEffect, useId, useRef, useState } from "react";
import { Icon } from "@/components/icons";
import { replaceRange } from "@/lib/query-text";
import classes from "./query-field.module.css";
import { Suggestions } from "./suggestions";
import { type Suggestion, useSuggestions } from "./use-suggestions";

/** What is wrong with a text, and which part of it. */
export interface QueryFault {
  message: string;
  hint: string | null;
  start: number;
  end: number;
}

interface QueryFieldProps {
  /** The text that holds; undefined for none. */
  value: string | undefined;
  onChange: (text: string | undefined) => void;
  /** Of `value`, by who was asked for it. */
  fault?: QueryFault | null;
  label: string;
  placeholder: string;
  /** `/` goes here. */
  pageSearch?: boolean;
  /** One of several fields of a form: what is typed holds when the field is left. */
  inForm?: boolean;
}

export function QueryField(props: QueryFieldProps) {
  const { value, onChange, fault } = props;
  const [text, setText] = useState(value ?? "");
  const [caret, setCaret] = useState(0);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  useEffect(() => setText(value ?? ""), [value]);
  const suggestions = useSuggestions(text, caret, open);
  const items = open ? suggestions : [];

  const submit = (next: string) => {
    setOpen(false);
    setAt(-1);
    onChange(next.trim() || undefined);
  };
  const accept = (item: Suggestion) => {
    const next = replaceRange(text, item, item.insert);
    setText(next.text);
    setCaret(next.cursor);
    setAt(-1);
    // The caret is placed when the text is there.
    window.requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(next.cursor, next.cursor);
    });
  };
  const follow = (element: HTMLInputElement) => {
    setCaret(element.selectionStart ?? element.value.length);
    setAt(-1);
  };
  const move = (step: number) => {
    // From nowhere, up goes to the last.
    const from = at < 0 && step < 0 ? 0 : at;
    setAt((from + step + items.length) % items.length);
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>) => {
    const chosen = items[at];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && items.length) {
      event.preventDefault();
      move(step);
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen) {
      event.preventDefault();
      accept(chosen);
    } else if (event.key === "Enter") {
      if (props.inForm) event.preventDefault();
      submit(text);
    } else if (event.key === "Escape" && items.length) setOpen(false);
    else if (event.key === "Escape") event.currentTarget.blur();
  };
  const wrong = fault && text === (value ?? "") ? fault : null;
  const search = props.pageSearch ? { "data-page-search": true } : {};
  return (
    <div className={classes.root}>
      <div className={classes.box} data-wrong={wrong ? true : undefined}>
        <Icon name="search" size={14} />
        <input
          ref={input}
          {...search}
          className={classes.input}
          role="combobox"
          aria-label={props.label}
          aria-expanded={items.length > 0}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={items[at] ? `${list}-${at}` : undefined}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={wrong ? `${list}-fault` : undefined}
          placeholder={props.placeholder}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setOpen(true);
            follow(event.currentTarget);
          }}
          onSelect={(event) => {
            if (event.currentTarget.selectionStart !== caret) follow(event.currentTarget);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => {
            setOpen(false);
            if (props.inForm && text !== (value ?? "")) submit(text);
          }}
          onKeyDown={onKeyDown}
        />
        {text ? (
          <ActionIcon
            size="xs"
            variant="subtle"
            color="gray"
            aria-label="Clear the filter"
            onClick={() => {
              setText("");
              submit("");
            }}
          >
            <Icon name="close" size={12} />
          </ActionIcon>
        ) : (
          props.pageSearch && <kbd className="faint">/</kbd>
        )}
      </div>
      <Suggestions id={list} items={items} at={at} onPoint={setAt} onAccept={accept} />
      {wrong && <Fault id={`${list}-fault`} text={text} fault={wrong} />}
    </div>
  );
}

/** How much of the text around the fault is shown. */
const AROUND = 24;

function Fault({ id, text, fault }: { id: string; text: string; fault: QueryFault }) {
  const from = Math.max(0, fault.start - AROUND);
  const end = Math.max(fault.end, fault.start);
  const part = text.slice(fault.start, end);
  return (
    <div id={id} className={classes.fault} role="alert">
      <code>
        {from > 0 && "…"}
        {text.slice(from, fault.start)}
        <mark>{part || "▴"}</mark>
        {text.slice(end, end + AROUND)}
        {end + AROUND < text.length && "…"}
      </code>
      <span>
        {fault.message} {fault.hint}
      </span>
    </div>
  );
}
