import { expect, test } from "vitest";
import type { Models } from "@/api/types";
import { MockApi } from "@/test/mock-api";
import { exampleOf, namesOf } from "./model-names";

const models = new MockApi(undefined, 0).answer("GET", new URL("http://x/api/v1/models")).body as Models;

test("an example is an alias, else a model one can chat with", () => {
  expect(exampleOf(models)).toBe("support");
  const [openai] = models.providers;
  if (!openai) throw new Error("The mock has no provider.");
  const embeddings = openai.models.filter((model) => model.name.includes("embed"));
  expect(
    exampleOf({ aliases: [], providers: [{ ...openai, models: [...embeddings, ...openai.models] }] }),
  ).toBe("openai/gpt-4o-mini");
  expect(exampleOf({ aliases: [], providers: [] })).toBeUndefined();
});

test("names to allow are aliases, whole providers and single models", () => {
  expect(namesOf(models).slice(0, 3)).toEqual(["support", "writer", "openai/*"]);
  expect(namesOf(models)).toContain("local/qwen3-32b-instruct-awq");
});
