"""What is kept for how long, and deletions with how far they are."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    pass
