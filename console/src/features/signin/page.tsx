/** `/signin#token=…`: trades the one-time token for a session. Without one, says how to get it. */

import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { api, bodyOf, setCsrfToken } from "@/api/client";
import { ApiProblem } from "@/api/problem";
import { CopyBox } from "@/components/copy";
import { Failure } from "@/components/failure";
import { Mark } from "@/components/icons";
import { sessionQuery } from "@/lib/session";
import classes from "./signin.module.css";

/** The token of a fragment such as `#token=abc`; fragments never reach a server or its logs. */
export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token");
}

export function SigninPage() {
  const { hash } = useLocation();
  const { next } = useSearch({ from: "/signin" });
  const navigate = useNavigate();
  const router = useRouter();
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: async (token: string) => bodyOf(await api.POST("/api/v1/session", { body: { token } })),
    onSuccess: (session) => {
      client.clear();
      setCsrfToken(session.csrf_token ?? null);
      client.setQueryData(sessionQuery.queryKey, session);
      if (next) router.history.replace(next);
      else void navigate({ to: "/overview", search: {}, replace: true });
    },
  });
  const token = tokenOf(hash);
  const used = useRef<string | null>(null);
  const { mutate } = signIn;
  useEffect(() => {
    // A token works once: React may run an effect twice, and the page may be told of the hash again.
    if (!token || used.current === token) return;
    used.current = token;
    void navigate({ to: "/signin", search: { next }, hash: "", replace: true });
    mutate(token);
  }, [token, next, navigate, mutate]);

  return (
    <main className={classes.root}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark size={26} /> Penstock
        </div>
        {signIn.isPending || token ? (
          <Pending />
        ) : signIn.error ? (
          <Refused error={signIn.error} />
        ) : (
          <HowTo expired={Boolean(next)} />
        )}
        {signIn.isError && <HowTo expired={false} />}
        <Button
          variant="subtle"
          size="compact-xs"
          onClick={() => void navigate({ to: "/overview", search: {} })}
        >
          I am signed in already
        </Button>
      </div>
    </main>
  );
}

function Pending() {
  return (
    <div role="status">
      <p>Signing in…</p>
      <Skeleton height={10} mb={8} />
      <Skeleton height={10} width="60%" />
    </div>
  );
}

function Refused({ error }: { error: unknown }) {
  const used = error instanceof ApiProblem && error.code === "link_invalid";
  if (!used) return <Failure error={error} />;
  return (
    <p role="alert" className={classes.refused}>
      This link was used already or has expired. Each link signs in once; make a new one.
    </p>
  );
}

function HowTo({ expired }: { expired: boolean }) {
  return (
    <div className={classes.how}>
      <p>
        {expired ? "Your session is over. " : ""}Sign in with a one-time link. Make one on the machine that
        runs Penstock, and open it in this browser:
      </p>
      <CopyBox text="penstock signin-link" label="Copy the command" />
      <p className="dim">
        <code>penstock up</code> prints the first link when it starts. For a colleague, choose what they may
        do: <code>penstock signin-link --role viewer</code>
      </p>
    </div>
  );
}
