import { Link } from "@tanstack/react-router";
import { useModelNames } from "@/lib/model-names";
import { useSignedIn } from "@/lib/session";
import { CopyBox } from "./copy";
import { Empty } from "./empty";

/** The command that makes a first call through the gateway. */
export function firstCallCommand(gatewayUrl: string, model: string): string {
  return `curl ${gatewayUrl}/v1/chat/completions \\
  -H "Authorization: Bearer $PENSTOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`;
}

/** No calls: how to make one. */
export function FirstCall({ title }: { title: string }) {
  const { gatewayUrl, may } = useSignedIn();
  const { example } = useModelNames();
  return (
    <Empty title={title} icon="traces">
      <p>
        Send a call through the gateway and it appears here a second later. Take a name from{" "}
        <Link to="/models" search={{}}>
          Models
        </Link>
        {may("keys:write") && (
          <>
            {" "}
            and a key from{" "}
            <Link to="/keys" search={{}}>
              Keys
            </Link>
          </>
        )}
        .
      </p>
      <CopyBox text={firstCallCommand(gatewayUrl, example)} label="Copy the command" />
    </Empty>
  );
}
