import { Button } from "@mantine/core";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";

export function NotFoundPage() {
  return (
    <Empty title="There is no page at this address." icon="warning">
      <Button component={Link} to="/overview" size="xs" variant="default">
        Go to Overview
      </Button>
    </Empty>
  );
}

/** A page that could not be drawn: an error in its code, or a part of the console that did not load. */
export function RouteFailed({ error }: ErrorComponentProps) {
  const router = useRouter();
  return <Failure error={error} onRetry={() => void router.invalidate()} />;
}
