import { describe, expect, test } from "vitest";
import { readDocuments } from "./documents";

const read = (output: unknown, attributes?: unknown) =>
  readDocuments({ output, attributes }).map((one) => [one.id, one.text, one.score]);

describe("documents", () => {
  test.each([
    ["OpenInference's", [{ "document.id": "d1", "document.content": "text", "document.score": 0.5 }]],
    ["under a name", { documents: [{ id: "d1", content: "text", score: 0.5 }] }],
    ["as JSON text", '{"documents": [{"id": "d1", "page_content": "text", "score": 0.5}]}'],
    ["LlamaIndex's nodes", { nodes: [{ node: { id_: "d1", text: "text" }, score: 0.5 }] }],
    [
      "in a message",
      [
        {
          role: "tool",
          parts: [{ type: "x", content: { documents: [{ id: "d1", text: "text", score: 0.5 }] } }],
        },
      ],
    ],
  ])("in %s form are read", (_, output) => expect(read(output)).toEqual([["d1", "text", 0.5]]));

  test("stand in the attributes when the output has none", () =>
    expect(read(null, { "retrieval.documents": [{ "document.content": "a" }] })).toEqual([
      [null, "a", null],
    ]));

  test("whose texts are parts of a message have their scores in the attributes", () =>
    expect(
      read(
        [
          {
            role: "tool",
            parts: [
              { type: "text", content: "a" },
              { type: "text", content: "b" },
            ],
          },
        ],
        {
          "retrieval.documents": [{ id: "d1", score: 0.9 }, { id: "d2" }],
        },
      ),
    ).toEqual([
      ["d1", "a", 0.9],
      ["d2", "b", null],
    ]));

  test("are not messages", () =>
    expect(read([{ role: "assistant", parts: [{ type: "text", content: "Hello" }] }])).toEqual([]));

  test("are not any value", () => expect(read({ answer: 42 })).toEqual([]));
});
