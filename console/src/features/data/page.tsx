import classes from "@/components/watch.module.css";
import { useSignedIn } from "@/lib/session";
import { Deletions } from "./deletions";
import { DiskCard } from "./disk-card";
import { RetentionCard } from "./retention-card";

/** What is kept, for how long, how much room it takes, and how it is deleted. */
export function DataPage() {
  const { may } = useSignedIn();
  return (
    <div className={classes.page}>
      <DiskCard />
      {may("retention:read") && <RetentionCard />}
      <Deletions />
    </div>
  );
}
