import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Artifact, ArtifactBranch } from "@/api/types";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useArtifactWrites } from "@/lib/artifact-writes";
import type { ArtifactPlace } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./artifact.module.css";

/** Lines of versions beside main: made from any version, merged back. */
export function BranchBox({ place, artifact }: { place: ArtifactPlace; artifact: Artifact }) {
  const { may } = useSignedIn();
  const writer = may(`${place.kind}s:write`);
  if (!artifact.branches.length || (!writer && artifact.branches.length < 2)) return null;
  const main = artifact.branches.find((one) => one.name === "main");
  return (
    <section className="card" aria-label="Branches">
      <div className="card-head">Branches</div>
      <ul className={watch.list}>
        {artifact.branches.map((one) => (
          <BranchRow key={one.name} place={place} branch={one} main={main} writer={writer} />
        ))}
      </ul>
      {writer && <NewBranch place={place} />}
    </section>
  );
}

interface BranchRowProps {
  place: ArtifactPlace;
  branch: ArtifactBranch;
  main: ArtifactBranch | undefined;
  writer: boolean;
}

function BranchRow({ place, branch, main, writer }: BranchRowProps) {
  const { merge } = useArtifactWrites(place);
  const [asking, setAsking] = useState(false);
  const ahead = branch.name !== "main" && branch.digest !== main?.digest;
  return (
    <li>
      <b>{branch.name}</b>
      <div className={watch.said}>
        head is version {branch.head}, begun {formatAgo(branch.created, nowMicroseconds())} by{" "}
        {branch.created_by}
        {merge.error && <Failure error={merge.error} />}
      </div>
      <div className={watch.aside}>
        {writer && ahead && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Merge ${branch.name}`}
            onClick={() => setAsking(true)}
          >
            Merge into main
          </Button>
        )}
      </div>
      {asking && (
        <ConfirmDialog
          title={`Merge ${branch.name} into main?`}
          text={`Version ${branch.head} becomes the newest version of main${main ? `, in the place of version ${main.head}` : ""}. Labels stay where they are.`}
          action="Merge"
          loading={merge.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            merge.mutate(
              { branch: branch.name, expected: main?.digest ?? null, message: `Merge ${branch.name}` },
              { onSettled: () => setAsking(false) },
            )
          }
        />
      )}
    </li>
  );
}

function NewBranch({ place }: { place: ArtifactPlace }) {
  const { branch } = useArtifactWrites(place);
  const [name, setName] = useState("");
  const [version, setVersion] = useState("latest");
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    branch.mutate(
      { name: name.trim(), version: version.trim() || "latest" },
      { onSuccess: () => setName("") },
    );
  };
  return (
    <form className={classes.save} onSubmit={submit}>
      <TextInput
        size="xs"
        aria-label="Name of a new branch"
        placeholder="shorter-answers"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        size="xs"
        w={110}
        aria-label="From version"
        placeholder="latest"
        value={version}
        onChange={(event) => setVersion(event.currentTarget.value)}
      />
      <Button size="xs" variant="default" type="submit" disabled={!name.trim()} loading={branch.isPending}>
        Create a branch
      </Button>
      {branch.error && <Failure error={branch.error} />}
    </form>
  );
}
