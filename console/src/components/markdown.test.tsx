import { render } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { Markdown, safeUrl } from "./markdown";

const ATTACKS = [
  "<script>window.pwned = 1</script>",
  '<img src=x onerror="window.pwned = 1">',
  '<iframe src="javascript:alert(1)"></iframe>',
  "[click](javascript:window.pwned=1)",
  "[click](JaVaScRiPt:window.pwned=1)",
  "[click](data:text/html;base64,PHNjcmlwdD4=)",
  "![](javascript:window.pwned=1)",
  '<a href="javascript:window.pwned=1">x</a>',
  "<svg/onload=window.pwned=1>",
  "<style>*{display:none}</style>",
  '<form action="https://evil.example"><button>go</button></form>',
  "<javascript:window.pwned=1>",
  "[x]: javascript:alert(1)\n\n[x]",
  '<div style="position:fixed;inset:0">over everything</div>',
];

describe("text of a model (FAILURES S22)", () => {
  test.each(ATTACKS)("%j brings no element, handler or address of its own", (text) => {
    const { container } = render(<Markdown text={text} />);
    expect(
      container.querySelector("script, img, iframe, svg, style, form, button, object, embed, input"),
    ).toBeNull();
    for (const element of container.querySelectorAll("*")) {
      for (const attribute of element.attributes) {
        expect(attribute.name).not.toMatch(/^on/);
        expect(attribute.value).not.toMatch(/javascript:|data:/i);
      }
      if (element.tagName === "DIV") expect(element.getAttribute("style")).toBeNull();
    }
    expect((window as { pwned?: number }).pwned).toBeUndefined();
  });

  test("shows tags as they were written", () => {
    const { container } = render(<Markdown text={"use <script> here"} />);
    expect(container.textContent).toContain("<script>");
  });

  test("loads no image: its server would learn who reads", () => {
    const { container } = render(<Markdown text="![a cat](https://x.example/cat.png)" />);
    expect(container.querySelector("img")).toBeNull();
    expect(container.textContent).toContain("a cat");
  });

  test("keeps formatting, tables and links that open apart", () => {
    const { container } = render(<Markdown text={"**b** [x](https://x.example)\n\n|a|b|\n|-|-|\n|1|2|"} />);
    expect(container.querySelector("strong")?.textContent).toBe("b");
    expect(container.querySelectorAll("td")).toHaveLength(2);
    const link = container.querySelector("a");
    expect(link?.getAttribute("rel")).toContain("noopener");
    expect(link?.getAttribute("target")).toBe("_blank");
  });

  test("of great length is shown plain, at once", () => {
    const { container } = render(<Markdown text={"*a* ".repeat(20_000)} />);
    expect(container.querySelector("pre")).not.toBeNull();
    expect(container.querySelector("em")).toBeNull();
  });
});

test("only http, https and mail keep their address", () => {
  expect(safeUrl("https://x.example/a")).toBe("https://x.example/a");
  expect(safeUrl("mailto:a@b.example")).toBe("mailto:a@b.example");
  for (const url of [
    "javascript:alert(1)",
    " javascript:1",
    "vbscript:x",
    "data:text/html,x",
    "file:///etc/passwd",
    "/api/v1/session",
    "//x.example",
  ])
    expect(safeUrl(url)).toBe("");
});
