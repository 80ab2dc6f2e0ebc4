/**
 * Text of a model, which may be anyone's: Markdown without raw HTML. Tags are shown as text, links
 * are limited to http, https and mail, and images are named but not loaded (a load tells their
 * server who reads which trace).
 */

import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import classes from "./markdown.module.css";

/** Longer text is shown as it is: parsing it would stop the page for seconds. */
const LONGEST = 60_000;
const PLUGINS = [remarkGfm];

/** Keeps absolute links of harmless schemes; everything else loses its address. */
export function safeUrl(url: string): string {
  return /^(https?:\/\/|mailto:)/i.test(url) ? url : "";
}

const COMPONENTS: Components = {
  a: ({ href, children }) =>
    href ? (
      <a href={href} target="_blank" rel="noopener noreferrer nofollow">
        {children}
      </a>
    ) : (
      <span>{children}</span>
    ),
  img: ({ alt, src }) => (
    <span className={classes.image}>
      [image{alt ? `: ${alt}` : ""}
      {typeof src === "string" && src ? ` ${src}` : ""}]
    </span>
  ),
  table: ({ children }) => (
    <div className={classes.table}>
      <table>{children}</table>
    </div>
  ),
  input: ({ checked }) => <span>{checked ? "☑" : "☐"}</span>,
};

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  if (text.length > LONGEST) return <pre className={classes.plain}>{text}</pre>;
  return (
    <div className={classes.root}>
      <ReactMarkdown remarkPlugins={PLUGINS} components={COMPONENTS} urlTransform={safeUrl}>
        {text}
      </ReactMarkdown>
    </div>
  );
});
