import { RowForm } from "../detail/row-form";
import { useEditRows } from "../queries";
import type { Target } from "./add-rows";

/** One row, written here; more can follow on the dataset's page. */
export function ByHand({ target }: { target: Target }) {
  const edit = useEditRows();
  return (
    <RowForm
      row={{ id: "", input: "" }}
      error={edit.error}
      loading={edit.isPending}
      missing={target.missing}
      action="Add the row"
      onSave={(row) =>
        edit.mutate(
          { dataset: target.name, put: [row], message: "Add a row", expected: target.expected },
          { onSuccess: target.onDone },
        )
      }
    />
  );
}
