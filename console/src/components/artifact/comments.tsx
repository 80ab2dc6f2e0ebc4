import { Button, Select, Skeleton, Textarea } from "@mantine/core";
import { useState } from "react";
import type { Artifact } from "@/api/types";
import { Failure } from "@/components/failure";
import { useArtifactWrites } from "@/lib/artifact-writes";
import { type ArtifactPlace, useComments } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./artifact.module.css";

/** What people say about it, or about one version. */
export function CommentTab({ place, artifact }: { place: ArtifactPlace; artifact: Artifact }) {
  const { may } = useSignedIn();
  const list = useComments(place);
  const comments = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="card" aria-label="Comments">
      {may(`${place.kind}s:write`) && <Compose place={place} artifact={artifact} />}
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {!list.data && !list.error && (
        <Skeleton height={80} m={12} role="status" aria-label="Loading the comments" />
      )}
      {list.data && comments.length === 0 && <p className={classes.review}>Nobody has said anything yet.</p>}
      <ol className={classes.comments}>
        {comments.map((one) => (
          <li key={one.id}>
            <div className={classes.commentHead}>
              <b>{one.actor}</b>
              <time title={formatTime(one.at)}>{formatAgo(one.at, nowMicroseconds())}</time>
              {one.version !== null && <span>about version {one.version}</span>}
            </div>
            <p className={classes.commentText}>{one.text}</p>
          </li>
        ))}
      </ol>
      {list.hasNextPage && (
        <Button
          size="xs"
          variant="default"
          m={10}
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          Show older comments
        </Button>
      )}
    </section>
  );
}

function Compose({ place, artifact }: { place: ArtifactPlace; artifact: Artifact }) {
  const { comment } = useArtifactWrites(place);
  const [text, setText] = useState("");
  const [version, setVersion] = useState<string | null>(null);
  const numbers = Array.from({ length: artifact.versions }, (_, index) => String(artifact.versions - index));
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    comment.mutate({ text: text.trim(), version }, { onSuccess: () => setText("") });
  };
  return (
    <form className={classes.compose} onSubmit={submit}>
      <Textarea
        className={classes.message}
        size="xs"
        autosize
        minRows={2}
        aria-label="Comment"
        placeholder="What should the next person know?"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Select
        size="xs"
        w={150}
        aria-label="About"
        placeholder="About all of it"
        clearable
        searchable
        data={numbers.map((number) => ({ value: number, label: `Version ${number}` }))}
        value={version}
        onChange={setVersion}
      />
      <Button size="xs" type="submit" loading={comment.isPending} disabled={!text.trim()}>
        Comment
      </Button>
      {comment.error && <Failure error={comment.error} />}
    </form>
  );
}
